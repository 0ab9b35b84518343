"""Work beside other work."""

from __future__ import annotations

import multiprocessing
import threading

import cv2
import pytest

from tryon import beside


@pytest.fixture
def two_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield
    cv2.setNumThreads(before)


def test_work_runs_beside_and_its_errors_come_back(two_threads):
    gate = threading.Event()
    result = beside.start(lambda x: (gate.wait(10), x)[1], 7)
    gate.set()  # with work done at once, the wait above would have taken ten seconds
    assert result() == 7
    with pytest.raises(ZeroDivisionError):
        beside.start(lambda: 1 // 0)()


def test_with_one_thread_it_is_done_at_once():
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        here = beside.start(threading.get_ident)
        assert here() == threading.get_ident()
    finally:
        cv2.setNumThreads(before)


def _child(queue) -> None:
    cv2.setNumThreads(2)
    queue.put(beside.start(lambda: 5)())


def test_a_forked_process_starts_threads_of_its_own(two_threads):
    assert beside.start(lambda: 4)() == 4
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    try:
        assert queue.get(timeout=20) == 5
    finally:
        child.join(5)
        child.kill()

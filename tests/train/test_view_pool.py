"""Views from several processes: the same ones in the same order as from one."""

import os
import random

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from tryon.train.loop import Deck, chance  # noqa: E402
from tryon.train.view_pool import ViewPool  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(60)]
PATTERN = [((4, 3), np.dtype(np.uint8)), ((2,), np.dtype(np.int64))]


class Source:
    """Deals from a deck, as the parser's training does."""

    def __init__(self) -> None:
        self.deck = Deck(7, 3)

    def draw(self, number: int) -> tuple[int, random.Random]:
        return self.deck.deal(), chance(1, number)


def make(drawn: tuple[int, random.Random]) -> tuple[np.ndarray, ...]:
    which, rng = drawn
    return np.full((4, 3), rng.randrange(256), np.uint8), np.array([which, rng.randrange(1000)])


def _views(workers: int, counts: list[int]) -> list[list[int]]:
    pool = ViewPool(Source().draw, make, PATTERN, 5, workers, depth=2)
    try:
        return [[int(a[3, 2]), *map(int, b)] for count in counts for a, b in pool.take(count)]
    finally:
        pool.close()


@pytest.mark.parametrize("workers", [1, 3])
def test_processes_give_what_one_would(workers: int) -> None:
    assert _views(workers, [4, 9, 1, 11]) == _views(0, [25])


def test_processes_may_use_opencv_after_its_threads_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV's threads, once started, are not there in a forked process: it must not wait for them."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        noise = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3), np.uint8)
        cv2.GaussianBlur(noise, (31, 31), 9)

        def blurred(drawn: tuple[int, random.Random]) -> tuple[np.ndarray, ...]:
            return cv2.resize(cv2.GaussianBlur(noise, (31, 31), 9), (3, 4))[..., 0], make(drawn)[1]

        monkeypatch.setattr(ViewPool, "patience", 5.0)
        pool = ViewPool(Source().draw, blurred, PATTERN, 0, 2)
        try:
            assert len(pool.take(6)) == 6
            assert cv2.getNumThreads() == 4
        finally:
            pool.close()
    finally:
        cv2.setNumThreads(before)


def test_an_ended_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(_drawn: object) -> tuple[np.ndarray, ...]:
        os._exit(1)

    pool = ViewPool(Source().draw, dies, PATTERN, 0, 1)
    pool.patience = 0.2
    with pytest.raises(RuntimeError, match="fewer workers"):
        pool.take(1)
    pool.close()

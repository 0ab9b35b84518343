"""Work that runs beside other work, where there are cores for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import cv2

T = TypeVar("T")
_pool: ThreadPoolExecutor | None = None


def _forget() -> None:
    """Threads do not live on in a forked process."""
    global _pool
    _pool = None


os.register_at_fork(after_in_child=_forget)


def start(work: Callable[..., T], *args: object) -> Callable[[], T]:
    """Begin to work; what is returned waits for the result, or raises what the work raised.

    With one thread (`cv2.setNumThreads(1)`, as `TryOn(threads=1)` does) it is done at once. Work must not start further
    work and wait for it: all of it shares a few threads.
    """
    if cv2.getNumThreads() <= 1:
        done = work(*args)
        return lambda: done
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count() or 1, "beside")
    return _pool.submit(work, *args).result

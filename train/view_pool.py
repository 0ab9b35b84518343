"""Views made by several processes, in an order that depends on the seed alone.

Where the network is on a GPU, making views takes longer than learning from them.
"""

from __future__ import annotations

import math
import mmap
import multiprocessing
import os
import random
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

#: What `draw` gives and `make` takes.
Drawn = tuple[Any, random.Random]


class ViewPool:
    """Args:
    draw: the n-th sample with its random numbers; it is called for one number after the other, from `first` on.
    make: a view of them, arrays of the same shapes and types each time.
    pattern: shapes and types of the arrays.
    first: number of the first view.
    workers: processes; they are forked, and see what `draw` and `make` refer to.
    depth: views that each of them may be ahead.

    Without workers the views are made when they are asked for.
    """

    patience = 20.0  #: seconds between looks whether a process that lets wait still lives

    def __init__(
        self,
        draw: Callable[[int], Drawn],
        make: Callable[[Drawn], tuple[np.ndarray, ...]],
        pattern: list[tuple[tuple[int, ...], np.dtype]],
        first: int,
        workers: int = 0,
        depth: int = 8,
    ) -> None:
        self._draw, self._make, self._next, self.workers = draw, make, first, workers
        self._first, self._depth = first, depth
        if not workers:
            return
        self._pattern = pattern
        self._bytes = sum(math.prod(shape) * dtype.itemsize for shape, dtype in pattern)
        self._memory = mmap.mmap(-1, self._bytes * workers * depth)
        fork = multiprocessing.get_context("fork")
        self._free = [fork.Semaphore(depth) for _ in range(workers)]
        self._done = [fork.Semaphore(0) for _ in range(workers)]
        self._staff = [fork.Process(target=self._work, args=(k,), daemon=True) for k in range(workers)]
        # OpenCV's own threads don't live on in a forked process, where the first call that wants them hangs or dies
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            for process in self._staff:
                process.start()
        finally:
            cv2.setNumThreads(threads)

    def _slot(self, number: int) -> list[np.ndarray]:
        """The arrays of the `number`-th view in the shared memory."""
        at, out = (number - self._first) % (self.workers * self._depth) * self._bytes, []
        for shape, dtype in self._pattern:
            count = math.prod(shape)
            out.append(np.frombuffer(self._memory, dtype, count, at).reshape(shape))
            at += count * dtype.itemsize
        return out

    def _work(self, mine: int) -> None:
        number, parent = self._first, os.getppid()
        while True:
            drawn = self._draw(number)
            if (number - self._first) % self.workers == mine:
                view = self._make(drawn)
                while not self._free[mine].acquire(timeout=1):
                    if os.getppid() != parent:  # it was killed
                        return
                for there, array in zip(self._slot(number), view, strict=True):
                    there[...] = array
                self._done[mine].release()
            number += 1

    def take(self, count: int) -> list[tuple[np.ndarray, ...]]:
        """The next `count` views.

        Raises:
            RuntimeError: a process has ended.
        """
        out = []
        for number in range(self._next, self._next + count):
            if not self.workers:
                out.append(self._make(self._draw(number)))
                continue
            who = (number - self._first) % self.workers
            while not self._done[who].acquire(timeout=self.patience):
                if not self._staff[who].is_alive():
                    raise RuntimeError("a process that makes views has ended: too little memory? Use fewer workers")
            out.append(tuple(array.copy() for array in self._slot(number)))
            self._free[who].release()
        self._next += count
        return out

    def close(self) -> None:
        """End the processes."""
        for process in self._staff if self.workers else ():
            process.terminate()
            process.join()

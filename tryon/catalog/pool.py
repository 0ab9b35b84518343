"""Worker processes on this machine.

Every worker has a socket of its own and shares no lock with the others, so that one that is killed at any moment costs
the task in its hands and nothing else. (Pools that share a queue can be stuck by a worker that dies while it writes.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from .. import weights
from ..errors import DependencyError, WeightsError
from .rows import Failure
from .tasks import Broken, Ready, Reply, Task

#: What one worker with all networks takes at most, bytes.
WORKER_MEMORY = 900_000_000
#: Workers that die in a row before any of them was ready.
MOST_FALSE_STARTS = 3
#: Seconds in which a worker must be ready.
START_TIMEOUT = 300.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Pool(Protocol):
    """Where tasks are done: `LocalPool` or `RayPool`."""

    @property
    def free(self) -> int:
        """How many tasks may be submitted now."""

    @property
    def busy(self) -> int:
        """How many tasks have no reply yet."""

    def submit(self, token: Any, task: Task) -> None: ...

    def replies(self) -> Sequence[tuple[Any, Reply]]:
        """Wait for at least one reply. `Failure("worker_died")` may be tried again."""

    def close(self) -> None: ...


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    channel: Connection
    ready: bool = False
    token: Any = None
    task: Task | None = None
    deadline: float = float("inf")


class LocalPool:
    """Args:
    workers: processes; they are started when there is work.
    engine, maker: see `bench.Bench`. cache: where the entries lie.
    row_timeout: seconds after which a task is given up and its worker killed.
    debug: let the workers' messages through.
    """

    def __init__(
        self, workers: int, engine: str, maker: str, cache: Path, row_timeout: float, debug: bool = False
    ) -> None:
        self._size, self._timeout, self._debug = workers, row_timeout, debug
        threads = max(1, weights.usable_cores() // workers)
        self._arguments = [engine, str(threads), maker, str(cache)]
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._environment.update(dict.fromkeys(_THREADS, str(threads)))
        self._workers: list[_Worker] = []
        self._false_starts = 0

    @property
    def free(self) -> int:
        return self._size - self.busy

    @property
    def busy(self) -> int:
        return sum(worker.task is not None for worker in self._workers)

    def submit(self, token: Any, task: Task) -> None:
        idle = [worker for worker in self._workers if worker.task is None]
        worker = next((w for w in idle if w.ready), None) or (idle[0] if idle else self._start())
        worker.token, worker.task = token, task
        if worker.ready:
            self._send(worker)  # the others get it when they are ready

    def replies(self) -> list[tuple[Any, Reply]]:
        while True:
            soonest = min((worker.deadline for worker in self._workers), default=float("inf"))
            timeout = None if soonest == float("inf") else max(0.0, soonest - time.monotonic())
            readable = wait([worker.channel for worker in self._workers], timeout)
            done = [self._receive(worker) for worker in list(self._workers) if worker.channel in readable]
            done += [self._expire(w) for w in list(self._workers) if w.deadline <= time.monotonic()]
            found = [reply for reply in done if reply is not None]
            if found:
                return found

    def close(self) -> None:
        for worker in self._workers:
            worker.channel.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
        self._workers.clear()

    def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        # -P: a module that lies in the current folder, among downloaded photos, is not imported
        command = [sys.executable, "-P", "-m", "tryon.catalog.worker", str(theirs.fileno()), *self._arguments]
        sink = None if self._debug else subprocess.DEVNULL
        with theirs:
            process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=sink,
            )
        worker = _Worker(process, Connection(ours.detach()), deadline=time.monotonic() + START_TIMEOUT)
        self._workers.append(worker)
        return worker

    def _send(self, worker: _Worker) -> None:
        worker.deadline = time.monotonic() + self._timeout
        with contextlib.suppress(OSError):  # it is dead; reading from its socket will tell
            worker.channel.send(worker.task)

    def _receive(self, worker: _Worker) -> tuple[Any, Reply] | None:
        try:
            message = worker.channel.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if isinstance(message, Broken):
            kind = WeightsError if message.code == WeightsError.code else DependencyError
            raise kind(message.message, message.remedy)
        if isinstance(message, Ready):
            worker.ready, worker.deadline, self._false_starts = True, float("inf"), 0
            if worker.task is not None:
                self._send(worker)
            return None
        token = worker.token
        worker.token, worker.task, worker.deadline = None, None, float("inf")
        return token, message

    def _bury(self, worker: _Worker) -> tuple[Any, Reply] | None:
        """Clean up after a dead worker; its task is given back as failed."""
        self._workers.remove(worker)
        worker.channel.close()
        worker.process.kill()
        how = _how_it_ended(worker.process.wait())
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= MOST_FALSE_STARTS:
                raise DependencyError(f"The worker processes can't start: they {how}.", "Run: tryon doctor")
            if worker.task is not None:  # it never got there
                self.submit(worker.token, worker.task)
            return None
        if worker.task is None:
            return None
        message = f"The worker that did this row {how}."
        return worker.token, Failure("worker_died", message, "Try this pair with tryon infer; use fewer --workers.")

    def _expire(self, worker: _Worker) -> tuple[Any, Reply] | None:
        if not worker.ready:
            return self._bury(worker)
        self._workers.remove(worker)
        worker.channel.close()
        worker.process.kill()
        worker.process.wait()
        message = f"The row took longer than {self._timeout:g} seconds."
        return worker.token, Failure("timeout", message, "Try this pair with tryon infer.")


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def default_workers() -> int:
    """A worker for every core, as far as the memory goes."""
    cores = weights.usable_cores(most=256)
    return max(1, min(cores, available_memory() // WORKER_MEMORY))


def available_memory() -> int:
    """Bytes that new processes may take."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

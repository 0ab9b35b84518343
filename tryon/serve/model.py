"""The model process seen from the front: started, fed from a bounded queue, replaced when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from . import wire
from .metrics import Metrics
from .problems import Problem, from_record, model_died, overloaded, too_late
from .settings import LOAD_TIME, Settings

log = logging.getLogger("tryon.serve")

#: So many requests in a row may jump the queue because they share a picture with the one before.
RUN = 4
#: Requests of people who wait, for each one of a job, while there are both.
TURNS = 4
#: Seconds between attempts to start a model that dies while it starts.
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
_GONE = (ConnectionError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Picture:
    """An uploaded file: its bytes, and a hash by which equal files are known while the server runs."""

    data: bytes
    digest: str


@dataclass
class Answer:
    """What the model made: the report, file bytes by name ("picture" first), (width, height), analyses remembered."""

    report: dict[str, Any]
    pictures: dict[str, bytes]
    size: tuple[int, int]
    hits: list[str]
    waited: float
    took: float


@dataclass
class Work:
    """A request for the model.

    Args:
        options: category, person_box, bare_neck, explain, format, hue, lightness.
        deadline: `time.monotonic` after which it is not begun; None for jobs.
    """

    person: Picture
    garment: Picture
    options: dict[str, Any]
    deadline: float | None
    answer: asyncio.Future[Answer]
    since: float = field(default_factory=time.monotonic)

    def shares(self, other: Work) -> bool:
        return self.person.digest == other.person.digest or self.garment.digest == other.garment.digest


class Model:
    """One model process and its queue. All methods belong to one event loop."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self.waiting: deque[Work] = deque()
        self.jobs: deque[Work] = deque()
        self.ready = False
        #: Why the model can't start, if it said so: code, message, remedy.
        self.failure: dict[str, str] | None = None
        self.seconds = 1.0  # of a request, smoothed
        self.process: asyncio.subprocess.Process | None = None
        self._admitted = 0
        self._turn = self._run = 0
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failed = asyncio.Event()

    # --- what the routes use -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def admit(self) -> Any:
        """A place in the queue, taken before the body is read. Raises Problem 429 when there is none."""
        if self._admitted >= self.settings.queue + 1:
            self.metrics.refused.labels("queue").inc()
            raise overloaded(max(1, round(self.seconds * (self._admitted + len(self.jobs) / TURNS))))
        self._admitted += 1
        self.metrics.admitted.set(self._admitted)
        try:
            yield
        finally:
            self._admitted -= 1
            self.metrics.admitted.set(self._admitted)

    def submit(self, work: Work) -> asyncio.Future[Answer]:
        """Queue a request. Cancel the future to take it back."""
        (self.jobs if work.deadline is None else self.waiting).append(work)
        self._arrived.set()
        return work.answer

    async def start(self) -> None:
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """End the model process; what still waits is refused."""
        self.ready = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for work in (*self.waiting, *self.jobs):
            work.answer.cancel()
        await self._end(patience=1.0)

    # --- the process -------------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        attempts = 0
        while True:
            try:
                await self._start()
                attempts = 0
                await self._serve()
            except _GONE:
                pass
            except Exception:  # no memory for a process, an answer that makes no sense: start over, slowly
                log.exception("the model process can't be used")
            self.ready = False
            self.metrics.up.set(0)
            await self._end(patience=0.0)
            if self.failure is not None:
                self.failed.set()
                return
            self.metrics.restarts.inc()
            log.warning("the model process ended; starting another")
            await asyncio.sleep(PAUSES[min(attempts, len(PAUSES) - 1)])
            attempts += 1

    async def _start(self) -> None:
        """Start the process and wait until its model is loaded."""
        settings = self.settings
        command = ["-m", "tryon.serve.worker", "--pipeline", settings.pipeline, "--engine", settings.engine]
        command += ["--cache-bytes", str(settings.cache_bytes), "--cache-time", str(settings.cache_time)]
        command += ["--threads", str(settings.threads)] if settings.threads else []
        command += ["--debug"] if settings.debug else []
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
            start_new_session=True,  # Ctrl-C reaches the front alone, which lets the work in hand finish
            env=os.environ | {"GLOG_minloglevel": "3", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        async with asyncio.timeout(LOAD_TIME):
            header, _ = await self._receive()
        self.failure = header.get("failed")
        if self.failure is not None:
            raise ConnectionError
        self.ready = True
        self.metrics.up.set(1)

    async def _end(self, patience: float) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _serve(self) -> None:
        """Feed the process until it is gone."""
        assert self.process is not None
        gone = asyncio.create_task(self.process.wait())
        last: Work | None = None
        try:
            while True:
                work = self._next(last)
                if work is None:
                    self._arrived.clear()
                    arrived = asyncio.create_task(self._arrived.wait())
                    await asyncio.wait({gone, arrived}, return_when=asyncio.FIRST_COMPLETED)
                    arrived.cancel()
                    if gone.done():
                        raise ConnectionError
                    continue
                await self._do(work)
                last = work
        finally:
            gone.cancel()

    async def _do(self, work: Work) -> None:
        """One request. Raises ConnectionError or IncompleteReadError when the process is lost with it."""
        assert self.process is not None and self.process.stdin is not None
        started = time.monotonic()
        request = {
            "person": work.person.digest,
            "garment": work.garment.digest,
            "options": work.options,
            "more": any(other.shares(work) for other in (*self.waiting, *self.jobs)),
        }
        try:
            async with asyncio.timeout(self.settings.run_time):
                await wire.send(self.process.stdin, request, [work.person.data, work.garment.data])
                header, parts = await self._receive()
        except (*_GONE, TimeoutError) as error:
            self.metrics.lost.inc()
            _fail(work, model_died())
            raise ConnectionError from error
        except asyncio.CancelledError:  # the server stops
            work.answer.cancel()
            raise
        took = time.monotonic() - started
        self.seconds += 0.2 * (took - self.seconds)
        self.metrics.run.observe(took)
        if "problem" in header:
            _fail(work, from_record(header["problem"]))
            return
        for role in ("person", "garment"):
            self.metrics.analyses.labels(role, "remembered" if role in header["hits"] else "made").inc()
        if not work.answer.done():
            pictures = dict(zip(header["pictures"], map(bytes, parts), strict=True))
            waited = started - work.since
            work.answer.set_result(
                Answer(header["report"], pictures, tuple(header["size"]), header["hits"], waited, took)
            )

    async def _receive(self) -> wire.Frame:
        assert self.process is not None and self.process.stdout is not None
        return await wire.receive(self.process.stdout)

    # --- the queue ---------------------------------------------------------------------------------------------------

    def _drop_dead(self) -> None:
        """Forget what was taken back, and answer what is too late."""
        now = time.monotonic()
        for queue in (self.waiting, self.jobs):
            for work in [w for w in queue if w.answer.done() or (w.deadline is not None and w.deadline < now)]:
                queue.remove(work)
                _fail(work, too_late())

    def _next(self, last: Work | None) -> Work | None:
        """The oldest; before it a few that share a picture with the last one; now and then one of a job."""
        self._drop_dead()
        if self.jobs and (not self.waiting or self._turn >= TURNS):
            self._turn = 0
            return self.jobs.popleft()
        if not self.waiting:
            return None
        self._turn += 1
        kin = next((w for w in self.waiting if last is not None and w.shares(last)), None)
        if kin is None or self._run >= RUN:
            self._run = 0
            return self.waiting.popleft()
        self._run += 1
        self.waiting.remove(kin)
        return kin


def _fail(work: Work, problem: Problem) -> None:
    if not work.answer.done():
        work.answer.set_exception(problem)
        work.answer.exception()  # nobody may be waiting any more

"""Several garments on one person, done while the client does something else. Results stay in memory, for a while."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .metrics import Metrics
from .model import Answer, Model, Picture, Work
from .options import MEDIA
from .problems import Problem, overloaded
from .settings import Settings


@dataclass
class Item:
    """One garment of a job: waiting, done or failed."""

    status: str = "waiting"
    report: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    picture: bytes | None = None


@dataclass
class Job:
    """A job; `ended` is the `time.monotonic` of its last item, None while there is work left."""

    id: str
    items: list[Item]
    media: str
    ended: float | None = None
    futures: list[asyncio.Future[Answer]] = field(default_factory=list)

    def size(self) -> int:
        return sum(len(item.picture or b"") for item in self.items)


class Jobs:
    """All jobs that the server knows."""

    def __init__(self, settings: Settings, metrics: Metrics, model: Model) -> None:
        self.settings, self.metrics, self.model = settings, metrics, model
        self.known: dict[str, Job] = {}
        self._reading = 0

    @contextlib.contextmanager
    def admit(self) -> Iterator[None]:
        """A place for a job whose body is about to be read. Raises Problem 429 when there is none."""
        unfinished = [job for job in self.known.values() if job.ended is None]
        if len(unfinished) + self._reading >= self.settings.jobs:
            self.metrics.refused.labels("jobs").inc()
            raise overloaded(max(5, round(self.model.seconds * len(self.model.jobs))))
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    def start(self, person: Picture, garments: list[Picture], options: dict[str, Any]) -> Job:
        job = Job(secrets.token_urlsafe(16), [Item() for _ in garments], MEDIA[options["format"]])
        self.known[job.id] = job
        loop = asyncio.get_running_loop()
        for item, garment in zip(job.items, garments, strict=True):
            future = self.model.submit(Work(person, garment, options, None, loop.create_future()))
            job.futures.append(future)
            future.add_done_callback(lambda done, item=item: self._settle(job, item, done))  # type: ignore[misc]
        self._count()
        return job

    def _settle(self, job: Job, item: Item, done: asyncio.Future[Answer]) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            item.status = "failed"
            item.error = Problem(503, "stopped", "The job was stopped.", "Send it again.").body()
        elif error is not None:
            item.status = "failed"
            problem = error if isinstance(error, Problem) else Problem(500, "internal", "It failed.", "Try again.")
            item.error = problem.body()
        else:
            answer = done.result()
            item.report = answer.report
            self._keep(job, item, answer.pictures["picture"])
        job.futures.remove(done)
        if not job.futures:
            job.ended = time.monotonic()
        self._count()

    def _keep(self, job: Job, item: Item, picture: bytes) -> None:
        """Put a picture into memory; the oldest finished jobs make room."""
        finished = sorted((j for j in self.known.values() if j.ended is not None), key=lambda j: j.ended or 0.0)
        while self._size() + len(picture) > self.settings.results_bytes and finished:
            del self.known[finished.pop(0).id]
        if self._size() + len(picture) > self.settings.results_bytes:
            item.status = "failed"
            item.error = Problem(
                507, "results_full", "There is no room for more results.", "Send fewer garments, or format=jpeg."
            ).body()
        else:
            item.status, item.picture = "done", picture

    def get(self, id: str) -> Job:
        """A job. Raises Problem 404."""
        self.sweep()
        job = self.known.get(id)
        if job is None:
            raise Problem(
                404, "no_job", "There is no such job.", "Results are kept for some minutes only; send it again."
            )
        return job

    def forget(self, id: str) -> None:
        """Drop a job and what it made, and take back what has not begun."""
        job = self.get(id)
        del self.known[id]
        for future in tuple(job.futures):
            future.cancel()
        self._count()

    def sweep(self) -> None:
        """Drop what is older than it may get."""
        late = time.monotonic() - self.settings.results_time
        for job in [job for job in self.known.values() if job.ended is not None and job.ended < late]:
            del self.known[job.id]
        self._count()

    def describe(self, job: Job) -> dict[str, Any]:
        """A job as JSON."""
        items = []
        for number, item in enumerate(job.items):
            entry: dict[str, Any] = {"garment": number, "status": item.status}
            if item.status == "done":
                entry |= {"report": item.report, "picture": f"/v1/jobs/{job.id}/pictures/{number}"}
            elif item.error:
                entry["error"] = item.error
            items.append(entry)
        left = None if job.ended is None else max(0, round(job.ended + self.settings.results_time - time.monotonic()))
        return {
            "id": job.id,
            "status": "running" if job.ended is None else "done",
            "done": sum(item.status == "done" for item in job.items),
            "failed": sum(item.status == "failed" for item in job.items),
            "total": len(job.items),
            "kept_for_s": left,
            "items": items,
        }

    def _size(self) -> int:
        return sum(job.size() for job in self.known.values())

    def _count(self) -> None:
        self.metrics.jobs.set(sum(job.ended is None for job in self.known.values()))
        self.metrics.results.set(self._size())

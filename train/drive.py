"""The loop that the parser's and the garment network's trainings share: steps, reports, checkpoints, resuming."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from .loop import Alarm, Clock, go_on
from .reporting import Stopwatch


class Settings(Protocol):
    """What the loop needs of a stage's settings."""

    out: Path
    minutes: float
    max_images: int
    resume: bool
    log_images: int
    save_minutes: float


class Run(Protocol):
    """A training: its networks, samples and counters. `progress` is 0 at the start and 1 at the end."""

    images: int

    def prepare(self, progress: float) -> None:
        """Whatever is due before the next batch."""

    def batch(self, progress: float) -> Any:
        """The next samples."""

    def step(self, batch: Any, progress: float) -> dict[str, float]:
        """One optimisation step; returns what the log shows."""

    def validate(self, progress: float, minutes: float) -> None:
        """Held-out figures."""

    def save(self, state: dict[str, Any]) -> None:
        """Write weights and checkpoint; `state` is what the loop needs to go on, JSON values."""

    def restore(self) -> dict[str, Any]:
        """Continue from the checkpoint; returns the `state` that was saved."""


def drive(run: Run, s: Settings, report_minutes: float) -> None:
    """Train to the end of `s.max_images` or `s.minutes`; a run with `s.resume` goes on from its checkpoint."""
    metrics, state = go_on(s.out, run.restore if s.resume else None)
    clock = Clock(s.minutes, state.get("spent", 0.0))
    save, report, watch = Alarm(s.save_minutes, clock), Alarm(report_minutes, clock), Stopwatch(run.images)
    bar = tqdm(total=s.max_images or None, initial=run.images, unit="img", disable=None)

    def progress() -> float:
        return min(run.images / s.max_images, 1.0) if s.max_images else clock.progress

    now = progress()
    while now < 1:
        run.prepare(now)
        start, before = time.monotonic(), run.images
        batch = run.batch(now)
        watch.waited(time.monotonic() - start)
        metrics.add(**run.step(batch, now))
        bar.update(run.images - bar.n)
        now = progress()
        if run.images // s.log_images != before // s.log_images or now >= 1:
            metrics.write(images=run.images, minutes=round(clock.spent / 60, 2), **watch.read(run.images))
        if report.rings(now >= 1):
            run.validate(now, clock.spent / 60)
        if save.rings(now >= 1):
            run.save({"sums": metrics.sums, "counts": metrics.counts, "spent": clock.spent})
    bar.close()

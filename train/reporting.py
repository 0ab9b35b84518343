"""What the leading process of a training tells: rows on disk and in TensorBoard, contact sheets, a progress bar."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from . import preview
from .loop import Clock, Metrics, forget_after
from .losses import PerceptualLoss
from .samples import Batch
from .settings import TryOnSettings


class Stopwatch:
    """Pace of a training and how much of the time went into waiting for data."""

    def __init__(self, images: int) -> None:
        self._start, self._images, self._waited = time.monotonic(), images, 0.0

    def waited(self, seconds: float) -> None:
        self._waited += seconds

    def read(self, images: int) -> dict[str, float]:
        """`per_second`: images; `waiting`: share of the time. Both since the last reading."""
        passed = max(time.monotonic() - self._start, 1e-9)
        row = {"per_second": round((images - self._images) / passed, 2), "waiting": round(self._waited / passed, 4)}
        self._start, self._images, self._waited = time.monotonic(), images, 0.0
        return row


class Reporter:
    """Args:
    held: the fixed held-out crops, None for none.
    resumed_at: images of the checkpoint; rows behind it are dropped, for they will come again.
    leads: others stay silent.
    """

    def __init__(self, s: TryOnSettings, held: Batch | None, *, resumed_at: int | None, leads: bool = True) -> None:
        self.s, self.out, self.held, self.leads = s, Path(s.out), held, leads
        self.metrics = Metrics(self.out / "metrics.jsonl")
        self.figures: dict[str, Any] = {}  #: the last held-out figures
        self._board: Any = None
        self._bar: Any = None
        if not leads:
            return
        if resumed_at is not None:
            for name in ("metrics.jsonl", "validation.jsonl"):
                forget_after(self.out / name, resumed_at)
        self._bar = tqdm(total=s.max_images or None, initial=resumed_at or 0, unit="img", disable=None, smoothing=0.05)
        if s.tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(str(self.out / "tensorboard"), purge_step=resumed_at)
            except ImportError as error:
                print(f"no TensorBoard: {error}", flush=True)

    def geometric(self, perceptual: PerceptualLoss | None) -> None:
        """What the held-out crops look like without any training."""
        if self.held is None or not self.leads:
            return
        picture = preview.untrained(self.held["inputs"])
        start = preview.figures(picture, None, self.held, perceptual, self.s.precision)
        self._say("geometric", start)
        (self.out / "geometric.json").write_text(json.dumps(start))

    def step(self, images: int) -> None:
        if self._bar is not None:
            self._bar.update(images - self._bar.n)

    def row(self, images: int, clock: Clock, watch: Stopwatch) -> None:
        """The means of the steps since the last row."""
        if not self.leads:
            self.metrics.sums.clear()
            self.metrics.counts.clear()
            return
        row = self.metrics.write(images=images, minutes=round(clock.spent / 60, 2), **watch.read(images))
        self._say(row)
        self._scalars("train", row, images)

    def validate(self, net: torch.nn.Module, perceptual: PerceptualLoss | None, images: int, minutes: float) -> None:
        """Figures and a contact sheet of the held-out crops with the averaged weights."""
        if self.held is None or not self.leads:
            return
        picture, layers = preview.predict(net, self.held, precision=self.s.precision)
        figures = preview.figures(picture, layers, self.held, perceptual, self.s.precision)
        self.figures = {"minutes": round(minutes, 2), "images": images, **figures}
        with open(self.out / "validation.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(self.figures) + "\n")
        self._say("held out", self.figures)
        self._scalars("held_out", self.figures, images)
        sheet = preview.sheet(self.out / "sheets" / f"{images:07d}.png", picture, layers, self.held)
        if self._board is not None:
            self._board.add_image("held_out", sheet, images, dataformats="HWC")
            self._board.flush()

    def _scalars(self, group: str, row: dict[str, Any], images: int) -> None:
        if self._board is not None:
            for name, value in row.items():
                if name != "images":
                    self._board.add_scalar(f"{group}/{name}", value, images)

    def _say(self, *what: Any) -> None:
        tqdm.write(" ".join(map(str, what)))
        sys.stdout.flush()  # logs are read while the training goes on

    def close(self) -> None:
        for part in (self._bar, self._board):
            if part is not None:
                part.close()

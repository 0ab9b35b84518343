"""A stand-in for `TryOn` in a catalog's workers: real records and pictures, no networks, hardly any time.

What a photo's first pixel says happens: black: no person, no garment; red: the process dies; green: it hangs; blue: an
error that nobody expected.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tryon import imageio
from tryon.errors import NoPerson, NotAGarment, UnsupportedCategory
from tryon.types import LANDMARKS, Garment, Notice, Person, Pose

MAKER = "fake_try_on:make"
BLACK, RED, GREEN, BLUE = (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)
#: Seconds of one try-on.
DELAY = "TRYON_FAKE_DELAY"


@dataclass
class Result:
    """What a try-on returns."""

    image: np.ndarray
    report: dict[str, Any] = field(default_factory=dict)


class FakeTryOn:
    """Paints the garment's mean colour onto the person's photo."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.delay = float(os.environ.get(DELAY, "0"))

    def analyse_person(self, source: imageio.Source, person_box: Any = None) -> Person:
        image = imageio.load(source).image
        if _obey(image):
            raise NoPerson("There is no person in the photo.", "Use another photo.")
        height, width = image.shape[:2]
        points = np.linspace(0.1, 0.9, 99, dtype=np.float32).reshape(33, 3)
        pose = Pose(points, points, np.full((height, width), 0.5, np.float32), (0.0, 0.0, float(width), float(height)))
        box = "" if person_box is None else str(tuple(person_box))
        return Person(image, pose, np.zeros((height, width), np.uint8), (Notice("fake", f"Drawn. {box}"),))

    def analyse_garment(self, source: imageio.Source, category: str = "auto") -> Garment:
        image = imageio.load(source).image
        if _obey(image):
            raise NotAGarment("This is not a garment.", "Use another photo.")
        landmarks: dict[str, tuple[float, float] | None] = dict.fromkeys(LANDMARKS, (1.5, 2.5))
        landmarks["elbow_left"] = None
        mask = (image[..., 0] > 100).astype(np.float32)
        kind = "upper" if category == "auto" else category
        return Garment(image, mask, kind, "short", landmarks, {}, 0.75)  # type: ignore[arg-type]

    def __call__(self, person: Person, garment: Garment, *, category: str = "auto", bare_neck: bool = False) -> Result:
        time.sleep(self.delay)
        if garment.category != "upper":
            raise UnsupportedCategory("This one renders tops only.", "Say --category upper.")
        image = person.image.copy()
        image[20:60, 20:60] = garment.image.mean(axis=(0, 1)).astype(np.uint8)
        if bare_neck:
            image[20:24, 20:60] = 255
        warnings = [{"code": n.code, "message": n.message} for n in person.warnings]
        quality = round(float(garment.image[..., 0].mean()) / 255, 3)
        report = {
            "status": "ok", "category": "upper", "quality": quality, "warnings": warnings,
            "edit_box": (20, 20, 60, 60), "timings_ms": {"render": 1.0}, "engine": self.engine,
        }  # fmt: skip
        return Result(image, report)


def _obey(image: np.ndarray) -> bool:
    first = tuple(int(value) for value in image[0, 0])
    if first == RED:
        os.kill(os.getpid(), signal.SIGKILL)
    if first == GREEN:
        time.sleep(3600)
    if first == BLUE:
        raise ZeroDivisionError("nobody expects this")
    return first == BLACK


def make(engine: str, threads: int) -> FakeTryOn:
    """See `tryon.catalog.bench.TRY_ON`."""
    return FakeTryOn("fake")


def photo(seed: int, first: tuple[int, int, int] = (128, 128, 128), height: int = 96, width: int = 80) -> bytes:
    """A PNG of its own for every seed."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), rng.integers(60, 250, 3), np.uint8)
    image[8:16, 8:16] = rng.integers(0, 256, (8, 8, 3))
    image[0, 0] = first
    return imageio.encode(image, "PNG")

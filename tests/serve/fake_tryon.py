"""A model without networks for tests and load runs of the server: real decoding, and accidents on demand.

The colour of a picture's upper left corner says what happens when it is analysed, see `ACTS`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tryon import imageio
from tryon.errors import NoPerson, NotAGarment, WeightsError
from tryon.types import LANDMARKS, Garment

RED, GREEN, BLUE, YELLOW, CYAN = (230, 20, 20), (20, 230, 20), (20, 20, 230), (230, 230, 20), (20, 230, 230)


def _no_person() -> None:
    raise NoPerson("No person found in the photo.", "Use a photo of one person.")


def _no_garment() -> None:
    raise NotAGarment("The garment photo does not seem to show a garment.", "Photograph one garment.")


def _bug() -> None:
    raise RuntimeError("secret words of /home/somebody/model.py")


#: What happens: RED no person (or no garment), GREEN a bug, BLUE the process dies, YELLOW 2 s pass, CYAN it prints.
ACTS: dict[tuple[int, int, int], Callable[[], Any]] = {
    RED: _no_person,
    GREEN: _bug,
    BLUE: lambda: os.kill(os.getpid(), signal.SIGKILL),
    YELLOW: lambda: time.sleep(2),
    CYAN: lambda: (print("noise on stdout", flush=True), os.write(1, b"more noise\n"), print("x", file=sys.stderr)),
}


@dataclass
class Person:
    """An analysed photo."""

    image: np.ndarray


@dataclass
class Result:
    """What a try-on returns."""

    image: np.ndarray
    report: dict[str, Any]
    explain: dict[str, Any] = field(default_factory=dict)


class TryOn:
    """As `tryon.TryOn`; a try-on takes FAKE_SECONDS (default 0)."""

    def __init__(self, engine: str = "auto", threads: int | None = None) -> None:
        self.engine, self.threads = engine, threads
        self.seconds = float(os.environ.get("FAKE_SECONDS", "0"))

    def analyse_person(self, source: Any, person_box: Any = None) -> Person:
        image = imageio.load(source).image
        _act(image, "person")
        return Person(image)

    def analyse_garment(self, source: Any, category: str = "auto") -> Garment:
        image = imageio.load(source).image
        _act(image, "garment")
        landmarks = dict.fromkeys(LANDMARKS)
        mask = np.ones(image.shape[:2], np.float32)
        return Garment(image, mask, "upper", "short", landmarks, {}, 1.0)  # type: ignore[arg-type]

    def __call__(
        self,
        person: Person,
        garment: Garment,
        *,
        category: str = "auto",
        explain: bool = False,
        bare_neck: bool = False,
    ) -> Result:
        time.sleep(self.seconds)
        image = person.image.copy()
        image[20:60, 20:60] = np.rint(garment.image.mean(axis=(0, 1)))
        if bare_neck:
            image[20:24, 20:60] = 255
        mask = np.zeros(image.shape[:2], np.float32)
        mask[20:60, 20:60] = 1
        report = {
            "status": "ok",
            "category": category,
            "quality": np.float32(0.75),
            "warnings": [{"code": "several_people", "message": "There are several people."}],
            "edit_box": (20, 20, 60, 60),
            "timings_ms": {"total": float("nan")},
            "engine": self.engine,
        }
        more = {"edit_mask": mask, "parse": np.zeros(mask.shape, np.uint8), "garment": {"category": "upper"}}
        return Result(image, report, more if explain else {})


class Broken:
    """A model that can't start."""

    def __init__(self, engine: str = "auto", threads: int | None = None) -> None:
        raise WeightsError("The weights are gone.", "Install them.")


def _act(image: np.ndarray, role: str) -> None:
    corner = image[:8, :8].reshape(-1, 3).mean(axis=0)
    for colour, act in ACTS.items():
        if np.abs(corner - colour).max() < 16:
            _no_garment() if colour == RED and role == "garment" else act()

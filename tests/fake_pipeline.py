"""A stand-in for `tryon.pipeline`: real decoding, no networks."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tryon import imageio


@dataclass
class Result:
    """What a try-on returns."""

    image: np.ndarray
    report: dict[str, Any]
    explain: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fake:
    """Records how it was called; `then` runs inside of the call and may raise."""

    then: Callable[[], None] = lambda: None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Fake:
        """Put the stand-in where the command line imports the pipeline from."""
        fake = self

        class TryOn:
            def __init__(self, engine: str = "auto", weights: object = None, threads: int | None = None) -> None:
                self.engine, self.threads = engine, threads

            def __call__(self, person: object, garment: object, **options: Any) -> Result:
                fake.calls.append({"engine": self.engine, "threads": self.threads, **options})
                photo, cloth = imageio.load(person), imageio.load(garment)  # type: ignore[arg-type]
                fake.then()
                image = photo.image.copy()
                image[10:20, 10:20] = cloth.image.mean(axis=(0, 1))
                mask = np.zeros(image.shape[:2], np.float32)
                mask[10:20, 10:20] = 1
                report = {
                    "status": "ok",
                    "category": "upper",
                    "quality": np.float32(0.75),
                    "warnings": [{"code": "several_people", "message": "There are several people."}],
                    "edit_box": (10, 10, 20, 20),
                    "timings_ms": {"total": float("nan")},
                    "engine": "onnx",
                }
                explain = {"edit_mask": mask, "parse": np.zeros(mask.shape, np.uint8), "garment": {"category": "upper"}}
                return Result(image, report, explain if options["explain"] else {})

        module = types.ModuleType("tryon.pipeline")
        module.TryOn, module.Result = TryOn, Result  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tryon.pipeline", module)
        return self

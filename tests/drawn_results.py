"""An output folder of `tryon eval` made from drawn pictures: what tests of its readers work on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from tryon.eval.results import RowWriter, picture_paths, write_summary

from tryon import imageio

_COLOURS = [(190, 40, 40), (40, 90, 190), (30, 140, 70), (220, 170, 40), (120, 60, 150), (60, 60, 60)]
METRICS = {
    "garment_de2000": {"label": "garment colour", "unit": "CIEDE2000", "better": "lower", "about": "drawn"},
    "print_edges": {"label": "print", "unit": "", "better": "higher", "about": "drawn"},
    "pose_drift": {"label": "pose drift", "unit": "torso lengths", "better": "lower", "about": "drawn"},
}


def draw(number: int, shift: int = 0, bare: bool = False) -> np.ndarray:
    """A figure of 120 x 160 px in a top of the pair's colour: uint8 (160, 120, 3)."""
    image = np.full((160, 120, 3), (205, 210, 216), np.uint8)
    cv2.circle(image, (60, 32), 15, (225, 180, 150), -1, cv2.LINE_AA)
    cv2.rectangle(image, (45, 105), (75, 158), (50, 60, 90), -1)
    colour = (235, 235, 230) if bare else _COLOURS[number % len(_COLOURS)]
    cv2.rectangle(image, (38 + shift, 50), (82 + shift, 108), colour, -1)
    return image


def make(
    folder: Path, pairs: int = 6, systems: tuple[str, ...] = ("geometric", "onnx"), failed: tuple[int, ...] = (4,)
) -> Path:
    """Write a whole folder.

    Args:
        failed: numbers of the pairs that end with a typed failure in every system.

    Returns:
        `folder`.
    """
    rng = np.random.default_rng(0)
    for name in ("person", "garment", *systems):
        (folder / "pictures" / name).mkdir(parents=True, exist_ok=True)
    values: dict[str, dict[str, list[float]]] = {s: {m: [] for m in METRICS} for s in systems}
    with RowWriter(folder) as writer:
        for number in range(pairs):
            for order, system in enumerate(systems):
                writer.add(_row(folder, number, system, order, number in failed, rng, values[system]))
    write_summary(folder, _summary(pairs, systems, failed, values), "| drawn |\n|---|\n")
    return folder


def _row(
    folder: Path,
    number: int,
    system: str,
    order: int,
    fails: bool,
    rng: np.random.Generator,
    values: dict[str, list[float]],
) -> dict:
    pair = f"p{number:02d}_g{number:02d}"
    pictures: dict[str, str | None] = dict(picture_paths(pair, system))
    imageio.save(folder / str(pictures["person"]), draw(number, bare=True))
    imageio.save(folder / str(pictures["garment"]), draw(number)[45:112, 32:88])
    metrics: dict[str, float] = {}
    if fails:
        pictures["result"] = pictures["mask"] = None
    else:
        mask = np.zeros((160, 120), np.uint8)
        mask[46:112, 34:90] = 255
        imageio.save(folder / str(pictures["result"]), draw(number, shift=4 * order))
        imageio.save(folder / str(pictures["mask"]), mask)
        centres = {"garment_de2000": 4.0 + order, "print_edges": 0.9 - 0.1 * order, "pose_drift": 0.02 + 0.01 * order}
        metrics = {name: float(centre * rng.uniform(0.7, 1.3)) for name, centre in centres.items()}
        for name, value in metrics.items():
            values[name].append(value)
    error = {"code": "not_a_garment", "message": "There is no garment.", "remedy": "Use another photo."}
    return {
        "key": f"{number:032x}{order:032x}",
        "pair": pair,
        "number": number,
        "system": system,
        "protocol": "unpaired",
        "status": "error" if fails else "ok",
        "error": error if fails else None,
        "person": f"p{number:02d}.jpg",
        "garment": f"g{number:02d}.jpg",
        "category": None if fails else ("upper", "dress")[number % 2],
        "size": [120, 160],
        "edit_box": None if fails else [34, 46, 90, 112],
        "quality": None if fails else 0.8 - 0.1 * (number % 3),
        "warnings": ["turned"] if number % 3 == 0 else [],
        "pictures": pictures,
        "metrics": metrics,
        "timings_ms": {} if fails else {"person": 300.0, "garment": 200.0, "render": 50.0 + 100 * order},
        "seconds": 0.6 + 0.1 * order,
        "cpu_seconds": 0.5 + 0.1 * order,
        "rss_mb": 400.0,
    }


def _summary(
    pairs: int, systems: tuple[str, ...], failed: tuple[int, ...], values: dict[str, dict[str, list[float]]]
) -> dict:
    ok = pairs - len(failed)

    def interval(numbers: list[float]) -> dict:
        mean, half = float(np.mean(numbers)), float(np.std(numbers) / max(len(numbers), 1) ** 0.5 * 1.96)
        return {"mean": mean, "low": mean - half, "high": mean + half, "n": len(numbers)}

    results = {
        s: {
            "ok": ok,
            "failed": len(failed),
            "failures": {"not_a_garment": len(failed)} if failed else {},
            "means": {m: interval(v) for m, v in values[s].items()},
            "seconds": {"median": 0.6, "p90": 0.7},
        }
        for s in systems
    }
    first = values[systems[0]]
    differences = {
        s: {m: interval([a - b for a, b in zip(values[s][m], first[m], strict=True)]) for m in METRICS}
        for s in systems[1:]
    }
    return {
        "protocol": "unpaired",
        "created": "2026-01-01T00:00:00+00:00",
        "pairs": pairs,
        "compared": ok,
        "systems": [{"name": s, "kind": "engine", "detail": s, "weights": []} for s in systems],
        "metrics": METRICS,
        "results": results,
        "differences": differences,
        "sets": {s: {"fid": {"unavailable": "drawn"}} for s in systems},
        "set_metrics": {"fid": {"label": "FID", "better": "lower", "about": "drawn", "settings": {}}},
        "unavailable": {},
        "settings": {},
        "bootstrap": {"samples": 2000, "level": 0.95, "seed": 0, "unit": "pair"},
        "versions": {"tryon": "0"},
        "machine": {"processor": "drawn", "cores": 1},
        "peak_rss_mb": 400.0,
        "arguments": {},
    }

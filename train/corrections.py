"""Correct the label maps of photos with polygons: the cheap half of annotating.

    python -m tryon.train.corrections --photos PHOTOS_DIR --labels MAPS_DIR --corrections FILE.jsonl --out OUT_DIR

The parser labels the photos, and somebody only draws round what it got wrong (`tryon.train.label_views` makes pictures
to read the polygons from). FILE.jsonl has one line a photo:

    {"id": "0001", "fix": [{"poly": [[x, y], ...], "from": ["DRESS"], "to": "OUTERWEAR"}]}
    {"id": "0002", "fix": []}      everything is right
    {"id": "0003", "drop": true}   of no use

`poly` is in photo px. Inside of it the labels named in `from` ("*" = any) become `to`; UNKNOWN takes pixels out of the
training loss. A fix that moves one label only follows the borders of the present map, so the polygon may be drawn
loosely; otherwise its outline is moved to edges of the photo near it (GrabCut in a band along the outline) unless
"exact" is true. If an id comes twice, the last line counts. Photos without a line are left out.
"""

from __future__ import annotations

import argparse
import glob
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import TryOnError, UsageError
from ..imageio import load
from ..labels import Label
from .data_people import save_index_png
from .people_views import IGNORE, load_index_png

#: Half the width of the band in which an outline may move, as a share of the square root of the polygon's area, and its
#: limits in px.
BAND, NARROWEST, WIDEST = 0.09, 3, 9
#: The photo that GrabCut sees reaches this far beyond the polygon, px.
ROUND = 40
#: Too few pixels to learn the colours of one side from.
FEW = 20
NAMES: dict[str, int] = {label.name: int(label) for label in Label} | {"UNKNOWN": IGNORE}


@dataclass(frozen=True)
class Fix:
    """Inside of `polygon`, float32 (N, 2) photo px, labels `before` (None = any) become `after`."""

    polygon: np.ndarray
    before: frozenset[int] | None
    after: int
    exact: bool = False

    @property
    def loose(self) -> bool:
        """The present map bounds the region, not the polygon."""
        return self.before is not None and len(self.before) == 1 and Label.BACKGROUND not in self.before


@dataclass(frozen=True)
class Correction:
    """What one line says."""

    id: str
    fixes: tuple[Fix, ...] = ()
    drop: bool = False


def _fix(entry: Any) -> Fix:
    polygon = np.asarray(entry["poly"], np.float32)
    if polygon.ndim != 2 or polygon.shape[0] < 3 or polygon.shape[1] != 2 or not np.isfinite(polygon).all():
        raise ValueError("poly must be a list of three or more [x, y]")
    before = entry.get("from", "*")
    names = [before] if isinstance(before, str) else list(before)
    unknown = [name for name in [*names, entry["to"]] if name not in NAMES and name != "*"]
    if unknown or entry["to"] == "*":
        raise ValueError(f"no label is called {(unknown or ['*'])[0]!r}")
    any_label = "*" in names
    return Fix(
        polygon,
        None if any_label else frozenset(NAMES[name] for name in names),
        NAMES[entry["to"]],
        bool(entry.get("exact")),
    )


def read(path: Path) -> dict[str, Correction]:
    """Corrections by photo id.

    Raises:
        UsageError: a line that can't be read; the message says which.
    """
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            name = entry["id"]
            if not isinstance(name, str) or Path(name).name != name:
                raise ValueError("id must be the name of a photo without its ending")
            found[name] = Correction(name, tuple(map(_fix, entry.get("fix", []))), bool(entry.get("drop")))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            reason = f"{problem} is missing" if isinstance(problem, KeyError) else str(problem)
            raise UsageError(f"{path.name}, line {number}: {reason}.", "Correct or remove the line.") from None
    return found


def snap(image: np.ndarray, polygon: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Move the outline of a region to edges of the photo near it.

    GrabCut (Rother et al., 2004) decides on the pixels of a band along the outline; what is deeper inside or farther
    outside stays as it was drawn.

    Args:
        image: uint8 (H, W, 3) RGB.
        polygon: float32 (N, 2) px, the outline.
        region: bool (H, W), the same filled.

    Returns:
        bool (H, W).
    """
    x0, y0 = np.maximum(polygon.min(0) - ROUND, 0).astype(int)
    x1, y1 = np.maximum(polygon.max(0) + ROUND, 0).astype(int)
    window = (slice(y0, y1), slice(x0, x1))
    inside = region[window].astype(np.uint8)
    if not inside.any():
        return region
    reach = int(np.clip(round(float(np.sqrt(inside.sum())) * BAND), NARROWEST, WIDEST))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    core, halo = cv2.erode(inside, disc) > 0, cv2.dilate(inside, disc) > 0
    if core.sum() < FEW or (~halo).sum() < FEW:
        return region
    likely = np.where(inside > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    sides = np.where(core, cv2.GC_FGD, np.where(halo, likely, cv2.GC_BGD)).astype(np.uint8)
    colours = np.ascontiguousarray(image[window])
    cv2.setRNGSeed(0)
    cv2.grabCut(colours, sides, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    moved = np.isin(sides, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    out = np.zeros_like(region)
    out[window] = cv2.medianBlur(moved, 5) > 0
    return out


def correct(image: np.ndarray, labels: np.ndarray, correction: Correction) -> np.ndarray:
    """Labels with the fixes applied one after the other.

    Args:
        image: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), values of `Label`, or IGNORE.

    Returns:
        uint8 (H, W).
    """
    out = labels.copy()
    for fix in correction.fixes:
        filled = np.zeros(out.shape, np.uint8)
        cv2.fillPoly(filled, [np.rint(fix.polygon).astype(np.int32)], 1)
        region = filled > 0
        if not fix.exact and not fix.loose:
            region = snap(image, fix.polygon, region)
        if fix.before is not None:
            region = region & np.isin(out, list(fix.before))
        out[region] = fix.after
    return out


def find_photo(photos: Path, labels: Path, name: str) -> tuple[Path, Path]:
    """The files of a photo and of its label map.

    Raises:
        UsageError: one of them is missing.
    """
    photo, label_file = next(iter(sorted(photos.glob(glob.escape(name) + ".*"))), None), labels / f"{name}.png"
    if photo is None or not label_file.exists():
        raise UsageError(f"Photo or label map of {name} is missing.", "Look for both in --photos and --labels.")
    return photo, label_file


def correct_all(photos: Path, labels: Path, corrections: dict[str, Correction], out: Path) -> int:
    """Write the corrected map of each photo that has a line and isn't dropped; returns how many.

    Raises:
        UsageError: a photo or a map is missing, or they differ in size.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = 0
    for name, correction in corrections.items():
        if correction.drop:
            continue
        photo, labels_file = find_photo(photos, labels, name)
        image, present = load(photo).image, load_index_png(labels_file)
        if image.shape[:2] != present.shape:
            raise UsageError(f"The label map of {name} has another size than its photo.", "Label the photo again.")
        save_index_png(out / f"{name}.png", correct(image, present, correction))
        written += 1
    return written


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--photos", "--labels", "--corrections", "--out"):
        parser.add_argument(name, type=Path, required=True)
    args = parser.parse_args()
    try:
        corrections = read(args.corrections)
        count = correct_all(args.photos, args.labels, corrections, args.out)
    except TryOnError as error:
        print(error)
        return error.exit_code
    fixes = [len(c.fixes) for c in corrections.values() if not c.drop]
    print(f"{count} maps: {sum(fixes)} fixes in {sum(n > 0 for n in fixes)}, {len(corrections) - count} dropped")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

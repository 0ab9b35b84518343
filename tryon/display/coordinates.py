"""A garment's own coordinates: which way the cloth of each part runs in the photo.

Every part has a middle line (the torso's from neck to hem, a sleeve's from shoulder to cuff, a trouser leg's from the
waist over the knee to its end); a pixel's coordinates are its distance along that line and across it. Stripes laid
along them run with the parts, as cut cloth does.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..preprocess.skeleton import landmarks_of, split_parts
from ..preprocess.sleeves import SIDES, folded_sleeves, sleeve_sides
from ..types import Garment

Points = dict[str, np.ndarray]
#: Longer side, px, of the picture in which the coordinates are computed; they are smooth and enlarge well.
GRID = 400


@dataclass(frozen=True)
class Part:
    """Coordinates of one piece of cloth.

    Args:
        weight: float32 (h, w), the share of the garment that belongs to it.
        along: float32 (h, w), distance along the middle line; across: float32 (h, w), to the right of it as seen going
            down. Unit: the garment's breadth (at the armpits or the hips).
    """

    weight: np.ndarray
    along: np.ndarray
    across: np.ndarray


def parts_of(garment: Garment) -> list[Part]:
    """The parts, in pictures of at most `GRID` px. Without landmarks the whole garment is one upright part."""
    h, w = garment.mask.shape
    f = min(1.0, GRID / max(h, w))
    size = (max(round(h * f), 8), max(round(w * f), 8))
    scale = np.array([size[1] / w, size[0] / h], np.float32)
    known = {k: np.array(p, np.float32) * scale for k, p in garment.landmarks.items() if p is not None}
    mask = cv2.resize(garment.mask, size[::-1], interpolation=cv2.INTER_AREA)
    if garment.category == "lower":
        return _lower(known, mask)
    if not {"armpit_left", "armpit_right"} <= set(known):
        return [_upright(mask)]
    return _upper(garment, scale, mask)


def _upper(garment: Garment, scale: np.ndarray, mask: np.ndarray) -> list[Part]:
    marks = landmarks_of(garment)
    sleeve = garment.sleeve or "short"
    shares = split_parts(garment, marks, sleeve)
    folded = folded_sleeves(garment, marks)
    small = {k: cv2.resize(v, mask.shape[::-1], interpolation=cv2.INTER_AREA) for k, v in shares.items()}
    points = {k: v * scale for k, v in marks.items()}
    unit = max(float(np.linalg.norm(points["armpit_right"] - points["armpit_left"])), 8.0)
    lines = {"torso": [_middle(points, "neck"), _middle(points, "hem")]}
    for side in SIDES:
        name = f"sleeve_{side}"
        if name in small and side in folded:  # it lies on the torso: cloth that runs with it
            small["torso"] = np.maximum(small["torso"], small.pop(name))
        elif name in small:
            outer, inner = sleeve_sides(points, side)
            middle = (outer + inner) / 2
            # the shoulder is slanted: the sleeve's direction is that of its length, not that of the root
            lines[name] = [middle[0], middle[len(middle) // 2], middle[-1]]
    return _settled([Part(small[k], *_along(lines[k], mask.shape, unit)) for k in lines])


def _lower(points: Points, mask: np.ndarray) -> list[Part]:
    if not {"waist_left", "waist_right", "hem_out_left", "hem_out_right"} <= set(points):
        return [_upright(mask)]
    waist, hem = _middle(points, "waist"), _middle(points, "hem_out")
    hips = [points.get(f"hip_{s}", points[f"waist_{s}"]) for s in SIDES]
    unit = max(float(np.linalg.norm(hips[1] - hips[0])), 8.0)
    crotch = points.get("crotch")
    if crotch is None:
        return [Part(mask, *_along([waist, hem], mask.shape, unit))]
    offset, _ = _along([waist, crotch], mask.shape, unit)[::-1]
    right_share = np.clip(offset * unit / 3 + 0.5, 0, 1).astype(np.float32)
    found = []
    for side, share, hip in zip(SIDES, (1 - right_share, right_share), hips, strict=True):
        end = points[f"hem_out_{side}"]
        end = (end + points.get(f"hem_in_{side}", end)) / 2
        thigh = (hip + crotch) / 2
        top = (points[f"waist_{side}"] + waist) / 2
        line = [top, thigh, end]
        if f"knee_{side}" in points and f"hem_in_{side}" in points:
            knee = points[f"knee_{side}"]
            inward = (points[f"hem_in_{side}"] - points[f"hem_out_{side}"] + crotch - hip) / 4
            line = [top, thigh, knee + inward, end]
        found.append(Part(mask * share, *_along(line, mask.shape, unit)))
    return _settled(found)


def _upright(mask: np.ndarray) -> Part:
    rows, cols = np.nonzero(mask > 0.5)
    if not len(rows):
        raise ValueError("empty garment matte")
    x = (float(cols.min()) + float(cols.max())) / 2
    line = [np.array([x, float(rows.min())]), np.array([x, float(rows.max()) + 1])]
    breadth = float(np.median((mask > 0.5).sum(1)[(mask > 0.5).any(1)]))
    return Part(mask, *_along(line, mask.shape, max(breadth, 8.0)))


def _middle(points: Points, name: str) -> np.ndarray:
    return (points[f"{name}_left"] + points[f"{name}_right"]) / 2


def _settled(parts: list[Part]) -> list[Part]:
    """Each pixel to one part: two patterns must not shine through each other."""
    stack = np.stack([p.weight for p in parts])
    best, total = stack.argmax(0), stack.max(0)
    return [Part((best == i) * total, p.along, p.across) for i, p in enumerate(parts)]


def _along(line: list[np.ndarray], size: tuple[int, ...], unit: float) -> tuple[np.ndarray, np.ndarray]:
    """(along, across) of all pixels for a bent line: the coordinates turn gradually at its bends."""
    xy = np.stack(np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5), -1)
    points = np.stack(line).astype(np.float64)
    chord = points[-1] - points[0]
    length = max(float(np.linalg.norm(chord)), 1e-6)
    down = chord / length
    aside = np.array([-down[1], down[0]])  # to the right in an upright picture is -aside
    along = (xy - points[0]) @ down
    across = -((xy - points[0]) @ aside)
    if len(points) > 2:
        stations = (points - points[0]) @ down
        order = np.argsort(stations)
        bend = -((points - points[0]) @ aside)
        fine = np.linspace(-2 * length, 3 * length, 501)
        middle = np.interp(fine, stations[order], bend[order])
        kernel = np.hanning(31) / np.hanning(31).sum()
        middle = np.convolve(np.pad(middle, 15, mode="edge"), kernel, "valid")
        slope = np.gradient(middle, fine)
        shift = np.interp(along, fine, middle)
        turn = np.interp(along, fine, slope)
        arc = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(fine), np.diff(middle)))])
        arc -= np.interp(0.0, fine, arc)
        stretch = np.sqrt(1 + turn**2)
        along = np.interp(along, fine, arc) + (across - shift) * turn / stretch
        across = (across - shift) / stretch
    return (along / unit).astype(np.float32), (across / unit).astype(np.float32)

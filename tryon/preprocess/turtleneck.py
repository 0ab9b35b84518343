"""The foot of a turtleneck, where its neck points lie, read off the outline."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..types import Garment

#: A tube's breadth, and its least height, over the breadth at the armpits.
NARROWEST, BROADEST, LEAST_HEIGHT = 0.18, 0.5, 0.12
#: How far from the tube's foot a neck point lies that is wrong, and at most one that is right, armpit breadths.
OFF, NEAR = 0.15, 0.1
_ROWS, _COLUMNS = 120, 200


def settle_turtleneck(garment: Garment) -> Garment:
    """The garment with its neck points at the foot of the tube that rises above its shoulders, where one of them lies
    there and the other one elsewhere.

    A turtleneck's outline is a tube of even breadth that widens abruptly where the shoulders begin. (Hoods and tank
    tops may have such an outline too; their neck points lie both elsewhere.)
    """
    marks = {n: np.array(p, np.float64) for n, p in garment.landmarks.items() if p is not None}
    if any(n not in marks for n in ("armpit_left", "armpit_right", "hem_left", "hem_right", "neck_left", "neck_right")):
        return garment
    breadth = float(np.linalg.norm(marks["armpit_right"] - marks["armpit_left"]))
    foot = _foot(garment.mask, marks, breadth) if breadth > 12 else None
    if foot is None:
        return garment
    off = [float(np.linalg.norm(marks[f"neck_{s}"] - foot[i])) / breadth for i, s in enumerate(("left", "right"))]
    if max(off) < OFF or min(off) > NEAR:
        return garment
    moved: dict[str, tuple[float, float] | None] = {}
    for i, side in enumerate(("left", "right")):
        moved[f"neck_{side}"] = (float(foot[i][0]), float(foot[i][1]))
    front = foot.mean(0) + 0.03 * (marks["hem_left"] + marks["hem_right"] - 2 * foot.mean(0)) / 2
    moved["neck_front"] = (float(front[0]), float(front[1]))
    return replace(garment, landmarks={**garment.landmarks, **moved})


def _foot(mask: np.ndarray, marks: dict[str, np.ndarray], breadth: float) -> np.ndarray | None:
    """Left and right end of the tube's foot, (2, 2) px, or None without a tube."""
    across = marks["hem_right"] - marks["hem_left"] + marks["armpit_right"] - marks["armpit_left"]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    up = np.array([across[1], -across[0]])
    origin = (marks["armpit_left"] + marks["armpit_right"]) / 2
    step = 0.01 * breadth
    rows, columns = np.arange(_ROWS) * step, (np.arange(_COLUMNS) - _COLUMNS / 2) * step
    at = origin + rows[:, None, None] * up + columns[None, :, None] * across - 0.5
    inside = cv2.remap(mask, at.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.5
    top = int(np.flatnonzero(inside.sum(1) > 5)[-1]) if (inside.sum(1) > 5).any() else 0
    edges = np.full((_ROWS, 2), np.nan)
    for row in range(top, -1, -1):
        found = np.flatnonzero(inside[row])
        if len(found):
            edges[row] = found[0], found[-1]
    width = (edges[:, 1] - edges[:, 0]) * 0.01
    high = width[max(top - 9, 0) : max(top - 2, 1)]
    usual = float(np.median(high)) if len(high) else 0.0
    if top < 20 or not NARROWEST < usual < BROADEST:
        return None
    row = top - 3
    while row > 0 and 0.8 * usual < width[row] < 1.3 * usual:
        row -= 1
    if (top - row) * 0.01 < LEAST_HEIGHT or row < 3 or width[max(row - 8, 0)] < 1.55 * usual:
        return None
    sides = np.median(edges[row + 2 : row + 9], axis=0)  # the tube's own, above the beginning slope
    u = columns[np.clip(np.rint(sides).astype(int), 0, _COLUMNS - 1)]
    return origin + rows[row + 1] * up + u[:, None] * across

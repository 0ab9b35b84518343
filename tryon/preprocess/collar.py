"""The inside of the back collar, which shows on a flat garment and must vanish when it is worn.

Everything happens in the neck's own frame: u runs from the middle of the neck points to the right one (u = 1 there), v
runs towards the hem in the same unit, half the neck's width.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from ..types import Garment

Kind = Literal["none", "open", "collar", "hood"]
#: Side of the square picture of the neck, px, and what it shows: |u| <= SPAN, and v from the top of the matte.
SIDE = 144
SPAN = 1.5
#: Half the opening's width at the neck points: the neckline's band lies between it and the points.
OPENING = 0.94
#: A hood worn down: half the opening's width (its seam lies wider than a collar), its depth at least, and how high the
#: folds stand beside the neck, in units of u and v.
HOOD_WIDTH, HOOD_OPENING, HOOD_FOLD = 0.78, 0.45, 0.2


class Frame:
    """The neck's frame: photo px <-> (u, v)."""

    def __init__(self, left: np.ndarray, right: np.ndarray) -> None:
        self.middle = (left + right) / 2
        self.unit = max(float(np.linalg.norm(right - left)) / 2, 1e-3)
        self.across = (right - left) / 2 / self.unit
        self.down = np.array([-self.across[1], self.across[0]])

    def of(self, point: np.ndarray) -> tuple[float, float]:
        d = (point - self.middle) / self.unit
        return float(d @ self.across), float(d @ self.down)

    def matrix(self, v_top: float, size: float) -> np.ndarray:
        """cv2 matrix from the SIDE picture, which shows `size` units from v_top down, to the photo."""
        step = size / SIDE * self.unit
        origin = self.middle + (self.across * (-size / 2) + self.down * v_top) * self.unit
        m = np.stack([self.across * step, self.down * step, origin], axis=1)
        m[:, 2] += m[:, :2] @ (0.5, 0.5) - 0.5
        return m


def frame_of(garment: Garment) -> tuple[Frame, float] | None:
    """The frame and the depth of the neckline (v of neck_front), or None without the three neck points."""
    points = [garment.landmarks.get(name) for name in ("neck_left", "neck_right", "neck_front")]
    if any(p is None for p in points):
        return None
    left, right, front = (np.array(p, np.float64) for p in points)
    if np.linalg.norm(right - left) < 6:
        return None
    frame = Frame(left, right)
    return frame, frame.of(front)[1]


def rise_of(garment: Garment, frame: Frame) -> float:
    """How far the matte reaches above the neck points in the middle of the neck, in units."""
    u = np.linspace(-0.7, 0.7, 15)
    v = np.linspace(0, -4.5, 120)
    at = frame.middle + (u[:, None, None] * frame.across + v[None, :, None] * frame.down) * frame.unit
    inside = cv2.remap(garment.mask, at.astype(np.float32), None, cv2.INTER_LINEAR) > 0.5
    reach = np.where(inside.any(1), -v[len(v) - 1 - inside[:, ::-1].argmax(1)], 0.0)
    return float(np.percentile(reach, 85))


def _is_tube(garment: Garment, frame: Frame, depth: float, rise: float) -> bool:
    """Whether what rises above the neck is nearly as wide at its top as at its foot, and no wider between: a
    turtleneck, not a hood."""
    u = np.linspace(-3, 3, 241)
    breadths = []
    for share in (0.25, 0.5, 0.8):
        at = frame.middle + (u[:, None] * frame.across - share * rise * frame.down) * frame.unit
        inside = cv2.remap(garment.mask, at.astype(np.float32)[None], None, cv2.INTER_LINEAR)[0] > 0.5
        breadths.append(int(inside.sum()))
    foot, middle, top = breadths
    return depth < 0.4 and foot > 0 and (top > 0.95 * foot or (top > 0.84 * foot and middle < 1.02 * foot))


def _empty(garment: Garment, frame: Frame, depth: float) -> float:
    """Share of the opening below the neck points where there is no cloth."""
    u, v = np.linspace(-0.6, 0.6, 25), np.linspace(0, 0.7 * depth, 25)
    at = frame.middle + (u[None, :, None] * frame.across + v[:, None, None] * frame.down) * frame.unit
    inside = cv2.remap(garment.mask, at.astype(np.float32), None, cv2.INTER_LINEAR)
    return float((inside < 0.5).mean())


def neck_kind(garment: Garment) -> Kind:
    """What lies above the front neckline: nothing (also turtlenecks), the inside of the back, a collar, a hood."""
    found = frame_of(garment)
    if found is None:
        return "none"
    frame, depth = found
    rise = rise_of(garment, frame)
    if depth + rise < 0.12 or (depth < 0.05 and rise < 0.15):
        return "none"
    if rise > 1.05:
        return "hood" if depth > -0.45 * rise and not _is_tube(garment, frame, depth, rise) else "none"
    if depth < 0.04 - 0.5 * rise:
        return "none"
    if depth > 0.4 and _empty(garment, frame, depth) > 0.5:  # what rises there is a hanger
        return "open"
    return "collar" if rise > 0.36 - 0.1 * min(depth, 1.6) else "open"


def inner_collar(garment: Garment) -> np.ndarray:
    """The part of the garment that is hidden behind the neck or head when it is worn.

    For necklines it is the inside of the back, seen above the front's edge; for collars the inside between the flaps;
    for hoods the hood. The front edge is a curve through the neck landmarks, moved to colour edges near it.

    Returns:
        float32 (H, W) in [0, 1], not above `garment.mask`.
    """
    out = np.zeros(garment.mask.shape, np.float32)
    found, kind = frame_of(garment), neck_kind(garment)
    if found is None or kind == "none":
        return out
    frame, depth = found
    rise = rise_of(garment, frame)
    if kind == "hood":
        return _hood(garment, frame, depth)
    top = -rise - 0.12
    size = max(2 * 1.15, depth - top + 0.35)
    matrix = frame.matrix(top, size)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(garment.image, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    matte = cv2.warpAffine(garment.mask, matrix, (SIDE, SIDE), flags=flags)
    v, u = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    u, v = (u + 0.5) / SIDE * size - size / 2, (v + 0.5) / SIDE * size + top
    level = _collar_level(u, v, depth, rise) if kind == "collar" else _opening_level(u, v, depth)
    region = _follow_edges(picture, matte, level)
    target = (out.shape[1], out.shape[0])
    spread = cv2.warpAffine(region, matrix, target, flags=cv2.INTER_LINEAR)
    return np.minimum(spread, garment.mask).astype(np.float32)


def _opening_level(u: np.ndarray, v: np.ndarray, depth: float) -> np.ndarray:
    """Signed: > 0 inside of the opening of a collarless neck, in units of v. Deep necks are pointed, others round."""
    power = float(np.interp(depth, (0.7, 1.05, 1.5), (2.6, 2.0, 1.25)))
    x = np.abs(u) / OPENING
    curve = depth * (1 - np.clip(x, 0, 1.5) ** power)
    return np.minimum(curve - v, (1.0 - x) * 1.5)


def _collar_level(u: np.ndarray, v: np.ndarray, depth: float, rise: float) -> np.ndarray:
    """Signed: > 0 between the flaps of a collar: a wedge from the collar's top to the opening's lowest point."""
    length = max(depth + rise, 0.1)
    along = np.clip((depth - v) / length, 0, 1)  # 0 at the tip, 1 at the top
    half = 0.66 * along**0.8
    return np.minimum(half - np.abs(u), (depth - v) * 0.8)


def _follow_edges(
    picture: np.ndarray, matte: np.ndarray, level: np.ndarray, band: float = 0.10, shrink: float = 0.04
) -> np.ndarray:
    """The region level > 0, its border moved to colour edges (out by `band`, in by `shrink`); soft."""
    inside = matte > 0.5
    labels = np.full(level.shape, cv2.GC_BGD, np.uint8)
    labels[inside & (level > -band)] = cv2.GC_PR_BGD
    labels[inside & (level > 0)] = cv2.GC_PR_FGD
    labels[inside & (level > shrink)] = cv2.GC_FGD
    region = (level > 0).astype(np.uint8)
    near = inside & (np.abs(level) < 0.45)
    if min(int((labels == cv2.GC_FGD).sum()), int((near & (labels == cv2.GC_BGD)).sum())) > 60:
        work = np.where(near | (labels == cv2.GC_FGD), labels, cv2.GC_BGD).astype(np.uint8)
        # Far cloth and the floor tell nothing about the neckline: only what is near is shown to the cut.
        rows, cols = np.nonzero(near | (labels == cv2.GC_FGD))
        box = (slice(rows.min(), rows.max() + 1), slice(cols.min(), cols.max() + 1))
        part, models = work[box].copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
        cv2.setRNGSeed(0)
        cv2.grabCut(picture[box][..., ::-1].copy(), part, None, *models, 1, cv2.GC_INIT_WITH_MASK)
        cut = np.zeros_like(region)
        cut[box] = (part == cv2.GC_FGD) | (part == cv2.GC_PR_FGD)
        region = np.where(inside, cut, region).astype(np.uint8)
        region = cv2.morphologyEx(region, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    return np.clip(cv2.GaussianBlur(region.astype(np.float32), (0, 0), 1.6) * 2 - 0.5, 0, 1)


def _hood(garment: Garment, frame: Frame, depth: float) -> np.ndarray:
    """All of the garment above the front's edge and above lines from the neck to the shoulders, but for the folds."""
    h, w = garment.mask.shape
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    dx, dy = xx + 0.5 - frame.middle[0], yy + 0.5 - frame.middle[1]
    u = (dx * frame.across[0] + dy * frame.across[1]) / frame.unit
    v = (dx * frame.down[0] + dy * frame.down[1]) / frame.unit
    slopes = []
    for side in ("left", "right"):
        shoulder = garment.landmarks.get(f"shoulder_{side}")
        su, sv = frame.of(np.array(shoulder, np.float64)) if shoulder is not None else (0.0, 0.0)
        slopes.append(float(np.clip(sv / (abs(su) - 1), 0.0, 1.2)) if abs(su) > 1.15 else 0.3)
    slope = np.where(u < 0, slopes[0], slopes[1])
    x = np.clip(np.abs(u) / HOOD_WIDTH, 0, 1)
    front = max(depth, HOOD_OPENING) * (1 - x**2)
    edge = np.where(x < 1, front, np.maximum(np.abs(u) - 1, 0) * slope)
    edge -= HOOD_FOLD * np.exp(-(((np.abs(u) - 1.0) / 0.4) ** 2))  # lying back, it stands up beside the neck
    soft = np.clip((edge - v) * frame.unit / 2 + 0.5, 0, 1)
    reach = np.clip((1.9 - np.abs(u)) * 4, 0, 1)  # sleeves that lie high are no hood
    return np.minimum(soft * reach, garment.mask).astype(np.float32)

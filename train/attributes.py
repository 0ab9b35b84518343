"""Colour, pattern and quality of photos: measured, to sort and weed a data set. They are no truth to learn from.

Thresholds were set on drawn patterns; on real photos they are a first guess, to be looked through.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

#: Basic colour names at typical sRGB values.
COLOUR_NAMES: dict[str, tuple[int, int, int]] = {
    "black": (25, 25, 28), "white": (242, 242, 240), "grey": (128, 128, 130), "red": (190, 30, 40),
    "pink": (240, 160, 185), "orange": (235, 125, 40), "yellow": (240, 210, 70), "green": (50, 130, 65),
    "blue": (40, 85, 190), "light blue": (145, 190, 230), "navy": (28, 36, 75), "purple": (115, 60, 150),
    "brown": (105, 70, 45), "beige": (215, 195, 165),
}  # fmt: skip
#: Pictures are measured at this length of the longer side, px.
_SIDE = 256
_PLAIN = 5.0  # standard deviation of the detail, in units of L, below which cloth counts as plain
_LINES, _DIRECTED = 0.5, 0.35  # how far slopes point in one direction; in two at right angles
_BLURRED, _DARK, _BRIGHT = 2.2, 45, 225


def _lab(colours: np.ndarray) -> np.ndarray:
    """sRGB uint8 (N, 3) -> CIELAB float32 (N, 3)."""
    return cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]


def _reduced(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The box of the mask at the measuring size: uint8 (h, w, 3), bool (h, w)."""
    rows, cols = np.nonzero(mask)
    window = np.s_[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1]
    image, mask = image[window], mask[window]
    scale = _SIDE / max(mask.shape)
    size = (max(round(mask.shape[1] * scale), 1), max(round(mask.shape[0] * scale), 1))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=how), cv2.resize(mask.astype(np.float32), size) > 0.9


def colours(image: np.ndarray, mask: np.ndarray, count: int = 4) -> list[dict[str, Any]]:
    """The main colours inside a mask, largest first.

    Args:
        image: uint8 (H, W, 3); mask: bool (H, W).

    Returns:
        {"name", "rgb", "share"} each; shares add up to 1. Empty where the mask is.
    """
    if not mask.any():
        return []
    small, inside = _reduced(image, mask)
    points = _lab(small[inside]) if inside.any() else _lab(image[mask])
    points = points[:: max(1, len(points) // 4000)]
    count = min(count, len(points))
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, labels, centres = cv2.kmeans(points, count, None, stop, 2, cv2.KMEANS_PP_CENTERS)
    shares = np.bincount(labels.ravel(), minlength=count) / len(points)
    merged: list[tuple[float, np.ndarray]] = []
    for k in np.argsort(-shares):  # centres that look alike are one colour
        near = next((i for i, (_, c) in enumerate(merged) if np.linalg.norm((c - centres[k]) * (0.5, 1, 1)) < 14), None)
        if near is None:
            merged.append((float(shares[k]), centres[k]))
        else:
            merged[near] = (merged[near][0] + float(shares[k]), merged[near][1])
    found = []
    for share, centre in sorted(merged, key=lambda entry: -entry[0]):
        rgb = cv2.cvtColor(centre.reshape(1, 1, 3).astype(np.float32), cv2.COLOR_LAB2RGB).reshape(3)
        rgb = np.clip(np.rint(rgb * 255), 0, 255).astype(int)
        found.append({"name": colour_name(rgb), "rgb": rgb.tolist(), "share": round(share, 3)})
    return found


def colour_name(rgb: np.ndarray | tuple[int, int, int]) -> str:
    """The nearest of `COLOUR_NAMES` (CIELAB distance, lightness at half weight)."""
    table = _lab(np.array([tuple(rgb), *COLOUR_NAMES.values()], np.float32)) * (0.5, 1, 1)
    return list(COLOUR_NAMES)[int(np.linalg.norm(table[1:] - table[0], axis=1).argmin())]


def pattern(image: np.ndarray, mask: np.ndarray) -> str:
    """ "plain", "striped", "checked" or "printed", from the slopes inside a mask (structure tensor)."""
    if not mask.any():
        return "plain"
    small, inside = _reduced(image, mask)
    inside = cv2.erode(inside.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    if inside.sum() < 100:
        return "plain"
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    weight = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 20)[..., None]
    low = cv2.GaussianBlur(lab * inside[..., None], (0, 0), 20) / np.maximum(weight, 1e-3)
    detail = cv2.GaussianBlur(lab - low, (0, 0), 1.5)  # neither folds and light nor weave and noise
    if float(np.sqrt((detail[inside] ** 2).sum(1).mean())) < _PLAIN:
        return "plain"
    dx = cv2.Sobel(detail, cv2.CV_32F, 1, 0)[inside]
    dy = cv2.Sobel(detail, cv2.CV_32F, 0, 1)[inside]
    xx, yy, xy = float((dx * dx).sum()), float((dy * dy).sum()), float((dx * dy).sum())
    coherence = np.hypot(xx - yy, 2 * xy) / max(xx + yy, 1e-6)
    if coherence > _LINES:
        return "striped"
    # checks: slopes point along two directions only, at right angles
    energy = (dx**2 + dy**2).sum(1)
    angle = np.arctan2((dx * dy).sum(1) * 2, (dx**2 - dy**2).sum(1)) * 2  # two right-angled directions coincide
    order = np.hypot((np.cos(angle) * energy).sum(), (np.sin(angle) * energy).sum()) / max(energy.sum(), 1e-6)
    return "checked" if order > _DIRECTED else "printed"


def flags(image: np.ndarray, mask: np.ndarray) -> list[str]:
    """What is wrong with a photo inside a mask: "blurred", "dark", "overexposed"."""
    if not mask.any():
        return []
    small, inside = _reduced(image, mask)
    if not inside.any():
        return []
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    out = []
    if float(np.percentile(edges, 98)) < _BLURRED * 4:
        out.append("blurred")
    if float(np.percentile(grey[inside], 90)) < _DARK:
        out.append("dark")
    if float(np.percentile(grey[inside], 10)) > _BRIGHT:
        out.append("overexposed")
    return out

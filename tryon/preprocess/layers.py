"""The warped garment's parts put together, at the canvas' or at the photo's size, with simple light."""

from __future__ import annotations

import cv2
import numpy as np

from .fill import wide_blur
from .masks import patch
from .skeleton import Part

#: How much a sleeve darkens the torso beside it, and the garment darkens towards its outline.
CONTACT, ROUND = 0.24, 0.16
#: Parts that continue those beneath them, and so throw no shadow.
SEAMLESS = ("hips",)
#: How much a trouser leg darkens towards its edges: without it, legs that stand close look like a skirt.
LEG_ROUND = 0.26
#: Holes smaller than a square of this side (shoulder breadths) are folds; the light in them.
HOLE, FOLD = 0.22, 0.78
#: Gaps between a sleeve and the torso that are narrower than twice this (shoulder breadths) close.
SEAM = 0.05
#: What is thinner than twice this (shoulder breadths) is a spike; it is looked for where the breadth is so many px.
SPIKE, OPENED_AT = 0.04, 130.0
#: So far round the parts the picture is put together, shoulder breadths: shadows and folds do not reach farther.
MARGIN = 0.3
#: How much a hood's roll before the neck darkens to its edges.
COWL_ROUND = 0.14
#: Light on a hood that hangs behind the neck.
HOOD_SHADE = 0.82


def sample(
    picture: np.ndarray,
    grid: np.ndarray,
    factor: tuple[float, float] = (1.0, 1.0),
    *,
    border: int = cv2.BORDER_REPLICATE,
) -> np.ndarray:
    """`picture` (H, W[, C]) at garment px `grid` (h, w, 2): bilinear, border repeated.

    Args:
        factor: px of `picture` per px of the garment photo, (x, y), if it was reduced.
        border: cv2's, what lies outside of the photo.
    """
    x, y = grid[..., 0] * factor[0] - 0.5, grid[..., 1] * factor[1] - 0.5
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=border)


def _antialias(picture: np.ndarray, scale: float) -> tuple[np.ndarray, tuple[float, float]]:
    """`picture` reduced to about the output's density, and px per px (x, y)."""
    if scale > 0.67:
        return picture, (1.0, 1.0)
    size = (max(round(picture.shape[1] * scale * 1.1), 2), max(round(picture.shape[0] * scale * 1.1), 2))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small, (size[0] / picture.shape[1], size[1] / picture.shape[0])


def _around(rgb: np.ndarray, known: np.ndarray, reach: float) -> np.ndarray:
    """The smoothed colour of the cloth near each pixel: float32 (h, w, 3).

    Args:
        known: float32 (h, w), where cloth is; reach: px.
    """
    weight = np.maximum(wide_blur(known, reach), 1e-3)[..., None]
    return wide_blur(rgb * known[..., None], reach) / weight


def _close_gaps(
    rgb: np.ndarray, alpha: np.ndarray, unit: float, *, flat: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Narrow slits between the parts take the colour of the cloth beside them.

    Args:
        flat: only horizontal ones; what shows between trouser legs is no slit.
    """
    r = max(round(0.035 * unit), 1)
    kernel = (
        np.ones((4 * r + 1, 1), np.uint8) if flat else cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1,) * 2)
    )
    closed = cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, kernel)
    slit = closed - alpha > 0.1
    if not slit.any():
        return rgb, alpha
    share = np.where(slit, 1 - alpha, 0)[..., None]
    return rgb + (_around(rgb, alpha, r) - rgb) * share, np.where(slit, closed, alpha)


def _close_seams(
    rgb: np.ndarray, alpha: np.ndarray, sleeves: np.ndarray, trunk: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Narrow gaps between a sleeve and the torso become folds: an arm that hangs so close touches the body."""
    r = max(round(SEAM * unit), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    reach = np.ones((4 * r + 1, 4 * r + 1), np.uint8)
    both = cv2.dilate((sleeves > 0.5).astype(np.uint8), reach) & cv2.dilate((trunk > 0.5).astype(np.uint8), reach)
    gap = (both > 0) & (alpha < 0.5)
    if not gap.any():
        return rgb, alpha
    closed = cv2.morphologyEx((alpha > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    share = cv2.GaussianBlur((gap & (closed > 0)).astype(np.float32), (0, 0), 0.7)
    return rgb + (FOLD * _around(rgb, alpha, r) - rgb) * (share * (1 - alpha))[..., None], np.maximum(alpha, share)


def _fill_holes(rgb: np.ndarray, alpha: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Small holes that the garment's parts enclose, such as under the armpit of a sleeve that hangs beside the body,
    become folds: the colour of the cloth around, in shade."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((alpha < 0.5).astype(np.uint8))
    h, w = alpha.shape
    x, y = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    inside = (x > 0) & (y > 0) & (x + stats[:, cv2.CC_STAT_WIDTH] < w) & (y + stats[:, cv2.CC_STAT_HEIGHT] < h)
    small = inside & (stats[:, cv2.CC_STAT_AREA] < (HOLE * unit) ** 2)
    small[0] = False
    if not small.any():
        return rgb, alpha
    hole = cv2.dilate(small[pieces].astype(np.uint8), np.ones((3, 3), np.uint8))
    around = _around(rgb, alpha * (1 - hole), max(HOLE * unit / 2, 1.0))
    share = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 0.7)[..., None]
    return rgb + (FOLD * around - rgb) * share, np.maximum(alpha, share[..., 0])


def _without_spikes(alpha: np.ndarray, unit: float) -> np.ndarray:
    """Coverage without what is thinner than cloth that hangs on a body: splinters of a matte, corners of a warp."""
    reduced = min(1.0, OPENED_AT / unit)
    size = (max(round(alpha.shape[1] * reduced), 1), max(round(alpha.shape[0] * reduced), 1))
    solid = (cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    r = max(round(SPIKE * unit * reduced), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    kept = cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_OPEN, disc), np.ones((3, 3), np.uint8))
    spikes = cv2.morphologyEx(solid & (1 - kept), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    if not spikes.any():
        return alpha
    spikes = cv2.dilate(spikes, np.ones((3, 3), np.uint8)) & (1 - cv2.erode(kept, np.ones((3, 3), np.uint8)))
    share = cv2.resize(spikes.astype(np.float32), alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return alpha * (1 - np.clip(cv2.GaussianBlur(share, (0, 0), 0.7) * 1.5, 0, 1))


def assemble(
    image: np.ndarray, parts: list[Part], unit: float, scale: float, straps: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample all parts and lay them over each other.

    Args:
        image: uint8 (Hg, Wg, 3), the garment photo (colours extended over its outline).
        parts: back to front, grids of one size (h, w).
        unit: shoulder breadth in px of the output: light and shadows scale with it.
        scale: output px per px of the garment photo.
        straps: it may have thin ones; else spikes are taken off.

    Returns:
        rgb: float32 (h, w, 3) in 0..255; alpha: float32 (h, w); sleeves: float32 (h, w), the sleeves' coverage.
    """
    size = parts[0].grid.shape[:2]
    rgb, alpha, sleeves = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32), np.zeros(size, np.float32)
    covered = np.logical_or.reduce([part.covered for part in parts])
    if covered.any():
        here = patch(covered, round(MARGIN * unit) + 8)
        near = [Part(p.name, np.ascontiguousarray(p.grid[here]), p.weight, p.covered[here]) for p in parts]
        rgb[here], alpha[here], sleeves[here] = _assemble(image, near, unit, scale, straps)
    return rgb, alpha, sleeves


def _assemble(
    image: np.ndarray, parts: list[Part], unit: float, scale: float, straps: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`assemble`, everywhere."""
    size = parts[0].grid.shape[:2]
    image, factor = _antialias(image, scale)
    rgb = np.zeros((*size, 3), np.float32)
    alpha = np.zeros(size, np.float32)
    sleeves, trunk = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for part in parts:
        weight, weight_factor = _antialias(part.weight, scale)
        # a garment that its photo cuts off ends there: beyond, its last row would run on as streaks
        matte = sample(weight, part.grid, weight_factor, border=cv2.BORDER_CONSTANT)
        # where cloth goes on beyond the mesh, no matte softens its outline
        mesh = cv2.GaussianBlur(part.covered.astype(np.float32), (0, 0), 1.0)
        a = (matte * np.clip(2 * mesh - 1, 0, 1)).astype(np.float32)
        if alpha.any() and part.name not in SEAMLESS:
            near = wide_blur(a, max(0.035 * unit, 0.6)) * (1 - a)
            rgb *= (1 - CONTACT * near)[..., None]
        texture = sample(image, part.grid, factor).astype(np.float32)
        if part.name.startswith("leg_"):
            depth = wide_blur(a, max(0.06 * unit, 0.8))
            texture *= (1 - LEG_ROUND * np.clip(1.0 - depth, 0, 0.5) * 2)[..., None]
        if part.name == "cowl":
            depth = wide_blur(a, max(0.04 * unit, 0.8))
            texture *= (1 - COWL_ROUND * np.clip(1.0 - depth, 0, 0.5) * 2)[..., None]
        if part.name == "hood":
            texture *= HOOD_SHADE
        # colour of the union: where little lies beneath, its colour must not dim the edge
        over = a / np.maximum(a + alpha * (1 - a), 1e-3)
        rgb += (texture - rgb) * over[..., None]
        alpha = a + alpha * (1 - a)
        if part.name not in ("torso", "hood", "cowl"):
            sleeves = np.maximum(sleeves, a)
        elif part.name == "torso":
            trunk = np.maximum(trunk, a)
    rgb, alpha = _close_gaps(rgb, alpha, unit, flat=parts[-1].name in SEAMLESS)
    if any(part.name == "torso" for part in parts):
        rgb, alpha = _fill_holes(*_close_seams(rgb, alpha, sleeves, trunk, unit), unit)
        alpha = alpha if straps else _without_spikes(alpha, unit)
    depth = wide_blur(alpha, max(0.07 * unit, 0.8))
    rgb *= (1 - ROUND * np.clip(1.0 - depth, 0, 0.5) * 2)[..., None]
    return rgb, alpha, sleeves

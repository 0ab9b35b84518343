"""A hood that lies back: what shows of it beside the neck, on the shoulders.

On the flat garment a hood stands above the neckline. Worn down it is a roll of cloth round the back of the neck: the
flat hood's picture, flattened to an arch from shoulder to shoulder, behind neck, face and hair.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from ..types import Garment
from .body import Body, below_chin, neck_mask
from .collar import frame_of
from .masks import dilate, is_label
from .mesh import rasterize
from .skeleton import Fit, Part

#: The arch's half breadth, half breadths of the neckline, and at most, half distances of the shoulder joints.
BREADTH, WIDEST = 1.3, 0.86
#: Its height over the neck points, half breadths of the neckline, and how far below the chin it ends, torso lengths.
HEIGHT, UNDER_CHIN = 0.95, 0.03
#: Share of the flat hood's height that shows.
SHOWN = 0.8
_ROWS, _COLUMNS = 13, 25


def hood_part(garment: Garment, target: Fit, body: Body, parse: np.ndarray) -> Part | None:
    """The hood worn down, the rearmost part of a warped garment; None without a hood.

    Args:
        garment: as worn (`Garment.hood` is its matte).
        parse: uint8 (h, w) of the canvas: the head and the neck stay in front.
    """
    found = frame_of(garment)
    if garment.hood is None or found is None:
        return None
    frame = found[0]
    edges = _outline(garment.hood, frame.middle, frame.across, frame.down, frame.unit)
    if edges is None:
        return None
    v, left, right = edges
    across = (target.points["neck_right"] - target.points["neck_left"]) / 2
    unit = float(np.linalg.norm(across))
    middle = (target.points["neck_left"] + target.points["neck_right"]) / 2
    chin = float((body.mouth + 0.9 * (body.mouth - body.nose) - middle) @ -body.down) - UNDER_CHIN * body.length
    half = min(BREADTH * unit, WIDEST * body.breadth / 2)
    height = float(np.clip(chin, 0.45 * unit, HEIGHT * unit))
    angle = np.linspace(0, np.pi, _COLUMNS)
    depth = np.linspace(0, 1, _ROWS)[:, None]
    side, up = -np.cos(angle) * np.ones_like(depth), np.sin(angle) ** 0.7 * depth
    low = 0.35 * unit * (1 - depth) * np.abs(side)  # its ends lie on the shoulders, under the garment's edge
    shape = middle + (side * half)[..., None] * across / unit
    mesh = shape - (up * height - low)[..., None] * body.down
    where = np.interp(np.linspace(0, SHOWN, _ROWS), np.linspace(0, 1, len(v)), np.arange(len(v)))
    rows = np.interp(where, np.arange(len(v)), v)[:, None]
    share = (side + 1) / 2
    column = np.interp(where, np.arange(len(v)), left)[:, None] * (1 - share)
    column = column + np.interp(where, np.arange(len(v)), right)[:, None] * share
    source = frame.middle + (column[..., None] * frame.across + rows[..., None] * frame.down) * frame.unit
    grid, covered = rasterize(mesh.astype(np.float32), source.astype(np.float32), parse.shape)
    face = is_label(parse, Label.FACE) & (below_chin(body, parse.shape) < 0.06 * body.length)
    head = face | is_label(parse, Label.HAIR) | (neck_mask(body, parse.shape, 1.05) > 0.5)
    covered &= ~(dilate(head.astype(np.uint8), 1) > 0)
    return Part("hood", grid, np.ones_like(garment.hood), covered)


def _outline(
    hood: np.ndarray, middle: np.ndarray, across: np.ndarray, down: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The hood's left and right edges (u) at rows v from its foot up, a little inside of its outline."""
    u = np.linspace(-2.2, 2.2, 111)
    v = np.linspace(-0.1, -4.5, 90)
    at = middle + (u[None, :, None] * across + v[:, None, None] * down) * unit - 0.5
    inside = cv2.remap(hood, at.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.5
    rows = np.flatnonzero(inside.sum(1) > 12)
    if len(rows) < 8:
        return None
    rows = np.arange(rows[0], rows[-1] + 1)
    found = np.array([u[np.flatnonzero(inside[r])[[0, -1]]] if inside[r].any() else [np.nan] * 2 for r in rows])
    known = ~np.isnan(found[:, 0])
    left, right = (np.interp(rows, rows[known], found[known, k]) for k in (0, 1))
    return v[rows], left * 0.95, right * 0.95

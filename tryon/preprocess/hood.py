"""A hood that lies back: the roll round the neck, and what shows of it behind the neck, on the shoulders.

On the flat garment a hood stands above the neckline. Worn down it is a roll of cloth round the neck: behind neck, face
and hair an arch from shoulder to shoulder, which is the flat hood's picture, flattened; in front the two sides of the
hood, which come down to the throat (where the front is open, the cloth beside the opening goes up to the neck instead).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..labels import Label
from ..types import Garment
from .body import Body, below_chin, neck_mask
from .collar import Frame, frame_of
from .masks import dilate, is_label
from .mesh import rasterize
from .skeleton import Fit, Part

#: The arch's half breadth, half breadths of the neckline, and at most, half distances of the shoulder joints.
BREADTH, WIDEST = 1.3, 0.86
#: Its height over the neck points, half breadths of the neckline, and how far below the chin it ends, torso lengths.
HEIGHT, UNDER_CHIN = 0.95, 0.03
#: Share of the flat hood's height that shows in the arch, and in the roll from the throat to the sides of the neck.
SHOWN, SHOWN_IN_FRONT = 0.8, (0.04, 0.6)
#: The part of a side of the flat hood that the roll shows, from the middle (0) to the outline (1).
ACROSS = (0.5, 0.95)
#: The roll's inner and outer rim beside the neck: points outward and up, half breadths of the neckline from the middle
#: of the neck points.
INNER, OUTER = ((0.78, -0.16), (1.04, -0.34)), ((1.12, 0.38), (1.38, 0.02))
#: How deep the rims meet at the throat, at least, half breadths of the neckline; where it is deeper than at most, they
#: do not meet.
THROAT = (0.5, 1.0)
_ROWS, _COLUMNS, _ACROSS = 13, 25, 9


@dataclass(frozen=True)
class _Hood:
    """The hood on the flat garment, and the neckline on the body.

    Args:
        frame: of the garment's neck.
        v, left, right: the hood's edges (u) at rows v from its foot up.
        middle, across, unit: of the neckline on the canvas; `across` has length 1, `unit` is half the breadth, px.
    """

    frame: Frame
    v: np.ndarray
    left: np.ndarray
    right: np.ndarray
    middle: np.ndarray
    across: np.ndarray
    unit: float

    def source(self, share: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Garment-photo px of the points at `share` of the hood's height, from its left edge (0) to its right (1)."""
        rows = np.arange(len(self.v))
        at = np.interp(share, np.linspace(0, 1, len(rows)), rows)
        v, left, right = (np.interp(at, rows, values) for values in (self.v, self.left, self.right))
        u = left + (right - left) * column
        axes = self.frame.across, self.frame.down
        return self.frame.middle + (u[..., None] * axes[0] + v[..., None] * axes[1]) * self.frame.unit


def hood_parts(garment: Garment, target: Fit, body: Body, parse: np.ndarray, open_front: bool = False) -> list[Part]:
    """The hood worn down: the rearmost part ("hood") and the foremost ("cowl") of a warped garment; empty without one.

    Args:
        garment: as worn (`Garment.hood` is its matte).
        parse: uint8 (h, w) of the canvas: the head stays in front, before the rear part the neck, too.
        open_front: the garment is worn open.
    """
    hood = _measured(garment, target)
    if hood is None:
        return []
    weight = np.ones(garment.mask.shape, np.float32)
    throat = float((target.points["neck_front"] - hood.middle) @ body.down) / hood.unit
    meshes = {"hood": _arch(hood, body)}
    if not open_front and throat < THROAT[1]:
        meshes["cowl"] = _roll(hood, max(throat, THROAT[0]), body)
    parts = []
    for name, (place, source) in meshes.items():
        grid, covered = rasterize(place.astype(np.float32), source.astype(np.float32), parse.shape)
        lowest = 0.06 * body.length if name == "hood" else 0.0
        head = is_label(parse, Label.FACE) & (below_chin(body, parse.shape) < lowest) | is_label(parse, Label.HAIR)
        if name == "hood":
            head = dilate((head | (neck_mask(body, parse.shape, 1.05) > 0.5)).astype(np.uint8), 1) > 0
        parts.append(Part(name, grid, weight, covered & ~head))
    return parts


def _measured(garment: Garment, target: Fit) -> _Hood | None:
    found = frame_of(garment)
    if garment.hood is None or found is None:
        return None
    frame = found[0]
    edges = _outline(garment.hood, frame)
    if edges is None:
        return None
    left, right = target.points["neck_left"], target.points["neck_right"]
    unit = max(float(np.linalg.norm(right - left)) / 2, 1e-3)
    return _Hood(frame, *edges, (left + right) / 2, (right - left) / 2 / unit, unit)


def _arch(hood: _Hood, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Mesh of the hood behind the neck: canvas px and garment-photo px, (rows, columns, 2)."""
    chin = float((body.mouth + 0.9 * (body.mouth - body.nose) - hood.middle) @ -body.down) - UNDER_CHIN * body.length
    half = min(BREADTH * hood.unit, WIDEST * body.breadth / 2)
    height = float(np.clip(chin, 0.45 * hood.unit, HEIGHT * hood.unit))
    angle = np.linspace(0, np.pi, _COLUMNS)
    depth = np.linspace(0, 1, _ROWS)[:, None]
    side, up = -np.cos(angle) * np.ones_like(depth), np.sin(angle) ** 0.7 * depth
    low = 0.35 * hood.unit * (1 - depth) * np.abs(side)  # its ends lie on the shoulders, under the garment's edge
    mesh = hood.middle + (side * half)[..., None] * hood.across - (up * height - low)[..., None] * body.down
    return mesh, hood.source(SHOWN * depth * np.ones_like(side), (side + 1) / 2)


def _roll(hood: _Hood, throat: float, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Mesh of the hood's two sides before the neck: canvas px and garment-photo px, (rows, columns, 2)."""
    along = np.linspace(-1, 1, 2 * _COLUMNS)  # from the left end of the roll by the throat to the right
    share = np.linspace(0, 1, _ACROSS)[:, None]
    inner = _curve(((0.02, throat), (0.42, 0.3 * throat), *INNER), np.abs(along))
    outer = _curve(((0.02, throat + 0.4), (0.6, 0.3 * throat + 0.53), *OUTER), np.abs(along))
    place = inner + (outer - inner) * share[..., None]
    place[..., 0] *= np.sign(along)
    mesh = hood.middle + (place[..., :1] * hood.across + place[..., 1:] * body.down) * hood.unit
    height = np.interp(np.abs(along), (0, 1), SHOWN_IN_FRONT) * np.ones_like(share)
    aside = ACROSS[0] + (ACROSS[1] - ACROSS[0]) * share
    return mesh, hood.source(height, (1 + np.sign(along) * aside) / 2)


def _curve(points: tuple[tuple[float, float], ...], at: np.ndarray) -> np.ndarray:
    """Points on the cubic through four `points`, which it passes at even distances; `at` from 0 to 1."""
    knots = np.linspace(0, 1, len(points))
    return np.stack([np.polyval(np.polyfit(knots, values, len(points) - 1), at) for values in np.array(points).T], -1)


def _outline(hood: np.ndarray, frame: Frame) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The hood's left and right edges (u) at rows v from its foot up, a little inside of its outline."""
    u = np.linspace(-2.2, 2.2, 111)
    v = np.linspace(-0.1, -4.5, 90)
    at = frame.middle + (u[None, :, None] * frame.across + v[:, None, None] * frame.down) * frame.unit - 0.5
    inside = cv2.remap(hood, at.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.5
    rows = np.flatnonzero(inside.sum(1) > 12)
    if len(rows) < 8:
        return None
    rows = np.arange(rows[0], rows[-1] + 1)
    found = np.array([u[np.flatnonzero(inside[r])[[0, -1]]] if inside[r].any() else [np.nan] * 2 for r in rows])
    known = ~np.isnan(found[:, 0])
    left, right = (np.interp(rows, rows[known], found[known, k]) for k in (0, 1))
    return v[rows], left * 0.95, right * 0.95

"""Coats and jackets that lie open: two panels, with what is worn under them between.

The opening is found in the garment photo: two lines from the neckline to the hem between which the picture differs
from the cloth beside them (lining, the floor, a zip, the dark of a slit). What lies between them is cut away. On the
body each panel keeps its side seam and its scale at the opening, and is foreshortened towards the side, as on a round
trunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..types import Garment
from . import skeleton
from .body import Body
from .mesh import rasterize
from .skeleton import Fit, Part
from .sleeves import SIDES

#: Rows and columns of the straightened strip in which the opening is looked for; its half breadth, armpit breadths.
ROWS, COLUMNS, REACH = 72, 79, 0.37
#: Columns of the broadest opening, and of the bands beside it that it is compared with.
WIDEST, BAND = 38, 4
#: The Lab distance that half of the rows must have, and four fifths of them.
CONTRAST, LEAST = 7.0, 3.3
#: Half breadth of the opening on the body at the chest and at the hem, chest half breadths.
GAP_TOP, GAP_HEM = 0.3, 0.42
_HOLE = (60.0, 110.0, -110.0)  # a colour that no cloth has, for holes of the matte


@dataclass(frozen=True)
class Opening:
    """The opening of a flat garment, in its own axes.

    Args:
        origin, down, across: (2,) garment px and unit vectors; v runs along `down`, u along `across`.
        v: float (N,), px, increasing; left, right: float (N,), u of the edges, px.
        contrast: Lab distance between the opening and the panels, the middle row's.
    """

    origin: np.ndarray
    down: np.ndarray
    across: np.ndarray
    v: np.ndarray
    left: np.ndarray
    right: np.ndarray
    contrast: float

    def sides(self, size: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the left and the right panel of each pixel: two float32 (H, W), both 0 inside of the opening."""
        y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
        x, y = x + 0.5 - self.origin[0], y + 0.5 - self.origin[1]
        u, v = x * self.across[0] + y * self.across[1], x * self.down[0] + y * self.down[1]
        left, right = np.interp(v, self.v, self.left), np.interp(v, self.v, self.right)
        return (np.clip(left - u + 0.5, 0, 1).astype(np.float32), np.clip(u - right + 0.5, 0, 1).astype(np.float32))


def find_opening(garment: Garment, marks: dict[str, np.ndarray]) -> Opening | None:
    """The opening of a garment whose front is open, or None where it can't be told.

    Args:
        marks: from `skeleton.landmarks_of`.
    """
    origin = (marks["neck_left"] + marks["neck_right"]) / 2
    axis = (marks["hem_left"] + marks["hem_right"]) / 2 - origin
    length = max(float(np.linalg.norm(axis)), 1.0)
    down = axis / length
    across = np.array([down[1], -down[0]], np.float32)
    breadth = float((marks["armpit_right"] - marks["armpit_left"]) @ across)
    if breadth < 0:
        across, breadth = -across, -breadth
    start = float(np.clip((marks["neck_front"] - origin) @ down, 0.02 * length, 0.4 * length))
    v = np.linspace(start, 0.97 * length, ROWS)
    u = np.linspace(-REACH, REACH, COLUMNS) * breadth
    lab, cloth = _straightened(garment, origin, down, across, u, v, breadth)
    lab[cloth < 0.5] = _HOLE
    left, right, contrast = _best_path(lab)
    middle = float(np.median(contrast))
    if middle < CONTRAST or float(np.percentile(contrast, 20)) < LEAST:
        return None
    edges = (_smoothed(np.interp(x - 0.5, np.arange(COLUMNS), u)) for x in (left, right))
    return Opening(origin, down, across, v, next(edges), next(edges), middle)


def _straightened(
    garment: Garment,
    origin: np.ndarray,
    down: np.ndarray,
    across: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    unit: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Lab colours (ROWS, COLUMNS, 3) and matte of the garment at rows v and columns u."""
    at = origin + u[None, :, None] * across + v[:, None, None] * down - 0.5
    x, y = at[..., 0].astype(np.float32), at[..., 1].astype(np.float32)
    sigma = max(0.5 * REACH * 2 * unit / COLUMNS, 0.4)  # against aliasing
    picture = cv2.GaussianBlur(garment.image, (0, 0), sigma)
    rgb = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cloth = cv2.remap(garment.mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return cv2.GaussianBlur(lab, (1, 0), sigmaX=0.1, sigmaY=1.5), cloth


def _best_path(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The interval [left, right) of columns in each row that differs most from the bands beside it, changing by at
    most a column from row to row: dynamic programming. Returns left, right, contrast, each (ROWS,)."""
    rows, columns = lab.shape[:2]
    total = np.concatenate([np.zeros((rows, 1, 3), np.float32), np.cumsum(lab, axis=1)], axis=1)
    starts, widths = np.meshgrid(np.arange(BAND, columns - BAND - 2), np.arange(2, WIDEST + 1), indexing="ij")
    ends = starts + widths
    valid = ends <= columns - BAND
    ends = np.minimum(ends, columns - BAND)
    inside = (total[:, ends] - total[:, starts]) / np.maximum(ends - starts, 1)[..., None]
    before = (total[:, starts] - total[:, starts - BAND]) / BAND
    after = (total[:, ends + BAND] - total[:, ends]) / BAND
    apart = np.minimum(np.linalg.norm(inside - before, axis=-1), np.linalg.norm(inside - after, axis=-1))
    unlike = np.linalg.norm(before - after, axis=-1)  # both panels are of one cloth
    gain = np.minimum(apart, 25.0) - 0.5 * np.minimum(unlike, 25.0) - 0.14 * widths
    apart = apart - 0.5 * unlike
    off = np.abs((starts + ends) / 2 - columns / 2) / columns
    score = np.where(valid, gain - 10.0 * off, -1e6).astype(np.float32)
    best, came = score[0].copy(), np.zeros((rows, *starts.shape), np.int8)
    moves = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]  # of the left and the right edge
    for k in range(1, rows):
        options = []
        for i, j in moves:  # from start - i, width - (j - i)
            moved = np.full_like(best, -1e6)
            di, dw = i, j - i
            a, b = best.shape
            moved[max(di, 0) : a + min(di, 0), max(dw, 0) : b + min(dw, 0)] = best[
                max(-di, 0) : a + min(-di, 0), max(-dw, 0) : b + min(-dw, 0)
            ]
            options.append(moved - 4.0 * (abs(i) + abs(j)))
        stacked = np.stack(options)
        came[k] = stacked.argmax(0)
        best = stacked.max(0) + score[k]
    at = np.unravel_index(int(best.argmax()), best.shape)
    left, right, contrast = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    a, b = int(at[0]), int(at[1])
    for k in range(rows - 1, -1, -1):
        left[k], right[k], contrast[k] = starts[a, b], ends[a, b], apart[k, a, b]
        i, j = moves[came[k, a, b]]
        a, b = a - i, b - (j - i)
    return left, right, contrast


def _smoothed(values: np.ndarray) -> np.ndarray:
    kernel = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.6**2))
    return np.convolve(np.pad(values, 5, mode="edge"), kernel / kernel.sum(), mode="valid")


def warp(
    garment: Garment, marks: dict[str, np.ndarray], target: Fit, body: Body, size: tuple[int, int], opening: Opening
) -> list[Part]:
    """Warp an open garment.

    Returns:
        Parts from back to front; the two panels take the place of the part "torso".
    """
    parts = skeleton.warp(garment, marks, target, body, size)
    place = next(i for i, part in enumerate(parts) if part.name == "torso")
    weight = parts[place].weight
    shares = opening.sides(weight.shape)
    tgt, src = skeleton._torso_mesh(garment, marks, target, body)
    panels = []
    for side in (0, 1):
        grid, covered = rasterize(_moved(tgt, src, opening, target, body, side), src, size)
        panels.append(Part("torso", grid, np.minimum(weight, shares[side]), covered))
    return [*parts[:place], *panels, *parts[place + 1 :]]


def _moved(tgt: np.ndarray, src: np.ndarray, opening: Opening, target: Fit, body: Body, side: int) -> np.ndarray:
    """Mesh targets (R, C, 2) with the opening's edge on one side moved out to where it lies on the body."""
    sign = 1.0 if side else -1.0
    name = SIDES[side]
    rel = src - opening.origin
    u, v = rel @ opening.across, rel @ opening.down
    edge = np.interp(v[:, 0], opening.v, opening.right if side else opening.left)
    centre = (target.points["neck_left"] + target.points["neck_right"]) / 2
    axis = (target.points["hem_left"] + target.points["hem_right"]) / 2 - centre
    down = axis / max(float(np.linalg.norm(axis)), 1e-6)
    across = np.array([down[1], -down[0]], np.float32)
    across = across if across @ body.across > 0 else -across
    x = (tgt - centre) @ across * sign  # outwards
    out = tgt.copy()
    along = (tgt - centre) @ down / max(float(axis @ down), 1.0)
    neck = abs(float((target.points[f"neck_{name}"] - centre) @ across))
    outer = [abs(float((target.points[f"{n}_{name}"] - centre) @ across)) for n in ("armpit", "hem")]
    for row in range(len(tgt)):
        at = float(along[row, len(tgt[row]) // 2])
        inner = float(np.interp(edge[row], u[row], x[row]))
        gap = float(np.interp(at, [0.0, 0.3, 1.0], [0.62 * neck, GAP_TOP * body.chest, GAP_HEM * body.chest]))
        gap = max(gap, inner)
        end = float(np.interp(at, [0.0, 0.3, 1.0], [outer[0], outer[0], outer[1]]))
        if end - inner < 1e-3 or end <= gap:
            continue
        s = (end - x[row]) / (end - inner)  # 0 at the side seam, 1 at the opening
        c = float(np.clip((end - inner) / (end - gap) - 1, 0, 0.8))
        bent = np.where(s > 1, 1 + (s - 1) * (1 + c), s + c * (s * s - s))
        moved = np.where(s < 0, x[row], end - bent * (end - gap))
        out[row] += ((moved - x[row]) * sign)[:, None] * across
    return out


def between(opening_parts: list[Part], coverage: np.ndarray) -> np.ndarray:
    """Where the body shows between the panels: bool (h, w), row by row from one inner edge to the other.

    Args:
        opening_parts: from `warp`; coverage: float32 (h, w) of all parts.
    """
    out = np.zeros(coverage.shape, bool)
    panels = [part for part in opening_parts if part.name == "torso"]
    masks = []
    for part in panels:
        x, y = part.grid[..., 0] - 0.5, part.grid[..., 1] - 0.5
        masks.append(
            (cv2.remap(part.weight, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.5) & part.covered
        )
    columns = np.arange(coverage.shape[1])
    for row in np.flatnonzero(masks[0].any(1) & masks[1].any(1)):
        first = int(np.flatnonzero(masks[0][row])[-1])
        last = int(np.flatnonzero(masks[1][row])[0])
        out[row] = (columns > first) & (columns < last)
    return out

"""Strips: pieces of a worn garment along a bone or an axis, measured in the photo and laid out straight.

A strip has stations along its spine. At each station a line runs across the body; where it leaves the cloth is the
garment's edge. What lies in front (arms, hair, bags) hides an edge; then the other side or the neighbours tell.

Convention: pixel centres at integer + 0.5. Sides: index 0 lies left in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..types import Length, Sleeve
from .mesh import rasterize

#: What a pixel is for one strip. ARM hides like HIDDEN, but what lies beyond it is hardly ever the strip's.
OUT, CLOTH, HIDDEN, ARM = 0, 1, 2, 3
#: Where the columns of a strip lie, in shares of the half breadth; beyond 1 is a margin round the cloth.
COLUMNS = np.array([-1.3, -1.12, -1, -0.85, -0.65, -0.45, -0.22, 0, 0.22, 0.45, 0.65, 0.85, 1, 1.12, 1.3])


@dataclass(frozen=True)
class Edge:
    """How far the cloth reaches from each station.

    Args:
        reach: float (R,), px from the spine to the last cloth (a lower bound where not seen).
        seen: bool (R,), whether the cloth ends there in sight.
    """

    reach: np.ndarray
    seen: np.ndarray


def cast(kinds: np.ndarray, start: np.ndarray, direction: np.ndarray, limit: np.ndarray, gap: float) -> Edge:
    """Follow the lines from the spine outwards to the end of the cloth.

    Args:
        kinds: uint8 (h, w) of OUT, CLOTH, HIDDEN, ARM; outside of the picture counts as HIDDEN.
        start, direction: (R, 2), px and unit vectors; limit: (R,), px.
        gap: px of OUT that end the cloth; shorter gaps are errors of the parse.
    """
    h, w = kinds.shape
    steps = np.arange(0.0, float(np.max(limit)) + 1)
    at = np.floor(start[:, None] + direction[:, None] * steps[None, :, None]).astype(int)
    inside = (at[..., 0] >= 0) & (at[..., 1] >= 0) & (at[..., 0] < w) & (at[..., 1] < h)
    rows = np.full(inside.shape, HIDDEN, np.uint8)
    rows[inside] = kinds[at[inside, 1], at[inside, 0]]
    reach, seen = np.zeros(len(rows)), np.zeros(len(rows), bool)
    for i, row in enumerate(rows):
        row = row[: int(limit[i]) + 1]
        out = row == OUT
        run = np.convolve(out, np.ones(max(round(gap), 1), int), mode="valid") == max(round(gap), 1)
        ends = np.flatnonzero(run)
        stop = int(ends[0]) if len(ends) else len(row)
        row[:stop] = _beyond_arm(row[:stop], 1.5 * gap)
        cloth = np.flatnonzero(row[:stop] == CLOTH)
        if len(cloth) == 0:
            continue
        reach[i] = cloth[-1] + 1
        seen[i] = cloth[-1] + 1 < len(row) and bool(out[cloth[-1] + 1 : cloth[-1] + 3].all())
    return Edge(reach, seen)


def _beyond_arm(row: np.ndarray, least: float) -> np.ndarray:
    """A line with the slivers of cloth beyond an arm made HIDDEN: they are the sleeve's own fringe."""
    row = row.copy()
    arms = np.flatnonzero(row == ARM)
    if len(arms) == 0:
        return row
    cloth = np.concatenate([[0], (row == CLOTH).astype(int), [0]])
    starts, ends = np.flatnonzero(np.diff(cloth) == 1), np.flatnonzero(np.diff(cloth) == -1)
    for start, end in zip(starts, ends, strict=True):
        if start > arms[0] and end - start < least:
            row[start:end] = HIDDEN
    return row


def settle(edges: list[Edge], usual: np.ndarray, smooth: float) -> tuple[np.ndarray, float]:
    """One breadth for each station from all edges that show it: ((R,), share of the stations that were seen).

    Stations that nobody saw take the neighbours' share of `usual`, but never less than the cloth that is there.

    Args:
        usual: (R,), what is expected without any sight, px.
        smooth: standard deviation of the smoothing, in stations.
    """
    seen = np.stack([e.seen for e in edges]).astype(float)
    reach = np.stack([e.reach for e in edges])
    weight = seen.sum(0)
    share = (seen * reach).sum(0) / np.maximum(weight, 1e-6) / usual
    least = np.max(reach, axis=0) / usual
    known = weight > 0
    stations = np.arange(len(usual))
    if known.any():
        median = float(np.median(share[known]))
        around = np.exp(-0.5 * ((stations[:, None] - stations[known][None]) / 4.0) ** 2)
        far = 0.05 * np.ones(len(usual))
        guess = (around @ share[known] + far * median) / (around.sum(1) + far)
        share = np.where(known, share, np.clip(least, 0.95 * guess, 1.15 * guess))
    else:
        share = np.clip(least, 0.95, 1.15)
    return smoothed(share, smooth) * usual, float(known.mean())


def smoothed(values: np.ndarray, sigma: float) -> np.ndarray:
    """Median of three, then a Gaussian along a (R,) profile; ends repeated."""
    padded = np.pad(values, 1, mode="edge")
    middle = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    r = max(int(3 * sigma), 1)
    kernel = np.exp(-0.5 * (np.arange(-r, r + 1) / max(sigma, 1e-3)) ** 2)
    return np.convolve(np.pad(middle, r, mode="edge"), kernel / kernel.sum(), mode="valid")


def bent(share: np.ndarray) -> np.ndarray:
    """Where a column of flat cloth shows on a round body, in shares of the half breadth (as the skeleton warp does)."""
    a = np.clip(np.abs(share), 0, 1)
    return np.sign(share) * (0.5 * a + 0.5 * np.sin(a * np.pi / 2) + 0.5 * np.maximum(np.abs(share) - 1, 0))


@dataclass(frozen=True)
class Strip:
    """A mesh between photo and flat-lay.

    Args:
        name: of the part.
        worn, flat: float32 (R, C, 2), px of the photo's canvas and of the flat-lay.
        kinds: uint8 (h, w), what the canvas shows for this strip.
    """

    name: str
    worn: np.ndarray
    flat: np.ndarray
    kinds: np.ndarray


@dataclass(frozen=True)
class Shape:
    """A worn garment, measured and laid out.

    Args:
        strips: its pieces.
        outlines: polygon (N, 2) round each strip's cloth, flat-lay px, by the strip's name.
        sure: polygons in which these outlines decide alone; elsewhere the cloth that is seen decides.
        rows: (top, low) px, rows between which unseen pixels are cloth.
        open_half: px beside the axis within which gaps may be the front's opening or the space between the legs.
        marks: landmarks that are known by construction, flat-lay px.
        size: (H, W) of the flat-lay; axis: its symmetry axis' x, px.
        seen: share of the edges that were in sight.
        sleeve: of tops and dresses; length: of lower garments.
    """

    strips: list[Strip]
    outlines: dict[str, np.ndarray]
    sure: list[np.ndarray]
    rows: tuple[float, float]
    open_half: float
    marks: dict[str, np.ndarray]
    size: tuple[int, int]
    axis: float
    seen: float
    sleeve: Sleeve | None = None
    length: Length | None = None


@dataclass(frozen=True)
class Laid:
    """A strip laid out flat.

    Args:
        rgb: float32 (H, W, 3); cloth: float32 (H, W), 1 = cloth, 0 = not; known: float32 (H, W), how far that is seen.
        covered: bool (H, W), where the strip lies.
    """

    rgb: np.ndarray
    cloth: np.ndarray
    known: np.ndarray
    covered: np.ndarray


def lay(strip: Strip, image: np.ndarray, size: tuple[int, int], rim: float) -> Laid:
    """Resample a strip to the flat-lay.

    Args:
        image: uint8 (h, w, 3), the photo's canvas; size: (H, W) of the flat-lay.
        rim: px round what hides the cloth in which its outline may err; they count as hidden.
    """
    r = max(round(rim), 1)
    near = cv2.dilate((strip.kinds >= HIDDEN).astype(np.uint8), np.ones((2 * r + 1, 2 * r + 1))) > 0
    kinds = np.where(near & (strip.kinds == CLOTH), HIDDEN, strip.kinds)
    grid, covered = rasterize(strip.flat, strip.worn, size)
    x, y = grid[..., 0] - 0.5, grid[..., 1] - 0.5

    def there(picture: np.ndarray, mode: int = cv2.BORDER_REPLICATE) -> np.ndarray:
        return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=mode)

    rgb = cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    plain = there((kinds < HIDDEN).astype(np.float32), cv2.BORDER_CONSTANT)
    cloth = there((kinds == CLOTH).astype(np.float32), cv2.BORDER_CONSTANT)
    share = np.where(plain > 0.02, cloth / np.maximum(plain, 0.02), 0)
    return Laid(rgb, np.clip(share, 0, 1), np.where(covered, plain, 0), covered)


def rooted(edge: np.ndarray, root: np.ndarray, share: np.ndarray) -> np.ndarray:
    """An edge (n, 2) that begins at the root and joins its own course over the first third; share (n, 1), 0 to 1."""
    k = np.clip(share / 0.34, 0, 1)
    return edge + (root - edge[0]) * (1 - k * k * (3 - 2 * k))


def ribbon(outer: np.ndarray, inner: np.ndarray, *, worn: bool) -> np.ndarray:
    """Vertices (n + 2, C, 2) from the outer (column 2) to the inner edge, one station more at each end.

    Args:
        worn: columns as they show on a round limb, else as they lie flat.
    """
    mid, half = (outer + inner) / 2, (outer - inner) / 2
    columns = bent(COLUMNS) if worn else COLUMNS
    mesh = mid[:, None] - half[:, None] * columns[None, :, None]
    return np.concatenate([[mesh[0] * 1.5 - mesh[1] * 0.5], mesh, [2 * mesh[-1] - mesh[-2]]])

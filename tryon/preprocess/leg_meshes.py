"""Meshes of lower garments between guiding lines (left edge, centre, right edge), in garment photo and on the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..types import Garment
from .body import Body
from .lower_body import STATIONS, LowerBody
from .sleeves import SIDES

if TYPE_CHECKING:
    from .legs import LegFit

#: Visible breadth over flat breadth on the hips, and on a leg.
HIPS_FLAT_TO_WORN, LEG_FLAT_TO_WORN = 0.76, 0.76
#: The share of a trouser leg's ease that shows at its outline; the rest falls in folds.
LEG_EASE = 0.55
#: A skirt's hem is at most so much broader than the hips.
WIDEST_HEM = 1.9

_COLUMNS = np.array([-1.15, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.15])


def hip_line(body: Body) -> np.ndarray:
    """Unit vector along the hips: their tilt, within reason."""
    d = body.hips[1] - body.hips[0]
    a = np.arctan2(body.across[0] * d[1] - body.across[1] * d[0], body.across @ d)
    a = float(np.clip(a, -0.13, 0.13))
    c, s = np.cos(a), np.sin(a)
    x, y = body.across
    return np.array([c * x - s * y, s * x + c * y], np.float32)


def leg_root(lower: LowerBody, body: Body, side: int) -> float:
    """Where along the leg the crotch's height lies."""
    t = np.linspace(0.0, 0.6, 61)
    return float(t[np.argmin(np.abs(body.along(lower.leg(side, t)) - body.along(lower.crotch)))])


def outline(outer: np.ndarray, inner: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the edges of a ribbon, two (n, 2), along its cross lines to the outline of the matte, by up to a third of
    its breadth. The first row stays; rows that mostly leave the matte follow their neighbours."""
    step = 0.025
    shares = np.arange(-0.35, 1.35 + step / 2, step, dtype=np.float32)
    points = (inner[:, None] + (outer - inner)[:, None] * shares[None, :, None]).astype(np.float32)
    cloth = cv2.remap(
        mask.astype(np.float32), points[..., 0] - 0.5, points[..., 1] - 0.5, cv2.INTER_LINEAR, borderValue=0
    )
    n = len(outer)
    ends = np.full((n, 2), np.nan)
    for i, row in enumerate(cloth > 0.5):
        change = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
        runs = [
            (shares[a] - step / 2, shares[b - 1] + step / 2) for a, b in zip(change[::2], change[1::2], strict=True)
        ]
        if runs:
            best = max(runs, key=lambda r: min(r[1], 1.0) - max(r[0], 0.0))
            if min(best[1], 1.0) - max(best[0], 0.0) > 0.6:
                ends[i] = best
    ends[0] = (0.0, 1.0)
    at = np.arange(n)
    for j in (0, 1):
        good = np.isfinite(ends[:, j])
        e = np.interp(at, at[good], ends[good, j])
        e = np.median(np.stack([np.pad(e, 2, mode="edge")[k : k + n] for k in range(5)]), axis=0)
        ends[:, j] = np.convolve(np.pad(e, 2, mode="edge"), np.array([1, 2, 3, 2, 1]) / 9, mode="valid")
    low, high = ends[:, :1], ends[:, 1:]
    return (inner + (outer - inner) * high).astype(np.float32), (inner + (outer - inner) * low).astype(np.float32)


def skirt_edges(garment: Garment, marks: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Left and right outline of a flat skirt from the waist to the hem: two (n, 2)."""
    q = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    edges = [marks[f"waist_{s}"] + (marks[f"hem_out_{s}"] - marks[f"waist_{s}"]) * q for s in SIDES]
    return outline(edges[0], edges[1], garment.mask)


def split_parts(garment: Garment, marks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Share of the matte for the hips and the legs: name -> float32 (Hg, Wg); the legs go on under the hips."""
    h, w = garment.mask.shape
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32) + 0.5
    p = np.stack([xx, yy], -1)
    crotch, tip = marks["crotch"], (marks["hem_in_left"] + marks["hem_in_right"]) / 2
    down = (tip - crotch) / max(float(np.linalg.norm(tip - crotch)), 1.0)
    across = np.array([-down[1], down[0]], np.float32)
    if across @ (marks["hip_right"] - marks["hip_left"]) < 0:
        across = -across
    soft = 0.004 * max(h, w) + 0.5
    aside = (p - crotch) @ across / soft
    below = np.full((h, w), np.inf, np.float32)  # below the bent line hip - crotch - hip
    for side, sign in (("left", -1.0), ("right", 1.0)):
        line = marks[f"hip_{side}"] - crotch
        normal = np.array([-line[1], line[0]], np.float32) / max(float(np.linalg.norm(line)), 1.0)
        normal *= 1.0 if normal @ down > 0 else -1.0
        here = aside * sign >= 0
        below = np.where(here, (p - crotch) @ normal, below)
    reach = 0.02 * float(np.linalg.norm(marks["hip_right"] - marks["hip_left"]))
    hips = np.clip((2 * reach - below) / (2 * reach), 0, 1)
    # the meshes round the corner of the gap: near the crotch its tip must not show as a hole
    r = max(round(2.5 * reach), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    closed = cv2.morphologyEx(garment.mask.astype(np.float32), cv2.MORPH_CLOSE, kernel)
    cloth = np.where(np.linalg.norm(p - crotch, axis=-1) < 10 * reach, closed, garment.mask)
    return {
        "hips": cloth * hips,
        "leg_left": cloth * np.clip(0.5 - aside, 0, 1),
        "leg_right": cloth * np.clip(0.5 + aside, 0, 1),
    }


def leg_mesh(
    garment: Garment, marks: dict[str, np.ndarray], target: LegFit, body: Body, lower: LowerBody, i: int, n: int = 22
) -> tuple[np.ndarray, np.ndarray]:
    """(target, source) vertices of a leg, each (n + 3, C, 2); the second column is the outer edge."""
    side = SIDES[i]
    q = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    outer = marks[f"hip_{side}"] + (marks[f"hem_out_{side}"] - marks[f"hip_{side}"]) * q
    inner = marks["crotch"] + (marks[f"hem_in_{side}"] - marks["crotch"]) * q
    outer, inner = outline(outer.astype(np.float32), inner.astype(np.float32), garment.mask)
    flat = np.linalg.norm(outer - inner, axis=1) / 2
    root = leg_root(lower, body, i)
    t = root + (target.ends[i] - root) * q[:, 0]
    axis, normal, radius = lower.leg(i, t), lower.across(i, t), lower.radius(i, t)
    width = _near_old(leg_breadth(target.scale * flat, radius), lower, i, t)
    gap = ((axis - lower.leg(1 - i, t)) * normal).sum(1)
    width[:, 1] = np.minimum(
        width[:, 1], np.maximum(np.interp(t, [root, 1.0, 1.4], [0.48, 0.46, 0.4]) * gap, 0.88 * radius)
    )
    edges = [axis + normal * width[:, :1], axis - normal * width[:, 1:]]
    k = np.clip(q / 0.3, 0, 1)
    k = 1 - k * k * (3 - 2 * k)
    edges[1] = edges[1] + (target.points["crotch"] - edges[1][0]) * k
    t_mid, t_half = (edges[0] + edges[1]) / 2, (edges[0] - edges[1]) / 2
    s_mid, s_half = (outer + inner) / 2, (outer - inner) / 2
    cols = -_COLUMNS[None, :, None]
    tgt, src = t_mid[:, None] + t_half[:, None] * cols, s_mid[:, None] + s_half[:, None] * cols
    up_t, up_s = tgt[1] - tgt[0], src[1] - src[0]
    tgt = np.concatenate([[tgt[0] - up_t], tgt, [2 * tgt[-1] - tgt[-2]], [3 * tgt[-1] - 2 * tgt[-2]]])
    src = np.concatenate([[src[0] - up_s], src, [2 * src[-1] - src[-2]], [3 * src[-1] - 2 * src[-2]]])
    return tgt.astype(np.float32), src.astype(np.float32)


def leg_breadth(flat: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Visible half breadths of a trouser leg from its flat ones and the bare leg's, px: broad legs fall in folds."""
    ease = np.maximum(LEG_FLAT_TO_WORN * flat - 1.07 * radius, 0)
    return 1.07 * radius + LEG_EASE * ease


def _near_old(want: np.ndarray, lower: LowerBody, side: int, t: np.ndarray) -> np.ndarray:
    """Half breadths (n, 2: outer, inner): `want`, but the worn garment's where that is nearly as broad, so that little
    has to be invented beside it."""
    out = []
    both = [np.interp(t, STATIONS, lower.old[side, :, j]) for j in (0, 1)]  # not-a-number stays so
    legs = np.isfinite(both[0] + both[1])  # a skirt has no inner edge; trousers have one from half of the thigh on
    legs |= (t < 0.55) & bool(legs[np.argmin(np.abs(t - 0.65))])
    for old in both:
        close = legs & np.isfinite(old) & (old > 0.85 * want) & (old < 1.3 * want)
        width = np.where(close, np.maximum(old * 1.03, want), want)
        kernel = np.array([1, 3, 5, 6, 5, 3, 1]) / 24
        out.append(np.convolve(np.pad(width, 3, mode="edge"), kernel, mode="valid"))
    return np.stack(out, 1)


def hips_mesh(
    garment: Garment,
    marks: dict[str, np.ndarray],
    target: LegFit,
    body: Body,
    lower: LowerBody,
    legs: tuple[np.ndarray, np.ndarray],
    n: int = 14,
) -> tuple[np.ndarray, np.ndarray]:
    """(target, source) vertices of the hips; the last rows lie below the crotch."""
    q = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    top = (marks["waist_left"] + marks["waist_right"]) / 2
    s_centre = top + (marks["crotch"] - top) * q
    left, right = (marks[f"waist_{s}"] + (marks[f"hip_{s}"] - marks[f"waist_{s}"]) * q for s in SIDES)
    left, right = outline(left.astype(np.float32), right.astype(np.float32), garment.mask)
    p = target.points
    t_top = (p["waist_left"] + p["waist_right"]) / 2
    t_centre = t_top + (p["crotch"] - t_top) * q
    t_edges = []
    for i, side in enumerate(SIDES):
        end = legs[i][1, 1]  # the first row is the root, its second column the outer edge
        t_edges.append(_hip_edge(p[f"waist_{side}"], end, body, lower, i, q[:, 0]))
    tgt = _three_lines(t_edges[0], t_centre, t_edges[1])
    src = _three_lines(left, s_centre, right)
    tgt = np.concatenate([[2 * tgt[0] - tgt[1]], tgt, [2 * tgt[-1] - tgt[-2]]])
    src = np.concatenate([[2 * src[0] - src[1]], src, [2 * src[-1] - src[-2]]])
    return tgt.astype(np.float32), src.astype(np.float32)


def _hip_edge(waist: np.ndarray, end: np.ndarray, body: Body, lower: LowerBody, side: int, q: np.ndarray) -> np.ndarray:
    """Outer edge from the waistband over the hip to the leg: (n, 2)."""
    sign = 1.0 if side else -1.0
    hip = body.at(1.0) + hip_line(body) * (sign * 1.03 * lower.hip_half[side])
    a, b, c = (float(body.along(x)) for x in (waist, hip, end))
    rows = a + (c - a) * q
    x = [float((v - body.neck) @ body.across) for v in (waist, hip, end)]
    if not a + 0.03 < b < c - 0.03:
        x, knots = [x[0], x[2]], [a, c]
    else:
        knots = [a, b, c]
    aside = np.interp(rows, knots, x)
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    smooth = np.convolve(np.pad(aside, 2, mode="reflect", reflect_type="odd"), kernel, mode="valid")
    return np.stack([body.at(r, v) for r, v in zip(rows, smooth, strict=True)])


def _three_lines(left: np.ndarray, centre: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Vertices (n, C, 2) between three lines (n, 2)."""
    c = _COLUMNS[None, :, None]
    aside = np.where(c < 0, (left - centre)[:, None] * -c, (right - centre)[:, None] * c)
    return centre[:, None] + aside


def skirt_mesh(
    garment: Garment, marks: dict[str, np.ndarray], target: LegFit, body: Body, lower: LowerBody, n: int = 30
) -> tuple[np.ndarray, np.ndarray]:
    """(target, source) vertices of a skirt."""
    left, right = skirt_edges(garment, marks, n)
    flat = np.linalg.norm(right - left, axis=1) / 2
    q = np.linspace(0, 1, n)
    rows = target.waist + (target.hem - target.waist) * q
    hips = hip_line(body)
    p = target.points
    hem_mid = (p["hem_out_left"] + p["hem_out_right"]) / 2
    top = body.at(target.waist)
    centre = top + (hem_mid - top) * q[:, None]
    half = float(np.linalg.norm(p["hem_out_right"] - p["hem_out_left"])) / 2
    edges = []
    for i in (0, 1):
        sign = 1.0 if i else -1.0
        width = HIPS_FLAT_TO_WORN * target.scale * flat
        width *= np.interp(q, [0, 1], [1, half / max(float(width[-1]), 1.0)])
        width = np.maximum(width, _floor(rows, centre, hips * sign, body, lower, i, target.ends[i]))
        width = np.minimum(width, WIDEST_HEM * sum(lower.hip_half) / 2)
        waist = 1.03 * lower.waist_half[i]
        join = np.clip((rows - target.waist) / 0.2, 0, 1)
        width = waist + (width - waist) * join * (2 - join)
        width = np.convolve(np.pad(width, 2, mode="reflect", reflect_type="odd"), np.ones(5) / 5, mode="valid")
        edges.append(centre + hips * (sign * width)[:, None])
    tgt = _three_lines(edges[0], centre, edges[1])
    src = _three_lines(left, (left + right) / 2, right)
    tgt = np.concatenate([[2 * tgt[0] - tgt[1]], tgt, [2 * tgt[-1] - tgt[-2]], [3 * tgt[-1] - 2 * tgt[-2]]])
    src = np.concatenate([[2 * src[0] - src[1]], src, [2 * src[-1] - src[-2]], [3 * src[-1] - 2 * src[-2]]])
    return tgt.astype(np.float32), src.astype(np.float32)


def _floor(
    rows: np.ndarray, centre: np.ndarray, out: np.ndarray, body: Body, lower: LowerBody, side: int, end: float
) -> np.ndarray:
    """Half breadths (n,) that a skirt needs so that hips and legs are inside."""
    t = np.linspace(0.15, max(end, 0.3), 40)
    least = np.interp(rows, [0.9, 1.02, 1.15], [0.92, 1.03, 1.03]) * lower.hip_half[side]
    need = np.where(rows > 1.25, 0.0, least)
    for i in (0, 1):  # legs may cross
        rim = lower.leg(i, t) + lower.across(i, t) * (1.1 * lower.radius(i, t) * (1 if i == side else -1))[:, None]
        along = body.along(rim)
        order = np.argsort(along)
        x = np.interp(rows, along[order], (rim @ out)[order]) - centre @ out
        need = np.maximum(need, np.where(rows > 1.1, x, 0))
    return np.maximum.accumulate(need) * 0.15 + need * 0.85

"""Worn trousers, shorts and skirts as strips: the hips along the trunk's axis, the legs along their bones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..labels import Label
from ..types import Length
from .body import Body
from .legs import FORESHORTENED, HIPS_FLAT_TO_WORN, LEG_FLAT_TO_WORN
from .lower_body import LowerBody
from .sleeves import SIDES
from .strips import CLOTH, COLUMNS, HIDDEN, OUT, Edge, Shape, Strip, bent, cast, ribbon, rooted, settle, smoothed

#: Stations along a leg.
STATIONS = 20
#: Breadth of a leg of trousers whose edges are hidden, in bare-leg radii, and the widest one.
USUAL_LEG, WIDEST_LEG = 1.25, 2.6
#: Limits of the flat-lay's length over the worn one.
STRETCH = (0.75, 1.5)
#: The legs of flat trousers turn outwards by this, degrees.
SPLAY = 3.0


def lower_end(kinds: np.ndarray, lower: LowerBody) -> float | None:
    """Where the cloth ends along the legs (0 hip, 1 knee, 2 ankle): the mean of both; None where not seen."""
    found = []
    t = np.linspace(0.15, 2.1, 79)
    for side in (0, 1):
        at = np.floor(lower.leg(side, t)).astype(int)
        inside = (at >= 0).all(1) & (at[:, 0] < kinds.shape[1]) & (at[:, 1] < kinds.shape[0])
        here = np.full(len(t), HIDDEN)
        here[inside] = kinds[at[inside, 1], at[inside, 0]]
        margin = np.where(here == CLOTH, 1.0, np.where(here == OUT, -1.0, 0.0))
        if (margin > 0).sum() < 5:
            continue
        agreement = np.concatenate([[0.0], 2 * np.cumsum(margin)]) - margin.sum()
        cut = int(np.argmax(agreement))
        if cut < len(t) or inside[-1]:
            found.append(float(t[max(cut - 1, 0)]))
    return float(np.mean(found)) if found else None


def is_skirt(kinds: np.ndarray, body: Body, lower: LowerBody, end: float) -> bool:
    """Whether the cloth runs through between the legs down to its end."""
    t = np.linspace(max(0.45, end - 0.45), max(0.5, end - 0.06), 10)
    left, right = lower.leg(0, t), lower.leg(1, t)
    across = []
    for share in (0.35, 0.42, 0.5, 0.58, 0.65):
        at = np.floor(left + (right - left) * share).astype(int)
        inside = (at >= 0).all(1) & (at[:, 0] < kinds.shape[1]) & (at[:, 1] < kinds.shape[0])
        across.append(kinds[at[inside, 1], at[inside, 0]])
    between = np.concatenate(across)
    if len(between) == 0 or (between == CLOTH).mean() < 0.75:
        return False
    # legs side by side fill the middle too; but they taper, and end at the ankles
    row = float(np.mean([body.along(lower.leg(i, end - 0.12)) for i in (0, 1)]))
    limit = np.array([1.2 * body.breadth])
    half = [
        float(cast(kinds, body.at(row, float((body.pelvis - body.neck) @ body.across))[None],
                   (body.across * sign)[None], limit, 0.06 * body.breadth).reach[0]) for sign in (-1.0, 1.0)
    ]  # fmt: skip
    return end < 1.6 or sum(half) > 0.95 * sum(lower.hip_half)


def length_class(end: float) -> Length:
    """The class that the landmark network would name."""
    return "short" if end < 0.86 else "knee" if end < 1.4 else "long"


@dataclass(frozen=True)
class _Rows:
    """Rows across both hips: torso lengths (R,), centre (R, 2), breadths (2, R) in the photo, flat half (R,)."""

    along: np.ndarray
    centre: np.ndarray
    own: np.ndarray
    half: np.ndarray
    seen: float


def _rows(body: Body, lower: LowerBody, kinds: np.ndarray, along: np.ndarray, hem: float, skirt: bool) -> _Rows:
    pelvis = float((body.pelvis - body.neck) @ body.across)
    middles = np.stack([(lower.leg(0, t) + lower.leg(1, t)) / 2 for t in np.linspace(0, 2.1, 43)])
    rows = body.along(middles)
    aside = np.interp(along, rows, (middles - body.neck) @ body.across)
    aside = np.where(along < 1.0, pelvis, pelvis + (aside - pelvis) * np.clip((along - 1.0) / 0.4, 0, 1))
    centre = np.stack([body.at(float(a), float(x)) for a, x in zip(along, aside, strict=True)])
    usual = np.interp(along, [lower.waist, 1.02, 1.3, 2.8], [sum(lower.waist_half) / 2, *[sum(lower.hip_half) / 2] * 3])
    limit = np.interp(along, [0.9, 1.3, 2.8], [1.25, 1.6, 2.6]) * sum(lower.hip_half) / 2
    edges = []
    for sign in (-1.0, 1.0):
        edge = cast(kinds, centre, np.broadcast_to(body.across * sign, centre.shape), limit, 0.07 * body.breadth)
        edges.append(Edge(edge.reach, edge.seen & (along < hem - 0.03)))
    mean, seen = settle(edges, usual, 1.2)
    own = [settle([e], mean, 1.2)[0] if e.seen.mean() > 0.3 else mean for e in edges]
    return _Rows(along, centre, np.stack(own), mean / HIPS_FLAT_TO_WORN, seen)


def _mesh(rows: _Rows, body: Body, axis: float, y: np.ndarray, kinds: np.ndarray, name: str) -> Strip:
    offset = np.where(COLUMNS < 0, rows.own[0][:, None], rows.own[1][:, None]) * bent(COLUMNS)
    worn = rows.centre[:, None] + body.across * offset[..., None]
    flat = np.stack([axis + COLUMNS * rows.half[:, None], np.broadcast_to(y[:, None], offset.shape)], -1)
    return Strip(name, worn, flat, kinds)


def lower_shape(parse: np.ndarray, body: Body, lower: LowerBody, cloth: np.ndarray, hides: np.ndarray) -> Shape:
    """Measure worn trousers, shorts or a skirt.

    Args:
        parse: uint8 (h, w); lower: `lower_body.measure` of it; cloth, hides: bool (h, w), see `top_shape`.
    """
    kinds = np.where(cloth, CLOTH, np.where(hides, HIDDEN, OUT)).astype(np.uint8)
    kinds[(parse == Label.SHOES) & ~cloth] = HIDDEN
    end = lower_end(kinds, lower) or 1.9
    if is_skirt(kinds, body, lower, end):
        return _skirt(body, lower, kinds, end)
    return _trousers(body, lower, kinds, 2.0 if end > 1.75 else end)


def _skirt_stretch(lower: LowerBody, rows: _Rows) -> float:
    """Length of the flat skirt over the worn one, so that `legs.fit` finds the same length again."""
    waist, hips = (2 * HIPS_FLAT_TO_WORN * float(np.interp(r, rows.along, rows.half)) for r in (lower.waist, 1.02))
    by_hips = sum(lower.hip_half) / hips
    by_waist = sum(lower.waist_half) / max(waist, 0.55 * hips)
    scale = float(np.sqrt(by_hips * np.clip(by_waist, 0.8 * by_hips, 1.35 * by_hips)))
    return float(np.clip(1 / scale, *STRETCH))


def _skirt(body: Body, lower: LowerBody, kinds: np.ndarray, end: float) -> Shape:
    hem = float(np.mean([body.along(lower.leg(i, end)) for i in (0, 1)]))
    along = np.concatenate([np.linspace(lower.waist - 0.04, hem, 26), [hem + 0.05, hem + 0.1]])
    rows = _rows(body, lower, kinds, along, hem, True)
    margin = 0.12 * body.length
    axis = float(np.ceil(rows.half.max() + margin))
    y = (along - along[0]) * body.length * _skirt_stretch(lower, rows) + margin / 2
    size = (int(np.ceil(y[-1] + margin)), int(2 * axis))
    strip = _mesh(rows, body, axis, y, kinds, "skirt")
    rim = np.stack([rows.half, y], 1)
    outline = np.concatenate([rim * [-1, 1] + [axis, 0], (rim + [axis, 0])[::-1]])
    marks = {}
    top, low = (float(np.interp(r, along, y)) for r in (lower.waist, hem))
    inside = along < hem
    for i, side in enumerate(SIDES):
        sign = 1 if i else -1
        widest = int(np.argmax(rows.half[:12]))
        marks[f"waist_{side}"] = np.array([axis + sign * float(np.interp(lower.waist, along, rows.half)), top])
        marks[f"hip_{side}"] = np.array([axis + sign * rows.half[widest], y[widest]])
        marks[f"hem_out_{side}"] = np.array([axis + sign * float(np.interp(hem, along, rows.half)), low])
    body_rows = rim[inside & (y < low - 0.06 * body.length)]
    sure = [np.concatenate([body_rows * [-1, 1] + [axis, 0], (body_rows + [axis, 0])[::-1]])]
    return Shape([strip], {"skirt": outline}, sure, (0, low), 0.0, marks, size, axis, rows.seen,
                 length=length_class(end))  # fmt: skip


def _leg(
    body: Body, lower: LowerBody, kinds: np.ndarray, side: int, t: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray, float]:
    """Outer and inner edge in the photo (n, 2), the mean half breadth in bare-leg radii (n,), and the share seen."""
    axis, radius, normal = lower.leg(side, t), lower.radius(side, t), lower.across(side, t)
    other = lower.leg(1 - side, t)
    apart = np.abs(((other - axis) * normal).sum(1)) / 2
    edges, shares, seen = [], [], []
    for turn, limit in ((1.0, WIDEST_LEG * radius), (-1.0, np.clip(apart, 0.8 * radius, WIDEST_LEG * radius))):
        edge = cast(kinds, axis, normal * turn, limit, 0.3 * float(radius.mean()))
        touching = (turn < 0) & (edge.reach >= limit - 1.5)
        edge = Edge(edge.reach, (edge.seen & (edge.reach > 0.6 * radius)) | touching)
        usual = np.minimum(USUAL_LEG * radius, limit)
        share = settle([edge], usual, 1.0)[0] / radius if edge.seen.mean() > 0.2 else usual / radius
        share = np.clip(share, 0.7, limit / radius)
        edges.append(axis + normal * (turn * share * radius)[:, None])
        shares.append(share)
        seen.append(float(edge.seen.mean()))
    return edges, np.mean(shares, axis=0), float(np.mean(seen))


@dataclass(frozen=True)
class _Leg:
    """A worn leg: outer and inner edge (n, 2) in the photo, what the canvas shows for it, the share seen."""

    edges: list[np.ndarray]
    kinds: np.ndarray
    seen: float


def _both_legs(
    body: Body, lower: LowerBody, kinds: np.ndarray, stations: list[np.ndarray]
) -> tuple[list[_Leg], np.ndarray]:
    """Both legs, and the half breadth (n,) of each flat one."""
    legs, halves = [], []
    for i, t in enumerate(stations):
        own = kinds.copy()
        if lower.back_leg == i:
            own[lower.mask(1 - i, kinds.shape, 0.6, 2.0, 1.0) > 0.5] = HIDDEN
        edges, share, seen = _leg(body, lower, own, i, t)
        legs.append(_Leg(edges, own, seen))
        halves.append(share * lower.radius(i, t))
    weight = [leg.seen + 0.02 for leg in legs]
    return legs, smoothed(np.average(halves, axis=0, weights=weight), 1.0) / LEG_FLAT_TO_WORN


def _bone(body: Body, lower: LowerBody, roots: list[float]) -> float:
    """Length of a leg's segment, px, as `legs.fit` has it."""
    ends = [lower.leg(i, np.array([roots[i], 1.0, 2.0])) for i in (0, 1)]
    thigh, shin = np.mean([np.linalg.norm(np.diff(e, axis=0), axis=1) for e in ends], axis=0)
    return max(float(thigh / max(1 - float(np.mean(roots)), 0.3) + shin) / 2, 0.45 * body.length)


def _trousers(body: Body, lower: LowerBody, kinds: np.ndarray, end: float) -> Shape:
    crotch = float(body.along(lower.crotch))
    along = np.linspace(lower.waist - 0.04, crotch + 0.06, 12)
    rows = _rows(body, lower, kinds, along, 9.0, False)
    hip_half = float(np.interp(crotch, along, rows.half))
    fine = np.linspace(0, 0.6, 61)
    roots = [float(fine[np.argmin(np.abs(body.along(lower.leg(i, fine)) - crotch))]) for i in (0, 1)]
    share = np.linspace(0, 1, STATIONS)[:, None]
    legs, half = _both_legs(body, lower, kinds, [r + (end - r) * share[:, 0] for r in roots])
    half = np.minimum(half, np.interp(share[:, 0], [0, 1], [0.5, 0.62]) * hip_half)
    length = length_class(end)
    reach = (end - float(np.mean(roots))) * _bone(body, lower, roots) / FORESHORTENED[length]
    waist_half = float(np.interp(lower.waist, along, rows.half))
    stretch = HIPS_FLAT_TO_WORN * 2 * (0.3 * waist_half + 0.7 * hip_half) / sum(lower.hip_half)
    stretch = float(np.clip(stretch, *STRETCH))  # `legs.fit` takes these breadths for its measure
    reach *= stretch
    margin = 0.12 * body.length
    y0 = (along - along[0]) * body.length * stretch + margin / 2
    crotch_y = float(np.interp(crotch, along, y0))
    slant = np.tan(np.radians(SPLAY))
    spine = 0.5 * hip_half + slant * share[:, 0] * reach
    axis = float(np.ceil(max(float((spine + half).max()), float(rows.half.max())) + margin))
    size = (int(np.ceil(crotch_y + reach + margin)), int(2 * axis))
    strips = [_mesh(rows, body, axis, y0, kinds, "hips")]
    upper = along <= crotch + 1e-6
    rim = np.stack([rows.half, y0], 1)[upper]
    rim = np.concatenate([rim, [[hip_half, crotch_y]]])
    outlines = {"hips": np.concatenate([rim * [-1, 1] + [axis, 0], (rim + [axis, 0])[::-1]])}
    marks = {"crotch": np.array([axis, crotch_y])}
    for i, side in enumerate(SIDES):
        sign = 1.0 if i else -1.0
        hip = np.array([axis + sign * hip_half, crotch_y])
        mid = np.stack([axis + sign * spine, crotch_y + share[:, 0] * reach], 1)
        flat = [rooted(mid + np.array([sign, 0]) * half[:, None], hip, share),
                rooted(mid - np.array([sign, 0]) * half[:, None], marks["crotch"], share)]  # fmt: skip
        row = int(np.argmin(np.abs(along - crotch)))
        outer = rows.centre[row] + body.across * sign * rows.own[i, row]
        worn = [rooted(legs[i].edges[0], outer, share), rooted(legs[i].edges[1], lower.crotch, share)]
        strips.append(Strip(f"leg_{side}", ribbon(*worn, worn=True), ribbon(*flat, worn=False), legs[i].kinds))
        outlines[f"leg_{side}"] = np.concatenate([flat[0], flat[1][::-1]])
        marks[f"waist_{side}"] = np.array([axis + sign * waist_half, float(np.interp(lower.waist, along, y0))])
        marks[f"hip_{side}"] = hip
        marks[f"knee_{side}"] = flat[0][STATIONS // 2]
        marks[f"hem_out_{side}"], marks[f"hem_in_{side}"] = flat[0][-1], flat[1][-1]
    sure = list(outlines.values())
    seen = float(np.mean([rows.seen, *(leg.seen for leg in legs)]))
    return Shape(strips, outlines, sure, (0, size[0]), 0.3 * hip_half, marks, size, axis, seen, length=length)

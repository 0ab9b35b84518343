"""A worn top or dress as strips: the trunk along its axis, the sleeves along the arms' bones.

The flat-lay's measures are chosen so that `skeleton.fit` finds the same place on the same body again: the armpits are
as far apart as a garment of the body's size has them, a loose garment reaches beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..labels import Label
from ..types import Sleeve
from .arms import arm_mask, arm_stations
from .body import Body, trunk_mask
from .skeleton import CHEST_EASE, FLAT_TO_WORN
from .sleeves import SIDES, SLEEVE_TO_ARM
from .strips import ARM, CLOTH, COLUMNS, HIDDEN, OUT, Edge, Shape, Strip, bent, cast, ribbon, rooted, settle, smoothed

#: Armpit below and shoulder above the joints' line, and the neck above it, torso lengths.
ARMPIT, SHOULDER, RISE = 0.31, 0.055, 0.125
#: Stretch of the rows above the armpits: cloth over the shoulder leans away from the camera.
TOP_STRETCH = 1.12
#: Direction of the flat sleeves, degrees below horizontal.
SLEEVE_ANGLE = 45.0
#: Breadth of a sleeve that hides its edges, in bare-arm radii, and the widest one.
USUAL_SLEEVE, WIDEST_SLEEVE = 1.3, 2.4
#: Length of an arm's segment in torso lengths, as `skeleton.fit` has it.
SEGMENT = 0.56
#: Least half breadth of the trunk over the usual one.
LEAST_TRUNK = 0.8
#: An arm shorter than this share of the other one in the picture tells less about the sleeves.
FORESHORTENED = 0.8
#: Stations along a sleeve.
STATIONS = 16


def sleeve_end(cloth: np.ndarray, skin: np.ndarray, body: Body, side: int) -> tuple[float, float]:
    """Where a sleeve ends (0 none, 1 elbow, 2 wrist) and how clearly the arm shows it, 0 to 1.

    The arm's axis is cut where cloth above and skin below agree best. Before the trunk, cloth tells little.

    Args:
        cloth, skin: bool (h, w).
    """
    t = np.linspace(0.2, 2.0, 37)
    points, radii = arm_stations(body, side, float(t[0]), float(t[-1]), len(t))
    normal = _normals(points)
    trunk = trunk_mask(body, cloth.shape, 0.85, 0.05, 1.2) > 0.5
    votes = np.zeros((2, len(t)))
    for offset in (-0.5, -0.25, 0.0, 0.25, 0.5):
        at = np.floor(points + normal * (offset * radii)[:, None]).astype(int)
        inside = (at >= 0).all(1) & (at[:, 0] < cloth.shape[1]) & (at[:, 1] < cloth.shape[0])
        x, y = at[inside].T
        weight = np.where(trunk[y, x], 0.2, 1.0)
        votes[0, inside] += weight * cloth[y, x]
        votes[1, inside] += skin[y, x]
    margin = (votes[0] - votes[1]) / 5
    agreement = np.concatenate([[0.0], 2 * np.cumsum(margin)]) - margin.sum()
    cut = int(np.argmax(agreement))
    end = 0.0 if cut == 0 else float(t[cut - 1] + (t[1] - t[0]) / 2)
    return (2.0 if end > 1.8 else end), float(agreement[cut]) / len(t)


def sleeve_class(end: float) -> Sleeve:
    """The class that the landmark network would name."""
    if end < 0.3:
        return "none"
    return "short" if end < 0.98 else "half" if end < 1.6 else "long"


def _normals(points: np.ndarray) -> np.ndarray:
    tangent = np.gradient(points, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    return np.stack([tangent[:, 1], -tangent[:, 0]], 1)


def _axis(body: Body, side: int, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fine = np.linspace(0, 2.4, 49)
    pts, r = arm_stations(body, side, 0.0, 2.4, 49)
    return np.stack([np.interp(t, fine, pts[:, i]) for i in (0, 1)], 1), np.interp(t, fine, r)


def _ends(cloth: np.ndarray, parse: np.ndarray, body: Body) -> tuple[tuple[float, float], float]:
    """Sleeve ends in the photo (left, right), and the one of the flat-lay."""
    found = [sleeve_end(cloth, parse == Label.ARMS, body, side) for side in (0, 1)]
    # an arm that is much foreshortened shows little
    reach = np.linalg.norm(body.elbows - body.shoulders, axis=1) + np.linalg.norm(body.wrists - body.elbows, axis=1)
    shown = np.minimum(reach / (FORESHORTENED * max(float(reach.max()), 1e-6)), 1)
    best = found[int(np.argmax([f[1] * share for f, share in zip(found, shown, strict=True)]))]
    near = [f for f in found if f[1] > 0.3 and abs(f[0] - best[0]) < 0.4] or [best]
    flat = float(np.average([f[0] for f in near], weights=[f[1] + 1e-3 for f in near]))
    ends = tuple(f[0] if f in near else flat for f in found)
    return (ends[0], ends[1]), flat


class _Trunk:
    """Rows of the trunk in the photo and in the flat-lay; they follow the tilt of the shoulders and the hips.

    Args:
        rows: (R,), torso lengths below the shoulder line; hem: of the garment.
    """

    def __init__(self, body: Body, rows: np.ndarray, hem: float) -> None:
        self.body, self.rows, self.hem = body, rows, hem
        tilts = []
        for pair, most in ((body.shoulders, 0.3), (body.hips, 0.15)):
            d = pair[1] - pair[0]
            tilts.append(float(np.clip(np.arctan2(d @ body.down, max(d @ body.across, 1e-3)), -most, most)))
        tilt = np.interp(rows, [ARMPIT, 1.0], tilts)
        self.across = np.cos(tilt)[:, None] * body.across + np.sin(tilt)[:, None] * body.down
        points = np.stack([body.at(float(a)) for a in rows])
        feet = body.ankles.mean(0) - body.pelvis
        drop = float(feet @ body.down)
        if drop > 0.3 * body.length:  # below the hips the axis turns towards the feet
            lean = float(np.clip((feet @ body.across) / drop, -0.25, 0.25))
            points = points + body.across * (lean * np.maximum(rows - 1.0, 0) * body.length)[:, None]
        self.centre = points
        rise = RISE * body.length
        self.top = TOP_STRETCH * (ARMPIT * body.length + rise)
        self.scale = 1.0
        self.slope = (hem * body.length + rise - self.top) / max((hem - ARMPIT) * body.length, 1e-3)

    def flat_y(self, along: float | np.ndarray) -> np.ndarray:
        """Px below the neck points' row of the flat-lay."""
        above = TOP_STRETCH * (np.asarray(along) + RISE) * self.body.length
        below = self.top + self.slope * (np.asarray(along) - ARMPIT) * self.body.length
        return np.where(np.asarray(along) < ARMPIT, above, below) * self.scale

    def fit_to(self, pit: float) -> None:
        """Scale the flat-lay's lengths: `skeleton.fit` takes the breadth at the armpits (`pit`, px) for its measure."""
        self.scale = float(np.clip(pit / (CHEST_EASE * self.body.chest), 0.8, 1.25))


def _trunk_kinds(
    parse: np.ndarray, body: Body, cloth: np.ndarray, hides: np.ndarray, ends: tuple[float, float]
) -> np.ndarray:
    """What the canvas shows for the trunk: sleeves and bare arms hide it."""
    kinds = np.where(cloth, CLOTH, np.where(hides, HIDDEN, OUT)).astype(np.uint8)
    kinds[parse == Label.ARMS] = ARM
    for side in (0, 1):
        if ends[side] < 0.45:
            continue
        arm = arm_mask(body, side, parse.shape, 1.2, 0.42, min(ends[side] + 0.1, 2.2)) > 0.5
        if not body.arm_front[side]:
            arm &= trunk_mask(body, parse.shape, 0.92, 0.05, 1.3) < 0.5
        kinds[arm & cloth] = ARM
    return kinds


def _shoulders(body: Body, kinds: np.ndarray) -> tuple[float, np.ndarray]:
    """Where the cloth rounds the shoulders: row in torso lengths, (2,) px from the axis."""
    rows, asides = [], []
    for i in (0, 1):
        out = body.across * (1.0 if i else -1.0)
        start = body.shoulders[i] - out * 0.12 * body.breadth + body.down * 0.1 * body.length
        ray = out * 0.75 - body.down * 0.66
        ray = (ray / np.linalg.norm(ray))[None]
        edge = cast(kinds, start[None], ray, np.array([0.5 * body.breadth]), 0.03 * body.breadth)
        usual = 0.3 * body.breadth
        reach = float(np.clip(edge.reach[0], 0.65 * usual, 1.15 * usual)) if edge.seen[0] else usual
        point = start + ray[0] * reach
        own = (body.shoulders[i] - body.neck) @ body.down  # the tilt of the shoulders is undone
        rows.append((float((point - body.neck) @ body.down) - float(own)) / body.length)
        asides.append(abs(float((point - body.neck) @ body.across)))
    return float(np.clip(np.mean(rows), -0.1, 0.05)), np.array(asides)


def _breadths(
    body: Body, kinds: np.ndarray, trunk: _Trunk, shoulder: tuple[float, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Half breadth of the trunk on both sides in the photo (2, R) and on average (R,), px; share seen.

    Args:
        shoulder: from `_shoulders` where sleeves bound the trunk above the armpits, else None.
    """
    rows, half = trunk.rows, CHEST_EASE * body.chest
    limit = np.interp(rows, [0, 0.6, 1.2, 3.0], [1.35, 1.5, 2.0, 3.2]) * half
    usual = half * np.interp(rows, [ARMPIT, 0.65, 1.0, 1.3], [1.0, 0.92, 1.04, 1.08])
    inset = 0.5 * half * np.clip((ARMPIT + 0.1 - rows) / 0.1, 0, 1)  # past the neckline
    edges = []
    for sign in (-1.0, 1.0):
        start = trunk.centre + trunk.across * (sign * inset)[:, None]
        edge = cast(kinds, start, trunk.across * sign, limit - inset, 0.08 * body.breadth)
        sure = (rows > (ARMPIT - 0.02 if shoulder is not None else -SHOULDER)) & (rows < trunk.hem - 0.04)
        edges.append(Edge(np.where((edge.reach > 0) & sure, edge.reach + inset, 0), edge.seen & sure))
    mean, seen = settle(edges, usual, 1.2)
    mean = np.maximum(mean, LEAST_TRUNK * usual)  # a body is in it
    own = [settle([edge], mean, 1.2)[0] if edge.seen.mean() > 0.3 else mean for edge in edges]
    own = [np.maximum(side, LEAST_TRUNK * usual) for side in own]
    if shoulder is not None:
        for i, side in enumerate(own):
            pit = float(np.interp(ARMPIT, rows, side))
            cap = np.interp(rows, [shoulder[0], ARMPIT], [shoulder[1][i], pit])
            own[i] = np.where(rows < ARMPIT, cap, side)
        mean = np.where(rows < ARMPIT, (own[0] + own[1]) / 2, mean)
    return np.stack(own), mean, seen


def hem_of(kinds: np.ndarray, body: Body, lowest: float) -> float | None:
    """Torso lengths from the shoulder line to the cloth's lower edge; None where no column shows it."""
    found: list[float] = []
    least: list[float] = []
    for aside in np.linspace(-0.8, 0.8, 17) * body.chest:
        for start in (0.45, 0.75):  # an open front has cloth at the sides only
            at, limit = body.at(start, aside)[None], np.array([(lowest - start) * body.length])
            edge = cast(kinds, at, body.down[None], limit, 0.06 * body.length)
            if edge.reach[0] < 0.05 * body.length:
                continue
            (found if edge.seen[0] else least).append(start + float(edge.reach[0]) / body.length)
            break
    if len(found) >= 3:
        return float(np.percentile(found, 75))
    return float(np.median(least)) if least else None


def top_shape(
    parse: np.ndarray,
    body: Body,
    cloth: np.ndarray,
    hides: np.ndarray,
    *,
    dress: bool = False,
    under: np.ndarray | None = None,
) -> Shape:
    """Measure a worn top or dress.

    Args:
        parse: uint8 (h, w); cloth: bool (h, w), the garment; hides: bool, what may lie in front of it.
        under: bool, what shows between the fronts of an open jacket, if it is one.

    Returns:
        Its strips. The flat-lay's unit is the canvas px.
    """
    ends, end = _ends(cloth, parse, body)
    sleeve = sleeve_class(end)
    kinds = _trunk_kinds(parse, body, cloth, hides, ends)
    hem = hem_of(kinds, body, 3.6 if dress else 2.3) or (1.8 if dress else 1.05)
    hem = float(np.clip(hem, 0.6, 3.6))
    low = np.linspace(ARMPIT, hem, round(6 + 10 * hem))
    rows = np.concatenate([np.linspace(-0.32, ARMPIT, 14)[:-1], low, [hem + 0.05, hem + 0.1]])
    trunk = _Trunk(body, rows, hem)
    across = kinds if under is None else np.where(under & (kinds == OUT), HIDDEN, kinds).astype(np.uint8)
    shoulder = _shoulders(body, kinds)
    own, mean, seen = _breadths(body, across, trunk, shoulder if sleeve != "none" else None)
    trunk.fit_to(float(np.interp(ARMPIT, rows, mean)))
    half, y = mean / FLAT_TO_WORN, trunk.flat_y(rows)
    reach = 0.0 if sleeve == "none" else (end * SEGMENT + 0.35) * body.length * 0.75 * trunk.scale
    axis = float(np.ceil(max(float(half.max()), float(np.interp(0, rows, half)) + reach) + 0.12 * body.length))
    shift = 0.06 * body.length - float(y[0])
    bottom = max(float(y[-1]), trunk.top * trunk.scale + reach) + shift + 0.06 * body.length
    size = (int(np.ceil(bottom)), int(2 * axis))
    offset = np.where(COLUMNS < 0, own[0][:, None], own[1][:, None]) * bent(COLUMNS)
    worn = trunk.centre[:, None] + trunk.across[:, None] * offset[..., None]
    flat = np.stack([axis + COLUMNS * half[:, None], np.broadcast_to((y + shift)[:, None], offset.shape)], -1)
    marks, roots = _landmarks(trunk, half, worn, {"shoulder": shoulder[0], "armpit": ARMPIT, "hem": hem}, axis, shift)
    marks["neck"] = np.array([axis, shift + float(trunk.flat_y(-RISE))])  # the usual row of the neck's seams
    slope = np.interp(rows, [-0.3, -0.22, shoulder[0]], [0.25, 0.3, 0.95]) * np.where(rows < shoulder[0], 1, np.inf)
    rim = np.stack([np.minimum(half, slope * body.breadth / FLAT_TO_WORN), y + shift], 1)
    outline = np.concatenate([rim * [-1, 1] + [axis, 0], (rim + [axis, 0])[::-1]])
    strips, outlines = [Strip("torso", worn, flat, kinds)], {"torso": outline}
    if sleeve != "none":
        for strip, edge, more in sleeve_strips(parse, body, (cloth, hides), roots, marks, (ends, end), trunk.scale):
            strips.append(strip)
            outlines[strip.name] = edge
            marks |= more
    sure = [o for n, o in outlines.items() if n != "torso"] + _sure_sides(rim, marks, axis, sleeve != "none")
    half_pit, between = float(marks["armpit_right"][0]) - axis, (marks["shoulder_left"][1], marks["hem_left"][1])
    return Shape(strips, outlines, sure, (float(between[0]), float(between[1])), 0.35 * half_pit, marks, size, axis,
                 seen, sleeve)  # fmt: skip


def _landmarks(
    trunk: _Trunk, half: np.ndarray, worn: np.ndarray, rows: dict[str, float], axis: float, shift: float
) -> tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
    """The outline's landmarks at the given rows: in the flat-lay, and for each side in the photo."""
    marks, roots = {}, []
    for column, sign, side in ((2, -1, "left"), (-3, 1, "right")):
        for name, row in rows.items():
            x = axis + sign * float(np.interp(row, trunk.rows, half))
            marks[f"{name}_{side}"] = np.array([x, shift + float(trunk.flat_y(row))])
        roots.append(
            {n: np.stack([np.interp(r, trunk.rows, worn[:, column, k]) for k in (0, 1)]) for n, r in rows.items()}
        )
    return marks, roots


def _sure_sides(rim: np.ndarray, marks: dict[str, np.ndarray], axis: float, sleeved: bool) -> list[np.ndarray]:
    """Bands along both sides of the trunk in which its outline `rim` (R, 2; aside, y) decides alone."""
    pit, low = marks["armpit_right"], marks["hem_right"]
    half = float(pit[0]) - axis
    top = float(marks["shoulder_left"][1]) if sleeved else float(pit[1]) + 0.06 * half
    inner = (rim[:, 1] > top) & (rim[:, 1] < low[1] - 0.15 * half)
    if not inner.any():
        return []
    near = np.stack([np.minimum(0.6 * half, 0.8 * rim[inner, 0]), rim[inner, 1]], 1)
    band = np.concatenate([rim[inner], near[::-1]])
    return [band * [sign, 1] + [axis, 0] for sign in (-1, 1)]


@dataclass(frozen=True)
class _Arm:
    """A worn sleeve: stations of its outer and inner edge (2, n), the axis (2, n, 2), normals (2, n, 2) to the outer
    side, half breadths (2, n) in arm radii, radii (2, n), what the canvas shows, and the share seen."""

    t: np.ndarray
    axis: np.ndarray
    normal: np.ndarray
    share: np.ndarray
    radius: np.ndarray
    kinds: np.ndarray
    seen: float


def _arm(
    parse: np.ndarray, body: Body, cloth: np.ndarray, hides: np.ndarray, side: int, end: float, pit: np.ndarray
) -> _Arm:
    kinds = np.where(cloth, CLOTH, np.where(hides & (parse != Label.ARMS), HIDDEN, OUT)).astype(np.uint8)
    if not body.arm_front[side]:  # the trunk lies in front of it
        kinds[trunk_mask(body, parse.shape, 0.9, 0.1, 1.2) > 0.5] = HIDDEN
    fine = np.linspace(0.0, 1.2, 49)
    near = np.linalg.norm(_axis(body, side, fine)[0] - pit, axis=1)
    start = float(np.clip(fine[np.argmin(near)], 0.1, max(end - 0.14, 0.1)))
    t = np.stack([np.linspace(0.1, end, STATIONS), np.linspace(start, end, STATIONS)])
    parts = [_axis(body, side, row) for row in t]
    axis, radius = np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts])
    normal = np.stack([_normals(a) for a in axis]) * (-1.0 if side == 0 else 1.0)
    normal[1] *= -1
    # folds of the axis at a bent elbow: each edge is cast from it on its own side
    edges = [cast(kinds, axis[k], normal[k], WIDEST_SLEEVE * radius[k], 0.35 * float(radius[k].mean())) for k in (0, 1)]
    trusted = [
        Edge(e.reach, e.seen & (e.reach > 0.7 * radius[k]) & (t[k] > (0.15, 0.4)[k])) for k, e in enumerate(edges)
    ]
    usual = USUAL_SLEEVE * radius
    share = np.stack([settle([e], usual[k], 1.0)[0] / radius[k] for k, e in enumerate(trusted)])
    for k, e in enumerate(trusted):
        if e.seen.mean() < 0.25:
            share[k] = USUAL_SLEEVE
    return _Arm(t, axis, normal, np.clip(share, 0.9, WIDEST_SLEEVE), radius, kinds,
                float(np.mean([e.seen.mean() for e in trusted])))  # fmt: skip


def sleeve_strips(
    parse: np.ndarray,
    body: Body,
    masks: tuple[np.ndarray, np.ndarray],
    roots: list[dict[str, np.ndarray]],
    marks: dict[str, np.ndarray],
    ends: tuple[tuple[float, float], float],
    scale: float,
) -> list[tuple[Strip, np.ndarray, dict[str, np.ndarray]]]:
    """Both sleeves: (strip, outline in the flat-lay, landmarks).

    Args:
        masks: (cloth, hides); roots: per side, the shoulder and armpit in the photo; marks: those of the flat-lay.
        ends: ((left, right), flat) sleeve ends; scale: of the flat-lay.
    """
    arms = [_arm(parse, body, *masks, i, ends[0][i], roots[i]["armpit"]) for i in (0, 1)]
    weight = np.array([a.seen + 0.02 for a in arms])
    both = np.stack([a.share.mean(0) * a.radius.mean(0) for a in arms])
    half = smoothed((weight[:, None] * both).sum(0) / weight.sum(), 1.0) / SLEEVE_TO_ARM * scale
    angle = np.radians(SLEEVE_ANGLE)
    out = []
    for i, (side, arm) in enumerate(zip(SIDES, arms, strict=True)):
        sign = 1.0 if i else -1.0
        top, pit = marks[f"shoulder_{side}"], marks[f"armpit_{side}"]
        along = np.array([sign * np.cos(angle), np.sin(angle)])
        outward = np.array([sign * np.sin(angle), -np.cos(angle)])
        length = max((ends[1] * SEGMENT - 0.1) / 0.95, 0.12) * body.length * scale
        flat, worn = [], []
        for k, (root_flat, root_worn) in enumerate(((top, roots[i]["shoulder"]), (pit, roots[i]["armpit"]))):
            turn = 1.0 if k == 0 else -1.0
            share = np.linspace(0, 1, STATIONS)[:, None]
            spine = (top + pit) / 2 + along * (share * length)
            flat.append(rooted(spine + outward * (turn * half[:, None]), root_flat, share))
            edge = arm.axis[k] + arm.normal[k] * (arm.share[k] * arm.radius[k])[:, None]
            worn.append(rooted(edge, root_worn, share))
        strip = Strip(f"sleeve_{side}", ribbon(*worn, worn=True), ribbon(*flat, worn=False), arm.kinds)
        more = {f"sleeve_out_{side}": flat[0][-1], f"sleeve_in_{side}": flat[1][-1]}
        if sleeve_class(ends[1]) == "long":
            more[f"elbow_{side}"] = flat[0][STATIONS // 2]
        out.append((strip, np.concatenate([flat[0], flat[1][::-1]]), more))
    return out

"""Sleeves: their ribbon in the garment photo, and the arm on which it will lie (see `ribbons`)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..types import Garment, Sleeve
from .arms import angle, arm_stations
from .body import Body
from .colours import bins_of, histogram, lab_of
from .masks import at_points

SIDES = ("left", "right")
#: Visible breadth of a worn sleeve over its flat breadth (an arm is nearly round: 2/pi, plus ease).
SLEEVE_TO_ARM = 0.68
#: A flat long sleeve shorter than this many armpit breadths is folded, or its end was not found.
SHORTEST_LONG = 0.55
#: Shares of the outer edge's bend that the inner edge may have. Where a sleeve hangs down from a low shoulder, its
#: inner edge is nearly straight.
BENT = (0.8, 0.4, 0.0)
#: Another bend than the first must make the ribbon more even by this (variation of its breadth).
CLEARLY = 0.08
#: A sleeve is replaced by the mirrored other one where its bend (in 60 degrees) and the variation of its breadth
#: (standard deviation over mean) add up to this much more.
MIRRORED = 0.4
#: Colours of less than this share of the torso are foreign to it; a sleeve with more than this share of them, and
#: clearly more than the other, shows the other one.
RARE, STAINED = 3e-4, 0.008
#: A sleeve with so much more darkness than the torso has deep folds, and shows the other one or, if that has them too,
#: the torso's flank.
SHADOW = 0.0245
#: A short or half sleeve is replaced by the other one where it is so much less likely, see `_unlikely`.
ODD = 0.7
#: Where along an arm the worn sleeve's outline is looked for, see `arm_stations`, and up to how many bare-arm radii
#: from its axis.
STATIONS, FARTHEST = np.linspace(0.2, 2.0, 19), 1.75
_TORSO = (
    "neck_left", "shoulder_left", "armpit_left", "hem_left", "hem_right", "armpit_right", "shoulder_right", "neck_right"
)  # fmt: skip
#: A sleeve beyond this sum is no model for the other one.
CRUMPLED = 1.6


def polygon(size: tuple[int, int], points: list[np.ndarray]) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.round(np.stack(points) * 16 - 8).astype(np.int32)], 1, cv2.LINE_8, 4)
    return mask


def sleeve_sides(
    marks: dict[str, np.ndarray], side: str, n: int = 12, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Outer and inner edge of a flat sleeve from the shoulder to its end: two (n, 2), by stations of equal length.

    Args:
        mask: float32 (Hg, Wg), the matte: if given, the edges move to its outline where that is near.
    """
    o0, i0 = marks[f"shoulder_{side}"], marks[f"armpit_{side}"]
    o1, i1 = marks[f"sleeve_out_{side}"], marks[f"sleeve_in_{side}"]
    q = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    outer, inner = o0 + (o1 - o0) * q, i0 + (i1 - i0) * q
    if f"elbow_{side}" in marks:
        e = marks[f"elbow_{side}"]
        bulge = (e - (o0 + o1) / 2) * (4 * q * (1 - q))  # how far the outline leaves the straight line at half length
        if np.abs(bulge).max() > 0 and np.linalg.norm(bulge, axis=1).max() < 0.35 * float(np.linalg.norm(o1 - o0)):
            outer = outer + bulge
            if mask is None:
                return outer.astype(np.float32), (inner + BENT[0] * bulge).astype(np.float32)
            return _most_even([_to_outline(outer, inner + share * bulge, mask) for share in BENT], mask)
    if mask is not None:
        outer, inner = _to_outline(outer, inner, mask)
    return outer.astype(np.float32), inner.astype(np.float32)


def _most_even(ribbons: list[tuple[np.ndarray, np.ndarray]], mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ribbon (edges (n, 2)) whose breadth varies least and that leaves the matte least; the first one unless
    another is clearly better."""

    def oddness(ribbon: tuple[np.ndarray, np.ndarray]) -> float:
        outer, inner = ribbon
        wide = breadths(outer, inner)
        x, y = ((((outer + inner) / 2)[:, k] - 0.5).astype(np.float32)[None] for k in (0, 1))
        cloth = cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return float(wide.std() / max(float(wide.mean()), 1e-6)) + 2 * float((cloth < 0.5).mean())

    odd = [oddness(ribbon) for ribbon in ribbons]
    best = int(np.argmin(odd))
    outer, inner = ribbons[best if odd[best] < odd[0] - CLEARLY else 0]
    return outer.astype(np.float32), inner.astype(np.float32)


def _to_outline(outer: np.ndarray, inner: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the edges of a ribbon (n, 2) along its cross lines to the outline of the matte, by up to a third of its
    breadth."""
    step = 0.05
    shares = np.arange(-0.35, 1.35 + step / 2, step, dtype=np.float32)
    points = inner[:, None] + (outer - inner)[:, None] * shares[None, :, None]
    x, y = (points[..., i].astype(np.float32) - 0.5 for i in (0, 1))
    cloth = cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.5
    low, high = np.zeros(len(outer)), np.ones(len(outer))
    for i, row in enumerate(cloth):
        if not row.any():
            continue
        hits = np.flatnonzero(row)
        start = hits[np.argmin(np.abs(shares[hits] - 0.5))]
        gaps = np.flatnonzero(~row)
        above, below = gaps[gaps > start], gaps[gaps < start]
        if len(above):
            high[i] = shares[above[0]] - step / 2
        if len(below):  # without a gap the sleeve lies beside the torso
            low[i] = shares[below[-1]] + step / 2
    kernel = np.array([0.25, 0.5, 0.25])
    low, high = (np.convolve(np.pad(v, 1, mode="edge"), kernel, mode="valid")[:, None] for v in (low, high))
    low[0], high[0] = 0.0, 1.0
    high = np.maximum(high, low + 0.2)
    return inner + (outer - inner) * high, inner + (outer - inner) * low


def folded_sleeves(garment: Garment, marks: dict[str, np.ndarray]) -> set[str]:
    """Sides of long sleeves that do not lie open in the photo: folded over the body, or with an end that was not found.

    Their ribbon would be short, leave the garment, or run over the torso; `flank` has cloth for them.
    """
    if garment.sleeve != "long":
        return set()
    found = set()
    breadth = float(np.linalg.norm(marks["armpit_right"] - marks["armpit_left"]))
    h, w = garment.mask.shape
    torso = polygon((h, w), [marks[name] for name in _TORSO])
    for side in SIDES:
        if f"sleeve_out_{side}" not in marks:
            continue
        outer, inner = sleeve_sides(marks, side, mask=garment.mask)
        ribbon = polygon((h, w), [*outer, *inner[::-1]]) > 0
        length = float(np.linalg.norm((outer[-1] + inner[-1] - outer[0] - inner[0]) / 2))
        area = max(int(ribbon.sum()), 1)
        alone = float((garment.mask[ribbon] > 0.5).mean()) if ribbon.any() else 0.0
        shared = float((torso[ribbon] > 0).sum()) / area
        wide = breadths(outer, inner) / breadth
        crossed = float(np.median(wide)) < 0.06 or float(wide.max()) > 0.9
        if length < SHORTEST_LONG * breadth or alone < 0.72 or shared > 0.5 or crossed:
            found.add(side)
    return found


@dataclass(frozen=True)
class Ribbon:
    """How a flat sleeve lies: its length over the breadth between the armpits, the share of it that is cloth, the share
    that lies on the torso, and how far its end is from the corner of the hem, in that breadth."""

    length: float
    alone: float
    shared: float
    to_hem: float = 1.0


def measured(garment: Garment, marks: dict[str, np.ndarray]) -> dict[str, Ribbon]:
    """`Ribbon` of each sleeve that has corners, by side."""
    breadth = max(float(np.linalg.norm(marks["armpit_right"] - marks["armpit_left"])), 1.0)
    size = (garment.mask.shape[0], garment.mask.shape[1])
    torso = polygon(size, [marks[name] for name in _TORSO])
    found = {}
    for side in SIDES:
        if f"sleeve_out_{side}" not in marks:
            continue
        outer, inner = sleeve_sides(marks, side, mask=garment.mask)
        ribbon = polygon(size, [*outer, *inner[::-1]]) > 0
        area = max(int(ribbon.sum()), 1)
        middle = (outer + inner) / 2
        length = float(np.linalg.norm(np.diff(middle, axis=0), axis=1).sum())
        cloth, on_torso = int((garment.mask[ribbon] > 0.5).sum()), int((torso[ribbon] > 0).sum())
        ends = np.stack([marks[f"sleeve_out_{side}"], marks[f"sleeve_in_{side}"]]) - marks[f"hem_{side}"]
        to_hem = float(np.linalg.norm(ends, axis=1).min()) / breadth
        found[side] = Ribbon(length / breadth, cloth / area, on_torso / area, to_hem)
    return found


def measured_class(sleeve: Sleeve, ribbons: dict[str, Ribbon]) -> Sleeve:
    """The sleeve class where the corners say clearly that a short or half sleeve is none, or of another length.

    Args:
        sleeve: as the network has it.
    """
    if len(ribbons) < 2:
        return sleeve
    if sleeve == "long":  # a vest: one runs along the side of the torso, the other one ends at the hem
        one, other = sorted(ribbons.values(), key=lambda r: -r.shared)
        vest = one.shared > 0.6 and one.length < 0.75 and other.to_hem < 0.12
        return "none" if vest else sleeve
    if sleeve not in ("short", "half"):
        return sleeve
    if min(r.shared for r in ribbons.values()) > 0.5:  # both run along the sides of the torso
        return "none"
    better, worse = sorted(ribbons.values(), key=lambda r: -r.alone)
    if sleeve == "short" and better.length > 0.8 and better.alone > 0.9 and better.shared < 0.2 and worse.alone < 0.8:
        return "long"
    least, most = sorted(r.length for r in ribbons.values())
    if min(better.alone, worse.alone) > 0.85:  # of annotated sleeves: short ones .07 to .41, half ones .37 to 1.04
        if sleeve == "short" and least > 0.52:
            return "long" if least > 0.85 else "half"
        if sleeve == "half" and most < 0.32:
            return "short"
    return sleeve


def _unlikely(ribbon: Ribbon, sleeve: Sleeve) -> float:
    """How odd the ribbon of a short or half sleeve is."""
    usual = {"short": 0.25, "half": 0.6}[sleeve]
    return 3 * max(0.0, 0.9 - ribbon.alone) + abs(float(np.log(max(ribbon.length, 0.01) / usual)))


def sleeve_sources(garment: Garment, marks: dict[str, np.ndarray]) -> dict[str, str | None]:
    """Whose cloth each sleeve shows: its own side's, the other side's mirrored where that one lies much better, or
    None where neither is usable (see `flank`)."""
    folded = folded_sleeves(garment, marks)
    present = [side for side in SIDES if f"sleeve_out_{side}" in marks]
    own: dict[str, str | None] = {side: None if side in folded else side for side in present}
    if len(present) < 2:
        return own
    left, right = SIDES
    if garment.sleeve in ("short", "half"):
        odd = {side: _unlikely(r, garment.sleeve) for side, r in measured(garment, marks).items()}
        return {s: other if odd[s] > odd[other] + ODD else s for s, other in ((left, right), (right, left))}
    if garment.sleeve != "long":
        return own
    crumpled = {}
    for side in SIDES:
        outer, inner = sleeve_sides(marks, side, mask=garment.mask)
        wide, middle = breadths(outer, inner), (outer + inner) / 2
        half = len(middle) // 2
        upper, lower = middle[half - 1] - middle[0], middle[-1] - middle[half]
        crumpled[side] = angle(upper, lower) / 60 + float(wide.std() / max(float(wide.mean()), 1e-6))
    stained, dark = foreign(garment, marks), _shadows(garment, marks)
    for side in SIDES:
        if min(dark.values()) > SHADOW:  # no sleeve to show instead
            own[side] = None
    for side, other in ((left, right), (right, left)):
        if other in folded or own[other] is None or crumpled[other] > CRUMPLED:
            continue
        worse = stained[side] > STAINED and stained[side] > 1.3 * stained[other]
        worse |= dark[side] > max(SHADOW, dark[other] + SHADOW)
        if side in folded or crumpled[side] > crumpled[other] + MIRRORED or worse:
            own[side] = other
    return own


def _shadows(garment: Garment, marks: dict[str, np.ndarray]) -> dict[str, float]:
    """How much more of each sleeve, by side, than of the torso is much darker than usual there: deep folds, and gaps in
    a sleeve that is folded over. 0 of garments whose torso has such darkness, too."""
    step = max(max(garment.mask.shape) // 300, 1)
    light = cv2.cvtColor(np.ascontiguousarray(garment.image[::step, ::step]), cv2.COLOR_RGB2GRAY)
    size = (light.shape[0], light.shape[1])
    cloth = garment.mask[::step, ::step] > 0.5

    def dark(points: list[np.ndarray]) -> float:
        values = light[cloth & (polygon(size, [point / step for point in points]) > 0)]
        return float((values < 0.5 * np.median(values)).mean()) if len(values) else 0.0

    usual = dark([marks[name] for name in _TORSO])
    if usual > 1.5 * SHADOW:
        return dict.fromkeys(SIDES, 0.0)
    found = {}
    for side in SIDES:
        outer, inner = sleeve_sides(marks, side, mask=garment.mask)
        found[side] = dark([*outer, *inner[::-1]]) - usual
    return found


def foreign(garment: Garment, marks: dict[str, np.ndarray]) -> dict[str, float]:
    """The share of each sleeve, by side, whose colours the torso hardly has, such as the floor's in a gap."""
    lab = lab_of(garment.image)
    size = (garment.mask.shape[0], garment.mask.shape[1])
    cloth = garment.mask > 0.5
    torso = cloth & (polygon(size, [marks[name] for name in _TORSO]) > 0)
    rare = histogram(lab, torso).ravel() < RARE
    found = {}
    for side in SIDES:
        outer, inner = sleeve_sides(marks, side, mask=garment.mask)
        ribbon = cloth & (polygon(size, [*outer, *inner[::-1]]) > 0)
        found[side] = float(rare[bins_of(lab[ribbon])].mean()) if ribbon.any() else 0.0
    return found


def breadths(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Breadth of a ribbon across its run, px, at each of its stations: (n,)."""
    along = np.gradient((outer + inner) / 2, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    cross = outer - inner
    return np.abs(cross[:, 0] * along[:, 1] - cross[:, 1] * along[:, 0])


def flank(marks: dict[str, np.ndarray], side: str, n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A strip of the torso's side that stands in for a folded sleeve: edges as in `sleeve_sides`."""
    other = SIDES[1 - SIDES.index(side)]
    top, end = marks[f"armpit_{side}"], marks[f"hem_{side}"]
    inward = marks[f"armpit_{other}"] - top
    strip = inward * 0.34
    q = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    outer = top + inward * 0.02 + (end - top) * q * 0.95
    return outer.astype(np.float32), (outer + strip).astype(np.float32)


def worn_outline(worn: np.ndarray, unclear: np.ndarray, body: Body, side: int, *, inward: bool = False) -> np.ndarray:
    """How far what is worn reaches outward of an arm's axis: px at `STATIONS`, nan where no outline is near.

    Args:
        worn: bool (h, w), clothes and arms; unclear: bool (h, w), where their outline is not seen.
        inward: towards the trunk instead.
    """
    axis, radius = arm_axis(body, side, STATIONS)
    normal = outward(axis, side) * (-1 if inward else 1)
    steps = np.arange(0.6, FARTHEST + 0.15, 0.05)
    line = axis[:, None] + (steps[None] * radius[:, None])[..., None] * normal[:, None]
    seen = at_points(worn, line)
    end = steps[(~seen).argmax(1)]
    usable = seen[:, 0] & ~seen.all(1) & (end <= FARTHEST) & ~at_points(unclear, line).any(1)
    return np.where(usable, end * radius, np.nan)


def outward(axis: np.ndarray, side: int) -> np.ndarray:
    """Unit vectors from an arm's axis (n, 2) away from the body where it hangs."""
    tangent = np.gradient(axis, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    return np.stack([tangent[:, 1], -tangent[:, 0]], 1) * (-1.0 if side == 0 else 1.0)


def nearest(body: Body, side: int, point: np.ndarray, most: float) -> float:
    """Where along the arm a point lies, as in `arm_stations`: between 0.1 and `most`."""
    t = np.linspace(0.0, 1.2, 49)
    axis, _ = arm_axis(body, side, t)
    return float(np.clip(t[np.argmin(np.linalg.norm(axis - point, axis=1))], 0.1, most))


def arm_axis(body: Body, side: int, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points on an arm's axis at stations t (n,), and radii there, see `arm_stations`: ((n, 2), (n,))."""
    fine_t = np.linspace(0, 2.4, 49)
    pts, r = arm_stations(body, side, 0.0, 2.4, 49)
    return np.stack([np.interp(t, fine_t, pts[:, i]) for i in (0, 1)], 1), np.interp(t, fine_t, r)

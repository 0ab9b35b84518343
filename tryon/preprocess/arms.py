"""Arms and hands: where they are, what is seen of them, how they are drawn where clothes hid them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from .body import Body, tapered
from .masks import is_label, sizeable

#: How much of an arm's measured thickness is believed, and the most that comes of it.
BELIEVED, THINNEST, THICKEST = 0.7, 0.8, 1.25
#: A drawn arm comes to the seen one's place and thickness over so many stations.
MEETING = 0.5
#: A drawn wrist is moved to a seen hand by so much at most, shoulder breadths.
HAND_OFF = 0.3
#: A seen hand that is shorter than this, shoulder breadths, does not hide the end of a drawn arm.
HAND_LENGTH = 0.24
#: Below a sleeve lie its shadow and what of it was parsed as skin, over so many shoulder breadths.
CUFF_RIM = 0.055
#: It takes no more than this share of a hand.
MOST_OF_HAND = 0.3
#: Skin between so many radii from an arm's axis is none if it is a small piece, shoulder breadths.
BESIDE, BESIDE_SIZE = (1.18, 2.4), 0.2
#: So many tenths of an upper arm or forearm must be seen for the arm to be bare, on its axis and beside it.
SEEN_STATIONS, SEEN_BESIDE = 4, 6
#: An elbow that is bent more than this, degrees, lets forearm and upper arm lie over each other.
SHARP = 115.0


def angle(first: np.ndarray, second: np.ndarray) -> float:
    """Between two vectors (2,), degrees."""
    size = max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-6)
    return float(np.degrees(np.arccos(np.clip(first @ second / size, -1, 1))))


def elbow_bend(body: Body, side: int) -> float:
    """How far an arm is bent at the elbow, degrees: 0 straight."""
    return angle(body.elbows[side] - body.shoulders[side], body.wrists[side] - body.elbows[side])


def arm_stations(
    body: Body, side: int, start: float = 0.0, stop: float = 2.0, n: int = 13
) -> tuple[np.ndarray, np.ndarray]:
    """Points on an arm's axis and bare-arm radii: ((n, 2), (n,)); t = 0 shoulder, 1 elbow, 2 wrist, rounded at the
    elbow."""
    t = np.linspace(start, stop, n)
    s, e, w = body.shoulders[side], body.elbows[side], body.wrists[side]
    up = s + (e - s) * np.clip(t, None, 1)[:, None]
    low = e + (w - e) * np.clip(t - 1, 0, None)[:, None]
    pts = np.where(t[:, None] <= 1, up, low)
    # round the corner: quadratic Bezier between t = 0.85 and 1.15
    k = np.clip((t - 0.85) / 0.3, 0, 1)[:, None]
    a, b = s + (e - s) * 0.85, e + (w - e) * 0.15
    bez = (1 - k) ** 2 * a + 2 * k * (1 - k) * e + k**2 * b
    pts = np.where((t[:, None] > 0.85) & (t[:, None] < 1.15), bez, pts)
    radii = np.asarray(body.arm_radius(t), np.float64)
    cuff = body.cuffs[side]
    if cuff is not None and n > 1:  # what is drawn meets what is seen
        at, aside, thick = cuff
        share = np.clip(1 - (at - t) / MEETING, 0, 1)
        share = share * share * (3 - 2 * share)
        pts = pts + _across(pts) * (aside * radii * share)[:, None]
        radii = radii * (1 + (thick - 1) * share)
    return pts.astype(np.float32), radii.astype(np.float32)


def _across(points: np.ndarray) -> np.ndarray:
    """Unit vectors at right angles to a polyline (n, 2): (n, 2)."""
    tangent = np.gradient(points, axis=0)
    across = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
    return across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)


def arm_mask(
    body: Body, side: int, size: tuple[int, ...], grow: float = 1.0, start: float = 0.0, stop: float = 2.0
) -> np.ndarray:
    """Silhouette of a bare arm: float32 (H, W) in [0, 1]."""
    mask = np.zeros(size, np.uint8)
    pts, r = arm_stations(body, side, start, stop)
    tapered(mask, pts, r * grow)
    return mask.astype(np.float32) / 255


def _arm_seen(
    parse: np.ndarray, body: Body, side: int, stations: tuple[float, float, int], reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where cross-sections of an arm are parsed as skin, and where they are in the picture: bool (n, m), twice.

    Args:
        stations: start, stop and n of `arm_stations`; reach: (m,), places across, in radii from the axis.
    """
    points, radii = arm_stations(body, side, *stations)
    spots = points[:, None] + _across(points)[:, None] * radii[:, None, None] * reach[:, None]
    x, y = np.moveaxis(np.floor(spots).astype(int), -1, 0)
    inside = (x >= 0) & (y >= 0) & (x < parse.shape[1]) & (y < parse.shape[0])
    found = parse[y.clip(0, parse.shape[0] - 1), x.clip(0, parse.shape[1] - 1)]
    return (found == Label.ARMS) & inside, inside


def bare_from(parse: np.ndarray, body: Body, side: int) -> float:
    """From where on an arm's skin is seen in the photo: 0 shoulder, 1 elbow, 2 wrist; infinite if nowhere, or only a
    wrist. What is not seen of it farther down lies behind something: it needs no painting.

    Args:
        parse: uint8 (h, w), on the canvas of `body`.
    """
    start, step = 0.2, 0.1
    outward = np.linspace(0.4, 2.0, 9) * (1.0 if side == 0 else -1.0)
    # on its axis; else beside it: of an arm that goes behind the body elbow and wrist are guessed before it
    for reach, least, stations in ((np.array([-0.5, 0.0, 0.5]), 2, SEEN_STATIONS), (outward, 3, SEEN_BESIDE)):
        if stations == SEEN_BESIDE and not _skin_on_upper_arm(parse, body, side):
            break
        seen = _arm_seen(parse, body, side, (start, 1.7, 16), reach)[0].sum(1) >= least
        lengths = np.convolve(seen, np.ones(stations, int), "valid")
        first = np.flatnonzero(lengths == stations)
        if len(first):
            return start + step * float(first[0])
    return float("inf")


def _skin_on_upper_arm(parse: np.ndarray, body: Body, side: int) -> bool:
    """Whether any skin is parsed in the box round an upper arm."""
    ends = np.stack([body.shoulders[side], body.elbows[side]])
    reach = 0.3 * body.breadth
    x0, y0 = np.maximum(ends.min(0) - reach, 0).astype(int)
    x1, y1 = np.maximum(ends.max(0) + reach, 0).astype(int)
    return bool((parse[y0:y1, x0:x1] == Label.ARMS).any())


def with_bare_arms(body: Body, parse: np.ndarray) -> Body:
    """The body with arms as drawn skin should be: as thick as what is seen of the forearms, where enough of them is,
    and so placed that they go on in it.

    Args:
        parse: uint8 (h, w), on the canvas of `body`.
    """
    usual = replace(body, bared=1.0)
    reach = np.linspace(-1.8, 1.8, 73)
    found = []
    elbows, wrists = body.elbows.copy(), body.wrists.copy()
    for side in (0, 1):
        seen, inside = _arm_seen(parse, usual, side, (0.6, 1.9, 14), reach)
        whole = inside.all(1) & seen[:, 24:49].any(1) & ~seen[:, 0] & ~seen[:, -1]
        found += list(seen[whole].sum(1) * (reach[1] - reach[0]) / 2)
        aside = _beside_axis(parse, usual, side)
        elbows[side] += aside
        wrists[side] += aside + _to_hand(parse, usual, side)
    usual = replace(usual, elbows=elbows, wrists=wrists)
    if len(found) >= SEEN_STATIONS:
        thick = 1 + BELIEVED * (float(np.median(found)) - 1)
        usual = replace(usual, bared=float(np.clip(thick, THINNEST, THICKEST)))
    return replace(usual, cuffs=(_cuff(parse, usual, 0), _cuff(parse, usual, 1)))


def _to_hand(parse: np.ndarray, body: Body, side: int) -> np.ndarray:
    """From an arm's wrist to where the hand that is seen begins, if no more is seen of the arm: float32 (2,) px.

    A wrist in a wide sleeve is found less exactly than the hand, and the drawn arm would end beside it.
    """
    nowhere = np.zeros(2, np.float32)
    if np.isfinite(bare_from(parse, body, side)):
        return nowhere
    y, x = np.nonzero(seen_hand(parse, body, side, 1.7))
    if len(x) < (0.1 * body.breadth) ** 2:
        return nowhere
    spots = np.stack([x, y], 1) + 0.5
    far = np.linalg.norm(spots - body.elbows[side], axis=1)
    near, end = np.percentile(far, (20, 95))
    step = spots[far <= near].mean(0) - body.wrists[side]
    # of a fist, or fingers out of a sleeve, less is seen than the rounded end of a drawn arm: it would stand out below
    away = step + body.wrists[side] - body.elbows[side]
    step -= (
        away / max(float(np.linalg.norm(away)), 1e-6) * max(HAND_LENGTH * body.breadth - float(end - far.min()), 0.0)
    )
    length = float(np.linalg.norm(step))
    return (step * min(1.0, HAND_OFF * body.breadth / max(length, 1e-6))).astype(np.float32)


def _cuff(parse: np.ndarray, body: Body, side: int) -> tuple[float, float, float] | None:
    """See `Body.cuffs`; None where too little of the arm is seen below a sleeve."""
    stations = (0.3, 1.95, 34)
    reach = np.linspace(-2.2, 2.2, 89)
    seen, inside = _arm_seen(parse, body, side, stations, reach)
    whole = inside.all(1) & ~seen[:, 0] & ~seen[:, -1] & (seen[:, 33:56].sum(1) >= 8)
    runs = np.flatnonzero(np.convolve(whole, np.ones(3, int), "valid") == 3)
    if not len(runs) or runs[0] == 0:
        return None
    here = np.flatnonzero(whole)
    here = here[(here >= runs[0]) & (here < runs[0] + 7)]
    counts = seen[here].sum(1)
    middle = float(np.median((seen[here] * reach).sum(1) / counts))
    thick = float(np.median(counts)) * float(reach[1] - reach[0]) / 2
    return float(np.linspace(*stations)[runs[0]]), float(np.clip(middle, -1.2, 1.2)), float(np.clip(thick, 0.6, 1.4))


def cuff_rims(parse: np.ndarray, body: Body, limbs: Body | None = None) -> np.ndarray:
    """Seen skin right below the edges of sleeves, which keeps the look of the sleeves: bool (h, w).

    Only where a drawn arm can take its place.

    Args:
        parse: uint8 (h, w), on the canvas of `body`; limbs: `with_bare_arms`, if it is known.
    """
    found = np.zeros(parse.shape, bool)
    steps, limbs = max(round(CUFF_RIM * body.breadth), 1), limbs or with_bare_arms(body, parse)
    for side in (0, 1):
        joints = body.shoulders[side], body.elbows[side], body.wrists[side]
        cuff = limbs.cuffs[side]
        at = bare_from(parse, body, side) if cuff is None else cuff[0]
        hand = None
        if not np.isfinite(at):  # only a hand is seen
            at, hand = 1.9, int(seen_hand(parse, body, side, 1.7).sum())
        for half, (first, last) in enumerate(((0.2, 1.0), (1.0, 2.12))):
            way = joints[half + 1] - joints[half]
            length = float(np.linalg.norm(way))
            start, stop = max(first, at - 0.3), min(last, at + 0.22)
            if length < 2 * steps or stop - start < 0.05:
                continue
            points, radii = arm_stations(body, side, start, stop, 7)
            room = 1.6 * float(radii.max()) + steps + 2
            x0, y0 = np.clip(np.floor(points.min(0) - room), 0, None).astype(int)
            x1, y1 = np.ceil(points.max(0) + room).astype(int)
            near = parse[y0:y1, x0:x1]
            if not near.size:
                continue
            place, drawn = np.zeros(near.shape, np.uint8), np.zeros(near.shape, np.uint8)
            corner = np.array([x0, y0], np.float32)
            tapered(place, points - corner, radii * 1.6)
            points, radii = arm_stations(limbs, side, start, stop, 7)
            tapered(drawn, points - corner, radii)
            sleeve = (is_label(near, *TORSO_CLOTHING) & (place > 127)).astype(np.uint8)
            x, y = np.rint(way * (steps / length)).astype(int)
            down = np.zeros((2 * steps + 1, 2 * steps + 1), np.uint8)
            cv2.line(down, (steps, steps), (steps - int(x), steps - int(y)), 1)
            rim = (cv2.dilate(sleeve, down) > 0) & (drawn > 127) & (near == Label.ARMS)
            if hand is None or rim.sum() < MOST_OF_HAND * hand:
                found[y0:y1, x0:x1] |= rim
    return found


def loose_skin(parse: np.ndarray, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """`cuff_rims`, and these together with `beside_arms`: bool (h, w), twice."""
    limbs = with_bare_arms(body, parse)
    rims = cuff_rims(parse, body, limbs)
    return rims, rims | beside_arms(parse, body, limbs)


def beside_arms(parse: np.ndarray, body: Body, limbs: Body | None = None) -> np.ndarray:
    """Small pieces parsed as skin beside the beginning of what is seen of an arm, where the old sleeve ended on it:
    bool (h, w).

    Args:
        parse: uint8 (h, w), on the canvas of `body`; limbs: `with_bare_arms`, if it is known.
    """
    found, limbs = np.zeros(parse.shape, bool), limbs or with_bare_arms(body, parse)
    skin = is_label(parse, Label.ARMS)
    for side in (0, 1):
        cuff = limbs.cuffs[side]
        if cuff is None or cuff[0] > 1.5:
            continue
        near = arm_mask(limbs, side, parse.shape, BESIDE[1], cuff[0] - 0.1, cuff[0] + 0.4) > 0.5
        arm = arm_mask(limbs, side, parse.shape, BESIDE[0], cuff[0] - 0.5, 2.2) > 0.5
        found |= skin & near & ~arm
    if not found.any():
        return found
    for side in (0, 1):
        found &= hand_mask(body, side, parse.shape, 1.6) < 0.5
    return found & ~sizeable(found, (BESIDE_SIZE * body.breadth) ** 2)


def _beside_axis(parse: np.ndarray, body: Body, side: int) -> np.ndarray:
    """From an arm's axis to the middle of what is seen of it, where that begins: float32 (2,) px, 0 where little is
    seen. A joint in a wide sleeve is found less exactly than the bare arm below it."""
    start = bare_from(parse, body, side)
    stop = min(start + 0.45, 1.9)
    if stop - start < 0.15:
        return np.zeros(2, np.float32)
    reach = np.linspace(-2.2, 2.2, 89)
    seen, inside = _arm_seen(parse, body, side, (start, stop, 10), reach)
    whole = inside.all(1) & ~seen[:, 0] & ~seen[:, -1] & seen.any(1)
    if whole.sum() < 5:
        return np.zeros(2, np.float32)
    middle = (seen[whole] * reach).sum(1) / seen[whole].sum(1)
    points, radii = arm_stations(body, side, start, stop, 10)
    along = points[-1] - points[0]
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    aside = float(np.clip(np.median(middle), -1.0, 1.0)) * float(radii.mean())
    return (aside * across).astype(np.float32)


def hand_mask(body: Body, side: int, size: tuple[int, ...], grow: float = 1.0) -> np.ndarray:
    """A disc round the palm and fingers, joined to the wrist: float32 (H, W)."""
    mask = np.zeros(size, np.uint8)
    palm, wrist = body.hands[side], body.wrists[side]
    tip = palm + (palm - wrist) * 0.9
    r = body.breadth * 0.13 * grow
    tapered(mask, np.stack([wrist + (palm - wrist) * 0.3, palm, tip]), np.array([r * 0.7, r, r * 0.9]))
    return mask.astype(np.float32) / 255


def seen_hand(parse: np.ndarray, body: Body, side: int, grow: float) -> np.ndarray:
    """What is parsed as skin in a hand's place, see `hand_mask`: bool (h, w)."""
    return is_label(parse, Label.ARMS) & (hand_mask(body, side, parse.shape, grow) > 0.5)


#: Outline of a relaxed hand: (along the hand, across it towards the thumb), shoulder breadths from the wrist.
_HAND = (
    (-0.03, 0.072), (0.06, 0.075), (0.1, 0.1), (0.17, 0.126), (0.22, 0.13), (0.25, 0.115), (0.22, 0.095),
    (0.19, 0.078), (0.27, 0.072), (0.36, 0.05), (0.41, 0.022), (0.42, 0.0), (0.4, -0.025), (0.35, -0.05),
    (0.27, -0.07), (0.16, -0.082), (0.06, -0.075), (-0.03, -0.072),
)  # fmt: skip
#: Lines between the fingers and at the thumb, in the same units.
_FINGERS = (
    ((0.21, 0.03), (0.39, 0.024)), ((0.22, -0.008), (0.4, -0.004)), ((0.21, -0.045), (0.36, -0.032)),
    ((0.1, 0.06), (0.19, 0.076)),
)  # fmt: skip


def drawn_hand(body: Body, side: int, size: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A relaxed hand, its thumb towards the body: silhouette and the lines between the fingers, float32 (H, W) each."""
    wrist = body.wrists[side]
    along = body.hands[side] - wrist
    reach = float(np.linalg.norm(along))
    if reach < 0.02 * body.breadth:  # no direction: that of the forearm
        along = wrist - body.elbows[side]
        reach = max(float(np.linalg.norm(along)), 1e-3)
    along = along / reach
    across = np.array([-along[1], along[0]], np.float32)
    if across @ (body.pelvis - wrist) < 0:
        across = -across

    def place(points: tuple[tuple[float, float], ...]) -> np.ndarray:
        local = np.array(points, np.float32) * body.breadth
        return np.round((wrist + local[:, :1] * along + local[:, 1:] * across) * 16).astype(np.int32)

    mask, lines = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [place(_HAND)], 255, cv2.LINE_AA, 4)
    for line in _FINGERS:
        start, end = place(line)
        cv2.line(lines, tuple(map(int, start)), tuple(map(int, end)), 255, 1, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255, lines.astype(np.float32) / 255


def folded_up(body: Body, side: int) -> bool:
    """Whether a hand seems to lie on the upper arm of its own side: so the pose network guesses for arms that go behind
    the back."""
    shoulder, elbow, hand = body.shoulders[side], body.elbows[side], body.hands[side]
    axis = elbow - shoulder
    t = float(np.clip((hand - shoulder) @ axis / max(float(axis @ axis), 1e-6), 0, 1))
    return float(np.linalg.norm(hand - shoulder - t * axis)) < 0.25 * body.breadth and 0.1 < t < 1.0


def reaching_out(body: Body, parse: np.ndarray, frame: np.ndarray) -> Body:
    """The body with forearms made longer until they leave the photo, where a hand would be cut by its edge and none is
    seen: else a newly bare arm would end in a stump.

    Args:
        parse: uint8 (h, w); frame: float32 (2, 2), the photo's upper left and lower right corner, in the body's pixels.
    """
    wrists, hands = body.wrists.copy(), body.hands.copy()
    hand_length = 0.42 * body.breadth
    for side in (0, 1):
        forearm = body.wrists[side] - body.elbows[side]
        length = float(np.linalg.norm(forearm))
        if length < 0.2 * body.breadth or folded_up(body, side):
            continue
        step = forearm / length
        tip = body.wrists[side] + step * hand_length
        within = [bool(((point > frame[0]) & (point < frame[1])).all()) for point in (body.wrists[side], tip)]
        if not within[0] or within[1]:
            continue
        place = hand_mask(body, side, parse.shape, 1.4) > 0.5
        if (is_label(parse, Label.ARMS) & place).sum() > 0.1 * place.sum():
            continue
        # as far as the edge is along the arm, and its breadth more
        with np.errstate(divide="ignore"):
            ways = np.where(step > 0, (frame[1] - body.wrists[side]) / step, (frame[0] - body.wrists[side]) / step)
        further = min(float(ways[np.isfinite(ways)].min()), hand_length) + 0.1 * body.breadth
        wrists[side] += step * further
        hands[side] = wrists[side] + step * 0.2 * body.breadth
    return replace(body, wrists=wrists, hands=hands)

"""The body as the geometry sees it: joints, axes, widths and capsules, from MediaPipe's keypoints.

Sides are named as in the picture: index 0 is the side that lies left in a front view (the person's right arm),
index 1 the
other. All lengths are in the pixels of the keypoints given (photo or canvas).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ..labels import Label
from ..types import (
    LEFT_ANKLE,
    LEFT_EAR,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    NOSE,
    RIGHT_ANKLE,
    RIGHT_EAR,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
)
from .masks import is_label

#: Mean breadth of the shoulder joints over the length shoulder line - hip line in a front view (MediaPipe world
# landmarks).
SHOULDER_TO_TORSO = 0.68

#: Half the breadth of an arm, shoulder breadths, by station (0 shoulder, 1 elbow, 2 wrist): with room for a narrow
#: sleeve, and bare, between the median and the upper quartile of what is seen of 710 people of Clothing Co-Parsing.
ARM_STATIONS = (0.0, 0.35, 0.7, 1.0, 1.3, 2.0, 2.4)
ARM = (0.165, 0.15, 0.1328, 0.118, 0.115, 0.078, 0.085)
BARE_ARM = (0.145, 0.11, 0.106, 0.106, 0.102, 0.072, 0.078)
#: How much of an arm's measured thickness is believed, and the most that comes of it.
BELIEVED, THINNEST, THICKEST = 0.7, 0.8, 1.25
#: So many tenths of an upper arm or forearm must be seen for the arm to be bare.
SEEN_STATIONS = 4


@dataclass(frozen=True)
class Body:
    """Measures of one person.

    Args:
        shoulders, elbows, wrists, hands, hips, knees, ankles: float32 (2, 2): [side, xy] px.
        neck: float32 (2,), the middle of the shoulder line; pelvis: (2,), the middle of the hip line.
        mouth, nose: float32 (2,).
        down: unit vector from neck to pelvis; across: unit vector from side 0 to side 1, perpendicular to `down`.
        length: neck to pelvis, px.
        breadth: shoulder breadth in a front view, px (foreshortening undone).
        chest: half of the visible breadth of the trunk at the armpits, px.
        yaw: turn of the body about its length axis, radians, 0 = front view.
        arm_front: (2,) bool, the forearm lies in front of the trunk's plane.
        bared: how thick bare arms are that are drawn, 1 = usual; None: arms with room for cloth round them.
    """

    shoulders: np.ndarray
    elbows: np.ndarray
    wrists: np.ndarray
    hands: np.ndarray
    hips: np.ndarray
    knees: np.ndarray
    ankles: np.ndarray
    neck: np.ndarray
    pelvis: np.ndarray
    mouth: np.ndarray
    nose: np.ndarray
    down: np.ndarray
    across: np.ndarray
    length: float
    breadth: float
    chest: float
    yaw: float
    arm_front: tuple[bool, bool]
    bared: float | None = None

    def scaled(self, factor: float) -> Body:
        """The same body in a picture `factor` times as large."""
        points = (
            "shoulders",
            "elbows",
            "wrists",
            "hands",
            "hips",
            "knees",
            "ankles",
            "neck",
            "pelvis",
            "mouth",
            "nose",
        )
        changed: dict[str, Any] = {name: getattr(self, name) * np.float32(factor) for name in points}
        changed |= {name: getattr(self, name) * factor for name in ("length", "breadth", "chest")}
        return replace(self, **changed)

    def at(self, along: float, aside: float = 0.0) -> np.ndarray:
        """The point `along` torso lengths below the shoulder line and `aside` px from the axis: float32 (2,)."""
        return (self.neck + self.down * (along * self.length) + self.across * aside).astype(np.float32)

    def along(self, points: np.ndarray) -> np.ndarray:
        """How many torso lengths points (..., 2) lie below the shoulder line: (...)."""
        return ((points - self.neck) @ self.down) / self.length

    def arm_radius(self, t: float | np.ndarray) -> float | np.ndarray:
        """Half the breadth of an arm, px; t = 0 shoulder, 1 elbow, 2 wrist. Typical adult proportions."""
        if self.bared is None:
            return self.breadth * np.interp(t, ARM_STATIONS, ARM)
        return self.breadth * self.bared * np.interp(t, ARM_STATIONS, BARE_ARM)


def body_from_pose(keypoints: np.ndarray, world: np.ndarray) -> Body:
    """Measure a person.

    Args:
        keypoints: (33, 3) px; world: (33, 3) metres (see `Pose`).

    Raises:
        ValueError: if shoulders and hips coincide (no usable torso).
    """
    kp = np.asarray(keypoints, np.float32)[:, :2]
    pairs = {
        "shoulders": (RIGHT_SHOULDER, LEFT_SHOULDER),
        "elbows": (RIGHT_ELBOW, LEFT_ELBOW),
        "wrists": (RIGHT_WRIST, LEFT_WRIST),
        "hips": (RIGHT_HIP, LEFT_HIP),
        "knees": (RIGHT_KNEE, LEFT_KNEE),
        "ankles": (RIGHT_ANKLE, LEFT_ANKLE),
    }
    joints: dict[str, Any] = {name: kp[list(ix)] for name, ix in pairs.items()}
    # hands: centre of the palm from wrist, pinky, index and thumb knuckles
    hands = np.stack([kp[[16, 18, 20]].mean(0), kp[[15, 17, 19]].mean(0)])
    neck, pelvis = joints["shoulders"].mean(0), joints["hips"].mean(0)
    axis = pelvis - neck
    length = float(np.linalg.norm(axis))
    if length < 4:
        raise ValueError("shoulders and hips coincide")
    down = axis / length
    across = np.array([-down[1], down[0]], np.float32)
    if across @ (joints["shoulders"][1] - joints["shoulders"][0]) < 0:
        across = -across
    seen = float(abs((joints["shoulders"][1] - joints["shoulders"][0]) @ across))
    w = np.asarray(world, np.float32)
    shoulder_vec = w[LEFT_SHOULDER] - w[RIGHT_SHOULDER]
    yaw = float(np.arctan2(shoulder_vec[2], abs(shoulder_vec[0]) + 1e-6))
    yaw = float(np.clip(yaw, -1.2, 1.2))
    # length is foreshortened by a lean, breadth by a turn: take the larger estimate, within reason
    breadth = float(np.clip(max(seen, seen / max(np.cos(yaw), 0.5)), 0.5 * length, 0.95 * length))
    breadth = float(max(breadth, seen, 0.58 * length))
    half = breadth / 2
    chest = float(np.hypot(half * min(1.0, seen / breadth), 0.55 * half * np.sqrt(max(0.0, 1 - (seen / breadth) ** 2))))
    trunk_z = float((w[LEFT_SHOULDER, 2] + w[RIGHT_SHOULDER, 2] + w[LEFT_HIP, 2] + w[RIGHT_HIP, 2]) / 4)
    front = tuple(bool(w[ix, 2] < trunk_z + 0.05) for ix in (RIGHT_WRIST, LEFT_WRIST))
    return Body(
        **joints,
        hands=hands,
        neck=neck,
        pelvis=pelvis,
        mouth=kp[[MOUTH_LEFT, MOUTH_RIGHT]].mean(0),
        nose=kp[NOSE],
        down=down.astype(np.float32),
        across=across.astype(np.float32),
        length=length,
        breadth=breadth,
        chest=chest,
        yaw=yaw,
        arm_front=(front[0], front[1]),
    )


def _tapered(mask: np.ndarray, points: np.ndarray, radii: np.ndarray) -> None:
    """Draw a polyline with a radius at each point into a uint8 mask, in place (subpixel)."""
    for p, r in zip(points, radii, strict=True):
        cv2.circle(mask, (round(p[0] * 16), round(p[1] * 16)), max(round(r * 16), 1), 255, -1, cv2.LINE_AA, 4)
    for (p, r), (q, s) in zip(
        zip(points[:-1], radii[:-1], strict=True), zip(points[1:], radii[1:], strict=True), strict=True
    ):
        d = q - p
        n = float(np.linalg.norm(d))
        if n > 1e-3:
            o = np.array([-d[1], d[0]]) / n
            quad = np.stack([p + o * r, q + o * s, q - o * s, p - o * r])
            cv2.fillConvexPoly(mask, np.round(quad * 16).astype(np.int32), 255, cv2.LINE_AA, 4)


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
    return pts.astype(np.float32), np.asarray(body.arm_radius(t), np.float32)


def arm_mask(
    body: Body, side: int, size: tuple[int, ...], grow: float = 1.0, start: float = 0.0, stop: float = 2.0
) -> np.ndarray:
    """Silhouette of a bare arm: float32 (H, W) in [0, 1]."""
    mask = np.zeros(size, np.uint8)
    pts, r = arm_stations(body, side, start, stop)
    _tapered(mask, pts, r * grow)
    return mask.astype(np.float32) / 255


def _arm_seen(
    parse: np.ndarray, body: Body, side: int, stations: tuple[float, float, int], reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where cross-sections of an arm are parsed as skin, and where they are in the picture: bool (n, m), twice.

    Args:
        stations: start, stop and n of `arm_stations`; reach: (m,), places across, in radii from the axis.
    """
    points, radii = arm_stations(body, side, *stations)
    tangent = np.gradient(points, axis=0)
    across = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    spots = points[:, None] + across[:, None] * radii[:, None, None] * reach[:, None]
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
    seen = _arm_seen(parse, body, side, (start, 1.7, 16), np.array([-0.5, 0.0, 0.5]))[0].sum(1) >= 2
    lengths = np.convolve(seen, np.ones(SEEN_STATIONS, int), "valid")
    first = np.flatnonzero(lengths == SEEN_STATIONS)
    return start + step * float(first[0]) if len(first) else float("inf")


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
        wrists[side] += aside
    usual = replace(usual, elbows=elbows, wrists=wrists)
    if len(found) < SEEN_STATIONS:
        return usual
    thick = 1 + BELIEVED * (float(np.median(found)) - 1)
    return replace(usual, bared=float(np.clip(thick, THINNEST, THICKEST)))


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
    _tapered(mask, np.stack([wrist + (palm - wrist) * 0.3, palm, tip]), np.array([r * 0.7, r, r * 0.9]))
    return mask.astype(np.float32) / 255


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


def torso_rows(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """Torso lengths below the shoulder line, for each pixel: float32 (h, w)."""
    x = (np.arange(size[1], dtype=np.float32) + 0.5 - body.neck[0]) * (body.down[0] / body.length)
    y = (np.arange(size[0], dtype=np.float32) + 0.5 - body.neck[1]) * (body.down[1] / body.length)
    return x[None] + y[:, None]


def below_chin(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """Distance below the chin along the trunk, for each pixel, px: float64 (h, w), negative above."""
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]]
    chin = body.mouth + (body.mouth - body.nose) * 0.75
    return (yy - chin[1]) * body.down[1] + (xx - chin[0]) * body.down[0]


def face_disc(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """A disc round the nose that reaches to the chin: bool (h, w)."""
    mask = np.zeros(size, np.uint8)
    reach = 1.75 * float(np.linalg.norm(body.mouth - body.nose))
    cv2.circle(mask, (round(float(body.nose[0])), round(float(body.nose[1]))), max(round(reach), 1), 1, -1)
    return mask > 0


def trunk_mask(
    body: Body, size: tuple[int, ...], grow: float = 1.0, top: float = 0.0, bottom: float = 1.2
) -> np.ndarray:
    """The trunk from the shoulder line to below the hips: float32 (H, W)."""
    mask = np.zeros(size, np.uint8)
    levels = np.array([0.0, 0.3, 0.65, 1.0, 1.25])
    widths = np.array([1.0, 1.0, 0.86, 0.98, 1.0]) * body.chest * grow
    v = np.linspace(top, bottom, 12)
    half = np.interp(v, levels, widths)
    left = np.stack([body.at(a, -h) for a, h in zip(v, half, strict=True)])
    right = np.stack([body.at(a, h) for a, h in zip(v, half, strict=True)])
    poly = np.concatenate([left, right[::-1]])
    cv2.fillPoly(mask, [np.round(poly * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def bust_mask(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """Shoulders and upper chest with the slope from the neck to the shoulder joints: float32 (H, W)."""
    mask = np.zeros(size, np.uint8)
    points = []
    for side, sign in ((0, -1.0), (1, 1.0)):
        joint = body.shoulders[side]
        out = body.across * sign
        rim = [
            body.at(-0.17, sign * 0.16 * body.breadth),
            joint - out * 0.14 * body.breadth - body.down * 0.085 * body.length,
            joint + out * 0.08 * body.breadth - body.down * 0.02 * body.length,
            joint + out * 0.1 * body.breadth + body.down * 0.12 * body.length,
            body.at(0.5, sign * 0.95 * body.chest),
        ]
        points += rim if side == 0 else rim[::-1]
    cv2.fillPoly(mask, [np.round(np.stack(points) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def legs_mask(body: Body, size: tuple[int, ...], grow: float = 1.0) -> np.ndarray:
    """Thighs and shins of typical thickness, with the hips between them: float32 (H, W)."""
    mask = np.zeros(size, np.uint8)
    for side in (0, 1):
        out = (1 if side else -1) * body.across * body.chest * 0.12
        pts = np.stack([body.hips[side] + out, body.knees[side], body.ankles[side]])
        _tapered(mask, pts, body.breadth * np.array([0.25, 0.16, 0.1]) * grow)
    hip = np.stack([body.hips[0], body.hips[1]])
    _tapered(mask, hip, body.breadth * np.array([0.27, 0.27]) * grow)
    return mask.astype(np.float32) / 255


def leg_stations(
    body: Body, side: int, start: float = 0.0, stop: float = 2.0, n: int = 25
) -> tuple[np.ndarray, np.ndarray]:
    """Points on a leg's axis and bare-leg radii: ((n, 2), (n,)); t = 0 hip, 1 knee, 2 ankle, rounded at the knee."""
    t = np.linspace(start, stop, n)
    out = (1 if side else -1) * body.across * body.chest * 0.12
    h, k, a = body.hips[side] + out, body.knees[side], body.ankles[side]
    pts = np.where(t[:, None] <= 1, h + (k - h) * np.minimum(t, 1)[:, None], k + (a - k) * (t - 1)[:, None])
    q = np.clip((t - 0.85) / 0.3, 0, 1)[:, None]
    bend = (1 - q) ** 2 * (h + (k - h) * 0.85) + 2 * q * (1 - q) * k + q**2 * (k + (a - k) * 0.15)
    pts = np.where((t[:, None] > 0.85) & (t[:, None] < 1.15), bend, pts)
    radius = np.interp(t, [0, 0.45, 0.85, 1.0, 1.3, 1.65, 2.0], [0.255, 0.22, 0.165, 0.15, 0.155, 0.115, 0.085])
    return pts.astype(np.float32), (body.breadth * radius).astype(np.float32)


def leg_mask(
    body: Body, side: int, size: tuple[int, ...], grow: float = 1.0, start: float = 0.0, stop: float = 2.0
) -> np.ndarray:
    """Silhouette of a bare leg: float32 (H, W) in [0, 1]."""
    mask = np.zeros(size, np.uint8)
    pts, r = leg_stations(body, side, start, stop)
    _tapered(mask, pts, r * grow)
    return mask.astype(np.float32) / 255


def neck_mask(body: Body, size: tuple[int, ...], grow: float = 1.0) -> np.ndarray:
    """Neck and the upper chest that an open collar shows: float32 (H, W)."""
    mask = np.zeros(size, np.uint8)
    chin = body.mouth + (body.mouth - body.nose) * 0.9
    r = body.breadth * 0.17 * grow
    base = body.at(0.02)
    _tapered(mask, np.stack([chin * 0.75 + base * 0.25, base, body.at(0.22)]), np.array([r * 0.95, r * 1.15, r * 0.9]))
    return mask.astype(np.float32) / 255


def ear_distance(keypoints: np.ndarray) -> float:
    """Distance between the ears, px (small in profile)."""
    return float(np.linalg.norm(keypoints[LEFT_EAR, :2] - keypoints[RIGHT_EAR, :2]))

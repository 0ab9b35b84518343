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

#: Mean breadth of the shoulder joints over the length shoulder line - hip line in a front view (MediaPipe world
# landmarks).
SHOULDER_TO_TORSO = 0.68

#: Half the breadth of an arm, shoulder breadths, by station (0 shoulder, 1 elbow, 2 wrist): with room for a narrow
#: sleeve, and bare, between the median and the upper quartile of what is seen of 710 people of Clothing Co-Parsing.
ARM_STATIONS = (0.0, 0.35, 0.7, 1.0, 1.3, 2.0, 2.4)
ARM = (0.165, 0.15, 0.1328, 0.118, 0.115, 0.078, 0.085)
BARE_ARM = (0.145, 0.11, 0.106, 0.106, 0.102, 0.072, 0.078)


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
        cuffs: from where on each arm is seen (a station, see `arms.arm_stations`), how far it lies aside of its axis
            there, in its radii, and how thick it is, 1 = as drawn; None where that isn't known.
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
    cuffs: tuple[tuple[float, float, float] | None, ...] = (None, None)

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


def tapered(mask: np.ndarray, points: np.ndarray, radii: np.ndarray) -> None:
    """Draw a polyline with a radius at each point into a uint8 mask, in place (subpixel)."""
    points, radii = np.asarray(points, np.float64), np.asarray(radii, np.float64)
    sizes = np.maximum(np.rint(radii * 16), 1).astype(int).tolist()
    for centre, size in zip(np.rint(points * 16).astype(int).tolist(), sizes, strict=True):
        cv2.circle(mask, centre, size, 255, -1, cv2.LINE_AA, 4)
    run = np.diff(points, axis=0)
    length = np.hypot(run[:, 0], run[:, 1])
    aside = np.stack([-run[:, 1], run[:, 0]], 1) / np.maximum(length, 1e-9)[:, None]
    (p, q), (r, s) = (points[:-1], points[1:]), (radii[:-1, None], radii[1:, None])
    corners = np.stack([p + aside * r, q + aside * s, q - aside * s, p - aside * r], 1)
    for quad in np.rint(corners[length > 1e-3] * 16).astype(np.int32):
        cv2.fillConvexPoly(mask, quad, 255, cv2.LINE_AA, 4)


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
        tapered(mask, pts, body.breadth * np.array([0.25, 0.16, 0.1]) * grow)
    hip = np.stack([body.hips[0], body.hips[1]])
    tapered(mask, hip, body.breadth * np.array([0.27, 0.27]) * grow)
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
    tapered(mask, pts, r * grow)
    return mask.astype(np.float32) / 255


def neck_mask(body: Body, size: tuple[int, ...], grow: float = 1.0) -> np.ndarray:
    """Neck and the upper chest that an open collar shows: float32 (H, W)."""
    mask = np.zeros(size, np.uint8)
    chin = body.mouth + (body.mouth - body.nose) * 0.9
    r = body.breadth * 0.17 * grow
    base = body.at(0.02)
    tapered(mask, np.stack([chin * 0.75 + base * 0.25, base, body.at(0.22)]), np.array([r * 0.95, r * 1.15, r * 0.9]))
    return mask.astype(np.float32) / 255


def ear_distance(keypoints: np.ndarray) -> float:
    """Distance between the ears, px (small in profile)."""
    return float(np.linalg.norm(keypoints[LEFT_EAR, :2] - keypoints[RIGHT_EAR, :2]))

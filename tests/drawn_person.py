"""A drawn person for tests: keypoints of a standing figure, a parse painted from its capsules, a flat picture."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.labels import PALETTE, Label
from tryon.preprocess.arms import arm_mask, hand_mask
from tryon.preprocess.body import body_from_pose, legs_mask, neck_mask, trunk_mask
from tryon.types import LANDMARKS, Garment, Person, Pose

_POINTS = {
    0: (200, 90), 2: (208, 80), 5: (192, 80), 7: (216, 86), 8: (184, 86), 9: (206, 106), 10: (194, 106),
    11: (245, 160), 12: (155, 160), 13: (265, 235), 14: (135, 235), 15: (270, 305), 16: (130, 305),
    17: (274, 325), 18: (126, 325), 19: (270, 328), 20: (130, 328), 21: (266, 320), 22: (134, 320),
    23: (230, 300), 24: (170, 300), 25: (228, 420), 26: (172, 420), 27: (226, 540), 28: (174, 540),
}  # fmt: skip


def keypoints(scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """float32 (33, 3) of the figure in a 400 x 600 (w x h) picture, scaled and shifted."""
    out = np.zeros((33, 3), np.float32)
    out[:, :2] = (200, 90)
    out[:, 2] = 0.99
    for i, point in _POINTS.items():
        out[i, :2] = point
    out[:, :2] = out[:, :2] * scale + shift
    return out


def world() -> np.ndarray:
    """float32 (33, 3) metres: a frontal pose, arms a little in front."""
    out = np.zeros((33, 3), np.float32)
    points = keypoints()
    out[:, :2] = (points[:, :2] - (200, 300)) * (0.5 / 140)
    out[[13, 14, 15, 16], 2] = -0.05
    return out


def person(scale: float = 1.0, long_sleeves: bool = True) -> Person:
    """A figure in a top and trousers on a plain wall."""
    h, w = round(600 * scale), round(400 * scale)
    points = keypoints(scale)
    body = body_from_pose(points, world())
    parse = np.zeros((h, w), np.uint8)
    parse[legs_mask(body, (h, w)) > 0.5] = Label.LOWER
    parse[neck_mask(body, (h, w)) > 0.5] = Label.FACE
    cv2.circle(parse, (round(200 * scale), round(90 * scale)), round(32 * scale), int(Label.FACE), -1)
    cv2.ellipse(
        parse,
        (round(200 * scale), round(72 * scale)),
        (round(34 * scale), round(20 * scale)),
        0,
        180,
        360,
        int(Label.HAIR),
        -1,
    )
    for side in (0, 1):
        parse[arm_mask(body, side, (h, w)) > 0.5] = Label.ARMS
    parse[trunk_mask(body, (h, w), 1.1, -0.05, 1.05) > 0.5] = Label.TOP
    for side in (0, 1):
        parse[arm_mask(body, side, (h, w), 1.2, 0.0, 1.9 if long_sleeves else 0.6) > 0.5] = Label.TOP
        parse[hand_mask(body, side, (h, w)) > 0.5] = Label.ARMS
    colours = np.array(PALETTE, np.uint8).copy()
    colours[int(Label.BACKGROUND)] = (180, 190, 200)
    rng = np.random.default_rng(0)
    image = np.clip(colours[parse].astype(int) + rng.integers(-6, 7, (h, w, 1)), 0, 255).astype(np.uint8)
    mask = (parse > 0).astype(np.float32)
    ys, xs = np.nonzero(mask)
    box = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    return Person(image, Pose(points, world(), mask, box), parse)


def flat_top(sleeve: str = "short", size: int = 300) -> Garment:
    """A drawn T-shirt or long-sleeve with exact landmarks, on a light table."""
    f = size / 300
    marks = {
        "neck_left": (120, 40), "neck_right": (180, 40), "neck_front": (150, 62), "shoulder_left": (90, 50),
        "shoulder_right": (210, 50), "armpit_left": (92, 110), "armpit_right": (208, 110), "hem_left": (90, 260),
        "hem_right": (210, 260),
    }  # fmt: skip
    if sleeve == "short":
        marks |= {
            "sleeve_out_left": (40, 95),
            "sleeve_in_left": (68, 122),
            "sleeve_out_right": (260, 95),
            "sleeve_in_right": (232, 122),
        }
    elif sleeve == "long":
        marks |= {
            "elbow_left": (58, 130), "elbow_right": (242, 130),
            "sleeve_out_left": (28, 215), "sleeve_in_left": (52, 222),
            "sleeve_out_right": (272, 215), "sleeve_in_right": (248, 222),
        }  # fmt: skip
    m = {k: np.array(v, np.float32) * f for k, v in marks.items()}
    outline = ["neck_left", "shoulder_left"]
    if sleeve == "long":
        outline += ["elbow_left"]
    outline += ["sleeve_out_left", "sleeve_in_left"] if sleeve != "none" else []
    outline += ["armpit_left", "hem_left", "hem_right", "armpit_right"]
    outline += ["sleeve_in_right", "sleeve_out_right"] if sleeve != "none" else []
    outline += ["elbow_right"] if sleeve == "long" else []
    outline += ["shoulder_right", "neck_right"]
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(np.stack([m[k] for k in outline])).astype(np.int32)], 255, cv2.LINE_AA)
    image = np.full((size, size, 3), 225, np.uint8)
    stripes = np.where(
        (np.arange(size) // 12 % 2)[:, None, None] == 0, np.array([30, 60, 160]), np.array([200, 60, 40])
    )
    image = np.where(mask[..., None] > 127, np.broadcast_to(stripes, image.shape), image).astype(np.uint8)
    points = {k: (float(m[k][0]), float(m[k][1])) if k in m else None for k in LANDMARKS}
    return Garment(image, mask.astype(np.float32) / 255, "upper", sleeve, points, dict.fromkeys(LANDMARKS, 1.0), 0.95)


def flat_dress(sleeve: str = "short", hem: float = 560, flare: float = 1.5) -> Garment:
    """A drawn striped dress: the T-shirt's upper part with a waist and a flared skirt; exact landmarks.

    Args:
        hem: its row, px (the armpits lie at 110); flare: breadth of the hem over that of the armpits.
    """
    top = flat_top(sleeve)
    h, w, pad = round(hem) + 40, 420, 60
    marks = {k: None if p is None else (p[0] + pad, p[1]) for k, p in top.landmarks.items()}
    half = 58 * flare
    marks |= {"hem_left": (210 - half, hem), "hem_right": (210 + half, hem)}
    mask = np.zeros((h, w), np.float32)
    mask[:240, pad : pad + 300] = top.mask[:240]
    skirt = [(154, 200), (160, 235), (210 - half, hem), (210 + half, hem), (260, 235), (266, 200)]
    drawn = np.zeros((h, w), np.uint8)
    cv2.fillPoly(drawn, [np.array(skirt, np.float32).round().astype(np.int32)], 255, cv2.LINE_AA)
    mask[200:] = 0
    mask = np.maximum(mask, drawn.astype(np.float32) / 255)
    stripes = np.where((np.arange(h) // 12 % 2)[:, None, None] == 0, np.array([30, 60, 160]), np.array([200, 60, 40]))
    image = np.where(mask[..., None] > 0.5, np.broadcast_to(stripes, (h, w, 3)), 225).astype(np.uint8)
    return Garment(image, mask, "dress", top.sleeve, marks, dict.fromkeys(LANDMARKS, 1.0), 0.95)

"""Garments drawn for the tests, with their true masks and landmarks."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.types import LANDMARKS, Garment

#: A T-shirt on a 300 x 320 canvas (x, y), clockwise from the left neck point.
OUTLINE = [
    (118, 40), (182, 40), (215, 52), (285, 110), (255, 145), (222, 120),
    (226, 290), (74, 290), (78, 120), (45, 145), (15, 110), (85, 52),
]  # fmt: skip
MARKS = {
    "neck_left": (118, 40), "neck_right": (182, 40), "neck_front": (150, 66),
    "shoulder_left": (85, 52), "shoulder_right": (215, 52),
    "sleeve_out_left": (15, 110), "sleeve_out_right": (285, 110),
    "sleeve_in_left": (45, 145), "sleeve_in_right": (255, 145),
    "armpit_left": (78, 120), "armpit_right": (222, 120), "hem_left": (74, 290), "hem_right": (226, 290),
}  # fmt: skip


def t_shirt(
    colour: tuple[int, int, int] = (40, 70, 160), surface: tuple[int, int, int] = (225, 220, 210), scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """image uint8 (320, 300, 3) times `scale`, mask float32. The back inside the neck is drawn darker."""
    height, width = round(320 * scale), round(300 * scale)
    rng = np.random.default_rng(0)
    image = np.full((height, width, 3), surface, np.uint8)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(OUTLINE) * scale).astype(np.int32)], 255, cv2.LINE_AA)
    alpha = mask[..., None] / 255
    folds = 14 * np.sin(np.arange(width) / (17 * scale))[None, :, None]
    cloth = np.clip(np.array(colour) + folds, 0, 255)
    inside = np.zeros_like(mask)
    centre = (round(150 * scale), round(40 * scale))
    cv2.ellipse(inside, centre, (round(30 * scale), round(26 * scale)), 0, 0, 180, 255, -1, cv2.LINE_AA)
    cloth = cloth * (1 - 0.5 * (inside[..., None] / 255))
    noisy = image * (1 - alpha) + cloth * alpha + rng.normal(0, 2, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), (mask / 255).astype(np.float32)


def garment(scale: float = 1.0) -> Garment:
    """The T-shirt with its true mask and landmarks."""
    image, mask = t_shirt(scale=scale)
    landmarks = {n: (MARKS[n][0] * scale, MARKS[n][1] * scale) if n in MARKS else None for n in LANDMARKS}
    scores = {n: 1.0 if n in MARKS else 0.0 for n in LANDMARKS}
    return Garment(image, mask, "upper", "short", landmarks, scores, 1.0)

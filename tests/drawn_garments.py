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


#: Trousers and a skirt on the same canvas, clockwise from the left end of the waist.
TROUSERS = [(100, 30), (200, 30), (218, 120), (236, 295), (178, 295), (150, 125), (122, 295), (64, 295), (82, 120)]
TROUSER_MARKS = {
    "waist_left": (100, 30), "waist_right": (200, 30), "hip_left": (81.5, 125), "hip_right": (218.5, 125),
    "crotch": (150, 125), "knee_left": (72.7, 210), "knee_right": (227.3, 210),
    "hem_out_left": (64, 295), "hem_out_right": (236, 295), "hem_in_left": (122, 295), "hem_in_right": (178, 295),
}  # fmt: skip
SKIRT = [(100, 60), (200, 60), (225, 120), (255, 270), (45, 270), (75, 120)]
SKIRT_MARKS = {
    "waist_left": (100, 60), "waist_right": (200, 60), "hip_left": (45, 270), "hip_right": (255, 270),
    "hem_out_left": (45, 270), "hem_out_right": (255, 270),
}  # fmt: skip


def lower(
    skirt: bool = False, colour: tuple[int, int, int] = (40, 70, 160), scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Trousers, or a skirt: image uint8 (320, 300, 3) times `scale` on a pale surface, mask float32."""
    height, width = round(320 * scale), round(300 * scale)
    rng = np.random.default_rng(0)
    mask = np.zeros((height, width), np.uint8)
    outline = np.round(np.array(SKIRT if skirt else TROUSERS) * scale).astype(np.int32)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA)
    alpha = mask[..., None] / 255
    folds = 14 * np.sin(np.arange(width) / (17 * scale))[None, :, None]
    band = np.where(np.arange(height) < outline[0, 1] + 14 * scale, 0.75, 1.0)[:, None, None]  # a darker waistband
    cloth = np.clip((np.array(colour) + folds) * band, 0, 255)
    noisy = np.array((225, 220, 210)) * (1 - alpha) + cloth * alpha + rng.normal(0, 2, (height, width, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8), (mask / 255).astype(np.float32)

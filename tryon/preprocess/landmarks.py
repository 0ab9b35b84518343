"""What the garment network says, decoded: heat maps to points, logits to attributes."""

from __future__ import annotations

import cv2
import numpy as np

from ..types import LANDMARKS, SLEEVES

#: Side of the square view that the garment network sees, px.
VIEW = 256
#: Attribute heads of the garment network and the meaning of their outputs. `presence` is one yes/no for each landmark;
#: `quarter` is the number of quarter turns (counter-clockwise) by which the garment is turned away from upright.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "presence": LANDMARKS,
    "category": ("upper", "lower", "dress", "none", "person"),
    "sleeve": SLEEVES,
    "quarter": ("0", "1", "2", "3"),
    "open_front": ("closed", "open"),
}
#: Index in LANDMARKS of the mirrored point of each landmark.
MIRROR: tuple[int, ...] = tuple(
    LANDMARKS.index(n.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")) for n in LANDMARKS
)

#: Landmarks that a garment of each sleeve length has.
_SLEEVE_CORNERS = ("sleeve_out_left", "sleeve_out_right", "sleeve_in_left", "sleeve_in_right")
_ELBOWS = ("elbow_left", "elbow_right")


def decode_heatmaps(probability: np.ndarray, window: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of heat maps at sub-pixel precision.

    The peak is looked for in the smoothed map (so that two half-certain neighbours beat one outlier) and refined by the
    mean position inside a window round it.

    Args:
        probability: (K, h, w), each map sums to 1.
        window: half the side of the refinement window, heat-map px.

    Returns:
        points (K, 2) in heat-map px with pixel centres at integer + 0.5, and the probability inside each window (K,).
    """
    count, height, width = probability.shape
    points, mass = np.zeros((count, 2), np.float32), np.zeros(count, np.float32)
    for k, single in enumerate(probability):
        smooth = cv2.GaussianBlur(single, (0, 0), 1.5)
        y, x = np.unravel_index(int(smooth.argmax()), single.shape)
        y0, y1, x0, x1 = max(0, y - window), min(height, y + window + 1), max(0, x - window), min(width, x + window + 1)
        part = single[y0:y1, x0:x1]
        total = float(part.sum())
        if total <= 0 or not np.isfinite(total):
            points[k] = (x + 0.5, y + 0.5)
            continue
        points[k, 0] = float((part.sum(0) * (np.arange(x0, x1) + 0.5)).sum()) / total
        points[k, 1] = float((part.sum(1) * (np.arange(y0, y1) + 0.5)).sum()) / total
        mass[k] = min(1.0, total)
    return points, mass


def expected_landmarks(sleeve: str) -> tuple[str, ...]:
    """Names of the landmarks that a garment with this sleeve length has."""
    absent = {"none": _SLEEVE_CORNERS + _ELBOWS, "short": _ELBOWS, "half": _ELBOWS, "long": ()}[sleeve]
    return tuple(name for name in LANDMARKS if name not in absent)


def upright_angle(points: dict[str, np.ndarray]) -> float | None:
    """Degrees by which the garment is turned clockwise from upright, from hem to neck; None without those points."""
    top = [points[n] for n in ("neck_left", "neck_right", "shoulder_left", "shoulder_right") if n in points]
    low = [points[n] for n in ("hem_left", "hem_right") if n in points]
    if len(top) < 2 or len(low) < 2:
        return None
    up = np.mean(top, 0) - np.mean(low, 0)
    return float(np.degrees(np.arctan2(up[0], -up[1])))

"""Other people in the photo: what they wear is background, and stays."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from ..types import (
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NOSE,
    RIGHT_ANKLE,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Pose,
)

#: Longer side at which distances are measured, px.
SIDE = 320
_LIMBS = (
    (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST),
    (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST),
    (LEFT_HIP, LEFT_KNEE, LEFT_ANKLE),
    (RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE),
)
_TRUNK = (LEFT_SHOULDER, RIGHT_SHOULDER, RIGHT_HIP, LEFT_HIP)


def without_others(parse: np.ndarray, pose: Pose, others: list[Pose]) -> np.ndarray:
    """What lies nearer to another body than to the person's own, outside of their silhouette, becomes background.

    Distances are counted in the trunk's length of the one whose body it is.

    Args:
        parse: uint8 (H, W) of the photo; pose: the person to dress; others: the other people in the photo.

    Returns:
        uint8 (H, W): `parse` itself where nobody else is near.
    """
    if not others:
        return parse
    height, width = parse.shape
    scale = min(1.0, SIDE / max(height, width))
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    own = _distance(pose, size, scale)
    theirs = np.minimum.reduce([_distance(other, size, scale) for other in others])
    nearer = cv2.resize((own - theirs).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0
    away = nearer & (pose.mask < 0.5) & (parse != int(Label.BACKGROUND))
    if not away.any():
        return parse
    return np.where(away, np.uint8(Label.BACKGROUND), parse).astype(np.uint8)


def _distance(pose: Pose, size: tuple[int, int], scale: float) -> np.ndarray:
    """From the body's trunk, limbs and head, in lengths of its trunk: float32 (h, w)."""
    points = np.clip(pose.keypoints[:, :2] * scale, -1e4, 1e4)
    torso = float(
        np.linalg.norm(points[[LEFT_SHOULDER, RIGHT_SHOULDER]].mean(0) - points[[LEFT_HIP, RIGHT_HIP]].mean(0))
    )
    breadth = float(np.linalg.norm(points[LEFT_SHOULDER] - points[RIGHT_SHOULDER]))
    torso = max(torso, breadth, 1.0)
    body = np.ones(size, np.uint8)
    whole = np.round(points).astype(np.int32)
    cv2.fillPoly(body, [whole[list(_TRUNK)]], 0)
    for limb in _LIMBS:
        cv2.polylines(body, [whole[list(limb)]], False, 0, max(round(0.14 * torso), 1))
    middle = np.round((points[LEFT_SHOULDER] + points[RIGHT_SHOULDER]) / 2).astype(int)
    cv2.line(body, tuple(int(v) for v in whole[NOSE]), tuple(int(v) for v in middle), 0, max(round(0.25 * torso), 1))
    return cv2.distanceTransform(body, cv2.DIST_L2, 3) / torso

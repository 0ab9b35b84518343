"""The plainest baseline: the garment laid over the photo by one affine map."""

from __future__ import annotations

import cv2
import numpy as np

from ..compose import blend
from ..inputs import TryOnInputs
from ..preprocess import skeleton

_ANCHORS = ("shoulder_left", "shoulder_right", "hem_left", "hem_right")


def overlay(photo: np.ndarray, inputs: TryOnInputs) -> tuple[np.ndarray, np.ndarray]:
    """Lay the garment over the photo; what it does not cover stays, the worn garment too.

    The map is the least-squares affine one that takes the garment's shoulders and hem corners to where the skeleton's
    fit wants them. No skeleton warp, nothing removed, nothing in front.

    Args:
        photo: uint8 (H, W, 3), not modified.

    Returns:
        The picture and its edit mask, float32 (H, W), 0 = untouched.
    """
    marks = skeleton.landmarks_of(inputs.worn)
    source = np.stack([marks[name] for name in _ANCHORS])
    target = inputs.placement.to_photo(np.stack([inputs.fit.points[name] for name in _ANCHORS]))
    design = np.column_stack([source, np.ones(len(source))])
    matrix = np.linalg.lstsq(design, target, rcond=None)[0].T
    # cv2 puts pixel centres at integers, hence the half-pixel shifts.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    cloth, alpha, matrix = _antialiased(inputs.worn.image, inputs.worn.mask, matrix)
    size = (photo.shape[1], photo.shape[0])
    cloth = cv2.warpAffine(cloth, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    alpha = np.where(alpha < 0.02, 0, alpha).astype(np.float32)
    result = photo.copy()
    blend(result, cloth.astype(np.float32) / 255, alpha)
    return result, alpha


def _antialiased(image: np.ndarray, mask: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reduce the source first where the map shrinks it; the map goes along."""
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink > 0.67:
        return image, mask, matrix
    height, width = image.shape[:2]
    size = (max(round(width * shrink), 2), max(round(height * shrink), 2))
    fx, fy = size[0] / width, size[1] / height
    back = np.array([[1 / fx, 0, 0.5 / fx - 0.5], [0, 1 / fy, 0.5 / fy - 0.5], [0, 0, 1]])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small, cv2.resize(mask, size, interpolation=cv2.INTER_AREA), matrix @ back

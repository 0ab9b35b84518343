"""From a garment lying flat to the picture of it that the warp samples."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..types import Garment, Notice
from .collar import inner_collar, neck_kind
from .exposure import exposed
from .matte import decontaminate, without_bleeding
from .skeleton import landmarks_of

#: The garment photo is used at most at this size (longer side, px): more than any canvas or common photo shows.
MAX_SIDE = 1600
#: Neck to hem over the distance of the armpits: what is shorter is a top.
LONGEST_TOP = 1.75


def from_wearer(garment: Garment) -> bool:
    """Whether the garment was taken from a photo of somebody wearing it (see `unwarp`)."""
    return any(notice.code == "worn_garment" for notice in garment.warnings)


def settle_category(garment: Garment) -> Garment:
    """A supposed dress that is as short as a top becomes a top, with a notice.

    Of 32 annotated dresses none is shorter than 1.77 armpit widths from neck to hem; of 257 tops 94 % are.
    """
    if garment.category != "dress" or from_wearer(garment):
        return garment
    marks = landmarks_of(garment)
    length = np.linalg.norm((marks["neck_left"] + marks["neck_right"] - marks["hem_left"] - marks["hem_right"]) / 2)
    width = np.linalg.norm(marks["armpit_left"] - marks["armpit_right"])
    if length > LONGEST_TOP * width:
        return garment
    notice = Notice("dress_or_top", "The garment could be a dress; it was taken for a top because of its length.")
    return replace(garment, category="upper", warnings=(*garment.warnings, notice))


def reduced(garment: Garment, max_side: int = MAX_SIDE) -> Garment:
    """The garment at most `max_side` px large (longer side), mask and landmarks along with the photo."""
    h, w = garment.mask.shape
    scale = min(1.0, max_side / max(h, w))
    if scale == 1:
        return garment
    size = (max(round(w * scale), 1), max(round(h * scale), 1))
    fx, fy = size[0] / w, size[1] / h
    return replace(
        garment,
        image=cv2.resize(garment.image, size, interpolation=cv2.INTER_AREA),
        mask=cv2.resize(garment.mask, size, interpolation=cv2.INTER_AREA),
        landmarks={k: None if p is None else (p[0] * fx, p[1] * fy) for k, p in garment.landmarks.items()},
    )


def _without_collar(mask: np.ndarray, collar: np.ndarray) -> np.ndarray:
    """The matte without the inner collar, and without the thin line that its soft edge would leave along the rim."""
    rest = mask * (1 - collar)
    r = max(2, round(max(mask.shape) / 300))
    near = cv2.dilate((collar > 0.3).astype(np.uint8), np.ones((2 * r + 3,) * 2, np.uint8)) > 0
    thick = cv2.morphologyEx(rest, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1,) * 2))
    return np.where(near, np.clip((np.minimum(rest, thick) - 0.2) / 0.8, 0, 1), rest)


def as_worn(garment: Garment, max_side: int = MAX_SIDE) -> Garment:
    """The garment as it shows when worn: without the inner back collar, its colours extended over the outline, white
    cloth white.

    Args:
        max_side: larger photos are reduced; mask and landmarks go along.

    Returns:
        A new `Garment` (with the `hood` that was taken from its mask); the argument is not changed.
    """
    garment = reduced(garment, max_side)
    image = decontaminate(without_bleeding(garment.image, garment.mask), garment.mask)
    if from_wearer(garment):
        return replace(garment, image=image)
    image = exposed(image, garment.mask)
    collar = inner_collar(garment)
    mask = _without_collar(garment.mask, collar).astype(np.float32)
    hood = collar if neck_kind(garment) == "hood" else None
    return replace(garment, image=image, mask=mask, hood=hood)

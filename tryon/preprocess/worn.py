"""From a garment lying flat to the picture of it that the warp samples."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..types import Garment
from .collar import inner_collar
from .matte import decontaminate

#: The garment photo is used at most at this size (longer side, px): more than any canvas or common photo shows.
MAX_SIDE = 1600


def as_worn(garment: Garment, max_side: int = MAX_SIDE) -> Garment:
    """The garment as it shows when worn: without the inner back collar, its colours extended over the outline.

    Args:
        max_side: larger photos are reduced; mask and landmarks go along.

    Returns:
        A new `Garment`; the argument is not changed.
    """
    h, w = garment.mask.shape
    scale = min(1.0, max_side / max(h, w))
    if scale < 1:
        size = (max(round(w * scale), 1), max(round(h * scale), 1))
        fx, fy = size[0] / w, size[1] / h
        garment = replace(
            garment,
            image=cv2.resize(garment.image, size, interpolation=cv2.INTER_AREA),
            mask=cv2.resize(garment.mask, size, interpolation=cv2.INTER_AREA),
            landmarks={k: None if p is None else (p[0] * fx, p[1] * fy) for k, p in garment.landmarks.items()},
        )
    mask = garment.mask * (1 - inner_collar(garment))
    return replace(garment, image=decontaminate(garment.image, garment.mask), mask=mask.astype(np.float32))

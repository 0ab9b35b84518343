"""Another colour for a garment, before it is warped: the cloth changes, prints of other colours and the folds stay.

The cloth's colour is the median inside of the matte in CIELAB (D65, L 0..100). What is near to it in a and b gets the
wished hue; lightness is shifted as a whole, and folds are differences of lightness, so they stay. Near: within
`REACH`, fading out smoothly.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..types import Garment

#: CIELAB units: distance in (a, b) up to which a pixel counts as cloth; chroma that a grey cloth gets.
REACH, CHROMA = 30.0, 42.0
_STRIP = 256


def recolour(garment: Garment, hue: float | None, lightness: float = 0.0) -> Garment:
    """The same garment in another colour.

    Args:
        hue: degrees in CIELAB (0 red, 90 yellow, 180 green, 270 blue); None keeps the colour.
        lightness: -100..100, added to L of the cloth.

    Returns:
        A new `Garment`; the argument is not changed.
    """
    if hue is None and lightness == 0:
        return garment
    step = max(1, max(garment.mask.shape) // 400)
    inside = garment.image[::step, ::step][garment.mask[::step, ::step] > 0.9]
    if not len(inside):
        return garment
    cloth = np.median(_to_lab(inside[None])[0], axis=0)
    image = garment.image.copy()
    for top in range(0, image.shape[0], _STRIP):  # strips keep the memory of float pictures low
        strip = slice(top, top + _STRIP)
        image[strip] = _recoloured(image[strip], garment.mask[strip], cloth, hue, lightness)
    return replace(garment, image=image)


def _recoloured(
    image: np.ndarray, mask: np.ndarray, cloth: np.ndarray, hue: float | None, lightness: float
) -> np.ndarray:
    lab = _to_lab(image)
    away = np.hypot(lab[..., 1] - cloth[1], lab[..., 2] - cloth[2])
    weight = np.clip(1.5 - away / REACH, 0, 1)
    # white prints on grey cloth and black ones on white differ in lightness only
    weight *= np.clip(1.5 - np.abs(lab[..., 0] - cloth[0]) / 45, 0, 1)
    weight *= np.minimum(1, 2 * mask)  # a grey cloth must not colour the wall behind it
    lab[..., 0] += lightness * weight
    if hue is not None:
        chroma = max(float(np.hypot(cloth[1], cloth[2])), CHROMA)
        wished = chroma * np.array([np.cos(np.radians(hue)), np.sin(np.radians(hue))])
        lab[..., 1:] += (wished - cloth[1:]) * weight[..., None]
    rgb = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)


def _to_lab(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) RGB to float32 CIELAB."""
    return cv2.cvtColor(np.ascontiguousarray(image, np.float32) / 255, cv2.COLOR_RGB2Lab)

"""Another colour for a garment, before it is warped, as the page's sliders say it: a hue and a shift of lightness.

The work is that of `tryon.display.recolour`: the cloth changes, prints of other colours and the folds stay.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..display.cloth import study
from ..display.oklab import to_oklab, to_srgb
from ..display.recolouring import move
from ..types import Garment

#: CIELAB chroma that a grey cloth gets.
CHROMA = 42.0


def recolour(garment: Garment, hue: float | None, lightness: float = 0.0) -> Garment:
    """The same garment in another colour.

    Args:
        hue: degrees in CIELAB (0 red, 90 yellow, 180 green, 270 blue); None keeps the colour.
        lightness: -100..100, added to CIELAB's L of the cloth.

    Returns:
        A new `Garment`; the argument is not changed.
    """
    if (hue is None and lightness == 0) or not (garment.mask > 0.5).any():
        return garment
    cloth = study(garment.image, garment.mask)
    lab = cv2.cvtColor(to_srgb(cloth.base)[None, None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0, 0]
    lab[0] = np.clip(lab[0] + lightness, 0, 100)
    if hue is not None:
        chroma = max(float(np.hypot(lab[1], lab[2])), CHROMA)
        lab[1:] = chroma * np.array([np.cos(np.radians(hue)), np.sin(np.radians(hue))])
    rgb = np.clip(cv2.cvtColor(lab[None, None], cv2.COLOR_Lab2RGB)[0, 0], 0, 1)
    wished = to_oklab(np.rint(rgb * 255).astype(np.uint8))
    if lightness == 0:  # the hue alone: exactly as light as it was
        wished[0] = cloth.base[0]
    return replace(garment, image=move(garment.image, garment.mask, wished, cloth))

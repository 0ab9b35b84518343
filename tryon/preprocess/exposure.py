"""White cloth in a dim photo.

People see the lightest thing in a picture as white (A. Gilchrist et al., "An anchoring theory of lightness
perception", Psychological Review 106, 1999): a white shirt photographed indoors looks white beside its darker floor,
and grey once it is pasted into a photo taken in daylight. A garment that is the lightest thing in its photo, without a
colour, and too light for a usual grey is therefore taken for white.
"""

from __future__ import annotations

import cv2
import numpy as np

#: Lightness (CIE L*) of a garment from which on it is taken for white: not at all, and surely.
LIGHTNESS = (62.0, 70.0)
#: Chroma (CIE a*, b*) of white cloth in a room's light: surely, and not any more.
CHROMA = (5.0, 9.0)
#: How much lighter (L*) than nearly all of its surroundings its light parts are: not white, and surely.
LIGHTER = (-2.0, 3.0)
#: What light parts of white cloth have in a well exposed photo, 0 to 255, and the most that a garment is brightened.
WHITE, MOST = 226.0, 1.22
#: From here on the brightened values approach 255, so that folds in the light do not burn out.
KNEE = 215.0
#: The garment is looked at this size (longer side, px).
SIDE = 128


def gain_of(image: np.ndarray, mask: np.ndarray) -> float:
    """By what a garment photo is to be multiplied so that its white garment is white; 1 for all others.

    Args:
        image: uint8 (H, W, 3) RGB; mask: float32 (H, W), the garment's matte.
    """
    step = max(max(mask.shape) // (2 * SIDE), 1)
    image, mask = image[::step, ::step], mask[::step, ::step]
    scale = min(1.0, SIDE / max(mask.shape))
    size = (max(round(mask.shape[1] * scale), 1), max(round(mask.shape[0] * scale), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    cloth = (cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    inside, around = cv2.erode(cloth, np.ones((3, 3))) > 0, cv2.dilate(cloth, np.ones((3, 3))) == 0
    if inside.sum() < 100 or around.sum() < 100:  # nothing to compare it with: a cut-out
        return 1.0
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lightness, a, b = np.median(lab[inside], axis=0)
    lead = float(np.percentile(lab[inside][:, 0], 90) - np.percentile(lab[around][:, 0], 98))
    sure = (
        float(np.interp(lightness, LIGHTNESS, (0, 1)))
        * float(np.interp(np.hypot(a, b), CHROMA, (1, 0)))
        * float(np.interp(lead, LIGHTER, (0, 1)))
    )
    light = float(np.percentile(small[inside].mean(1), 90))
    return 1 + sure * (float(np.clip(WHITE / max(light, 1.0), 1.0, MOST)) - 1)


def exposed(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The garment photo, brighter where its garment is white and the photo dim: uint8 (H, W, 3), the argument itself if
    nothing changes."""
    gain = gain_of(image, mask)
    if gain < 1.005:
        return image
    bright = np.arange(256) * gain
    room = 255 - KNEE
    table = np.where(bright < KNEE, bright, KNEE + room * np.tanh((bright - KNEE) / room))
    return cv2.LUT(image, table.round().astype(np.uint8))

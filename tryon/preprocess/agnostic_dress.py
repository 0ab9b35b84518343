"""What is taken out of the photo for a dress: all clothes but the shoes. Bare legs, arms and background come forward.

Layers, back to front: plate (background, legs, chest, arms), warped dress, occluders that stay (hair, hands, bare arms,
bag, scarf).
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from .agnostic import (
    Agnostic,
    _along,
    _dilate,
    _is,
    _worn_high,
    backdrop,
    bare_skin,
    occluders,
    repair_hair,
    repair_skin,
)
from .agnostic_lower import _leg_picture
from .body import Body
from .lower_body import LowerBody
from .skeleton import Fit

#: How dark the shadow is that the hem throws on the legs, and how far it reaches, shoulder breadths.
SHADOW, SHADOW_REACH = 0.35, 0.09


def old_clothes(parse: np.ndarray, body: Body) -> np.ndarray:
    """Pixels of the worn outfit that must go: bool (h, w). Shoes, bags and what is worn at the head stay."""
    old = _is(parse, Label.TOP, Label.OUTERWEAR, Label.DRESS, Label.LOWER)
    return old | (_is(parse, Label.ACCESSORY) & ~_worn_high(parse, _along(body, parse.shape)))


def build(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    lower: LowerBody,
    garment: np.ndarray,
    sleeves: np.ndarray,
    fit: Fit,
    legs: np.ndarray,
) -> Agnostic:
    """Erase and roughly fill.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).
        garment: float32 (h, w), coverage of the warped dress; sleeves: of its sleeves.
        fit: where it goes; legs: float32 (3,), colour of bare legs, see `agnostic_lower.skin_of_legs`.
    """
    unit = body.breadth / 100.0
    parse = repair_hair(image, repair_skin(image, parse, body), body)
    keep = occluders(parse, body, sleeves, fit.sleeve_end)
    gone = old_clothes(parse, body) & ~keep
    wide = _dilate(gone.astype(np.uint8), max(3.0, 4.5 * unit)).astype(bool)
    rim = _dilate(gone.astype(np.uint8), max(1.5, 2.2 * unit)).astype(bool) & ~_is(parse, Label.HAIR)
    new = _dilate((garment > 0.05).astype(np.uint8), 2).astype(bool)
    stay = _is(parse, Label.HAIR, Label.SHOES, Label.LEGS) | (_is(parse, Label.FACE) & ~gone)
    edit = ((wide & ~stay) | (rim & ~_is(parse, Label.SHOES)) | new | gone) & ~keep
    hole = _dilate(edit.astype(np.uint8), 2).astype(bool) | wide
    shadow = _hem_shadow(garment, body.breadth)
    edit |= (shadow > 0.03) & _is(parse, Label.LEGS) & ~keep
    soft = cv2.GaussianBlur(edit.astype(np.float32), (0, 0), 1.0)
    soft = np.where(keep, np.minimum(soft, 0.35), np.where(edit, np.maximum(soft, 0.5), soft))
    soft = np.where(soft < 0.02, 0, soft).astype(np.float32)
    plate, layout, skin, colour = _fill(image, parse, body, lower, hole, fit, legs)
    bare = _is(parse, Label.LEGS) & ~hole  # stays, in the shadow
    plate[bare] = image[bare]
    on_legs = ((layout == int(Label.LEGS)) | bare).astype(np.float32)
    plate *= (1 - SHADOW * shadow * cv2.GaussianBlur(on_legs, (0, 0), 0.8))[..., None]
    plate = np.clip(image + (plate - image) * soft[..., None], 0, 255)
    layout = np.where(edit, layout, parse).astype(np.uint8)
    return Agnostic(plate.astype(np.float32), soft, keep.astype(np.float32), skin * (soft > 0), layout, colour)


def _fill(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    lower: LowerBody,
    hole: np.ndarray,
    fit: Fit,
    legs: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Plate, layout, skin mask and skin colour, defined everywhere (used inside the edit region)."""
    size = parse.shape
    photo = image.astype(np.float32)
    plate = backdrop(photo, parse, body, hole)
    layout = np.full(size, int(Label.BACKGROUND), np.uint8)
    bare = np.zeros(size, np.float32)
    seen = cv2.erode((_is(parse, Label.LEGS) & ~hole).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    for side in (lower.back_leg, 1 - lower.back_leg):
        limb = cv2.GaussianBlur(lower.mask(side, size, 0.15, 2.12), (0, 0), 1.0)
        plate += (_leg_picture(photo, body, lower, side, seen, legs) - plate) * limb[..., None]
        layout[limb > 0.5] = int(Label.LEGS)
        bare = np.maximum(bare, limb)
    skin, colour = bare_skin(
        plate, layout, image, parse, body, hole, _along(body, size), min(fit.hem, 1.2), fit.sleeve_end
    )
    return plate, layout, np.maximum(skin, bare), colour


def _hem_shadow(garment: np.ndarray, unit: float) -> np.ndarray:
    """The dress's shadow on what lies below it: float32 (h, w) in [0, 1]; unit: shoulder breadth, px."""
    reach = SHADOW_REACH * unit
    lowered = cv2.warpAffine(garment, np.array([[1, 0, 0], [0, 1, 0.7 * reach]]), garment.shape[::-1])
    return cv2.GaussianBlur(lowered, (0, 0), max(0.6 * reach, 0.8))

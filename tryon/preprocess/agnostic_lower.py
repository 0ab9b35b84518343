"""What is taken out of the photo for a new lower garment, what stays in front, and the first filling.

Layers, back to front: plate (background, bare legs, a tucked top's lower end), warped garment, occluders that stay (hands
and arms, bag, hair, shoes, and the top or coat that hangs over the waistband). As little as possible is erased: the worn
lower garment (of a dress, the part below the waist) and what the new one covers.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from .agnostic import Agnostic, _along, _dilate, _is, _sizeable, _smooth_fill
from .body import Body, arm_mask, hand_mask
from .fill import leg_colour, mirror_fill, shade_leg
from .legs import LegFit
from .lower_body import LowerBody


def old_garment(parse: np.ndarray, body: Body, waist: float) -> np.ndarray:
    """Pixels of the worn lower garment that must go: bool (h, w); of a dress, what lies below `waist` (torso lengths)."""
    along = _along(body, parse.shape)
    old = _is(parse, Label.LOWER) | (_is(parse, Label.DRESS) & (along > waist))
    return old | (_is(parse, Label.ACCESSORY) & _belts(parse, body, waist))


def _belts(parse: np.ndarray, body: Body, waist: float) -> np.ndarray:
    """Accessories that lie wholly about the waistband or below it: bool (h, w)."""
    accessory = _is(parse, Label.ACCESSORY)
    along = _along(body, parse.shape)
    count, pieces = cv2.connectedComponents(accessory.astype(np.uint8))
    low = np.ones(count, bool)
    low[np.unique(pieces[accessory & (along < waist - 0.12)])] = False
    low[0] = False
    return low[pieces]


def occluders(parse: np.ndarray, body: Body, waist: float) -> np.ndarray:
    """What stays in front of the new garment: bool (h, w)."""
    size = parse.shape
    along = _along(body, size)
    keep = _sizeable(_is(parse, Label.HAIR, Label.BAG), (0.16 * body.breadth) ** 2)
    keep |= _is(parse, Label.SHOES, Label.TOP, Label.OUTERWEAR, Label.FACE)
    keep |= _is(parse, Label.DRESS) & (along <= waist)
    keep |= _is(parse, Label.ACCESSORY) & ~_belts(parse, body, waist)
    arms = _is(parse, Label.ARMS)
    near = np.zeros(size, bool)
    for side in (0, 1):
        near |= (hand_mask(body, side, size, 1.8) > 0.5) | (arm_mask(body, side, size, 1.9, 0.0, 2.2) > 0.5)
    keep |= arms & near
    return _sizeable(keep, (0.1 * body.breadth) ** 2)


def repair(parse: np.ndarray, body: Body, person: np.ndarray) -> np.ndarray:
    """A parse (uint8 (h, w), new) whose specks inside the lower garment are closed, and whose lower garment reaches the
    pose network's silhouette between waist and ankles.

    Args:
        person: float32 (h, w), MediaPipe's person mask.
    """
    out = parse.copy()
    lower = _is(out, Label.LOWER, Label.DRESS)
    r = max(round(0.05 * body.breadth), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    closed = cv2.morphologyEx(lower.astype(np.uint8), cv2.MORPH_CLOSE, kernel).astype(bool)
    holes = closed & ~lower & ~_sizeable(~lower, (0.12 * body.breadth) ** 2)
    out[holes] = int(Label.LOWER)
    near = _dilate(lower.astype(np.uint8), 0.06 * body.breadth).astype(bool)
    out[near & (person > 0.8) & _is(out, Label.BACKGROUND)] = int(Label.LOWER)
    return out


def skin_of_legs(image: np.ndarray, parse: np.ndarray) -> np.ndarray:
    """Colour for newly bare legs: float32 (3,) 0..255, from a whole photo and its parse."""
    legs = cv2.erode(_is(parse, Label.LEGS).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return leg_colour(image, legs, _is(parse, Label.ARMS), _is(parse, Label.FACE))


def build(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    lower: LowerBody,
    garment: np.ndarray,
    fit: LegFit,
    colour: np.ndarray,
) -> Agnostic:
    """Erase and roughly fill.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w), see `repair`.
        garment: float32 (h, w), coverage of the warped garment.
        fit: where it goes; colour: float32 (3,) of bare legs, see `skin_of_legs`.
    """
    unit = body.breadth / 100.0
    keep = occluders(parse, body, fit.waist)
    gone = old_garment(parse, body, fit.waist) & ~keep
    wide = _dilate(gone.astype(np.uint8), max(3.0, 4.5 * unit)).astype(bool)
    rim = _dilate(gone.astype(np.uint8), max(1.5, 2.0 * unit)).astype(bool)
    new = _dilate((garment > 0.05).astype(np.uint8), 2).astype(bool)
    bare = _is(parse, Label.LEGS)
    edit = ((wide & ~bare) | rim | new | gone) & ~keep
    soft = cv2.GaussianBlur(edit.astype(np.float32), (0, 0), 1.0)
    soft = np.where(keep, np.minimum(soft, 0.35), np.where(edit, np.maximum(soft, 0.5), soft))
    soft = np.where(soft < 0.02, 0, soft).astype(np.float32)
    hole = _dilate(edit.astype(np.uint8), 2).astype(bool) | wide
    plate, layout, skin = _fill(image, parse, body, lower, hole, fit, colour)
    plate = np.clip(image + (plate - image) * soft[..., None], 0, 255)
    layout = np.where(edit, layout, parse).astype(np.uint8)
    return Agnostic(plate.astype(np.float32), soft, keep.astype(np.float32), skin * (soft > 0), layout, colour)


def _fill(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    lower: LowerBody,
    hole: np.ndarray,
    fit: LegFit,
    colour: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plate, layout and skin mask, defined everywhere (used inside the edit region)."""
    size = parse.shape
    photo = image.astype(np.float32)
    along = _along(body, size)
    person = _dilate((~_is(parse, Label.BACKGROUND)).astype(np.uint8), max(4.0, 6.0 * body.breadth / 100)).astype(bool)
    known = ~person & ~hole
    if known.sum() < 50:
        known = ~hole
    plate = mirror_fill(photo, known, _smooth_fill(photo, known), 0.12 * body.breadth)
    layout = np.full(size, int(Label.BACKGROUND), np.uint8)
    # a tucked top goes on for a little where the new waistband is lower than the old one
    top = _is(parse, Label.TOP, Label.DRESS) & ~hole & (along > fit.waist - 0.35)
    above = np.clip((fit.waist + 0.06 - along) * 30, 0, 1) * _is(parse, Label.LOWER, Label.DRESS, Label.ACCESSORY)
    if top.sum() >= 60 and above.any():
        above = cv2.GaussianBlur(above.astype(np.float32), (0, 0), 1.0)
        cloth = mirror_fill(photo, top, _smooth_fill(photo, top), 0.5 * body.breadth, even=1.0)
        plate += (cloth - plate) * above[..., None]
        layout[above > 0.5] = int(Label.TOP)
    skin = np.zeros(size, np.float32)
    for side in (lower.back_leg, 1 - lower.back_leg):
        limb = cv2.GaussianBlur(lower.mask(side, size, 0.15, 2.12), (0, 0), 1.0)
        plate += (shade_leg(body, side, size, colour) - plate) * limb[..., None]
        layout[limb > 0.5] = int(Label.LEGS)
        skin = np.maximum(skin, limb)
    return plate, layout, skin

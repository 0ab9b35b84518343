"""What is taken out of the photo for a dress: all clothes but the shoes. Bare legs, arms and background come forward.

Layers, back to front: plate (background, legs, chest, arms), warped dress, occluders that stay (hair, hands, bare arms,
bag, scarf).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..labels import Label
from . import agnostic_lower
from .agnostic import (
    Agnostic,
    arms_before,
    fringed,
    occluders,
    start_borders,
    without_seam,
    worn_high,
)
from .agnostic_lower import leg_picture
from .arms import loose_skin
from .below import beside_seen
from .body import Body, torso_rows
from .fill import row_fill
from .hands import hand_hidden, made_up
from .lower_body import LowerBody
from .masks import dilate, is_label, soften
from .plate import backdrop, background_seen, bare_skin, put_together
from .repair import repair_hair, repair_skin
from .skeleton import Fit

#: How dark the shadow is that the hem throws on the legs, and how far it reaches, shoulder breadths.
SHADOW, SHADOW_REACH = 0.35, 0.09


def old_clothes(parse: np.ndarray, body: Body) -> np.ndarray:
    """Pixels of the worn outfit that must go: bool (h, w). Shoes, bags and what is worn at the head stay."""
    old = is_label(parse, Label.TOP, Label.OUTERWEAR, Label.DRESS, Label.LOWER)
    bag = is_label(parse, Label.BAG)
    r = max(round(0.07 * body.breadth), 1)
    thick = cv2.morphologyEx(
        bag.astype(np.uint8), cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1,) * 2)
    )
    strap = bag & ~dilate(thick, 2).astype(bool) & (torso_rows(body, parse.shape) < 0.6)  # only pieces of it are seen
    old |= strap
    return old | (is_label(parse, Label.ACCESSORY) & ~worn_high(parse, torso_rows(body, parse.shape)))


def repair_legs(parse: np.ndarray) -> np.ndarray:
    """Legs above clothing (a torn knee, an error of the parse) become clothing: uint8 (h, w), a new parse.

    Below a leg comes a shoe or the floor.
    """
    legs = is_label(parse, Label.LEGS).astype(np.uint8)
    count, pieces = cv2.connectedComponents(legs)
    if count < 2:
        return parse
    under = np.zeros_like(pieces)
    under[3:] = pieces[:-3]
    rim = (under > 0) & (legs == 0)
    below = np.bincount(under[rim], minlength=count)
    cloth = np.bincount(under[rim & is_label(parse, Label.LOWER, Label.DRESS)], minlength=count)
    wrong = cloth > 0.6 * np.maximum(below, 1)
    wrong[0] = False
    return np.where(wrong[pieces], np.uint8(Label.LOWER), parse).astype(np.uint8)


def overlooked(image: np.ndarray, parse: np.ndarray, body: Body, person: np.ndarray | None = None) -> np.ndarray:
    """Pixels beside the worn clothes that have their colour join them (see `agnostic_lower.overlooked`): cuffs, cloth
    between an arm and a bag, a collar under the hair.

    Returns:
        uint8 (h, w), a new parse.
    """
    others = ((Label.ARMS,), (Label.BAG,), (Label.BACKGROUND,))
    parse = agnostic_lower.overlooked(image, parse, body, (Label.LOWER, Label.DRESS), others, person)
    return overlooked_tops(image, parse, body)


def overlooked_tops(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """As `overlooked`, for the clothing of the torso alone."""
    for worn in (Label.OUTERWEAR, Label.TOP, Label.DRESS):
        parse = agnostic_lower.overlooked(image, parse, body, (worn,), ((Label.ARMS,), (Label.HAIR,)))
    return parse


def feet_hidden(parse: np.ndarray, body: Body) -> bool:
    """Whether the worn skirt or trousers reach the ground, so that the feet would have to be invented."""
    along = torso_rows(body, parse.shape)
    end = float(body.along(body.ankles).max())
    cloth = along[is_label(parse, Label.LOWER, Label.DRESS, Label.OUTERWEAR)]
    shoes = int((is_label(parse, Label.SHOES, Label.LEGS) & (along > end - 0.25)).sum())
    return len(cloth) > 80 and float(np.percentile(cloth, 99.5)) > end and shoes < 0.06 * body.breadth**2


def lengthened(body: Body, parse: np.ndarray) -> Body:
    """`body` with its knees and ankles moved down where shoes or legs are seen well below the ankles: under a long coat
    or skirt the pose network takes its hem for the feet."""
    seen = is_label(parse, Label.SHOES, Label.LEGS)
    rows = body.along(np.stack(np.nonzero(seen)[::-1], 1).astype(np.float32)) if seen.any() else np.zeros(0)
    if len(rows) < 0.02 * body.breadth**2:
        return body
    end = float(np.percentile(rows, 96)) - 0.1
    ankle = float(body.along(body.ankles).max())
    if end < ankle + 0.2 or ankle < 1.2:
        return body
    factor = (min(end, 3.0) - 1.0) / (ankle - 1.0)
    moved = {n: body.hips + (getattr(body, n) - body.hips) * factor for n in ("knees", "ankles")}
    return replace(body, knees=moved["knees"].astype(np.float32), ankles=moved["ankles"].astype(np.float32))


def build(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    lower: LowerBody,
    garment: np.ndarray,
    sleeves: np.ndarray,
    fit: Fit,
    legs: np.ndarray,
    silhouette: np.ndarray,
) -> Agnostic:
    """Erase and roughly fill.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).
        garment: float32 (h, w), coverage of the warped dress; sleeves: of its sleeves.
        fit: where it goes; legs: float32 (3,), colour of bare legs, see `agnostic_lower.skin_of_legs`.
        silhouette: float32 (h, w), MediaPipe's person mask.
    """
    unit = body.breadth / 100.0
    hair = is_label(parse, Label.HAIR)
    parse = repair_hair(image, repair_skin(image, parse, body), body)
    old = old_clothes(parse, body)
    rims, loose = loose_skin(parse, body)
    keep = occluders(parse, body, sleeves, fit.sleeve_end, loose) & ~(old & is_label(parse, Label.BAG))
    keep &= ~(hair & ~is_label(parse, Label.HAIR))
    gone = (old | rims) & ~keep
    wide = dilate(gone.astype(np.uint8), max(3.0, 4.5 * unit)).astype(bool)
    rim = dilate(gone.astype(np.uint8), max(1.5, 2.2 * unit)).astype(bool) & ~is_label(parse, Label.HAIR)
    new = dilate((garment > 0.05).astype(np.uint8), 2).astype(bool)
    stay = is_label(parse, Label.HAIR, Label.SHOES, Label.LEGS) | (is_label(parse, Label.FACE) & ~gone)
    edit = ((wide & ~stay) | (rim & ~is_label(parse, Label.SHOES)) | new | gone) & ~keep
    hole = dilate(edit.astype(np.uint8), 2).astype(bool) | wide
    shadow = _hem_shadow(garment, body.breadth)
    edit |= (shadow > 0.03) & is_label(parse, Label.LEGS) & ~keep
    soft = soften(edit, keep)
    borders = start_borders(image, parse, keep, gone, body)
    plate, layout, skin, colour = _fill(image, parse, body, lower, hole, gone, fit, legs, silhouette, garment, rims)
    bare = is_label(parse, Label.LEGS) & ~hole  # stays, in the shadow
    plate[bare] = image[bare]
    on_legs = ((layout == int(Label.LEGS)) | bare).astype(np.float32)
    plate *= (1 - SHADOW * shadow * cv2.GaussianBlur(on_legs, (0, 0), 0.8))[..., None]
    filled, plate = plate, np.clip(image + (plate - image) * soft[..., None], 0, 255)
    layout = np.where(edit, layout, parse).astype(np.uint8)
    painted = (layout == int(Label.ARMS)) & (soft > 0.5)
    hands = (hand_hidden(parse, old, body, 0), hand_hidden(parse, old, body, 1))
    before = arms_before(parse, body, painted, sleeves, fit.sleeve_end, hands)
    plate, front, soft, skin = fringed(borders(), keep, garment, painted, body.breadth, (filled, plate, soft, skin))
    keep = np.maximum(front, without_seam(keep & is_label(parse, Label.ARMS), before))
    return Agnostic(plate, soft, keep, skin * (soft > 0), layout, colour)


def _between_legs(lower: LowerBody, size: tuple[int, ...]) -> np.ndarray:
    """Between the axes of the legs: bool (h, w). What is seen there is the best guess of what is beside it."""
    t = np.linspace(0.3, 2.0, 24)
    out = np.zeros(size, np.uint8)
    poly = np.concatenate([lower.leg(0, t), lower.leg(1, t)[::-1]])
    cv2.fillPoly(out, [np.round(poly).astype(np.int32)], 1)
    return out > 0


def _fill(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    lower: LowerBody,
    hole: np.ndarray,
    gone: np.ndarray,
    fit: Fit,
    legs: np.ndarray,
    silhouette: np.ndarray,
    garment: np.ndarray,
    rims: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Plate, layout, skin mask and skin colour, defined everywhere (used inside the edit region)."""
    size = parse.shape
    photo = image.astype(np.float32)
    unit = body.breadth / 100
    person = dilate((~is_label(parse, Label.BACKGROUND)).astype(np.uint8), max(4.0, 6 * unit)).astype(bool)
    known = ~person & ~hole & ~dilate(gone.astype(np.uint8), 11 * unit).astype(bool)
    if known.sum() < 50:
        known = ~hole
    known |= (
        _between_legs(lower, size)
        & is_label(parse, Label.BACKGROUND)
        & ~dilate(gone.astype(np.uint8), 3 * unit).astype(bool)
    )
    along = torso_rows(body, size)
    seen_behind = background_seen(parse, body, hole)
    mirrored = backdrop(photo, seen_behind, hole, body.breadth)
    mirrored = put_together(photo, seen_behind, hole, garment, mirrored, body.breadth)
    rows = row_fill(photo, known, mirrored)
    rows = agnostic_lower.without_step(rows, photo, known, ~known & ~hole & is_label(parse, Label.BACKGROUND))
    behind = mirrored + (rows - mirrored) * np.clip((along - 0.6) * 4, 0, 1)[..., None]
    plate = behind.copy()
    layout = np.full(size, int(Label.BACKGROUND), np.uint8)
    bare = np.zeros(size, np.float32)
    seen = cv2.erode((is_label(parse, Label.LEGS) & ~hole).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    meeting = seen
    lit = seen & ~dilate(gone.astype(np.uint8), 16 * unit).astype(bool)  # not in the old hem's shadow
    seen = lit if lit.sum() > 60 else seen
    if seen.sum() < 0.06 * body.length**2:  # an ankle between hem and shoe says little
        seen[:] = False
    for side in (lower.back_leg, 1 - lower.back_leg):
        shoes = lower.ankle(side, is_label(parse, Label.SHOES), agnostic_lower.ANKLE * body.breadth)
        limb = cv2.GaussianBlur(np.maximum(lower.mask(side, size, 0.15, 2.12), shoes), (0, 0), 0.7)
        leg = beside_seen(photo, leg_picture(photo, body, lower, side, seen, legs), meeting, body)
        plate += (leg - plate) * limb[..., None]
        layout[limb > 0.5] = int(Label.LEGS)
        bare = np.maximum(bare, limb)
    skin, colour = bare_skin(plate, layout, image, parse, body, hole, along, min(fit.hem, 1.2), fit.sleeve_end, rims)
    old = old_clothes(parse, body)
    _, skin = made_up(parse, old, body, (plate, layout, skin), colour)
    # no skin where there was not even clothing
    inside = cv2.morphologyEx(
        (~is_label(parse, Label.BACKGROUND) | (silhouette > 0.6)).astype(np.uint8),
        cv2.MORPH_CLOSE,
        np.ones((3, 3), np.uint8),
    )
    inside = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.7)
    plate = behind + (plate - behind) * inside[..., None]
    layout[inside < 0.5] = int(Label.BACKGROUND)
    return plate, layout, np.maximum(skin, bare) * inside, colour


def _hem_shadow(garment: np.ndarray, unit: float) -> np.ndarray:
    """The dress's shadow on what lies below it: float32 (h, w) in [0, 1]; unit: shoulder breadth, px."""
    reach = SHADOW_REACH * unit
    lowered = cv2.warpAffine(garment, np.array([[1, 0, 0], [0, 1, 0.7 * reach]]), garment.shape[::-1])
    return cv2.GaussianBlur(lowered, (0, 0), max(0.6 * reach, 0.8))

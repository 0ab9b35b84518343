"""Clothing that was parsed as skin, a bag or an accessory, found by its colours."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from .arms import arm_mask, bare_from, hand_mask
from .body import Body, below_chin, face_disc, torso_rows
from .colours import bins_of, colour_odds, common_colours, histogram, lab_of, log_odds
from .masks import dilate, is_label, sizeable

#: How far a cuff may reach beyond the parsed sleeve, shoulder breadths.
REACH = 0.3
#: How much of an arm below a sleeve goes with it, shoulder breadths, where the arm is bare from between these stations
#: on.
RIM, RIM_FROM, RIM_TO = 0.06, 0.25, 1.75
#: The same along an arm of which much is seen, stations of `arms.arm_stations`.
CUFF = 0.35
#: Log odds of the sleeve's colours against skin's beyond which a pixel is cloth.
ODDS = 0.9
#: What is surely no skin: how rare its colour is there (log), and how far from the sleeve, shoulder breadths.
STRANGE, STRANGE_REACH = 0.7, 0.18
#: The same for the line between sleeve and arm, and how broad that may be, shoulder breadths.
SEAM_ODDS, SEAM = 0.3, 0.035
#: Colours in common beyond which skin and sleeve can't be told apart, and a bag and a sleeve are one.
ALIKE, SAME = 0.6, 0.8
#: The same for an accessory and the clothing round it.
SAME_CLOTH = 0.85
#: A cuff crosses a hand if most of each row of pixels across it is cloth; breadth of such a row, shoulder breadths.
CROSSING = 0.03
#: Mean lightness (0 to 255) below which a sleeve's colour says nothing about a bag.
DARK = 60


def clothing_by_colour(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Arms beside the worn sleeve that have its colours and not those of skin, bags that lie on an arm and have the
    sleeve's colours, and accessories below the chin that have the colours of the clothing round them, become clothing.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    cloth, arms = is_label(parse, *TORSO_CLOTHING), is_label(parse, Label.ARMS)
    worn_on = is_label(parse, Label.ACCESSORY) & (below_chin(body, parse.shape) > 0) & ~face_disc(body, parse.shape)
    suspects = np.argwhere(arms | worn_on | is_label(parse, Label.BAG))
    if not len(suspects) or not cloth.any():
        return parse
    away = cv2.distanceTransform((~cloth).astype(np.uint8), cv2.DIST_L2, 3) / body.breadth
    near = away < REACH
    for side in (0, 1):  # a forearm hangs beside the coat, and is far from its sleeve all the same
        seen_from = bare_from(parse, body, side)
        if seen_from < 1.5:
            near &= arm_mask(body, side, parse.shape, 1.4, seen_from + CUFF, 2.1) < 0.5
    face, far = is_label(parse, Label.FACE) & (below_chin(body, parse.shape) < 0), arms & ~near
    if (face | far).sum() < 150:
        return parse
    lab = lab_of(cv2.GaussianBlur(image, (0, 0), 0.8))
    bare = histogram(lab, face | far)
    # only where it matters: looking colours up is slow
    pad = 8
    low, high = np.maximum(suspects.min(0) - pad, 0), suspects.max(0) + pad + 1
    here = slice(low[0], high[0]), slice(low[1], high[1])
    bins = bins_of(lab[here])
    smooth = max(0.025 * body.breadth, 0.8)
    found, seam = np.zeros(parse.shape, bool), np.zeros(parse.shape, bool)
    if far.sum() >= 150:  # the arms' own light is known: what has no colour of skin is none
        bare = 0.5 * bare + 0.5 * histogram(lab, far)
        strange = cv2.GaussianBlur(np.log(0.01 / (bare + 0.002)).ravel()[bins], (0, 0), smooth)
        found[here] |= (arms & near & (away < STRANGE_REACH))[here] & (strange > STRANGE)
    found |= _whole(_accessory(lab, worn_on, cloth, body.breadth), is_label(parse, Label.ACCESSORY) & ~face)
    for side in (0, 1):
        limb = arm_mask(body, side, parse.shape, 1.9, 0.1, 2.2) > 0.5
        sleeve = cv2.erode((cloth & limb).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if sleeve.sum() < 100:
            continue
        worn = histogram(lab, sleeve)
        if lab[..., 0][sleeve].mean() > DARK:  # black bags go with black sleeves
            found |= _bag(lab, parse, worn, arm_mask(body, side, parse.shape, 1.5, 0.3, 2.2) > 0.5)
        if common_colours(worn, bare) > ALIKE:
            continue
        odds = np.clip(log_odds(worn, bare), -3, 3).ravel()[bins]
        seam[here] |= (arms & limb)[here] & (cv2.GaussianBlur(odds, (0, 0), 0.7) > SEAM_ODDS)
        found[here] |= (arms & limb & near)[here] & (cv2.GaussianBlur(odds, (0, 0), smooth) > ODDS)
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    count, pieces = cv2.connectedComponents((found | cloth).astype(np.uint8))
    joined = np.zeros(count, bool)
    joined[np.unique(pieces[cloth])] = True
    joined[0] = False
    found = sizeable(found & joined[pieces], (0.05 * body.breadth) ** 2)
    for side in (0, 1):
        found &= ~_bites(found, arms, body, side)
    # the parse is coarser than the picture: a line of the old cloth may lie on an arm's edge
    found |= seam & (dilate((cloth | found).astype(np.uint8), SEAM * body.breadth) > 0)
    return _joined(parse, found)


def sleeve_rims(parse: np.ndarray, body: Body) -> np.ndarray:
    """The first bit of a bare arm below a worn sleeve becomes a part of the sleeve, whose edge is never quite where the
    parse ends it: a ring of it would stay on the arm.

    Args:
        parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    out = parse.copy()
    for side in (0, 1):
        seen_from = bare_from(parse, body, side)
        if not RIM_FROM < seen_from < RIM_TO:
            continue
        sleeve = is_label(parse, *TORSO_CLOTHING) & (arm_mask(body, side, parse.shape, 1.2, 0.1, seen_from) > 0.5)
        near = dilate(sleeve.astype(np.uint8), RIM * body.breadth) > 0
        here = near & is_label(parse, Label.ARMS)
        here &= arm_mask(body, side, parse.shape, 1.7, max(seen_from - 0.3, 0.1), seen_from + 0.2) > 0.5
        if here.any():
            kinds = parse[sleeve]
            out[here] = np.bincount(kinds).argmax() if len(kinds) else int(Label.TOP)
    return out


def _joined(parse: np.ndarray, found: np.ndarray) -> np.ndarray:
    """A new parse in which the pieces of `found` are clothing: a part of the dress beside them, else of the top."""
    out = np.where(found, np.uint8(Label.TOP), parse).astype(np.uint8)
    count, pieces = cv2.connectedComponents(found.astype(np.uint8))
    nearest = dilate(pieces.astype(np.float32), 2).astype(int)
    ring = (nearest > 0) & ~found
    dress = np.bincount(nearest[ring & is_label(parse, Label.DRESS)], minlength=count)
    cloth = np.bincount(nearest[ring & is_label(parse, *TORSO_CLOTHING)], minlength=count)
    of_dress = 2 * dress > np.maximum(cloth, 1)
    of_dress[0] = False
    out[of_dress[pieces]] = int(Label.DRESS)
    return out


def lower_by_colour(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Accessories below the hips that have the colours of the lower garment round them, such as pockets, become a part
    of it; bare arms beside it that were taken for it, and have the colours of skin, become ARMS.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    lower = is_label(parse, Label.LOWER, Label.DRESS)
    limbs = [arm_mask(body, side, parse.shape, 1.1, 0.4, 2.1) > 0.5 for side in (0, 1)]
    around = np.maximum(*(arm_mask(body, side, parse.shape, 1.8, 0.0, 2.3) for side in (0, 1))) > 0.5
    lab = lab_of(cv2.GaussianBlur(image, (0, 0), 0.8))
    low = is_label(parse, Label.ACCESSORY) & (torso_rows(body, parse.shape) > 0.9)
    out = np.where(_accessory(lab, low, lower, body.breadth), np.uint8(Label.LOWER), parse).astype(np.uint8)
    skin = is_label(parse, Label.ARMS, Label.LEGS)
    cloth = cv2.erode((lower & ~around).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if min(skin.sum(), cloth.sum()) < 150 or not any((lower & limb).any() for limb in limbs):
        return out
    bare, worn = histogram(lab, skin), histogram(lab, cloth)
    if common_colours(worn, bare) > ALIKE:
        return out
    odds = cv2.GaussianBlur(np.clip(colour_odds(lab, bare, worn), -3, 3), (0, 0), max(0.025 * body.breadth, 0.8))
    for limb in limbs:
        arm = lower & limb & (odds > ODDS)
        arm = cv2.morphologyEx(arm.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
        out[sizeable(arm, (0.12 * body.breadth) ** 2)] = int(Label.ARMS)
    return out


def _accessory(lab: np.ndarray, accessory: np.ndarray, cloth: np.ndarray, unit: float) -> np.ndarray:
    """Pieces parsed as an accessory that have the colours of the clothing round them, such as a shirt's front: bool
    (h, w)."""
    out = np.zeros(cloth.shape, bool)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(accessory.astype(np.uint8))
    for piece in range(1, count):
        if stats[piece, cv2.CC_STAT_AREA] < (0.08 * unit) ** 2:
            continue
        here = pieces == piece
        beside = cloth & (dilate(here.astype(np.uint8), 0.12 * unit) > 0)
        if beside.sum() > 80 and common_colours(histogram(lab, here), histogram(lab, beside)) > SAME_CLOTH:
            out |= here
    return out


def _bites(found: np.ndarray, arms: np.ndarray, body: Body, side: int) -> np.ndarray:
    """What of a supposed cuff would bite into a hand instead of crossing it: knuckles in the light. bool (h, w).

    Args:
        found: bool (h, w), the supposed cuffs; arms: bool (h, w), arms and hands with them.
    """
    out = np.zeros(found.shape, bool)
    way = body.hands[side] - body.elbows[side]
    length = float(np.linalg.norm(way))
    hand = arms & (hand_mask(body, side, found.shape, 1.4) > 0.5)
    if length < 1 or not (hand & found).any():
        return out
    y, x = np.nonzero(hand)
    along = (np.stack([x, y], 1) - body.elbows[side]) @ way / length
    steps = ((along - along.min()) / max(CROSSING * body.breadth, 1.0)).astype(int)
    cloth = found[y, x]
    across = np.bincount(steps, cloth) > 0.55 * np.bincount(steps)
    end = int(across.argmin()) if not across.all() else len(across)
    bite = cloth & (steps >= end)
    out[y[bite], x[bite]] = True
    return out


def _whole(found: np.ndarray, things: np.ndarray) -> np.ndarray:
    """What was found, and the rest of those `things` of which most was: a scarf that reaches up beside the chin."""
    if not found.any():
        return found
    count, pieces = cv2.connectedComponents(things.astype(np.uint8))
    whole = np.bincount(pieces[found], minlength=count) > 0.7 * np.bincount(pieces.ravel(), minlength=count)
    whole[0] = False
    return found | whole[pieces]


def _bag(lab: np.ndarray, parse: np.ndarray, worn: np.ndarray, limb: np.ndarray) -> np.ndarray:
    """Pieces parsed as a bag that lie on the arm and look like its sleeve: bool (h, w)."""
    count, pieces = cv2.connectedComponents(is_label(parse, Label.BAG).astype(np.uint8))
    size, inside = np.bincount(pieces.ravel(), minlength=count), np.bincount(pieces[limb], minlength=count)
    out = np.zeros(parse.shape, bool)
    for piece in range(1, count):
        if inside[piece] > 0.25 * size[piece]:
            here = pieces == piece
            if common_colours(histogram(lab, here), worn) > SAME:
                out |= here
    return out

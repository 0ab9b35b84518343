"""Corrections of a parse by colours, joints and the person mask: skin, hair, clothes that were overlooked."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from .arms import arm_mask, hand_mask
from .body import Body, below_chin, torso_rows
from .colours import common_colours, histogram, lab_of
from .fill import skin_colour
from .masks import dilate, is_label, joined_to

#: A top or coat that ends lower than this (torso lengths below the shoulder line) over bare legs is worn as a dress; so
#: much of the clothing may be parsed as another garment, so much of the lower garment may be seen (shoulder breadths
#: squared), and with so many colours in common it is a part of the dress.
DRESS_END, DRESS_OTHER, DRESS_LOWER, DRESS_ALIKE = 1.3, 0.1, 0.08, 0.93

#: A top's tail begins at so many torso lengths; with so many colours in common with the lower garment it is one cloth.
TAIL_FROM, TAIL_ALIKE = 0.95, 0.96
#: The longest piece of clothing across a wrist that is a watch or bracelet, in 25ths of the forearm.
BRIDGED = 6


def worn_as_dress(image: np.ndarray, parse: np.ndarray, body: Body, bare: bool) -> np.ndarray:
    """The skirt of a top or coat that is worn as a dress becomes one's: under a shorter top it stays as a skirt.

    What lies under it is not known, and nothing that could be drawn there looks more likely.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).
        bare: whether the legs are bare.

    Returns:
        uint8 (h, w), a new parse.
    """
    cloth, unit = is_label(parse, *TORSO_CLOTHING), body.breadth
    along = torso_rows(body, parse.shape)
    areas = np.array([is_label(parse, label).sum() for label in TORSO_CLOTHING])
    skirt = cloth & (along > 1.0)
    legs = along[is_label(parse, Label.LEGS)]
    if not bare or not len(legs) or areas.max() < (1 - DRESS_OTHER) * areas.sum() or skirt.sum() < 0.3 * unit**2:
        return parse
    end = float(np.percentile(along[skirt], 97))
    if end < DRESS_END or float(np.percentile(legs, 5)) > end + 0.2:
        return parse
    lower = is_label(parse, Label.LOWER) & (along > 0.7)
    if lower.sum() > DRESS_LOWER * unit**2:
        lab = lab_of(image)
        if common_colours(histogram(lab, lower), histogram(lab, skirt)) < DRESS_ALIKE:
            return parse
    part = (cloth & (along > 0.6)) | lower
    for side in (0, 1):
        part &= arm_mask(body, side, parse.shape, 1.3, 0.0, 2.0) < 0.5
    return np.where(part, np.uint8(Label.DRESS), parse).astype(np.uint8)


def one_tail(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """The tail of a long shirt that the parse gives to the top in part and to the lower garment in part becomes the
    latter's: under a shorter top it stays, and nothing between its pieces has to be made up.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    along, unit = torso_rows(body, parse.shape), body.breadth
    tail = is_label(parse, Label.TOP) & (along > TAIL_FROM)
    lower = is_label(parse, Label.LOWER) & (along > TAIL_FROM - 0.2)
    if tail.sum() < 0.1 * unit**2 or lower.sum() < 0.1 * unit**2:
        return parse
    meeting = int((lower & (dilate(tail.astype(np.uint8), 2) > 0)).sum())
    lab = lab_of(image)
    if meeting < unit or common_colours(histogram(lab, tail), histogram(lab, lower)) < TAIL_ALIKE:
        return parse
    return np.where(tail, np.uint8(Label.LOWER), parse).astype(np.uint8)


def repair_skin(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Collars and cuffs that were parsed as skin become clothing again.

    A pixel labelled as neck or arm near the worn garment, whose hue is not the person's skin hue, is taken for a
    part of that garment.

    Returns:
        uint8 (h, w), a new parse.
    """
    clothing = is_label(parse, Label.TOP, Label.OUTERWEAR, Label.DRESS)
    face, arms = is_label(parse, Label.FACE), is_label(parse, Label.ARMS)
    if face.sum() < 80 or not clothing.any():
        return parse
    below = below_chin(body, parse.shape) > 0
    colour = skin_colour(image, arms & False, face & ~below)
    near = dilate(clothing.astype(np.uint8), 0.16 * body.breadth).astype(bool)
    hands = np.maximum(hand_mask(body, 0, parse.shape, 0.9), hand_mask(body, 1, parse.shape, 0.9)) > 0.5  # may glare
    suspects = near & ((face & below) | (arms & ~hands))
    if not suspects.any():
        return parse
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    skin = cv2.cvtColor((colour / 255)[None, None].astype(np.float32), cv2.COLOR_RGB2LAB)[0, 0]
    # hue and saturation tell cloth from skin; shadows keep the hue, so they are judged by direction, not by length
    ab, want = lab[..., 1:], skin[1:]
    strength = float(np.linalg.norm(want))
    if strength < 8:
        return parse
    along = (ab @ want) / strength
    across = np.abs(ab @ np.array([-want[1], want[0]])) / strength
    light = np.clip(lab[..., 0] / max(float(skin[0]), 20.0), 0.25, 1.0)
    light *= np.clip((100 - lab[..., 0]) / max(100 - float(skin[0]), 10.0), 0.25, 1.0)  # what is overexposed pales
    odd = (along < 0.42 * strength * light) | (across > 0.8 * strength + 3)
    odd = cv2.morphologyEx((odd & suspects).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
    odd = joined_to(odd, clothing)  # else a pale cheek of a child beside the person
    return np.where(odd, np.uint8(Label.TOP), parse).astype(np.uint8)


def repair_hair(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Clothing on the shoulders that was parsed as hair becomes clothing again, where its hue is not that of the hair.

    Returns:
        uint8 (h, w), a new parse.
    """
    hair = is_label(parse, Label.HAIR)
    along = torso_rows(body, parse.shape)
    head = hair & (along < -0.12)
    low = hair & (along > -0.12)
    if head.sum() < 80 or not low.any():
        return parse
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    typical = np.median(lab[head], axis=0)
    spread = float(np.median(np.linalg.norm(lab[head][:, 1:] - typical[1:], axis=1)))
    strange = low & (np.linalg.norm(lab[..., 1:] - typical[1:], axis=-1) > max(16.0, 3.5 * spread))
    odd = cv2.morphologyEx(strange.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
    # thin lines of the garment between the strands
    beside = dilate((odd | is_label(parse, *TORSO_CLOTHING)).astype(np.uint8), 0.04 * body.breadth) > 0
    odd |= strange & beside
    return np.where(odd, np.uint8(Label.TOP), parse).astype(np.uint8)


def bridged_wrists(parse: np.ndarray, body: Body) -> np.ndarray:
    """Clothing across a wrist between a bare forearm and the hand becomes a part of the arm: watches and bracelets.

    Returns:
        uint8 (h, w), a new parse.
    """
    out = parse
    clothing = is_label(parse, *TORSO_CLOTHING, Label.LOWER)
    for side in (0, 1):
        elbow, wrist = body.elbows[side].astype(np.float64), body.wrists[side].astype(np.float64)
        axis = wrist - elbow
        length = float(np.linalg.norm(axis))
        if length < 0.25 * body.breadth:
            continue
        limb = arm_mask(body, side, parse.shape, 1.0, 1.2, 2.4) > 0.5
        y, x = np.nonzero(limb)
        place = ((x + 0.5 - elbow[0]) * axis[0] + (y + 0.5 - elbow[1]) * axis[1]) / length**2
        bins = np.clip((place - 0.2) / 1.2 * 30, 0, 29).astype(int)
        count = np.maximum(np.bincount(bins, minlength=30), 1)
        bare = np.bincount(bins, is_label(parse, Label.ARMS)[limb], 30) / count
        cloth = np.bincount(bins, clothing[limb], 30) / count
        gap = np.flatnonzero(bare < 0.5)
        gap = gap[(gap >= 8) & (gap <= 24)]
        if not len(gap) or gap[-1] - gap[0] >= BRIDGED or cloth[gap].mean() < 0.4:
            continue
        before, after = bare[max(gap[0] - 4, 0) : gap[0]], bare[gap[-1] + 1 : gap[-1] + 5]
        if min(before.mean(), after.mean()) < 0.6:
            continue
        across = (bins >= gap[0] - 1) & (bins <= gap[-1] + 1)
        here = np.zeros(parse.shape, bool)
        here[y[across], x[across]] = True
        out = np.where(here & clothing, np.uint8(Label.ARMS), out).astype(np.uint8)
    return out


def overlooked_sleeves(parse: np.ndarray, body: Body, person: np.ndarray) -> np.ndarray:
    """Background beside the arms that the pose network's silhouette gives to the person becomes clothing.

    Args:
        person: float32 (h, w), MediaPipe's person mask on the canvas.

    Returns:
        uint8 (h, w), a new parse.
    """
    size = parse.shape
    missed = np.zeros(size, bool)
    clothing, bare = is_label(parse, *TORSO_CLOTHING), is_label(parse, Label.ARMS)
    for side in (0, 1):
        for start, stop in ((0.1, 1.0), (1.0, 1.9)):
            limb = arm_mask(body, side, size, 1.2, start, stop) > 0.5
            if (bare & limb).sum() <= (clothing & limb).sum():  # else no sleeve is there
                missed |= arm_mask(body, side, size, 1.9, start, stop) > 0.5
    missed &= (person > 0.7) & is_label(parse, Label.BACKGROUND)
    return np.where(missed, np.uint8(Label.TOP), parse).astype(np.uint8)

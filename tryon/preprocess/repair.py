"""Corrections of a parse by colours, joints and the person mask: skin, hair, clothes that were overlooked."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from .arms import arm_mask
from .body import Body, below_chin, torso_rows
from .fill import skin_colour, wide_blur
from .masks import dilate, is_label, sizeable


def repair_skin(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Collars and cuffs that were parsed as skin become clothing again.

    A pixel labelled as neck or arm near the worn garment, whose hue is not the person's skin hue, is taken for a
    part of
    that garment.

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
    suspects = near & ((face & below) | arms)
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


def _over_shoulders(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """Where no clothing can be: above the slope from the neck to the shoulders, off the arms: bool (h, w)."""
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    aside = np.abs((xx - body.neck[0]) * body.across[0] + (yy - body.neck[1]) * body.across[1])
    slope = 0.28 * np.clip(1 - aside / (0.55 * body.breadth), 0, 1) + 0.06
    arms = np.maximum(*(arm_mask(body, side, size, 1.4, 0.2, 2.0) for side in (0, 1))) > 0.5
    return (torso_rows(body, size) < -slope) & ~arms


def overlooked_clothing(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Background beside the worn clothing that has the clothing's colour, and not the background's, becomes clothing.

    Colours are compared with their local means over clothing and over background that is surely none; only what is
    connected with the clothing is taken.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    factor = 0.5
    small = cv2.resize(parse, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    unit = factor * body.breadth
    clothing = is_label(small, Label.TOP, Label.OUTERWEAR, Label.DRESS)
    away = ~dilate((small != Label.BACKGROUND).astype(np.uint8), 0.28 * unit).astype(bool)
    near = dilate(clothing.astype(np.uint8), 0.28 * unit).astype(bool)
    zone = (small == Label.BACKGROUND) & dilate(clothing.astype(np.uint8), 0.5 * unit).astype(bool)
    others = (small != Label.BACKGROUND) & ~clothing
    if others.any() and clothing.any():  # what lies beside a bare arm is no sleeve
        distances = [cv2.distanceTransform((~m).astype(np.uint8), cv2.DIST_L2, 3) for m in (clothing, others)]
        zone &= distances[0] <= distances[1] + 0.12 * unit
    if clothing.sum() < 50 or away.sum() < 50 or not zone.any():
        return parse
    photo = cv2.resize(image, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    nearest = []
    # clothing is compared with its inside; a scale of its own for each, as far as the zone reaches
    inside = cv2.erode(clothing.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    for known, sigma in ((inside, 0.12 * unit), (away, 0.25 * unit)):
        weight = wide_blur(known.astype(np.float32), sigma)
        weight = np.maximum(weight, 1e-4)[..., None]
        mean = wide_blur(lab * known[..., None], sigma) / weight
        square = wide_blur((lab**2) * known[..., None], sigma) / weight
        spread = np.sqrt(np.maximum(square - mean**2, 0)) + 4.0
        nearest.append((((lab - mean) / spread) ** 2).sum(-1) + 2 * np.log(spread).sum(-1))
    similar = zone & (nearest[0] + 1.5 < nearest[1])
    similar = cv2.morphologyEx(similar.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, pieces = cv2.connectedComponents(similar)
    # a missed sleeve ends beside the clothing, and is joined to it; a shadow or a wall of its colour goes on
    size = np.bincount(pieces.ravel(), minlength=count)
    beyond = np.bincount(pieces[~near], minlength=count)
    border = (similar > 0) & (cv2.erode(similar, np.ones((3, 3), np.uint8)) == 0)
    edge = np.bincount(pieces[border], minlength=count)
    joined = np.bincount(pieces[border & dilate(clothing.astype(np.uint8), 2).astype(bool)], minlength=count)
    missed = (beyond < 0.12 * size) & (joined > 0.13 * edge)
    missed[0] = False
    found = missed[pieces]
    found = sizeable(found & ~_over_shoulders(body.scaled(factor), found.shape), (0.1 * unit) ** 2)
    grown = cv2.resize(found.astype(np.float32), (parse.shape[1], parse.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.where((grown > 0.5) & (parse == Label.BACKGROUND), np.uint8(Label.TOP), parse).astype(np.uint8)

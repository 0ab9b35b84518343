"""What is taken out of the photo, what stays in front, and the first filling of what becomes visible.

Layers, back to front: plate (background, lower body, skin), warped garment, occluders that stay (hair, hands, bare arms, bag,
scarf). As little as possible is erased: the old garment (parse, a little dilated) and what the new one covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from .body import Body, arm_mask, hand_mask, legs_mask, neck_mask, trunk_mask
from .fill import push_pull, shade_arm, skin_colour


@dataclass(frozen=True)
class Agnostic:
    """The canvas without the worn garment.

    Args:
        plate: float32 (h, w, 3) in 0..255, the photo with the edit region filled roughly.
        edit: float32 (h, w) in [0, 1], 1 = may change.
        keep: float32 (h, w), occluders in front of the new garment.
        skin: float32 (h, w), where the plate was filled with skin.
        old: float32 (h, w), the worn garment, dilated.
        colour: float32 (3,), the skin colour used.
    """

    plate: np.ndarray
    edit: np.ndarray
    keep: np.ndarray
    skin: np.ndarray
    old: np.ndarray
    colour: np.ndarray


def _dilate(mask: np.ndarray, px: float) -> np.ndarray:
    r = max(round(px), 1)
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)))


def _is(parse: np.ndarray, *labels: Label) -> np.ndarray:
    return np.isin(parse, [int(x) for x in labels])


def _along(body: Body, size: tuple[int, int]) -> np.ndarray:
    """Torso lengths below the shoulder line, for each pixel: float32 (h, w)."""
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    return ((xx + 0.5 - body.neck[0]) * body.down[0] + (yy + 0.5 - body.neck[1]) * body.down[1]) / body.length


def worn_extent(parse: np.ndarray, body: Body) -> tuple[float | None, float | None]:
    """Torso lengths from the shoulder line to the worn top's hem and to the lower garment's upper edge; None where not seen."""
    size = parse.shape
    along = _along(body, size)
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    aside = np.abs((xx - body.neck[0]) * body.across[0] + (yy - body.neck[1]) * body.across[1])
    centre = aside < 0.75 * body.chest
    hem = waist = None
    tops = along[_is(parse, Label.TOP, Label.OUTERWEAR) & centre]
    if len(tops) > 80:
        hem = float(np.percentile(tops, 97))
        hem = hem if 0.6 < hem < 2.2 else None
    lower = along[_is(parse, Label.LOWER) & centre & (along > 0.4)]
    if len(lower) > 80:
        waist = float(np.percentile(lower, 3))
    return hem, waist


def old_garment(parse: np.ndarray, body: Body, hem: float) -> np.ndarray:
    """Pixels of the worn torso clothing that must go: bool (h, w). The skirt of a dress stays below the new hem."""
    along = _along(body, parse.shape)
    old = _is(parse, Label.TOP, Label.OUTERWEAR)
    dress = _is(parse, Label.DRESS)
    if dress.any():
        old |= dress & (along < max(hem, 0.9) - 0.02)
    # scraps of collars, ties and belts that the new garment would hide belong to the old outfit
    belt = _is(parse, Label.ACCESSORY) & (along > 0.45)
    return old | belt


def occluders(parse: np.ndarray, body: Body, sleeve_end: tuple[float, float], sleeves: np.ndarray) -> np.ndarray:
    """What stays in front of the new garment: bool (h, w).

    Args:
        sleeves: float32 (h, w), coverage of the new sleeves (they hide bare arms).
    """
    size = parse.shape
    along = _along(body, size)
    keep = _is(parse, Label.HAIR, Label.BAG) | (_is(parse, Label.ACCESSORY) & (along < 0.45))
    yy = np.mgrid[0 : size[0], 0 : size[1]][0]
    chin = body.mouth + (body.mouth - body.nose) * 0.75
    above_chin = ((yy - chin[1]) * body.down[1]) < 0
    keep |= _is(parse, Label.FACE) & above_chin
    arms = _is(parse, Label.ARMS)
    for side in (0, 1):
        limb = arm_mask(body, side, size, 1.5, start=0.42, stop=2.3) > 0.5
        hand = hand_mask(body, side, size, 1.25) > 0.5
        keep |= arms & hand
        keep |= arms & limb & (sleeves < 0.5)
    return keep


def build(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    garment: np.ndarray,
    sleeves: np.ndarray,
    hem: float,
    sleeve_end: tuple[float, float],
    old: np.ndarray | None = None,
) -> Agnostic:
    """Erase and roughly fill.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).
        garment: float32 (h, w), coverage of the warped garment (all parts).
        sleeves: float32 (h, w), coverage of its sleeves.
        hem: torso lengths from the shoulder line to the new hem.
        sleeve_end: see `Fit`.
        old: bool (h, w), replaces the worn garment's silhouette (training simulates other old garments).
    """
    size = parse.shape
    unit = body.breadth / 100.0
    gone = old_garment(parse, body, hem) if old is None else old
    keep = occluders(parse, body, sleeve_end, sleeves)
    gone = gone & ~keep
    wide = _dilate(gone.astype(np.uint8), max(3.0, 4.5 * unit)).astype(bool)
    new = _dilate((garment > 0.05).astype(np.uint8), 2).astype(bool)
    head = _is(parse, Label.HAIR) | (_is(parse, Label.FACE) & ~gone)
    edit = ((wide & ~head) | new | gone) & ~keep
    edit_soft = cv2.GaussianBlur(edit.astype(np.float32), (0, 0), 1.0)
    edit_soft = np.where(keep, np.minimum(edit_soft, 0.35), np.where(edit, np.maximum(edit_soft, 0.5), edit_soft))
    edit_soft = np.where(edit_soft < 0.02, 0, edit_soft).astype(np.float32)

    photo = image.astype(np.float32)
    hole = _dilate(edit.astype(np.uint8), 2).astype(bool) | wide
    clothing = _is(parse, *TORSO_CLOTHING)
    fixed = ~hole & ~_dilate(clothing.astype(np.uint8), 2).astype(bool)
    background = _is(parse, Label.BACKGROUND) & ~_dilate((~_is(parse, Label.BACKGROUND)).astype(np.uint8), 2).astype(bool) & ~hole
    plate = push_pull(photo, background.astype(np.float32)) if background.sum() > 50 else push_pull(photo, fixed.astype(np.float32))

    along = _along(body, size)
    low_known = _is(parse, Label.LOWER, Label.DRESS) & ~hole & (along > hem - 0.35)
    if low_known.sum() < 60:
        low_known = _is(parse, Label.LOWER, Label.DRESS, Label.LEGS) & ~hole
    below = np.maximum(trunk_mask(body, size, 1.0, 0.55, 1.15), legs_mask(body, size)) * np.clip((along - hem + 0.12) * 20, 0, 1)
    below = cv2.GaussianBlur(below, (0, 0), 1.2)
    if low_known.sum() >= 60:
        fill = push_pull(photo, low_known.astype(np.float32))
    else:
        fill = np.full_like(photo, 45.0)
    plate = plate * (1 - below[..., None]) + fill * below[..., None]

    colour = skin_colour(image, _is(parse, Label.ARMS) & ~hole, _is(parse, Label.FACE) & ~hole)
    skin = np.zeros(size, np.float32)
    trunk = trunk_mask(body, size, 1.0, -0.02, min(0.5, hem)) * np.clip((0.42 - along) * 8, 0, 1)
    neck = np.maximum(neck_mask(body, size, 1.1), trunk)
    flesh = np.broadcast_to(colour, photo.shape)
    near = (_is(parse, Label.FACE) & ~hole).astype(np.float32)
    if near.sum() > 60:  # the neck takes the light of the skin beside it
        flesh = 0.6 * push_pull(photo, near) + 0.4 * flesh
    neck = cv2.GaussianBlur(neck, (0, 0), 1.2)
    plate = plate * (1 - neck[..., None]) + flesh * neck[..., None]
    skin = np.maximum(skin, neck)
    for side in (0, 1):
        limb = cv2.GaussianBlur(arm_mask(body, side, size, 1.0, 0.0, 2.12), (0, 0), 1.0)
        limb = np.maximum(limb, (hand_mask(body, side, size, 0.9) > 0.5) & (limb > 0))
        plate = plate * (1 - limb[..., None]) + shade_arm(body, side, size, colour) * limb[..., None]
        skin = np.maximum(skin, limb)
    e = edit_soft[..., None]
    plate = photo * (1 - e) + plate * e
    return Agnostic(plate.astype(np.float32), edit_soft, keep.astype(np.float32), skin * (edit_soft > 0), wide.astype(np.float32), colour)

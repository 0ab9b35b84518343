"""What is taken out of the photo, what stays in front, and the first filling of what becomes visible.

Layers, back to front: plate (background, lower body, skin), warped garment, occluders that stay (hair, hands, bare
arms, bag, scarf). As little as possible is erased: the old garment (parse, a little dilated) and what the new one
covers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from .. import beside
from ..labels import TORSO_CLOTHING, Label
from .arms import (
    SHARP,
    arm_mask,
    arm_stations,
    bare_from,
    drawn_hand,
    elbow_bend,
    hand_mask,
    loose_skin,
    seen_hand,
    with_bare_arms,
)
from .body import Body, below_chin, face_disc, torso_rows, trunk_mask
from .fronts import Border, Borders
from .hands import made_up
from .masks import dilate, is_label, joined_to, sizeable, soften
from .plate import fill_plate, is_bare
from .repair import repair_hair, repair_skin

#: What is seen between the fronts of a long coat is taken away with it if it is less than this share of the coat's.
SLIT = 0.3
#: Hands nearer to each other than this, shoulder breadths, are folded: their fingers lie beside the palms.
FOLDED = 0.6
#: A new sleeve that ends beyond this (1 elbow, 2 wrist) reaches the hand.
_LONG_SLEEVE = 1.6


@dataclass(frozen=True)
class Agnostic:
    """The canvas without the worn garment.

    Args:
        plate: float32 (h, w, 3) in 0..255, the photo with the edit region filled roughly.
        edit: float32 (h, w) in [0, 1], 1 = may change, 0 = the photo's own pixel stays.
        keep: float32 (h, w), what lies in front of the new garment: occluders, and newly bare arms.
        skin: float32 (h, w), where the plate was filled with skin.
        layout: uint8 (h, w), the label that each pixel of the plate is meant to show.
        colour: float32 (3,), the skin colour used, 0..255.
    """

    plate: np.ndarray
    edit: np.ndarray
    keep: np.ndarray
    skin: np.ndarray
    layout: np.ndarray
    colour: np.ndarray


def worn_extent(parse: np.ndarray, body: Body) -> tuple[float | None, float | None]:
    """Torso lengths from the shoulder line to the worn top's hem and to the lower garment's upper edge; None where
    not seen."""
    size = parse.shape
    along = torso_rows(body, size)
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    aside = np.abs((xx - body.neck[0]) * body.across[0] + (yy - body.neck[1]) * body.across[1])
    centre = aside < 0.75 * body.chest
    hem = waist = None
    tops = along[is_label(parse, Label.TOP, Label.OUTERWEAR) & centre]
    if len(tops) > 80:
        hem = float(np.percentile(tops, 97))
        hem = hem if 0.6 < hem < 2.2 else None
    lower = along[is_label(parse, Label.LOWER) & centre & (along > 0.4)]
    if len(lower) > 80:
        waist = float(np.percentile(lower, 3))
    return hem, waist


def old_garment(parse: np.ndarray, body: Body, hem: float) -> np.ndarray:
    """Pixels of the worn torso clothing that must go: bool (h, w). The skirt of a dress stays below the new hem."""
    along = torso_rows(body, parse.shape)
    old = is_label(parse, Label.TOP, Label.OUTERWEAR) & ~_held_low(parse, body)
    dress = is_label(parse, Label.DRESS)
    if dress.any():
        old |= dress & (
            along < min(hem - 0.04, 0.82)
        )  # below the waist it is a skirt, which may stand out beside a top
    # where the parse wavers between two other garments, a line of a third may lie between them
    thick = cv2.morphologyEx(old.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
    old &= (dilate(thick.astype(np.uint8), 2) > 0) | (along < 0.75)
    old = _of_the_body(old | _sewn_on(parse, body), body)
    for label in (Label.DRESS, Label.LOWER):
        old |= _above_a_hem(is_label(parse, label) & ~old, old, body)
    accessory = is_label(parse, Label.ACCESSORY) & ~worn_high(parse, along)
    return old | joined_to(accessory, old)  # belts, ties, brooches go with the old outfit


def slit(parse: np.ndarray, gone: np.ndarray, body: Body, along: np.ndarray, hem: float) -> np.ndarray:
    """The little that a long coat shows of the lower garment between its fronts: bool (h, w).

    It lies in the coat's shadow, and would stay as a dark wedge in what is filled in beside it.

    Args:
        gone: bool (h, w), the worn clothes that are taken away; hem: the new hem.
    """
    nothing = np.zeros(parse.shape, bool)
    coat = gone & (along > hem + 0.05)
    rows = np.flatnonzero(coat.any(1))
    if coat.sum() < (0.5 * body.breadth) ** 2 or not len(rows):
        return nothing
    end = round(float(np.percentile(np.nonzero(coat)[0], 97)))
    cloth = is_label(parse, Label.LOWER, Label.DRESS, Label.LEGS)
    shown = cloth & (along > hem - 0.05) & (np.arange(len(parse))[:, None] <= end)
    below = cloth[end + 1 : end + 1 + max(round(0.25 * body.breadth), 2)]
    if shown.sum() > SLIT * coat.sum() or below.sum() < 0.1 * body.breadth**2:
        return nothing  # enough of it is seen, or nothing to carry on from
    return shown


def _held_low(parse: np.ndarray, body: Body) -> np.ndarray:
    """Small pieces parsed as a top that lie beside a hand, apart from the other clothes and below the hips, such as a
    clutch: bool (h, w)."""
    top = is_label(parse, Label.TOP)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(top.astype(np.uint8))
    small = stats[:, cv2.CC_STAT_AREA] < (0.6 * body.breadth) ** 2
    joined = np.zeros(count, bool)
    joined[np.unique(pieces[top & (torso_rows(body, parse.shape) < 1.0)])] = True
    joined[np.unique(pieces[top & (dilate(is_label(parse, Label.OUTERWEAR).astype(np.uint8), 3) > 0)])] = True
    held = np.zeros(count, bool)
    held[np.unique(pieces[top & (dilate(is_label(parse, Label.ARMS).astype(np.uint8), 3) > 0)])] = True
    low = small & held & ~joined
    low[0] = False
    return low[pieces]


def _above_a_hem(cloth: np.ndarray, old: np.ndarray, body: Body) -> np.ndarray:
    """Pieces of `cloth` under which the old garment goes on, so that they are a part of it: bool (h, w)."""
    out = np.zeros_like(cloth)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(cloth.astype(np.uint8))
    down = max(round(0.05 * body.breadth), 1)
    for k in range(1, count):
        if stats[k, cv2.CC_STAT_AREA] < (0.1 * body.breadth) ** 2:
            continue
        piece = pieces == k
        columns = np.flatnonzero(piece.any(0))
        lowest = len(piece) - 1 - piece[::-1, columns].argmax(0) + down
        inside = lowest < len(piece)
        if inside.any() and old[lowest[inside], columns[inside]].sum() > 0.6 * len(columns):
            out |= piece
    return out


def _sewn_on(parse: np.ndarray, body: Body) -> np.ndarray:
    """Small pieces parsed as a bag that have clothing all around, badges and pockets: bool (h, w)."""
    bag = is_label(parse, Label.BAG)
    count, pieces = cv2.connectedComponents(bag.astype(np.uint8))
    ring = dilate(bag.astype(np.uint8), 3).astype(bool) & ~bag
    nearest = dilate(pieces.astype(np.float32), 3).astype(int)
    beside = np.bincount(nearest[ring], minlength=count)
    background = is_label(parse, Label.BACKGROUND)
    holes = background & ~sizeable(background, (0.15 * body.breadth) ** 2)  # errors of the parse
    clothing = np.bincount(nearest[ring & (holes | is_label(parse, *TORSO_CLOTHING))], minlength=count)
    small = np.bincount(pieces.ravel(), minlength=count) < (0.4 * body.breadth) ** 2
    sewn = small & (clothing > 0.97 * np.maximum(beside, 1))
    sewn[0] = False
    return sewn[pieces]


def _unheld(bag: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Bags at the hip, before the body, that nothing holds but a strap that goes with the old clothes: bool (h, w).

    Left there they would float on the new garment; it hides them instead.
    """
    size = parse.shape
    count, pieces = cv2.connectedComponents(bag.astype(np.uint8))
    ring = dilate(bag.astype(np.uint8), 3).astype(bool) & ~bag
    nearest = dilate(pieces.astype(np.float32), 3).astype(int)
    beside = np.maximum(np.bincount(nearest[ring], minlength=count), 1)
    hands = np.maximum(hand_mask(body, 0, size, 1.25), hand_mask(body, 1, size, 1.25)) > 0.5
    held = np.bincount(nearest[ring & (hands | is_label(parse, Label.ARMS))], minlength=count)
    outside = np.bincount(nearest[ring & is_label(parse, Label.BACKGROUND)], minlength=count)
    hip = np.bincount(nearest[ring & is_label(parse, Label.LOWER)], minlength=count)
    strap = np.bincount(pieces[torso_rows(body, size) < 0.3], minlength=count)  # it reaches the shoulder
    loose = (held < 0.04 * beside) & (outside < 0.05 * beside) & (hip > 0.25 * beside) & (strap == 0)
    loose[0] = False
    return loose[pieces]


def _of_the_body(clothing: np.ndarray, body: Body) -> np.ndarray:
    """Without the pieces that lie apart from trunk and arms, which are errors of the parse or other people's: bool."""
    size = clothing.shape
    core = trunk_mask(body, size, 1.1, 0.0, 0.95) > 0.5
    for side in (0, 1):
        core |= arm_mask(body, side, size, 1.3, 0.1, 1.9) > 0.5
    count, pieces = cv2.connectedComponents(dilate(clothing.astype(np.uint8), 0.06 * body.breadth))
    inside = np.bincount(pieces[clothing & core], minlength=count)
    mine = inside > (0.12 * body.breadth) ** 2
    mine[0] = False
    return clothing & mine[pieces]


def worn_high(parse: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Accessories that reach above the shoulder line (hat, glasses, scarf, necklace): bool (h, w)."""
    accessory = is_label(parse, Label.ACCESSORY)
    count, parts = cv2.connectedComponents(accessory.astype(np.uint8))
    high = np.zeros(count, bool)
    high[np.unique(parts[accessory & (along < 0.06)])] = True
    high[0] = False
    return high[parts] & (along < 0.9)


def occluders(
    parse: np.ndarray,
    body: Body,
    sleeves: np.ndarray,
    sleeve_end: tuple[float, float] = (0.0, 0.0),
    loose: np.ndarray | None = None,
) -> np.ndarray:
    """What stays in front of the new garment: bool (h, w).

    Args:
        sleeves: float32 (h, w), coverage of the new sleeves (they hide bare arms).
        sleeve_end: (left, right) how far these reach, 0 none, 1 elbow, 2 wrist: no bare arm stands out before that.
        loose: bool (h, w), skin that is no part of an arm (`loose_skin`), if it is known.
    """
    size = parse.shape
    along = torso_rows(body, size)
    keep = sizeable(is_label(parse, Label.HAIR) | worn_high(parse, along), (0.3 * body.breadth) ** 2)
    bag = is_label(parse, Label.BAG) & ~_sewn_on(parse, body)
    keep |= sizeable(bag & ~_unheld(bag, parse, body), (0.22 * body.breadth) ** 2)
    keep |= is_label(parse, Label.FACE) & (below_chin(body, size) < 0)
    keep |= face_disc(body, size) & ~is_label(parse, *TORSO_CLOTHING)  # whatever the parse calls it
    arms = is_label(parse, Label.ARMS)
    arms &= ~(loose_skin(parse, body)[1] if loose is None else loose)
    hands = np.zeros(size, bool)
    own = np.maximum(*(arm_mask(body, side, size, 2.0, 0.0, 2.3) for side in (0, 1))) > 0.5
    held = np.maximum(*(hand_mask(body, side, size, 1.6) for side in (0, 1))) > 0.5
    # fingers, and a child that is held by the hand; else it may be a thigh
    keep |= joined_to(arms & (along > 1.0), held | bag) & ~own
    for side in (0, 1):
        hand = arms & (hand_mask(body, side, size, 1.25) > 0.5)
        if sleeve_end[side] > _LONG_SLEEVE:  # the cuff lies on it
            hand &= ~_above_cut(body, side, size, sleeve_end[side] - 0.02) | (sleeves < 0.5)
        hands |= hand
        if sleeve_end[side] < _LONG_SLEEVE:
            keep |= _free_glove(parse, body, side)
        start = max(0.42, sleeve_end[side] - 0.04)
        bare = arm_mask(body, side, size, 1.5, start=start, stop=2.3) > 0.5
        if sleeve_end[side] > 0:
            bare &= ~_above_cut(body, side, size, start)
        keep |= arms & bare & (sleeves < 0.5)
        folded = body.arm_front[side] and elbow_bend(body, side) > SHARP
        if folded and sleeve_end[side] < _LONG_SLEEVE:  # the forearm lies before the sleeve of the upper arm
            keep |= arms & (arm_mask(body, side, size, 1.3, start=max(start, 1.1), stop=2.3) > 0.5)
    if float(np.linalg.norm(body.hands[0] - body.hands[1])) < FOLDED * body.breadth:
        forearms = np.maximum(*(arm_mask(body, side, size, 1.5, 0.0, 1.95) for side in (0, 1))) > 0.5
        hands |= joined_to(arms & ~forearms & (held > 0), hands)
    keep |= hands
    keep |= ~sizeable(~keep, (0.2 * body.breadth) ** 2)
    # specks and holes are errors of the parse; a hand that comes out of a sleeve may be small
    small = sizeable(hands, (0.07 * body.breadth) ** 2)
    small &= sizeable(hands, (0.09 * body.breadth) ** 2) | joined_to(small, is_label(parse, Label.BACKGROUND))
    return sizeable(keep, (0.14 * body.breadth) ** 2) | small


def arms_before(
    parse: np.ndarray,
    body: Body,
    painted: np.ndarray,
    sleeves: np.ndarray,
    sleeve_end: tuple[float, float],
    hands: tuple[bool, bool],
) -> np.ndarray:
    """Newly bare arms that hang before the body, and so in front of the new garment: float32 (h, w).

    Args:
        parse: uint8 (h, w), for what is seen of the arms.
        painted: bool (h, w), painted arms; hands: which hands were painted.
        sleeves: float32 (h, w), coverage of the new sleeves, which end at `sleeve_end`.
    """
    arms, limbs = np.zeros(painted.shape, np.float32), with_bare_arms(body, parse)
    seen = [int(seen_hand(parse, body, side, 1.4).sum()) > (0.1 * body.breadth) ** 2 for side in (0, 1)]
    for side in (0, 1):
        if body.arm_front[side]:
            start = max(0.42, sleeve_end[side] - 0.04)
            stop = min(2.12, bare_from(parse, body, side))
            if stop <= start or (start > _LONG_SLEEVE and not hands[side] and not seen[side]):
                continue  # out of a long sleeve without a hand would come a stump
            limb = arm_mask(limbs, side, painted.shape, 1.0, start, stop)
            if sleeve_end[side] > 0:
                limb[_above_cut(body, side, painted.shape, start)] = 0
            arms = np.maximum(arms, limb)
            if hands[side]:
                arms = np.maximum(arms, drawn_hand(body, side, painted.shape)[0])
    return cv2.GaussianBlur(arms * (painted & (sleeves < 0.5)), (0, 0), 0.8)


def without_seam(seen: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Drawn arms without the seam between them and what is seen of them, through which the garment would show: float32
    (h, w).

    Args:
        seen: bool (h, w); drawn: float32 (h, w), soft at its edges.
    """
    near = np.ones((7, 7), np.uint8)
    both = cv2.morphologyEx((seen | (drawn > 0.5)).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    seam = both & (cv2.dilate(seen.astype(np.uint8), near) > 0) & (cv2.dilate(drawn, near) > 0.5)
    return np.maximum(drawn, seam.astype(np.float32))


def _free_glove(parse: np.ndarray, body: Body, side: int) -> np.ndarray:
    """A hand that was parsed as clothing although it hangs free, such as a gloved one: bool (h, w).

    Without it the newly bare arm would end in nothing. Hands in pockets have mostly clothing around them, and are left
    out.
    """
    hand = hand_mask(body, side, parse.shape, 1.1) > 0.5
    around = (hand_mask(body, side, parse.shape, 2.0) > 0.5) & ~hand
    clothing = is_label(parse, *TORSO_CLOTHING)
    if not hand.any() or not around.any():
        return np.zeros(parse.shape, bool)
    bare = is_label(parse, Label.ARMS)[hand].mean() > 0.15
    free = clothing[around].mean() < 0.5
    gloved = not bare and free and clothing[hand].mean() > 0.3
    return clothing & hand if gloved else np.zeros(parse.shape, bool)


def _above_cut(body: Body, side: int, size: tuple[int, ...], at: float) -> np.ndarray:
    """The arm before the straight cut through station `at` (see `arm_stations`), where a sleeve ends: bool (h, w)."""
    points, _ = arm_stations(body, side, max(at - 0.1, 0.0), at, 2)
    tangent = points[1] - points[0]
    x = np.arange(size[1], dtype=np.float32)[None] + 0.5 - points[1, 0]
    y = np.arange(size[0], dtype=np.float32)[:, None] + 0.5 - points[1, 1]
    before = x * tangent[0] + y * tangent[1] < 0
    return before & (arm_mask(body, side, size, 1.6, 0.0, at) > 0.5)


def build(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    garment: np.ndarray,
    sleeves: np.ndarray,
    hem: float,
    *,
    sleeve_end: tuple[float, float] = (0.0, 0.0),
) -> Agnostic:
    """Erase and roughly fill.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).
        garment: float32 (h, w), coverage of the warped garment (all parts).
        sleeves: float32 (h, w), coverage of its sleeves.
        hem: torso lengths from the shoulder line to the new hem.
        sleeve_end: (left, right) where the new sleeves end, 0 none, 1 elbow, 2 wrist: skin may show from there on.
    """
    size = parse.shape
    unit = body.breadth / 100.0
    along = torso_rows(body, size)
    hair = is_label(parse, Label.HAIR)
    parse = repair_hair(image, repair_skin(image, parse, body), body)
    rims, loose = loose_skin(parse, body)
    keep = occluders(parse, body, sleeves, sleeve_end, loose) & ~(hair & ~is_label(parse, Label.HAIR))
    gone = (old_garment(parse, body, hem) | rims) & ~keep
    shown = slit(parse, gone, body, along, hem)
    if shown.any() and not is_bare(image, parse, body):
        gone |= shown & ~keep
    wide = dilate(gone.astype(np.uint8), max(3.0, 4.5 * unit)).astype(bool)
    wide &= ~(is_label(parse, Label.DRESS) & (along > min(hem - 0.02, 0.84)))
    new = dilate((garment > 0.05).astype(np.uint8), 2).astype(bool)
    head = is_label(parse, Label.HAIR) | (is_label(parse, Label.FACE) & ~gone)
    around = dilate(gone.astype(np.uint8), max(1.5, 2.2 * unit)).astype(bool) & ~is_label(parse, Label.HAIR)
    edit = ((wide & ~head) | around | new | gone) & ~keep
    soft = soften(edit, keep)
    hole = dilate(edit.astype(np.uint8), 2).astype(bool) | wide
    borders = start_borders(image, parse, keep, gone, body)
    plate, layout, skin, colour = fill_plate(
        image, parse, body, hole, along, hem, sleeve_end, garment, sleeves, rims, gone
    )
    hands, skin = made_up(parse, gone, body, (plate, layout, skin), colour)
    filled, plate = plate, np.clip(image + (plate - image) * soft[..., None], 0, 255)
    layout = np.where(edit, layout, parse).astype(np.uint8)
    drawn = (layout == int(Label.ARMS)) & (soft > 0.5)
    before = arms_before(parse, body, drawn, sleeves, sleeve_end, hands)
    plate, front, soft, skin = fringed(borders(), keep, garment, drawn, body.breadth, (filled, plate, soft, skin))
    keep = np.maximum(front, without_seam(keep & is_label(parse, Label.ARMS), before))
    return Agnostic(plate, soft, keep, skin * (soft > 0), layout, colour)


def start_borders(
    image: np.ndarray,
    parse: np.ndarray,
    keep: np.ndarray,
    gone: np.ndarray,
    body: Body,
    fronts: tuple[tuple[Label, ...], ...] = ((Label.ARMS,), (Label.BAG,)),
) -> Callable[[], list[tuple[Label, Border]]]:
    """Begin to look for the borders of hair and of `fronts` on the old clothes, see `fringed`.

    Args:
        keep, gone: bool (h, w).
    """

    def look() -> list[tuple[Label, Border]]:
        borders = Borders(image, gone & ~keep, body)
        found = [(Label.HAIR, borders.hair(is_label(parse, Label.HAIR) & keep))]
        for labels in fronts:
            rim = borders.skin if labels == (Label.ARMS,) else borders.rim
            found.append((labels[0], rim(is_label(parse, *labels) & keep)))
        return [(label, border) for label, border in found if border is not None]

    return beside.start(look)


def fringed(
    borders: list[tuple[Label, Border]],
    keep: np.ndarray,
    garment: np.ndarray,
    drawn: np.ndarray,
    unit: float,
    layers: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Let what is new show between the strands of hair that fell over the old clothes, and up to hands and bags.

    Args:
        borders: see `start_borders`.
        keep: bool (h, w); garment: float32 (h, w), coverage of the new garment.
        drawn: bool (h, w), painted arms; unit: shoulder breadth, px.
        layers: the plate filled everywhere, the plate with soft edges, the edit mask and the skin mask.

    Returns:
        plate, keep (float32), edit and skin masks.
    """
    filled, plate, soft, skin = layers
    plate, front = plate.astype(np.float32), keep.astype(np.float32)
    for label, border in borders:
        found = border.apart(drawn, unit) if label == Label.ARMS else border
        found.lay(plate, filled, front, soft, skin, garment)
    return plate, front, soft, skin

"""What shows where the old clothes were: background, lower garment, skin; a first filling, without learning."""

from __future__ import annotations

import cv2
import numpy as np

from .. import beside
from ..labels import TORSO_CLOTHING, Label
from .arms import arm_mask, bare_from, folded_up, with_bare_arms
from .below import beside_seen, lower_cloth, outline_below, over_legs, skirt_below
from .body import Body, below_chin, bust_mask, leg_mask, legs_mask, neck_mask, torso_rows, trunk_mask
from .exemplar import exemplar_fill
from .fill import (
    ARMS_TRUST,
    HANDS_TRUST,
    WARM,
    chest_relief,
    leg_colour,
    limb_colour,
    mirror_fill,
    shade_arm,
    shade_leg,
    skin_colour,
    smooth_fill,
)
from .masks import below_last, dilate, is_label, patch

#: So near to the old clothes the seen skin of an arm takes their colours, shoulder breadths.
SEEN_RIM = 0.015
#: Seen skin whose colours differ more than this from the arm's usual one is something else, or in a deep shadow.
UNUSUAL = 55.0
#: Where the arm of somebody whose shoulders are bare begins, see `arms.arm_stations`.
SHOULDER = 0.12
#: So far from the background that is seen, on a square of this side, it is worth putting it together from patches;
#: shoulder breadths.
FAR, BROAD = 0.12, 0.2


def background_seen(parse: np.ndarray, body: Body, hole: np.ndarray) -> np.ndarray:
    """Background that has nothing of the person's colours: bool (h, w)."""
    # the outline of the parse is a few px off: colours of the old garment must not leak into the background
    person = dilate((~is_label(parse, Label.BACKGROUND)).astype(np.uint8), max(4.0, 6.0 * body.breadth / 100)) > 0
    known = ~person & ~hole
    return known if known.sum() >= 50 else ~hole


def backdrop(photo: np.ndarray, known: np.ndarray, hole: np.ndarray, unit: float) -> np.ndarray:
    """The background, carried on to where the person is: float32 (h, w, 3), the photo itself far from the hole.

    Args:
        photo: float32 (h, w, 3); known, hole: bool (h, w), see `background_seen`; unit: shoulder breadth, px.
    """
    part = patch(hole, round(unit))
    if known[part].sum() < 50:
        part = (slice(None), slice(None))
    out = photo.copy()
    near = photo[part], known[part]
    out[part] = mirror_fill(*near, smooth_fill(*near), 0.12 * unit)
    return out


def put_together(
    photo: np.ndarray, known: np.ndarray, hole: np.ndarray, garment: np.ndarray, start: np.ndarray, unit: float
) -> np.ndarray:
    """A filling of the background in which broad areas beside the new garment come from patches of what is seen, see
    `exemplar_fill`: float32 (h, w, 3).

    Args:
        photo, start: float32 (h, w, 3), start is the filling; known, hole: bool (h, w); unit: shoulder breadth, px.
        garment: float32 (h, w), coverage of the new garment: what it covers needs no background.
    """
    wanted = hole & (cv2.erode((garment > 0.95).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
    if (wanted & (away > FAR * unit)).sum() < (BROAD * unit) ** 2:
        return start
    part = patch(wanted, round(unit))
    out = start.copy()
    out[part] = exemplar_fill(photo[part], known[part], wanted[part], start[part])
    return out


def _cheeks(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """A disc round the middle between nose and mouth: bool (h, w)."""
    mask = np.zeros(size, np.uint8)
    centre, reach = (body.nose + body.mouth) / 2, float(np.linalg.norm(body.mouth - body.nose))
    cv2.circle(mask, (round(float(centre[0])), round(float(centre[1]))), max(round(0.9 * reach), 1), 1, -1)
    return mask > 0


def _beside_neck(parse: np.ndarray, body: Body, hole: np.ndarray, neck: np.ndarray) -> np.ndarray:
    """Gaps between a drawn neck and the hair beside it, through which a high collar showed: bool (h, w).

    Args:
        hole: bool (h, w), what is to be filled; neck: float32 (h, w).
    """
    size, reach = parse.shape, 0.3 * body.breadth
    there = is_label(parse, Label.HAIR, Label.FACE) & ~hole | (neck > 0.5)
    x = np.broadcast_to(np.arange(size[1]), size)
    before = np.maximum.accumulate(np.where(there, x, -size[1]), axis=1)
    after = np.minimum.accumulate(np.where(there, x, 2 * size[1])[:, ::-1], axis=1)[:, ::-1]
    zone = (below_chin(body, size) > -0.05 * body.breadth) & (torso_rows(body, size) < 0.1)
    return zone & hole & (x - before < reach) & (after - x < reach)


def bare_skin(
    plate: np.ndarray,
    layout: np.ndarray,
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    hole: np.ndarray,
    along: np.ndarray,
    hem: float,
    sleeve_end: tuple[float, float],
    rims: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Paint neck, chest and arms into `plate` and `layout`, in place.

    Args:
        rims: bool (h, w), see `cuff_rims`.

    Returns:
        The skin mask, float32 (h, w), and the colour, float32 (3,).
    """
    size = parse.shape
    photo = image.astype(np.float32)
    face = is_label(parse, Label.FACE) & ~hole
    from_where = [bare_from(parse, body, side) for side in (0, 1)]
    trust = [ARMS_TRUST if start < 2 else HANDS_TRUST for start in from_where]
    colour = skin_colour(image, is_label(parse, Label.ARMS) & ~hole, face, _cheeks(body, size) & ~hole, max(trust))
    bust = bust_mask(body, size) * np.clip((min(0.5, hem - 0.2) - along) * 8, 0, 1)
    neck = cv2.GaussianBlur(np.maximum(neck_mask(body, size, 1.12), bust), (0, 0), 1.2)
    flesh = np.broadcast_to(colour, photo.shape)
    if face.sum() > 60:  # the neck takes the light of the skin beside it
        light = photo @ np.array([0.299, 0.587, 0.114], np.float32)
        lit = face & (light > np.percentile(light[face], 40))  # not brows, eyes and the shadow under the chin
        away = cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 3) / body.breadth
        near = 0.6 * np.exp(-((away / 0.3) ** 2))[..., None]  # farther down the chin's shadow says nothing
        flesh = flesh + near * (smooth_fill(photo, lit) - flesh)
    flesh = flesh * chest_relief(body, size)[..., None] ** WARM
    gap = cv2.GaussianBlur(_beside_neck(parse, body, hole, neck).astype(np.float32), (0, 0), 1.0)
    plate += (flesh * (1 - 0.2 * np.clip(gap - neck, 0, 1))[..., None] - plate) * np.maximum(neck, gap)[..., None]
    neck = np.maximum(neck, gap)
    layout[neck > 0.5] = int(Label.FACE)
    skin, limbs = neck, with_bare_arms(body, parse)
    for side in (0, 1):
        if sleeve_end[side] > 1.6 and folded_up(body, side):
            continue  # no hand is there
        sleeveless = sleeve_end[side] <= 0
        bare = SHOULDER if sleeveless else max(0.34, min(sleeve_end[side] - 0.12, 1.9))
        shape, seen_from = arm_mask(limbs, side, size, 1.0, bare, 2.12), from_where[side]
        own = is_label(parse, Label.ARMS) & (arm_mask(body, side, size, 1.4, 0.2, 2.3) > 0.5)
        if seen_from < 2:
            shape *= dilate(own.astype(np.uint8), 3)
            if bare < seen_from:
                shape = np.maximum(shape, arm_mask(limbs, side, size, 1.0, bare, seen_from))
        limb = cv2.GaussianBlur(shape, (0, 0), 1.0)
        light = limb_colour(image, own & ~hole, colour, trust[side])
        part = patch((limb > 0) | own)
        arm = shade_arm(limbs, side, size, light)[part]
        if seen_from < 2:
            usual = np.abs(photo[part] - light).max(-1) < UNUSUAL
            arm = beside_seen(photo[part], arm, (own & ~hole)[part] & usual, body)
        drawn = limb[part]
        if sleeveless:  # the chest goes over into the arm
            drawn = drawn * (1 - bust[part] * (1 - _from_shoulder(body, side, size)[part]))
        plate[part] += (arm - plate[part]) * drawn[..., None]
        if seen_from < 2:  # a hole is wider than the clothes that go: what is seen of the arm stays
            sure = own & (dilate(is_label(parse, *TORSO_CLOTHING).astype(np.uint8), SEEN_RIM * body.breadth) == 0)
            sure &= ~rims
            sure = cv2.GaussianBlur(sure.astype(np.float32), (0, 0), 0.8)
            plate += (photo - plate) * sure[..., None]
            layout[sure > 0.5] = int(Label.ARMS)
            limb *= 1 - sure
        layout[limb > 0.5] = int(Label.ARMS)
        skin = np.maximum(skin, limb)
    return skin, colour


def _from_shoulder(body: Body, side: int, size: tuple[int, ...]) -> np.ndarray:
    """0 at a shoulder joint, 1 from the middle of the upper arm on: float32 (h, w)."""
    x = np.arange(size[1], dtype=np.float32)[None] + 0.5 - body.shoulders[side][0]
    y = np.arange(size[0], dtype=np.float32)[:, None] + 0.5 - body.shoulders[side][1]
    far = np.clip(np.hypot(x, y) / (0.4 * body.breadth), 0, 1)
    return (far * far * (3 - 2 * far)).astype(np.float32)


def is_bare(image: np.ndarray, parse: np.ndarray, body: Body) -> bool:
    """Whether the legs have the colour of the skin of face and arms, or can't be told from it."""
    legs = is_label(parse, Label.LEGS)
    if legs.sum() < 60:
        return False
    face = is_label(parse, Label.FACE) & (below_chin(body, parse.shape) < 0)
    pair = np.stack([np.median(image[legs], axis=0), skin_colour(image, is_label(parse, Label.ARMS), face)])
    lab = cv2.cvtColor(pair[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    return bool(np.linalg.norm(lab[0, 1:] - lab[1, 1:]) < 12 and lab[0, 0] > 0.5 * lab[1, 0])


def fill_plate(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    hole: np.ndarray,
    along: np.ndarray,
    hem: float,
    sleeve_end: tuple[float, float],
    garment: np.ndarray,
    sleeves: np.ndarray,
    rims: np.ndarray,
    gone: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Plate, layout, skin mask and skin colour, defined everywhere (used inside the edit region).

    Args:
        garment, sleeves: float32 (h, w), coverage of the new garment and of its sleeves: the lower garment begins under
            the edge of the rest, and what is covered needs no background.
        rims: bool (h, w), see `cuff_rims`; gone: bool (h, w), the worn clothes that are taken away.
    """
    size = parse.shape
    photo = image.astype(np.float32)
    known = background_seen(parse, body, hole)
    behind = beside.start(backdrop, photo, known, hole, body.breadth)
    trunk = (garment > 0.5) & (sleeves < 0.5)
    layout = np.full(size, int(Label.BACKGROUND), np.uint8)

    lower = is_label(parse, Label.LOWER, Label.DRESS) & ~hole & (along > hem - 0.35)
    if lower.sum() < max(60, 0.05 * body.breadth**2):  # tights go on upwards, skin does not
        lower = is_label(parse, Label.LOWER, Label.DRESS, Label.LEGS) & ~hole & (not is_bare(image, parse, body))
    begin = np.clip((along - hem + 0.14) * 20, 0, 1)
    edge = below_last(trunk) - max(round(0.06 * body.breadth), 1)
    begin[(np.arange(size[0])[:, None] >= edge[None]) & (along > 0.7)] = 1
    below = np.maximum(trunk_mask(body, size, 1.0, 0.5, 1.15), legs_mask(body, size))
    below = cv2.GaussianBlur(below * begin, (0, 0), 1.2)
    long_coat = int((hole & (along > hem + 0.15) & (below > 0.5)).sum()) > (0.3 * body.breadth) ** 2
    skirt = skirt_below(photo, below, parse, hole, body, along, hem) if long_coat else None
    legs: list[tuple[np.ndarray, np.ndarray]] = []
    if skirt is not None:
        below, end = skirt
        lower &= along < end + 0.05  # not tights that were parsed as trousers
        colour = leg_colour(image, *(is_label(parse, x) & ~hole for x in (Label.LEGS, Label.ARMS, Label.FACE)))
        for side in (0, 1):
            limb = leg_mask(body, side, size, 1.0, 0.1, 2.05) * over_legs(is_label(parse, Label.LEGS), hole, body)
            limb = cv2.GaussianBlur(limb, (0, 0), 0.8) * (along > end - 0.03)
            leg = beside_seen(photo, shade_leg(body, side, size, colour), is_label(parse, Label.LEGS) & ~hole, body)
            legs.append((leg, limb[..., None]))
            layout[limb > 0.5] = int(Label.LEGS)
    elif long_coat:
        top = round(float(body.at(hem - 0.1)[1]))
        middle = edge[np.abs(np.arange(size[1]) - float(body.pelvis[0])) < 0.8 * body.chest]
        top = min(top, int(np.median(middle))) if len(middle) else top
        seen = is_label(parse, Label.LOWER, Label.DRESS) | (
            is_label(parse, Label.LEGS) & (not is_bare(image, parse, body))
        )
        below = outline_below(below, seen, hole, body, top)
    r = max(round(0.12 * body.breadth), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    within = cv2.morphologyEx((lower | is_label(parse, Label.DRESS) & ~hole).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    gaps = (within > 0) & hole & (along > hem)  # a tie's end on a skirt
    # a skirt that stands out beside the new garment goes on up to it
    gaps |= is_label(parse, Label.LOWER) & hole & ~gone & (along > max(hem - 0.35, 0.8))
    below = np.maximum(below, cv2.GaussianBlur(gaps.astype(np.float32), (0, 0), 1.0))
    part = patch((below > 0) | lower)
    fill = lower_cloth(photo[part], lower[part], hole[part], body.breadth, long_coat and skirt is None)
    first = behind()
    pieced = beside.start(put_together, photo, known, hole, garment, first, body.breadth)
    plate = first.copy()
    for leg, limb in legs:
        plate += (leg - plate) * limb
    plate[part] += (fill - plate[part]) * below[part][..., None]
    layout[below > 0.5] = int(Label.LOWER)

    skin, colour = bare_skin(plate, layout, image, parse, body, hole, along, hem, sleeve_end, rims)
    better = pieced()
    if better is not first:
        free = cv2.GaussianBlur((layout == int(Label.BACKGROUND)).astype(np.float32), (0, 0), 1.0)
        plate += (better - first) * free[..., None]
    return plate, layout, skin, colour

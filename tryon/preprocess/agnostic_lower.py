"""What is taken out of the photo for a new lower garment, what stays in front, and the first filling.

Layers, back to front: plate (background, bare legs, a tucked top's lower end), warped garment, occluders that stay
(hands and arms, bag, hair, shoes, and the top or coat that hangs over the waistband). As little as possible is erased:
the worn lower garment (of a dress, the part below the waist) and what the new one covers.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from ..types import Person
from .agnostic import Agnostic, fringed, start_borders
from .arms import arm_mask, hand_mask
from .below import beside_seen
from .body import Body, body_from_pose, torso_rows
from .fill import leg_colour, mirror_fill, row_fill, shade_leg, smooth_fill, wide_blur
from .legs import LegFit
from .lower_body import LowerBody
from .masks import dilate, is_label, sizeable, soften

#: Cloth whose local colours differ by more than this (Lab) has no colour that could be recognised.
PATTERNED = 17.0
#: Legs are looked at from so many torso lengths below the shoulder line on.
BELOW_HIPS = 1.5
#: The person mask's value from which on a pixel may be the person's.
MINE = 0.25
#: An accessory goes with the lower garment that makes up so much of its surroundings.
ENCLOSED = 0.65
#: Shoes are looked for so far below the ankles, shoulder breadths.
ANKLE = 0.35
#: What an arm that hangs beside the lower garment can show.
_ON_ARMS = (Label.ARMS, Label.TOP, Label.OUTERWEAR)


def old_garment(parse: np.ndarray, body: Body, waist: float) -> np.ndarray:
    """Pixels of the worn lower garment that must go: bool (h, w); of a dress, what lies below `waist` (torso
    lengths)."""
    along = torso_rows(body, parse.shape)
    # of a dress, not where the band lies
    old = is_label(parse, Label.LOWER) | (is_label(parse, Label.DRESS) & (along > waist + 0.04))
    return old | (is_label(parse, Label.ACCESSORY) & _belts(parse, body, waist))


def _belts(parse: np.ndarray, body: Body, waist: float) -> np.ndarray:
    """Accessories on the old lower garment that lie wholly about the waistband, or have it nearly all around, such as
    the flaps of pockets: bool (h, w)."""
    accessory, lower = is_label(parse, Label.ACCESSORY), is_label(parse, Label.LOWER, Label.DRESS)
    along = torso_rows(body, parse.shape)
    count, pieces = cv2.connectedComponents(accessory.astype(np.uint8))
    nearest = dilate(pieces.astype(np.float32), 3).astype(int)
    ring = (nearest > 0) & ~accessory
    around, on = np.bincount(nearest[ring], minlength=count), np.bincount(nearest[ring & lower], minlength=count)
    low = np.ones(count, bool)
    low[np.unique(pieces[accessory & ((along < waist - 0.12) | (along > waist + 0.3))])] = False
    below = np.bincount(pieces[accessory & (along > waist - 0.01)], minlength=count)
    low &= below > 0.25 * np.bincount(pieces.ravel(), minlength=count)  # above the new waistband it stays
    low &= on > 0  # else it is a bag's buckle
    low |= on > ENCLOSED * np.maximum(around, 1)
    low[0] = False
    return low[pieces]


def occluders(parse: np.ndarray, body: Body, waist: float, shafts: np.ndarray | None = None) -> np.ndarray:
    """What stays in front of the new garment: bool (h, w).

    Args:
        waist: torso lengths to the new waistband; shafts: bool (h, w), shoes there go under the new garment.
    """
    size = parse.shape
    along = torso_rows(body, size)
    keep = sizeable(is_label(parse, Label.HAIR, Label.BAG), (0.16 * body.breadth) ** 2)
    keep |= is_label(parse, Label.SHOES, Label.TOP, Label.OUTERWEAR, Label.FACE)
    keep |= is_label(parse, Label.DRESS) & (along <= waist)
    keep |= is_label(parse, Label.ACCESSORY) & ~_belts(parse, body, waist)
    arms = is_label(parse, Label.ARMS)
    near = np.zeros(size, bool)
    for side in (0, 1):
        near |= (hand_mask(body, side, size, 1.8) > 0.5) | (arm_mask(body, side, size, 1.9, 0.0, 2.2) > 0.5)
    keep |= arms & near
    if shafts is not None:
        keep &= ~(shafts & is_label(parse, Label.SHOES))
    return sizeable(keep, (0.1 * body.breadth) ** 2)


def repair(parse: np.ndarray, body: Body, person: np.ndarray) -> np.ndarray:
    """A parse (uint8 (h, w), new) whose specks inside the lower garment are closed, and whose lower garment reaches the
    pose network's silhouette between waist and ankles.

    Args:
        person: float32 (h, w), MediaPipe's person mask.
    """
    out = parse.copy()
    out[_others(out, body, person)] = int(Label.BACKGROUND)
    lower = is_label(out, Label.LOWER, Label.DRESS)
    r = max(round(0.05 * body.breadth), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    closed = cv2.morphologyEx(lower.astype(np.uint8), cv2.MORPH_CLOSE, kernel).astype(bool)
    holes = closed & ~lower & ~sizeable(~lower, (0.12 * body.breadth) ** 2)
    out[holes] = int(Label.LOWER)
    tops = is_label(out, Label.TOP, Label.OUTERWEAR)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(tops.astype(np.uint8))
    for k in range(1, count):  # islands of a coat on a skirt
        if stats[k, cv2.CC_STAT_AREA] < (0.35 * body.breadth) ** 2:
            ring = dilate((pieces == k).astype(np.uint8), 2).astype(bool) & (pieces != k)
            if is_label(out[ring], Label.LOWER).mean() > 0.85:
                out[pieces == k] = int(Label.LOWER)
    # a dark slit between the fronts of a jacket is no strip of trousers
    r = max(round(0.07 * body.breadth), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    top = is_label(out, Label.TOP, Label.OUTERWEAR)
    slit = lower & (cv2.morphologyEx(lower.astype(np.uint8), cv2.MORPH_OPEN, kernel) == 0)
    share = cv2.blur(top.astype(np.float32), (3 * r, 1))
    yy, xx = np.mgrid[0 : out.shape[0], 0 : out.shape[1]].astype(np.float32)
    aside = np.abs((xx - body.neck[0]) * body.across[0] + (yy - body.neck[1]) * body.across[1])
    slit &= (aside < 0.3 * body.breadth) & (torso_rows(body, out.shape) < 1.05)
    slit &= (np.roll(share, 2 * r, 1) > 0.4) & (np.roll(share, -2 * r, 1) > 0.4)
    if slit.any():
        coat = (out[top] == Label.OUTERWEAR).mean() > 0.5
        out[slit] = int(Label.OUTERWEAR if coat else Label.TOP)
    near = dilate(lower.astype(np.uint8), 0.06 * body.breadth).astype(bool)
    missed = near & (person > 0.8) & is_label(out, Label.BACKGROUND)
    for side in (0, 1):  # beside the legs hang the arms
        limb = arm_mask(body, side, out.shape, 1.25, 0.5, 2.1) > 0.5
        seen = [int((is_label(out, label) & limb).sum()) for label in _ON_ARMS]
        if max(seen) > 0.15 * limb.sum():
            out[missed & limb] = int(_ON_ARMS[int(np.argmax(seen))])
    out[missed & is_label(out, Label.BACKGROUND)] = int(Label.LOWER)
    return out


def skirts(parse: np.ndarray, body: Body) -> np.ndarray:
    """A dress of which nothing shows above the waist (a coat or a top hides it, or it is none) becomes LOWER, so that
    the new garment begins where the old one is seen to begin.

    Args:
        parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    dress, along = is_label(parse, Label.DRESS), torso_rows(body, parse.shape)
    low, high = int((dress & (along > 0.7)).sum()), int((dress & (along > 0.1) & (along < 0.6)).sum())
    if low < 0.2 * body.breadth**2 or high > 0.03 * body.breadth**2:
        return parse
    return np.where(dress & (along > 0.6), np.uint8(Label.LOWER), parse).astype(np.uint8)


def strays(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Pieces of the worn lower garment that were taken for something else: legs with cloth below them (a fold, a hole
    in jeans), and a side of it taken for the coat, apart from that and of the garment's hue.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    out = parse.copy()
    down = max(round(0.05 * body.breadth), 1)
    count, pieces = cv2.connectedComponents(is_label(out, Label.LEGS).astype(np.uint8))
    for k in range(1, count):
        piece = pieces == k
        below = np.zeros_like(piece)
        below[down:] = piece[:-down]
        below &= ~piece & (np.cumsum(piece[::-1], axis=0)[::-1] == 0)  # under its lowest pixel in each column
        if below.any() and is_label(out[below], Label.LOWER).mean() > 0.6:
            out[piece] = int(Label.LOWER)
    lower = cv2.erode(is_label(out, Label.LOWER).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if lower.sum() < 100:
        return out
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    colour, along = np.median(lab[lower], axis=0), torso_rows(body, parse.shape)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(is_label(out, Label.OUTERWEAR).astype(np.uint8))
    coat = stats[1:, cv2.CC_STAT_AREA].max(initial=0) > (0.9 * body.breadth) ** 2
    for k in range(1, count):
        piece = pieces == k
        if stats[k, cv2.CC_STAT_AREA] > (0.9 * body.breadth) ** 2 or np.percentile(along[piece], 5) < 0.72:
            continue
        beside = dilate(piece.astype(np.uint8), 3).astype(bool) & lower
        off = np.abs(np.median(lab[piece], axis=0) - colour)  # lit sides are lighter
        if beside.any() and off[0] < (20 if coat else 45) and np.hypot(off[1], off[2]) < 9:
            out[piece] = int(Label.LOWER)
    return out


def _others(parse: np.ndarray, body: Body, person: np.ndarray) -> np.ndarray:
    """Clothes and legs of passers-by: bool (h, w)."""
    mine = person > 0.5
    if not mine.any():
        return np.zeros(parse.shape, bool)
    far = cv2.distanceTransform((~mine).astype(np.uint8), cv2.DIST_L2, 3) > 0.4 * body.breadth
    dressed = is_label(parse, Label.LOWER, Label.DRESS, Label.LEGS, Label.SHOES)
    count, pieces = cv2.connectedComponents(dressed.astype(np.uint8))
    area = np.bincount(pieces.ravel(), minlength=count)
    on = np.bincount(pieces[mine], minlength=count)
    other = on < 0.25 * area
    other[0] = False
    return other[pieces] | (dressed & far)


def overlooked(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    worn: tuple[Label, ...] = (Label.LOWER,),
    others: tuple[tuple[Label, ...], ...] = (
        (Label.ARMS,), (Label.TOP, Label.OUTERWEAR), (Label.BAG,), (Label.BACKGROUND,),
    ),
    person: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Pixels beside the worn lower garment that have its colour, and not that of what they were taken for, join it:
    pockets round a hand, cloth behind the handle of a bag, the strip under the hem of a top.

    Colours are compared with local means over the inner parts of both; only what touches the garment is taken.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).
        worn: labels of the garment; the first is given to what joins it. others: what may have been taken for.
        person: float32 (h, w), MediaPipe's person mask: without it, a wall in the garment's colour is no part of it.

    Returns:
        uint8 (h, w), a new parse.
    """
    factor = 0.5
    small = cv2.resize(parse, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    photo = cv2.resize(image, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    unit = factor * body.breadth
    lower = is_label(small, *worn)
    if lower.sum() < 100:
        return parse
    near, beside = (dilate(lower.astype(np.uint8), r * unit).astype(bool) & ~lower for r in (0.16, 0.06))
    mine = _unlike(lab, lower, 0.16 * unit)
    found = np.zeros(small.shape, bool)
    for labels in others:
        other = is_label(small, *labels)
        zone = other & (near if labels in ((Label.ARMS,), (Label.BAG,)) else beside)  # suits have one colour
        if labels == (Label.BACKGROUND,) and person is not None:
            mine_or_near = dilate((person > MINE).astype(np.uint8), 2)
            zone &= cv2.resize(mine_or_near, small.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        if not zone.any():
            continue
        if labels == (Label.ARMS,):  # a hand lies near by nature, and may have the colour of the cloth
            found |= zone & (mine + 5.0 < _unlike(lab, other, 3.0 * unit, unknown=0.0))
        else:
            margin = 5.0 if Label.OUTERWEAR in labels else 2.0
            found |= zone & (mine + margin < _unlike(lab, other & ~near, 0.3 * unit))
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
    count, pieces = cv2.connectedComponents((found | lower).astype(np.uint8))
    joined = np.zeros(count, bool)
    joined[np.unique(pieces[lower])] = True
    joined[0] = False
    found &= joined[pieces]
    grown = cv2.resize(found.astype(np.float32), (parse.shape[1], parse.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.where(grown > 0.5, np.uint8(worn[0]), parse).astype(np.uint8)


def _unlike(lab: np.ndarray, region: np.ndarray, sigma: float, unknown: float = 30.0) -> np.ndarray:
    """How unlike the region's local colours each pixel is: float32 (h, w), a squared distance in spreads; `unknown`
    where the region is far away or patterned."""
    inside = cv2.erode(region.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    weight = wide_blur(inside, sigma)[..., None]
    mean = wide_blur(lab * inside[..., None], sigma) / np.maximum(weight, 1e-4)
    square = wide_blur((lab**2) * inside[..., None], sigma) / np.maximum(weight, 1e-4)
    spread = np.sqrt(np.maximum(square - mean**2, 0)) + 4.0
    score = (((lab - mean) / spread) ** 2).sum(-1) + 2 * np.log(spread).sum(-1)
    known = (weight[..., 0] > 0.004) & (spread.max(-1) < PATTERNED)
    return np.where(known, score, unknown).astype(np.float32)


def skin_of_legs(person: Person) -> np.ndarray:
    """Colour for newly bare legs: float32 (3,) 0..255, from the whole photo.

    What lies beside the hips does not count, nor an ankle between hem and shoe, which says little about the colour.
    """
    image, parse = person.image, person.parse
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    legs = cv2.erode(is_label(parse, Label.LEGS).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    legs &= torso_rows(body, parse.shape) > BELOW_HIPS
    if legs.sum() < 0.045 * body.length**2:
        legs[:] = False
    return leg_colour(image, legs, is_label(parse, Label.ARMS), is_label(parse, Label.FACE))


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
    keep = occluders(parse, body, fit.waist, _under_trousers(parse, body, lower, garment, fit))
    if lower.top_hem is not None:  # beside a top that hangs over it, the waistband is hidden as well
        apart = ~dilate(old_garment(parse, body, fit.waist).astype(np.uint8), 4.5 * unit).astype(bool)
        keep |= apart & is_label(parse, Label.BACKGROUND) & (torso_rows(body, parse.shape) < lower.top_hem - 0.03)
    gone = old_garment(parse, body, fit.waist)
    # no skin beside the new legs
    gone |= is_label(parse, Label.LEGS) & (torso_rows(body, parse.shape) < fit.hem - 0.06)
    gone &= ~keep
    wide = dilate(gone.astype(np.uint8), max(3.0, 4.5 * unit)).astype(bool)
    rim = dilate(gone.astype(np.uint8), max(1.5, 2.0 * unit)).astype(bool)
    new = dilate((garment > 0.05).astype(np.uint8), 2).astype(bool)
    bare = is_label(parse, Label.LEGS)
    edit = ((wide & ~bare) | rim | new | gone) & ~keep
    soft = soften(edit, keep)
    hole = dilate(edit.astype(np.uint8), 2).astype(bool) | wide
    fronts = ((Label.ARMS,), (Label.BAG,), (Label.TOP, Label.OUTERWEAR), (Label.SHOES,))
    borders = start_borders(image, parse, keep, gone, body, fronts)
    plate, layout, skin = _fill(image, parse, body, lower, hole, fit, colour, _above(garment))
    # bare legs in the shadow of the old hem fade into those above it
    off = cv2.distanceTransform((~gone).astype(np.uint8), cv2.DIST_L2, 3) / (9.0 * unit)
    soft = np.maximum(soft, np.clip(1.1 - off, 0, 1) * skin * (bare & ~keep)).astype(np.float32)
    soft[soft < 0.02] = 0
    filled, plate = plate, np.clip(image + (plate - image) * soft[..., None], 0, 255)
    layout = np.where(edit, layout, parse).astype(np.uint8)
    plate, front, soft, skin = fringed(
        borders(), keep, garment, np.zeros_like(edit), body.breadth, (filled, plate, soft, skin)
    )
    return Agnostic(plate, soft, front, skin * (soft > 0), layout, colour)


def _under_trousers(
    parse: np.ndarray, body: Body, lower: LowerBody, garment: np.ndarray, fit: LegFit
) -> np.ndarray | None:
    """Where long, broad trousers hide the shafts of boots: bool (h, w); None where the boots stay in front."""
    if fit.skirt or fit.ends[0] < 1.7:
        return None
    out = np.zeros(parse.shape, bool)
    shoes = is_label(parse, Label.SHOES)
    for side in (0, 1):
        shin = lower.mask(side, parse.shape, 1.2, fit.ends[side] - 0.1, 3.0) > 0.5
        shaft = shin & shoes
        if shaft.any() and (garment[shaft] > 0.5).mean() > 0.9:
            out |= shaft & (garment > 0.5)
    return out


def _above(garment: np.ndarray) -> np.ndarray:
    """Above the new garment's upper edge, column by column: bool (h, w)."""
    covered = garment > 0.5
    return (np.cumsum(covered, axis=0) == 0) & covered.any(axis=0)


def without_step(plate: np.ndarray, photo: np.ndarray, known: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Shift a filling's brightness smoothly so that it meets the photo at the rim of what was erased: (h, w, 3).

    Args:
        plate, photo: float32 (h, w, 3); known: bool (h, w), what the filling was made from.
        rim: bool (h, w), background that stays but was not used, because the old garment's fringe may lie in it.
    """
    if not rim.any():
        return plate
    weight = np.maximum(cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 3), 1e-3)[..., None]
    step = cv2.GaussianBlur((photo - plate) * rim[..., None], (0, 0), 3) / weight
    step = np.clip(step.mean(-1, keepdims=True), -25, 25)  # its light only: a cone's colour must not spread
    step = np.repeat(np.where(rim[..., None], step, 0), 3, axis=-1).astype(np.float32)
    return np.clip(plate + smooth_fill(step, rim | known), 0, 255)


def _fill(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    lower: LowerBody,
    hole: np.ndarray,
    fit: LegFit,
    colour: np.ndarray,
    above: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plate, layout and skin mask, defined everywhere (used inside the edit region)."""
    size = parse.shape
    photo = image.astype(np.float32)
    along = torso_rows(body, size)
    seen = (~is_label(parse, Label.BACKGROUND)).astype(np.uint8)
    person = dilate(seen, max(4.0, 6.0 * body.breadth / 100)).astype(bool)
    fringe = dilate(old_garment(parse, body, fit.waist).astype(np.uint8), 11.0 * body.breadth / 100).astype(bool)
    known = ~person & ~hole & ~fringe
    if known.sum() < 50:
        known = ~hole
    plate = row_fill(photo, known, smooth_fill(photo, known))
    plate = without_step(plate, photo, known, ~known & ~hole & is_label(parse, Label.BACKGROUND))
    layout = np.full(size, int(Label.BACKGROUND), np.uint8)
    # a tucked top goes on for a little where the new waistband is lower than the old one
    top = is_label(parse, Label.TOP, Label.DRESS) & ~hole & (along > fit.waist - 0.35)
    above = above & (along < fit.waist + 0.25) & is_label(parse, Label.LOWER, Label.DRESS, Label.ACCESSORY)
    if top.sum() >= 60 and above.any():
        where = np.flatnonzero(above.any(axis=1))
        margin = round(0.5 * body.breadth)
        rows = slice(max(int(where[0]) - margin, 0), int(where[-1]) + margin)  # filling all of the picture takes long
        near, soft = top[rows], cv2.GaussianBlur(above[rows].astype(np.float32), (0, 0), 1.0)
        if near.any():
            cloth = mirror_fill(photo[rows], near, smooth_fill(photo[rows], near), 0.5 * body.breadth, even=1.0)
            plate[rows] += (cloth - plate[rows]) * soft[..., None]
            layout[rows][soft > 0.5] = int(Label.TOP)
    skin = np.zeros(size, np.float32)
    seen = cv2.erode((is_label(parse, Label.LEGS) & ~hole).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    between = _between(lower, size)  # inside of short legs, thighs show as far as these stand apart
    for side in (lower.back_leg, 1 - lower.back_leg):
        bare = max(0.15, fit.ends[side] - 0.15)  # only what the new garment leaves bare
        limb = np.maximum(lower.mask(side, size, bare, 2.12), lower.mask(side, size, 0.15, 2.12) * between)
        limb = np.maximum(limb, lower.ankle(side, is_label(parse, Label.SHOES), ANKLE * body.breadth))
        limb = cv2.GaussianBlur(limb, (0, 0), 1.0)
        leg = beside_seen(photo, leg_picture(photo, body, lower, side, seen, colour), seen, body)
        plate += (leg - plate) * limb[..., None]
        layout[limb > 0.5] = int(Label.LEGS)
        skin = np.maximum(skin, limb)
    return plate, layout, skin


def _between(lower: LowerBody, size: tuple[int, ...]) -> np.ndarray:
    """Between the axes of the thighs: float32 (h, w)."""
    t = np.linspace(0.1, 1.0, 16)
    outline = np.concatenate([lower.leg(0, t), lower.leg(1, t)[::-1]])
    out = np.zeros(size, np.uint8)
    cv2.fillPoly(out, [np.round(outline * 16 - 8).astype(np.int32)], 1, cv2.LINE_8, 4)
    return out.astype(np.float32)


def leg_picture(
    photo: np.ndarray, body: Body, lower: LowerBody, side: int, seen: np.ndarray, colour: np.ndarray
) -> np.ndarray:
    """A lit leg, its colour carried on from where the photo shows that leg: float32 (h, w, 3), defined everywhere.

    Args:
        seen: bool (h, w), bare or stockinged legs that stay.
    """
    size = seen.shape
    shaded = shade_leg(lower.moved(body), side, size, colour)
    mine = seen & (lower.mask(side, size, 0.1, 2.1, 1.15) > 0.5)
    if mine.sum() < max(60.0, 0.03 * body.length**2):
        return shaded
    ratio = np.clip((photo + 8) / (shaded + 8), 0.3, 3.0)
    ratio = cv2.GaussianBlur(ratio * mine[..., None], (0, 0), 3)
    weight = cv2.GaussianBlur(mine.astype(np.float32), (0, 0), 3)
    ratio /= np.maximum(weight, 1e-3)[..., None]
    return np.clip(shaded * smooth_fill(ratio, mine & (weight > 0.3)), 0, 255)

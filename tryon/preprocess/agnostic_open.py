"""What is taken out of the photo for a coat that is worn open: the worn coat goes, the worn top stays where it shows.

Between the panels, below the coat's hem, and on the arms beyond its sleeves the photo keeps its own pixels. What a worn
coat hid there is carried on from the top beside it.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from . import agnostic, repair
from .agnostic import Agnostic
from .arms import arm_mask, loose_skin
from .body import Body, torso_rows
from .fill import mirror_fill, smooth_fill
from .hands import made_up
from .masks import dilate, is_label, patch, soften
from .plate import fill_plate

#: Share of the gap between the panels that must show a top or dress, or what lies under none, for an open coat.
TOP_NEEDED = 0.3
#: The panels' shadow on the top: strength, and reach in shoulder breadths.
SHADOW, SHADOW_REACH = 0.3, 0.035


def overlooked_coat(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """The skirt of a worn coat that was taken for a dress becomes coat, by its colour.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse.
    """
    coat, dress = is_label(parse, Label.OUTERWEAR), is_label(parse, Label.DRESS)
    along = torso_rows(body, parse.shape)
    yy, xx = np.mgrid[0 : parse.shape[0], 0 : parse.shape[1]].astype(np.float32)
    aside = np.abs((xx - body.neck[0]) * body.across[0] + (yy - body.neck[1]) * body.across[1])
    inner = is_label(parse, Label.TOP) | (dress & (aside < 0.3 * body.chest))
    inner &= along < 0.9
    if coat.sum() < 300 or inner.sum() < 100 or dress.sum() < 100:
        return parse
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    kinds = [(np.median(lab[m], axis=0), lab[m].std(axis=0) + 5) for m in (coat, inner)]
    if np.linalg.norm(kinds[0][0] - kinds[1][0]) < 20:
        return parse
    unlike = [(((lab - mean) / spread) ** 2).sum(-1) + 2 * np.log(spread).sum() for mean, spread in kinds]
    found = (dress & (unlike[0] + 2 < unlike[1])).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)).astype(bool)
    count, pieces = cv2.connectedComponents((found | coat).astype(np.uint8))
    joined = np.zeros(count, bool)
    joined[np.unique(pieces[coat])] = True
    joined[0] = False
    return np.where(found & joined[pieces], np.uint8(Label.OUTERWEAR), parse).astype(np.uint8)


def shows_top(parse: np.ndarray, gap: np.ndarray, body: Body, least: float = 0) -> bool:
    """Whether enough of a worn top is seen between the panels, or in the neckline: it can't be invented.

    Args:
        parse: uint8 (h, w); gap: bool (h, w), see `panels.between`.
        least: px of the top that must be seen.
    """
    inner = is_label(parse, Label.TOP, Label.DRESS)
    if (inner & gap).any():  # above the hips it is a long shirt's
        inner |= is_label(parse, Label.LOWER) & (torso_rows(body, parse.shape) < 0.95)
    covered = (inner | is_label(parse, Label.OUTERWEAR)) & gap
    top = inner & gap
    return bool(covered.any()) and float(top.sum()) > max(TOP_NEEDED * float(covered.sum()), least)


def build(
    image: np.ndarray,
    parse: np.ndarray,
    body: Body,
    garment: np.ndarray,
    sleeves: np.ndarray,
    gap: np.ndarray,
    hem: float,
    *,
    sleeve_end: tuple[float, float] = (0.0, 0.0),
) -> Agnostic:
    """Erase and roughly fill; arguments as for `agnostic.build`.

    Args:
        gap: bool (h, w), between the panels, or the opening of the neck.
    """
    size = parse.shape
    unit = body.breadth / 100.0
    along = torso_rows(body, size)
    hair = is_label(parse, Label.HAIR)
    parse = repair.repair_hair(image, repair.repair_skin(image, parse, body), body)
    stays = _staying_top(parse, body, along, gap, hem, sleeve_end)
    rims, loose = loose_skin(parse, body)
    keep = agnostic.occluders(parse, body, sleeves, sleeve_end, loose) & ~(hair & ~is_label(parse, Label.HAIR))
    worn = is_label(parse, Label.ACCESSORY) & gap
    gone = agnostic.old_garment(parse, body, hem) & ~keep & ~stays & ~worn
    wide = dilate(gone.astype(np.uint8), max(3.0, 4.5 * unit)).astype(bool) & ~stays
    rim = dilate(gone.astype(np.uint8), max(1.5, 2.2 * unit)).astype(bool) & ~is_label(parse, Label.HAIR)
    new = dilate((garment > 0.05).astype(np.uint8), 2).astype(bool)
    head = is_label(parse, Label.HAIR) | (is_label(parse, Label.FACE) & ~gone)
    edit = ((wide & ~head & ~gap) | rim | new | gone) & ~keep
    shadow = cv2.GaussianBlur(garment, (0, 0), SHADOW_REACH * body.breadth) * gap
    dim = (shadow > 0.04) & stays & ~keep
    hole = dilate(edit.astype(np.uint8), 1).astype(bool)
    edit |= dim
    soft = soften(edit, keep)
    borders = agnostic.start_borders(image, parse, keep, gone, body)
    plate, layout, skin, colour = fill_plate(
        image, parse, body, hole | wide, along, hem, sleeve_end, garment, sleeves, rims, gone
    )
    hands, skin = made_up(parse, gone, body, (plate, layout, skin), colour)
    plate, layout, skin = _under(image, parse, gap & (along < 1.3), hole, plate, layout, skin)
    own = stays & ~hole
    plate[own] = image[own]
    layout[own] = parse[own]
    plate *= (1 - SHADOW * shadow * (1 - garment))[..., None]
    filled, plate = plate, np.clip(image + (plate - image) * soft[..., None], 0, 255)
    drawn = (layout == int(Label.ARMS)) & edit
    layout = np.where(edit, layout, parse).astype(np.uint8)
    before = agnostic.arms_before(parse, body, drawn & (soft > 0.5), sleeves, sleeve_end, hands)
    plate, front, soft, skin = agnostic.fringed(
        borders(), keep, garment, drawn, body.breadth, (filled, plate, soft, skin)
    )
    front = np.maximum(front, agnostic.without_seam(keep & is_label(parse, Label.ARMS), before))
    return Agnostic(plate, soft, front, skin * (soft > 0), layout, colour)


def _staying_top(
    parse: np.ndarray, body: Body, along: np.ndarray, gap: np.ndarray, hem: float, sleeve_end: tuple[float, float]
) -> np.ndarray:
    """Pixels of the worn top or dress that go on showing: bool (h, w)."""
    place = gap | (along > hem - 0.02)
    for side in (0, 1):
        if sleeve_end[side] < 1.8:  # its sleeve reaches out of the new one
            start = max(sleeve_end[side] - 0.06, 0.1)
            place |= arm_mask(body, side, parse.shape, 2.0, start, 2.1) > 0.5
    return is_label(parse, Label.TOP, Label.DRESS) & place


def _under(
    image: np.ndarray,
    parse: np.ndarray,
    gap: np.ndarray,
    hole: np.ndarray,
    plate: np.ndarray,
    layout: np.ndarray,
    skin: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Erased pixels between the panels take the surface that lies nearest: top, skin or lower garment."""
    kinds = ((Label.TOP, Label.DRESS), (Label.FACE,), (Label.LOWER,))
    photo = image.astype(np.float32)
    far = np.full(parse.shape, 1e6, np.float32)
    seen = [is_label(parse, *labels) & ~hole for labels in kinds]
    distance = np.stack([
        cv2.distanceTransform((~s).astype(np.uint8), cv2.DIST_L2, 3) if s.sum() > 40 else far for s in seen
    ])  # fmt: skip
    nearest = distance.argmin(0)
    for i, labels in enumerate(kinds):
        here = gap & hole & (nearest == i) & (distance[i] < 1e5)
        if not here.any() or i == 1:  # skin is painted already
            continue
        inner = cv2.erode(seen[i].astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        known = inner if inner.sum() > 40 else seen[i]
        share = cv2.GaussianBlur(here.astype(np.float32), (0, 0), 1.0)
        part = patch((share > 0) | known)
        near = photo[part], known[part]
        cloth = mirror_fill(*near, smooth_fill(*near), 0.6 * max(parse.shape) / 10, even=1.0)
        plate = plate.copy()
        plate[part] += (cloth - plate[part]) * share[part][..., None]
        layout = np.where(here, np.uint8(labels[0]), layout)
        skin = skin * (1 - share)
    return plate, layout, skin

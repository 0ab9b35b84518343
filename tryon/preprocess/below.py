"""What shows below a garment that goes: the lower garment, carried on where it was hidden, and the legs."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from .body import Body
from .fill import column_fill, mirror_fill, row_fill, smooth_fill, wide_blur
from .masks import below_last, dilate, is_label
from .quilt import quilt

#: A lower garment of which less is seen, in squares of the shoulder breadth, is carried on in its usual colour alone.
LITTLE = 0.35
#: What was parsed as legs and as a skirt, in colours that are nearer to each other than this (Lab), may be trousers.
SAME_CLOTH = 12.0
#: Cloth whose colours differ from their local mean by less than this (Lab) is plain.
PLAIN = 5.0
#: The smallest side of a piece of cloth whose detail is carried on; what is coarser than detail, of patterned cloth and
#: of plain one, whose folds would show mirrored. Shoulder breadths.
WEAVE, FOLD, FINE = 0.15, 0.12, 0.04
#: A pattern goes on in blocks of this side, shoulder breadths; how far its detail is from its mean at most, 0..255.
BLOCK, MOST = 0.3, 60.0


def lower_cloth(photo: np.ndarray, lower: np.ndarray, hole: np.ndarray, unit: float, far: bool) -> np.ndarray:
    """The lower garment, carried on from where it is seen: float32 (h, w, 3), defined everywhere.

    Args:
        photo: float32 (h, w, 3); lower, hole: bool (h, w); unit: shoulder breadth, px.
        far: a long coat hid most of it: what differs from its usual colour is then taken for the coat's.
    """
    # not its rim: there the parse errs, and a mirror would repeat the error
    inner = cv2.erode(lower.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    lower = inner if inner.sum() >= 60 else lower
    if lower.sum() < 60:
        return np.full_like(photo, 45.0)
    if far:
        lab = cv2.cvtColor(cv2.GaussianBlur(photo, (0, 0), 1.5) / 255, cv2.COLOR_RGB2LAB)
        rows = np.flatnonzero(lower.any(1))
        sure = lower & (np.arange(len(lower))[:, None] > rows[-1] - 0.5 * (rows[-1] - rows[0]))  # far from the coat
        beside = lower & (dilate(hole.astype(np.uint8), 0.3 * unit) > 0)
        # a dress over trousers; what is darker there lies in the coat's shadow
        if beside.sum() > (0.2 * unit) ** 2 and np.median(lab[beside][:, 0]) > np.median(lab[sure][:, 0]) + 12:
            sure = beside
        away = np.linalg.norm(lab - np.median(lab[sure], axis=0), axis=-1)
        usual = lower & (away < max(22.0, 3 * float(np.median(away[sure]))))
        usual = cv2.morphologyEx(usual.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
        lower = usual if usual.sum() >= 60 else lower
    if far and lower.sum() < LITTLE * unit**2:
        return _meeting(_plain_cloth(photo, lower, unit), photo, lower, unit)
    near = mirror_fill(photo, lower, smooth_fill(photo, lower), 1.5 * unit, even=1.0)
    if not far:
        return near
    plain_cloth = _relief(photo, lower, unit) < PLAIN
    weave = _weave(photo, lower, unit, FINE if plain_cloth else FOLD)
    beyond = cv2.distanceTransform((~lower).astype(np.uint8), cv2.DIST_L2, 3) / unit
    if plain_cloth:  # mirrored folds and seams would show; colour and soft folds do not
        share = np.clip(beyond * 12, 0, 1)[..., None]
        plain = _plain_cloth(photo, lower, unit, beside=lower)
        folds = _meeting(_upright_folds(photo, lower, hole, unit, plain), photo, lower, unit)
        folds = folds if weave is None else np.clip(folds + weave, 0, 255)
        return near + (folds - near) * share
    if weave is not None:
        share = np.clip((beyond - 0.15) * 8, 0, 1)[..., None]
        woven = _plain_cloth(photo, lower, unit, beside=lower, weave=weave)
        return near + (_meeting(woven, photo, lower, unit) - near) * share
    share = np.clip((beyond - 0.6) * 8, 0, 1)[..., None]
    return near + (row_fill(photo, lower, column_fill(photo, lower)) - near) * share


def _meeting(filling: np.ndarray, photo: np.ndarray, seen: np.ndarray, unit: float) -> np.ndarray:
    """A filling of cloth shifted so that its colours are the seen cloth's where both meet: float32 (h, w, 3).

    Args:
        filling, photo: float32 (h, w, 3); seen: bool (h, w); unit: shoulder breadth, px.
    """
    inside = cv2.distanceTransform(seen.astype(np.uint8), cv2.DIST_L2, 3)
    rim = seen & (inside < 0.08 * unit)
    weight = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), max(0.03 * unit, 1.0))
    step = cv2.GaussianBlur((photo - filling) * rim[..., None], (0, 0), max(0.03 * unit, 1.0))
    step = np.clip(step / np.maximum(weight, 1e-3)[..., None], -40, 40)
    away = cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, 3) / unit
    shift = smooth_fill(step, rim) * np.exp(-away / 0.6)[..., None]
    return np.clip(filling + shift, 0, 255).astype(np.float32)


def _relief(photo: np.ndarray, seen: np.ndarray, unit: float) -> float:
    """How much the colours of cloth differ from their local mean, Lab: a few for plain cloth, more for patterns."""
    lab = cv2.cvtColor(photo / 255, cv2.COLOR_RGB2LAB)
    weight = wide_blur(seen.astype(np.float32), 0.08 * unit)[..., None]
    mean = wide_blur(lab * seen[..., None], 0.08 * unit) / np.maximum(weight, 1e-3)
    return float(np.median(np.linalg.norm((lab - mean)[seen], axis=1)))


def _weave(photo: np.ndarray, seen: np.ndarray, unit: float, coarse: float) -> np.ndarray | None:
    """The cloth's own detail over the whole picture, from the largest upright rectangle in which it is seen: float32
    (h, w, 3), mean 0; None where that is too small.

    Args:
        photo: float32 (h, w, 3); seen: bool (h, w); unit: shoulder breadth, px.
        coarse: what is coarser than detail, shoulder breadths.
    """
    x0, y0, x1, y1 = _rectangle(seen)
    if min(x1 - x0, y1 - y0) < max(WEAVE * unit, 6):
        return None
    weight = np.maximum(wide_blur(seen.astype(np.float32), coarse * unit), 1e-3)[..., None]
    detail = (photo - wide_blur(photo * seen[..., None], coarse * unit) / weight)[y0:y1, x0:x1]
    if coarse > FINE:  # mirrored, a pattern shows faces and crosses
        return quilt(np.clip(detail, -MOST, MOST), (len(seen), seen.shape[1]), round(BLOCK * unit))
    rows, columns = (_to_and_fro(n, first, last) for n, first, last in ((len(seen), y0, y1), (seen.shape[1], x0, x1)))
    most = 2 * float(np.median(np.abs(detail)))  # seams would show mirrored
    return np.clip(detail, -most, most)[rows[:, None], columns]


def _to_and_fro(count: int, first: int, last: int) -> np.ndarray:
    """Indices into a stretch from `first` to `last` that is mirrored at its ends again and again: int (count,)."""
    length = last - first
    place = (np.arange(count) - first) % (2 * length)
    return np.minimum(place, 2 * length - 1 - place)


def _rectangle(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The largest upright square in a mask (h, w), drawn out to a rectangle: (x0, y0, x1, y1) px, exclusive ends."""
    padded = np.pad(mask.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    half = int(depth[y, x]) - 1
    if half < 0:
        return 0, 0, 0, 0
    rows = _around_at(mask[:, x - half : x + half + 1].all(1), int(y))
    columns = _around_at(mask[rows[0] : rows[1]].all(0), int(x))
    return columns[0], rows[0], columns[1], rows[1]


def _around_at(line: np.ndarray, place: int) -> tuple[int, int]:
    """Start and end of the stretch of True that `place` lies in."""
    return next((a, b) for a, b in _runs(line) if a <= place < b)


def _plain_cloth(
    photo: np.ndarray,
    seen: np.ndarray,
    unit: float,
    beside: np.ndarray | None = None,
    weave: np.ndarray | None = None,
) -> np.ndarray:
    """Cloth of the usual colour with soft upright folds, where too little of it is seen to be carried on: float32
    (h, w, 3).

    Args:
        beside: bool (h, w), cloth whose nearest colour is carried on.
        weave: see `_weave`, instead of made-up folds.
    """
    pixels = photo[seen]
    light = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    middle = np.abs(light - np.median(light)) <= np.percentile(np.abs(light - np.median(light)), 60)
    colour = np.median(pixels[middle], axis=0)
    contrast = float(np.clip(light[middle].std() / max(float(light[middle].mean()), 8.0), 0.03, 0.12))
    folds = np.random.default_rng(0).standard_normal(seen.shape).astype(np.float32)
    folds = cv2.GaussianBlur(folds, (0, 0), sigmaX=max(0.045 * unit, 1.0), sigmaY=max(0.3 * unit, 2.0))
    folds *= contrast / max(float(folds.std()), 1e-6)
    if beside is not None:
        colour = 0.15 * colour + 0.85 * wide_blur(smooth_fill(photo, beside), 0.1 * unit)
    if weave is not None:
        return np.clip(colour * (1 + 0.4 * folds[..., None]) + weave, 0, 255).astype(np.float32)
    return np.clip(colour * (1 + folds[..., None]), 0, 255).astype(np.float32)


def _upright_folds(
    photo: np.ndarray, lower: np.ndarray, hole: np.ndarray, unit: float, plain: np.ndarray
) -> np.ndarray:
    """Light and dark of the cloth just below what a coat hid go on upwards, and fade: float32 (h, w, 3).

    Args:
        plain: float32 (h, w, 3), what they fade into.
    """
    height, width = lower.shape
    rows = np.arange(height)[:, None]
    first = below_last(hole)
    band = lower & (rows >= first + 2) & (rows < first + max(round(0.3 * unit), 4))
    count = band.sum(0)
    columns = np.flatnonzero(count > 3)
    if not len(columns):
        return plain
    profile = (photo * band[..., None]).sum(0)[columns] / count[columns, None]
    usual = np.linalg.norm(profile - np.median(photo[lower], axis=0), axis=1) < 45  # not a bag, or the coat's lining
    columns, profile = columns[usual], profile[usual]
    if len(columns) < 0.2 * unit:
        return plain
    folds = np.stack([np.interp(np.arange(width), columns, profile[:, c]) for c in range(3)], 1).astype(np.float32)
    folds = cv2.GaussianBlur(folds[None], (0, 0), sigmaX=max(0.02 * unit, 0.6), sigmaY=0.1)[0]
    seam = float(np.median(first[columns]))
    fade = np.exp(-np.maximum(seam - rows, 0) / (1.5 * unit))[..., None].astype(np.float32)
    return plain + (folds[None] - plain) * fade


def outline_below(below: np.ndarray, lower: np.ndarray, hole: np.ndarray, body: Body, top: int) -> np.ndarray:
    """The lower garment's outline where a long coat hid it, carried on from where it comes out below the coat.

    Between `top`, where it is as wide as the body, and the first row in which it is seen its edges run straight; the
    gap between two legs ends at the crotch, unless cloth is seen there.

    Args:
        below: float32 (h, w), hips and legs of typical thickness.
        lower: bool (h, w), the lower garment where it is seen; hole: bool (h, w), what is to be filled.
        top: the row under the new garment in which it begins.

    Returns:
        float32 (h, w): `below`, other between the two rows; unchanged if the garment is not seen below the hole.
    """
    unit = body.breadth
    hidden = hole & (below > 0.5)
    last = np.flatnonzero(hidden.any(1))
    if not len(last) or last[-1] <= top + 0.3 * unit or top < 0:
        return below
    # the lowest row of the hole over the whole garment, and a few rows farther down against the parse's rough edge
    seen = min(int(last[-1]) + max(3, round(0.05 * unit)), len(lower) - 1)
    runs = [run for run in _runs(lower[seen] & ~hole[seen]) if run[1] - run[0] > 0.12 * unit]
    hips = np.flatnonzero(below[min(top + max(1, round(0.04 * unit)), len(below) - 1)] > 0.5)
    if not runs or len(hips) < 2:
        return below
    if len(runs) > 2:  # a skirt behind fringes or a bag
        runs = [(runs[0][0], runs[-1][1])]
    shape = np.zeros(below.shape, np.uint8)
    start = top - 4  # the blur must not open a seam at the first row
    outer = [(hips[0], start), (hips[-1] + 1, start), (runs[-1][1], seen), (runs[0][0], seen)]
    cv2.fillPoly(shape, [np.array(outer, np.int32) * 16], 255, cv2.LINE_AA, 4)
    if len(runs) == 2:
        crotch = body.hips.mean(0) + 0.16 * body.length * body.down
        if crotch[1] < seen:
            gap = np.round(np.array([(runs[0][1], seen), (runs[1][0], seen), tuple(crotch)]) * 16).astype(np.int32)
            between = cv2.fillPoly(np.zeros(below.shape, np.uint8), [gap], 255, cv2.LINE_AA, 4)
            if (lower & ~hole)[between > 127].mean() < 0.25:
                shape = np.minimum(shape, 255 - between)
    out = below.copy()
    out[top : seen + 1] = cv2.GaussianBlur(shape.astype(np.float32) / 255, (0, 0), 1.0)[top : seen + 1]
    return out


def skirt_below(
    photo: np.ndarray,
    below: np.ndarray,
    parse: np.ndarray,
    hole: np.ndarray,
    body: Body,
    along: np.ndarray,
    hem: float,
) -> tuple[np.ndarray, float] | None:
    """A skirt or dress that a longer coat hid in part: its outline, even on both sides, and where it ends.

    Args:
        photo: float32 (h, w, 3).
        below: float32 (h, w), hips and legs of typical thickness; hole: bool (h, w), what is to be filled.
        along: float32 (h, w), torso lengths below the shoulder line; hem: the new hem, in these.

    Returns:
        float32 (h, w) and torso lengths, or None where no bare legs are seen below such a garment.
    """
    cloth, legs = is_label(parse, Label.LOWER, Label.DRESS) & ~hole, is_label(parse, Label.LEGS) & ~hole
    cloth = _uppermost(cloth, along, (0.15 * body.breadth) ** 2)  # shins in tights may be parsed as trousers
    if cloth.sum() < 0.1 * body.breadth**2 or legs.sum() < 0.05 * body.breadth**2:
        return None
    end = float(np.percentile(along[cloth], 98))
    if end < hem + 0.15 or float(np.percentile(along[legs], 30)) < end - 0.05:
        return None
    if int((hole & (along > end + 0.05) & (below > 0.5)).sum()) < (0.15 * body.breadth) ** 2:
        return None  # it ends below all that is taken away
    pair = np.stack([np.median(photo[m], axis=0) for m in (cloth, legs)])[None].astype(np.float32)
    lab = cv2.cvtColor(pair / 255, cv2.COLOR_RGB2LAB)[0]
    if float(np.linalg.norm(lab[0] - lab[1])) < SAME_CLOTH:
        return None  # trousers, parts of which were taken for legs
    half = _half_breadth(cloth & (along > end - 0.3) & (along < end - 0.02), body, _lean(body, end))
    if half is None:
        return None
    beneath = _half_breadth(legs & (along > end) & (along < end + 0.3), body, _lean(body, end + 0.15))
    half = max(half, 1.12 * (beneath or 0.0))  # where the coat hid its sides, too
    half = float(np.clip(half, 0.8 * body.chest, 1.9 * body.chest))
    upper = _half_breadth(cloth & (along > hem) & (along < hem + 0.2), body, _lean(body, hem + 0.1))
    top = float(np.clip(upper or 0.98 * body.chest, 0.7 * body.chest, 1.05 * body.chest))
    corners = [body.at(hem, s * top) for s in (-1, 1)]
    corners += [body.at(end, s * half + _lean(body, end)) for s in (1, -1)]
    shape = np.zeros(below.shape, np.uint8)
    cv2.fillPoly(shape, [np.round(np.stack(corners) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    out = np.where(along > hem + 0.02, shape.astype(np.float32) / 255, below * (along <= end))
    return cv2.GaussianBlur(out.astype(np.float32), (0, 0), 1.0), end


def beside_seen(photo: np.ndarray, painted: np.ndarray, seen: np.ndarray, body: Body) -> np.ndarray:
    """Painted skin or stockings, in the colours of what is seen of them where that is near: float32 (h, w, 3).

    Args:
        photo, painted: float32 (h, w, 3); seen: bool (h, w).
    """
    inner = cv2.erode(seen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if inner.sum() < (0.1 * body.breadth) ** 2:
        return painted
    away = cv2.distanceTransform((~inner).astype(np.uint8), cv2.DIST_L2, 3) / body.breadth
    return painted + (smooth_fill(photo, inner) - painted) * np.exp(-away / 0.25)[..., None]


def over_legs(legs: np.ndarray, hole: np.ndarray, body: Body) -> np.ndarray:
    """Where legs can be that a coat hid, above those which show below it: bool (h, w); everywhere if none does."""
    unit = body.breadth
    seen = legs & ~hole
    first = below_last(hole) + 2
    columns = [x for x in range(legs.shape[1]) if first[x] < len(hole) and seen[first[x] : first[x] + 6, x].any()]
    if len(columns) < 0.1 * unit:
        return np.ones_like(legs)
    row = float(np.median(first[columns]))
    place = np.zeros(legs.shape[1], np.uint8)
    place[columns] = 1
    beside = cv2.distanceTransform((1 - place)[None], cv2.DIST_L2, 3)[0]
    above = np.maximum(row - np.arange(len(hole)), 0)
    return beside[None] <= (0.01 * unit + 0.07 * above)[:, None]


def _uppermost(cloth: np.ndarray, along: np.ndarray, least: float) -> np.ndarray:
    """The connected pieces of cloth of at least so many px that begin highest: bool (h, w)."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(cloth.astype(np.uint8))
    large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= least]
    if not large:
        return cloth
    begin = {k: float(along[pieces == k].min()) for k in large}
    first = min(begin.values())
    return np.isin(pieces, [k for k in large if begin[k] < first + 0.3])


def _half_breadth(cloth: np.ndarray, body: Body, middle: float) -> float | None:
    """How far cloth reaches from a line `middle` px aside of the trunk's axis, on the side where more is seen, px; None
    where too little is."""
    y, x = np.nonzero(cloth)
    if len(x) < 30:
        return None
    aside = (x - body.neck[0]) * body.across[0] + (y - body.neck[1]) * body.across[1]
    return float(np.percentile(np.abs(aside - middle), 97))


def _lean(body: Body, along: float) -> float:
    """How far the legs lie aside of the trunk's axis `along` torso lengths below the shoulder line, px."""
    knees = float((body.knees.mean(0) - body.neck) @ body.across)
    return knees * float(np.clip((along - 1.0) / 0.8, 0, 1))


def _runs(row: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of the stretches of True."""
    steps = np.diff(row.astype(np.int8), prepend=0, append=0)
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))

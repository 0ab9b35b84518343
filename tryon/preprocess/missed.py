"""Whole sleeves that a parse missed: the outline caves in between a shoulder and the cuff or hand below it.

A white sleeve before a white van, or a loose one in the wall's grey, is taken for background although the shoulder's
end and the cuff are found. The pose's joints then lie too far inside as well, so that the outline itself must tell.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from .arms import arm_mask, seen_hand
from .body import Body
from .colours import common_colours, histogram, lab_of
from .masks import is_label

#: How far the outline may reach inside (a little) and outside of an arm's joints, shoulder breadths.
INSIDE, OUTSIDE = 0.15, 0.6
#: An outline caves in where a piece of so much area lies inside of the line from shoulder to cuff, so deep at least;
#: shoulder breadths.
AREA, DEPTH = 0.12, 0.17
#: What lies there must have so much in common with the colours of one of the sleeves.
ALIKE = 0.5
#: How far a sleeve bulges beyond that line at most, shoulder breadths.
BULGE = 0.09
#: An arm hangs if it is so much farther down than aside at least.
SLANT = 0.5
#: A hand is seen below if it has so many px.
HAND = 30


def missed_sleeves(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """Background between a shoulder and the cuff below it becomes clothing where the outline caves in there and the
    sleeves have its colours.

    Args:
        image: uint8 (h, w, 3) canvas; parse: uint8 (h, w).

    Returns:
        uint8 (h, w), a new parse, or the argument itself where nothing was missed.
    """
    found = [bay for side in (0, 1) if (bay := _bay(parse, body, side)) is not None]
    if not found:
        return parse
    lab = lab_of(cv2.GaussianBlur(image, (0, 0), 0.8))
    cloth = is_label(parse, *TORSO_CLOTHING)
    out = parse
    for bay in found:
        seen = histogram(lab, bay)
        sleeves = [cloth & (arm_mask(body, side, parse.shape, 1.5, 0.3, 1.9) > 0.5) for side in (0, 1)]
        alike = [common_colours(seen, histogram(lab, sleeve)) for sleeve in sleeves if sleeve.sum() > 100]
        if max(alike, default=0.0) > ALIKE:
            coat = int((parse[cloth] == Label.OUTERWEAR).sum()) > 0.5 * int(cloth.sum())
            out = np.where(bay, np.uint8(Label.OUTERWEAR if coat else Label.TOP), out)
    return out


def _bay(parse: np.ndarray, body: Body, side: int) -> np.ndarray | None:
    """Background inside of the line from the end of a shoulder to the cuff or hand of an arm that hangs, where there is
    much of it: bool (h, w) or None."""
    joints = np.stack([body.shoulders[side], body.elbows[side], body.wrists[side]])
    steps, unit = np.diff(joints, axis=0), body.breadth
    if (np.abs(steps[:, 0]) > SLANT * steps[:, 1]).any() or steps[:, 1].sum() < 0.6 * body.length:
        return None
    hand = seen_hand(parse, body, side, 1.9)
    if hand.sum() < HAND:
        return None
    low, middle = np.percentile(np.flatnonzero(hand.any(1)), (2, 50))
    sign = 1 if joints[0, 0] > body.neck[0] else -1
    height, width = parse.shape
    rows = slice(max(int(joints[0, 1]), 0), min(int(middle) + 1, height))
    reach = joints[:, 0] + sign * unit * np.array([[-INSIDE], [OUTSIDE]])
    columns = slice(max(int(reach.min()), 0), min(int(reach.max()) + 1, width))
    part = parse[rows, columns]
    y, x = np.arange(rows.start, rows.stop)[:, None], np.arange(columns.start, columns.stop)[None]
    aside = sign * (x - np.interp(y, joints[:, 1], joints[:, 0])) / unit
    near = (aside > -INSIDE) & (aside < OUTSIDE)
    cloth, arms = is_label(part, *TORSO_CLOTHING), is_label(part, Label.ARMS)

    def farthest(mask: np.ndarray, first: float, last: float) -> tuple[int, float] | None:
        """Row and x of the outermost pixel of a mask between two rows."""
        at_y, at_x = np.nonzero(mask & near & (y >= first) & (y <= last))
        best = int((sign * at_x).argmax()) if len(at_x) else 0
        return (int(at_y[best]) + rows.start, float(at_x[best]) + columns.start) if len(at_x) else None

    top = joints[0, 1] + 0.1 * body.length
    start = farthest(cloth, top - 0.06 * body.length, top + 0.15 * body.length)
    end = farthest(cloth | arms, low - 0.12 * body.length, middle)
    if start is None or end is None or end[0] - start[0] < 0.4 * body.length:
        return None
    chord = np.interp(y, (start[0], end[0]), (start[1], end[1]))
    between = (y > start[0]) & (y < end[0]) & (aside > 0) & is_label(part, Label.BACKGROUND)
    beyond = sign * (x - chord)
    bay = between & (beyond <= 0)
    if bay.sum() < AREA * unit**2 or bay.sum(1).max() < DEPTH * unit:
        return None
    share = np.clip((y - start[0]) / (end[0] - start[0]), 0, 1)
    out = np.zeros(parse.shape, bool)
    out[rows, columns] = between & (beyond <= BULGE * unit * 4 * share * (1 - share))
    return out

"""Hands in the pockets of what goes: under a new garment that is long enough they need not be made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..labels import TORSO_CLOTHING
from .body import Body
from .hands import hand_hidden
from .masks import is_label
from .skeleton import Fit

#: A hand is in a pocket so far below the shoulder line at least, torso lengths; so far above the new hem, and inside of
#: the new garment's sides, its half breadths, it is covered.
POCKET, ABOVE_HEM, INSIDE = 0.6, 0.12, 0.95


def under_the_garment(body: Body, parse: np.ndarray, fit: Fit) -> Body:
    """The body with arms that go behind the new garment where their hands are in pockets of the old clothes and the new
    garment would cover them; else a hand that nobody has seen would have to be painted onto the cloth.

    Args:
        parse: uint8 (h, w), on the canvas of `body`; fit: where the new garment goes.
    """
    worn = is_label(parse, *TORSO_CLOTHING)
    left, right = fit.points["hem_left"], fit.points["hem_right"]
    middle, half = (left + right) / 2, float((right - left) @ body.across) / 2
    front = list(body.arm_front)
    for side in (0, 1):
        hand = body.hands[side]
        covered = POCKET < float(body.along(hand)) < fit.hem - ABOVE_HEM
        if front[side] and covered and abs(float((hand - middle) @ body.across)) < INSIDE * half:
            front[side] = not hand_hidden(parse, worn, body, side)
    return body if tuple(front) == body.arm_front else replace(body, arm_front=(front[0], front[1]))

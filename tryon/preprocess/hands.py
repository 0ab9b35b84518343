"""Hands that clothes hid, where these go: which ones, and a plain one in their place."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label
from .arms import bare_from, drawn_hand, folded_up, hand_mask
from .body import Body
from .fill import WARM
from .masks import is_label


def hand_hidden(parse: np.ndarray, gone: np.ndarray, body: Body, side: int) -> bool:
    """Whether a hand is in a pocket or sleeve that goes, so that it must be painted.

    Args:
        gone: bool (h, w), the clothes that are taken away.
    """
    if folded_up(body, side) or bare_from(parse, body, side) < 2:
        return False
    place = hand_mask(body, side, parse.shape, 1.4) > 0.5
    if not place.any() or gone[place].mean() <= 0.6:
        return False
    return int((is_label(parse, Label.ARMS) & place).sum()) < 0.1 * int(place.sum())


def paint_hand(plate: np.ndarray, layout: np.ndarray, body: Body, side: int, colour: np.ndarray) -> np.ndarray:
    """Paint a plain hand into `plate` and `layout`, in place; returns its mask, float32 (h, w)."""
    shape, lines = drawn_hand(body, side, layout.shape)
    hand = cv2.GaussianBlur(shape, (0, 0), 0.8)
    rim = cv2.GaussianBlur(shape, (0, 0), max(0.025 * body.breadth, 0.8))
    light = 0.84 + 0.2 * np.clip(rim * 1.4 - 0.4, 0, 1) - 0.3 * cv2.GaussianBlur(lines, (0, 0), 0.6)
    plate += (colour * light[..., None] ** WARM - plate) * hand[..., None]
    layout[hand > 0.5] = int(Label.ARMS)
    return hand


def made_up(
    parse: np.ndarray,
    gone: np.ndarray,
    body: Body,
    layers: tuple[np.ndarray, np.ndarray, np.ndarray],
    colour: np.ndarray,
) -> tuple[tuple[bool, bool], np.ndarray]:
    """Paint the hands that were hidden.

    Args:
        gone: bool (h, w), the clothes that are taken away.
        layers: plate and layout, which are changed in place, and the skin mask, float32 (h, w).
        colour: float32 (3,), of the skin.

    Returns:
        Which ones, and the skin mask with them.
    """
    plate, layout, skin = layers
    hands = (hand_hidden(parse, gone, body, 0), hand_hidden(parse, gone, body, 1))
    for side in (0, 1):
        if hands[side]:
            skin = np.maximum(skin, paint_hand(plate, layout, body, side, colour))
    return hands, skin

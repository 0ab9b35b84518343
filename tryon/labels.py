"""The one label table of the project.

Every parse map, mask rule and colour legend is expressed in these values; bare label numbers appear nowhere else.
"""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    """Classes of the human parser, in the order of its output channels."""

    BACKGROUND = 0
    HAIR = 1
    FACE = 2  #: skin of the face, the neck and the chest opening
    ARMS = 3  #: skin of arms and hands (gloves included)
    LEGS = 4  #: skin of legs and feet; tights and stockings are worn on legs and count here
    TOP = 5  #: shirts, T-shirts, blouses, sweaters, hoodies worn as the visible top
    OUTERWEAR = 6  #: coats, jackets, blazers, cardigans, vests
    DRESS = 7  #: dresses, rompers, bodysuits
    LOWER = 8  #: trousers, jeans, shorts, skirts
    SHOES = 9
    BAG = 10
    ACCESSORY = 11  #: hats, scarves, glasses, belts, jewellery, ties


NUM_LABELS = len(Label)

#: Clothing of the torso: what a new upper garment replaces.
TORSO_CLOTHING = (Label.TOP, Label.OUTERWEAR, Label.DRESS)
#: All skin labels.
SKIN = (Label.FACE, Label.ARMS, Label.LEGS)

#: RGB colours for pictures of parse maps, indexed by label.
PALETTE: tuple[tuple[int, int, int], ...] = (
    (0, 0, 0),
    (120, 72, 24),
    (255, 200, 160),
    (255, 150, 100),
    (230, 120, 140),
    (60, 140, 255),
    (20, 60, 180),
    (180, 60, 220),
    (60, 180, 90),
    (240, 220, 40),
    (220, 40, 40),
    (0, 220, 220),
)

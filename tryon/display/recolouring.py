"""Another colour for a garment: the base cloth changes; folds, seams and prints stay.

The work is done in OKLab (see `oklab`). Of each pixel of base cloth
    lightness   moves by the difference between the wished colour and the cloth's median; what remains, the folds, is
                scaled to the depth that folds have on cloth of that lightness (`DEPTH`, measured on photos) and bends
                softly where it would leave black or white;
    a and b     become the wished ones, in proportion to the new lightness (as light on a surface does it), plus a part
                of the cloth's own small deviations, such as yarns of two shades.
Pixels on the edge of a print are mixtures of both and move by the cloth's share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from ..types import Garment
from .cloth import Cloth, base_weight, study
from .oklab import to_oklab, to_srgb

#: The lightest and darkest that the middle of cloth gets: white cloth in photos keeps room for its folds, and black
#: cloth reflects some light.
LIGHTEST, DARKEST = 0.93, 0.2
#: How far the middle of white cloth may fall, and that of black cloth rise, so that highlights do not all become one
#: white and shadows not one black; the lightness of the deepest shadow.
WHITE_FLOOR, BLACK_CEILING, BLACKEST = 0.885, 0.25, 0.03
#: Lightness of cloth and the standard deviation that folds give it: after the medians over 90 annotated garments; those
#: of light cloth, which photos show too white, are a little raised.
DEPTH = ((0.2, 0.3, 0.42, 0.7, 0.82, 0.93), (0.033, 0.05, 0.068, 0.072, 0.058, 0.048))
#: Part of the cloth's own deviations in a / L and b / L that is kept.
KEPT = 0.35
#: Rows that are worked on at once, to keep the memory of float pictures low, and rows beside them for the filters.
_STRIP, _MARGIN = 256, 12


def recolour(
    image: np.ndarray,
    mask: np.ndarray,
    colour: tuple[int, int, int],
    *,
    recolour_print: bool = False,
    cloth: Cloth | None = None,
) -> np.ndarray:
    """The picture with the garment in another colour.

    Args:
        image: uint8 (H, W, 3), sRGB.
        mask: float32 (H, W) in [0, 1], the garment's matte; outside of it nothing changes.
        colour: the wished one, sRGB, 0..255 each.
        recolour_print: give prints the wished hue too.
        cloth: what `study(image, mask)` found, if it is known already.

    Returns:
        uint8 (H, W, 3), a new array.

    Raises:
        ValueError: nothing is inside of the matte.
    """
    wished = to_oklab(np.array(colour, np.uint8))
    return move(image, mask, wished, cloth or study(image, mask), recolour_print=recolour_print)


def recoloured(garment: Garment, colour: tuple[int, int, int], *, recolour_print: bool = False) -> Garment:
    """The same garment in another colour: see `recolour`. The argument is not changed."""
    return replace(garment, image=recolour(garment.image, garment.mask, colour, recolour_print=recolour_print))


def move(
    image: np.ndarray,
    mask: np.ndarray,
    wished: np.ndarray,
    cloth: Cloth,
    *,
    recolour_print: bool = False,
) -> np.ndarray:
    """`recolour` to an OKLab colour, float32 (3,)."""
    light = float(np.clip(wished[0], DARKEST, LIGHTEST))
    gain = fold_gain(cloth, light)
    target = np.array([with_room(cloth, light, gain), wished[1], wished[2]], np.float32)
    out = image.copy()
    for part, core, around, _, tint in strips(mask.shape, cloth):
        inside = np.minimum(1, 2 * mask[part])  # a grey cloth must not colour the wall behind it
        if not inside.any():
            continue
        lab = to_oklab(image[part])
        weight = np.ones(inside.shape, np.float32) if recolour_print else base_weight(cloth, lab, around)
        kept = 0.0 if recolour_print else KEPT * float(np.clip((cloth.base[0] - 0.25) / 0.3, 0, 1))
        made = _moved(lab, weight * inside, around, tint, cloth, target, gain, kept)
        changed = (weight * inside)[core] > 0
        out[part][core][changed] = to_srgb(made[core][changed], dither(made[core].shape)[changed])
    return out


def fold_gain(cloth: Cloth, light: float) -> float:
    """How much deeper folds get when the cloth's median lightness becomes `light`.

    A garment with deeper folds than others of its lightness keeps some of that; without a change of lightness the folds
    stay as they are.
    """
    usual, there = np.interp([float(cloth.base[0]), light], *DEPTH)
    spread = float(np.clip(cloth.spread, 0.5 * usual, 2.0 * usual))
    wanted = there * (spread / usual) ** 0.7
    full = float(np.clip(wanted / max(cloth.spread, 1e-3), 0.5, 2.2))
    return 1 + (full - 1) * min(1.0, abs(light - float(cloth.base[0])) / 0.15)


def with_room(cloth: Cloth, light: float, gain: float) -> float:
    """The median lightness that leaves room for highlights above and shadows below."""
    high = max(WHITE_FLOOR, 0.995 - gain * cloth.peak)
    low = min(BLACK_CEILING, BLACKEST + gain * cloth.dip)
    return float(np.clip(light, low, high))


def _moved(
    lab: np.ndarray,
    weight: np.ndarray,
    around: np.ndarray,
    tint: np.ndarray,
    cloth: Cloth,
    target: np.ndarray,
    gain: float,
    kept: float,
) -> np.ndarray:
    light = calmed(lab[..., 0], gain * target[0] / max(float(cloth.base[0]), 0.05))
    # a mixed pixel's cloth is about as light as the cloth round it
    own = around + weight * weight * (light - around)
    new = bent(target[0], gain * (own - float(cloth.base[0])))
    was = own[..., None] * tint
    now = (new / target[0])[..., None] * target[1:]
    away = lab[..., 1:] - was
    w = weight[..., None]
    out = np.empty_like(lab)
    out[..., 0] = lab[..., 0] + weight * (new - own) + weight * weight * (light - lab[..., 0])
    out[..., 1:] = lab[..., 1:] + w * (now - was) - w * w * (1 - kept) * away
    return out


def bent(middle: float, difference: np.ndarray) -> np.ndarray:
    """`middle` + `difference`, running softly into the darkest and lightest that a picture has."""
    room = np.maximum(np.where(difference > 0, 1.0 - middle, middle - BLACKEST), 1e-3)
    return (middle + difference / np.sqrt(1 + (difference / room) ** 2)).astype(np.float32)


def calmed(light: np.ndarray, boost: float) -> np.ndarray:
    """Lightness without the grain that would show when it is boosted; edges stay (a guided filter with itself)."""
    strength = float(np.clip((boost - 1.2) / 1.3, 0, 1))
    if strength == 0:
        return light
    smooth = cv2.ximgproc.guidedFilter(light, light, 3, 4e-4)
    return light + strength * (smooth - light)


def strips(size: tuple[int, ...], cloth: Cloth) -> Iterator[tuple[slice, slice, np.ndarray, np.ndarray, np.ndarray]]:
    """Rows of a picture with margin, the rows in them that count, and `Cloth.around`, `.near` and `.tint` there."""
    height, width = size
    h, w = cloth.around.shape
    fields = np.dstack([cloth.around, cloth.near, cloth.tint]).astype(np.float32)
    for top in range(0, height, _STRIP):
        first, last = max(0, top - _MARGIN), min(height, top + _STRIP + _MARGIN)
        core = slice(top - first, min(top + _STRIP, height) - first)
        x = ((np.arange(width) + 0.5) * w / width - 0.5).astype(np.float32)
        y = ((np.arange(first, last) + 0.5) * h / height - 0.5).astype(np.float32)
        grid = np.meshgrid(x, y)
        local = cv2.remap(fields, grid[0], grid[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        yield slice(first, last), core, local[..., 0], local[..., 1], local[..., 2:]


def dither(shape: tuple[int, ...]) -> np.ndarray:
    """Noise of half a step, always the same."""
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)

"""Another cloth for a garment: a swatch laid along its parts, under the garment's own light.

Prints of the old cloth are left out: where they were, the light of the cloth round them is used. Folds and seams are
the differences of the old cloth's lightness; they scale the lightness of the new one (see `recolour`). The pattern
gives way a little in folds, by the slope of that lightness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..errors import UsageError
from ..types import Garment
from .cloth import Cloth, base_weight, study
from .coordinates import Part, parts_of
from .fabrics import Material, reduced, seamless
from .oklab import to_oklab, to_srgb
from .recolouring import DARKEST, LIGHTEST, bent, calmed, dither, fold_gain, strips, with_room

#: Breadth of a swatch as a share of the garment's breadth, where nothing else is said.
REPEAT = 0.3
#: How far folds shift the pattern, in shares of the garment's breadth: most, and per step of lightness.
_GIVE, _SLOPE = 0.006, 0.8
#: Grain of the old cloth (standard deviation of lightness) that may show through the new one.
_GRAIN = 0.016


@dataclass(frozen=True)
class _Lay:
    """The garment's coordinates with the folds' shift, ready to be enlarged."""

    weights: np.ndarray  # (P, h, w)
    along: np.ndarray  # (P, h, w), shares of the garment's breadth
    across: np.ndarray


def apply_material(
    garment: Garment,
    swatch: np.ndarray | Material,
    *,
    repeat: float | None = None,
    cloth: Cloth | None = None,
) -> Garment:
    """The same garment made of another cloth.

    Args:
        swatch: a picture of cloth, uint8 (h, w, 3), or a `Material`. Edges that do not fit each other are faded.
        repeat: breadth of the swatch as a share of the garment's breadth at the armpits or hips (an adult top is about
            50 cm broad: .2 are 10 cm). None: the material's own, or `REPEAT`.
        cloth: what `study` found, if it is known already.

    Returns:
        A new `Garment`; the argument is not changed. Outside of the matte nothing changes.

    Raises:
        UsageError: `repeat` is not between .005 and 5.
        ValueError: nothing is inside of the matte.
    """
    made = swatch if isinstance(swatch, Material) else Material("swatch", seamless(swatch), REPEAT)
    repeat = made.repeat if repeat is None else repeat
    if not 0.005 <= repeat <= 5:
        raise UsageError(f"A repeat of {repeat:g} can't be used.", "Say a share of the garment's breadth, as 0.25.")
    cloth = cloth or study(garment.image, garment.mask)
    lay = _lay(cloth, parts_of(garment))
    tile = to_oklab(reduced(made.tile, max(4, round(repeat * _breadth(garment, lay)))))
    middle = np.median(tile.reshape(-1, 3), axis=0)
    usual = float(np.clip(middle[0], DARKEST, LIGHTEST))
    gain = fold_gain(cloth, usual)
    tile, middle = (v * (with_room(cloth, usual, gain) / usual) for v in (tile, middle))
    out = garment.image.copy()
    for rows, core, around, near, _ in strips(garment.mask.shape, cloth):
        inside = np.minimum(1, 2 * garment.mask[rows])
        if not inside.any():
            continue
        lab = to_oklab(garment.image[rows])
        own = _bare_light(lab, around, near, cloth, gain * float(middle[0]))
        weights, along, across = _enlarged(lay, garment.mask.shape, rows)
        pattern = _sampled(tile, weights, along / repeat, across / repeat)
        laid = _lit(pattern, own - float(cloth.base[0]), near - around, gain, float(middle[0]), made.gloss)
        laid = lab + inside[..., None] * (laid - lab)
        changed = inside[core] > 0
        out[rows][core][changed] = to_srgb(laid[core][changed], dither(laid[core].shape)[changed])
    return replace(garment, image=out)


def _lay(cloth: Cloth, parts: list[Part]) -> _Lay:
    """Coordinates of the parts, shifted by the slope of the folds."""
    size = parts[0].weight.shape
    fold = cv2.resize(cloth.near - cloth.around, size[::-1], interpolation=cv2.INTER_LINEAR)
    fold = cv2.GaussianBlur(fold, (0, 0), 0.008 * max(size))
    dy, dx = np.gradient(fold)
    unit = 1 / max(float(np.median(np.abs(np.gradient(parts[0].along)[0]))), 1e-6)  # px of a breadth
    give_x, give_y = (_GIVE * np.tanh(_SLOPE * d * unit / 100 / _GIVE) for d in (dx, dy))
    return _Lay(
        np.stack([p.weight for p in parts]).astype(np.float32),
        np.stack([p.along + give_y for p in parts]).astype(np.float32),
        np.stack([p.across + give_x for p in parts]).astype(np.float32),
    )


def _breadth(garment: Garment, lay: _Lay) -> float:
    """The garment's breadth, the unit of the coordinates, in px of its photo."""
    dy, dx = np.gradient(lay.across[0])
    step = float(np.median(np.hypot(dx, dy)))
    return garment.mask.shape[1] / lay.across.shape[2] / max(step, 1e-6)


def _bare_light(lab: np.ndarray, around: np.ndarray, near: np.ndarray, cloth: Cloth, wished: float) -> np.ndarray:
    """Lightness (H, W) of the cloth as if it had no print."""
    weight = base_weight(cloth, lab, around)
    if len(cloth.others) or cloth.share < 0.995:
        radius = max(1, round(max(lab.shape[:2]) / 250))
        weight = cv2.erode(weight, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))  # print bleeds into its edge
        weight = cv2.GaussianBlur(weight, (0, 0), radius)
    light = calmed(lab[..., 0], wished / max(float(cloth.base[0]), 0.05))
    plain = near + min(1.0, _GRAIN / max(cloth.grain, 1e-6)) * (light - near)
    return near + np.clip((weight - 0.5) / 0.4, 0, 1) * (plain - near)


def _enlarged(lay: _Lay, size: tuple[int, ...], rows: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lay's fields in some rows of the photo."""
    h, w = lay.along.shape[1:]
    x = ((np.arange(size[1]) + 0.5) * w / size[1] - 0.5).astype(np.float32)
    y = ((np.arange(rows.start, rows.stop) + 0.5) * h / size[0] - 0.5).astype(np.float32)
    grid = np.meshgrid(x, y)

    def large(field: np.ndarray) -> np.ndarray:
        return cv2.remap(field, grid[0], grid[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    stacks = [np.stack([large(f) for f in fields]) for fields in (lay.weights, lay.along, lay.across)]
    return stacks[0], stacks[1], stacks[2]


def _sampled(tile: np.ndarray, weights: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The tile at coordinates in tile breadths, (H, W, 3); the middle line runs through the tile's middle."""
    h, w = tile.shape[:2]
    padded = np.pad(tile, ((2, 2), (2, 2), (0, 0)), mode="wrap")  # for the interpolation at its edges
    total = np.maximum(weights.sum(0), 1e-4)
    out = np.zeros((*weights.shape[1:], 3), np.float32)
    for weight, v, u in zip(weights, along, across, strict=True):
        if not (weight > 1e-3).any():
            continue
        x = np.mod(u * w + w / 2, w) + 1.5
        y = np.mod(v * w, h) + 1.5
        seen = cv2.remap(padded, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
        out += (weight / total)[..., None] * seen
    bare = total <= 1e-4
    if bare.any():
        out[bare] = tile.reshape(-1, 3).mean(0)
    return out


def _lit(
    pattern: np.ndarray, difference: np.ndarray, fold: np.ndarray, gain: float, middle: float, gloss: float
) -> np.ndarray:
    """The pattern under the garment's light.

    Args:
        difference: (H, W), lightness of the old cloth less its median; fold: the smooth part of it, by region.
        gain, middle: how much deeper folds get, and the pattern's median lightness.
        gloss: a glossy cloth has deeper, smoother folds and highlights on them.
    """
    if gloss:
        grain = difference - fold
        difference = difference + gloss * (1.1 * fold - 0.3 * (grain - cv2.GaussianBlur(grain, (0, 0), 3.0)))
    out = pattern * (bent(middle, gain * difference) / middle)[..., None]
    out[..., 0] = np.minimum(out[..., 0], 0.985)
    if gloss:
        shine = gloss * np.clip(gain * fold / 0.05, 0, 1) ** 2 * 0.16
        out[..., 0] += shine * (1 - out[..., 0])
    return out

"""What of a garment is base cloth and what is print, and how light falls on the cloth.

The colours inside of the matte are gathered in a few clusters of (lightness, a / L, b / L), see `oklab`: in folds these
ratios stay, so a fold is no other colour. Clusters without a dip of frequency between them are one colour (shading runs
through all steps between light and dark, a print does not). The largest is the base cloth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .oklab import to_oklab

#: Longer side, px, at which a garment is studied.
LOOK = 360
#: Below this lightness the ratios a / L drown in noise and fade out.
DARK = 0.28
#: Weight of lightness beside the two ratios.
LIGHT_WEIGHT = 0.45
#: A pixel this far from the cloth's ratios (begin, end of the transition) is print.
FAR = (0.11, 0.2)
#: The same for lightness above, below that of the cloth round it: small prints in black, grey and white.
ABOVE, BELOW = (0.2, 0.32), (0.24, 0.36)
#: Clusters; their smallest share; how deep the dip of frequency between two colours is, as a share of the lower one.
_CLUSTERS, _SMALLEST, _DIP = 8, 0.004, 0.3
#: Percent of the pixels that are looked at for colours: those with the least change beside them.
_FLAT = 65


@dataclass(frozen=True)
class Cloth:
    """A garment's base cloth.

    Args:
        base: float32 (3,), OKLab: the median of the base cloth.
        share: of the garment that is base cloth, 0..1.
        centres: float32 (K, 3), features of the base's clusters.
        others: float32 (M, 3), features of the print's clusters, maybe none.
        around: float32 (h, w), lightness of the cloth by region, prints bridged, reduced to `LOOK`.
        near: the same by closer region: with the folds, without grain and small patterns.
        tint: float32 (h, w, 2), a / L and b / L by region, likewise.
        spread: standard deviation of the base cloth's lightness.
        peak: how far its highlights (98th percentile) lie above its median.
        dip: how far its shadows (2nd percentile) lie below its median.
        grain: usual deviation of lightness from `near`: yarns, small patterns; not seams, which are few.
    """

    base: np.ndarray
    share: float
    centres: np.ndarray
    others: np.ndarray
    around: np.ndarray
    near: np.ndarray
    tint: np.ndarray
    spread: float
    peak: float
    dip: float
    grain: float


def features(lab: np.ndarray) -> np.ndarray:
    """float32 (..., 3) OKLab to (weighted L, a ratio, b ratio)."""
    light = lab[..., :1]
    return np.concatenate([light * LIGHT_WEIGHT, lab[..., 1:] / np.maximum(light, DARK)], -1).astype(np.float32)


def study(image: np.ndarray, mask: np.ndarray) -> Cloth:
    """Find the base cloth.

    Args:
        image: uint8 (H, W, 3); mask: float32 (H, W) in [0, 1], the garment's matte.

    Raises:
        ValueError: nothing is inside of the matte.
    """
    small, inside = reduced(image, mask)
    lab = to_oklab(small)
    found = features(cv2.GaussianBlur(lab, (0, 0), 0.7))
    pool = found[_flat(found, inside)]
    labels, centres = _clusters(pool)
    groups = _groups(pool, labels, centres)
    counts = np.bincount(groups[labels], minlength=len(centres))
    main = int(counts.argmax())
    share = counts / counts.sum()
    own = centres[groups == main]
    others = centres[[g != main and share[g] >= _SMALLEST for g in groups]]
    weight = _near(found, own, others) * inside
    light = lab[..., 0]
    for _ in range(2):
        around = _spread(light, weight)
        weight = _near(found, own, others) * _level(light - around) * inside
    sure = weight > 0.8
    if sure.sum() < 16:
        sure = inside
    base = np.median(lab[sure], axis=0).astype(np.float32)
    ratio = np.stack([_spread(found[..., i], weight, 0.05) for i in (1, 2)], -1)
    clean = cv2.erode(np.clip((weight - 0.8) / 0.2, 0, 1).astype(np.float32), np.ones((3, 3), np.uint8))
    clean = clean if clean.sum() > 0.2 * weight.sum() else weight
    around, near = _spread(light, clean), _spread(light, clean, 0.009)
    low, high = np.percentile(light[sure], (2, 98))
    spread = float(np.std(np.clip(light[sure], low, high)))
    grain = 1.48 * float(np.median(np.abs(light - near)[sure]))
    part, peak, dip = float(sure.sum() / inside.sum()), float(high - base[0]), float(base[0] - low)
    return Cloth(base, part, own, others, around, near, ratio, spread, peak, dip, grain)


def base_weight(cloth: Cloth, lab: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Share of base cloth in each pixel, 0 (print) to 1.

    Args:
        lab: float32 (H, W, 3) OKLab.
        around: float32 (H, W), `Cloth.around` at the same places.
    """
    calm = lab.copy()
    calm[..., 1:] = cv2.GaussianBlur(lab[..., 1:], (0, 0), 1.0)
    weight = _near(features(calm), cloth.centres, cloth.others) * _level(lab[..., 0] - around)
    return cv2.GaussianBlur(weight, (0, 0), 0.6)


def reduced(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture at `LOOK` px, uint8, and where the garment surely is, bool. Raises ValueError for an empty matte."""
    scale = min(1.0, LOOK / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    matte = cv2.resize(np.ascontiguousarray(mask, np.float32), size, interpolation=cv2.INTER_AREA)
    inner = cv2.erode((matte > 0.9).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for inside in (inner, matte > 0.5):
        if inside.sum() >= 16:
            return small, inside
    raise ValueError("nothing is inside of the matte")


def _flat(found: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Pixels beside which no other colour lies: between two colours there are mixtures, and those would join them."""
    kernel = np.ones((3, 3), np.uint8)
    change = sum(cv2.morphologyEx(np.ascontiguousarray(found[..., i]), cv2.MORPH_GRADIENT, kernel) for i in range(3))
    return inside & (change <= np.percentile(change[inside], _FLAT))


def _clusters(pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """k-means with far-apart seeds: labels (N,) and centres (K, 3)."""
    rng = np.random.default_rng(0)
    some = pool if len(pool) <= 6000 else pool[rng.choice(len(pool), 6000, replace=False)]
    seeds = [np.median(some, axis=0)]
    nearest = np.full(len(some), np.inf, np.float32)
    for _ in range(_CLUSTERS - 1):
        nearest = np.minimum(nearest, ((some - seeds[-1]) ** 2).sum(1))
        chance = nearest / max(float(nearest.sum()), 1e-9)
        seeds.append(some[rng.choice(len(some), p=chance / chance.sum())] if nearest.sum() > 1e-9 else seeds[0])
    centres = np.stack(seeds).astype(np.float32)
    for _ in range(15):
        labels = _distances(some, centres).argmin(1)
        for k in range(len(centres)):
            if (labels == k).any():
                centres[k] = some[labels == k].mean(0)
    return _distances(pool, centres).argmin(1), centres


def _distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(..., 3) and (K, 3) to (..., K)."""
    return np.stack([np.sqrt(((points - c) ** 2).sum(-1)) for c in centres], -1)


def _groups(pool: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Clusters that are one colour: group number (K,) of each."""
    groups = np.arange(len(centres))
    for i in range(len(centres)):
        for j in range(i):
            if groups[i] != groups[j] and _one_colour(pool, labels, centres, i, j):
                groups[groups == groups[i]] = groups[j]
    return groups


def _one_colour(pool: np.ndarray, labels: np.ndarray, centres: np.ndarray, i: int, j: int) -> bool:
    way = centres[j] - centres[i]
    length = float(np.sqrt((way**2).sum()))
    if length < 0.035:
        return True
    if float(np.hypot(way[1], way[2])) > 0.16:
        return False
    both = pool[(labels == i) | (labels == j)]
    along = (both - centres[i]) @ way / length**2
    counts = np.histogram(along, bins=9, range=(-0.286, 1.286))[0].astype(float)  # bins of 1 / 5.7 of the way
    counts = np.convolve(counts, [0.25, 0.5, 0.25], "same")
    return bool(counts[3:6].min() > _DIP * min(counts[:4].max(), counts[5:].max()))


def _near(found: np.ndarray, own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much a pixel is base cloth, by its colour: on the way from base to print it falls from 1 to 0."""
    away = np.min([np.hypot(found[..., 1] - c[1], found[..., 2] - c[2]) for c in own], axis=0)
    weight = 1 - _ramp(away, *FAR)
    if len(others):
        mine, theirs = _distances(found, own).min(-1), _distances(found, others).min(-1)
        weight = weight * np.clip((theirs / np.maximum(mine + theirs, 1e-6) - 0.2) / 0.6, 0, 1)
    return weight.astype(np.float32)


def _level(difference: np.ndarray) -> np.ndarray:
    return (1 - _ramp(difference, *ABOVE)) * (1 - _ramp(-difference, *BELOW))


def _ramp(value: np.ndarray, begin: float, end: float) -> np.ndarray:
    t = np.clip((value - begin) / (end - begin), 0, 1)
    return t * t * (3 - 2 * t)


def _spread(value: np.ndarray, weight: np.ndarray, reach: float = 0.03) -> np.ndarray:
    """A smooth picture (h, w) of `value` where `weight` is, carried on to where it is not."""
    out = np.full(value.shape, float((value * weight).sum() / max(float(weight.sum()), 1e-6)), np.float32)
    for factor in (8.0, 3.0, 1.0):  # coarse to fine
        sigma = factor * reach * max(value.shape)
        mass = _blurred(weight, sigma)
        local = _blurred(value * weight, sigma) / np.maximum(mass, 1e-6)
        trust = np.clip(mass / 0.15, 0, 1)
        out = out * (1 - trust) + local * trust
    return out


def _blurred(value: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur, the wide ones on a reduced picture."""
    size = value.shape[1::-1]
    step = max(1, min(int(sigma / 3), min(size) // 8))
    small = value.astype(np.float32)
    if step > 1:
        small = cv2.resize(small, (size[0] // step, size[1] // step), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return small if step == 1 else cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)

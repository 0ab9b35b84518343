"""Background that large clothes hid, continued from what is seen of it: patches of the picture itself, put together.

Railings, kerbs and walls go on behind a coat; a smooth filling, or one mirrored at the coat's outline, shows the coat's
shape. Source: Wexler, Shechtman and Irani, "Space-Time Completion of Video", PAMI 2007 (each patch of the filling is to
look like one of the picture; patches vote for colours), here with exact nearest neighbours of the patches' coarse
cosine coefficients, which prefer to lie on the same height, and neighbouring places drawn to the same displacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .fill import push_pull

#: Side of a patch and half of it, px of the reduced picture.
SIDE, HALF = 7, 3
#: (reduction, rounds, order of the cosine coefficients) from coarse to fine.
LEVELS = ((8, 3, 4), (4, 1, 3))
#: What a displacement costs, grey values per canvas px and pixel of a patch: up or down, and aside.
CLIMB, ASIDE = 0.5, 0.17
#: At most so many patches of the picture are looked at.
MOST = 2000
#: What a neighbour with another displacement costs, in eighths of the usual difference of patches.
APART = 3.0
#: How often neighbours are drawn to each other's displacement at the end of a reduction.
AGREED = 5
#: Confidence of a place falls to a third in so many canvas px from what is seen.
TRUST = 24.0


@dataclass(frozen=True)
class _Level:
    """A filling at one reduction.

    Args:
        picture: float32 (h, w, 3); down, aside: int (h, w), the displacement to the patch that each place looks like.
    """

    picture: np.ndarray
    down: np.ndarray
    aside: np.ndarray


def exemplar_fill(image: np.ndarray, known: np.ndarray, wanted: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Fill `wanted` with patches from `known`.

    Args:
        image: float32 (H, W, 3) in 0..255; known, wanted: bool (H, W).
        start: float32 (H, W, 3), a first filling, equal to `image` where that is known. It is returned outside of
            `wanted`, and everywhere where too little is known.

    Returns:
        float32 (H, W, 3).
    """
    level: _Level | None = None
    for reduction, rounds, order in LEVELS:
        level = _level(image, known, wanted, start, reduction, rounds, _cosines(order), level)
    if level is None:
        return start
    height, width = known.shape
    small = (level.picture.shape[1], level.picture.shape[0])
    step = LEVELS[-1][0]
    away = np.dstack([level.aside, level.down]).astype(np.float32)
    shift = cv2.resize(away, (width, height), interpolation=cv2.INTER_NEAREST) * step
    map_x = np.arange(width, dtype=np.float32)[None] + shift[..., 0]
    map_y = np.arange(height, dtype=np.float32)[:, None] + shift[..., 1]
    coarse = cv2.resize(
        cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_CUBIC
    )
    detail = cv2.remap(image - coarse, map_x, map_y, cv2.INTER_LINEAR)
    # where displacements change from place to place, detail would be a grid of scraps
    same = np.ones(away.shape[:2], np.float32)
    for axis in (0, 1):
        same *= np.abs(np.diff(away, axis=axis, append=np.take(away, [-1], axis))).max(-1) == 0
    together = cv2.resize(cv2.blur(same, (3, 3)), (width, height), interpolation=cv2.INTER_LINEAR)
    filled = cv2.resize(level.picture, (width, height), interpolation=cv2.INTER_CUBIC)
    filled += detail * np.clip(2 * together, 0, 1)[..., None]
    share = cv2.GaussianBlur((~known).astype(np.float32), (0, 0), 1.5) * wanted
    return start + (np.clip(filled, 0, 255) - start) * share[..., None]


def _cosines(order: int) -> list[np.ndarray]:
    """The patches' cosine transform, coefficients u + v < order: kernels float32 (SIDE, SIDE), orthonormal."""
    k = np.arange(SIDE) + 0.5
    waves = [np.cos(np.pi * k * u / SIDE) * np.sqrt((1 if u == 0 else 2) / SIDE) for u in range(order)]
    return [np.outer(waves[u], waves[v]).astype(np.float32) for u in range(order) for v in range(order - u)]


def _features(picture: np.ndarray, kernels: list[np.ndarray], reduction: int) -> np.ndarray:
    """What the patch round each place looks like, and where it is: float32 (h, w, n)."""
    looks = [cv2.filter2D(picture[..., c], -1, k, borderType=cv2.BORDER_REFLECT) for c in range(3) for k in kernels]
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32) * (SIDE * reduction)
    return np.dstack([*looks, CLIMB * y, ASIDE * x])


def _level(
    image: np.ndarray,
    known: np.ndarray,
    wanted: np.ndarray,
    start: np.ndarray,
    reduction: int,
    rounds: int,
    kernels: list[np.ndarray],
    coarser: _Level | None,
) -> _Level | None:
    """One reduction's filling; None where there is nothing to fill, or too little to fill it with."""
    h, w = known.shape[0] // reduction, known.shape[1] // reduction
    seen = cv2.resize(known.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA) > 0.999
    picture = cv2.resize(start, (w, h), interpolation=cv2.INTER_AREA)
    if coarser is not None:
        finer = cv2.resize(coarser.picture, (w, h), interpolation=cv2.INTER_CUBIC)
        picture = np.where(seen[..., None], picture, finer)
    hole = (cv2.resize(wanted.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA) > 0) & ~seen
    patch = np.ones((SIDE, SIDE), np.uint8)
    source = cv2.erode(seen.astype(np.uint8), patch, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    place = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for edge in (place[:HALF], place[-HALF:], place[:, :HALF], place[:, -HALF:]):
        edge[:] = False
    sy, sx = np.nonzero(source)
    ty, tx = np.nonzero(place)
    if len(sy) < 100 or not len(ty):
        return None
    some = np.linspace(0, len(sy) - 1, min(len(sy), MOST)).astype(int)
    sy, sx = sy[some], sx[some]
    away = cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, 3)[ty, tx] * reduction
    trust = np.exp(-away / TRUST)
    first = _features(picture, kernels, reduction)
    looks = first[sy, sx]
    squares = (looks * looks).sum(1)
    current = picture
    down, aside = np.zeros((h, w), np.int32), np.zeros((h, w), np.int32)
    for turn in range(rounds):
        asked = _features(current, kernels, reduction)[ty, tx]
        nearest, far = _nearest(asked, looks, squares)
        down[ty, tx], aside[ty, tx] = sy[nearest] - ty, sx[nearest] - tx
        cost = APART / 8 * float(np.median(far))
        last = turn == rounds - 1
        for _ in range(AGREED if last else 1):
            _agree(down, aside, ty, tx, asked, first, source, place, cost)
        weight = np.exp(-np.minimum(far / (2 * np.percentile(far, 60) + 1e-3), 8)) * trust + 1e-5
        colours, voted = _vote(picture, ty, tx, down[ty, tx], aside[ty, tx], weight)
        if last:  # what the patches miss of the picture along the rim is made up for, less and less inward
            rim = seen & voted
            colours = colours + push_pull((picture - colours) * rim[..., None], rim.astype(np.float32))
        current = np.where((hole & voted)[..., None], colours, picture).astype(np.float32)
    return _Level(current, down, aside)


def _nearest(asked: np.ndarray, looks: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of `looks` (m, d) for each row of `asked` (n, d): its index, and the squared distance."""
    found, far = np.empty(len(asked), np.intp), np.empty(len(asked), np.float32)
    for first in range(0, len(asked), 512):
        part = asked[first : first + 512]
        squared = squares[None] - 2 * (part @ looks.T)
        best = squared.argmin(1)
        found[first : first + 512] = best
        far[first : first + 512] = squared[np.arange(len(part)), best] + (part * part).sum(1)
    return found, np.maximum(far, 0)


def _agree(
    down: np.ndarray,
    aside: np.ndarray,
    ty: np.ndarray,
    tx: np.ndarray,
    asked: np.ndarray,
    first: np.ndarray,
    source: np.ndarray,
    place: np.ndarray,
    cost: float,
) -> None:
    """Each place may take a neighbour's displacement, if the patch there is not much worse; in place.

    One round of iterated conditional modes (Besag 1986) of a Potts model.
    """
    around = [(ty + dy, tx + dx) for dy in (0, -1, 1) for dx in (0, -1, 1)]
    downs, asides = np.stack([down[a] for a in around]), np.stack([aside[a] for a in around])
    inside = np.stack([place[a] for a in around])
    best = np.full(len(ty), np.inf, np.float32)
    chosen = downs[0].copy(), asides[0].copy()
    for k in range(len(around)):
        y, x = ty + downs[k], tx + asides[k]
        valid = inside[k] & (y >= 0) & (y < source.shape[0]) & (x >= 0) & (x < source.shape[1])
        valid[valid] = source[y[valid], x[valid]]
        at = np.flatnonzero(valid)
        differs = ((downs[:, at] != downs[k, at]) | (asides[:, at] != asides[k, at])).sum(0)
        price = ((asked[at] - first[y[at], x[at]]) ** 2).sum(1) + cost * differs
        better = price < best[at]
        at = at[better]
        best[at] = price[better]
        chosen[0][at], chosen[1][at] = downs[k, at], asides[k, at]
    down[ty, tx], aside[ty, tx] = chosen


def _vote(
    picture: np.ndarray, ty: np.ndarray, tx: np.ndarray, down: np.ndarray, aside: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The colours that the patches which lie over each place give it, float32 (h, w, 3), and where any lies: bool (h,
    w)."""
    h, w = picture.shape[:2]
    flat = np.dstack([picture, np.ones((h, w), np.float32)]).reshape(-1, 4)
    sums = np.zeros((h * w, 4), np.float32)
    to, source, share = ty * w + tx, (ty + down) * w + tx + aside, weight[:, None].astype(np.float32)
    for y in range(-HALF, HALF + 1):
        for x in range(-HALF, HALF + 1):
            step = y * w + x
            sums[to + step] += share * flat[source + step]  # no place twice
    total = sums[:, 3:]
    return (sums[:, :3] / np.maximum(total, 1e-12)).reshape(h, w, 3), total[:, 0].reshape(h, w) > 0

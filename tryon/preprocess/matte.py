"""Mattes of garment photos without a network, and the finishing that every matte gets.

`classical_matte` is the teacher and the fallback: GrabCut from several seeds, whose agreement says whether to trust it.
`refine_matte` fits a coarse matte to the edges of the photo; `decontaminate` draws the garment's colours over its rim,
so that nothing of the old background is pasted with it.
"""

from __future__ import annotations

import cv2
import numpy as np

#: Longer side at which GrabCut runs, px.
GRABCUT_SIDE = 256
#: Longer side of the garment at which a network's matte is settled, px.
SETTLE_SIDE = 320
#: Colours that change a network's matte beyond this IoU are not believed.
TRUST = 0.45
#: Colours whose evidence is less than this (see `_evidence`) do not overrule the network.
DECISIVE = 0.2
#: How far the background's hue reaches into a garment, px, and how different (Cr, Cb) it must be from the garment's.
BLEEDING, DIFFERENT = 5, 14.0
#: The largest garment that it is taken from, px, and how coarsely hues farther inside and outside are looked at.
LARGE, STEP = 1000, 4
#: Lightness counts less than colour: shadows.
LAB_WEIGHT = np.array([0.6, 1.0, 1.0], np.float32)


def _extent(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns in which a bool mask has pixels."""
    return np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))


def classical_matte(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Segment the one thing that stands out from the border of the photo.

    Args:
        image: uint8 (H, W, 3).

    Returns:
        mask float32 (H, W) in {0, 1}, and the agreement of the seeds: mean IoU of the single results with their
        majority, 0..1. At .97 and above the mask is nearly always right.
    """
    height, width = image.shape[:2]
    scale = min(1.0, GRABCUT_SIDE / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if float(small.std(axis=(0, 1)).max()) < 2.0:
        return np.zeros((height, width), np.float32), 0.0
    distance = _border_distance(small)
    results = [_grabcut(small, seed) for seed in _seeds(distance)]
    votes = np.mean(results, axis=0)
    majority = largest_part((votes > 0.5).astype(np.float32)) > 0.5
    if not majority.any():
        return np.zeros((height, width), np.float32), 0.0
    ious = [(majority & (r > 0)).sum() / max(1, (majority | (r > 0)).sum()) for r in results]
    mask = cv2.resize(majority.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return (mask > 0.5).astype(np.float32), float(np.mean(ious))


def _border_distance(image: np.ndarray) -> np.ndarray:
    """(h, w): distance in LAB of each pixel to the nearest cluster of border colours, over its 95th percentile."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    band = max(2, min(image.shape[:2]) // 24)
    bands = (lab[:band], lab[:, :band], lab[:, -band:], lab[-band:])
    border = np.concatenate([part.reshape(-1, 3) for part in bands])
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    cv2.setRNGSeed(0)
    _, _, centres = cv2.kmeans(border, 5, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    weighted = lab * LAB_WEIGHT
    distance = np.min([np.linalg.norm(weighted - c * LAB_WEIGHT, axis=2) for c in centres], axis=0)
    distance = cv2.GaussianBlur(distance.astype(np.float32), (0, 0), 1.5)
    return distance / max(1e-3, float(np.percentile(distance, 95)))


def _seeds(distance: np.ndarray) -> list[np.ndarray]:
    """GrabCut label maps: by colour distance (two thresholds), by an ellipse in the middle, by both."""
    height, width = distance.shape
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.hypot((xx - width / 2) / (width / 2), (yy - height / 2) / (height / 2))
    seeds = []
    for score in (distance, distance * 0.8, 1.35 - radius, 0.5 * distance + 0.5 * (1.35 - radius)):
        seed = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
        seed[score > 0.5] = cv2.GC_PR_FGD
        seed[(score < 0.15) & (radius > 0.6)] = cv2.GC_BGD
        edge = max(1, min(height, width) // 60)
        seed[:edge], seed[-edge:], seed[:, :edge], seed[:, -edge:] = (cv2.GC_BGD,) * 4
        seeds.append(seed)
    return seeds


def _grabcut(image: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """uint8 (h, w) in {0, 1}."""
    if not ((seed == cv2.GC_PR_FGD) | (seed == cv2.GC_FGD)).any():
        return np.zeros(seed.shape, np.uint8)
    labels, background, foreground = seed.copy(), np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(image[..., ::-1].copy(), labels, None, background, foreground, 3, cv2.GC_INIT_WITH_MASK)
    mask = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def settle_matte(image: np.ndarray, probability: np.ndarray, sure: float = 0.015) -> np.ndarray:
    """Let the photo's colours decide where a network was unsure: GrabCut seeded with its probabilities.

    Args:
        image: uint8 (H, W, 3); probability: float32 (H, W) in [0, 1].
        sure: what is within this of 0 or 1 is not touched.

    Returns:
        float32 (H, W) in [0, 1], one part.
    """
    height, width = probability.shape
    rows, cols = _extent(probability > 0.2)
    if len(rows) == 0:
        return np.zeros_like(probability)
    pad = round(0.12 * max(np.ptp(rows), np.ptp(cols))) + 2
    y0, y1 = max(0, rows.min() - pad), min(height, rows.max() + pad + 1)
    x0, x1 = max(0, cols.min() - pad), min(width, cols.max() + pad + 1)
    scale = min(1.0, SETTLE_SIDE / max(y1 - y0, x1 - x0))
    size = (max(8, round((x1 - x0) * scale)), max(8, round((y1 - y0) * scale)))
    small = cv2.resize(probability[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    labels = np.where(small > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[small > 1 - sure] = cv2.GC_FGD
    labels[small < sure] = cv2.GC_BGD
    if min(int((labels == cv2.GC_FGD).sum()), int((labels == cv2.GC_BGD).sum())) < 30:
        return largest_part(probability)
    photo = cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(photo[..., ::-1].copy(), labels, None, *models, 2, cv2.GC_INIT_WITH_MASK)
    cut = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
    sure_part = small > 0.5
    unclear = np.abs(_evidence(photo, small)) < DECISIVE
    cut = np.where(unclear & sure_part, 1, cut).astype(np.float32)
    if ((cut > 0) & sure_part).sum() < TRUST * ((cut > 0) | sure_part).sum():
        return largest_part(probability)  # the colours contradict the network: camouflage
    out = np.zeros_like(probability)
    out[y0:y1, x0:x1] = cv2.resize(cut, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    return largest_part(out)


def _evidence(photo: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """How much more often a pixel's colour (and its surroundings') occurs in the garment than around it: the logarithm
    of the ratio, float32 (h, w).

    Args:
        photo: uint8 (h, w, 3); probability: float32 (h, w), of the garment.
    """
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)
    index = ((lab // np.array([16, 16, 16])).astype(np.int64) * np.array([256, 16, 1])).sum(-1)
    counts = []
    for weight in (probability, 1 - probability):
        table = (
            np.bincount(index.ravel(), weights=weight.ravel(), minlength=4096).reshape(16, 16, 16).astype(np.float32)
        )
        for axis in range(3):  # neighbouring colours
            table = table + 0.5 * (np.roll(table, 1, axis) + np.roll(table, -1, axis))
        table = table.ravel() / max(float(table.sum()), 1e-6)
        counts.append(table[index])
    ratio = np.log((counts[0] + 1e-6) / (counts[1] + 1e-6)).astype(np.float32)
    return cv2.GaussianBlur(ratio, (0, 0), 1.5)


def largest_part(mask: np.ndarray, hole_share: float = 0.004) -> np.ndarray:
    """Keep the largest connected part of a soft mask (at .5) and fill its small holes. float32 (H, W) -> same."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    if count <= 1:
        return np.zeros_like(mask)
    best = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    part = (labels == best).astype(np.uint8)
    near = cv2.dilate(part, np.ones((5, 5), np.uint8))
    out = np.where(near > 0, mask, 0).astype(np.float32)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - part, connectivity=4)
    limit = hole_share * float(part.sum())
    for i in range(1, count):
        x, y, w, h, area = stats[i]
        inside = x > 0 and y > 0 and x + w < mask.shape[1] and y + h < mask.shape[0]
        if inside and area < limit:
            out[labels == i] = 1.0
    return out


def part_sizes(mask: np.ndarray) -> list[int]:
    """Areas of the connected parts of a mask (at .5), px, largest first."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    return sorted((int(a) for a in stats[1:, cv2.CC_STAT_AREA]), reverse=True)


def refine_matte(image: np.ndarray, mask: np.ndarray, *, reach: float = 0.012, eps: float = 4e-4) -> np.ndarray:
    """Fit a coarse matte to the edges of the photo, inside a band round its outline.

    Args:
        image: uint8 (H, W, 3); mask: float32 (H, W) in [0, 1], coarse.
        reach: half the width of the band, as a share of the garment's size.
        eps: of the guided filter, of the order of the noise squared.

    Source: He et al., "Guided Image Filtering", ECCV 2010.
    """
    rows, cols = _extent(mask > 0.5)
    if len(rows) == 0:
        return mask
    radius = max(2, round(reach * float(np.hypot(np.ptp(rows), np.ptp(cols)))))
    pad = 4 * radius
    y0, y1 = max(0, rows.min() - pad), min(mask.shape[0], rows.max() + pad + 1)
    x0, x1 = max(0, cols.min() - pad), min(mask.shape[1], cols.max() + pad + 1)
    part = mask[y0:y1, x0:x1]
    fitted = cv2.ximgproc.guidedFilter(np.ascontiguousarray(image[y0:y1, x0:x1]), part, radius, eps * 255**2)
    sharp = np.clip((fitted - 0.5) * 2.0 + 0.5, 0, 1)
    binary = (part > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    band = (cv2.dilate(binary, kernel) - cv2.erode(binary, kernel, borderValue=1)) > 0
    out = np.zeros_like(mask)
    out[y0:y1, x0:x1] = np.where(band, sharp, binary)
    return out


def decontaminate(image: np.ndarray, mask: np.ndarray, *, rim: int | None = None) -> np.ndarray:
    """Draw the garment's own colours out over its rim and beyond, so that no background is pasted with it.

    Pixels of the matte's interior (eroded by `rim`) are unchanged; those up to 4 rims outside take the colour of the
    nearest interior pixel, smoothed; the rest of the photo is unchanged.

    Args:
        image: uint8 (H, W, 3); mask: float32 (H, W) in [0, 1].
        rim: px; by default 0.5 % of the garment's size, at least 2.

    Returns:
        uint8 (H, W, 3), a new array.
    """
    out = image.copy()
    rows, cols = _extent(mask > 0.5)
    if len(rows) == 0:
        return out
    rim = rim if rim is not None else max(2, round(0.004 * float(np.hypot(np.ptp(rows), np.ptp(cols)))))
    pad = 5 * rim
    y0, y1 = max(0, rows.min() - pad), min(mask.shape[0], rows.max() + pad + 1)
    x0, x1 = max(0, cols.min() - pad), min(mask.shape[1], cols.max() + pad + 1)
    part = image[y0:y1, x0:x1]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    inner = cv2.erode((mask[y0:y1, x0:x1] > 0.9).astype(np.uint8), kernel)
    if not inner.any():
        return out
    distance, labels = cv2.distanceTransformWithLabels(1 - inner, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    border = (inner > 0) & (cv2.erode(inner, np.ones((3, 3), np.uint8), borderValue=1) == 0)
    colours[labels[border]] = part[border]  # the nearest one is never farther inside
    ring = (distance > 0) & (distance <= 7 * rim)  # as far as the smoothing below looks
    spread = part.copy()
    spread[ring] = colours[labels[ring]]
    smooth = cv2.GaussianBlur(spread, (0, 0), max(0.8, rim / 2))
    # The smoothed colours come in gradually, so that no seam shows where the interior ends.
    near = (distance > 0) & (distance <= 4 * rim)
    weight = np.clip(distance[near] / (2.0 * rim), 0, 1)[:, None]
    out[y0:y1, x0:x1][near] = (spread[near] * (1 - weight) + smooth[near] * weight).round().astype(np.uint8)
    return out


def without_bleeding(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The garment photo without the background's hue along the garment's rim, where JPEG files carry it several px
    inward (they keep colours at half the resolution).

    In the band inside of the outline the share of the background's hue in each pixel, between the hues of the garment
    farther inside and of the background farther outside, is taken away; brightness stays. Garments larger than
    `LARGE` are shown so much smaller that the band can't be seen.

    Args:
        image: uint8 (H, W, 3); mask: float32 (H, W) in [0, 1].

    Returns:
        uint8 (H, W, 3), the argument itself where nothing changes.
    """
    cloth = (mask > 0.5).astype(np.uint8)
    rows, cols = _extent(cloth > 0)
    if not len(rows) or max(np.ptp(rows), np.ptp(cols)) > LARGE:
        return image
    pad = 3 * BLEEDING
    box = (slice(max(rows[0] - pad, 0), rows[-1] + 1 + pad), slice(max(cols[0] - pad, 0), cols[-1] + 1 + pad))
    part, cloth = image[box], cloth[box]
    near = np.ones((2 * BLEEDING + 1,) * 2, np.uint8)
    inside, outside = cv2.erode(cloth, near), 1 - cv2.dilate(cloth, near)
    y, x = np.nonzero((cloth > 0) & (inside == 0))
    ycc = cv2.cvtColor(part, cv2.COLOR_RGB2YCrCb)
    hues = [_spread(ycc[..., 1:], region, 2.0 * BLEEDING) for region in (inside, outside)]
    spot = y // STEP, x // STEP
    (own, own_known), (other, other_known) = ((hue[spot], known[spot]) for hue, known in hues)
    way = other - own
    length = (way**2).sum(1)
    there = (own_known > 0.02) & (other_known > 0.02) & (length > DIFFERENT**2)
    y, x, own, way, length = y[there], x[there], own[there], way[there], length[there]
    seen = ycc[y, x, 1:].astype(np.float32)
    share = np.clip(((seen - own) * way).sum(1) / length, 0, 1)[:, None]
    ycc[y, x, 1:] = np.clip(seen - share * way, 0, 255).round()
    if not len(y):
        return image
    out = image.copy()
    out[box][y, x] = cv2.cvtColor(ycc[y, x][None], cv2.COLOR_YCrCb2RGB)[0]
    return out


def _spread(values: np.ndarray, region: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean of `values` (H, W, 2) in a region around each `STEP`th pixel, and how much of the region is near."""
    weight = region[::STEP, ::STEP].astype(np.float32)
    near = cv2.GaussianBlur(weight, (0, 0), reach / STEP)
    mean = cv2.GaussianBlur(values[::STEP, ::STEP].astype(np.float32) * weight[..., None], (0, 0), reach / STEP)
    return mean / np.maximum(near, 1e-4)[..., None], near

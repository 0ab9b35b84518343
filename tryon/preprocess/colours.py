"""Which colours a region has: coarse histograms of Lab."""

from __future__ import annotations

import cv2
import numpy as np

#: Bins of L, a and b, where their ranges begin, and how long these are.
BINS, FIRST, SPAN = (6, 10, 10), (0, 68, 68), (256, 120, 120)

_CLIPPED = np.stack(
    [np.clip(np.arange(256), first, first + span - 1) for first, span in zip(FIRST, SPAN, strict=True)], -1
).astype(np.uint8)[None]


def lab_of(canvas: np.ndarray) -> np.ndarray:
    """Lab colours of an RGB picture, uint8 (h, w, 3), strong ones clipped to the range of `histogram`."""
    return cv2.LUT(cv2.cvtColor(canvas, cv2.COLOR_RGB2LAB), _CLIPPED)


def histogram(lab: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Smoothed Lab histogram of a region, float32 `BINS`, sum 1."""
    ranges = [edge for first, span in zip(FIRST, SPAN, strict=True) for edge in (first, first + span)]
    found = cv2.calcHist([lab], [0, 1, 2], region.astype(np.uint8), BINS, ranges)
    padded = np.pad(found, 1)
    for axis in range(3):
        padded = 0.5 * padded + 0.25 * (np.roll(padded, 1, axis) + np.roll(padded, -1, axis))
    found = padded[1:-1, 1:-1, 1:-1]
    return (found / max(float(found.sum()), 1e-6)).astype(np.float32)


def bins_of(lab: np.ndarray) -> np.ndarray:
    """Each pixel's bin: int (h, w), an index into the flattened histogram."""
    bins = (lab - np.array(FIRST, np.int32)) * np.array(BINS) // np.array(SPAN)
    return (bins[..., 0] * BINS[1] + bins[..., 1]) * BINS[2] + bins[..., 2]


def log_odds(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Log odds of each bin's colour in histogram `one` against `other`, near 0 where it is rare in both: float32."""
    return (np.log(one + 0.01) - np.log(other + 0.01)).astype(np.float32)


def colour_odds(lab: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`log_odds` of each pixel: float32 (h, w)."""
    return log_odds(one, other).ravel()[bins_of(lab)]


def common_colours(one: np.ndarray, other: np.ndarray) -> float:
    """Bhattacharyya coefficient of two histograms: 0 no colour in common, 1 the same colours."""
    return float(np.sqrt(one * other).sum())

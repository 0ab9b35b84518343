"""A parse put right by the photo's own colours and edges.

The network has learned clothes in general; which colours this shirt has it can't know. Its own surer pixels tell, and
its borders then follow the edges of the photo.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import NUM_LABELS, Label
from .guided import GuidedFilter

#: Bins of each Lab channel.
BINS = 16
#: Weight of the colours against the network, and how often what they changed is counted anew.
COLOUR_WEIGHT, ROUNDS = 0.7, 2
#: Colours are counted in every so many rows and columns.
STEP = 3
#: Pixels (of the canvas) at which a label's own colours count as much as those of the whole picture.
PRIOR = 500.0
#: Colours alone never speak more strongly than this, in nats a round.
LOUDEST = 1.5
#: Side of the square in which the colours' votes are averaged, canvas px: single pixels would fray the borders.
TOGETHER = 3
#: Radius of the guided filter, canvas px, and its epsilon, on colours 0..1.
RADIUS, EPSILON = 4, 2e-4

#: Background that is less sure than this is near the person; so many canvas px round it are looked at, too.
CERTAIN, MARGIN = 0.02, 8


def _active(shares: np.ndarray) -> np.ndarray:
    """The labels that are the likeliest anywhere, or nearly: int (n,)."""
    return np.flatnonzero(shares.reshape(len(shares), -1).max(1) * NUM_LABELS > 1)


def _smoothed(counts: np.ndarray) -> np.ndarray:
    """Histograms (n, BINS, BINS, BINS) blurred by one bin, the outermost ones repeated."""
    kernel = np.array([0.25, 0.5, 0.25], np.float32)
    for table in counts:
        flat = table.reshape(BINS * BINS, BINS)
        flat[:] = cv2.filter2D(flat, -1, kernel[None], borderType=cv2.BORDER_REPLICATE)
        for plane in table:
            plane[:] = cv2.filter2D(plane, -1, kernel[:, None], borderType=cv2.BORDER_REPLICATE)
        wide = table.reshape(BINS, BINS * BINS)
        wide[:] = cv2.filter2D(wide, -1, kernel[:, None], borderType=cv2.BORDER_REPLICATE)
    return counts


def by_colour(shares: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """Class probabilities weighed by how common each pixel's colour is among the pixels of each class.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities; canvas: uint8 (h, w, 3) RGB.

    Returns:
        float32 (NUM_LABELS, h, w), sum 1; labels that lead nowhere are 0.

    Source: the colour models of GrabCut (Rother et al., SIGGRAPH 2004), here histograms with soft assignment.
    """
    light, green_red, blue_yellow = cv2.split(cv2.cvtColor(canvas, cv2.COLOR_RGB2LAB) // (256 // BINS))
    bins = (light.astype(np.intp) * BINS + green_red) * BINS + blue_yellow
    active = _active(shares)
    given = np.maximum(shares[active], 1e-5)
    few, seen = given[:, ::STEP, ::STEP].reshape(len(active), -1), bins[::STEP, ::STEP].ravel()
    total = np.zeros((len(active), BINS**3), np.float32)
    for _ in range(ROUNDS):
        counts = np.stack([np.bincount(seen, weights=share, minlength=BINS**3) for share in few]).astype(np.float32)
        counts = _smoothed(counts.reshape(-1, BINS, BINS, BINS)).reshape(len(active), -1)
        common = counts.sum(0) / counts.sum()
        prior = PRIOR / STEP**2
        likely = (counts + prior * common + 1e-9) / (counts.sum(1, keepdims=True) + prior)
        gain = np.clip(COLOUR_WEIGHT * np.log(likely / (common + 1e-9)), -LOUDEST, LOUDEST)
        bag = active == Label.BAG  # it shines, and often has the colours of shoes, belt or coat
        gain[bag] = np.maximum(gain[bag], 0)
        total += gain
        few = few * np.exp(gain).take(seen, axis=1)
        few /= few.sum(0)
    votes = [cv2.blur(table.take(bins), (TOGETHER, TOGETHER)) for table in total]
    weighed = np.exp(np.stack(votes)) * given
    weighed /= weighed.sum(0)
    out = np.zeros_like(shares)
    out[active] = weighed
    return out


def along_edges(shares: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """Class probabilities whose borders follow the edges of the picture: a guided filter of each class.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities; canvas: uint8 (h, w, 3) RGB.

    Returns:
        float32 (NUM_LABELS, h, w), no longer exactly of sum 1.

    Source: He et al., "Guided Image Filtering", ECCV 2010; coefficients at half size as in He and Sun, "Fast Guided
    Filter", 2015.
    """
    height, width = shares.shape[1:]
    size = (max(width // 2, 1), max(height // 2, 1))
    colours = [np.ascontiguousarray(c) for c in cv2.split(canvas.astype(np.float32) / 255)]
    small = np.dstack([cv2.resize(c, size, interpolation=cv2.INTER_AREA) for c in colours])
    guided = GuidedFilter(small, RADIUS // 2, EPSILON)  # at half size
    out = np.zeros_like(shares)
    full = (width, height)
    for label in _active(shares):
        slopes, offset = guided.coefficients(cv2.resize(shares[label], size, interpolation=cv2.INTER_AREA))
        fitted = cv2.resize(offset, full)
        for slope, colour in zip(slopes, colours, strict=True):
            fitted += cv2.resize(slope, full) * colour
        out[label] = fitted
    return out


def refine(shares: np.ndarray, canvas: np.ndarray, first_row: int = 0) -> np.ndarray:
    """`by_colour`, then `along_edges`, round the person.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities; canvas: uint8 (h, w, 3) RGB.
        first_row: what lies above it stays as it is.

    Returns:
        float32 (NUM_LABELS, h, w).
    """
    someone = shares[Label.BACKGROUND] < 1 - CERTAIN
    someone[:first_row] = False
    rows, columns = np.flatnonzero(someone.any(1)), np.flatnonzero(someone.any(0))
    if not len(rows):
        return shares
    around = (
        slice(max(rows[0] - MARGIN, 0), rows[-1] + MARGIN + 1),
        slice(max(columns[0] - MARGIN, 0), columns[-1] + MARGIN + 1),
    )
    part, picture = np.ascontiguousarray(shares[:, *around]), np.ascontiguousarray(canvas[around])
    out = shares.copy()
    out[:, *around] = along_edges(by_colour(part, picture), picture)
    return out

"""Small operations on masks and label maps that the stages share."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import Label


def is_label(parse: np.ndarray, *labels: Label) -> np.ndarray:
    """Where a label map, uint8 (h, w), has one of `labels`: bool (h, w)."""
    table = np.zeros(256, np.uint8)
    table[[int(x) for x in labels]] = 1
    return cv2.LUT(parse, table).view(bool)


def likeliest(shares: np.ndarray) -> np.ndarray:
    """The class of the highest share, the first of equals: uint8 (h, w), as `argmax(0)`, ten times as fast.

    Args:
        shares: float32 (n, h, w), n at most 256.
    """
    best, labels = shares[0].copy(), np.zeros(shares.shape[1:], np.uint8)
    for label in range(1, len(shares)):
        higher = cv2.compare(shares[label], best, cv2.CMP_GT)
        cv2.max(labels, cv2.bitwise_and(higher, label), dst=labels)
        cv2.max(best, shares[label], dst=best)
    return labels


def dilate(mask: np.ndarray, px: float) -> np.ndarray:
    """A uint8 or float32 mask (h, w) grown by a disc of `px`, at least 1."""
    r = max(round(px), 1)
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)))


def sizeable(mask: np.ndarray, least: float) -> np.ndarray:
    """The connected pieces of a bool mask (h, w) that have at least `least` px."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return large[parts] if count > 1 else mask


def at_points(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A mask (h, w) at the pixels in which points (..., 2) lie, or the nearest ones at its border: (...)."""
    x, y = (np.clip(np.rint(points[..., k] - 0.5), 0, mask.shape[1 - k] - 1).astype(int) for k in (0, 1))
    return mask[y, x]


def joined_to(pieces: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The connected pieces of a bool mask (h, w) that lie within 3 px of `other`."""
    count, found = cv2.connectedComponents(pieces.astype(np.uint8))
    touching = np.zeros(count, bool)
    touching[np.unique(found[(dilate(other.astype(np.uint8), 3) > 0) & pieces])] = True
    touching[0] = False
    return touching[found]


def soften(edit: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """An edit region with soft edges: float32 (h, w) in [0, 1], at least .5 inside, at most .35 on what is kept.

    Beside what is kept it is at least .85: that edge is one between two things in the photo, and a softer one would
    leave a line of the old garment along arms and hair.

    Args:
        edit, keep: bool (h, w).
    """
    soft = cv2.GaussianBlur(edit.astype(np.float32), (0, 0), 1.0)
    beside = dilate(keep.astype(np.uint8), 2) > 0
    soft = np.where(keep, np.minimum(soft, 0.35), np.where(edit, np.maximum(soft, np.where(beside, 0.85, 0.5)), soft))
    return np.where(soft < 0.02, 0, soft).astype(np.float32)


def patch(mask: np.ndarray, margin: int = 8) -> tuple[slice, slice]:
    """Rows and columns of the box round what is set in a mask (h, w), or of everything where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(None), slice(None)
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


def below_last(mask: np.ndarray) -> np.ndarray:
    """The row after the last one that is set, for each column of a mask (h, w); h where none is: int (w,)."""
    return np.where(mask.any(0), len(mask) - mask[::-1].argmax(0), len(mask))

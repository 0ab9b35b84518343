"""Gaps between a sleeve and the body in a garment photo that the matte closed."""

from __future__ import annotations

import cv2
import numpy as np

#: Gaps are looked for so far round the place where sleeve and body part, as a share of the garment's diagonal.
REACH = 0.035
#: A pixel is background if its colour is this much nearer to the background's than to the garment's, and the two differ
#: by more than this (Lab).
NEARER, APART = 0.5, 20.0
#: What is thicker than twice this share of the garment's diagonal is no gap.
THICK = 0.03
#: Smaller gaps are left closed, as a share of the garment's area.
LEAST = 4e-4


def open_gaps(image: np.ndarray, mask: np.ndarray, landmarks: dict[str, tuple[float, float] | None]) -> np.ndarray:
    """Cut out of the matte what lies between a hanging sleeve and the body and has the colour of the background there.

    Without it the background is warped with the garment, and shows under the armpit.

    Args:
        image: uint8 (H, W, 3); mask: float32 (H, W) in [0, 1].
        landmarks: photo px; sides whose armpit, sleeve end or hem is missing are left alone.

    Returns:
        float32 (H, W), `mask` itself where there is nothing to cut.
    """
    area = float((mask > 0.5).sum())
    out = mask
    for side in ("left", "right"):
        marks = [landmarks.get(f"{name}_{side}") for name in ("armpit", "sleeve_in", "hem")]
        if any(m is None for m in marks):
            continue
        armpit, cuff, hem = (np.array(m, np.float32) for m in marks)
        run = hem - armpit
        length = float(np.linalg.norm(run))
        down = float((cuff - armpit) @ run) / max(length, 1.0)
        if down < 0.25 * length:
            continue  # the sleeve is spread out: no narrow gap is there
        beside = armpit + run * min(down / max(length, 1.0), 1.0)
        outer = [landmarks.get(f"{name}_{side}") for name in ("shoulder", "sleeve_out")]
        if any(m is None for m in outer):
            continue
        sleeve = np.stack([armpit, *(np.array(m, np.float32) for m in outer), cuff])
        gap = _gap(image, mask, np.stack([armpit, cuff, beside]), sleeve, area)
        if gap is not None:
            out = np.minimum(out, 1 - cv2.GaussianBlur(gap.astype(np.float32), (0, 0), 0.8))
    return out


def _gap(
    image: np.ndarray, mask: np.ndarray, corners: np.ndarray, sleeve: np.ndarray, area: float
) -> np.ndarray | None:
    """Background inside of the matte in a zone round a triangle: bool (H, W), or None.

    Args:
        corners, sleeve: (3, 2) and (4, 2) px, the zone and the sleeve's outline.
    """
    h, w = mask.shape
    reach = max(REACH * float(np.sqrt(2 * area)), 3.0)
    around = np.concatenate([corners, sleeve])
    low = np.clip(np.floor(around.min(0) - 3 * reach), 0, (w - 1, h - 1)).astype(int)
    high = np.clip(np.ceil(around.max(0) + 3 * reach), 0, (w, h)).astype(int)
    if (high - low < 8).any():
        return None
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    zone = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(zone, [np.round(corners - low).astype(np.int32)], 1)
    near = cv2.distanceTransform(1 - zone, cv2.DIST_L2, 3) <= reach
    cloth = mask[part] > 0.5
    rim = np.ones((5, 5), np.uint8)
    outside = cv2.dilate(cloth.astype(np.uint8), rim) == 0
    solid = cv2.erode(cloth.astype(np.uint8), rim) > 0
    inside = solid & ~near
    arm = cv2.fillPoly(np.zeros_like(zone), [np.round(sleeve - low).astype(np.int32)], 1) > 0
    arm &= solid & (zone == 0)
    if outside.sum() < 40 or inside.sum() < 40 or not (cloth & near).any():
        return None
    lab = cv2.cvtColor(image[part].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.8)
    background = np.median(lab[outside], axis=0)
    garment = [np.median(lab[m], axis=0) for m in (inside, arm) if m.sum() >= 40]
    if min(float(np.linalg.norm(background - colour)) for colour in garment) < APART:
        return None
    # shadows: a gap is darker than the open ground, in its hue
    weight = np.array([0.5, 1.0, 1.0], np.float32)
    away, *own = (np.linalg.norm((lab - colour) * weight, axis=-1) for colour in (background, *garment))
    found = cloth & near & (away < NEARER * np.minimum.reduce(own))
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(found)
    large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= LEAST * area]
    thick = float(cv2.distanceTransform(np.isin(pieces, large).astype(np.uint8), cv2.DIST_L2, 3).max()) if large else 0
    if not large or thick > THICK * float(np.sqrt(2 * area)):
        return None
    out = np.zeros((h, w), bool)
    out[part] = cv2.dilate(np.isin(pieces, large).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return out

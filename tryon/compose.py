"""Back into the photo, at the photo's own size.

Rounding
    Blended values are rounded half to even and clipped to 0..255. Where the edit mask is 0 the bytes of the photo are
    copied, never computed.
"""

from __future__ import annotations

import cv2
import numpy as np

from .geometry import Placement

Box = tuple[int, int, int, int]


def compose(
    photo: np.ndarray,
    canvas_rgb: np.ndarray,
    canvas_alpha: np.ndarray,
    placement: Placement,
    edit_mask: np.ndarray,
) -> np.ndarray:
    """Blend a rendered canvas into the photo.

    Args:
        photo: uint8 (H, W, 3), not modified.
        canvas_rgb: float32 (h, w, 3) in [0, 1].
        canvas_alpha: float32 (h, w) in [0, 1], opacity of the render.
        placement: of the (h, w) canvas in the photo.
        edit_mask: float32 (H, W) in [0, 1], 1 = may change. It multiplies the opacity.

    Returns:
        uint8 (H, W, 3), bit-identical to the photo where `edit_mask` is 0 and outside of the placement's window.
    """
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"photo must be uint8 (H, W, 3), got {photo.dtype} {photo.shape}")
    size = (placement.height, placement.width)
    if canvas_rgb.shape != (*size, 3) or canvas_alpha.shape != size:
        raise ValueError(
            f"canvas_rgb {canvas_rgb.shape} and canvas_alpha {canvas_alpha.shape} must have the placement's size {size}"
        )
    if edit_mask.shape != photo.shape[:2]:
        raise ValueError(f"edit_mask {edit_mask.shape} must have the photo's size {photo.shape[:2]}")
    result = photo.copy()
    box = edit_box(edit_mask)
    if box is None:
        return result
    x0, y0, x1, y1 = box
    opacity = spread(canvas_alpha, placement, box, outside=0.0) * edit_mask[y0:y1, x0:x1]
    blend(result[y0:y1, x0:x1], spread(canvas_rgb, placement, box), opacity)
    return result


def edit_box(mask: np.ndarray) -> Box | None:
    """(x0, y0, x1, y1) px, exclusive ends, round the pixels of a mask that are above 0; None if there are none."""
    rows, columns = np.flatnonzero((mask > 0).any(axis=1)), np.flatnonzero((mask > 0).any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def blend(target: np.ndarray, rgb: np.ndarray, opacity: np.ndarray) -> None:
    """Blend float `rgb` (h, w, 3) in [0, 1] into uint8 `target` (h, w, 3), in place; 0 leaves the bytes alone."""
    change = opacity > 0
    a = np.clip(opacity, 0, 1)[change][:, None]
    mixed = target[change] * (1 - a) + rgb[change] * (255 * a)
    target[change] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def spread(canvas: np.ndarray, placement: Placement, box: Box, *, outside: float | None = None) -> np.ndarray:
    """Resample a canvas-sized picture to the pixels of a box of the photo.

    Args:
        canvas: float32 (h, w) or (h, w, 3), h:w as the placement's canvas.
        box: (x0, y0, x1, y1) photo px, exclusive ends.
        outside: value beyond the canvas; None repeats its border.

    Returns:
        float32 (y1 - y0, x1 - x0[, 3]), clipped to [0, 1].
    """
    x0, y0, x1, y1 = box
    scale = placement.scale * canvas.shape[0] / placement.height
    source = canvas.astype(np.float32, copy=False)
    if scale > 1.5:  # the photo is coarser than the canvas: average first, against aliasing
        small = (max(1, round(canvas.shape[1] / scale)), max(1, round(canvas.shape[0] / scale)))
        source = cv2.resize(source, small, interpolation=cv2.INTER_AREA)
    width, height = placement.width / placement.scale, placement.height / placement.scale
    sx, sy = source.shape[1] / width, source.shape[0] / height
    # cv2 puts pixel centres at integers, hence the half-pixel shifts.
    matrix = np.array(
        [
            [1 / sx, 0, placement.x0 + 0.5 / sx - 0.5 - x0],
            [0, 1 / sy, placement.y0 + 0.5 / sy - 0.5 - y0],
        ]
    )
    result = cv2.warpAffine(
        source,
        matrix,
        (x1 - x0, y1 - y0),
        flags=cv2.INTER_CUBIC if sx < 1 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT,
        borderValue=0 if outside is None else (outside,) * 4,
    )
    return np.clip(result, 0, 1)

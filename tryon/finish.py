"""From layers on the canvas to the photo at its own size.

The garment's texture is sampled from the garment photo once more, at the photo's density, through the upsampled
maps; the
network's alpha and light, smooth by nature, are upsampled. So a print is as sharp as the garment photo allows.
"""

from __future__ import annotations

import cv2
import numpy as np

from .compose import Box, blend, edit_box, spread
from .engines.base import Render
from .inputs import TryOnInputs
from .preprocess.fill import push_pull
from .preprocess.layers import assemble
from .preprocess.masks import patch
from .preprocess.skeleton import Part


def photo_edit_mask(inputs: TryOnInputs, photo_size: tuple[int, ...]) -> np.ndarray:
    """The edit mask at the photo's size: float32 (H, W) in [0, 1], 0 = the photo's own pixel stays."""
    mask = np.zeros(photo_size, np.float32)
    x0, y0, x1, y1 = (round(v) for v in inputs.placement.box)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, photo_size[1]), min(y1, photo_size[0])
    if x1 <= x0 or y1 <= y0:
        return mask
    edit = spread(inputs.agnostic.edit, inputs.placement, (x0, y0, x1, y1), outside=0.0)
    mask[y0:y1, x0:x1] = np.where(edit < 0.02, 0, edit)
    return mask


Texture = tuple[np.ndarray, np.ndarray]


def finish(
    photo: np.ndarray, inputs: TryOnInputs, render: Render, mask: np.ndarray, fine: Texture | None = None
) -> np.ndarray:
    """Compose the result.

    Args:
        photo: uint8 (H, W, 3), not modified.
        mask: from `photo_edit_mask`.
        fine: from `texture`, if it was made before.

    Returns:
        uint8 (H, W, 3), bit-identical to the photo where `mask` is 0.
    """
    result = photo.copy()
    box = edit_box(mask)
    if box is None:
        return result
    placement = inputs.placement
    x0, y0, x1, y1 = box
    under = spread(render.rgb / 255, placement, box) * 255
    noise = grain(photo[y0:y1, x0:x1], mask[y0:y1, x0:x1])
    if inputs.worn.category in ("lower", "dress"):  # the ground beside legs is rough, their skin is not
        noise *= 1 - 0.7 * spread(inputs.agnostic.skin, placement, box)
    under += noise[..., None]
    warped, coverage = fine or _texture(inputs, box)
    # the network's opinion on the coverage: what it took away or left at the edges, relative to the geometry
    kept = spread(
        np.clip(render.alpha / np.maximum(inputs.coverage, 1e-3), 0, 1) * (inputs.coverage > 0.02), placement, box
    )
    seen = spread((inputs.coverage > 0.02).astype(np.float32), placement, box)
    alpha = coverage * np.where(seen > 0.05, np.minimum(kept / np.maximum(seen, 0.05), 1), 0)
    gain = spread(render.gain / 2, placement, box) * 2
    mixed = under + (np.clip(warped * gain[..., None], 0, 255) - under) * alpha[..., None]
    blend(result[y0:y1, x0:x1], mixed / 255, mask[y0:y1, x0:x1])
    return result


def grain(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Noise of the photo's own strength, for surfaces that were painted and would look like plastic: float32 (h, w).

    The strength is the typical deviation from a slight blur in the calmer half of the untouched pixels, or what it is
    nearby where that is less; the noise comes from a fixed seed, so that equal inputs give equal bytes.

    Args:
        photo: uint8 (h, w, 3); mask: float32 (h, w), 0 = untouched.
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rough = cv2.blur(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.2)), (7, 7))
    usable = (mask == 0) & (grey > 12) & (grey < 243)
    calm = rough[usable]
    strength = float(np.clip(np.percentile(calm, 25) * 1.25, 0, 3.5)) if calm.size > 100 else 1.0
    noise = np.random.default_rng(0).standard_normal(grey.shape, np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 2.2
    if calm.size <= 100:
        return noise * strength
    small = (max(grey.shape[1] // 6, 1), max(grey.shape[0] // 6, 1))
    share = cv2.resize(usable.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(np.minimum(rough, strength) * usable, small, interpolation=cv2.INTER_AREA)
    nearby = push_pull((sums / np.maximum(share, 1e-3))[..., None], share)[..., 0]
    nearby = cv2.GaussianBlur(nearby, (0, 0), max(max(small) / 40, 0.5))
    return noise * cv2.resize(nearby, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)


def texture(inputs: TryOnInputs, mask: np.ndarray) -> Texture | None:
    """What `finish` needs and no engine has a part in: the garment at the photo's density, float32 (h, w, 3) and (h, w)
    of the mask's box; None for an empty mask."""
    box = edit_box(mask)
    return None if box is None else _texture(inputs, box)


def _texture(inputs: TryOnInputs, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The warped garment sampled at the photo's density in a box: float32 (h, w, 3) in 0..255 and its coverage (h,
    w)."""
    scale = inputs.placement.scale
    if scale >= 0.7:  # the canvas is nearly as fine as the photo: nothing to gain
        rgb = spread(inputs.warped / 255, inputs.placement, box) * 255
        return rgb, spread(inputs.coverage, inputs.placement, box)
    parts = [_finer(part, inputs, box) for part in inputs.parts]
    rgb, coverage, _ = assemble(
        inputs.worn.image, parts, inputs.body.breadth / scale, inputs.fit.scale / scale, inputs.worn.sleeve == "none"
    )
    keep = spread(inputs.agnostic.keep, inputs.placement, box)
    return rgb, coverage * (1 - keep)


def _finer(part: Part, inputs: TryOnInputs, box: Box) -> Part:
    """A part's map at the photo's density. Beyond its edge the map is extended, so that interpolation has no seam."""
    x0, y0, x1, y1 = box
    fine, covered = np.zeros((y1 - y0, x1 - x0, 2), np.float32), np.zeros((y1 - y0, x1 - x0), bool)
    if not part.covered.any():
        return Part(part.name, fine, part.weight, covered)
    known = part.covered.astype(np.float32)
    grid = np.where(part.covered[..., None], part.grid, 0)
    weight = cv2.blur(known, (5, 5))
    around = cv2.blur(grid, (5, 5)) / np.maximum(weight, 1e-6)[..., None]
    grid = np.where(part.covered[..., None], part.grid, around).astype(np.float32)
    h, w = inputs.worn.image.shape[:2]
    unit = np.array([w, h], np.float32)
    both = np.dstack([np.clip(grid / unit, 0, 1), known])
    # only where the part is
    placement = inputs.placement
    rows, columns = patch(part.covered, 3)
    low = np.floor(np.array([columns.start, rows.start]) / placement.scale).astype(int)
    high = np.ceil(np.array([columns.stop, rows.stop]) / placement.scale).astype(int)
    corner = np.array([placement.x0, placement.y0])
    (left, top), (right, bottom) = (np.clip(np.rint(corner + v).astype(int), box[:2], box[2:]) for v in (low, high))
    if right <= left or bottom <= top:
        return Part(part.name, fine, part.weight, covered)
    found = spread(both, placement, (int(left), int(top), int(right), int(bottom)))
    here = (slice(top - y0, bottom - y0), slice(left - x0, right - x0))
    fine[here], covered[here] = found[..., :2] * unit, found[..., 2] > 0.5
    return Part(part.name, fine, part.weight, covered)

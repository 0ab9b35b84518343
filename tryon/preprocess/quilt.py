"""More of a texture than was seen: blocks of it that match where they overlap.

Source: Efros and Freeman, "Image quilting for texture synthesis and transfer", SIGGRAPH 2001; here blocks are faded
over each other, not cut along a path.
"""

from __future__ import annotations

import numpy as np

#: Blocks that are tried for each place.
TRIED = 30


def quilt(sample: np.ndarray, size: tuple[int, int], block: int) -> np.ndarray:
    """A picture that looks like a sample everywhere, without its mirror images or its repetition.

    Args:
        sample: float32 (h, w, C).
        size: (H, W) of the result.
        block: side of a block, px; two thirds of it are new, the rest overlaps. No larger than the sample's sides.

    Returns:
        float32 (H, W, C). The same for the same arguments.
    """
    height, width = size
    block = max(min(block, *sample.shape[:2]), 3)
    lap = max(block // 3, 1)
    step = block - lap
    rows, columns = -(-height // step), -(-width // step)
    out = np.zeros((rows * step + lap, columns * step + lap, sample.shape[2]), np.float32)
    rng = np.random.default_rng(0)
    y, x = (rng.integers(0, n - block + 1, (rows, columns, TRIED)) for n in sample.shape[:2])
    ramp = (np.arange(lap, dtype=np.float32) + 1) / (lap + 1)
    for i in range(rows):
        for j in range(columns):
            there = out[i * step : i * step + block, j * step : j * step + block]
            known = np.zeros((block, block), bool)
            known[:lap] |= i > 0
            known[:, :lap] |= j > 0
            tried = [sample[a : a + block, b : b + block] for a, b in zip(y[i, j], x[i, j], strict=True)]
            best = 0
            if known.any():
                best = int(np.argmin([float(((one[known] - there[known]) ** 2).sum()) for one in tried]))
            share = np.ones((block, block), np.float32)
            if i > 0:
                share[:lap] *= ramp[:, None]
            if j > 0:
                share[:, :lap] *= ramp[None]
            there += (tried[best] - there) * share[..., None]
    return out[:height, :width]

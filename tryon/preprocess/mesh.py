"""Structured meshes: forward-warped vertices become a dense backward map."""

from __future__ import annotations

import numpy as np


def rasterize(
    target: np.ndarray, source: np.ndarray, size: tuple[int, ...], keep: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Backward map of a warped grid mesh by barycentric interpolation in its triangles.

    Args:
        target: float (R, C, 2), vertex positions on the canvas, px.
        source: float (R, C, 2), the same vertices in the garment photo, px.
        size: (H, W) of the canvas.
        keep: optional bool (R - 1, C - 1), cells to draw.

    Returns:
        grid: float32 (H, W, 2), source px for each canvas pixel centre (undefined where not covered).
        covered: bool (H, W).

    Convention: pixel centres at integer + 0.5 in both pictures. Later cells win where the mesh folds over itself.
    """
    h, w = size
    grid = np.zeros((h, w, 2), np.float32)
    covered = np.zeros((h, w), bool)
    r, c = target.shape[:2]
    i, j = np.meshgrid(np.arange(r - 1), np.arange(c - 1), indexing="ij")
    i, j = (i.ravel(), j.ravel()) if keep is None else (i[keep], j[keep])
    if i.size == 0:
        return grid, covered
    a, b, d, e = i * c + j, i * c + j + 1, (i + 1) * c + j, (i + 1) * c + j + 1
    tri = np.stack([np.stack([a, b, d], 1), np.stack([b, e, d], 1)], 1).reshape(-1, 3)
    t = target.reshape(-1, 2)[tri].astype(np.float64) - 0.5
    s = source.reshape(-1, 2)[tri].astype(np.float64)
    lo = np.clip(np.ceil(t.min(1)).astype(np.int64), 0, [w, h])
    hi = np.clip(np.floor(t.max(1)).astype(np.int64) + 1, 0, [w, h])
    nx, ny = np.maximum(hi - lo, 0).T
    count = nx * ny
    area = (t[:, 1, 0] - t[:, 0, 0]) * (t[:, 2, 1] - t[:, 0, 1]) - (t[:, 2, 0] - t[:, 0, 0]) * (t[:, 1, 1] - t[:, 0, 1])
    count[np.abs(area) < 1e-9] = 0
    total = int(count.sum())
    if total == 0:
        return grid, covered
    k = np.repeat(np.arange(len(tri)), count)
    offset = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    x = lo[k, 0] + offset % nx[k]
    y = lo[k, 1] + offset // nx[k]
    p0, p1, p2 = t[k, 0], t[k, 1], t[k, 2]
    inv = 1.0 / area[k]
    l1 = ((x - p0[:, 0]) * (p2[:, 1] - p0[:, 1]) - (p2[:, 0] - p0[:, 0]) * (y - p0[:, 1])) * inv
    l2 = ((p1[:, 0] - p0[:, 0]) * (y - p0[:, 1]) - (x - p0[:, 0]) * (p1[:, 1] - p0[:, 1])) * inv
    l0 = 1.0 - l1 - l2
    eps = -1e-6
    inside = (l0 >= eps) & (l1 >= eps) & (l2 >= eps)
    k, x, y, l0, l1, l2 = k[inside], x[inside], y[inside], l0[inside], l1[inside], l2[inside]
    grid[y, x] = (l0[:, None] * s[k, 0] + l1[:, None] * s[k, 1] + l2[:, None] * s[k, 2]).astype(np.float32)
    covered[y, x] = True
    return grid, covered

"""The guided filter: maps whose borders follow the edges of a picture.

Source: He et al., "Guided Image Filtering", ECCV 2010.
"""

from __future__ import annotations

import cv2
import numpy as np


class GuidedFilter:
    """A picture by which maps of its size are filtered.

    Args:
        picture: float32 (h, w, 3) in [0, 1].
        radius: px of the square windows; epsilon: on colours, the variance below which a window counts as flat.
    """

    def __init__(self, picture: np.ndarray, radius: int, epsilon: float) -> None:
        self._kernel = (2 * radius + 1, 2 * radius + 1)
        colours = [np.ascontiguousarray(picture[..., c]) for c in range(3)]
        means = [self._mean(c) for c in colours]
        (rr, rg, rb), (_, gg, gb), (_, _, bb) = (
            [self._mean(colours[i] * colours[j]) - means[i] * means[j] + (epsilon if i == j else 0) for j in range(3)]
            for i in range(3)
        )
        # the inverse of the symmetric 3x3 matrix, by cofactors
        first, second, third = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
        fourth, fifth, sixth = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
        self._scale = 1 / np.maximum(rr * first + rg * second + rb * third, 1e-12)
        self._rows = ((first, second, third), (second, fourth, fifth), (third, fifth, sixth))
        self._colours, self._means = colours, means

    def _mean(self, x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, self._kernel)

    def coefficients(self, share: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Slopes of the three colours and offset, whose linear function of the colours is the filtered map.

        Args:
            share: float32 (h, w).
        """
        level = self._mean(share)
        pairs = zip(self._colours, self._means, strict=True)
        together = [self._mean(share * c) - m * level for c, m in pairs]
        slopes = [self._scale * sum(k * t for k, t in zip(row, together, strict=True)) for row in self._rows]
        offset = level - sum(s * m for s, m in zip(slopes, self._means, strict=True))
        return [self._mean(s) for s in slopes], self._mean(offset)

    def __call__(self, share: np.ndarray) -> np.ndarray:
        """The filtered map: float32 (h, w)."""
        slopes, out = self.coefficients(share)
        for slope, colour in zip(slopes, self._colours, strict=True):
            out = out + slope * colour
        return out

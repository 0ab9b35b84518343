"""Placement: the map between a photo and the canvas on which the networks work.

Convention
    Points are (x, y) in pixels with pixel centres at integer + 0.5 (the corner of the picture is (0, 0)), for photo and
    canvas alike. A `Placement` is an axis-aligned similarity (no rotation), so it is exactly invertible.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Canvas of the generator, (height, width) in pixels.
CANVAS = (512, 384)


@dataclass(frozen=True)
class Placement:
    """A window of the photo shown on a canvas.

    Args:
        x0, y0: upper left corner of the window, photo px (may lie outside of the photo).
        scale: canvas px per photo px, > 0.
        height, width: size of the canvas, px.
    """

    x0: float
    y0: float
    scale: float
    height: int = CANVAS[0]
    width: int = CANVAS[1]

    def __post_init__(self) -> None:
        if not (np.isfinite([self.x0, self.y0, self.scale]).all() and self.scale > 0):
            raise ValueError(f"placement needs finite numbers and scale > 0, got {self}")
        if self.height < 1 or self.width < 1:
            raise ValueError(f"placement needs a canvas of at least 1x1 px, got {self.height}x{self.width}")

    @staticmethod
    def around(
        box: tuple[float, float, float, float], size: tuple[int, int] = CANVAS, margin: float = 0.0
    ) -> Placement:
        """The smallest window of the aspect ratio of the canvas around `box` and `margin` (a share of it) on each side.

        Args:
            box: (x0, y0, x1, y1), photo px.
            size: (height, width) of the canvas, px.
        """
        x0, y0, x1, y1 = box
        bw, bh = max(x1 - x0, 1e-3) * (1 + 2 * margin), max(y1 - y0, 1e-3) * (1 + 2 * margin)
        scale = min(size[1] / bw, size[0] / bh)
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        return Placement(cx - size[1] / scale / 2, cy - size[0] / scale / 2, scale, size[0], size[1])

    def resized(self, height: int, width: int) -> Placement:
        """The same window on a canvas of another size (same aspect ratio)."""
        return Placement(self.x0, self.y0, self.scale * height / self.height, height, width)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The window, (x0, y0, x1, y1) in photo px."""
        return (self.x0, self.y0, self.x0 + self.width / self.scale, self.y0 + self.height / self.scale)

    def to_canvas(self, points: np.ndarray) -> np.ndarray:
        """Map (..., >=2) photo points to canvas points; further columns are kept."""
        out = np.array(points, dtype=np.float32, copy=True)
        out[..., 0] = (out[..., 0] - self.x0) * self.scale
        out[..., 1] = (out[..., 1] - self.y0) * self.scale
        return out

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Inverse of `to_canvas`."""
        out = np.array(points, dtype=np.float32, copy=True)
        out[..., 0] = out[..., 0] / self.scale + self.x0
        out[..., 1] = out[..., 1] / self.scale + self.y0
        return out

    def _matrix(self) -> np.ndarray:
        # cv2 puts pixel centres at integers, hence the half-pixel shifts.
        s = self.scale
        return np.array([[s, 0, -self.x0 * s + 0.5 * s - 0.5], [0, s, -self.y0 * s + 0.5 * s - 0.5]], dtype=np.float64)

    def crop(self, image: np.ndarray, *, nearest: bool = False, border: str = "replicate") -> np.ndarray:
        """Cut the window out of a photo-sized picture: (H, W[, C]) -> (height, width[, C]), same dtype.

        Args:
            nearest: no interpolation, for label maps.
            border: "replicate" or "zero", what lies outside of the photo.
        """
        mode = cv2.BORDER_REPLICATE if border == "replicate" else cv2.BORDER_CONSTANT
        if nearest:
            interp = cv2.INTER_NEAREST
        elif self.scale < 0.6:  # antialias before a strong reduction
            factor = self.scale / 0.95
            # The size, not the factor, goes to cv2: it would map by the factor and then round the size.
            size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            fx, fy = size[0] / image.shape[1], size[1] / image.shape[0]
            m = self._matrix()
            a = np.array([[1 / fx, 0, 0.5 / fx - 0.5], [0, 1 / fy, 0.5 / fy - 0.5], [0, 0, 1]])
            m2 = m @ a
            return cv2.warpAffine(small, m2, (self.width, self.height), flags=cv2.INTER_LINEAR, borderMode=mode)
        else:
            interp = cv2.INTER_LINEAR
        return cv2.warpAffine(image, self._matrix(), (self.width, self.height), flags=interp, borderMode=mode)

    def paste_back(
        self, canvas: np.ndarray, photo_size: tuple[int, int], *, nearest: bool = False, linear: bool = False
    ) -> np.ndarray:
        """Spread a canvas-sized picture over a photo-sized one, zero outside of the window.

        Args:
            canvas: (height, width[, C]).
            photo_size: (H, W) of the photo.
            nearest, linear: how to interpolate; by default cubic where the picture is enlarged, else linear.
        """
        smooth = cv2.INTER_LINEAR if linear or self.scale >= 1 else cv2.INTER_CUBIC
        interp = cv2.INTER_NEAREST if nearest else smooth
        inv = cv2.invertAffineTransform(self._matrix())
        return cv2.warpAffine(canvas, inv, (photo_size[1], photo_size[0]), flags=interp, borderMode=cv2.BORDER_CONSTANT)

"""Square views of a garment photo, at any turn, and the way back from them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .landmarks import VIEW

#: Value of what lies outside of the photo (0 in the network's range).
PAD = 127


@dataclass(frozen=True)
class View:
    """A similarity from photo px to the px of a square view. Pixel centres lie at integer + 0.5 in both.

    Args:
        matrix: (2, 3).
        scale: view px per photo px.
    """

    matrix: np.ndarray
    scale: float

    @staticmethod
    def of(points: np.ndarray, angle: float, margin: float) -> View:
        """The view that holds `points` (N, 2), turned back by `angle` degrees (clockwise turn of the garment).

        Args:
            margin: free share of the view on each side.
        """
        c, s = np.cos(np.radians(-angle)), np.sin(np.radians(-angle))
        turn = np.array([[c, -s], [s, c]])
        turned = points @ turn.T
        low, high = turned.min(0), turned.max(0)
        scale = VIEW * (1 - 2 * margin) / max(float((high - low).max()), 1.0)
        offset = VIEW / 2 - scale * (low + high) / 2
        return View(np.concatenate([scale * turn, offset[:, None]], axis=1), float(scale))

    def cut(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> (VIEW, VIEW, 3)."""
        matrix, value = self.matrix, (PAD,) * 3
        if self.scale < 0.7:  # reduce by area first, against aliasing
            size = (max(1, round(image.shape[1] * self.scale * 1.3)), max(1, round(image.shape[0] * self.scale * 1.3)))
            factor = np.diag([image.shape[1] / size[0], image.shape[0] / size[1], 1.0])
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            matrix = matrix @ factor
        return cv2.warpAffine(image, _centred(matrix), (VIEW, VIEW), flags=cv2.INTER_LINEAR, borderValue=value)

    def spread(self, picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A picture over the view, (h, w) of any resolution -> photo (H, W); zero outside of the view."""
        factor = np.diag([picture.shape[1] / VIEW, picture.shape[0] / VIEW])
        inverse = cv2.invertAffineTransform(factor @ self.matrix)
        return cv2.warpAffine(picture, _centred(inverse), (size[1], size[0]), flags=cv2.INTER_LINEAR)

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) view px -> photo px."""
        inverse = cv2.invertAffineTransform(self.matrix)
        return points @ inverse[:, :2].T + inverse[:, 2]


def _centred(matrix: np.ndarray) -> np.ndarray:
    """The matrix for cv2, which puts pixel centres at integers."""
    out = matrix.astype(np.float64).copy()
    out[:, 2] += 0.5 * out[:, :2].sum(1) - 0.5
    return out


def frame_points(height: int, width: int) -> np.ndarray:
    """The corners of a photo, (4, 2)."""
    return np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)

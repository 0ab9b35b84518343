"""The colour space of the display: OKLab and its hue, chroma and lightness.

Source: Bjoern Ottosson, "A perceptual color space for image processing", 2020 (matrices from there). L is 0 for black
and 1 for white, chroma of sRGB colours reaches .32, hue is in degrees (29 red, 110 yellow, 142 green, 264 blue). More
or less light on a surface scales L, a and b alike, so a / L and b / L of cloth are the same in a fold and beside it.
"""

from __future__ import annotations

import numpy as np

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LMS, _FROM_LAB = np.linalg.inv(_TO_LMS), np.linalg.inv(_TO_LAB)
_STEPS = np.arange(256, dtype=np.float64) / 255
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)
#: Linear values that lie outside of [0, 1] by less than this are rounding, not another gamut.
_SLACK = 2e-4


def to_linear(image: np.ndarray) -> np.ndarray:
    """uint8 sRGB to float32 in [0, 1], proportional to light."""
    return _LINEAR[image]


def to_oklab(image: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) sRGB to float32 (..., 3): L, a, b."""
    return np.cbrt(to_linear(image) @ _TO_LMS.T) @ _TO_LAB.T


def linear(lab: np.ndarray) -> np.ndarray:
    """float32 (..., 3) OKLab to linear RGB, not clipped."""
    return ((lab @ _FROM_LAB.T) ** 3) @ _FROM_LMS.T


def into_gamut(lab: np.ndarray) -> np.ndarray:
    """Colours that sRGB can't show lose chroma until it can; hue and lightness stay (L is clipped to [0, 1]).

    Args:
        lab: float32 (..., 3).

    Returns:
        float32 (..., 3), a new array.
    """
    out = lab.astype(np.float32, copy=True)
    out[..., 0] = np.clip(out[..., 0], 0, 1)
    rgb = linear(out)
    outside = ((rgb < -_SLACK) | (rgb > 1 + _SLACK)).any(axis=-1)
    if outside.any():
        some = out[outside]
        low, high = np.zeros(len(some), np.float32), np.ones(len(some), np.float32)
        for _ in range(9):
            middle = (low + high) / 2
            rgb = linear(np.concatenate([some[:, :1], some[:, 1:] * middle[:, None]], 1))
            fits = ((rgb >= -_SLACK) & (rgb <= 1 + _SLACK)).all(axis=1)
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        some[:, 1:] *= low[:, None]
        out[outside] = some
    return out


def to_srgb(lab: np.ndarray, noise: np.ndarray | float = 0.0) -> np.ndarray:
    """float32 (..., 3) OKLab to uint8 (..., 3) sRGB; `noise` of half a step is added before rounding, against bands."""
    rgb = np.clip(linear(into_gamut(lab)), 0, 1)
    rgb = np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return np.clip(np.rint(rgb * 255 + noise), 0, 255).astype(np.uint8)


def hue(lab: np.ndarray) -> np.ndarray:
    """Degrees 0..360 of OKLab colours (..., 3)."""
    return np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360

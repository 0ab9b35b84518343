"""The photo's light on a new garment: what the body's form and the side that the light comes from do to it.

A garment photographed flat has even light, and looks like a sticker on a body. `RELIEF` and `SIDE` say how clothing of
the torso is lit by place, measured on 398 plainly dressed people of Clothing Co-Parsing (none of them held out): the
median of the logarithm of grey values against the garment's own median, and by how much it changes with the difference
between the two sides of the face.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from .body import Body, below_chin, torso_rows
from .masks import is_label

#: Places of the tables' rows, trunk lengths below the shoulder line, and columns, half breadths of the trunk from its
#: axis.
ROWS = COLUMNS = np.array([0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05])
#: Log of the light that falls on a place, against the garment's usual one.
RELIEF = np.array(
    [
        [0.003, 0.008, 0.020, 0.033, 0.041, 0.039, 0.032, 0.028],
        [0.040, 0.041, 0.042, 0.039, 0.030, 0.006, -0.024, -0.037],
        [0.014, 0.015, 0.012, 0.003, -0.012, -0.042, -0.073, -0.080],
        [0.008, 0.005, -0.003, -0.014, -0.030, -0.057, -0.090, -0.105],
        [0.013, 0.012, 0.009, 0.003, -0.007, -0.023, -0.048, -0.070],
        [0.008, 0.007, 0.004, 0.000, -0.005, -0.011, -0.026, -0.043],
        [-0.010, -0.009, -0.010, -0.013, -0.017, -0.023, -0.035, -0.044],
        [-0.018, -0.015, -0.014, -0.014, -0.015, -0.023, -0.031, -0.035],
    ],
    np.float32,
)
#: What is added on the brighter side, and taken away on the other, per unit of the difference (log) of the face's
#: sides.
SIDE = np.array(
    [
        [0.000, 0.050, 0.104, 0.150, 0.182, 0.202, 0.231, 0.259],
        [0.000, 0.041, 0.086, 0.136, 0.188, 0.236, 0.259, 0.273],
        [0.000, 0.042, 0.097, 0.162, 0.230, 0.284, 0.282, 0.270],
        [0.000, 0.050, 0.107, 0.172, 0.240, 0.288, 0.262, 0.229],
        [0.000, 0.045, 0.091, 0.142, 0.198, 0.242, 0.231, 0.207],
        [0.000, 0.039, 0.073, 0.110, 0.154, 0.203, 0.221, 0.221],
        [0.000, 0.021, 0.053, 0.096, 0.148, 0.202, 0.224, 0.225],
        [0.000, 0.030, 0.073, 0.119, 0.162, 0.205, 0.221, 0.217],
    ],
    np.float32,
)
#: How strong the relief is laid on; medians of many people are weaker than any one's.
STRENGTH = 1.8
#: What the difference of the face's sides counts for, what that of the worn garment's, and the most that both may say.
FACE, CLOTH, MOST = 0.4, 1.0, 0.6
#: The relief ends so far beyond the trunk, half breadths: arms have their own.
BEYOND = (1.05, 1.4)


def _aside(body: Body, size: tuple[int, ...], along: np.ndarray) -> np.ndarray:
    """Half breadths of the trunk from its axis, for each pixel, negative on side 0: float32 (h, w)."""
    x = (np.arange(size[1], dtype=np.float32) + 0.5 - body.neck[0]) * body.across[0]
    y = (np.arange(size[0], dtype=np.float32) + 0.5 - body.neck[1]) * body.across[1]
    half = np.interp(along, [0.0, 0.3, 0.65, 1.0, 1.25], [1.0, 1.0, 0.86, 0.98, 1.0]) * (1.05 * body.chest)
    return ((x[None] + y[:, None]) / half).astype(np.float32)


def _difference(light: np.ndarray, region: np.ndarray, aside: np.ndarray, least: int) -> float | None:
    """How much lighter side 1 of a region is than side 0; None where less than `least` pixels of one are seen."""
    low, high = light[region & (aside < 0)], light[region & (aside > 0)]
    return float(np.median(high) - np.median(low)) if min(len(low), len(high)) >= least else None


def from_aside(image: np.ndarray, parse: np.ndarray, body: Body) -> float:
    """From which side the light comes: the difference that it makes between the sides of a face, log grey values,
    positive where side 1 is the brighter one. Told by the face, and by the worn garment where that is plain.

    Args:
        image: uint8 (h, w, 3), canvas; parse: uint8 (h, w).
    """
    image, parse, body = image[::2, ::2], parse[::2, ::2], body.scaled(0.5)
    size = parse.shape
    grey = cv2.GaussianBlur(image.astype(np.float32).mean(-1), (0, 0), 1.0)
    light = np.log(np.maximum(grey, 6.0))
    x = (np.arange(size[1], dtype=np.float32) + 0.5 - body.nose[0]) * body.across[0]
    y = (np.arange(size[0], dtype=np.float32) + 0.5 - body.nose[1]) * body.across[1]
    face = is_label(parse, Label.FACE) & (below_chin(body, size) < 0)
    told = FACE * (_difference(light, face, x[None] + y[:, None], 20) or 0.0)

    along = torso_rows(body, size)
    aside = _aside(body, size, along)
    trunk = (along > 0.05) & (along < 1.1) & (np.abs(aside) < 0.9)
    label = max(TORSO_CLOTHING, key=lambda kind: int((is_label(parse, kind) & trunk).sum()))
    worn = is_label(parse, label) & trunk
    if worn.sum() < 200:
        return float(np.clip(told, -MOST, MOST))
    low, middle, high = np.percentile(light[worn], [25, 50, 75])
    colours = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[worn][:, 1:].std(0).max()
    if high - low < 0.5 and middle > np.log(35) and colours < 14:
        told += CLOTH * (_difference(light, worn & (np.abs(aside) > 0.3), aside, 40) or 0.0)
    return float(np.clip(told, -MOST, MOST))


def on_body(image: np.ndarray, parse: np.ndarray, body: Body) -> np.ndarray:
    """By what a garment photographed in even light is to be multiplied on this body: float32 (h, w).

    Args:
        image: uint8 (h, w, 3), canvas; parse: uint8 (h, w), both of the person as photographed.
    """
    size = parse.shape
    few = (max(size[0] // 4, 1), max(size[1] // 4, 1))  # it is smooth
    small = body.scaled(few[0] / size[0])
    along = torso_rows(small, few)
    aside = _aside(small, few, along)
    step = float(ROWS[1])
    x, y = np.abs(aside) / step, along / step
    last = len(ROWS) - 1
    spots = np.clip(x, 0, last).astype(np.float32), np.clip(y, 0, last).astype(np.float32)
    relief = cv2.remap(RELIEF, *spots, cv2.INTER_LINEAR) * np.interp(np.abs(aside), BEYOND, (1.0, 0.0))
    side = cv2.remap(SIDE, *spots, cv2.INTER_LINEAR) * np.sign(aside)
    light = np.exp(STRENGTH * relief + from_aside(image, parse, body) * side).astype(np.float32)
    return cv2.resize(light, size[::-1], interpolation=cv2.INTER_LINEAR)

"""What an engine is: canvas in, layers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..inputs import TryOnInputs


@dataclass(frozen=True)
class Render:
    """Layers on the canvas.

    Args:
        rgb: float32 (h, w, 3) in 0..255, what lies under the garment.
        alpha: float32 (h, w) in [0, 1], how much the warped garment covers.
        gain: float32 (h, w), light by which the warped garment is multiplied.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    gain: np.ndarray


class Engine(Protocol):
    """Renders one pair. `name` goes into reports; `weights` lists the weights used."""

    name: str
    weights: tuple[str, ...]

    def render(self, inputs: TryOnInputs) -> Render: ...


def from_network(rgb: np.ndarray, alpha: np.ndarray, gain: np.ndarray) -> Render:
    """The generator's outputs (1, C, h, w), pictures in [-1, 1], as a `Render`."""
    picture = (np.moveaxis(rgb[0], 0, -1).astype(np.float32) + 1) * 127.5
    return Render(np.clip(picture, 0, 255), alpha[0, 0].astype(np.float32), gain[0].mean(0).astype(np.float32))

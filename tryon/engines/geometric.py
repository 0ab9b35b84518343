"""The engine without a network: the warped garment over the roughly filled plate. The baseline for all learning."""

from __future__ import annotations

import numpy as np

from ..inputs import TryOnInputs
from .base import Render


class GeometricEngine:
    name = "geometric"
    weights: tuple[str, ...] = ()

    def render(self, inputs: TryOnInputs) -> Render:
        """Plate and coverage as they are, light unchanged."""
        return Render(inputs.agnostic.plate, inputs.coverage, np.ones(inputs.coverage.shape, np.float32))

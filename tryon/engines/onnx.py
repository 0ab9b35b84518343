"""The default engine: the generator in ONNX Runtime on the CPU."""

from __future__ import annotations

from .. import weights
from ..inputs import TryOnInputs
from .base import Render, from_network


class OnnxEngine:
    """Args:
    threads: of one run; None uses all cores.
    folder: other weights than the shipped ones (a folder with `manifest.json`).
    """

    name = "onnx"
    weights: tuple[str, ...] = ("generator",)

    def __init__(self, threads: int | None = None, folder: str | None = None) -> None:
        self._session = weights.session("generator", threads, folder)
        self._confined = bool(weights.info("generator", folder).get("settings", {}).get("confined", False))

    def render(self, inputs: TryOnInputs) -> Render:
        rgb, alpha, gain = self._session.run(["rgb", "alpha", "gain"], {"inputs": inputs.network()[None]})
        return from_network(rgb, alpha, gain, inputs if self._confined else None)

"""The generator in torch: for GPUs, and for checkpoints trained by users. Needs the extra `tryon[torch]`."""

from __future__ import annotations

from pathlib import Path

from .. import weights as weights_store
from ..errors import DependencyError, WeightsError
from ..inputs import TryOnInputs
from .base import Render, from_network


class TorchEngine:
    """Args:
    checkpoint: a generator's `.safetensors` (settings inside); default: the shipped weights.
    device: torch device; default CUDA where there is one, else the CPU.
    """

    name = "torch"
    weights: tuple[str, ...] = ("generator",)

    def __init__(
        self, threads: int | None = None, checkpoint: str | Path | None = None, device: str | None = None
    ) -> None:
        try:
            import torch

            from ..models.checkpoint import load_generator
        except ImportError as error:
            raise DependencyError("The torch engine needs torch.", "Run: pip install 'tryon[torch]'") from error
        self._torch = torch
        if threads:
            torch.set_num_threads(threads)
        path = Path(checkpoint) if checkpoint else weights_store.path("generator_torch")
        try:
            self._net = load_generator(path)
        except Exception as error:  # safetensors has an exception type of its own
            raise WeightsError(
                f"{path.name} is not a generator checkpoint.", "Give a file that training wrote."
            ) from error
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._net.to(self._device)

    def render(self, inputs: TryOnInputs) -> Render:
        torch = self._torch
        with torch.inference_mode():
            x = torch.from_numpy(inputs.network()[None]).to(self._device)
            layers = self._net(x)
        rgb, alpha, gain = (t.float().cpu().numpy() for t in layers)
        return from_network(rgb, alpha, gain, inputs if self._net.settings["confined"] else None)

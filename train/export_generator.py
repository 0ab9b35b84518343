"""Export a trained generator and register it: `python -m tryon.train.export_generator RUN/generator.safetensors`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from ..geometry import CANVAS
from ..models.generator import ONNX_INPUTS, ONNX_OUTPUTS, Generator
from ..weights import FOLDER
from . import toy
from .export import export_onnx, register
from .loop import load_settings


def load_generator(weights: Path) -> Generator:
    """The generator that a training wrote, in eval mode; its settings travel with the weights."""
    net = Generator(**load_settings(weights))
    net.load_state_dict(load_file(str(weights)))
    return net.eval()


def export_generator(weights: Path, path: Path | None = None, size: tuple[int, int] = CANVAS) -> tuple[Path, float]:
    """Write the ONNX graph (`inputs` -> `rgb`, `alpha`, `gain`) and check it against torch.

    Args:
        weights: generator.safetensors of a training.
        path: file to write; beside the weights by default.
        size: (height, width) of the canvas that the graph takes.

    Returns:
        The file and the largest difference between ONNX Runtime and torch.

    Raises:
        RuntimeError: they differ by more than 1e-3.
    """
    net = load_generator(weights)
    path = path or weights.with_suffix(".onnx")
    example = torch.from_numpy(np.stack([toy.draw(seed, size)["inputs"] for seed in range(2)]))
    worst = export_onnx(net, (example,), path, list(ONNX_INPUTS), list(ONNX_OUTPUTS))
    return path, worst


def training_record(run: Path) -> dict[str, Any]:
    """What the run's files say about it: the last held-out figures and the geometric engine's, for the manifest."""
    record: dict[str, Any] = {}
    validation, geometric = run / "validation.jsonl", run / "geometric.json"
    if validation.exists():
        record["validation"] = json.loads(validation.read_text().splitlines()[-1])
    if geometric.exists():
        record["validation_untrained"] = json.loads(geometric.read_text())
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path, help="generator.safetensors of a run; the run's figures lie beside it")
    parser.add_argument("--licence", default="Apache-2.0")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="instead of the package's weights folder")
    args = parser.parse_args()
    path, worst = export_generator(args.weights)
    metrics = {**training_record(args.weights.parent), "onnx_vs_torch": worst}
    print(json.dumps(register("generator", path, metrics, args.licence, args.folder), indent=2))


if __name__ == "__main__":
    main()

"""Export a trained generator and register it: `python -m tryon.train.export_generator RUN/generator.safetensors`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..geometry import CANVAS
from ..models.checkpoint import load_generator
from ..models.generator import ONNX_INPUTS, ONNX_OUTPUTS
from ..weights import FOLDER
from . import toy
from .export import HALF_FROM, export_onnx, register, register_file, round_to_half
from .loop import load_about, save_module


def export_generator(weights: Path, path: Path | None = None, size: tuple[int, int] = CANVAS) -> tuple[Path, float]:
    """Write the ONNX graph (`inputs` -> `rgb`, `alpha`, `gain`) and check it against torch.

    Args:
        weights: generator.safetensors of a training.
        path: file to write; beside the weights by default.
        size: (height, width) of the canvas that the graph takes.

    Returns:
        The graph's file and the largest difference between ONNX Runtime and torch. Beside it lies
        NAME_half.safetensors, the same weights (rounded to half precision, as in the graph) for torch.

    Raises:
        RuntimeError: they differ by more than 1e-3.
    """
    net = load_generator(weights)
    round_to_half(net)
    path = path or weights.with_suffix(".onnx")
    example = torch.from_numpy(np.stack([toy.draw(seed, size)["inputs"] for seed in range(2)]))
    worst = export_onnx(net, (example,), path, list(ONNX_INPUTS), list(ONNX_OUTPUTS))
    tensors = {k: v.half() if v.numel() >= HALF_FROM else v for k, v in net.state_dict().items()}
    about = {k: v for k, v in load_about(weights).items() if k != "settings"}
    save_module(path.with_name(f"{path.stem}_half.safetensors"), tensors, net.settings, **about)
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


def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Export; returns the manifest's new entries."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path, help="generator.safetensors of a run; the run's figures lie beside it")
    parser.add_argument("--licence", help="default: what the weights' file says, or Apache-2.0")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="instead of the package's weights folder")
    args = parser.parse_args(argv)
    path, worst = export_generator(args.weights)
    about = load_about(args.weights)
    licence = args.licence or about.get("licence", "Apache-2.0")
    own = {"validation": about["metrics"]} if about.get("metrics") else {}
    metrics = {**training_record(args.weights.parent), **own, "onnx_vs_torch": worst}
    half = path.with_name(f"{path.stem}_half.safetensors")
    return [
        register("generator", path, metrics, licence, args.folder, load_about(half)["settings"]),
        register_file("generator_torch", "generator.safetensors", half.read_bytes(), metrics, licence, args.folder),
    ]


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))

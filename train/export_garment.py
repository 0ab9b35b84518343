"""Export a trained garment network and register it: `python -m tryon.train.export_garment RUN_DIR/last.safetensors`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..models.garment import OUTPUTS, GarmentNet
from ..preprocess.landmarks import VIEW
from .export import export_onnx, load_module, register
from .loop import load_about


class _Probabilities(nn.Module):
    """What is shipped: probabilities instead of logits, so that several views of a photo can be averaged."""

    def __init__(self, net: GarmentNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        matte, heatmaps, presence, *choices = self.net(image)
        maps = heatmaps.flatten(2).softmax(2).view_as(heatmaps)
        return (matte.sigmoid(), maps, presence.sigmoid(), *(choice.softmax(1) for choice in choices))


def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Export; returns the manifest's new entries."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="last.safetensors of a run")
    parser.add_argument("--folder", type=Path, default=None, help="instead of the package's weights folder")
    parser.add_argument("--metrics", type=Path, default=None, help="JSON written by scripts/eval_garment.py")
    parser.add_argument("--licence", help="default: what the weights' file says, or Apache-2.0")
    args = parser.parse_args(argv)
    net = GarmentNet()
    load_module(net, args.weights)
    torch.manual_seed(0)
    example = torch.rand(2, 3, VIEW, VIEW) * 2 - 1
    path = args.weights.with_name("garment.onnx")
    worst = export_onnx(_Probabilities(net), (example,), path, ["image"], list(OUTPUTS))
    about = load_about(args.weights)
    metrics = json.loads(args.metrics.read_text())["groups"] if args.metrics else about.get("metrics", {})
    target = {} if args.folder is None else {"folder": args.folder}
    return [
        register(
            "garment",
            path,
            metrics={"validation": metrics, "onnx_vs_torch": worst},
            licence=args.licence or about.get("licence", "Apache-2.0"),
            **target,
        )
    ]


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))

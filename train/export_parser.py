"""Export a trained parser and register it: `python -m tryon.train.export_parser RUN_DIR/parser.safetensors`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..models.parser import ParserNet
from ..preprocess.parsing import PARSE_CANVAS, PLANES
from .export import export_onnx, load_module, register
from .loop import load_about


class _Shares(nn.Module):
    """What is shipped: class probabilities instead of logits, for photos and mirrored photos to be averaged."""

    def __init__(self, net: ParserNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, planes: Tensor) -> Tensor:
        return self.net(planes).softmax(1)


def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Export; returns the manifest's new entries."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="parser.safetensors of a run")
    parser.add_argument("--canvas", type=int, nargs=2, default=PARSE_CANVAS, metavar=("H", "W"))
    parser.add_argument("--name", choices=("parser", "parser_close"), default="parser", help="which look it is for")
    parser.add_argument("--folder", type=Path, default=None, help="instead of the package's weights folder")
    parser.add_argument("--figures", type=json.loads, help="JSON, the last line of figures of scripts/eval_parser.py")
    parser.add_argument("--licence", help="default: what the weights' file says, or Apache-2.0")
    args = parser.parse_args(argv)
    net = ParserNet()
    load_module(net, args.weights)
    torch.manual_seed(0)
    example = torch.randint(0, 256, (2, len(PLANES), *args.canvas)).float()
    path = args.weights.with_suffix(".onnx")
    worst = export_onnx(_Shares(net), (example,), path, ["planes"], ["shares"])
    about = load_about(args.weights)
    metrics = args.figures or about.get("metrics", {})
    target = {} if args.folder is None else {"folder": args.folder}
    return [
        register(
            args.name,
            path,
            metrics={"validation": metrics, "onnx_vs_torch": worst},
            licence=args.licence or about.get("licence", "Apache-2.0"),
            **target,
        )
    ]


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))

"""The command `tryon eval`: options and sub-actions; everything heavy is imported when it runs."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from ..console import Parser, say, threads
from ..errors import UsageError

#: Further actions (`tryon eval NAME ...`): modules, light to import, with `add_action(actions)`.
ACTIONS: tuple[str, ...] = (".report_command", ".table_command")
PROTOCOLS = ("unpaired", "paired", "self")


def add_command(commands: Any) -> None:
    """Register `tryon eval`."""
    command = commands.add_parser("eval", help="measure systems on pairs of photos", allow_abbrev=False)
    command.add_argument(
        "--pairs", type=Path, metavar="CSV", help="list with the columns person, garment (and, if wanted, id, category)"
    )
    command.add_argument("--persons", type=Path, metavar="DIR", help="folder of the person photos (needed)")
    command.add_argument("--garments", type=Path, metavar="DIR", help="folder of the garment photos (not for self)")
    command.add_argument(
        "--systems",
        metavar="A,B",
        default="onnx",
        help="geometric, onnx, torch, affine, NAME=ENGINE, NAME=FILE.safetensors (a generator), NAME=DIR (pictures "
        "made elsewhere, named by pair id, or weights with a manifest); default: onnx",
    )
    command.add_argument("--protocol", choices=PROTOCOLS, default="unpaired", help="default: unpaired")
    command.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (needed); a run there goes on")
    command.add_argument("--limit", type=_count, metavar="N", help="only the first N pairs")
    command.add_argument("--where", metavar="COLUMN=VALUE", help="only the pairs with this value in the list")
    command.add_argument(
        "--backbone", type=Path, metavar="FILE", help="MobileNetV2 (.safetensors) for distances of features"
    )
    command.add_argument("--inception", type=Path, metavar="FILE", help="inception-2015-12-05.pt for FID and KID")
    command.add_argument(
        "--threads", type=threads, metavar="N", help="threads to use (default: the usable cores, at most 8)"
    )
    command.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    command.set_defaults(run=_run)
    actions = command.add_subparsers(title="actions on a results folder", metavar="ACTION", parser_class=Parser)
    for module in ACTIONS:
        importlib.import_module(module, __package__).add_action(actions)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    import sys

    needed = ["persons", "out"] + ([] if options.protocol == "self" else ["garments"])
    missing = [f"--{name}" for name in needed if getattr(options, name) is None]
    if missing:
        raise UsageError(f"{' and '.join(missing)} missing.", "See: tryon eval --help")
    if options.protocol == "self" and options.garments is not None:
        raise UsageError("The protocol self needs no garments.", "Leave --garments out.")
    from .run import evaluate

    outcome = evaluate(options)
    say(f"wrote {options.out} ({outcome})", sys.stdout)
    return 0

"""`tryon prepare`, `render`, `train` and `export`. Heavy libraries are imported only when a command runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..console import quiet, say, threads
from ..errors import DependencyError, TryOnError, UsageError
from .settings import STAGES, read

_REMEDY = "Run: pip install 'tryon[train]'"


def add_command(commands: Any) -> None:
    """Register the commands."""
    _add_data_commands(commands)
    train = commands.add_parser("train", help="train a network", allow_abbrev=False)
    train.add_argument("stage", choices=tuple(STAGES), help="which network")
    train.add_argument("config", nargs="?", metavar="CONFIG.toml", help="settings; examples in assets/configs")
    train.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="override a setting"
    )
    train.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    train.add_argument("--dry-run", action="store_true", help="build everything, time one batch, write nothing")
    train.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    train.set_defaults(run=_train)
    export = commands.add_parser("export", help="turn trained weights into what the engines load", allow_abbrev=False)
    export.add_argument("stage", choices=tuple(STAGES), help="which network")
    export.add_argument("weights", type=Path, help=".safetensors file of a run")
    export.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: export/ beside the weights)")
    export.add_argument("--licence", help="of the weights, for the manifest (default: what the weights' file says)")
    export.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    export.set_defaults(run=_export)


def _add_data_commands(commands: Any) -> None:
    prepare = commands.add_parser("prepare", help="photos become a data set for training", allow_abbrev=False)
    prepare.add_argument("photos", type=Path, help="a folder of photos, or paired data (VITON, VITON-HD, DressCode)")
    prepare.add_argument("--out", type=Path, required=True, metavar="DATASET", help="folder to write, or to go on with")
    prepare.add_argument("--kind", choices=("auto", "person", "garment"), default="auto", help="what the photos show")
    prepare.add_argument(
        "--held-out", type=_share, default=0.05, metavar="SHARE", help="of the photos, for validation (default: 0.05)"
    )
    prepare.add_argument(
        "--own", action="store_true", help="ignore parses, keypoints and masks that came with the data"
    )
    prepare.add_argument(
        "--no-own-parse", action="store_true", help="where a parse is given, don't also keep the own parser's map"
    )
    prepare.add_argument("--retry", action="store_true", help="also analyse again what was refused")
    prepare.add_argument("--workers", type=threads, default=1, metavar="N", help="processes (default: 1)")
    prepare.add_argument("--limit", type=_count, metavar="N", help="stop after so many photos")
    prepare.set_defaults(run=_prepare)
    render = commands.add_parser("render", help="training samples of a prepared data set", allow_abbrev=False)
    render.add_argument("dataset", type=Path, help="folder that `tryon prepare` wrote")
    render.add_argument("--out", type=Path, required=True, metavar="SHARDS", help="folder to write, or to go on with")
    render.add_argument("--split", choices=("train", "val"), default="train", help="which photos (default: train)")
    render.add_argument("--count", type=_count, default=4000, metavar="N", help="samples in all (default: 4000)")
    render.add_argument("--minutes", type=float, default=600.0, help="stop after this time (default: 600)")
    render.add_argument(
        "--paired", type=_share, default=0.6, metavar="SHARE", help="of samples of pairs (default: 0.6)"
    )
    render.add_argument(
        "--transplant", type=_share, default=0.2, metavar="SHARE", help="of garments put on other people (default: 0.2)"
    )
    render.add_argument(
        "--predicted",
        type=_share,
        default=0.5,
        metavar="SHARE",
        help="of samples with the own parser's map (default: 0.5)",
    )
    render.add_argument(
        "--surroundings", type=_share, default=0.15, metavar="SHARE", help="of other backgrounds (default: 0.15)"
    )
    render.add_argument(
        "--occluders", type=_share, default=0.1, metavar="SHARE", help="of things in front of the torso (default: 0.1)"
    )
    render.add_argument("--workers", type=threads, default=1, metavar="N", help="processes (default: 1)")
    render.add_argument("--seed", type=int, default=0)
    render.set_defaults(run=_render)
    for command in (prepare, render):
        command.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return share


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _prepare(options: argparse.Namespace) -> int:
    with needs_torch(), os.fdopen(os.dup(2), "w") as bar, quiet(options.debug):
        from . import prepare

        counts = prepare.prepare(
            options.photos,
            options.out,
            kind=options.kind,
            held_out=options.held_out,
            own=options.own,
            own_parse=not options.no_own_parse,
            retry=options.retry,
            workers=options.workers,
            limit=options.limit,
            bar=bar,
        )
    say(prepare.summary(counts), sys.stdout)
    say(f"look through {options.out / 'index.html'}", sys.stdout)
    return 0


def _render(options: argparse.Namespace) -> int:
    with needs_torch():
        from .render_dataset import Mix, render_dataset

        mix = Mix(options.paired, options.transplant, options.predicted, options.surroundings, options.occluders)
        done = render_dataset(
            options.dataset,
            options.out,
            split=options.split,
            count=options.count,
            minutes=options.minutes,
            mix=mix,
            workers=options.workers,
            seed=options.seed,
        )
    say(f"{done['made']} samples from {done['from']} in {done['seconds']:.0f} s, {done['samples']} in all", sys.stdout)
    return 0


@contextmanager
def needs_torch() -> Iterator[None]:
    """Missing libraries, wrong paths and wrong values inside become one line with a remedy."""
    try:
        yield
    except ImportError as error:
        raise DependencyError(f"Training needs a library that can't be imported: {error}.", _REMEDY) from error
    except TryOnError:
        raise
    except FileNotFoundError as error:
        named = f"There is no {error.filename}." if error.filename else f"{error}."
        raise UsageError(named, "Correct the path in the settings.") from error
    except ValueError as error:
        raise UsageError(f"{error}.", "Run again with --debug to see where.") from error


def _train(options: argparse.Namespace) -> int:
    overrides = list(options.overrides)
    if options.resume:
        overrides.append("resume=true")
    settings = read(STAGES[options.stage], options.config, overrides)
    with needs_torch():
        if options.dry_run:
            from . import plan

            for name, text in getattr(plan, f"plan_{options.stage}")(settings):
                say(f"{name}: {text}", sys.stdout)
            say("dry run: nothing was written", sys.stdout)
        else:
            _stage(options.stage).train(settings)
            if os.environ.get("RANK", "0") == "0":  # with torchrun one process speaks
                say(f"the run is in {settings.out}", sys.stdout)
    return 0


def _stage(name: str) -> ModuleType:
    if name == "parser":
        from . import parser

        return parser
    if name == "garment":
        from . import garment

        return garment
    from . import tryon

    return tryon


def _exporter(name: str) -> ModuleType:
    if name == "parser":
        from . import export_parser

        return export_parser
    if name == "garment":
        from . import export_garment

        return export_garment
    from . import export_generator

    return export_generator


def _export(options: argparse.Namespace) -> int:
    if not options.weights.is_file():
        raise UsageError(f"There is no file {options.weights}.", "Give the .safetensors file of a run.")
    folder = options.out or options.weights.parent / "export"
    arguments = [str(options.weights), "--folder", str(folder)]
    arguments += ["--licence", options.licence] if options.licence else []
    with needs_torch():
        entries = _exporter(options.stage).main(arguments)
    for entry in entries:
        say(f"wrote {folder / entry['file']}: {json.dumps(entry['metrics'])}", sys.stdout)
    return 0

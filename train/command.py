"""`tryon train` and `tryon export`. torch is imported only when a command runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..console import say
from ..errors import DependencyError, TryOnError, UsageError
from .settings import STAGES, read

_REMEDY = "Run: pip install 'tryon[train]'"


def add_command(commands: Any) -> None:
    """Register both commands."""
    train = commands.add_parser("train", help="train a network", allow_abbrev=False)
    train.add_argument("stage", choices=tuple(STAGES), help="which network")
    train.add_argument("config", nargs="?", metavar="CONFIG.toml", help="settings; examples in assets/configs")
    train.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="override a setting"
    )
    train.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint (tryon only)")
    train.add_argument("--dry-run", action="store_true", help="build everything, time one batch, write nothing")
    train.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    train.set_defaults(run=_train)
    export = commands.add_parser("export", help="turn trained weights into what the engines load", allow_abbrev=False)
    export.add_argument("stage", choices=tuple(STAGES), help="which network")
    export.add_argument("weights", type=Path, help=".safetensors file of a run")
    export.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: export/ beside the weights)")
    export.add_argument("--licence", help="of the weights, for the manifest (default: Apache-2.0)")
    export.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    export.set_defaults(run=_export)


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
        if options.stage != "tryon":
            raise UsageError("Only `tryon train tryon` resumes.", "Start from weights with init or resume in the file.")
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
            say(f"the run is in {settings.out}", sys.stdout)
    return 0


def _stage(name: str) -> Any:
    if name == "parser":
        from . import parser as module
    elif name == "garment":
        from . import garment as module
    else:
        from . import tryon as module
    return module


def _export(options: argparse.Namespace) -> int:
    if not options.weights.is_file():
        raise UsageError(f"There is no file {options.weights}.", "Give the .safetensors file of a run.")
    folder = options.out or options.weights.parent / "export"
    arguments = [str(options.weights), "--folder", str(folder)]
    arguments += ["--licence", options.licence] if options.licence else []
    with needs_torch():
        if options.stage == "parser":
            from . import export_parser as module
        elif options.stage == "garment":
            from . import export_garment as module
        else:
            from . import export_generator as module
        entries = module.main(arguments)
    for entry in entries:
        say(f"wrote {folder / entry['file']}: {json.dumps(entry['metrics'])}", sys.stdout)
    return 0

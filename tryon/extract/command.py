"""The command `tryon extract`; everything heavy is imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ..console import CATEGORIES, box, identity, quiet, say, threads
from ..errors import UsageError

LAYERS = ("auto", "top", "outer")


def add_command(commands: Any) -> None:
    """Register `tryon extract`."""
    command = commands.add_parser(
        "extract", help="what a person wears, laid out flat, as a transparent picture", allow_abbrev=False
    )
    command.add_argument("--person", required=True, metavar="P", help="photo of somebody wearing the garment")
    command.add_argument("--out", required=True, metavar="FLAT.png", help="where to write it: .png or .webp")
    command.add_argument(
        "--category", choices=CATEGORIES, default="auto", help="which garment (default: auto, what covers the torso)"
    )
    command.add_argument(
        "--layer",
        choices=LAYERS,
        default="auto",
        help="of a jacket over a shirt: outer, the jacket alone; top, the shirt; auto, what is seen (default)",
    )
    command.add_argument(
        "--person-box", type=box, metavar="x0,y0,x1,y1", help="choose the person inside this box (px of the photo)"
    )
    command.add_argument("--weights", metavar="DIR", help="own networks, as 'tryon export' wrote them")
    command.add_argument(
        "--threads", type=threads, metavar="N", help="threads to use (default: the usable cores, at most 8)"
    )
    command.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from .. import imageio

    out = Path(options.out)
    if imageio.format_for(out) == "JPEG":
        raise UsageError("JPEG can't hold a transparent picture.", "End the name in .png or .webp.")
    imageio.check_folder(out)
    if identity(out) == identity(Path(options.person)):
        raise UsageError(f"{out} is the input.", "Choose another name for the output.")
    if options.weights is not None:
        os.environ["TRYON_WEIGHTS"] = options.weights
    with quiet(options.debug):
        from ..pipeline import TryOn
        from ..preprocess.unwarp import transparent

        try_on = TryOn(engine="geometric", threads=options.threads)
        garment = try_on.extract(
            options.person, category=options.category, layer=options.layer, person_box=options.person_box
        )
        picture = transparent(garment)
    imageio.save(out, picture)
    say(f"wrote {out} ({garment.category}, confidence {garment.confidence:.2f})", sys.stdout)
    return 0

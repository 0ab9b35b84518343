"""The command `tryon display`; everything heavy is imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from ..console import CATEGORIES, ENGINES, quiet, say, threads

#: How many colours are shown where nothing is said.
USUAL = 5


def add_command(commands: Any) -> None:
    """Register `tryon display`."""
    command = commands.add_parser(
        "display", help="a garment in other colours and materials, lying flat or on people", allow_abbrev=False
    )
    command.add_argument("garment", metavar="GARMENT", help="photo of the garment, lying flat or hanging")
    command.add_argument(
        "--out", required=True, metavar="DIR_OR_PNG", help="a folder for everything, or one picture: the sheet alone"
    )
    command.add_argument(
        "--colours",
        "--colors",
        metavar="C",
        help='"navy,#c03030,..." or a number: so many of a usual palette (default, without --material: 5)',
    )
    command.add_argument(
        "--material",
        nargs="+",
        default=[],
        metavar="M",
        help="pictures of cloth, or names: denim, linen, rib, melange, stripes, pinstripes, checks, tartan, dots, "
        "satin; with colours of your own: stripes:white/navy",
    )
    command.add_argument(
        "--repeat",
        type=_share,
        metavar="S",
        help="breadth of a swatch as a share of the garment's breadth (.2: about 10 cm of an adult top)",
    )
    command.add_argument("--recolour-print", action="store_true", help="give prints the wished hue too")
    command.add_argument("--no-original", action="store_true", help="leave the garment as it is out")
    command.add_argument(
        "--persons", nargs="+", default=[], metavar="P", help="photos, folders or patterns: everything is tried on"
    )
    command.add_argument("--sheet", metavar="S.png", help="where the sheet goes (default: sheet.png in the folder)")
    command.add_argument("--category", choices=CATEGORIES, default="auto", help="what the garment is (default: auto)")
    command.add_argument("--engine", choices=ENGINES, default="auto", help="how to render (default: auto)")
    command.add_argument("--format", choices=("png", "jpg", "webp"), default="png", help="of the pictures with people")
    command.add_argument("--weights", metavar="DIR", help="own networks, as 'tryon export' wrote them")
    command.add_argument(
        "--threads", type=threads, metavar="N", help="threads to use (default: the usable cores, at most 8)"
    )
    command.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    command.set_defaults(run=_run)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.005 <= value <= 5:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share of the garment's breadth, from 0.005 to 5")
    return value


def _run(options: argparse.Namespace) -> int:
    from .show import Wish, show

    if options.weights is not None:
        os.environ["TRYON_WEIGHTS"] = options.weights
    colours = options.colours
    if colours is None:
        colours = "" if options.material else str(USUAL)
    wish = Wish(
        garment=options.garment,
        out=options.out,
        colours=colours,
        materials=tuple(options.material),
        repeat=options.repeat,
        recolour_print=options.recolour_print,
        original=not options.no_original,
        persons=tuple(options.persons),
        sheet=options.sheet,
        category=options.category,
        format=options.format,
    )

    def make_try_on() -> Any:
        with quiet(options.debug):
            from ..pipeline import TryOn

            # without people nothing is rendered, so no generator need be loaded
            return TryOn(engine=options.engine if wish.persons else "geometric", threads=options.threads)

    with quiet(options.debug):
        shown = show(wish, make_try_on)
    for failure in shown.failures:
        say(f"tryon: warning: {failure}", sys.stderr)
    text = f"wrote {shown.sheet}: {shown.variants} variants"
    if wish.persons:
        text += f" on {shown.persons} people"
    say(text, sys.stdout)
    return shown.exit_code

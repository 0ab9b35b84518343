"""The actions `tryon eval report`, `ab` and `ab-result`: options only; everything heavy is imported when they run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..console import say
from ..errors import UsageError


def add_action(actions: Any) -> None:
    """Register the actions."""
    report = actions.add_parser("report", help="one HTML page about a results folder", allow_abbrev=False)
    report.add_argument("folder", type=Path, metavar="DIR", help="what 'tryon eval' wrote")
    report.add_argument("--out", type=Path, metavar="PAGE.html", help="default: DIR/report.html")
    report.set_defaults(run=_report)

    ab = actions.add_parser("ab", help="a page for blind votes between two systems", allow_abbrev=False)
    ab.add_argument("folder", type=Path, metavar="DIR", help="what 'tryon eval' wrote")
    ab.add_argument("--systems", required=True, metavar="A,B", help="the two systems")
    ab.add_argument("--out", type=Path, metavar="PAGE.html", help="default: DIR/ab.html")
    ab.add_argument("--cases", type=int, default=100, metavar="N", help="at most this many, drawn at random (100)")
    ab.set_defaults(run=_ab)

    result = actions.add_parser("ab-result", help="sum up the result files of blind votes", allow_abbrev=False)
    result.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="what the page saved, one or more per voter"
    )
    result.set_defaults(run=_ab_result)
    for parser in (report, ab, result):
        parser.add_argument("--debug", action="store_true", help="show tracebacks")


def _report(options: argparse.Namespace) -> int:
    from .report import write_report

    out = options.out or options.folder / "report.html"
    beside = write_report(options.folder, out)
    say(f"wrote {out}" + (f" (its pictures are in {beside})" if beside else ""), sys.stdout)
    return 0


def _ab(options: argparse.Namespace) -> int:
    from .ab import write_page

    systems = [name.strip() for name in options.systems.split(",")]
    if len(systems) != 2 or systems[0] == systems[1] or not all(systems):
        raise UsageError("--systems must name two systems.", "For example: --systems geometric,onnx")
    if options.cases < 1:
        raise UsageError("--cases must be at least 1.")
    out = options.out or options.folder / "ab.html"
    cases = write_page(options.folder, out, systems[0], systems[1], options.cases)
    say(f"wrote {out} ({cases} cases)", sys.stdout)
    return 0


def _ab_result(options: argparse.Namespace) -> int:
    from .ab_result import describe, read_votes

    for line in describe(read_votes(options.files)):
        say(line, sys.stdout)
    return 0

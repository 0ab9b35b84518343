"""The command `tryon catalog`; everything heavy is imported when it runs."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from typing import Any

from ..console import CATEGORIES, ENGINES, say, threads

#: Seconds between lines where no terminal shows a bar.
EVERY = 30.0


def add_command(commands: Any) -> None:
    """Register `tryon catalog`."""
    command = commands.add_parser(
        "catalog", help="every garment on every person, or a list of pairs; can be resumed", allow_abbrev=False
    )
    command.add_argument("--out", required=True, metavar="DIR", help="output folder; a run there goes on")
    command.add_argument(
        "--persons", nargs="+", default=[], metavar="P", help='files, folders or patterns such as "models/*.jpg"'
    )
    command.add_argument("--garments", nargs="+", default=[], metavar="G", help="the same for the garments")
    command.add_argument(
        "--pairs",
        metavar="FILE",
        help="instead of a grid: CSV or Parquet with the columns person, garment and, if wanted, id, category, "
        "person_box, out; paths in it are relative to it",
    )
    command.add_argument(
        "--category", choices=CATEGORIES, default="auto", help="where a row names none (default: auto)"
    )
    command.add_argument(
        "--bare-neck", action="store_true", help="take off what lies round the neck, such as a scarf; else it stays"
    )
    command.add_argument("--engine", choices=ENGINES, default="auto", help="how to render (default: auto)")
    command.add_argument("--format", choices=("png", "jpg", "webp"), default="png", help="default: png (lossless)")
    command.add_argument(
        "--workers",
        type=threads,
        metavar="N",
        help="processes (default: one for every core, as far as the memory goes)",
    )
    command.add_argument("--ray", metavar="ADDRESS", help='do the work on a Ray cluster: "auto" or HOST:PORT')
    command.add_argument(
        "--row-timeout", type=_seconds, default=300.0, metavar="S", help="give a row up after S seconds (default: 300)"
    )
    command.add_argument("--weights", metavar="DIR", help="own networks, as 'tryon export' wrote them")
    command.add_argument("--no-progress", action="store_true", help="print the last line only")
    command.add_argument("--debug", action="store_true", help="show tracebacks and the workers' messages")
    command.add_argument("--try-on", help=argparse.SUPPRESS)  # another engine: module:function, see bench.TRY_ON
    command.set_defaults(run=_run)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _run(options: argparse.Namespace) -> int:
    from .bench import TRY_ON
    from .runner import run

    if options.weights is not None:
        os.environ["TRYON_WEIGHTS"] = options.weights  # the workers see it too
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped by a scheduler: write the lists too
    progress = _Progress(options.no_progress)
    try:
        summary = run(
            options.out,
            persons=options.persons,
            garments=options.garments,
            pairs=options.pairs,
            category=options.category,
            engine=options.engine,
            format=options.format,
            workers=options.workers,
            ray=options.ray,
            progress=progress,
            row_timeout=options.row_timeout,
            debug=options.debug,
            bare_neck=options.bare_neck,
            try_on=options.try_on or TRY_ON,
        )
    finally:
        progress.close()
    text = f"{summary.rows} rows: {summary.made} made, {summary.kept} there already, {summary.failed} failed"
    if summary.failures:
        text += f" ({', '.join(f'{count} {code}' for code, count in summary.failures.items())})"
    say(f"{text}; see {summary.root / 'index.html'}", sys.stdout)
    if summary.failed:
        say(f"tryon: {summary.failed} rows failed. Each has its reason in failures.jsonl.", sys.stderr)
    return summary.exit_code


class _Progress:
    """A bar with rate and time to go on a terminal; elsewhere a line now and then."""

    def __init__(self, silent: bool) -> None:
        self._silent = silent
        self._bar: Any = None
        self._start = self._said = 0.0
        self._first = 0

    def __call__(self, there: int, failed: int, total: int) -> None:
        if self._silent:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._first, self._start = there + failed, time.monotonic()
            self._said = self._start
            self._bar = tqdm(
                total=total,
                initial=self._first,
                unit=" rows",
                smoothing=0.05,
                dynamic_ncols=True,
                file=sys.stderr,
                disable=not sys.stderr.isatty(),
            )
        if failed:
            self._bar.set_postfix(failed=failed, refresh=False)
        self._bar.update(there + failed - self._bar.n)
        if self._bar.disable:
            self._line(there + failed, failed, total)

    def _line(self, settled: int, failed: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said < EVERY or settled == self._first:
            return
        self._said = now
        rate = (settled - self._first) / (now - self._start)
        left = f"{rate:.2f} rows/s, {(total - settled) / rate:.0f} s to go"
        say(f"tryon: {settled} of {total} rows, {failed} failed, {left}", sys.stderr)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

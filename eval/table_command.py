"""The action `tryon eval table`: print the table of a results folder, or refresh it in a Markdown file."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from ..console import say
from ..errors import OutputError, UsageError

_NAME = re.compile(r"[a-z0-9-]{1,40}")


def add_action(actions: Any) -> None:
    """Register the action."""
    table = actions.add_parser("table", help="the table of a results folder", allow_abbrev=False)
    table.add_argument("folder", type=Path, metavar="DIR", help="what 'tryon eval' wrote")
    table.add_argument(
        "--into", type=Path, metavar="FILE.md", help="replace the table between the markers of this file"
    )
    table.add_argument("--name", default="unpaired", help="of the markers (default: unpaired)")
    table.add_argument("--debug", action="store_true", help="show tracebacks")
    table.set_defaults(run=_table)


def _table(options: argparse.Namespace) -> int:
    from .results import read_summary
    from .summary import markdown

    text = markdown(read_summary(options.folder))
    if options.into is None:
        sys.stdout.write(text)
        return 0
    put(options.into, options.name, text)
    say(f"wrote the table {options.name} into {options.into}", sys.stdout)
    return 0


def markers(name: str) -> tuple[str, str]:
    """The lines between which a table stands."""
    return f"<!-- evaluation {name}: written by tryon eval table -->", f"<!-- end of evaluation {name} -->"


def put(file: Path, name: str, table: str) -> None:
    """Replace what stands between the markers.

    Raises:
        UsageError: the file or its markers are not there. OutputError.
    """
    from .. import imageio

    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} can't name a table.", "Use small letters, digits and '-'.")
    begin, end = markers(name)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise OutputError(f"{file} can't be read.", "Give a Markdown file in UTF-8.") from error
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise UsageError(f"{file} lacks the markers of the table.", f"Put these two lines in: {begin} and {end}")
    before, after = text[: text.index(begin)], text[text.index(end) :]
    imageio.atomic_write(file, f"{before}{begin}\n\n{table.strip()}\n\n{after}".encode())

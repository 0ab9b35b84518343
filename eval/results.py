"""The folder that an evaluation writes: rows, summary, pictures. Format in docs/evaluation.md.

Rows are appended and synced one by one, so that a run that is killed loses at most the row it was writing. The last row
of a pair and system counts.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import imageio
from ..errors import OutputError, UsageError
from ..explain import plain

#: Version of the folder's format; readers refuse others.
FORMAT = 1
ROWS, SUMMARY, TABLE, LOCK = "results.jsonl", "summary.json", "table.md", ".lock"
#: Fields of a row and the JSON types they may have.
ROW_FIELDS: dict[str, tuple[type, ...]] = {
    "key": (str,),
    "pair": (str,),
    "number": (int,),
    "system": (str,),
    "protocol": (str,),
    "status": (str,),
    "error": (dict, type(None)),
    "person": (str,),
    "garment": (str, type(None)),
    "category": (str, type(None)),
    "size": (list,),
    "edit_box": (list, type(None)),
    "quality": (float, int, type(None)),
    "warnings": (list,),
    "pictures": (dict,),
    "metrics": (dict,),
    "timings_ms": (dict,),
    "seconds": (float, int, type(None)),
    "cpu_seconds": (float, int, type(None)),
    "rss_mb": (float, int, type(None)),
}


def check_row(row: dict[str, Any]) -> None:
    """Raises ValueError if a row is not of the format."""
    if set(row) != set(ROW_FIELDS):
        raise ValueError(f"fields that are missing or unknown: {sorted(set(row) ^ set(ROW_FIELDS))}")
    for name, types in ROW_FIELDS.items():
        if not isinstance(row[name], types) or (isinstance(row[name], bool)):
            raise ValueError(f"{name} is {type(row[name]).__name__}")
    if (row["status"] == "ok") != (row["error"] is None) or row["status"] not in ("ok", "error"):
        raise ValueError("status is 'ok' without an error, or 'error' with one")


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """All rows, the last one of each pair and system, ordered by pair number and then as first written.

    A torn last line (of a run that was killed) is left out.

    Raises:
        UsageError: there are no rows, or a line is not a row.
    """
    path = folder / ROWS
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise UsageError(f"There are no results in {folder}.", "Give a folder that 'tryon eval' wrote.") from error
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for number, line in enumerate(lines):
        if number == len(lines) - 1:
            break  # behind the last newline: empty or torn
        try:
            row = json.loads(line)
            check_row(row)
        except (ValueError, TypeError, AttributeError) as error:
            raise UsageError(f"Line {number + 1} of {path} is not a result.", "Take the line out.") from error
        rows[row["pair"], row["system"]] = row
    return sorted(rows.values(), key=lambda row: row["number"])


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a finished run.

    Raises:
        UsageError: there is none, or it has another format.
    """
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"There is no summary in {folder}.", "Let 'tryon eval' run to its end first.") from error
    if not isinstance(summary, dict) or summary.get("format") != FORMAT:
        raise UsageError(f"The results in {folder} have another format.", "Evaluate again with this version.")
    return summary


class RowWriter:
    """Appends rows. Opening repairs a torn last line."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ROWS
        try:
            if self._path.exists():
                data = self._path.read_bytes()
                whole = data.rfind(b"\n") + 1
                if whole < len(data):
                    os.truncate(self._path, whole)
            self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise OutputError(f"{self._path} can't be written.", "Choose another folder.") from error

    def add(self, row: dict[str, Any]) -> None:
        """Append a row and wait until it is on the disk."""
        row = plain(row)
        check_row(row)
        try:
            self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"{self._path} can't be written.", "Free space or choose another folder.") from error

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_summary(folder: Path, summary: dict[str, Any], table: str) -> None:
    """Write summary.json and table.md."""
    data = json.dumps(plain({"format": FORMAT, **summary}), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    imageio.atomic_write(folder / SUMMARY, data.encode())
    imageio.atomic_write(folder / TABLE, table.encode())


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder for one run.

    Raises:
        OutputError: another run holds it, or it can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / LOCK, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise OutputError(f"The folder {folder} can't be written.", "Choose another folder for --out.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise OutputError(f"Another run writes to {folder}.", "Wait for it, or choose another folder.") from error
    try:
        yield
    finally:
        lock.close()


def picture_paths(pair: str, system: str) -> dict[str, str]:
    """Where the pictures of a row lie, relative to the folder."""
    return {
        "result": f"pictures/{system}/{pair}.png",
        "mask": f"pictures/{system}/{pair}.mask.png",
        "person": f"pictures/person/{pair}.jpg",
        "garment": f"pictures/garment/{pair}.jpg",
    }

"""What is to be made: rows of a grid or of a list, with safe names, before any picture is opened.

A row that can't be used becomes a `BadRow` and costs nothing but itself. Names that leave the output folder, or that
differ only in case, never reach the disk.
"""

from __future__ import annotations

import argparse
import csv
import glob
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ..console import CATEGORIES, box
from ..errors import ManifestError
from ..imageio import FORMATS

#: What a folder of pictures is searched for.
PICTURES = (*FORMATS, ".heic", ".heif")
COLUMNS = ("id", "person", "garment", "category", "person_box", "out")
MAX_ROWS = 1_000_000
MAX_NAME = 120
_RESERVED = {"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10))}
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a row has no picture: a stable code, and two lines for people."""

    code: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture to be made.

    Args:
        line: place in the list, from 1.
        id: unique name of the row; person, garment: as they were given.
        person_path, garment_path: where they lie.
        category, person_box: as for `TryOn`.
        out: where the picture goes, relative to the folder of pictures, "/" between parts.
    """

    line: int
    id: str
    person: str
    garment: str
    person_path: str
    garment_path: str
    category: str = "auto"
    person_box: Box | None = None
    out: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be worked on."""

    line: int
    id: str
    person: str
    garment: str
    failure: Failure


def grid(persons: Sequence[str], garments: Sequence[str], category: str, extension: str) -> list[Row | BadRow]:
    """Every person with every garment. The order keeps a worker at few people and garments at a time.

    Args:
        persons, garments: files, folders or patterns such as "models/*.jpg".
        extension: of the pictures to be written, with its dot.
    """
    people, clothes = expand(persons, "person"), expand(garments, "garment")
    if len(people) * len(clothes) > MAX_ROWS:
        raise ManifestError(
            f"{len(people)} people and {len(clothes)} garments are too many for one catalog.",
            f"Make several of at most {MAX_ROWS} pairs.",
        )
    pairs = [(p, g) for p in range(len(people)) for g in range(len(clothes))]
    pairs.sort(key=lambda pair: (pair[0] // 8, pair[1] // 8, pair))
    rows: list[Row | BadRow] = [
        Row(line, "", people[p], clothes[g], people[p], clothes[g], category)
        for line, (p, g) in enumerate(pairs, start=1)
    ]
    return _named(rows, extension)


def listed(manifest: str, category: str, extension: str) -> list[Row | BadRow]:
    """The rows of a CSV or Parquet file. Paths in it are relative to it; `category` fills empty cells."""
    path = Path(manifest)
    cells = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)
    rows: list[Row | BadRow] = []
    for line, record in enumerate(cells, start=1):
        if line > MAX_ROWS:
            raise ManifestError(f"{path.name} has too many rows.", f"Make several of at most {MAX_ROWS}.")
        rows.append(_parse(line, record, path.resolve().parent, category))
    if not rows:
        raise ManifestError(f"{path.name} has no rows.", "Write a line for each pair under the header.")
    return _named(rows, extension)


def expand(patterns: Sequence[str], what: str) -> list[str]:
    """Picture files of names, folders and patterns, each once. Raises ManifestError where there are none."""
    found: list[str] = []
    for pattern in patterns:
        path = Path(pattern)
        try:
            if path.is_dir():
                names = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith("."))
                found += [str(p) for p in names if p.is_file()]
            elif path.is_file():
                found.append(pattern)
            else:
                matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []
                if not matches:
                    raise ManifestError(f"There is no {what} {pattern!r}.", "Give files, a folder or a pattern.")
                found += [name for name in matches if Path(name).is_file()]
        except (OSError, ValueError) as error:
            raise ManifestError(f"{pattern!r} can't be looked into.", "Check the name and the rights.") from error
    found = list(dict.fromkeys(found))
    if not found:
        raise ManifestError(f"There are no {what} pictures.", f"Give files that end in {', '.join(PICTURES)}.")
    return found


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="replace") as stream:
            reader = csv.reader(stream)
            header = [name.strip().lower() for name in next(reader, [])]
            _check_columns(path, header)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield dict(zip(header, cells, strict=False))
    except OSError as error:
        raise _unreadable(path, error.strerror or "unknown reason") from error
    except (csv.Error, ValueError) as error:
        raise _unreadable(path, "it is not a CSV file") from error


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ManifestError(
            "Parquet files need pyarrow.", "Run: pip install 'tryon[parquet]', or give a CSV file."
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            names = {name.strip().lower(): name for name in file.schema_arrow.names}
            _check_columns(path, list(names))
            wanted = [names[name] for name in COLUMNS if name in names]
            for batch in file.iter_batches(1024, columns=wanted):
                for record in batch.to_pylist():
                    yield {name.strip().lower(): value for name, value in record.items()}
    except OSError as error:
        raise _unreadable(path, error.strerror or "it is not a Parquet file") from error
    except (ArrowException, ValueError) as error:
        raise _unreadable(path, "it is not a Parquet file") from error


def _unreadable(path: Path, reason: str) -> ManifestError:
    return ManifestError(f"{path.name} can't be read: {reason}.", "Give a CSV or Parquet file of pairs.")


def _check_columns(path: Path, header: list[str]) -> None:
    missing = [name for name in ("person", "garment") if name not in header]
    if missing:
        raise ManifestError(
            f"{path.name} has no column {' and no column '.join(missing)}.",
            f"Its first line must name the columns; known are {', '.join(COLUMNS)}.",
        )


def _parse(line: int, record: dict[str, Any], folder: Path, category: str) -> Row | BadRow:
    def text(name: str) -> str:
        value = record.get(name)
        return "" if value is None else str(value).strip()

    person, garment, identity = text("person"), text("garment"), text("id")
    try:
        if not person or not garment:
            raise ValueError(f"There is no {'garment' if person else 'person'}.")
        chosen = text("category") or category
        if chosen not in CATEGORIES:
            raise ValueError(f"There is no category {chosen!r}; there are {', '.join(CATEGORIES)}.")
        row = Row(line, identity, person, garment, str(folder / person), str(folder / garment), chosen)
        row = replace(row, person_box=_box(record.get("person_box")), out=_checked_out(text("out")))
    except (ValueError, argparse.ArgumentTypeError) as error:
        return BadRow(line, identity, person, garment, Failure("bad_row", f"Row {line}: {error}", "Correct the row."))
    return row


def _box(value: Any) -> Box | None:
    if value is None or value == "":
        return None
    parts = value if isinstance(value, (list, tuple)) else str(value).replace(";", ",").replace(" ", ",").split(",")
    return box(",".join(str(part) for part in parts if str(part)))


def _checked_out(out: str) -> str:
    """A name for a picture, as given, or ValueError."""
    if not out:
        return ""
    parts = out.split("/")
    for part in (*parts, *unicodedata.normalize("NFKC", out).split("/")):  # some systems fold look-alikes
        if part in ("", ".", "..") or part.startswith(".") or part != part.strip() or part.endswith("."):
            raise ValueError(f"The output name {out!r} is not a plain relative name.")
        if not part.isprintable() or set(part) & set('\\:*?"<>|') or len(part.encode("utf-8", "replace")) > MAX_NAME:
            raise ValueError(f"The output name {out!r} has characters or a length that not every disk takes.")
        if part.split(".")[0].lower() in _RESERVED:
            raise ValueError(f"The output name {out!r} is reserved on some systems.")
    if len(out) > 512 or len(parts) > 8:
        raise ValueError("The output name is too long.")
    if PurePosixPath(out).suffix.lower() not in FORMATS:
        raise ValueError(f"The output name {out!r} must end in {', '.join(FORMATS)}.")
    return out


def slug(text: str) -> str:
    """A file name that every disk takes; texts that had to be changed keep apart by a hash."""
    plain = unicodedata.normalize("NFC", text)
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in plain).lstrip(".").rstrip("._")
    while len(name.encode("utf-8", "replace")) > MAX_NAME - 40:
        name = name[:-1]
    if name == plain and name and name.split(".")[0].lower() not in _RESERVED:
        return name
    return f"{name or 'row'}-{_hash(text)}"


def _hash(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def fold(name: str) -> str:
    """Equal for names that some disk holds for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _labels(paths: Iterable[str]) -> dict[str, str]:
    """A short name for each picture: its stem, with a hash where several would share it."""
    stems = {path: slug(Path(path).stem) for path in dict.fromkeys(paths)}
    count = Counter(fold(stem) for stem in stems.values())
    return {path: stem if count[fold(stem)] == 1 else f"{stem}-{_hash(path)}" for path, stem in stems.items()}


def _named(rows: list[Row | BadRow], extension: str) -> list[Row | BadRow]:
    """Give every row an id and an output name of its own; of equals the first stays."""
    good = [row for row in rows if isinstance(row, Row)]
    people, clothes = _labels(row.person for row in good), _labels(row.garment for row in good)
    guesses = Counter(f"{people[row.person]}__{clothes[row.garment]}" for row in good if not row.id)
    ids: set[str] = set()
    outs: set[str] = set()
    named: list[Row | BadRow] = []
    for row in rows:
        if isinstance(row, BadRow):
            named.append(row)
            continue
        identity = row.id
        if not identity:
            identity = f"{people[row.person]}__{clothes[row.garment]}"
            if guesses[identity] > 1 and (row.category != "auto" or row.person_box or row.out):
                identity += f"-{_hash(row.category, row.person_box, row.out)}"
        out = row.out or slug(identity) + extension
        if not row.out and fold(out) in outs and identity not in ids:  # differs in case only
            out = f"{slug(identity)}-{_hash(identity)}{extension}"
        taken = "id" if identity in ids else "output name" if fold(out) in outs else None
        if taken:
            failure = Failure("duplicate_row", f"Row {row.line}: the {taken} was used before.", "Give it another one.")
            named.append(BadRow(row.line, identity, row.person, row.garment, failure))
            continue
        ids.add(identity)
        outs.add(fold(out))
        named.append(replace(row, id=identity, out=out))
    return named

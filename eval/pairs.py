"""Which person wears which garment: from a list or from two folders."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..imageio import FORMATS

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Pair:
    """One task.

    Args:
        id: names the pictures; letters, digits, `-`, `_`, `.`; unique in the run. Without a column `id` it is made of
            the two names.
        person, garment: files; `garment` is None where the worn garment is put back.
        person_name, garment_name: as the list calls them.
        category: "auto" or what the list says.
    """

    id: str
    person: Path
    garment: Path | None
    person_name: str
    garment_name: str | None
    category: str = "auto"


def read_pairs(
    listing: Path | None,
    persons: Path,
    garments: Path | None,
    *,
    protocol: str = "unpaired",
    where: str | None = None,
    limit: int | None = None,
) -> list[Pair]:
    """The pairs of a run, in the order of the list.

    Without a list all photos of `persons` are used, by name: in the protocol `paired` with the garment photo of the
    same name, in `unpaired` with the garment photo that follows (the last with the first).

    Args:
        listing: CSV with the columns `person` and `garment` (file names relative to the folders, the ending may be
            left out), optionally `id` and `category`. Further columns are for `where`.
        where: "COLUMN=VALUE", keep only these lines.
        limit: keep the first pairs only.

    Raises:
        UsageError: a file, folder, column or photo is missing, or two pairs have one id.
    """
    for folder in (persons, garments):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"There is no folder {folder}.", "Check --persons and --garments.")
    alone = protocol == "self"
    if listing is not None:
        rows = _read(listing, where, alone)
    else:
        if where is not None:
            raise UsageError("--where needs --pairs.", "Give the list of pairs.")
        rows = _from_folders(persons, garments, protocol)
    if alone:  # a person may stand in several pairs
        rows = list({row["person"]: row for row in rows}.values())
    rows = rows[:limit]
    if not rows:
        raise UsageError("There are no pairs.", "Check --pairs, --where and the folders.")
    pairs, ids = [], set()
    for number, row in enumerate(rows):
        name = row.get("id") or _default_id(row["person"], None if alone else row["garment"])
        safe = _UNSAFE.sub("-", name).lstrip(".")[:120] or f"pair{number}"
        if safe.lower() in ids:
            raise UsageError(f"Two pairs have the id {safe!r}.", "Give the list a column id with different names.")
        ids.add(safe.lower())
        garment = None if alone or garments is None else _find(garments, row["garment"])
        person = _find(persons, row["person"])
        pairs.append(
            Pair(
                safe, person, garment, row["person"], row["garment"] if garment else None, row.get("category") or "auto"
            )
        )
    return pairs


def _read(listing: Path, where: str | None, alone: bool) -> list[dict[str, str]]:
    try:
        with open(listing, newline="", encoding="utf-8-sig") as file:
            rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"The list {listing} can't be read.", "Give a CSV file in UTF-8.") from error
    needed = {"person"} if alone else {"person", "garment"}
    for number, row in enumerate(rows):
        if not all(row.get(name) for name in needed):
            raise UsageError(
                f"Line {number + 2} of {listing} lacks {' or '.join(sorted(needed))}.",
                "The first line names the columns: person, garment.",
            )
    if where is None:
        return rows
    column, equals, value = where.partition("=")
    if not equals or not rows or column not in rows[0]:
        known = ", ".join(rows[0]) if rows else "none"
        raise UsageError(f"--where {where!r} is not COLUMN=VALUE with a column of the list.", f"Columns: {known}.")
    return [row for row in rows if row.get(column) == value]


def _from_folders(persons: Path, garments: Path | None, protocol: str) -> list[dict[str, str]]:
    people = _photos(persons)
    if garments is None:
        return [{"person": name} for name in people]
    cloths = _photos(garments)
    if protocol == "paired":
        stems = {Path(name).stem: name for name in cloths}
        return [{"person": p, "garment": stems[Path(p).stem]} for p in people if Path(p).stem in stems]
    if not cloths:
        return []
    return [{"person": name, "garment": cloths[(i + 1) % len(cloths)]} for i, name in enumerate(people)]


def _default_id(person: str, garment: str | None) -> str:
    """PERSON_GARMENT without the files' endings; one name where both have the same."""
    names = []
    for name in (person, garment or person):
        ending = Path(name).suffix
        names.append(name.removesuffix(ending) if ending.lower() in FORMATS else name)
    return names[0] if names[0] == names[1] else "_".join(names)


def _photos(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in FORMATS and path.is_file())


def _find(folder: Path, name: str) -> Path:
    """The photo `name` of a folder, with or without its ending. Names never lead out of the folder."""
    root = folder.resolve()
    for candidate in (name, *(name + ending for ending in FORMATS)):
        path = folder / candidate
        try:
            if path.is_file() and path.resolve().is_relative_to(root):
                return path
        except (OSError, ValueError):
            continue
    raise UsageError(f"There is no photo {name!r} in {folder}.", "Check the list and the folder.")

"""All variants of a garment, lying flat and on people, as files and as one sheet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import __version__, imageio
from ..catalog.rows import expand
from ..errors import GarmentError, OutputError, TryOnError, UsageError
from ..explain import plain
from ..types import Garment, Person
from .cloth import Cloth, study
from .colours import house_colours, parse_colour
from .oklab import to_srgb
from .sheet import Cell, contact_sheet
from .variation import Names, Variant, cut_out, find_material, prepared, variants

#: Exit code where some of the pictures with people could not be made.
SOME_FAILED = 5


@dataclass(frozen=True)
class Wish:
    """What to show.

    Args:
        garment: a picture file.
        out: a folder, or a picture file for the sheet alone.
        colours: "navy,#c03030", a number, or "" for none.
        materials: see `find_material`.
        repeat, recolour_print, original: see `variants`.
        persons: files, folders, patterns.
        sheet: where the sheet goes instead of the folder.
        category: of the garment; format: of the pictures with people.
    """

    garment: str
    out: str
    colours: str = ""
    materials: tuple[str, ...] = ()
    repeat: float | None = None
    recolour_print: bool = False
    original: bool = True
    persons: tuple[str, ...] = ()
    sheet: str | None = None
    category: str = "auto"
    format: str = "png"


@dataclass(frozen=True)
class Shown:
    """What came out: the sheet's path, numbers of variants and people, sentences about what failed."""

    sheet: Path
    variants: int
    persons: int
    failures: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        return SOME_FAILED if self.failures else 0


@dataclass
class _Column:
    """A person: the photo's path, a name for files, the analysis or why there is none."""

    path: str
    name: str
    who: Person | None = None
    error: TryOnError | None = None


@dataclass
class _Places:
    """Where things are written; nothing but the sheet where `root` is None."""

    root: Path | None
    sheet: Path
    inputs: list[object] = field(default_factory=list)

    def check(self, target: Path) -> Path:
        if _identity(target) in self.inputs:
            raise UsageError(f"{target} is one of the inputs.", "Choose another name for the output.")
        return target


def show(wish: Wish, make_try_on: Callable[[], Any]) -> Shown:
    """Make all pictures.

    Args:
        make_try_on: gives a `TryOn`; called after the wish was found to be sensible.

    Raises:
        TryOnError: the wish, the garment, or all people can't be used, or a file can't be written.
    """
    _check_colours(wish.colours)
    cloths = [find_material(text) for text in wish.materials]
    people = expand(wish.persons, "person") if wish.persons else []
    places = _places(wish, people)
    try_on = make_try_on()
    garment = prepared(try_on.analyse_garment(wish.garment, wish.category))
    cloth = study(garment.image, garment.mask)
    colours = _colours(wish.colours, cloth)
    columns = _analysed(try_on, people)
    made = variants(
        garment,
        colours=colours,
        materials=cloths,
        repeat=wish.repeat,
        recolour_print=wish.recolour_print,
        original=wish.original,
        cloth=cloth,
    )
    rows, labels, records, failures = [], [], [], []
    for variant in made:
        cells, record = _row(try_on, variant, columns, places, wish)
        rows.append(cells)
        labels.append(variant.label)
        records.append(record)
        usable = [w for c, w in zip(columns, record["worn"], strict=True) if c.who is not None and "error" in w]
        failures += [f"{variant.label} on {w['person']}: {w['error']['message']}" for w in usable]
    if not rows:
        raise UsageError("There is nothing to show.", "Name colours or materials, or leave --no-original out.")
    sheet = contact_sheet(rows, labels, ["flat", *(c.name for c in columns)])
    imageio.save(places.check(places.sheet), sheet)
    if places.root is not None:
        manifest = _manifest(wish, garment, cloth, places, records)
        imageio.atomic_write(places.check(places.root / "manifest.json"), manifest)
    broken = [f"{c.path}: {c.error}" for c in columns if c.error is not None]
    return Shown(places.sheet, len(rows), sum(c.who is not None for c in columns), (*broken, *failures))


def _check_colours(text: str) -> None:
    if text and not text.strip().isdecimal():
        for part in text.split(","):
            parse_colour(part)


def _colours(text: str, cloth: Cloth) -> list[str]:
    if not text:
        return []
    if text.strip().isdecimal():
        return house_colours(int(text.strip()[:6]), cloth.base)
    return [part.strip() for part in text.split(",")]


def _places(wish: Wish, people: list[str]) -> _Places:
    """Refuse what can't be written, or would overwrite an input, before anything is computed; make the folders."""
    inputs = [_identity(Path(p)) for p in (wish.garment, *people, *wish.materials)]
    out = Path(wish.out)
    if out.suffix.lower() in imageio.FORMATS:
        if wish.sheet is not None:
            raise UsageError("--out is a picture, and --sheet names another.", "Give --out a folder, or drop --sheet.")
        places = _Places(None, out, inputs)
    else:
        places = _Places(out, Path(wish.sheet) if wish.sheet is not None else out / "sheet.png", inputs)
    imageio.format_for(places.sheet)
    if wish.sheet is not None or places.root is None:
        imageio.check_folder(places.sheet)
    places.check(places.sheet)
    if places.root is not None:
        for folder in (out, out / "flat", *([out / "worn"] if people else [])):
            try:
                folder.mkdir(exist_ok=True)
            except (OSError, ValueError) as error:
                raise OutputError(f"The folder {folder} can't be made.", "Choose another place for --out.") from error
        imageio.check_folder(out / "manifest.json")
    return places


def _analysed(try_on: Any, people: list[str]) -> list[_Column]:
    """Every person once. Raises the first error if nobody can be used."""
    named = Names()
    columns = []
    for path in people:
        column = _Column(path, named(Path(path).stem))
        try:
            column.who = try_on.analyse_person(path)
        except TryOnError as error:
            if error.exit_code != TryOnError.exit_code:
                raise
            column.error = error
        columns.append(column)
    if columns and all(c.error is not None for c in columns) and columns[0].error is not None:
        raise columns[0].error
    return columns


def _row(
    try_on: Any, variant: Variant, columns: list[_Column], places: _Places, wish: Wish
) -> tuple[list[Cell], dict[str, Any]]:
    """One variant's cells, and its record for the manifest; its pictures are written."""
    flat = cut_out(variant.garment)
    record = {"name": variant.name, "label": variant.label, **variant.settings, "worn": []}
    if places.root is not None:
        imageio.save(places.check(places.root / "flat" / f"{variant.name}.png"), flat)
        record["flat"] = f"flat/{variant.name}.png"
    cells: list[Cell] = [flat]
    for column in columns:
        worn: dict[str, Any] = {"person": column.path}
        try:
            if column.who is None:
                raise column.error or TryOnError("This photo was not analysed.", "Try again.")
            result = try_on(column.who, variant.garment, category=wish.category)
        except TryOnError as error:
            if isinstance(error, GarmentError) and len(columns) == 1:
                raise
            worn["error"] = {"code": error.code, "message": error.message, "remedy": error.remedy}
            cells.append(error.message)
        else:
            cells.append(_small(result.image))
            kept = ("category", "quality", "warnings", "edit_box", "engine")
            worn |= {k: result.report[k] for k in kept if k in result.report}
            if places.root is not None:
                name = f"worn/{variant.name}__{column.name}.{wish.format}"
                imageio.save(places.check(places.root / name), result.image)
                worn["picture"] = name
        record["worn"].append(worn)
    return cells, record


def _small(image: np.ndarray, side: int = 900) -> np.ndarray:
    """A copy for the sheet: many large results must not stay in memory."""
    scale = min(1.0, side / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _manifest(wish: Wish, garment: Garment, cloth: Cloth, places: _Places, records: list[dict[str, Any]]) -> bytes:
    root = places.root or Path(".")
    sheet = str(places.sheet.relative_to(root)) if places.sheet.is_relative_to(root) else str(places.sheet)
    base = "#%02x%02x%02x" % tuple(int(v) for v in to_srgb(cloth.base))  # noqa: UP031
    record = {
        "status": "ok",
        "version": __version__,
        "garment": wish.garment,
        "category": garment.category,
        "base_colour": base,
        "base_share": round(cloth.share, 3),
        "warnings": [{"code": n.code, "message": n.message} for n in garment.warnings],
        "sheet": sheet,
        "variants": records,
    }
    return (json.dumps(plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _identity(path: Path) -> object:
    """Equal for two names of one file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return os.path.abspath(path)
    return status.st_dev, status.st_ino

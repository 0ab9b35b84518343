"""A prepared data set: what `tryon prepare` found out about photos, one row per photo, and the maps beside it.

dataset.json     {"version", "root": folder of the photos}
manifest.jsonl   a row per photo or pair, the last row of an id counts; see `prepare` for the fields
masks/ID.png     person: silhouette; garment: matte (grey, 255 = inside), photo size
parses/ID.png    person: values of `Label`, photo size (index PNG)
parses_own/ID.png   the own parser's opinion where `parses` holds a given map
thumbs/ID.jpg    for index.html
rejected.txt     ids that a person took out, one a line (index.html writes it)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import imageio
from ..errors import ManifestError, UsageError
from ..labels import PALETTE
from ..types import LANDMARKS, LOWER_LANDMARKS, Garment, Person, Pose

VERSION = 1
MANIFEST, HEADER, REJECTED = "manifest.jsonl", "dataset.json", "rejected.txt"
FOLDERS = ("masks", "parses", "parses_own", "thumbs")

Row = dict[str, Any]


class Dataset:
    """Args:
        folder: of the data set.
        root: folder of the photos, if they have moved since.

    Raises:
        UsageError: `folder` is no prepared data set.
    """

    def __init__(self, folder: str | Path, root: str | Path | None = None) -> None:
        self.folder = Path(folder)
        try:
            header = json.loads((self.folder / HEADER).read_text(encoding="utf-8"))
            self.root = Path(root if root is not None else header["root"])
            if header["version"] != VERSION:
                raise UsageError(f"{folder} was prepared by another version.", "Run `tryon prepare` again.")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{folder} is no prepared data set.", "Make one with: tryon prepare PHOTOS --out DIR"
            ) from error
        self.rows = self._read()
        self._lock = threading.Lock()

    @classmethod
    def create(cls, folder: str | Path, root: str | Path) -> Dataset:
        """A new data set, or the one that is there already.

        Raises:
            UsageError: the folder holds the data set of other photos.
        """
        folder = Path(folder)
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        header = folder / HEADER
        if header.exists():
            known = cls(folder)
            if known.root.resolve() != Path(root).resolve():
                raise UsageError(f"{folder} was prepared from {known.root}.", "Choose another --out.")
            return known
        text = json.dumps({"version": VERSION, "root": str(Path(root).resolve())}) + "\n"
        imageio.atomic_write(header, text.encode())
        return cls(folder)

    def _read(self) -> dict[str, Row]:
        """Rows by id. A torn last line, left by a kill, is dropped; anything else that is no row is an error."""
        path = self.folder / MANIFEST
        if not path.exists():
            return {}
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            data = data[: data.rfind(b"\n") + 1]
            imageio.atomic_write(path, data)
        rows: dict[str, Row] = {}
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            try:
                row = json.loads(line)
                rows[row["id"]] = row
            except (ValueError, KeyError, TypeError) as error:
                raise ManifestError(f"Line {number} of {path} is no row.", "Remove the line.") from error
        return rows

    def add(self, row: Row) -> None:
        """Append a row; the files that it speaks of must be there already."""
        with self._lock, open(self.folder / MANIFEST, "a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            self.rows[row["id"]] = row

    def rejected(self) -> set[str]:
        """Ids that a person took out."""
        path = self.folder / REJECTED
        return set(path.read_text(encoding="utf-8").split("\n")) - {""} if path.exists() else set()

    def usable(self, kind: str, split: str | None = None) -> list[str]:
        """Ids of good photos ("person", "garment") or pairs ("pair") that nobody rejected, in order.

        Args:
            split: "train" or "val"; None for both.
        """
        out = self.rejected()
        found = []
        for key, row in self.rows.items():
            if row["kind"] != kind or row["status"] != "ok" or key in out or split not in (None, row["split"]):
                continue
            parts = [row["person"], row["garment"]] if kind == "pair" else []
            if all(part not in out and self.rows.get(part, {}).get("status") == "ok" for part in parts):
                found.append(key)
        return sorted(found)

    def path(self, folder: str, key: str) -> Path:
        return self.folder / folder / f"{key}.{'jpg' if folder == 'thumbs' else 'png'}"

    def save_person(self, key: str, person: Person, own_parse: np.ndarray | None = None) -> None:
        """Write the maps of a person; `person_fields` go into the row."""
        imageio.save(self.path("masks", key), np.rint(person.pose.mask * 255).astype(np.uint8))
        imageio.atomic_write(self.path("parses", key), imageio.encode_index(person.parse, PALETTE))
        if own_parse is not None:
            imageio.atomic_write(self.path("parses_own", key), imageio.encode_index(own_parse, PALETTE))

    def save_garment(self, key: str, garment: Garment) -> None:
        """Write the matte of a garment; `garment_fields` go into the row."""
        imageio.save(self.path("masks", key), np.rint(garment.mask * 255).astype(np.uint8))

    def person(self, key: str, own_parse: bool = False) -> Person:
        """A person as `PersonAnalyser` gives it.

        Args:
            own_parse: the own parser's map where there is one.
        """
        row = self.rows[key]
        image = self._photo(row)
        mask = imageio.load(self.path("masks", key)).image[..., 0].astype(np.float32) / 255
        path = self.path("parses_own", key)
        parse = read_index(path if own_parse and path.exists() else self.path("parses", key))
        points, world = (np.array(row[name], np.float32) for name in ("keypoints", "world"))
        return Person(image, Pose(points, world, mask, tuple(row["box"])), parse)

    def garment(self, key: str) -> Garment:
        """A garment as `GarmentAnalyser` gives it."""
        row = self.rows[key]
        image = self._photo(row)
        mask = imageio.load(self.path("masks", key)).image[..., 0].astype(np.float32) / 255
        names = LOWER_LANDMARKS if row["category"] == "lower" else LANDMARKS
        marks = {name: tuple(p) if (p := row["landmarks"].get(name)) else None for name in names}
        fields = ("category", "sleeve", "scores", "confidence", "open_front", "length")
        what: Row = {name: row.get(name) for name in fields}
        return Garment(image, mask, landmarks=marks, **what)

    def _photo(self, row: Row) -> np.ndarray:
        image = imageio.load(self.root / row["file"]).image
        if list(image.shape[:2]) != row["size"]:
            raise ManifestError(f"{row['file']} has changed since it was prepared.", "Run `tryon prepare` again.")
        return image


def read_index(path: Path) -> np.ndarray:
    """An index PNG's numbers, uint8 (H, W)."""
    with Image.open(path) as picture:  # noqa: TID251 - indices, not colours
        return np.asarray(picture)


def _rounded(values: Iterable[Any], digits: int) -> list[Any]:
    return np.round(np.asarray(values, np.float64), digits).tolist()


def person_fields(person: Person) -> Row:
    """What of a person goes into its row."""
    pose = person.pose
    return {
        "size": list(person.image.shape[:2]),
        "box": _rounded(pose.box, 1),
        "keypoints": _rounded(pose.keypoints, 3),
        "world": _rounded(pose.world, 4),
    }


def garment_fields(garment: Garment) -> Row:
    """What of a garment goes into its row."""
    return {
        "size": list(garment.image.shape[:2]),
        "category": garment.category,
        "sleeve": garment.sleeve,
        "length": garment.length,
        "open_front": garment.open_front,
        "confidence": round(garment.confidence, 4),
        "landmarks": {name: None if p is None else _rounded(p, 2) for name, p in garment.landmarks.items()},
        "scores": {name: round(score, 4) for name, score in garment.scores.items()},
    }

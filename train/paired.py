"""The layouts in which paired data (a person and the garment they wear) lies on people's disks.

VITON, VITON-HD    ROOT/{train,test}/{image, cloth, cloth-mask, image-parse[-v3], openpose_json, ...}, ROOT/*_pairs.txt
DressCode          ROOT/{upper_body,lower_body,dresses}/{images, masks, label_maps, keypoints}, */*_pairs*.txt

Only image and cloth must be there. What a folder holds beside them (parse, keypoints, garment mask) is used, the rest
is left to the project's own networks; `agnostic` and `openpose_img` are pictures made for other models and not read.

A pairs file says which photos belong to a split. Its second column is often another garment, for unpaired tests: the
garment that the person wears has the same file name (VITON-HD) or the same number with _1 (VITON, DressCode), and
only where there is no such file the second column counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import BadImage, UsageError
from ..labels import Label

_IMAGES, _CLOTHS = ("image", "images"), ("cloth", "cloths", "images")
_MASKS = ("cloth-mask", "cloth_mask", "masks")
_PARSES = ("image-parse-v3", "image-parse", "image_parse", "label_maps")
_POSES = ("openpose_json", "openpose-json", "pose", "keypoints")
_CATEGORIES = {"upper_body": "upper", "lower_body": "lower", "dresses": "dress"}
#: DressCode numbers the parts of a photo: 000001_0 person, _1 garment, _2 keypoints, _4 labels.
_PERSON, _GARMENT = "_0", "_1"

_L = Label
#: LIP labels (VITON: `image-parse`); 10 is the neck in VITON-HD.
LIP = (
    _L.BACKGROUND, _L.ACCESSORY, _L.HAIR, _L.ARMS, _L.ACCESSORY, _L.TOP, _L.DRESS, _L.OUTERWEAR, _L.LEGS, _L.LOWER,
    _L.FACE, _L.ACCESSORY, _L.LOWER, _L.FACE, _L.ARMS, _L.ARMS, _L.LEGS, _L.LEGS, _L.SHOES, _L.SHOES,
)  # fmt: skip
LIP_NECK = 10
#: ATR labels (DressCode: `label_maps`).
ATR = (
    _L.BACKGROUND, _L.ACCESSORY, _L.HAIR, _L.ACCESSORY, _L.TOP, _L.LOWER, _L.LOWER, _L.DRESS, _L.ACCESSORY, _L.SHOES,
    _L.SHOES, _L.FACE, _L.LEGS, _L.LEGS, _L.ARMS, _L.ARMS, _L.BAG, _L.ACCESSORY,
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """A person photo and the garment that is worn in it; optional files are None where they are missing.

    Args:
        split: "train" or "test".
        category: "upper", "lower" or "dress".
    """

    person: Path
    garment: Path
    split: str
    category: str
    garment_mask: Path | None = None
    parse: Path | None = None
    keypoints: Path | None = None


def find_pairs(root: Path) -> list[Pair]:
    """All pairs of a folder in one of the known layouts; empty where it is none.

    Raises:
        UsageError: a pairs file names a picture that is not there.
    """
    pairs: list[Pair] = []
    for category_folder, category in [(root, "upper"), *((root / n, c) for n, c in _CATEGORIES.items())]:
        for split in ("train", "test"):
            for folder in (category_folder / split, category_folder):
                images, cloths = _first(folder, _IMAGES), _first(folder, _CLOTHS)
                if images is None or cloths is None:
                    continue
                names = list(_names(category_folder, split, images, cloths, has_splits=folder != category_folder))
                pairs += [_pair(folder, images / p, cloths / g, split, category) for p, g in names]
                break
    return pairs


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _names(listed: Path, split: str, images: Path, cloths: Path, *, has_splits: bool) -> Iterator[tuple[str, str]]:
    """(person, garment) file names of a split, each person once."""
    files = sorted(listed.glob(f"{split}_pairs*.txt"))
    unpaired = [file for file in files if "unpaired" in file.stem]
    rows = [line.split()[:2] for file in files if file not in unpaired for line in file.read_text().splitlines()]
    if not files:
        if not has_splits and (split == "test" or any(listed.glob("test_pairs*.txt"))):
            return
        rows = [[path.name, ""] for path in sorted(images.iterdir()) if not path.stem.endswith(_GARMENT)]
    seen: set[str] = set()
    for row in rows:
        if len(row) < 2 and files or not row or row[0] in seen:
            continue
        seen.add(row[0])
        worn = _worn(row[0], images, cloths) or row[1]
        if not files and not worn:
            continue
        for path in (images / row[0], cloths / worn):
            if not path.is_file():
                raise UsageError(f"The pairs name {path}, which is not there.", "Complete the folder or the list.")
        yield row[0], worn


def _worn(person: str, images: Path, cloths: Path) -> str | None:
    """The file of the garment that `person` wears, where the names tell."""
    stem = Path(person).stem
    if images != cloths and (same := _find(cloths, [stem])):
        return same.name
    found = _find(cloths, [stem[: -len(_PERSON)] + _GARMENT]) if stem.endswith(_PERSON) else None
    return found.name if found else None


def _find(folder: Path | None, stems: list[str], suffixes: tuple[str, ...] = (".jpg", ".jpeg", ".png")) -> Path | None:
    if folder is None:
        return None
    return next((p for stem in stems for s in suffixes if (p := folder / f"{stem}{s}").is_file()), None)


def _pair(folder: Path, person: Path, garment: Path, split: str, category: str) -> Pair:
    stem = person.stem
    base = stem[: -len(_PERSON)] if stem.endswith(_PERSON) else stem
    pictures = (".png", ".jpg", ".jpeg")
    return Pair(
        person,
        garment,
        split,
        category,
        _find(_first(folder, _MASKS), [garment.stem], pictures),
        _find(_first(folder, _PARSES), [stem, base + "_4"], (".png",)),
        _find(_first(folder, _POSES), [stem + "_keypoints", stem, base + "_2"], (".json",)),
    )


def read_parse(path: Path, size: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """A given label map in the project's labels.

    Args:
        path: index or grey PNG, LIP labels, or ATR labels where the folder is DressCode's.
        size: (H, W) of the photo; maps of another size are enlarged or reduced.

    Returns:
        uint8 (H, W) of `Label`, and whether the labels know the neck.

    Raises:
        BadImage: not a label map.
    """
    table = ATR if path.parent.name == "label_maps" else LIP
    try:
        with Image.open(path) as picture:  # noqa: TID251 - indices, not colours
            if picture.mode not in ("P", "L", "1"):
                raise BadImage(f"{path.name} is a coloured picture, not a label map.", "Save label maps as index PNG.")
            index = np.asarray(picture.resize((size[1], size[0]), Image.Resampling.NEAREST))
    except OSError as error:
        raise BadImage(f"{path.name} can't be read as a label map.", "Save label maps as index PNG.") from error
    if index.max(initial=0) >= len(table):
        raise BadImage(f"{path.name} has label {index.max()}, more than {len(table) - 1}.", "Use LIP or ATR labels.")
    return np.array(table, np.uint8)[index], table is ATR or bool((index == LIP_NECK).any())

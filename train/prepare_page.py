"""index.html of a prepared data set: look through the photos, reject the bad ones. One file, no network."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from urllib.parse import quote

import cv2
import numpy as np

from .. import imageio
from ..labels import PALETTE
from ..types import Garment, Person
from .dataset import Dataset

SIDE = 360
_FIELDS = ("id", "kind", "status", "file", "split", "quality", "flags", "attributes", "category", "sleeve", "error")


def thumbnail(seen: Person | Garment | np.ndarray, side: int = SIDE) -> np.ndarray:
    """A small picture that shows what was found: parse and joints, or matte and landmarks; of an array itself.

    Returns:
        uint8 (h, w, 3), the longer side at most `side` px.
    """
    if isinstance(seen, np.ndarray):
        return _small(seen, side)[0]
    image, scale = _small(seen.image, side)
    size = (image.shape[1], image.shape[0])
    if isinstance(seen, Person):
        parse = cv2.resize(seen.parse, size, interpolation=cv2.INTER_NEAREST)
        colours = np.array(PALETTE, np.uint8)[parse]
        image = np.where((parse > 0)[..., None], image // 2 + colours // 2, image)
        points = [(p[:2] * scale, p[2] > 0.5) for p in seen.pose.keypoints[11:29]]
    else:
        mask = cv2.resize(seen.mask, size, interpolation=cv2.INTER_AREA)[..., None]
        image = (image * mask + (image * 0.25 + 150) * (1 - mask)).astype(np.uint8)
        points = [(np.array(p) * scale, True) for p in seen.landmarks.values() if p is not None]
    for point, sure in points:
        centre = (round(float(point[0])), round(float(point[1])))
        cv2.circle(image, centre, 4, (20, 20, 20), -1, cv2.LINE_AA)
        cv2.circle(image, centre, 3, (70, 230, 90) if sure else (240, 80, 60), -1, cv2.LINE_AA)
    return image


def _small(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    scale = min(1.0, side / max(image.shape[:2]))
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def write_page(dataset: Dataset) -> None:
    """Write index.html into the folder of the data set."""
    rows = []
    for row in dataset.rows.values():
        if row["kind"] == "pair":
            continue
        thumb = dataset.path("thumbs", row["id"])
        there = {"thumb": f"thumbs/{quote(thumb.name)}"} if thumb.exists() else {}
        rows.append({name: row[name] for name in _FIELDS if name in row} | there)
    key = "tryon-rejected-" + hashlib.sha1(str(dataset.folder.resolve()).encode()).hexdigest()[:12]
    data = {"rows": sorted(rows, key=lambda row: row["id"]), "rejected": sorted(dataset.rejected()), "key": key}
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")  # names can't close the script
    page = resources.files(__package__).joinpath("pages/prepare.html").read_text(encoding="utf-8")
    imageio.atomic_write(dataset.folder / "index.html", page.replace("@DATA@", text).encode("utf-8", "replace"))

"""Paired data as it lies on people's disks, drawn: a figure in a top, the top lying flat, labels and joints."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import drawn_person
import numpy as np
from drawn_garments import t_shirt

from tryon import imageio
from tryon.labels import PALETTE, Label
from tryon.types import Person

#: Our labels in LIP's numbers (VITON) and ATR's (DressCode).
LIP = {
    Label.BACKGROUND: 0, Label.HAIR: 2, Label.FACE: 13, Label.ARMS: 14, Label.LEGS: 16, Label.TOP: 5,
    Label.OUTERWEAR: 7, Label.DRESS: 6, Label.LOWER: 9, Label.SHOES: 18, Label.BAG: 1, Label.ACCESSORY: 1,
}  # fmt: skip
ATR = {
    Label.BACKGROUND: 0, Label.HAIR: 2, Label.FACE: 11, Label.ARMS: 14, Label.LEGS: 12, Label.TOP: 4,
    Label.OUTERWEAR: 4, Label.DRESS: 7, Label.LOWER: 6, Label.SHOES: 9, Label.BAG: 16, Label.ACCESSORY: 1,
}  # fmt: skip
COLOURS = ((40, 70, 160), (170, 40, 50), (40, 130, 70), (200, 170, 60), (110, 60, 150), (60, 60, 66))
_COCO = (0, None, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7)  # MediaPipe's number of each joint


def figure(number: int = 0, scale: float = 1.0) -> Person:
    """A person whose short-sleeved top has the colour of garment `number`."""
    person = drawn_person.person(scale, long_sleeves=False)
    image = person.image.copy()
    top = person.parse == Label.TOP
    y, x = np.nonzero(top)
    light = 1 + 0.12 * np.sin(x / (15 * scale))[:, None]
    image[top] = np.clip(np.array(COLOURS[number % len(COLOURS)]) * light, 0, 255).astype(np.uint8)
    return Person(image, person.pose, person.parse)


def joints(person: Person) -> np.ndarray:
    """(18, 3) in OpenPose's COCO order: x, y px, confidence."""
    points = person.pose.keypoints
    neck = (points[11] + points[12]) / 2
    return np.stack([neck if k is None else points[k] for k in _COCO])


def _index_png(path: Path, parse: np.ndarray, numbers: dict[Label, int]) -> None:
    table = np.array([numbers[label] for label in Label], np.uint8)
    imageio.atomic_write(path, imageio.encode_index(table[parse], PALETTE * 2))


def _openpose(path: Path, table: np.ndarray) -> None:
    record = {"version": 1.3, "people": [{"pose_keypoints_2d": [round(float(v), 3) for v in table.ravel()]}]}
    path.write_text(json.dumps(record))


def viton_hd(root: Path, train: int = 2, test: int = 1) -> Path:
    """ROOT/{train,test}/{image, cloth, cloth-mask, image-parse-v3, openpose_json}, ROOT/{train,test}_pairs.txt.

    The test list names another garment in its second column, as for unpaired tests.
    """
    for split, count, first in (("train", train, 0), ("test", test, train)):
        folder = root / split
        for name in ("image", "cloth", "cloth-mask", "image-parse-v3", "openpose_json", "agnostic-v3.2"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        lines = []
        for number in range(first, first + count):
            stem, person = f"{number:05d}_00", figure(number)
            imageio.save(folder / "image" / f"{stem}.jpg", person.image)
            cloth, mask = t_shirt(COLOURS[number % len(COLOURS)], (250, 250, 250))
            imageio.save(folder / "cloth" / f"{stem}.jpg", cloth)
            imageio.save(folder / "cloth-mask" / f"{stem}.jpg", np.rint(mask * 255).astype(np.uint8))
            _index_png(folder / "image-parse-v3" / f"{stem}.png", person.parse, LIP)
            _openpose(folder / "openpose_json" / f"{stem}_keypoints.json", joints(person))
            other = first + (number - first + 1) % count if split == "test" else number
            lines.append(f"{stem}.jpg {other:05d}_00.jpg\n")
        (root / f"{split}_pairs.txt").write_text("".join(lines))
    return root


def viton(root: Path) -> Path:
    """One training pair: persons end in _0, garments in _1; labels without a neck, halved in size."""
    folder = root / "train"
    for name in ("image", "cloth", "image-parse", "pose"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    person = figure(1)
    imageio.save(folder / "image" / "000001_0.jpg", person.image)
    imageio.save(folder / "cloth" / "000001_1.jpg", t_shirt(COLOURS[1])[0])
    small = cv2.resize(person.parse, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST)
    _index_png(folder / "image-parse" / "000001_0.png", small, LIP)
    _openpose(folder / "pose" / "000001_0_keypoints.json", joints(person))
    (root / "train_pairs.txt").write_text("000001_0.jpg 000001_1.jpg\n\n")
    return root


def dress_code(root: Path) -> Path:
    """An upper and a lower pair: photos together in `images`, keypoints for a photo of 512 x 384."""
    for category in ("upper_body", "lower_body"):
        folder = root / category
        for name in ("images", "masks", "label_maps", "keypoints"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        person = figure(2)
        imageio.save(folder / "images" / "000007_0.jpg", person.image)
        cloth, mask = t_shirt(COLOURS[2])
        imageio.save(folder / "images" / "000007_1.jpg", cloth)
        imageio.save(folder / "masks" / "000007_1.png", np.rint(mask * 255).astype(np.uint8))
        _index_png(folder / "label_maps" / "000007_4.png", person.parse, ATR)
        table = joints(person) * (384 / person.image.shape[1], 512 / person.image.shape[0], 1)
        rows = [[float(x), float(y), 0.0, 1.0] for x, y, _ in table]
        (folder / "keypoints" / "000007_2.json").write_text(json.dumps({"keypoints": rows}))
        (folder / "train_pairs.txt").write_text("000007_0.jpg\t000007_1.jpg\n")
    return root

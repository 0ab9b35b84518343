"""Samples for the garment network: annotated garments, machine-labelled ones, and pictures that are no garments."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ..imageio import load
from ..preprocess.landmarks import ATTRIBUTES, MIRROR, POINTS, VIEW
from ..types import LANDMARKS, LOWER_LANDMARKS
from . import augment_garments as aug

#: Photos are kept at this length of the longer side, px.
STORE = 400
UNKNOWN = -1
LABEL_TO_CATEGORY = {"Pants": "lower", "Shorts": "lower", "Skirt": "lower", "Dress": "dress"}
_CHOICES = ("sleeve", "open", "length")
CATEGORY = {name: i for i, name in enumerate(ATTRIBUTES["category"])}
#: Share of the garments that are shown on a surface of their own colour, or of a part of them.
CAMOUFLAGE = 0.38
#: Share of these whose cloth is made white.
WHITE = 0.3
#: Share of lower garments among the garments.
LOWER_SHARE = 0.4
#: Sleeve ends move most and count more; elbows and knees are placed by the outline and count little.
POINT_WEIGHT = np.array([0.3 if "elbow" in n or "knee" in n else 1.3 if "sleeve" in n else 1.0 for n in POINTS])


@dataclass
class Record:
    """A garment photo, brought upright.

    Args:
        image: uint8 (H, W, 3); mask: uint8 (H, W), 255 = garment.
        points: float32 (26, 2) px in the order of `POINTS`, not-a-number where absent or unknown; tight: bool (26,),
            seen rather than judged.
        presence: int (26,) 1, 0 or UNKNOWN; category, sleeve, open_front, length, skirt: index into ATTRIBUTES or
            UNKNOWN.
        spread: (H, W, 3) the garment's colours drawn out over its rim, for pasting without a halo.
    """

    id: str
    image: np.ndarray
    mask: np.ndarray
    points: np.ndarray
    tight: np.ndarray
    presence: np.ndarray
    category: int
    sleeve: int = UNKNOWN
    open_front: int = UNKNOWN
    length: int = UNKNOWN
    skirt: int = UNKNOWN
    annotation: dict = field(default_factory=dict)
    spread: np.ndarray | None = None

    @property
    def box(self) -> np.ndarray:
        rows, cols = np.nonzero(self.mask > 127)
        return np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1], np.float64)


def senders(data: Path) -> dict[str, tuple[str, str]]:
    """Photo id -> (sender, label)."""
    with open(data / "garments.csv", newline="") as file:
        return {row["id"]: (row["sender_id"], row["label"]) for row in csv.DictReader(file)}


def load_records(data: Path, val_senders: set[str], *, held_out: bool, labels: Path | None = None) -> list[Record]:
    """Read annotated garments.

    Args:
        data: folder with garments.csv, images, annotations.json and masks.
        val_senders: the senders kept out of training.
        held_out: read theirs (for validation) or everybody else's (for training).
        labels: folder with another annotations.json and masks, of the same photos.
    """
    who, folder, records = senders(data), labels or data, []
    for note in json.loads((folder / "annotations.json").read_text()):
        if (who[note["id"]][0] in val_senders) != held_out:
            continue
        image = load(data / "images" / f"{note['id']}.jpg").image
        mask = load(folder / "masks" / f"{note['id']}.png").image[..., 0]
        records.append(make_record(note, image, mask))
    return records


def make_record(note: dict, image: np.ndarray, mask: np.ndarray) -> Record:
    """A record from an annotation, its photo and its mask: reduced to STORE and turned by quarters until upright."""
    scale = min(1.0, STORE / max(image.shape[:2]))
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    marks = note["landmarks"]
    points = np.full((len(POINTS), 2), np.nan, np.float32)
    category = note.get("category") or LABEL_TO_CATEGORY.get(note.get("label", ""), "upper")
    lower = category == "lower"
    for name in LOWER_LANDMARKS if lower else LANDMARKS:
        if marks.get(name) is not None:
            points[POINTS.index(name)] = np.asarray(marks[name], np.float32) * scale
    presence = np.isfinite(points[:, 0]).astype(np.int64)
    # knees are always "estimated" (half of the leg), and yet the best that is known
    tight = np.array([name not in note.get("estimated", ()) or "knee" in name for name in POINTS])
    sleeve, opened, length = (note.get(key) if not lower or key == "length" else None for key in _CHOICES)
    skirt = note["label"] == "Skirt" if lower and "label" in note else None
    turns = round((note.get("rotation_deg") or 0.0) / 90) % 4
    for _ in range(turns):  # one quarter counter-clockwise undoes 90 degrees clockwise
        points = np.stack([points[:, 1], image.shape[1] - points[:, 0]], 1)
        image, mask = np.rot90(image), np.rot90(mask)
    return Record(
        id=note["id"],
        image=np.ascontiguousarray(image),
        mask=np.ascontiguousarray(mask),
        points=points,
        tight=tight,
        presence=np.full(len(POINTS), UNKNOWN) if note.get("machine") else presence,
        category=CATEGORY[category],
        sleeve=UNKNOWN if sleeve is None else ATTRIBUTES["sleeve"].index(sleeve),
        open_front=UNKNOWN if opened is None else int(opened),
        length=UNKNOWN if length is None else ATTRIBUTES["length"].index(length),
        skirt=UNKNOWN if skirt is None else int(skirt),
        annotation=note,
    )


def spread_colours(image: np.ndarray, mask: np.ndarray, rim: int = 2) -> np.ndarray:
    """Replace all but the garment's interior by the colour of its nearest interior pixel."""
    inner = cv2.erode((mask > 127).astype(np.uint8), np.ones((2 * rim + 1, 2 * rim + 1), np.uint8))
    if not inner.any():
        return image
    _, labels = cv2.distanceTransformWithLabels(1 - inner, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((labels.max() + 1, 3), np.uint8)
    colours[labels[inner > 0]] = image[inner > 0]
    return colours[labels]


def surface_patches(records: list[Record], side: int = 48) -> list[np.ndarray]:
    """Rectangles beside the garments: what garments lie on."""
    patches = []
    for record in records:
        clear = (cv2.dilate(record.mask, np.ones((9, 9), np.uint8)) < 20).astype(np.int32)
        height, width = clear.shape
        best: tuple[int, tuple[int, int, int, int]] = (0, (0, 0, 0, 0))
        for y0 in range(0, height - side, 16):
            run = np.zeros(width, bool)
            for y1 in range(y0 + side, height + 1, 16):
                run = clear[y0:y1].all(0)
                edges = np.flatnonzero(np.diff(np.r_[0, run.astype(int), 0]))
                for x0, x1 in zip(edges[::2], edges[1::2], strict=True):
                    area = (x1 - x0) * (y1 - y0)
                    if x1 - x0 >= side and area > best[0]:
                        best = (area, (y0, y1, x0, x1))
        if best[0]:
            y0, y1, x0, x1 = best[1]
            patches.append(record.image[y0:y1, x0:x1].copy())
    return patches


def load_people(folder: Path, val_ids: set[str], limit: int) -> list[np.ndarray]:
    """Street photos of dressed people, reduced: not garments for this network."""
    paths = [p for p in sorted(folder.glob("*.jpg")) if p.stem not in val_ids]
    step = max(1, len(paths) // max(limit, 1))
    out = []
    for path in paths[::step]:
        image = load(path).image
        scale = 440 / max(image.shape[:2])
        out.append(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return out


def _by_category(records: list[Record]) -> list[list[Record]]:
    """Tops and dresses, and lower garments."""
    lower = CATEGORY["lower"]
    return [[r for r in records if r.category != lower], [r for r in records if r.category == lower]]


class Sampler:
    """Draws training samples.

    Args:
        annotated: records annotated by hand.
        people: photos of dressed people.
        labelled_share: share of the machine-labelled among the garments, once there are any.
    """

    def __init__(
        self,
        annotated: list[Record],
        people: list[np.ndarray],
        labelled_share: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.pools = _by_category(annotated)
        self.labelled: list[Record] = []
        self.labelled_pools = _by_category([])
        self.labelled_share = labelled_share
        self.people = people
        self.patches = surface_patches(annotated)

    def add_labelled(self, records: list[Record]) -> None:
        """Add records labelled by a machine."""
        self.labelled += records
        self.labelled_pools = _by_category(self.labelled)
        self.patches += surface_patches(records)

    def draw(self) -> dict[str, np.ndarray]:
        """One sample, see `empty_target` for its parts."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.05 and self.people:
            return self._negative(self._person_view(), "person")
        if kind < 0.11:
            texture = None
            if rng.random() < 0.6:
                record = self.pools[0][rng.integers(len(self.pools[0]))]
                x0, y0, x1, y1 = record.box
                cx, cy, half = int((x0 + x1) / 2), int((y0 + y1) / 2), int(min(x1 - x0, y1 - y0) / 5) + 2
                texture = record.image[cy - half : cy + half, cx - half : cx + half]
            return self._negative(aug.drawn_shape(rng, self.patches, texture), "none")
        lower = int(bool(self.pools[1]) and rng.random() < LOWER_SHARE)
        pool = self.pools[lower]
        if self.labelled_pools[lower] and rng.random() < self.labelled_share:
            pool = self.labelled_pools[lower]
        return self._garment(pool[rng.integers(len(pool))])

    def _garment(self, record: Record) -> dict[str, np.ndarray]:
        rng = self.rng
        warp = aug.Warp(record.box, rng)
        matte = warp.picture(record.mask)
        kind = rng.random()
        if kind < 0.5:
            if record.spread is None:
                record.spread = spread_colours(record.image, record.mask)
            view = warp.picture(record.spread)
            if rng.random() < 0.6:
                view = aug.recolour(view, None, rng)
            under = aug.background(rng, self.patches)
            if rng.random() < CAMOUFLAGE:
                if rng.random() < WHITE:
                    view = aug.bleach(view, np.full_like(matte, 255), rng)
                under = aug.camouflage(under, view, matte, rng)
            if record.annotation.get("touches_frame"):
                inside = warp.picture(np.full(record.mask.shape, 255, np.uint8))
                under = np.where(inside[..., None] > 127, under, aug.PAD).astype(np.uint8)
            view = aug.photograph(aug.composite(view, matte, under, rng), rng)
        else:
            view = warp.picture(record.image, aug.PAD)
            if rng.random() < 0.35:
                view = aug.recolour(view, matte if rng.random() < 0.6 else None, rng)
            if rng.random() < CAMOUFLAGE:
                if rng.random() < WHITE:
                    view = aug.bleach(view, matte, rng)
                around = aug.camouflage(view, view, matte, rng)
                alpha = cv2.GaussianBlur(matte, (0, 0), 1.0).astype(np.float32)[..., None] / 255
                view = (view * alpha + around * (1 - alpha)).round().astype(np.uint8)
            inside = warp.picture(np.full(record.mask.shape, 255, np.uint8))
            view = np.where(inside[..., None] > 127, aug.photograph(view, rng), aug.PAD).astype(np.uint8)
        if rng.random() < 0.12:
            view = aug.occlude(view, rng)
        target = empty_target()
        points = warp.points(record.points)
        inside_view = np.isfinite(points[:, 0]) & (points > -6).all(1) & (points < VIEW + 6).all(1)
        target["points"] = np.nan_to_num(points).astype(np.float32)
        weight = np.where(record.tight, 1.0, 0.4) * inside_view * POINT_WEIGHT
        target["point_weight"] = weight.astype(np.float32)
        target["presence"] = record.presence.astype(np.int64)
        for name in ("category", "sleeve", "open_front", "length", "skirt"):
            target[name] = np.array(getattr(record, name), np.int64)
        target["quarter"] = np.array(0, np.int64)
        if rng.random() < 0.5:
            view, matte = view[:, ::-1], matte[:, ::-1]
            mirror = list(MIRROR)
            flip, shift = np.array([-1, 1], np.float32), np.array([VIEW, 0], np.float32)
            target["points"] = target["points"][mirror] * flip + shift
            target["point_weight"], target["presence"] = target["point_weight"][mirror], target["presence"][mirror]
        if rng.random() < 0.12:
            turns = int(rng.integers(1, 4))
            view, matte = np.rot90(view, turns), np.rot90(matte, turns)
            target["quarter"] = np.array(turns, np.int64)
            target["point_weight"] = np.zeros_like(target["point_weight"])
        target["image"], target["matte"] = np.ascontiguousarray(view), np.ascontiguousarray(matte)
        target["matte_weight"] = np.array(1, np.float32)
        return target

    def _negative(self, view: np.ndarray, category: str) -> dict[str, np.ndarray]:
        target = empty_target()
        target["image"] = np.ascontiguousarray(aug.photograph(view, self.rng))
        target["category"] = np.array(CATEGORY[category], np.int64)
        target["matte_weight"] = np.array(0.2, np.float32)
        return target

    def _person_view(self) -> np.ndarray:
        rng = self.rng
        image = self.people[rng.integers(len(self.people))]
        height, width = image.shape[:2]
        side = int(rng.uniform(0.35, 1.0) * height)
        top = int(rng.integers(0, max(1, height - side + 1)) * rng.uniform(0, 1))
        half = min(width / 2, side / 2 * rng.uniform(0.5, 1))
        crop = image[top : top + side, int(width / 2 - half) : int(width / 2 + half)]
        scale = VIEW / max(crop.shape[:2])
        size = (max(8, int(crop.shape[1] * scale)), max(8, int(crop.shape[0] * scale)))
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        view = np.full((VIEW, VIEW, 3), aug.PAD, np.uint8)
        dy, dx = (VIEW - crop.shape[0]) // 2, (VIEW - crop.shape[1]) // 2
        view[dy : dy + crop.shape[0], dx : dx + crop.shape[1]] = crop
        return view[:, ::-1] if rng.random() < 0.5 else view

    def batch(self, size: int) -> dict[str, np.ndarray]:
        """`size` samples stacked: each part gets a leading axis."""
        samples = [self.draw() for _ in range(size)]
        return {key: np.stack([s[key] for s in samples]) for key in samples[0]}


def empty_target() -> dict[str, np.ndarray]:
    """A sample without content: image and matte uint8 at VIEW, points (26, 2) view px, weights, attribute indices."""
    count = len(POINTS)
    choices = {name: np.array(UNKNOWN, np.int64) for name in ATTRIBUTES if name != "presence"}
    return {
        "image": np.zeros((VIEW, VIEW, 3), np.uint8),
        "matte": np.zeros((VIEW, VIEW), np.uint8),
        "matte_weight": np.array(0, np.float32),
        "points": np.zeros((count, 2), np.float32),
        "point_weight": np.zeros(count, np.float32),
        "presence": np.full(count, UNKNOWN),
        **choices,
    }


def validation_view(record: Record, share: float = 0.88) -> tuple[np.ndarray, np.ndarray, aug.Warp]:
    """The record as the second pass at run time sees it: upright, cut to its box. Returns view, matte, warp."""
    del share
    warp = aug.Warp(record.box, np.random.default_rng(0), strength=0.0)
    return warp.picture(record.image, aug.PAD), warp.picture(record.mask), warp

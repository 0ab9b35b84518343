"""What the parser is trained on: photos cut to stored crops, and random views of them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..geometry import Placement
from ..imageio import load as load_image
from ..labels import Label
from ..preprocess.parsing import MARGIN, close_box, input_planes, person_canvas
from .augment_people import without

IGNORE = 255
#: Stored crops: larger than the canvas, so that augmentation has room.
STORE = (832, 624)
STORE_MARGIN = 0.12
#: Share of the views that look closer, at the trunk and the arms, as the parser's second look at run time does.
CLOSE_SHARE = 0.5
#: Shares of the views with a piece of the outfit in another colour, and with other surroundings.
DYED_SHARE = 0.3
SWAPPED_SHARE = 0.2


@dataclass
class Sample:
    """One photo, cut to its stored crop."""

    id: str
    image: np.ndarray  # uint8 STORE + (3,)
    mask: np.ndarray  # uint8 STORE
    keypoints: np.ndarray  # float32 (33, 3), px of the stored crop
    box: tuple[float, float, float, float]  # the person's box in the stored crop
    labels: np.ndarray | None  # uint8 STORE, values of Label or IGNORE
    coarse: bool = False  # the labels are a network's, too coarse for a closer look


def load_index_png(path: Path) -> np.ndarray:
    """The indices of a palette PNG, uint8 (H, W)."""
    return np.asarray(Image.open(path))  # noqa: TID251 - indices, not colours


def load_samples(data: Path, cache: Path, ids: list[str], label_folder: str = "labels") -> list[Sample]:
    """Read photos, masks, poses and (where they exist) labels into memory."""
    poses = np.load(cache / "poses.npz")
    rows = {key: row for row, key in enumerate(poses["ids"].tolist())}
    keypoints, boxes, found = poses["keypoints"], poses["box"], poses["found"]

    def one(key: str) -> Sample | None:
        row = rows[key]
        if not found[row]:
            return None
        box = tuple(boxes[row].tolist())
        place = Placement.around(box, STORE, STORE_MARGIN)
        image = load_image(data / "photos" / f"{key}.jpg").image
        label_file = cache / label_folder / f"{key}.png"
        labels = None
        if label_file.exists():
            labels = place.crop(load_index_png(label_file), nearest=True, border="zero")
        corners = place.to_canvas(np.array([[box[0], box[1]], [box[2], box[3]]], np.float32))
        return Sample(
            key,
            place.crop(image),
            place.crop(np.load(cache / "masks" / f"{key}.npy"), border="zero"),
            place.to_canvas(keypoints[row]),
            tuple(corners.ravel().tolist()),
            labels,
        )

    with ThreadPoolExecutor() as pool:
        return [sample for sample in pool.map(one, ids) if sample is not None]


def load_negatives(photos: Path, folder: Path) -> list[Sample]:
    """Pictures without a person in which MediaPipe saw one (`tryon.train.data_people --negatives`): all background."""
    samples = []
    for file in sorted(folder.glob("*.npz")):
        record = np.load(file)
        box = tuple(record["box"].tolist())
        place = Placement.around(box, STORE, STORE_MARGIN)
        image = load_image(photos / f"{file.stem}.jpg").image
        corners = place.to_canvas(np.array([[box[0], box[1]], [box[2], box[3]]], np.float32))
        samples.append(
            Sample(
                file.stem,
                place.crop(image),
                place.crop(record["mask"], border="zero"),
                place.to_canvas(record["keypoints"]),
                tuple(corners.ravel().tolist()),
                np.zeros(STORE, np.uint8),
            )
        )
    return samples


def plain_view(sample: Sample, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray | None]:
    """The run-time view of a sample: (planes uint8 (h, w, 10), labels uint8 (h, w) or None)."""
    place = person_canvas(sample.box, size)
    labels = None if sample.labels is None else place.crop(sample.labels, nearest=True, border="zero")
    planes = input_planes(
        place.crop(sample.image), place.to_canvas(sample.keypoints), place.crop(sample.mask, border="zero")
    )
    return planes, labels


def _random_affine(
    sample: Sample, size: tuple[int, int], rng: random.Random, close_share: float
) -> tuple[np.ndarray, bool]:
    """A map stored crop -> canvas, 2x3, and whether it mirrors: the whole person, one in six a half body, or a closer
    look."""
    x0, y0, x1, y1 = sample.box
    height, width = size
    close = close_box(sample.keypoints) if not sample.coarse and rng.random() < close_share else None
    if close is not None:
        x0, y0, x1, y1 = close
    elif rng.random() < 0.18:  # cut below: portraits
        y1 = y0 + (y1 - y0) * rng.uniform(0.35, 0.75)
    elif rng.random() < 0.1:  # cut above: no head
        y0 = y0 + (y1 - y0) * rng.uniform(0.05, 0.15)
    bw, bh = x1 - x0, y1 - y0
    scale = min(width / bw, height / bh) / (1 + 2 * MARGIN) * math.exp(rng.uniform(-0.22, 0.22))
    angle = math.radians(rng.gauss(0, 6))
    stretch = math.exp(rng.gauss(0, 0.05))
    flip = rng.random() < 0.5
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    sx = -stretch if flip else stretch
    a = np.array([[cos * sx, -sin], [sin * sx, cos]])
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    target = np.array([width / 2 + rng.gauss(0, 0.05) * width, height / 2 + rng.gauss(0, 0.04) * height])
    return np.concatenate([a, (target - a @ centre)[:, None]], axis=1), flip


def _mirror_keypoints(points: np.ndarray) -> np.ndarray:
    """Swap left and right: a mirrored person's left hand is the other one."""
    order = list(range(33))
    for a, b in [(1, 4), (2, 5), (3, 6), (7, 8), (9, 10)] + [(i, i + 1) for i in range(11, 33, 2)]:
        order[a], order[b] = b, a
    return points[order]


def _recolour(image: np.ndarray, rng: random.Random) -> np.ndarray:
    """Brightness, contrast, colour cast, saturation; sometimes blur, noise or JPEG."""
    table = np.arange(256, dtype=np.float32)[None].repeat(3, 0)
    contrast, light = rng.uniform(0.7, 1.3), rng.uniform(-28, 28)
    gamma = math.exp(rng.uniform(-0.25, 0.25))
    for channel in range(3):
        cast = rng.uniform(-10, 10)
        table[channel] = ((table[channel] / 255) ** gamma * 255 - 128) * contrast + 128 + light + cast
    lut = np.clip(table, 0, 255).astype(np.uint8).T[None]  # (1, 256, 3)
    out = cv2.LUT(image, np.ascontiguousarray(lut))
    if rng.random() < 0.5:
        grey = cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)
        share = rng.uniform(0.5, 1.3) if rng.random() < 0.85 else 0.0
        out = cv2.addWeighted(out, share, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), 1 - share, 0)
    kind = rng.random()
    if kind < 0.12:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.4))
    elif kind < 0.24:
        quality = [cv2.IMWRITE_JPEG_QUALITY, rng.randint(25, 75)]
        _, data = cv2.imencode(".jpg", out, quality)  # noqa: TID251 - degrades, stores nothing
        out = cv2.imdecode(data, cv2.IMREAD_COLOR)  # noqa: TID251
    elif kind < 0.32:
        noise = np.random.default_rng(rng.getrandbits(32)).integers(-12, 13, out.shape, dtype=np.int16)
        out = np.clip(out.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    return out


#: What `_dye` gives another colour: pieces of an outfit come in all of them.
_DYED = (Label.TOP, Label.OUTERWEAR, Label.DRESS, Label.LOWER, Label.SHOES, Label.BAG)


def _dye(image: np.ndarray, labels: np.ndarray, rng: random.Random) -> np.ndarray:
    """One piece of the outfit in another colour, plain or striped; folds and print keep their contrast.

    Args:
        image: uint8 (h, w, 3).
        labels: uint8 (h, w).
    """
    worn = [label for label in _DYED if (labels == label).any()]
    if not worn:
        return image
    inside = cv2.GaussianBlur((labels == rng.choice(worn)).astype(np.float32), (0, 0), 0.8)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light = lab[..., 0]
    mean = float((light * inside).sum() / max(float(inside.sum()), 1.0))
    target = rng.uniform(10, 95)
    depth = rng.uniform(0.5, 1.0) * min(1.0, target / max(mean, 1.0) + 0.3)
    light = target + (light - mean) * depth
    if rng.random() < 0.25:  # stripes
        angle, period = rng.uniform(0, math.pi), rng.uniform(6, 40)
        y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
        wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / period))
        light = light + np.clip(wave * 3, -1, 1) * rng.uniform(5, 25)
    keep = rng.uniform(0.0, 1.0)
    tint = (rng.gauss(0, 22), rng.gauss(0, 22))
    dyed = np.dstack([light, lab[..., 1] * keep + tint[0], lab[..., 2] * keep + tint[1]])
    dyed[..., 0] = np.clip(dyed[..., 0], 0, 100)
    out = cv2.cvtColor(dyed.astype(np.float32), cv2.COLOR_LAB2RGB) * 255
    return np.clip(np.rint(image + (out - image) * inside[..., None]), 0, 255).astype(np.uint8)


def _taken(labels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pixels of the person, by the labels or MediaPipe, bool (h, w)."""
    return (labels != Label.BACKGROUND) | (mask > 128)


def _elsewhere(
    image: np.ndarray, labels: np.ndarray, mask: np.ndarray, other: Sample, rng: random.Random
) -> np.ndarray:
    """The person in front of another photo's surroundings, uint8 (h, w, 3)."""
    assert other.labels is not None
    size = (image.shape[0], image.shape[1])
    chance = np.random.default_rng(rng.getrandbits(32))
    behind = without(other.image, _taken(other.labels, other.mask), size, chance)
    inside = _taken(labels, mask).astype(np.float32)
    alpha = np.clip(cv2.GaussianBlur(inside, (0, 0), 0.8) * 2 - 0.6, 0, 1)[..., None]
    return np.rint(image * alpha + behind * (1 - alpha)).astype(np.uint8)


def _for_pixel_centres(matrix: np.ndarray) -> np.ndarray:
    """A 2x3 map as cv2 wants it, which counts from pixel centres."""
    out = matrix.copy()
    out[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return out


def augmented_view(
    sample: Sample,
    size: tuple[int, int],
    rng: random.Random,
    others: Sequence[Sample] = (),
    close_share: float = CLOSE_SHARE,
) -> tuple[np.ndarray, np.ndarray]:
    """A random view: (planes uint8 (h, w, 10), labels uint8 (h / 2, w / 2)).

    Args:
        others: labelled photos whose surroundings may replace those of `sample`.
        close_share: how many of the views look closer, if the labels are fine enough.
    """
    assert sample.labels is not None
    matrix, flip = _random_affine(sample, size, rng, close_share)
    points = sample.keypoints.copy()
    points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    points = _mirror_keypoints(points) if flip else points
    m = _for_pixel_centres(matrix)
    wh = (size[1], size[0])
    border = cv2.BORDER_REPLICATE if rng.random() < 0.7 else cv2.BORDER_CONSTANT
    if abs(np.linalg.det(matrix[:, :2])) < 0.4:  # average first, against aliasing
        stored = cv2.resize(sample.image, (STORE[1] // 2, STORE[0] // 2), interpolation=cv2.INTER_AREA)
        coarse = _for_pixel_centres(np.concatenate([2 * matrix[:, :2], matrix[:, 2:]], axis=1))
        image = cv2.warpAffine(stored, coarse, wh, flags=cv2.INTER_LINEAR, borderMode=border)
    else:
        image = cv2.warpAffine(sample.image, m, wh, flags=cv2.INTER_LINEAR, borderMode=border)
    mask = cv2.warpAffine(sample.mask, m, wh, flags=cv2.INTER_LINEAR)
    dye, swap = rng.random() < DYED_SHARE, bool(others) and rng.random() < SWAPPED_SHARE
    if dye or swap:
        fine = cv2.warpAffine(sample.labels, m, wh, flags=cv2.INTER_NEAREST)
        image = _dye(image, fine, rng) if dye else image
        image = _elsewhere(image, fine, mask, rng.choice(others), rng) if swap else image
    image = _recolour(image, rng)
    half = _for_pixel_centres(matrix / 2)
    labels = cv2.warpAffine(sample.labels, half, (wh[0] // 2, wh[1] // 2), flags=cv2.INTER_NEAREST)
    # The mask and the skeleton err at run time, too.
    jitter = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.006 * size[0], (33, 2))
    points[:, :2] += jitter * (rng.random() < 0.5)
    roll = rng.random()
    if roll < 0.06:
        mask = np.zeros_like(mask)
    elif roll < 0.2:
        kernel = np.ones((rng.choice((3, 5, 9)),) * 2, np.uint8)
        mask = cv2.dilate(mask, kernel) if rng.random() < 0.5 else cv2.erode(mask, kernel)
    planes = input_planes(image, points, mask)
    if rng.random() < 0.06:
        planes[..., 3:9] = 0
    if rng.random() < 0.15:  # something in front
        h, w = rng.randint(size[0] // 16, size[0] // 5), rng.randint(size[1] // 16, size[1] // 4)
        y, x = rng.randrange(size[0] - h), rng.randrange(size[1] - w)
        planes[y : y + h, x : x + w, :3] = [rng.randrange(256) for _ in range(3)]
        labels[y // 2 : (y + h) // 2, x // 2 : (x + w) // 2] = IGNORE
    return planes, labels

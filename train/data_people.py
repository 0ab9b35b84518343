"""Labelled street photos for the human parser: the CCP label names mapped to `Label`, poses cached.

Clothing Co-Parsing labels skin without saying whose: it is split into face/neck/chest, arms and legs by the nearest
bone of the MediaPipe skeleton. Written once, by `python -m tryon.train.data_people --data CCP_DIR --out CACHE_DIR`:

    poses.npz            ids (N,) str; keypoints (N, 33, 3) float32; world (N, 33, 3) float32; box (N, 4) float32;
                         size (N, 2) int32 (height, width); found (N,) bool
    masks/0001.npy       uint8 (H, W), MediaPipe's person mask * 255
    labels/0001.png      uint8 (H, W) index PNG with values of `Label`, cleaned (only the labelled photos)
    labels_raw/0001.png  the same mapped name by name, without the clean-up: what validation measures against

and with `--garments GARMENTS_DIR --skip-senders FILE`, for the garment photos in which MediaPipe sees a person:

    negatives/ID.npz     keypoints (33, 3), box (4,), mask uint8 (H, W)
"""

from __future__ import annotations

import argparse
import csv
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..imageio import atomic_write, encode_index, load
from ..labels import PALETTE, Label
from ..preprocess.pose import PoseEstimator
from ..types import (
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    NOSE,
    RIGHT_ANKLE,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Pose,
)

_NAMES: dict[Label, str] = {
    Label.BACKGROUND: "null",
    Label.HAIR: "hair",
    Label.ARMS: "gloves",
    Label.LEGS: "stockings tights socks",
    Label.TOP: "blouse bra hoodie jumper shirt sweater sweatshirt t-shirt top",
    Label.OUTERWEAR: "blazer cape cardigan coat jacket suit vest",
    Label.DRESS: "bodysuit dress intimate romper swimwear",
    Label.LOWER: "jeans leggings panties pants shorts skirt",
    Label.SHOES: "boots clogs flats heels loafers pumps sandals shoes sneakers wedges",
    Label.BAG: "bag purse wallet",
    Label.ACCESSORY: "accessories belt bracelet earrings glasses hat necklace ring scarf sunglasses tie watch",
}
#: CCP name -> Label; `skin` is absent, it is split by `split_skin`.
NAME_TO_LABEL: dict[str, Label] = {name: label for label, names in _NAMES.items() for name in names.split()}

_FINGERS = {LEFT_WRIST: (17, 19, 21), RIGHT_WRIST: (18, 20, 22)}
_FEET = {LEFT_ANKLE: (29, 31), RIGHT_ANKLE: (30, 32)}


def _distance_to_segments(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Distance in px from each of (N, 2) points to the nearest of (S, 2, 2) segments, (N,)."""
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    offset = points[:, None] - start[None]
    share = np.clip((offset * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6), 0, 1)
    return np.linalg.norm(offset - share[..., None] * along, axis=-1).min(axis=1)


def skin_bones(keypoints: np.ndarray) -> dict[Label, list[np.ndarray]]:
    """Line segments that carry each kind of skin.

    Args:
        keypoints: (33, 3) px, MediaPipe's order.

    Returns:
        FACE, ARMS, LEGS -> segments, each (2, 2) px.
    """
    k = keypoints[:, :2].astype(np.float32)
    neck, hips = (k[LEFT_SHOULDER] + k[RIGHT_SHOULDER]) / 2, (k[LEFT_HIP] + k[RIGHT_HIP]) / 2
    mouth = (k[MOUTH_LEFT] + k[MOUTH_RIGHT]) / 2
    chest = neck + 0.35 * (hips - neck)
    inset = [neck + 0.6 * (k[s] - neck) for s in (LEFT_SHOULDER, RIGHT_SHOULDER)]
    face = [(k[7], k[8]), (k[NOSE], mouth), (mouth, neck), (neck, chest), (inset[0], inset[1])]
    arms, legs = [], []
    for shoulder, elbow, wrist in (
        (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST),
        (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST),
    ):
        arms += [(k[shoulder], k[elbow]), (k[elbow], k[wrist])] + [(k[wrist], k[f]) for f in _FINGERS[wrist]]
    for hip, knee, ankle in ((LEFT_HIP, LEFT_KNEE, LEFT_ANKLE), (RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE)):
        high = k[hip] + 0.15 * (k[knee] - k[hip])  # hands rest on hips, so the leg begins a little lower
        legs += [(high, k[knee]), (k[knee], k[ankle])] + [(k[ankle], k[f]) for f in _FEET[ankle]]
    parts = {Label.FACE: face, Label.ARMS: arms, Label.LEGS: legs}
    return {label: [np.stack(pair) for pair in pairs] for label, pairs in parts.items()}


def split_skin(skin: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Give each skin pixel to face, arms or legs.

    Args:
        skin: bool (H, W).
        keypoints: (33, 3) px.

    Returns:
        uint8 (H, W): FACE, ARMS or LEGS where `skin`, 0 elsewhere.
    """
    out = np.zeros(skin.shape, np.uint8)
    ys, xs = np.nonzero(skin)
    if not len(ys):
        return out
    points = np.stack([xs + 0.5, ys + 0.5], axis=1).astype(np.float32)
    order = (Label.FACE, Label.ARMS, Label.LEGS)
    bones = skin_bones(keypoints)
    distances = np.stack([_distance_to_segments(points, np.stack(bones[label])) for label in order], axis=1)
    out[ys, xs] = np.array(order, np.uint8)[distances.argmin(axis=1)]
    # A piece nearly all of one kind is wholly of that kind: hands on thighs, a chin over a raised arm.
    count, pieces = cv2.connectedComponents(skin.astype(np.uint8), connectivity=8)
    for piece in range(1, count):
        where = pieces == piece
        tally = np.bincount(out[where], minlength=len(Label))
        if tally.max() >= 0.85 * tally.sum():
            out[where] = tally.argmax()
    return out


def map_labels(index: np.ndarray, names: list[str], keypoints: np.ndarray) -> np.ndarray:
    """CCP index map -> values of `Label`, name by name.

    Args:
        index: uint8 (H, W), positions in `names`.
        names: CCP's label names.
        keypoints: (33, 3) px, for the skin.
    """
    table = np.array([NAME_TO_LABEL.get(name, Label.BACKGROUND) for name in names], np.uint8)
    parse = table[index]
    skin = index == names.index("skin")
    parse[skin] = split_skin(skin, keypoints)[skin]
    return parse


def clean_labels(parse: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Repair what is safely wrong in the annotation; the rest stays.

    A piece "dress" that begins below the waist beside a top or outerwear above it is a skirt; specks smaller than
    0.01 % of the photo take the label that surrounds them.
    """
    out = parse.copy()
    k = keypoints[:, :2]
    shoulders, hips = k[[LEFT_SHOULDER, RIGHT_SHOULDER], 1].mean(), k[[LEFT_HIP, RIGHT_HIP], 1].mean()
    waist = shoulders + 0.6 * (hips - shoulders)
    upper = int(np.isin(parse, (Label.TOP, Label.OUTERWEAR)).sum())
    dress = parse == Label.DRESS
    rows = np.nonzero(dress)[0]
    if len(rows) and upper > 0.2 * len(rows) and np.percentile(rows, 2) > waist:
        out[dress] = Label.LOWER
    speck = max(4, int(1e-4 * parse.size))
    for label in np.unique(out):
        count, pieces, stats, _ = cv2.connectedComponentsWithStats((out == label).astype(np.uint8), connectivity=8)
        for piece in range(1, count):
            if stats[piece, cv2.CC_STAT_AREA] >= speck or label in (Label.ACCESSORY, Label.SHOES, Label.ARMS):
                continue
            x, y, w, h = stats[piece, :4]
            window = np.s_[max(0, y - 1) : y + h + 1, max(0, x - 1) : x + w + 1]
            here = (pieces[window] == piece).astype(np.uint8)
            ring = (cv2.dilate(here, np.ones((3, 3), np.uint8)) > 0) & (here == 0)
            if ring.any():
                out[window][here > 0] = np.bincount(out[window][ring]).argmax()
    return out


def save_index_png(path: Path, parse: np.ndarray) -> None:
    """Write a parse map as an index PNG with the project's colours."""
    atomic_write(path, encode_index(parse, PALETTE))


@dataclass(frozen=True)
class _Record:
    id: str
    pose: Pose | None
    size: tuple[int, int]


def _cache_some(data: Path, out: Path, ids: list[str]) -> list[_Record]:
    cv2.setNumThreads(1)
    names = json.loads((data / "label_names.json").read_text())
    records = []
    with PoseEstimator() as estimator:
        for key in ids:
            image = load(data / "photos" / f"{key}.jpg").image
            height, width = image.shape[:2]
            pose = estimator.detect(image)
            if pose is None:
                records.append(_Record(key, None, (height, width)))
                continue
            thin = Pose(pose.keypoints, pose.world, np.zeros((1, 1), np.float32), pose.box)  # masks go to files
            records.append(_Record(key, thin, (height, width)))
            np.save(out / "masks" / f"{key}.npy", np.rint(pose.mask * 255).astype(np.uint8))
            label_file = data / "labels" / f"{key}.png"
            if label_file.exists():
                index = np.asarray(Image.open(label_file))  # noqa: TID251 - indices, not colours
                raw = map_labels(index, names, pose.keypoints)
                save_index_png(out / "labels_raw" / f"{key}.png", raw)
                save_index_png(out / "labels" / f"{key}.png", clean_labels(raw, pose.keypoints))
    return records


def build_cache(data: Path, out: Path, workers: int = 2) -> None:
    """Write the cache described above."""
    for folder in ("masks", "labels", "labels_raw"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    ids = sorted(path.stem for path in (data / "photos").glob("*.jpg"))
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(_cache_some, data, out, ids[i::workers]) for i in range(workers)]
        records = sorted((r for job in jobs for r in job.result()), key=lambda r: r.id)
    blank = np.zeros((33, 3), np.float32)
    np.savez_compressed(
        out / "poses.npz",
        ids=np.array([r.id for r in records]),
        keypoints=np.stack([r.pose.keypoints if r.pose else blank for r in records]),
        world=np.stack([r.pose.world if r.pose else blank for r in records]),
        box=np.array([r.pose.box if r.pose else (0, 0, r.size[1], r.size[0]) for r in records], np.float32),
        size=np.array([r.size for r in records], np.int32),
        found=np.array([r.pose is not None for r in records]),
    )


def cache_negatives(garments: Path, skip_senders: set[str], out: Path) -> int:
    """Keep what MediaPipe takes for a person in photos of garments alone; returns how many."""
    folder = out / "negatives"
    folder.mkdir(parents=True, exist_ok=True)
    with (garments / "garments.csv").open() as table:
        ids = [row["id"] for row in csv.DictReader(table) if row["sender_id"] not in skip_senders]
    count = 0
    with PoseEstimator(min_confidence=0.3) as estimator:
        for key in ids:
            pose = estimator.detect(load(garments / "images" / f"{key}.jpg").image)
            if pose is not None:
                count += 1
                mask = np.rint(pose.mask * 255).astype(np.uint8)
                np.savez_compressed(folder / f"{key}.npz", keypoints=pose.keypoints, box=np.array(pose.box), mask=mask)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="CCP folder: photos/, labels/, label_names.json")
    parser.add_argument("--out", type=Path, required=True, help="cache folder to write")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--garments", type=Path, help="garment photos: images/, garments.csv")
    parser.add_argument("--skip-senders", type=Path, help="senders that no training may see, one a line")
    args = parser.parse_args()
    build_cache(args.data, args.out, args.workers)
    if args.garments:
        held_out = set(args.skip_senders.read_text().split()) if args.skip_senders else set()
        cache_negatives(args.garments, held_out, args.out)


if __name__ == "__main__":
    main()

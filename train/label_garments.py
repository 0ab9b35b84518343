"""Machine labels for garment photos that nobody annotated, kept only where two views of the network agree.

    python -m tryon.train.label_garments --data GARMENTS_DIR --weights WEIGHTS_DIR --out LABELS_DIR --minutes 6

Each photo is analysed as in the product, and looked at once more, turned and smaller. A matte is kept if both agree at
IoU .96 or more, a landmark if both put it within 1.5 % of the garment's diagonal. The output has the form of the hand
annotations (annotations.json and masks). Senders of the validation list are never read.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from .. import weights
from ..errors import TryOnError
from ..imageio import load, save
from ..preprocess.garment import GarmentAnalyser, Look
from ..preprocess.landmarks import POINTS, VIEW, decode_heatmaps
from ..preprocess.views import View
from ..types import SLEEVES, Garment
from .data_garments import LABEL_TO_CATEGORY, senders

MATTE_AGREES = 0.96
POINT_AGREES = 0.015


def second_opinion(analyse: GarmentAnalyser, garment: Garment, turn: float) -> tuple[Look, np.ndarray]:
    """Another look at the garment, turned by `turn` degrees and smaller, and its matte on the photo."""
    rows, cols = np.nonzero(garment.mask > 0.5)
    hull = cv2.convexHull(np.stack([cols, rows], 1).astype(np.int32)).reshape(-1, 2).astype(np.float64)
    view = View.of(hull, turn, 0.13)
    look = analyse.look([view.cut(garment.image)], [view], mirror=True)[0]
    return look, view.spread(look.matte, (garment.mask.shape[0], garment.mask.shape[1]))


def label(analyse: GarmentAnalyser, photo: str, name: str, image: np.ndarray) -> tuple[dict, np.ndarray] | None:
    """Annotation and mask of a photo, or None where the views disagree.

    Args:
        name: the label of the photo in garments.csv.
    """
    category = LABEL_TO_CATEGORY.get(name, "upper")
    garment = analyse(image)
    if garment.category != category or (name == "Skirt") != garment.is_skirt:
        return None
    look, other = second_opinion(analyse, garment, 11.0)
    one, two = garment.mask > 0.5, other > 0.5
    if (one & two).sum() < MATTE_AGREES * (one | two).sum():
        return None
    rows, cols = np.nonzero(one)
    diagonal = float(np.hypot(np.ptp(rows), np.ptp(cols)))
    sleeve = SLEEVES[int(look.attributes["sleeve"].argmax())]
    marks: dict[str, list[float] | None] = dict.fromkeys(garment.landmarks)
    points, _ = decode_heatmaps(look.maps)
    again = look.view.to_photo(points * (VIEW / look.maps.shape[2]))
    for mark, first in garment.landmarks.items():
        if first is not None and np.hypot(*(again[POINTS.index(mark)] - first)) < POINT_AGREES * diagonal:
            marks[mark] = [round(v, 1) for v in first]
    if sum(v is not None for v in marks.values()) < (4 if garment.is_skirt else 7):
        return None
    edge = np.concatenate([one[0], one[-1], one[:, 0], one[:, -1]]).sum()
    note = {
        "id": photo,
        "label": name,
        "machine": True,
        "category": category,
        "sleeve": sleeve if sleeve == garment.sleeve else None,
        "length": garment.length if look.length[0] == garment.length else None,
        "touches_frame": bool(edge > 8),
        "landmarks": marks,
    }
    return note, (garment.mask * 255).round().astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="weights folder; by default the package's")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--skip", nargs="*", default=[], metavar="LANDMARK", help="points not to be labelled")
    parser.add_argument("--per-sender", type=int, default=60, help="photos of one sender at most")
    args = parser.parse_args()
    val = set(Path("assets/splits/garment_senders_val.txt").read_text().split())
    known = {note["id"] for note in json.loads((args.data / "annotations.json").read_text())}
    (args.out / "masks").mkdir(parents=True, exist_ok=True)
    analyse = GarmentAnalyser(weights.session("garment", threads=1, folder=args.weights))
    order = sorted(senders(args.data).items())  # ids are random, so this is a shuffle
    used: dict[str, int] = {}
    notes, start = [], time.time()
    for photo, (sender, name) in order:
        if time.time() - start > 60 * args.minutes:
            break
        path = args.data / "images" / f"{photo}.jpg"
        if sender in val or photo in known or not path.exists() or used.get(sender, 0) >= args.per_sender:
            continue
        used[sender] = used.get(sender, 0) + 1
        try:
            found = label(analyse, photo, name, load(path).image)
        except TryOnError:
            continue
        if found is not None:
            found[0]["landmarks"].update(dict.fromkeys(args.skip))
            notes.append(found[0])
            save(args.out / "masks" / f"{photo}.png", np.repeat(found[1][..., None], 3, 2))
    (args.out / "annotations.json").write_text(json.dumps(notes))
    print(f"{len(notes)} of {sum(used.values())} photos labelled in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()

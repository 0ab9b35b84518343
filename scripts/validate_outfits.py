"""The fixed outfits (`assets/splits/tryon_val_outfit.csv`) on their people, as a sheet.

    python scripts/validate_outfits.py --data DATA --out FOLDER

Writes FOLDER/sheet.png (top and lower garment, person, result; to be looked at, not to be published: the photos'
licences are not ours to pass on) and prints the qualities and the typed failures. People and garments were drawn by
hash from those that no training saw; every second top is tucked.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np

from tryon import TryOn, TryOnError, imageio

_LIST = Path(__file__).resolve().parents[1] / "assets" / "splits" / "tryon_val_outfit.csv"


def _tile(image: np.ndarray, height: int, width: int) -> np.ndarray:
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    tile = np.full((height, width, 3), 255, np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return tile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the photo collections: ccp/, garments/")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    try_on, rows = TryOn(), []
    with open(_LIST, newline="") as file:
        cases = list(csv.DictReader(file))
    for number, case in enumerate(cases):
        photo = args.data / "ccp" / "photos" / f"{case['person']}.jpg"
        garments = [imageio.load(args.data / "garments" / "images" / f"{case[k]}.jpg").image for k in ("top", "lower")]
        try:
            who = try_on.analyse_person(photo)
            result = try_on(who, garments, category=["upper", "lower"], tuck=case["tuck"] == "yes")
        except TryOnError as error:
            print(f"{number} {case['person']}: {error.code}: {error}")
            continue
        x0, y0, x1, y1 = (max(int(v), 0) for v in who.pose.box)
        window = slice(max(y0 - 20, 0), y1 + 20), slice(max(x0 - 20, 0), x1 + 20)
        clothes = np.vstack([_tile(g, 160, 120) for g in garments])
        rows.append(np.hstack([clothes] + [_tile(p[window], 320, 190) for p in (who.image, result.image)]))
        print(f"{number} {case['person']}: quality {result.report['quality']}")
    while len(rows) % 4:
        rows.append(np.full((320, 500, 3), 255, np.uint8))
    if rows:
        imageio.save(args.out / "sheet.png", np.vstack([np.hstack(rows[i : i + 4]) for i in range(0, len(rows), 4)]))


if __name__ == "__main__":
    main()

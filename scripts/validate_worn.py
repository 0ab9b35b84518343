"""Garments taken from people: sheets to look at, and how well a garment returns to its own wearer.

    python scripts/validate_worn.py --data DATA --out FOLDER              # sheet_NN.png of the fixed cases
    python scripts/validate_worn.py --data DATA --out FOLDER --return 20  # figures for that many wearers of tops

The sheets (wearer, flat-lay, person, result) are to be looked at, not to be published: the photos' licences are not
ours to pass on. Figures: share of the worn top that the same top covers when it is laid out and worn again, and PSNR
where both are (with the place that the fit guesses).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np

from tryon import TryOn, TryOnError, imageio
from tryon.inputs import build_inputs, edit_window
from tryon.labels import Label
from tryon.preprocess.worn import as_worn
from tryon.types import Person

_SPLITS = Path(__file__).resolve().parents[1] / "assets" / "splits"
#: Pixels of a label that a wearer of a top must show at least.
_ENOUGH = 6000


def _tile(image: np.ndarray, height: int, width: int, text: str = "") -> np.ndarray:
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    tile = np.full((height, width, 3), 255, np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if text:
        cv2.putText(tile, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (200, 0, 0), 1, cv2.LINE_AA)
    return tile


def _window(person: Person) -> tuple[slice, slice]:
    x0, y0, x1, y1 = (max(int(v), 0) for v in person.pose.box)
    return slice(y0, y1), slice(max(x0 - 12, 0), x1 + 12)


def sheets(data: Path, out: Path, engine: str, per_sheet: int = 12) -> None:
    """One row of tiles for each fixed case; prints the typed failures."""
    try_on = TryOn(engine=engine)
    with open(_SPLITS / "tryon_val_worn.csv", newline="") as file:
        cases = list(csv.DictReader(file))
    rows: list[np.ndarray] = []
    for number, case in enumerate(cases):
        wearer, person = (try_on.analyse_person(data / f"{case[k]}.jpg") for k in ("wearer", "person"))
        tiles = [_tile(wearer.image[_window(wearer)], 330, 130, f"{number} {case['wearer']}")]
        try:
            garment = try_on.extract(wearer, category=case["category"])
            result = try_on(person, garment, category=case["category"]).image
            tiles.append(_tile(garment.image, 330, 150, case["category"]))
            tiles += [_tile(p[_window(person)], 330, 120) for p in (person.image, result)]
        except TryOnError as error:
            print(f"{number} {case}: {error.code}: {error}")
            tiles.append(np.full((330, 390, 3), 230, np.uint8))
        rows.append(np.hstack(tiles))
        if len(rows) == per_sheet or number == len(cases) - 1:
            rows += [np.full_like(rows[0], 255)] * (-len(rows) % 3)
            sheet = np.vstack([np.hstack(rows[i : i + 3]) for i in range(0, len(rows), 3)])
            imageio.save(out / f"sheet_{number // per_sheet:02d}.png", sheet)
            rows = []


def returned(person: Person, try_on: TryOn) -> tuple[float, float]:
    """(share covered, PSNR in dB) of a person's top that was laid out and is worn again."""
    garment = try_on.extract(person, category="upper")
    x = build_inputs(person, as_worn(garment), edit_window(person.pose, person.parse))
    worn = np.isin(x.parse, [int(Label.TOP), int(Label.OUTERWEAR)]).astype(np.uint8)
    inner = cv2.erode(worn, np.ones((5, 5), np.uint8)) > 0
    both = inner & (x.coverage > 0.9)
    error = float(((x.warped[both] - x.image[both]) ** 2).mean())
    return float((x.coverage[inner] > 0.5).mean()), float(10 * np.log10(255**2 / max(error, 1e-6)))


def figures(data: Path, count: int) -> None:
    """Print the medians over the first `count` wearers of tops, in the order of their hashes."""
    try_on = TryOn(engine="geometric")
    names = [line.strip() for line in (_SPLITS / "people_val.txt").read_text().splitlines() if line.strip()]
    found: list[tuple[float, float]] = []
    for name in sorted(names, key=lambda n: hashlib.sha256(f"round{n}".encode()).hexdigest()):
        try:
            person = try_on.analyse_person(data / f"{name}.jpg")
            area = {label: int((person.parse == label).sum()) for label in (Label.TOP, Label.OUTERWEAR, Label.DRESS)}
            if area[Label.TOP] > max(_ENOUGH, 1.2 * area[Label.OUTERWEAR], 1.2 * area[Label.DRESS]):
                found.append(returned(person, try_on))
        except TryOnError as error:
            print(f"{name}: {error.code}: {error}")
        if len(found) == count:
            break
    cover, psnr = np.median(np.array(found), axis=0)
    print(f"{len(found)} tops: covered {cover:.3f}, PSNR {psnr:.1f} dB (medians)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with ccp/photos")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--return", type=int, default=0, metavar="N", dest="count")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    photos = args.data / "ccp" / "photos"
    if args.count:
        figures(photos, args.count)
    else:
        sheets(photos, args.out, args.engine)


if __name__ == "__main__":
    main()

"""Run the fixed validation pairs through the engines, side by side.

    python scripts/validate_tryon.py --data DATA --out FOLDER [--set core|further|all] [--engines geometric,onnx]

Writes FOLDER/sheet_NN.png (garment, person, one picture per engine; to be looked at, not to be published: the photos'
licences are not ours to pass on) and FOLDER/results.jsonl, and prints counts: done, typed failures, pairs whose
untouched
pixels are not bit-identical (must be 0), median times.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from pathlib import Path

import cv2
import numpy as np

from tryon import TryOn, TryOnError, imageio
from tryon.engines import make_engine

_PAIRS = Path(__file__).resolve().parents[1] / "assets" / "splits" / "tryon_val.csv"


def _tile(image: np.ndarray, height: int, width: int, text: str = "") -> np.ndarray:
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tile = np.full((height, width, 3), 255, np.uint8)
    tile[: size[1], : size[0]] = small
    if text:
        cv2.putText(tile, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (200, 0, 0), 1, cv2.LINE_AA)
    return tile


def run(pairs: list[dict[str, str]], data: Path, engines: list[str], out: Path, per_sheet: int) -> list[dict]:
    """Results, one record per pair; sheets are written as they fill."""
    try_on = TryOn(engine="geometric")
    made = {name: make_engine(name) for name in engines}
    records: list[dict] = []
    rows: list[np.ndarray] = []
    for number, pair in enumerate(pairs):
        record: dict = {"number": number, **pair}
        photo = imageio.load(data / "ccp" / "photos" / f"{pair['person']}.jpg").image
        flat = imageio.load(data / "garments" / "images" / f"{pair['garment']}.jpg").image
        height, width = 560, 330
        tiles = [_tile(flat, height, 240, f"{number}"), photo]
        box = None
        try:
            person, garment = try_on.analyse_person(photo), try_on.analyse_garment(flat)
            for name, engine in made.items():
                try_on.engine = engine
                result = try_on(person, garment, explain=True)
                same = bool((result.image == photo)[result.explain["edit_mask"] == 0].all())
                record[name] = {
                    "identical": same,
                    "ms": result.report["timings_ms"],
                    "quality": result.report["quality"],
                }
                record["warnings"] = [w["code"] for w in result.report["warnings"]]
                box = result.report["edit_box"] or box
                tiles.append(result.image)
            record["status"] = "ok"
        except TryOnError as error:
            record.update(status="error", code=error.code, message=str(error))
        crop = _window(box, photo.shape)
        label = record.get("code", f"{record.get(engines[-1], {}).get('quality', '')}")
        tiles = [tiles[0]] + [
            _tile(t[crop], height, width, label if i else pair["person"]) for i, t in enumerate(tiles[1:])
        ]
        while len(tiles) < 2 + len(engines):
            tiles.append(np.full((height, width, 3), 230, np.uint8))
        rows.append(np.hstack(tiles))
        records.append(record)
        if len(rows) == per_sheet or number == len(pairs) - 1:
            while len(rows) % 2:
                rows.append(np.full_like(rows[0], 255))
            sheet = np.vstack([np.hstack(rows[i : i + 2]) for i in range(0, len(rows), 2)])
            imageio.save(out / f"sheet_{number // per_sheet:02d}.png", sheet)
            rows = []
    return records


def _window(box: tuple[int, int, int, int] | None, shape: tuple[int, ...]) -> tuple[slice, slice]:
    if box is None:
        return slice(None), slice(None)
    x0, y0, x1, y1 = box
    pad = round(0.28 * (y1 - y0))
    return slice(max(y0 - pad, 0), min(y1 + pad, shape[0])), slice(max(x0 - pad, 0), min(x1 + pad, shape[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", default="core", choices=["core", "further", "all"])
    parser.add_argument("--pairs", type=Path, default=_PAIRS, help="another list: set, person, garment; with --set all")
    parser.add_argument("--engines", default="geometric,onnx")
    parser.add_argument("--per-sheet", type=int, default=6)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.pairs, newline="") as file:
        pairs = [row for row in csv.DictReader(file) if args.set in ("all", row["set"])]
    engines = args.engines.split(",")
    records = run(pairs, args.data, engines, args.out, args.per_sheet)
    imageio.atomic_write(args.out / "results.jsonl", "".join(json.dumps(r) + "\n" for r in records).encode())
    done = [r for r in records if r["status"] == "ok"]
    print(f"{len(done)} of {len(records)} done")
    for r in records:
        if r["status"] != "ok":
            print(f"  {r['number']} {r['person']} {r['garment'][:8]}: {r['code']}: {r['message']}")
    for name in engines:
        changed = [r["number"] for r in done if not r[name]["identical"]]
        stages = {k: statistics.median(r[name]["ms"][k] for r in done) for k in done[0][name]["ms"]} if done else {}
        print(f"{name}: untouched pixels changed in {len(changed)} pairs {changed}; median ms {stages}")


if __name__ == "__main__":
    main()

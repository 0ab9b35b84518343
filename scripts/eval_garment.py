"""Figures of the garment analysis on annotated garments that no training saw.

    python scripts/eval_garment.py --data GARMENTS_DIR [--weights WEIGHTS_DIR] [--json OUT.json] [--sheets DIR]

Everything goes through `GarmentAnalyser` from the raw photo, as in the product. The tables: `all` tops and dresses,
`lower` trousers, shorts and skirts, and parts of them. Distances are in percent of the diagonal of the annotated mask's
bounding box; "tight" leaves out points that the annotator estimated (knees stay in: half of the leg, always computed).
A refused garment counts as IoU 0 and as wrong. Points that were not given (`landmarks_not_given`) are in no mean.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path

import cv2
import numpy as np

from tryon import weights
from tryon.errors import TryOnError
from tryon.imageio import load, save
from tryon.preprocess.garment import GarmentAnalyser
from tryon.preprocess.landmarks import POINTS
from tryon.types import Garment

CATEGORY = {"Pants": "lower", "Shorts": "lower", "Skirt": "lower", "Dress": "dress"}  # others are "upper"
#: Figures that are shares of right answers: of tops and dresses, of lower garments.
SHARES = (("category", "sleeve", "open_front"), ("category", "length", "skirt"))


def folded(note: dict) -> bool:
    """Long sleeves along or over the body: a hidden armpit, or a sleeve end near or inside the body's width."""
    marks = note["landmarks"]
    if note.get("sleeve") != "long":
        return False
    if {"armpit_left", "armpit_right"} & set(note.get("estimated", ())):
        return True
    out = []
    for side, sign in (("left", -1), ("right", 1)):
        cuff = [marks[f"sleeve_{k}_{side}"] for k in ("out", "in")]
        armpit = marks[f"armpit_{side}"]
        if armpit is None or None in cuff:
            return True
        width = abs(marks["armpit_right"][0] - marks["armpit_left"][0]) if marks["armpit_left"] else 1
        centre = np.mean(cuff, 0)
        out.append(sign * (centre[0] - armpit[0]) < 0.3 * width and centre[1] > armpit[1])
    return any(out)


def measure(note: dict, truth: np.ndarray, garment: Garment) -> dict:
    """Figures of one garment. `errors`: landmark -> (percent of the diagonal, tight)."""
    mask = garment.mask > 0.5
    rows, cols = np.nonzero(truth)
    diagonal = float(np.hypot(np.ptp(rows) + 1, np.ptp(cols) + 1))
    errors = {}
    lost = 0
    for name in POINTS:
        wanted, got = note["landmarks"].get(name), garment.landmarks.get(name)
        if wanted is None:
            continue
        if got is None:
            lost += 1
            continue
        distance = float(np.hypot(got[0] - wanted[0], got[1] - wanted[1])) / diagonal * 100
        errors[name] = (distance, "knee" in name or name not in note.get("estimated", ()))
    category = CATEGORY.get(note["label"], "upper")
    lower = category == "lower"
    if lower:
        shares = {"length": garment.length == note["length"], "skirt": garment.is_skirt == (note["label"] == "Skirt")}
    else:
        opened = bool(note.get("open"))
        shares = {"sleeve": garment.sleeve == note.get("sleeve"), "open_front": garment.open_front == opened}
    return {
        "id": note["id"],
        "iou": float((mask & truth).sum() / max(1, (mask | truth).sum())),
        "errors": errors,
        "lost": lost,
        "category": garment.category == category,
        **shares,
        "confidence": garment.confidence,
        "kind": note["label"],
        "lower": lower,
        "hood": note["label"] == "Hoodie",
        "folded": folded(note),
        "long": note.get("sleeve") == "long",
    }


def summary(rows: list[dict]) -> dict[str, float]:
    """The table over rows of `measure`."""
    ious = np.sort([row["iou"] for row in rows])
    tight = [e for row in rows for e, seen in row["errors"].values() if seen]
    everything = [e for row in rows for e, _ in row["errors"].values()]
    shares = {name: [row[name] for row in rows if name in row] for name in ("category", *SHARES[0][1:], *SHARES[1][1:])}
    return {
        "garments": len(rows),
        "iou_mean": float(ious.mean()),
        "iou_worst_tenth_mean": float(ious[: max(1, round(len(ious) / 10))].mean()),
        "iou_p10": float(np.percentile(ious, 10)),
        "landmark_tight_mean": float(np.mean(tight)) if tight else float("nan"),
        "landmark_all_mean": float(np.mean(everything)) if everything else float("nan"),
        "landmark_tight_median": float(np.median(tight)) if tight else float("nan"),
        "landmark_tight_p90": float(np.percentile(tight, 90)) if tight else float("nan"),
        "landmarks_not_given": int(sum(row["lost"] for row in rows)),
        **{name: float(np.mean(right)) for name, right in shares.items() if right},
    }


def blank(label: str) -> dict:
    """What a refused garment with this label counts as."""
    lower = CATEGORY.get(label) == "lower"
    wrong = dict.fromkeys(SHARES[lower], False)
    return {"iou": 0.0, "errors": {}, "lost": 0, "lower": lower, "kind": label, **wrong}


def groups_of(rows: list[dict]) -> dict[str, dict[str, float]]:
    """Tables of tops and dresses, of lower garments, and of parts of both."""
    tops, lower = [r for r in rows if not r["lower"]], [r for r in rows if r["lower"]]
    parts = {"all": tops, "lower": lower}
    parts |= {name: [r for r in tops if r.get(name)] for name in ("long", "folded", "hood")}
    parts |= {kind.lower(): [r for r in lower if r.get("kind") == kind] for kind in ("Pants", "Shorts", "Skirt")}
    return {name: summary(part) for name, part in parts.items() if part}


def draw(garment: Garment, note: dict, row: dict, side: int = 300) -> np.ndarray:
    """A tile: outline of the matte, found landmarks (red left, blue right), annotated ones as white rings."""
    picture = garment.image.copy()
    contours, _ = cv2.findContours((garment.mask > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, (0, 255, 0), 1)
    for name, point in garment.landmarks.items():
        wanted = note["landmarks"].get(name)
        if wanted is not None:
            cv2.circle(picture, tuple(int(v) for v in wanted), 6, (255, 255, 255), 1, cv2.LINE_AA)
        if point is not None:
            colour = (255, 0, 0) if "left" in name else (0, 0, 255) if "right" in name else (255, 0, 255)
            cv2.circle(picture, tuple(round(v) for v in point), 3, colour, -1, cv2.LINE_AA)
    scale = side / max(picture.shape[:2])
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.zeros((side, side, 3), np.uint8)
    tile[: picture.shape[0], : picture.shape[1]] = picture[:side, :side]
    mean = np.mean([e for e, _ in row["errors"].values()]) if row["errors"] else 0
    kind = garment.sleeve or f"{garment.length} {'skirt' if garment.is_skirt else 'legs'}"
    text = f"{row['iou']:.3f} {mean:.1f}% {kind} c{garment.confidence:.2f}"
    cv2.putText(tile, text, (3, side - 6), 0, 0.45, (255, 255, 0), 1, cv2.LINE_AA)
    return tile


def contact_sheet(tiles: list[np.ndarray], columns: int = 6) -> np.ndarray:
    """Square tiles side by side."""
    tiles = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def run(args: argparse.Namespace) -> dict:
    session = weights.session("garment", threads=args.threads, folder=args.weights) if args.weights else None
    analyse = GarmentAnalyser(session, threads=args.threads)
    val = set(args.senders.read_text().split())
    with open(args.data / "garments.csv", newline="") as file:
        sender = {row["id"]: row["sender_id"] for row in csv.DictReader(file)}
    notes = [n for n in json.loads((args.data / "annotations.json").read_text()) if sender[n["id"]] in val]
    rows, tiles, refused, times = [], [], [], []
    for note in notes:
        image = load(args.data / "images" / f"{note['id']}.jpg").image
        started = time.perf_counter()
        try:
            garment = analyse(image)
        except TryOnError as error:
            refused.append((note["id"], note["label"], error.code))
            continue
        times.append(time.perf_counter() - started)
        truth = load(args.data / "masks" / f"{note['id']}.png").image[..., 0] > 127
        rows.append(measure(note, truth, garment))
        tiles.append(draw(garment, note, rows[-1]))
    counted = rows + [blank(kind) for _, kind, _ in refused]
    found = {n: [r["errors"][n][0] for r in rows if n in r["errors"] and r["errors"][n][1]] for n in POINTS}
    if args.sheets:
        args.sheets.mkdir(parents=True, exist_ok=True)
        for name, lower in (("garments", False), ("lower", True)):
            order = sorted((i for i, row in enumerate(rows) if row["lower"] == lower), key=lambda i: rows[i]["iou"])
            for page in range(0, len(order), 24):
                sheet = contact_sheet([tiles[i] for i in order[page : page + 24]])
                save(args.sheets / f"{name}_{page // 24}.png", sheet)
    return {
        "groups": groups_of(counted),
        "by_landmark": {name: float(np.mean(errors)) for name, errors in found.items() if errors},
        "refused": refused,
        "seconds_median": float(np.median(times)),
        "worst": [(r["id"], round(r["iou"], 3)) for r in sorted(rows, key=lambda r: r["iou"])[:8]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--senders", type=Path, default=Path("assets/splits/garment_senders_val.txt"))
    parser.add_argument("--weights", type=Path, help="another weights folder than the package's")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    result = run(args)
    for group, table in result["groups"].items():
        print(group, {k: round(v, 4) for k, v in table.items()})
    for key, value in result.items():
        if key != "groups":
            print(key, {k: round(v, 2) for k, v in value.items()} if isinstance(value, dict) else value)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

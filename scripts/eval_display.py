"""How well recolouring keeps folds and prints and meets the colour: a table over annotated garments, and a sheet.

    python scripts/eval_display.py --garments DIR [--count 12] [--colours white,black,#c03030,navy] [--sheet SHEET.png]

DIR has images/, masks/ and annotations.json. The garments are the first of their ids' hashes. All figures are over base
cloth at least two pixels (of the picture reduced to 360 px) from prints and outline:
    light       Pearson correlation of OKLab lightness before and after
    luminance   the same of linear luminance Y
    hue         mean |hue of the pixel - hue of the wished colour| in OKLab, degrees, weighted by chroma; no value for
                white, black and grey
    print       mean OKLab distance that print pixels moved (0.02 is just visible)
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from tryon import imageio
from tryon.display import Cloth, parse_colour, recolour, study
from tryon.display.cloth import base_weight, reduced
from tryon.display.oklab import hue, to_linear, to_oklab
from tryon.display.sheet import Cell, contact_sheet
from tryon.preprocess.matte import decontaminate

#: Weights of linear red, green and blue in luminance (ITU-R BT.709).
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def measure(image: np.ndarray, mask: np.ndarray, made: np.ndarray, cloth: Cloth, colour: tuple[int, int, int]) -> dict:
    """The figures of one recoloured garment."""
    small, inside = reduced(image, mask)
    old, size = to_oklab(small), small.shape[1::-1]
    new_small = cv2.resize(made, size, interpolation=cv2.INTER_AREA)
    new = to_oklab(new_small)
    weight = base_weight(cloth, old, cloth.around)
    base = cv2.erode((weight > 0.9).astype(np.uint8) & inside, np.ones((5, 5), np.uint8)) > 0
    prints = (weight < 0.05) & inside
    bright = [to_linear(p[base]) @ LUMINANCE for p in (small, new_small)]
    wished = to_oklab(np.array(colour, np.uint8))
    chroma = np.hypot(new[base][:, 1], new[base][:, 2])
    away = np.abs((hue(new[base]) - hue(wished) + 180) % 360 - 180)
    coloured = np.hypot(*wished[1:]) > 0.03
    return {
        "light": float(np.corrcoef(old[base][:, 0], new[base][:, 0])[0, 1]),
        "luminance": float(np.corrcoef(*bright)[0, 1]),
        "hue": float((away * chroma).sum() / chroma.sum()) if coloured else float("nan"),
        "print": float(np.linalg.norm((new - old)[prints], axis=1).mean()) if prints.sum() > 20 else float("nan"),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--garments", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--colours", default="white,black,#c03030,navy")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    ids = [record["id"] for record in json.loads((options.garments / "annotations.json").read_text())]
    ids.sort(key=lambda name: hashlib.sha256(f"display{name}".encode()).hexdigest())
    colours = options.colours.split(",")
    table, cells = [], []
    for name in ids[: options.count]:
        image = imageio.load(options.garments / "images" / f"{name}.jpg").image
        mask = imageio.load(options.garments / "masks" / f"{name}.png").image[..., 0].astype(np.float32)
        mask /= max(float(mask.max()), 1.0)
        image = decontaminate(image, mask)
        cloth = study(image, mask)
        alpha = np.rint(mask * 255).astype(np.uint8)
        row: list[Cell] = [np.dstack([image, alpha])]
        for text in colours:
            colour = parse_colour(text)
            made = recolour(image, mask, colour, cloth=cloth)
            figures = measure(image, mask, made, cloth, colour)
            table.append(figures)
            row.append(np.dstack([made, alpha]))
            shown = "  ".join(f"{key} {value:.4f}" for key, value in figures.items())
            print(f"{name[:8]}  base {cloth.share:.2f}  {text:8}  {shown}", flush=True)
        cells.append(row)
    for key in ("light", "luminance", "hue", "print"):
        values = np.array([figures[key] for figures in table])
        values = values[np.isfinite(values)]
        low, middle, high = np.percentile(values, (0, 50, 100))
        print(f"{key}: {len(values)} values, from {low:.4f} to {high:.4f}, median {middle:.4f}")
    if options.sheet is not None:
        labels = [name[:8] for name in ids[: options.count]]
        imageio.save(options.sheet, contact_sheet(cells, labels, ["photo", *colours]))


if __name__ == "__main__":
    main()

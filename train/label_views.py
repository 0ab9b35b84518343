"""Pictures from which polygons for `tryon.train.corrections` can be read: a photo beside its label map, under a grid.

    python -m tryon.train.label_views --photos PHOTOS_DIR --labels MAPS_DIR --out VIEWS_DIR [--corrections FILE.jsonl]

With `--corrections` only the photos that have a line are shown, corrected. The numbers at the grid are photo px. The
window is what is labelled, and some room round it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from ..errors import TryOnError
from ..imageio import load, save
from ..labels import PALETTE, Label
from .corrections import correct, find_photo, read
from .people_views import load_index_png

#: Largest height and breadth of one of the two panels, px.
PANEL = (1100, 520)
GRID = 50  #: photo px between two lines
ROOM = 0.08  #: room round what is labelled, share of its height
LINE, UNKNOWN = (255, 255, 0), (255, 255, 255)
STRIP = 22  #: height of the legend, px


def window(labels: np.ndarray) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) of what is labelled with some room, px; everything where nothing is."""
    height, width = labels.shape
    y, x = np.nonzero(labels != Label.BACKGROUND)
    if not len(x):
        return 0, 0, width, height
    room = round(ROOM * (int(y.max()) - int(y.min()) + 1)) + 1
    return (
        max(int(x.min()) - room, 0),
        max(int(y.min()) - room, 0),
        min(int(x.max()) + room + 1, width),
        min(int(y.max()) + room + 1, height),
    )


def _gridded(panel: np.ndarray, x0: int, y0: int, scale: float) -> np.ndarray:
    """The panel with the grid over it, in place."""
    height, width = panel.shape[:2]
    for x in range(-(-x0 // GRID) * GRID, x0 + int(width / scale), GRID):
        column = min(int((x - x0) * scale), width - 1)
        panel[:, column] = panel[:, column] * 0.6 + np.array(LINE) * 0.4
        cv2.putText(panel, str(x), (column + 2, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.38, LINE, 1, cv2.LINE_AA)
    for y in range(-(-y0 // GRID) * GRID, y0 + int(height / scale), GRID):
        row = min(int((y - y0) * scale), height - 1)
        panel[row] = panel[row] * 0.6 + np.array(LINE) * 0.4
        cv2.putText(panel, str(y), (1, row - 2), cv2.FONT_HERSHEY_SIMPLEX, 0.38, LINE, 1, cv2.LINE_AA)
    return panel


def _legend(width: int) -> np.ndarray:
    strip, x = np.zeros((STRIP, width, 3), np.uint8), 4
    for label in Label:
        if label == Label.BACKGROUND:
            continue
        cv2.rectangle(strip, (x, 5), (x + 10, 16), PALETTE[label], -1)
        cv2.putText(strip, label.name, (x + 13, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.36, UNKNOWN, 1, cv2.LINE_AA)
        x += 24 + 7 * len(label.name)
    return strip


def view(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Photo | labels over the photo, enlarged, with grid and legend.

    Args:
        image: uint8 (H, W, 3) RGB; labels: uint8 (H, W), values of `Label`; others are shown white.

    Returns:
        uint8 (h, w, 3).
    """
    x0, y0, x1, y1 = window(labels)
    scale = min(PANEL[0] / (y1 - y0), PANEL[1] / (x1 - x0))
    size = (max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1))
    photo = cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_CUBIC)
    parse = cv2.resize(labels[y0:y1, x0:x1], size, interpolation=cv2.INTER_NEAREST)
    colours = np.array([*PALETTE, *[UNKNOWN] * (256 - len(PALETTE))], np.float32)
    over = np.where((parse == Label.BACKGROUND)[..., None], 0.55 * photo, 0.4 * photo + 0.6 * colours[parse])
    over = over.astype(np.uint8)
    edge = np.zeros(parse.shape, bool)
    edge[1:] |= parse[1:] != parse[:-1]
    edge[:, 1:] |= parse[:, 1:] != parse[:, :-1]
    over[edge] = UNKNOWN
    both = np.hstack([_gridded(photo, x0, y0, scale), _gridded(over, x0, y0, scale)])
    return np.vstack([_legend(both.shape[1]), both])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--photos", "--labels", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--corrections", type=Path)
    args = parser.parse_args()
    try:
        corrections = read(args.corrections) if args.corrections else {}
        names = sorted(corrections) or sorted(path.stem for path in args.labels.glob("*.png"))
        args.out.mkdir(parents=True, exist_ok=True)
        for name in names:
            photo, labels = find_photo(args.photos, args.labels, name)
            image, parse = load(photo).image, load_index_png(labels)
            if name in corrections:
                parse = correct(image, parse, corrections[name])
            save(args.out / f"{name}.png", view(image, parse))
    except TryOnError as error:
        print(error)
        return error.exit_code
    print(f"{len(names)} pictures in {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

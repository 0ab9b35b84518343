"""A tiny paired data set for a rehearsal of training: the demo person in the demo T-shirt, dyed in several colours.

    python scripts/make_tiny_pairs.py --out pairs --train 5 --test 2

Writes the layout of VITON-HD without labels (OUT/{train,test}/{image,cloth}, OUT/*_pairs.txt). The photos are made by
the geometric engine, so they are pairs by construction; nobody should learn from them in earnest.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from tryon import TryOn, imageio

DEMO = Path(__file__).resolve().parent.parent / "assets" / "demo"


def dyed(image: np.ndarray, turn: float) -> np.ndarray:
    """The picture with all hues turned by a share of the circle; greys stay."""
    hsv = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * turn) % 360
    return np.clip(np.rint(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255), 0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--train", type=int, default=5)
    parser.add_argument("--test", type=int, default=2)
    args = parser.parse_args()
    person, garment = imageio.load(DEMO / "person.png").image, imageio.load(DEMO / "garment.jpg").image
    try_on = TryOn(engine="geometric", threads=1)
    total, number = args.train + args.test, 0
    for split, count in (("train", args.train), ("test", args.test)):
        for name in ("image", "cloth"):
            (args.out / split / name).mkdir(parents=True, exist_ok=True)
        lines = []
        for _ in range(count):
            name = f"{number:05d}_00.jpg"
            cloth, who = dyed(garment, number / total), person if number % 2 == 0 else person[:, ::-1]
            worn = try_on(np.ascontiguousarray(who), cloth).image
            imageio.save(args.out / split / "image" / name, worn)
            imageio.save(args.out / split / "cloth" / name, cloth)
            lines.append(f"{name} {name}\n")
            number += 1
        (args.out / f"{split}_pairs.txt").write_text("".join(lines))
    print(f"{total} pairs in {args.out}")


if __name__ == "__main__":
    main()

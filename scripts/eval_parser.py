"""IoU of the shipped parser on labelled people that its training did not see, at photo size.

    python scripts/eval_parser.py --data CCP_DIR --cache CACHE_DIR

`--cache` is written by `python -m tryon.train.data_people`. Pixels are pooled over the set. There are two references:
`labels`, the annotation with skirts called skirts (a piece "dress" that begins below the waist beside a top is one;
the rule looks at the annotation alone, see `data_people.clean_labels`), and `labels_raw`, the annotation mapped name by
name. Poses are estimated anew, as at run time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from tryon.train.data_people import save_index_png
from tryon.train.parser import GROUPS, confusion_table, group_iou
from tryon.train.people_views import load_index_png

from tryon import weights
from tryon.imageio import load
from tryon.labels import NUM_LABELS, Label
from tryon.preprocess.parsing import Parser
from tryon.preprocess.pose import PoseEstimator

REFERENCES = ("labels", "labels_raw")
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--val", type=Path, default=ROOT / "assets/splits/people_val.txt")
    parser.add_argument("--weights", type=Path, help="folder with manifest.json, instead of the shipped one")
    parser.add_argument("--mirror", action="store_true", help="two looks, averaged")
    parser.add_argument("--one-look", action="store_true", help="without the closer look")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for the predicted index PNGs")
    args = parser.parse_args()
    close = "parser_close" if "parser_close" in weights.names(args.weights) else "parser"
    networks = (weights.session(name, args.threads, args.weights) for name in ("parser", close))
    network = Parser(*networks, mirror=args.mirror, closer=not args.one_look)
    confusions = {name: np.zeros((NUM_LABELS, NUM_LABELS), np.int64) for name in REFERENCES}
    seconds: list[float] = []
    missed: list[str] = []
    with PoseEstimator() as estimator:
        for key in args.val.read_text().split():
            references = {name: args.cache / name / f"{key}.png" for name in REFERENCES}
            if not references["labels"].exists():
                continue
            image = load(args.data / "photos" / f"{key}.jpg").image
            pose = estimator.detect(image)
            if pose is None:
                missed.append(key)
                guess = np.zeros(image.shape[:2], np.uint8)
            else:
                start = time.perf_counter()
                guess = network(image, pose)
                seconds.append(time.perf_counter() - start)
            if args.save:
                args.save.mkdir(parents=True, exist_ok=True)
                save_index_png(args.save / f"{key}.png", guess)
            for name, reference in references.items():
                confusions[name] += confusion_table(load_index_png(reference), guess)
    scores = {name: group_iou(confusion) for name, confusion in confusions.items()}
    print(f"{'':12s} " + "  ".join(f"{name:>10s}" for name in REFERENCES))
    for group in [*GROUPS, "mean"]:
        print(f"{group:12s} " + "  ".join(f"{scores[name][group]:10.4f}" for name in REFERENCES))
    confusion = confusions["labels"]
    print("single labels:")
    for label in Label:
        both = confusion[label, label]
        print(f"  {label.name:11s} {both / max(1, confusion[label].sum() + confusion[:, label].sum() - both):.4f}")
    summary = {name: {group: round(v, 4) for group, v in iou.items()} for name, iou in scores.items()}
    print(json.dumps({**summary, "people": len(seconds) + len(missed), "without_pose": missed}))
    print(f"median {1e3 * np.median(seconds):.0f} ms a photo")


if __name__ == "__main__":
    main()

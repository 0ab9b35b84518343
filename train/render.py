"""Render generator samples into shards: `python -m tryon.train.render --data DATA --people CACHE --out SHARDS`.

Rendering (warp, simulated old garment, plate) costs more than a training step, so samples are made once, by as many
processes as there are cores to spare (`--seed` and `--out` differ), and read again and again with random crops and
flips.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from .. import imageio
from ..errors import PersonError
from ..labels import Label
from ..preprocess.arms import arm_mask
from ..preprocess.body import body_from_pose
from ..types import LANDMARKS, Garment, Person, Pose
from . import synth, synth_lower
from .data_garments import senders
from .samples import SAMPLE_FIELDS, encode
from .shards import ShardWriter, edit_box
from .synth import Sample


class People:
    """Cached people (see `data_people`): pose, parse and photo by id, without the held-out ones.

    Args:
        data: folder with `ccp/photos`; cache: written by `data_people`; held_out: file with one id per line.
        predicted: share of samples that use the parser's own maps (`cache/pred`) where they exist.
        validation: take the held-out ones instead.
    """

    def __init__(self, data: Path, cache: Path, held_out: Path, predicted: float, validation: bool = False) -> None:
        with np.load(cache / "poses.npz") as z:
            self.poses = {k: z[k] for k in ("keypoints", "world", "box", "found")}
            self.index = {str(name): i for i, name in enumerate(z["ids"])}
        self.photos, self.cache, self.predicted = data / "ccp" / "photos", cache, predicted
        out = set(held_out.read_text().split())
        self.ids = [
            name for name, i in self.index.items()
            if (name in out) == validation and self.poses["found"][i] and self._maps(name)
        ]  # fmt: skip
        self.weights = np.array([1.0 + 2.5 * self._bare_arms(name) for name in self.ids])
        self.weights /= self.weights.sum()

    def _maps(self, name: str) -> list[Path]:
        folders = [self.cache / "labels"] + ([self.cache / "pred"] if self.predicted > 0 else [])
        return [f / f"{name}.png" for f in folders if (f / f"{name}.png").exists()]

    def _bare_arms(self, name: str) -> float:
        """1 where both forearms are bare, 0 where both are covered."""
        i = self.index[name]
        parse = _index_png(self._maps(name)[0])
        f = 0.25
        small = cv2.resize(parse, None, fx=f, fy=f, interpolation=cv2.INTER_NEAREST)
        try:
            body = body_from_pose(self.poses["keypoints"][i] * [f, f, 1], self.poses["world"][i])
        except ValueError:
            return 0.0
        share = []
        for side in (0, 1):
            arm = arm_mask(body, side, small.shape, 0.8, 0.9, 1.9) > 0.5
            share.append(float((small[arm] == Label.ARMS).mean()) if arm.any() else 0.0)
        return float(np.mean(share))

    def draw(self, rng: np.random.Generator) -> Person:
        """A random person, those with bare arms more often."""
        name = self.ids[rng.choice(len(self.ids), p=self.weights)]
        i = self.index[name]
        maps = self._maps(name)
        path = maps[-1] if rng.random() < self.predicted else maps[0]
        image = imageio.load(self.photos / f"{name}.jpg").image
        mask = np.load(self.cache / "masks" / f"{name}.npy").astype(np.float32) / 255
        pose = Pose(self.poses["keypoints"][i], self.poses["world"][i], mask, tuple(self.poses["box"][i]))
        return Person(image, pose, _index_png(path))


def _index_png(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as picture:  # noqa: TID251 - an index map, not a photo
        return np.asarray(picture)


def load_garments(data: Path, held_out: set[str], validation: bool = False) -> list[Garment]:
    """The annotated tops of senders that are not held out (or, for validation, are), as they show when worn."""
    from ..preprocess.worn import as_worn

    who = senders(data / "garments")
    found = []
    for note in json.loads((data / "garments" / "annotations.json").read_text()):
        if "sleeve" not in note or note["label"] == "Dress" or (who[note["id"]][0] in held_out) != validation:
            continue
        image = imageio.load(data / "garments" / "images" / f"{note['id']}.jpg").image
        mask = imageio.load(data / "garments" / "masks" / f"{note['id']}.png").image[..., 0].astype(np.float32) / 255
        mask = np.clip((cv2.GaussianBlur(mask, (0, 0), 0.8) - 0.55) / 0.4, 0, 1)
        marks = {k: tuple(p) if (p := note["landmarks"].get(k)) else None for k in LANDMARKS}
        garment = Garment(image, mask, "upper", note["sleeve"], marks, dict.fromkeys(LANDMARKS, 1.0), 1.0, note["open"])
        found.append(as_worn(garment))
    return found


def write_samples(
    draw: Callable[[np.random.Generator], Sample | None], out: Path, count: int, seconds: float, seed: int
) -> int:
    """Write up to `count` samples or for `seconds`; returns how many.

    Args:
        draw: makes a sample; None or ValueError where the photos are of no use for one.

    Raises:
        ValueError: nothing could be made of the first hundred draws.
    """
    end, failed = time.monotonic() + seconds, 0
    with ShardWriter(out, SAMPLE_FIELDS) as writer:
        rng = np.random.default_rng((seed, writer.existing) if writer.existing else seed)
        while writer.count < count and time.monotonic() < end:
            try:
                sample = draw(rng)
            except (ValueError, PersonError):  # no usable torso, or no hips in the photo
                sample = None
            if sample is None or sample.inputs[3].sum() < 2000:
                failed += 1
                if writer.count == 0 and failed >= 100:
                    raise ValueError("a hundred draws gave no sample: the people's torsos are hidden or too small")
                continue
            fields = encode(sample.inputs, sample.target, sample.valid, sample.garment_true, sample.skin_true)
            y0, x0, y1, x1 = edit_box(sample.inputs[3])
            writer.add({k: v[y0:y1, x0:x1] for k, v in fields.items()}, {"kind": sample.kind})
        return writer.count


def render(people: People, garments: list[Garment], out: Path, count: int, seconds: float, seed: int) -> int:
    """Samples without pairs, of tops or, where the garments are lower ones, of these; see `write_samples`."""
    kinds = synth_lower if garments[0].category == "lower" else synth

    def draw(rng: np.random.Generator) -> Sample | None:
        person = people.draw(rng)
        if rng.random() < 0.3:
            return kinds.transplant_sample(person, garments[rng.integers(len(garments))], rng)
        return kinds.worn_sample(person, rng)

    return write_samples(draw, out, count, seconds, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--people", type=Path, required=True, help="cache written by data_people")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--predicted", type=float, default=0.5)
    parser.add_argument("--validation", action="store_true", help="from the held-out people and garments")
    parser.add_argument("--splits", type=Path, default=Path("assets/splits"))
    parser.add_argument("--category", choices=("upper", "lower"), default="upper", help="of the garments")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    people = People(args.data, args.people, args.splits / "people_val.txt", args.predicted, args.validation)
    held_out = set((args.splits / "garment_senders_val.txt").read_text().split())
    load = synth_lower.load_lower_garments if args.category == "lower" else load_garments
    garments = load(args.data, held_out, args.validation)
    print(f"{len(people.ids)} people, {len(garments)} garments", flush=True)
    start = time.monotonic()
    count = render(people, garments, args.out, args.count, args.minutes * 60, args.seed)
    print(f"{count} samples in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()

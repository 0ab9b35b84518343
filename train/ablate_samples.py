"""Samples for the ablations: the same people, garments and random numbers, with one ingredient left out.

    python -m tryon.train.ablate_samples --data DATA --people CACHE --out SHARDS --count 300

Every draw is rendered as the full recipe has it, and again in each of the other ways; what would come out the same is
not rendered twice. Folders of SHARDS:

    worn_given, worn_predicted, transplant_given, transplant_predicted   the full recipe, by kind and by the parse used
    more_worn     the draws that are transplants above, as `worn` samples
    more_given    the draws that use the parser's map above, with the annotated one
    no_old        no larger old garment is simulated
    no_jitter     joints, colours, window and outline as they are
    held_worn, held_transplant   the full recipe, of people and garments that no training saw

Beside the generator's fields (`samples.SAMPLE_FIELDS`) each sample holds `flat` and `flat_mask`: the garment as large
as the window allows, not warped. Of a transplant that is the garment photo; of a `worn` sample the cut-out, which keeps
its pose.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..models.generator import EDIT, WARP, WARP_MASK
from ..preprocess.parsing import Parser
from ..types import Garment, Person
from .render import People, load_garments
from .samples import SAMPLE_FIELDS, encode
from .shards import ShardWriter, edit_box
from .synth import ALL, Ingredients, Sample, transplant_sample, worn_sample

FIELDS: dict[str, int] = {**SAMPLE_FIELDS, "flat": 3, "flat_mask": 1}
FULL = ("worn_given", "worn_predicted", "transplant_given", "transplant_predicted")
OTHERS = ("more_worn", "more_given", "no_old", "no_jitter")
HELD_OUT = ("held_worn", "held_transplant")
TRANSPLANTS, PREDICTED = 0.3, 0.5
LEAST_EDIT = 2000.0  #: px that may change; samples with less are useless


class Cast:
    """People with an annotated parse, each with the parser's own map too.

    Args:
        people: labelled ones; their parse is the annotated one.
    """

    def __init__(self, people: People) -> None:
        self.people, self.parser = people, Parser()
        self._maps: dict[bytes, np.ndarray] = {}

    def draw(self, rng: np.random.Generator) -> tuple[Person, Person]:
        """A random person with the annotated and with the predicted parse."""
        given = self.people.draw(rng)
        key = given.pose.keypoints.tobytes()
        if key not in self._maps:
            self._maps[key] = self.parser(given.image, given.pose)
        return given, replace(given, parse=self._maps[key])


def flat_view(picture: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A garment, cut to its outline and scaled into the middle of a window; no knowledge of the body.

    Args:
        picture: (h, w, 3) in 0..255; mask: (h, w) in [0, 1].
        size: (height, width) of the window, px.

    Returns:
        uint8 (height, width, 3), 0 outside, and uint8 (height, width).
    """
    rows, columns = np.flatnonzero(mask.max(1) > 0.5), np.flatnonzero(mask.max(0) > 0.5)
    colour, alpha = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
    if not len(rows) or not len(columns):
        return colour, alpha
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    h, w = mask[window].shape
    scale = 0.92 * min(size[0] / h, size[1] / w)
    wh = (max(round(w * scale), 1), max(round(h * scale), 1))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    y, x = (size[0] - wh[1]) // 2, (size[1] - wh[0]) // 2
    place = np.s_[y : y + wh[1], x : x + wh[0]]
    small = cv2.resize(np.ascontiguousarray(mask[window], np.float32), wh, interpolation=how)
    cloth = cv2.resize(np.ascontiguousarray(picture[window], np.float32), wh, interpolation=how)
    alpha[place] = np.rint(255 * np.clip(small, 0, 1))
    colour[place] = np.rint(np.clip(cloth, 0, 255)) * (small > 0.01)[..., None]
    return colour, alpha


def fields_of(sample: Sample, garment: Garment | None) -> dict[str, np.ndarray]:
    """A sample as it is stored: cut to its edit region, with the unwarped garment beside it.

    Args:
        garment: the flat garment of a transplant; None takes what is worn.
    """
    fields = encode(sample.inputs, sample.target, sample.valid, sample.garment_true, sample.skin_true)
    y0, x0, y1, x1 = edit_box(sample.inputs[EDIT][0])
    fields = {name: values[y0:y1, x0:x1] for name, values in fields.items()}
    if garment is None:
        picture, mask = np.moveaxis(sample.inputs[WARP] + 1, 0, -1) * 127.5, sample.inputs[WARP_MASK][0]
    else:
        picture, mask = garment.image, garment.mask
    fields["flat"], fields["flat_mask"] = flat_view(picture, mask, (y1 - y0, x1 - x0))
    return fields


def _make(
    person: Person, garment: Garment | None, rng: np.random.Generator, use: Ingredients = ALL
) -> dict[str, np.ndarray] | None:
    """The stored fields of a `worn` sample, or with a garment of a transplant; None where the photo gives none."""
    try:
        sample = transplant_sample(person, garment, rng, use) if garment else worn_sample(person, rng, use)
    except ValueError:  # no usable torso
        return None
    return None if sample is None or sample.inputs[EDIT].sum() < LEAST_EDIT else fields_of(sample, garment)


def one_draw(cast: Cast, garments: list[Garment], seed: int, number: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw `number` in all ways: folder -> fields. Empty if the full recipe gives nothing."""
    rng = np.random.default_rng((seed, number))
    given, predicted = cast.draw(rng)
    garment = garments[rng.integers(len(garments))]
    transplanted, guessed = rng.random() < TRANSPLANTS, rng.random() < PREDICTED
    person, top = predicted if guessed else given, garment if transplanted else None

    def make(person: Person, top: Garment | None, use: Ingredients = ALL) -> dict[str, np.ndarray] | None:
        return _make(person, top, np.random.default_rng((seed, number, 1)), use)

    first = make(person, top)
    if first is None:
        return {}
    name = f"{'transplant' if transplanted else 'worn'}_{'predicted' if guessed else 'given'}"
    made = {name: first, "no_old": make(person, top, Ingredients(old=False))}
    made["no_jitter"] = make(person, top, Ingredients(jitter=False))
    if transplanted:
        made["more_worn"] = make(person, None)
    if guessed:
        made["more_given"] = make(given, top)
    return {folder: fields for folder, fields in made.items() if fields is not None}


def held_out_draw(cast: Cast, garments: list[Garment], seed: int, number: int) -> dict[str, dict[str, np.ndarray]]:
    """Worn and transplanted by turns, the parser's map by turns too."""
    rng = np.random.default_rng((seed, number))
    person = cast.draw(rng)[number // 2 % 2]
    garment = garments[rng.integers(len(garments))] if number % 2 else None
    fields = _make(person, garment, rng)
    return {} if fields is None else {HELD_OUT[number % 2]: fields}


def render(
    data: Path, people: Path, out: Path, count: int, minutes: float, splits: Path, held_out: bool, seed: int = 0
) -> dict[str, int]:
    """Write the folders; returns samples by folder.

    Args:
        count: draws that the full recipe can use; minutes: stop after this time.
        held_out: the folders of `HELD_OUT` instead of the others.
    """
    who = People(data, people, splits / "people_val.txt", 0.0, held_out)
    senders = set((splits / "garment_senders_val.txt").read_text().split())
    cast, garments = Cast(who), load_garments(data, senders, held_out)
    print(f"{len(who.ids)} people, {len(garments)} garments", flush=True)
    draw, folders = (held_out_draw, HELD_OUT) if held_out else (one_draw, FULL + OTHERS)
    end, done, number, counts = time.monotonic() + 60 * minutes, 0, 0, dict.fromkeys(folders, 0)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(ShardWriter(out / name, FIELDS)) for name in folders}
        while done < count and time.monotonic() < end:
            made = draw(cast, garments, seed, number)
            for name, fields in made.items():
                writers[name].add(fields, {"kind": name, "draw": number})
                counts[name] += 1
            number, done = number + 1, done + bool(made)
            if done % 20 == 0:
                print(f"{done} of {number} draws, {counts}", flush=True)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--people", type=Path, required=True, help="cache written by tryon.train.data_people")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300, help="draws of the training samples")
    parser.add_argument("--held-out", type=int, default=48, help="held-out samples")
    parser.add_argument("--minutes", type=float, default=60, help="stop the training samples after this time")
    parser.add_argument("--splits", type=Path, default=Path("assets/splits"))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print(render(args.data, args.people, args.out, args.held_out, 1e6, args.splits, True, seed=1), flush=True)
    print(render(args.data, args.people, args.out, args.count, args.minutes, args.splits, False), flush=True)


if __name__ == "__main__":
    main()

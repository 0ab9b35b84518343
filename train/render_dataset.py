"""`tryon render`: training samples of a prepared data set (see `dataset`), as shards that `tryon train tryon` reads."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import UsageError
from ..preprocess.worn import as_worn
from ..types import Garment, Person
from . import synth
from .augment_people import put_in_front, surroundings, swap_background
from .dataset import Dataset
from .render import write_samples
from .shards import ShardReader
from .synth import Sample

#: Garments kept in memory as they show when worn.
_KEEP = 64
#: Garment photos are used at most at this size: more than the canvas shows.
_DETAIL = 768


@dataclass(frozen=True)
class Mix:
    """Shares of the kinds of samples (see `synth`); the rest is `worn`. A kind without photos gives its share away.

    Args:
        paired, transplant: shares, 0 to 1.
        predicted: share of the draws that use the own parser's map where a given one is there.
        surroundings: share of the people that stand before another photo's surroundings.
        occluders: share of the people with something in front of the torso.
    """

    paired: float = 0.6
    transplant: float = 0.2
    predicted: float = 0.5
    surroundings: float = 0.15
    occluders: float = 0.1

    def __post_init__(self) -> None:
        if not (0 <= self.paired <= 1 and 0 <= self.transplant <= 1 and self.paired + self.transplant <= 1):
            raise UsageError("The shares of the samples must lie between 0 and 1, and add up to 1 at most.")
        for name in ("predicted", "surroundings", "occluders"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"--{name} must lie between 0 and 1.")


class Source:
    """Draws samples from a prepared data set.

    Args:
        split: "train" or "val".

    Raises:
        UsageError: the split has no people.
    """

    def __init__(self, dataset: Dataset, split: str, mix: Mix) -> None:
        self.dataset, self.mix = dataset, mix
        self.people = dataset.usable("person", split)
        self.garments = [k for k in dataset.usable("garment", split) if dataset.rows[k]["category"] == "upper"]
        rows = (dataset.rows[key] for key in dataset.usable("pair", split))
        self.pairs = [(r["person"], r["garment"]) for r in rows if r["garment"] in set(self.garments)]
        if not self.people:
            raise UsageError(f"The data set has no usable people in {split}.", "Prepare more photos.")
        bare = [dataset.rows[key]["attributes"]["bare_arms"] or 0.0 for key in self.people]
        weights = 1 + 2.5 * np.array(bare)  # bare arms are what the generator has to learn, and rare
        self.weights = weights / weights.sum()
        self._worn: dict[str, Garment] = {}

    def __str__(self) -> str:
        return f"{len(self.people)} people, {len(self.garments)} garments, {len(self.pairs)} pairs"

    def draw(self, rng: np.random.Generator) -> Sample | None:
        """A random sample; None or ValueError where the photos are of no use for one."""
        kind, own_parse = rng.random(), bool(rng.random() < self.mix.predicted)
        if self.pairs and kind < self.mix.paired:
            who, what = self.pairs[rng.integers(len(self.pairs))]
            return synth.paired_sample(self._person(who, own_parse, rng), self._garment(what), rng)
        person = self._person(self.people[rng.choice(len(self.people), p=self.weights)], own_parse, rng)
        if self.garments and kind >= 1 - self.mix.transplant:
            return synth.transplant_sample(person, self._garment(self.garments[rng.integers(len(self.garments))]), rng)
        return synth.worn_sample(person, rng)

    def _person(self, key: str, own_parse: bool, rng: np.random.Generator) -> Person:
        person = self.dataset.person(key, own_parse)
        if rng.random() < self.mix.surroundings:
            other = self.dataset.person(self.people[rng.integers(len(self.people))])
            height, width = person.parse.shape
            person = swap_background(person, surroundings(other, (height, width), rng))
        if rng.random() < self.mix.occluders:
            other = self.dataset.person(self.people[rng.integers(len(self.people))])
            person = put_in_front(person, surroundings(other, (64, 64), rng), rng)
        return person

    def _garment(self, key: str) -> Garment:
        if key not in self._worn:
            if len(self._worn) >= _KEEP:
                self._worn.pop(next(iter(self._worn)))
            self._worn[key] = as_worn(self.dataset.garment(key), _DETAIL)
        return self._worn[key]


def _part(folder: Path, split: str, mix: Mix, out: Path, count: int, seconds: float, seed: int) -> int:
    cv2.setNumThreads(1)
    return write_samples(Source(Dataset(folder), split, mix).draw, out, count, seconds, seed)


def render_dataset(
    folder: Path,
    out: Path,
    *,
    split: str = "train",
    count: int = 4000,
    minutes: float = 60.0,
    mix: Mix | None = None,
    workers: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """Fill `out` up to `count` samples; one subfolder per worker. Going on with a folder gives new samples.

    Returns:
        {"made", "samples", "seconds", "from"}: samples made now and there in all.
    """
    start, mix = time.monotonic(), mix or Mix()
    source = Source(Dataset(folder), split, mix)
    there = len(ShardReader(out)) if any(out.rglob("fields.json")) else 0
    share = -(-max(count - there, 0) // workers)
    jobs = [(folder, split, mix, out / f"part_{k:02d}", share, minutes * 60, seed * 1000 + k) for k in range(workers)]
    if not share:
        made = 0
    elif workers == 1:
        made = write_samples(source.draw, *jobs[0][3:])
    else:
        with ProcessPoolExecutor(workers) as pool:
            made = sum(pool.map(_part, *zip(*jobs, strict=True)))
    return {"made": made, "samples": there + made, "seconds": time.monotonic() - start, "from": str(source)}

"""Train the human parser.

    python -m tryon.train.parser --data CCP_DIR --cache CACHE_DIR --val assets/splits/people_val.txt \\
        --imagenet mobilenet_v2_imagenet.safetensors --out RUN_DIR --minutes 65

`--cache` is written by `tryon.train.data_people`. The schedule follows the share of `--max-images` that was seen, or
else of `--minutes` that has passed. It starts on small canvases and finishes at the size used at run time. Later on,
the photos that have only image-level tags join in: the averaged network labels them, among the classes that their tags
allow; what it is unsure of is left out of the loss. Photos in `--val` are read for validation only. `--negatives` are
pictures without people.

Stop it at any moment; the same command with `--resume` goes on from the last checkpoint. All that is random in a step
follows from the seed and the number of images before it, so in float32 on one thread a resumed run ends with the very
weights of an uninterrupted one.

RUN_DIR holds parser.safetensors (averaged weights with figures and licence), checkpoint/, pseudo_*.npz (labels that the
network gave to tagged photos), metrics.jsonl, validation.jsonl.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from ..errors import UsageError
from ..labels import NUM_LABELS, TORSO_CLOTHING, Label
from ..models.parser import ParserNet
from ..preprocess.parsing import PARSE_CANVAS, PLANES
from . import pseudo_labels
from .drive import drive
from .loop import (
    Checkpoint,
    Deck,
    Ema,
    as_json,
    autocast,
    chance,
    flat_optimizer,
    restore_optimizer,
    save_module,
    seed_step,
)
from .people_views import IGNORE, Sample, augmented_view, load_negatives, load_samples, plain_view
from .settings import ParserSettings, from_command_line
from .team import Team
from .view_pool import ViewPool

#: (share of the run at which the stage begins, canvas, batch)
STAGES = ((0.0, (256, 192), 12), (0.74, PARSE_CANVAS, 8))
#: Shares of the run at which the tagged photos are labelled (again, if there are several).
PSEUDO_AT = (0.4,)
#: The same for a run that starts from trained weights.
PSEUDO_AT_TRAINED = (0.0, 0.6)
PSEUDO_SHARE = 0.35
NEGATIVE_SHARE = 0.05
ENCODER_LR = 0.5  #: share of the learning rate for the pretrained encoder
#: Loss weights: rare classes count more.
WEIGHTS = dict.fromkeys((Label.HAIR, Label.FACE, Label.ARMS, Label.SHOES, Label.BAG, Label.DRESS), 1.5)
WEIGHTS[Label.ACCESSORY] = 2.5


def choose(photos: Photos, pseudo: list[Sample], deck: Deck, rng: random.Random) -> Sample:
    """The next sample: of the labelled ones in shuffled rounds, mixed with the others as soon as there are any."""
    if photos.negatives and rng.random() < NEGATIVE_SHARE:
        return rng.choice(photos.negatives)
    if pseudo and rng.random() < PSEUDO_SHARE:
        return rng.choice(pseudo)
    return photos.train[deck.deal()]


def parser_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy + soft Dice over the classes present, both at the logits' size.

    Args:
        logits: (B, NUM_LABELS, h, w) float32.
        labels: (B, h, w) int64, IGNORE where unknown.
        weights: (NUM_LABELS,).
    """
    cross = functional.cross_entropy(logits, labels, weight=weights, ignore_index=IGNORE)
    known = (labels != IGNORE).unsqueeze(1)
    target = functional.one_hot(labels.clamp(max=NUM_LABELS - 1), NUM_LABELS).permute(0, 3, 1, 2) * known
    share = logits.softmax(1) * known
    dims = (0, 2, 3)
    overlap, total = (share * target).sum(dims), share.sum(dims) + target.sum(dims)
    present = target.sum(dims) > 0
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return cross + 0.5 * dice[present].mean()


def to_tensor(planes: list[np.ndarray], device: torch.device | str = "cpu") -> Tensor:
    """Planes (h, w, 10) -> float32 (B, 10, h, w), channels last in memory."""
    stacked = torch.from_numpy(np.stack(planes)).to(device).permute(0, 3, 1, 2)
    return stacked.float().contiguous(memory_format=torch.channels_last)


def quicken(net: ParserNet) -> None:
    """Make the depthwise stride-2 convolutions of `net` cheap to train on a CPU, without changing what they compute.

    oneDNN's backward pass of a strided depthwise convolution is about six times slower than that of a dense one, so
    they run densely and drop every other row and column.
    """
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d) and module.groups > 1 and module.stride == (2, 2):
            module.stride = (1, 1)
            module.register_forward_hook(lambda _module, _inputs, output: output[..., ::2, ::2])


@torch.no_grad()
def predict(
    net: ParserNet, samples: list[Sample], size: tuple[int, int], batch: int = 8, precision: str = "auto"
) -> Iterator[Tensor]:
    """Class probabilities (NUM_LABELS, h / 2, w / 2) of the plain views, one a sample."""
    device = net.scale.device
    for start in range(0, len(samples), batch):
        planes = [plain_view(sample, size)[0] for sample in samples[start : start + batch]]
        with autocast(precision, device.type):
            logits = net.half_logits(to_tensor(planes, device))
        yield from logits.float().softmax(1).cpu()


GROUPS: dict[str, tuple[Label, ...]] = {
    "background": (Label.BACKGROUND,),
    "hair": (Label.HAIR,),
    "skin": (Label.FACE, Label.ARMS, Label.LEGS),
    "torso": TORSO_CLOTHING,
    "lower": (Label.LOWER,),
    "shoes": (Label.SHOES,),
    "bag": (Label.BAG,),
}


def group_iou(confusion: np.ndarray) -> dict[str, float]:
    """IoU of the seven groups from a (NUM_LABELS, NUM_LABELS) table of pixels [true, predicted], and their mean."""
    out = {}
    for name, members in GROUPS.items():
        inside = np.isin(np.arange(NUM_LABELS), members)
        both = confusion[np.ix_(inside, inside)].sum()
        out[name] = float(both / max(1, confusion[inside].sum() + confusion[:, inside].sum() - both))
    out["mean"] = float(np.mean([out[name] for name in GROUPS]))
    return out


def confusion_table(labels: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Pixels by [true, predicted] label, (NUM_LABELS, NUM_LABELS)."""
    pairs = labels.ravel().astype(np.int64) * NUM_LABELS + guess.ravel()
    return np.bincount(pairs, minlength=NUM_LABELS**2).reshape(NUM_LABELS, NUM_LABELS)


def validate(net: ParserNet, samples: list[Sample], size: tuple[int, int], precision: str = "auto") -> dict[str, float]:
    """Group IoU on the canvas (a little kinder than at photo size: what lies outside of the canvas is left out)."""
    confusion = np.zeros((NUM_LABELS, NUM_LABELS), np.int64)
    for sample, share in zip(samples, predict(net, samples, size, precision=precision), strict=True):
        labels = plain_view(sample, size)[1]
        assert labels is not None  # validation photos have label maps
        full = functional.interpolate(share[None], scale_factor=2, mode="bilinear", align_corners=False)
        guess = full[0].argmax(0).numpy()
        confusion += np.bincount(
            labels.ravel().astype(int) * NUM_LABELS + guess.ravel(), minlength=NUM_LABELS**2
        ).reshape(NUM_LABELS, NUM_LABELS)
    return group_iou(confusion)


def learning_rate(highest: float, progress: float) -> float:
    """Warm-up over the first 3 % of the run, then a cosine to 1 %."""
    if progress < 0.03:
        return highest * (0.05 + 0.95 * progress / 0.03)
    return highest * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.03) / 0.97)))


def make_optimizer(net: ParserNet) -> torch.optim.Optimizer:
    """AdamW; no weight decay on norms and biases, a smaller step for the encoder. `share` scales the learning rate."""
    groups = []
    for module, share in ((net.encoder, ENCODER_LR), (net.decoder, 1.0), (net.head, 1.0)):
        weights = [p for p in module.parameters() if p.ndim > 1]
        rest = [p for p in module.parameters() if p.ndim <= 1]
        groups.append({"params": weights, "weight_decay": 0.02, "share": share})
        groups.append({"params": rest, "weight_decay": 0.0, "share": share})
    return torch.optim.AdamW(groups, fused=True)  # `step` sets the learning rate


@dataclass
class Photos:
    """What a run reads: photos to learn from, to validate on, with tags only, and without people."""

    train: list[Sample]
    val: list[Sample]
    tagged: list[Sample]
    negatives: list[Sample]
    tags: dict[str, list[str]]

    def __str__(self) -> str:
        counts = f"{len(self.train)} labelled, {len(self.tagged)} tagged, {len(self.negatives)} negative"
        return f"{counts}, {len(self.val)} validation photos"


def load_photos(s: ParserSettings) -> Photos:
    """Read everything into memory.

    Raises:
        UsageError: a photo that is labelled has no map in one of the folders.
    """
    held_out = set(s.val.read_text().split())
    labelled = sorted(path.stem for path in (s.cache / "labels").glob("*.png"))
    tags = json.loads((s.data / "tags.json").read_text())
    corrected = sorted(p.stem for p in (s.cache / s.corrected).glob("*.png")) if s.corrected else []
    corrected = [i for i in corrected if i not in held_out and i not in set(labelled)]
    only_tags = sorted(i for i in tags if i not in held_out and i not in {*labelled, *corrected})
    with_tags = load_samples(s.data, s.cache, only_tags, s.tagged or "labels")
    if s.tagged:
        with_tags = [sample for sample in with_tags if pseudo_labels.leave_out(sample, tags[sample.id])]
    train = load_samples(s.data, s.cache, [i for i in labelled if i not in held_out], s.labels)
    val = load_samples(s.data, s.cache, [i for i in labelled if i in held_out], "labels_raw")
    for samples, folder in ((train, s.labels), (val, "labels_raw")):
        missing = [sample.id for sample in samples if sample.labels is None]
        if missing:
            raise UsageError(
                f"{folder} has no label map of {missing[0]} ({len(missing)} are missing).",
                "Write the cache again with `python -m tryon.train.data_people`.",
            )
    return Photos(
        train + load_samples(s.data, s.cache, corrected, s.corrected),
        val,
        with_tags,
        load_negatives(s.negatives, s.cache / "negatives") if s.negatives else [],
        tags,
    )


def make_net(s: ParserSettings, device: torch.device) -> ParserNet:
    net = ParserNet().to(memory_format=torch.channels_last).train()
    net.load_imagenet(load_file(s.imagenet))
    if s.init:
        net.load_state_dict(load_file(s.init))
    for block in net.encoder.features[: s.frozen]:
        block.eval().requires_grad_(False)
    if device.type == "cpu":
        quicken(net)
    return net.to(device)


def label_weights() -> Tensor:
    """(NUM_LABELS,): `WEIGHTS`, 1 elsewhere."""
    weights = torch.ones(NUM_LABELS)
    for label, weight in WEIGHTS.items():
        weights[label] = weight
    return weights


def step(
    net: ParserNet,
    optimizer: torch.optim.Optimizer,
    views: list[tuple[np.ndarray, ...]],
    weights: Tensor,
    rate: float,
    precision: str = "auto",
) -> float:
    """One optimisation step on `augmented_view`s; returns the loss."""
    device = weights.device
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]
    with autocast(precision, device.type):
        logits = net.half_logits(to_tensor([planes for planes, _ in views], device))
    labels = torch.from_numpy(np.stack([labels for _, labels in views])).to(device).long()
    loss = parser_loss(logits.float(), labels, weights)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    return loss.item()


class Training:
    """Network, optimizer, average and counters of one training.

    Args:
        photos: what it reads; it fills the labels of the tagged ones.
    """

    def __init__(self, s: ParserSettings, photos: Photos) -> None:
        self.s, self.photos = s, photos
        torch.manual_seed(s.seed)
        self.device = Team.join(s.device).device
        self.net = make_net(s, self.device)
        self.optimizer = make_optimizer(self.net)
        self.ema = Ema(self.net, s.ema_half_life, 0.1)
        self.weights = label_weights().to(self.device)
        self.deck = Deck(len(photos.train), s.seed)
        self.stages = STAGES if s.init is None else ((0.0, *STAGES[-1][1:]),)
        self.pseudo: list[Sample] = photos.tagged if s.tagged else []
        self.labelled = 0  #: how often the tagged photos were labelled
        self._views: ViewPool | None = None
        self._views_of: tuple[tuple[int, int], int] | None = None  #: canvas of these views, and `labelled`
        self.images = 0
        self.figures: dict[str, Any] = {}  #: the last held-out ones

    def stage(self, progress: float) -> tuple[tuple[int, int], int]:
        """Canvas and batch."""
        _, size, batch = [stage for stage in self.stages if stage[0] <= progress][-1]
        return size, self.s.batch or batch

    def batch(self, progress: float) -> list[tuple[np.ndarray, ...]]:
        """The next batch, see `augmented_view`."""
        size, count = self.stage(progress)
        if self._views is None or self._views_of != (size, self.labelled):
            self.close()
            self._views, self._views_of = self._pool(size), (size, self.labelled)
        views = self._views.take(count)
        if self.s.workers:  # they deal from copies of the deck
            for number in range(self.images, self.images + count):
                self._draw(number)
        return views

    def _draw(self, number: int) -> tuple[Sample, random.Random]:
        rng = chance(self.s.seed, number)
        return choose(self.photos, self.pseudo, self.deck, rng), rng

    def _pool(self, size: tuple[int, int]) -> ViewPool:
        def make(drawn: tuple[Sample, random.Random]) -> tuple[np.ndarray, ...]:
            return augmented_view(drawn[0], size, drawn[1], self.photos.train, self.s.close_share)

        byte, (h, w) = np.dtype(np.uint8), size
        pattern = [((h, w, len(PLANES)), byte), ((h // 2, w // 2), byte)]
        return ViewPool(self._draw, make, pattern, self.images, self.s.workers)

    def close(self) -> None:
        """End the processes that make views."""
        if self._views is not None:
            self._views.close()

    def step(self, batch: list[tuple[np.ndarray, ...]], progress: float) -> dict[str, float]:
        """One optimisation step; returns the loss."""
        seed_step(self.s.seed, self.images)
        rate = learning_rate(self.s.lr, progress)
        loss = step(self.net, self.optimizer, batch, self.weights, rate, self.s.precision)
        self.images += len(batch)
        self.ema.update(self.net, len(batch), self.images)
        return {"loss": loss}

    def averaged(self) -> ParserNet:
        """A network with the averaged weights."""
        net = ParserNet().to(memory_format=torch.channels_last).eval().requires_grad_(False)
        net.load_state_dict(self.ema.values)
        return net.to(self.device)

    def prepare(self, progress: float) -> None:
        """Label the tagged photos if it is time to."""
        times = PSEUDO_AT if self.s.init is None else PSEUDO_AT_TRAINED
        if not self.photos.tagged or self.s.tagged or self.labelled >= len(times) or progress < times[self.labelled]:
            return
        tagged, (size, _) = self.photos.tagged, self.stage(progress)
        shares = predict(self.averaged(), tagged, size, precision=self.s.precision)
        pseudo_labels.label_tagged(tagged, shares, self.photos.tags, size)
        self.labelled, self.pseudo = self.labelled + 1, tagged
        pseudo_labels.store(self._labels(), tagged)

    def _labels(self) -> Path:
        return self.s.out / f"pseudo_{self.labelled}.npz"

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint, and the averaged weights as one file that says what it is.

        Args:
            state: what else the run needs to go on, JSON values.
        """
        tensors = {"net": self.net.state_dict(), "ema": self.ema.values, "optimizer": flat_optimizer(self.optimizer)}
        counts = {"images": self.images, "dealt": self.deck.dealt, "labelled": self.labelled, "figures": self.figures}
        Checkpoint(self.s.out / "checkpoint").save(tensors, {**counts, **state})
        about = {"training": {**as_json(self.s), "images": self.images}, "metrics": self.figures}
        save_module(self.s.out / "parser.safetensors", self.ema.values, {}, **about, licence=self.s.licence)

    def restore(self) -> dict[str, Any]:
        """Continue from the checkpoint; returns the `state` that was saved."""
        tensors, state = Checkpoint(self.s.out / "checkpoint").load()
        self.net.load_state_dict(tensors["net"])
        self.ema.restore(tensors["ema"])
        restore_optimizer(self.optimizer, tensors["optimizer"])
        self.images, self.deck.dealt, self.labelled = state["images"], state["dealt"], state["labelled"]
        self.figures = state["figures"]
        if self.labelled:
            pseudo_labels.recall(self._labels(), self.photos.tagged)
            self.pseudo = self.photos.tagged
        return state

    def validate(self, progress: float, minutes: float) -> None:
        """Held-out figures of the averaged weights, printed and logged."""
        size, _ = self.stage(progress)
        found = validate(self.averaged(), self.photos.val, size, self.s.precision)
        rounded = {name: round(value, 4) for name, value in found.items()}
        self.figures = {"images": self.images, "minutes": round(minutes, 1), **rounded, "canvas": list(size)}
        print(json.dumps(self.figures), flush=True)
        with (self.s.out / "validation.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(self.figures) + "\n")


def train(s: ParserSettings) -> Path:
    """Run a training to its end; returns the file of the averaged weights."""
    torch.set_num_threads(s.threads)
    cv2.setNumThreads(1)
    s.out.mkdir(parents=True, exist_ok=True)
    photos = load_photos(s)
    print(photos, flush=True)
    run = Training(s, photos)
    try:
        drive(run, s, s.report_minutes)
    finally:
        run.close()
    return s.out / "parser.safetensors"


if __name__ == "__main__":
    train(from_command_line(ParserSettings, __doc__))

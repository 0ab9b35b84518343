"""Train the human parser.

    python -m tryon.train.parser --data CCP_DIR --cache CACHE_DIR --val assets/splits/people_val.txt \\
        --imagenet mobilenet_v2_imagenet.safetensors --out RUN_DIR --minutes 65

`--cache` is written by `tryon.train.data_people`. The schedule is a matter of time, not of steps: the run ends after
`--minutes`. It starts on small canvases and finishes at the size used at run time. Later on, the photos that have only
image-level tags join in: the averaged network labels them, among the classes that their tags allow; what it is unsure
of is left out of the loss. Photos in `--val` are read for validation only. `--negatives` are pictures without people.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from ..labels import NUM_LABELS, TORSO_CLOTHING, Label
from ..models.parser import ParserNet
from ..preprocess.parsing import PARSE_CANVAS, person_canvas
from .data_people import NAME_TO_LABEL
from .loop import as_json, autocast, save_module
from .people_views import IGNORE, STORE, Sample, augmented_view, load_negatives, load_samples, plain_view
from .settings import PRECISIONS, ParserSettings

#: (share of the run at which the stage begins, canvas, batch)
STAGES = ((0.0, (256, 192), 12), (0.74, PARSE_CANVAS, 8))
#: Shares of the run at which the tagged photos are labelled (again, if there are several).
PSEUDO_AT = (0.4,)
PSEUDO_SHARE = 0.35
NEGATIVE_SHARE = 0.05
LR = 1e-3
ENCODER_LR = 0.5  #: share of LR for the pretrained encoder
EMA_SAMPLES = 2000
#: Loss weights: rare classes count more.
WEIGHTS = dict.fromkeys((Label.HAIR, Label.FACE, Label.ARMS, Label.SHOES, Label.BAG, Label.DRESS), 1.5)
WEIGHTS[Label.ACCESSORY] = 2.5


def batches(
    samples: list[Sample], pseudo: list[Sample], negatives: list[Sample], rng: random.Random
) -> Iterator[Sample]:
    """Samples for ever: labelled ones in shuffled rounds, mixed with the others as soon as there are any."""
    deck: list[Sample] = []
    while True:
        if negatives and rng.random() < NEGATIVE_SHARE:
            yield rng.choice(negatives)
            continue
        if pseudo and rng.random() < PSEUDO_SHARE:
            yield rng.choice(pseudo)
            continue
        if not deck:
            deck = rng.sample(samples, len(samples))
        yield deck.pop()


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


def to_tensor(planes: list[np.ndarray]) -> Tensor:
    """Planes (h, w, 10) -> float32 (B, 10, h, w), channels last in memory."""
    stacked = torch.from_numpy(np.stack(planes)).permute(0, 3, 1, 2)
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


class Average:
    """Exponential moving average of a network (weights averaged, running statistics too)."""

    def __init__(self, net: ParserNet) -> None:
        self.net = ParserNet().to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.net.load_state_dict(net.state_dict())

    def update(self, net: ParserNet, batch: int, seen: int) -> None:
        keep = 0.5 ** (batch / max(1.0, min(EMA_SAMPLES, 0.1 * seen)))
        with torch.no_grad():
            for mine, new in zip(self.net.state_dict().values(), net.state_dict().values(), strict=True):
                if mine.is_floating_point():
                    mine.lerp_(new, 1 - keep)
                else:
                    mine.copy_(new)


@torch.no_grad()
def predict(
    net: ParserNet, samples: list[Sample], size: tuple[int, int], batch: int = 8, precision: str = "auto"
) -> Iterator[Tensor]:
    """Class probabilities (NUM_LABELS, h / 2, w / 2) of the plain views, one a sample."""
    for start in range(0, len(samples), batch):
        planes = [plain_view(sample, size)[0] for sample in samples[start : start + batch]]
        with autocast(precision):
            logits = net.half_logits(to_tensor(planes))
        yield from logits.float().softmax(1)


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
        full = functional.interpolate(share[None], scale_factor=2, mode="bilinear", align_corners=False)
        guess = full[0].argmax(0).numpy()
        confusion += np.bincount(
            labels.ravel().astype(int) * NUM_LABELS + guess.ravel(), minlength=NUM_LABELS**2
        ).reshape(NUM_LABELS, NUM_LABELS)
    return group_iou(confusion)


def allowed_labels(tags: list[str]) -> np.ndarray:
    """Which labels the tags of a photo allow, bool (NUM_LABELS,). Body, shoes and accessories always are."""
    allowed = np.ones(NUM_LABELS, bool)
    for label in (Label.TOP, Label.OUTERWEAR, Label.DRESS, Label.LOWER, Label.BAG):
        allowed[label] = any(NAME_TO_LABEL.get(tag) == label for tag in tags)
    if not allowed[[Label.TOP, Label.OUTERWEAR, Label.DRESS]].any():  # incomplete tags
        allowed[:] = True
    return allowed


def heed_tags(share: Tensor, tags: list[str]) -> Tensor:
    """Move the probability of what the tags exclude to what they allow.

    The pixel stays clothing if it was: excluded kinds of clothes give to the allowed kinds, in proportion to those.

    Args:
        share: (NUM_LABELS, h, w) class probabilities.
    """
    allowed = torch.from_numpy(allowed_labels(tags)).float()[:, None, None]
    clothes = [Label.TOP, Label.OUTERWEAR, Label.DRESS, Label.LOWER]
    out = share.clone()
    kept = share[clothes] * allowed[clothes]
    out[clothes] = kept * (share[clothes].sum(0) / kept.sum(0).clamp(min=1e-6))
    out = out * allowed
    return out / out.sum(0).clamp(min=1e-6)


def pseudo_label(
    net: ParserNet,
    samples: list[Sample],
    tags: dict[str, list[str]],
    size: tuple[int, int],
    precision: str = "auto",
) -> None:
    """Fill `labels` with the network's opinion among what the tags allow; IGNORE where it is unsure."""
    for sample, share in zip(samples, predict(net, samples, size, precision=precision), strict=True):
        share = functional.interpolate(share[None], scale_factor=2, mode="bilinear", align_corners=False)[0]
        sure, guess = heed_tags(share, tags[sample.id]).max(0)
        labels = torch.where(sure > 0.55, guess, torch.tensor(IGNORE)).numpy().astype(np.uint8)
        # Outside of the canvas nothing is known but that the person isn't there.
        pasted = person_canvas(sample.box, size).paste_back(labels + np.uint8(1), STORE, nearest=True)
        inside = person_canvas(sample.box, size).paste_back(np.ones(size, np.uint8), STORE, nearest=True) > 0
        sample.labels = np.where(inside, pasted - np.uint8(1), np.uint8(Label.BACKGROUND)).astype(np.uint8)


def learning_rate(progress: float) -> float:
    """Warm-up over the first 3 % of the run, then a cosine to 1 %."""
    if progress < 0.03:
        return LR * (0.05 + 0.95 * progress / 0.03)
    return LR * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.03) / 0.97)))


def make_optimizer(net: ParserNet) -> torch.optim.Optimizer:
    """AdamW; no weight decay on norms and biases, a smaller step for the encoder. `share` scales the learning rate."""
    groups = []
    for module, share in ((net.encoder, ENCODER_LR), (net.decoder, 1.0), (net.head, 1.0)):
        weights = [p for p in module.parameters() if p.ndim > 1]
        rest = [p for p in module.parameters() if p.ndim <= 1]
        groups.append({"params": weights, "weight_decay": 0.02, "share": share})
        groups.append({"params": rest, "weight_decay": 0.0, "share": share})
    return torch.optim.AdamW(groups, lr=LR, fused=True)


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
    """Read everything into memory."""
    held_out = set(s.val.read_text().split())
    labelled = sorted(path.stem for path in (s.cache / "labels").glob("*.png"))
    tags = json.loads((s.data / "tags.json").read_text())
    only_tags = sorted(i for i in tags if i not in held_out and i not in set(labelled))
    return Photos(
        load_samples(s.data, s.cache, [i for i in labelled if i not in held_out], s.labels),
        load_samples(s.data, s.cache, [i for i in labelled if i in held_out], "labels_raw"),
        load_samples(s.data, s.cache, only_tags),
        load_negatives(s.negatives, s.cache / "negatives") if s.negatives else [],
        tags,
    )


def make_net(s: ParserSettings) -> ParserNet:
    net = ParserNet().to(memory_format=torch.channels_last).train()
    net.load_imagenet(load_file(s.imagenet))
    if s.resume:
        net.load_state_dict(load_file(s.resume))
    quicken(net)
    return net


def label_weights() -> Tensor:
    """(NUM_LABELS,): `WEIGHTS`, 1 elsewhere."""
    weights = torch.ones(NUM_LABELS)
    for label, weight in WEIGHTS.items():
        weights[label] = weight
    return weights


def step(
    net: ParserNet,
    optimizer: torch.optim.Optimizer,
    views: list[tuple[np.ndarray, np.ndarray]],
    weights: Tensor,
    progress: float,
    precision: str = "auto",
) -> float:
    """One optimisation step on `augmented_view`s; returns the loss."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(progress) * group["share"]
    with autocast(precision):
        logits = net.half_logits(to_tensor([planes for planes, _ in views]))
    loss = parser_loss(logits.float(), torch.from_numpy(np.stack([labels for _, labels in views])).long(), weights)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    return loss.item()


def train(s: ParserSettings) -> Path:
    """Run a training to its end; returns the file of the averaged weights."""
    torch.set_num_threads(s.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(s.seed)
    rng = random.Random(s.seed)
    s.out.mkdir(parents=True, exist_ok=True)
    photos = load_photos(s)
    print(photos, flush=True)
    net = make_net(s)
    optimizer = make_optimizer(net)
    average = Average(net)
    weights = label_weights()

    pseudo: list[Sample] = []
    stages = STAGES if s.resume is None else ((0.0, *STAGES[-1][1:]),)
    pseudo_at = list(PSEUDO_AT if s.resume is None else (0.0, 0.6))
    stream = batches(photos.train, pseudo, photos.negatives, rng)
    start, seen, losses = time.monotonic() - 60.0 * s.elapsed, s.seen, []
    length, next_report = 60.0 * s.minutes, 60.0 * (s.elapsed + s.report_minutes)
    bar = tqdm(total=round(s.minutes, 1), initial=round(s.elapsed, 1), unit="min", disable=None)
    while (elapsed := time.monotonic() - start) < length:
        progress = elapsed / length
        bar.update(round(elapsed / 60 - bar.n, 1))
        _, size, batch = [stage for stage in stages if stage[0] <= progress][-1]
        if pseudo_at and progress >= pseudo_at[0] and photos.tagged:
            pseudo_at.pop(0)
            pseudo_label(average.net, photos.tagged, photos.tags, size, s.precision)
            pseudo[:] = photos.tagged
        views = [augmented_view(next(stream), size, rng) for _ in range(batch)]
        losses.append(step(net, optimizer, views, weights, progress, s.precision))
        seen += batch
        average.update(net, batch, seen)
        if elapsed >= next_report:
            next_report += 60.0 * s.report_minutes
            report(average.net, photos.val, size, elapsed, seen, losses, s)
            losses.clear()
    bar.close()
    report(average.net, photos.val, PARSE_CANVAS, length, seen, losses, s)
    return s.out / "parser.safetensors"


def report(
    net: ParserNet,
    val_set: list[Sample],
    size: tuple[int, int],
    elapsed: float,
    seen: int,
    losses: list[float],
    s: ParserSettings,
) -> None:
    """Print and log the state of the run; save the averaged weights."""
    line = {"minutes": round(elapsed / 60, 1), "samples": seen, "loss": round(float(np.mean(losses or [0])), 4)}
    line |= {name: round(value, 4) for name, value in validate(net, val_set, size, s.precision).items()}
    line["canvas"] = list(size)
    print(json.dumps(line), flush=True)
    with (s.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    about = {"training": as_json(s), "metrics": line, "licence": s.licence}
    save_module(s.out / "parser.safetensors", dict(net.state_dict()), {}, **about)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="CCP folder: photos/, tags.json")
    parser.add_argument("--cache", type=Path, required=True, help="written by tryon.train.data_people")
    parser.add_argument("--val", type=Path, required=True, help="ids that are kept out of training, one a line")
    parser.add_argument("--imagenet", type=Path, required=True, help="MobileNetV2 weights, safetensors")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", default="labels_raw", help="folder of the cache that training learns from")
    parser.add_argument("--negatives", type=Path, help="photos of the cache's negatives")
    parser.add_argument("--resume", type=Path, help="go on from these weights, at the final size throughout")
    parser.add_argument("--elapsed", type=float, default=0.0, help="the schedule starts at this minute of the run")
    parser.add_argument("--seen", type=int, default=0, help="samples that the weights have seen")
    parser.add_argument("--minutes", type=float, default=65.0)
    parser.add_argument("--report-minutes", type=float, default=6.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--seed", type=int, default=0)
    train(ParserSettings(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()

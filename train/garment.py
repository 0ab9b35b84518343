"""Train the garment network.

    python -m tryon.train.garment --data GARMENTS_DIR --people CCP_DIR/photos --out RUN_DIR --minutes 50 \\
        --imagenet mobilenet_v2_imagenet.safetensors

The schedule follows the share of `--max-images` that was seen, or else of `--minutes` that has passed. `--labels DIR`
(written by `tryon.train.label_garments`) adds machine-labelled photos as soon as they are there, `--init` starts from
an earlier run. Senders in assets/splits/garment_senders_val.txt are read for validation only, people in
assets/splits/people_val.txt not at all.

Stop it at any moment; the same command with `--resume` goes on from the last checkpoint. All that is random in a step
follows from the seed and the number of images before it, so in float32 on one thread a resumed run ends with the very
weights of an uninterrupted one. RUN_DIR holds last.safetensors (averaged weights with figures and licence),
checkpoint/, metrics.jsonl, validation.jsonl.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from ..models.garment import OUTPUTS, GarmentNet
from ..preprocess.landmarks import ATTRIBUTES, VIEW
from .data_garments import CATEGORY, Record, Sampler, load_people, load_records, validation_view
from .drive import drive
from .loop import (
    Checkpoint,
    Ema,
    as_json,
    autocast,
    flat_optimizer,
    restore_optimizer,
    save_module,
    seed_step,
)
from .settings import GarmentSettings, from_command_line

HALF = VIEW // 2
LOWER = CATEGORY["lower"]
SIGMA = 1.4  # of the heat maps, in half-resolution pixels
SMALL_VIEW = 160  # side of the view in the first part of a run, which is twice as fast
EMA_SAMPLES = 1000
SPLITS = Path("assets/splits")


def to_input(images: np.ndarray, side: int = VIEW) -> Tensor:
    """uint8 (B, H, W, 3) -> float32 (B, 3, side, side) in [-1, 1]."""
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    if side != VIEW:
        tensor = functional.interpolate(tensor, (side, side), mode="bilinear", antialias=True)
    return tensor.contiguous(memory_format=torch.channels_last)


def heatmap_loss(logits: Tensor, points: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy to a Gaussian round each point, and the distance of the expected position.

    Args:
        logits: (B, K, h, w); points: (B, K, 2) view px; weight: (B, K).

    Returns:
        the two losses; the second in view px.
    """
    batch, count, height, width = logits.shape
    log_prob = functional.log_softmax(logits.flatten(2), 2)
    target = points * (width / VIEW) - 0.5  # index of the heat-map pixel whose centre it is
    gx, gy = torch.arange(width, dtype=torch.float32), torch.arange(height, dtype=torch.float32)
    ax = torch.exp(-((gx - target[..., 0:1]) ** 2) / (2 * SIGMA**2))
    ay = torch.exp(-((gy - target[..., 1:2]) ** 2) / (2 * SIGMA**2))
    goal = (ay[..., :, None] * ax[..., None, :]).flatten(2)
    goal = goal / goal.sum(2, keepdim=True).clamp_min(1e-6)
    cross = -(goal * log_prob).sum(2)
    prob = log_prob.exp().view(batch, count, height, width)
    expected = torch.stack([(prob.sum(2) * gx).sum(2), (prob.sum(3) * gy).sum(2)], 2)
    distance = functional.smooth_l1_loss(expected, target, reduction="none", beta=1.0).sum(2) * (VIEW / width)
    total = weight.sum().clamp_min(1)
    return (cross * weight).sum() / total, (distance * weight).sum() / total


def matte_loss(logits: Tensor, matte: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy, heavier at the outline, plus 1 - soft IoU. logits, matte: (B, 1, h, w); weight: (B,)."""
    edge = (functional.avg_pool2d(matte, 9, 1, 4) - matte).abs() > 0.02
    pixel = functional.binary_cross_entropy_with_logits(logits, matte, reduction="none") * (1 + 3 * edge)
    prob = torch.sigmoid(logits)
    inter, union = (prob * matte).sum((1, 2, 3)), (prob + matte - prob * matte).sum((1, 2, 3))
    iou = (1 - inter / union.clamp_min(1)) * (matte.sum((1, 2, 3)) > 10)
    return ((pixel.mean((1, 2, 3)) * 3 + iou) * weight).sum() / weight.sum().clamp_min(1)


def total_loss(outputs: dict[str, Tensor], batch: dict[str, np.ndarray]) -> tuple[Tensor, dict[str, float]]:
    """The training loss of a batch of `Sampler.batch` and its parts."""
    t = {key: torch.from_numpy(np.asarray(value)) for key, value in batch.items() if key != "image"}
    size = outputs["matte"].shape[-2:]
    matte = functional.interpolate(t["matte"][:, None].float() / 255, size, mode="bilinear", antialias=True).clamp(0, 1)
    parts = {"matte": matte_loss(outputs["matte"].float(), matte, t["matte_weight"])}
    cross, distance = heatmap_loss(outputs["heatmaps"].float(), t["points"], t["point_weight"])
    parts["heat"], parts["point"] = 0.3 * cross, 0.05 * distance
    for name in ATTRIBUTES:
        logits, known = outputs[name].float(), (t[name] >= 0).float()
        if name == "presence":
            loss = functional.binary_cross_entropy_with_logits(logits, t[name].clamp_min(0).float(), reduction="none")
        else:
            loss = functional.cross_entropy(logits, t[name].clamp_min(0), reduction="none", label_smoothing=0.05)
        parts[name] = 0.2 * (loss * known).sum() / known.sum().clamp_min(1)
    return sum(parts.values(), torch.zeros(())), {key: float(value.detach()) for key, value in parts.items()}


@torch.no_grad()
def validate(net: GarmentNet, records: list[Record], precision: str = "auto") -> dict[str, float]:
    """Single-pass figures on views cut by the annotated box: a running check, not the product's figures.

    The names of what concerns lower garments begin with `lower_`; `category` is of all.
    """
    net.eval()
    ious: list[list[float]] = [[], []]
    errors: list[list[float]] = [[], []]
    right: dict[str, list[bool]] = {name: [] for name in ("category", "sleeve", "length", "skirt")}
    for record in records:
        view, matte, warp = validation_view(record)
        lower = int(record.category == LOWER)
        with autocast(precision):
            out = dict(zip(OUTPUTS, net(to_input(view[None])), strict=True))
        full = functional.interpolate(out["matte"].float(), scale_factor=2, mode="bilinear")[0, 0].numpy() > 0
        truth = matte > 127
        ious[lower].append((full & truth).sum() / max(1, (full | truth).sum()))
        for name, found in right.items():
            if getattr(record, name) >= 0:
                found.append(int(out[name][0].argmax()) == getattr(record, name))
        target = warp.points(record.points)
        flat = out["heatmaps"][0].float().flatten(1).argmax(1).numpy()
        guess = np.stack([flat % HALF, flat // HALF], 1) * 2 + 1
        rows, cols = np.nonzero(truth)
        diagonal = math.hypot(np.ptp(rows), np.ptp(cols))
        use = np.isfinite(target[:, 0]) & record.tight
        errors[lower].extend((np.linalg.norm(guess - target, axis=1)[use] / diagonal).tolist())
    net.train()
    figures: dict[str, float] = {}
    for prefix, part, apart in zip(("", "lower_"), ious, errors, strict=True):
        if part:
            worst = np.sort(part)[: max(1, len(part) // 10)]
            figures |= {f"{prefix}iou": float(np.mean(part)), f"{prefix}iou_worst_tenth": float(worst.mean())}
        if apart:
            figures[f"{prefix}landmark_pct"] = 100 * float(np.mean(apart))
            figures[f"{prefix}landmark_median_pct"] = 100 * float(np.median(apart))
    return figures | {name: float(np.mean(found)) for name, found in right.items() if found}


@dataclass
class Photos:
    """What a run reads: annotated garments to learn from and to validate on, and people, who are no flat garments."""

    annotated: list[Record]
    held_out: list[Record]
    people: list[np.ndarray]

    def __str__(self) -> str:
        return f"{len(self.annotated)} annotated, {len(self.people)} of people, {len(self.held_out)} held out"


def val_senders() -> set[str]:
    """Whose garments are kept out of training."""
    return set((SPLITS / "garment_senders_val.txt").read_text().split())


def load_photos(s: GarmentSettings) -> Photos:
    """Read everything but the machine labels into memory."""
    val_people = set((SPLITS / "people_val.txt").read_text().split())
    return Photos(
        load_records(s.data, val_senders(), held_out=False),
        load_records(s.data, val_senders(), held_out=True),
        load_people(s.people, val_people, 500) if s.people else [],
    )


class Training:
    """Network, optimizer, average, samples and counters of one training."""

    def __init__(self, s: GarmentSettings, photos: Photos) -> None:
        self.s, self.photos = s, photos
        torch.manual_seed(s.seed)
        self.net = GarmentNet().to(memory_format=torch.channels_last)
        if s.imagenet:
            self.net.load_imagenet(load_file(s.imagenet))
        if s.init:
            self.net.load_state_dict(load_file(s.init))
        self.net.train()
        self.ema = Ema(self.net)
        encoder = list(self.net.encoder.parameters())
        rest = [p for name, p in self.net.named_parameters() if not name.startswith("encoder.")]
        groups = [{"params": encoder, "scale": 0.5}, {"params": rest, "scale": 1.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=s.lr, weight_decay=0.02, fused=True)
        self.sampler = Sampler(photos.annotated, photos.people, s.labelled_share, s.seed)
        self.images = 0
        self.figures: dict[str, Any] = {}  #: the last held-out ones

    def prepare(self, progress: float) -> None:
        """Take up the machine-labelled photos once they are there. (While they appear, a run can't be repeated.)"""
        labels = self.s.labels
        if self.sampler.labelled or not labels or not (labels / "annotations.json").exists():
            return
        self.sampler.add_labelled(load_records(self.s.data, val_senders(), held_out=False, labels=labels))
        print(f"{len(self.sampler.labelled)} labelled", flush=True)

    def batch(self, progress: float) -> dict[str, np.ndarray]:
        """The next samples: they follow from the seed and the number of images before them."""
        self.sampler.rng = np.random.default_rng((self.s.seed, self.images))
        return self.sampler.batch(self.s.batch)

    def step(self, batch: dict[str, np.ndarray], progress: float) -> dict[str, float]:
        """One optimisation step; returns the loss and its parts."""
        s = self.s
        seed_step(s.seed, self.images)
        rate = s.lr * min(1.0, self.images / 800) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.003)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        side = SMALL_VIEW if progress < s.small_share else VIEW
        with autocast(s.precision):
            outputs = dict(zip(OUTPUTS, self.net(to_input(batch["image"], side)), strict=True))
        loss, parts = total_loss(outputs, batch)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {float(loss)} after {self.images} images: lower lr")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        self.images += s.batch
        keep = min(0.5 ** (s.batch / EMA_SAMPLES), (self.images + 1) / (self.images + 40 * s.batch))
        self.ema.blend(self.net, 1 - keep)
        return {"total": sum(parts.values()), **parts}

    def averaged(self) -> GarmentNet:
        """A network with the averaged weights."""
        net = GarmentNet().to(memory_format=torch.channels_last).eval()
        net.load_state_dict(self.ema.values)
        return net

    def validate(self, progress: float, minutes: float) -> None:
        """Held-out figures of the averaged weights, printed and logged."""
        found = {k: round(v, 4) for k, v in validate(self.averaged(), self.photos.held_out, self.s.precision).items()}
        self.figures = {"images": self.images, "minutes": round(minutes, 2), **found}
        print(json.dumps(self.figures), flush=True)
        with open(self.s.out / "validation.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(self.figures) + "\n")

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint, and the averaged weights as one file that says what it is.

        Args:
            state: what else the run needs to go on, JSON values.
        """
        tensors = {"net": self.net.state_dict(), "ema": self.ema.values, "optimizer": flat_optimizer(self.optimizer)}
        counts = {"images": self.images, "figures": self.figures}
        Checkpoint(self.s.out / "checkpoint").save(tensors, {**counts, **state})
        about = {"training": {**as_json(self.s), "images": self.images}, "metrics": self.figures}
        save_module(self.s.out / "last.safetensors", self.ema.values, {}, **about, licence=self.s.licence)

    def restore(self) -> dict[str, Any]:
        """Continue from the checkpoint; returns the `state` that was saved."""
        tensors, state = Checkpoint(self.s.out / "checkpoint").load()
        self.net.load_state_dict(tensors["net"])
        self.ema.restore(tensors["ema"])
        restore_optimizer(self.optimizer, tensors["optimizer"])
        self.images, self.figures = state["images"], state["figures"]
        return state


def train(s: GarmentSettings) -> Path:
    """Run a training to its end; returns the file of the averaged weights."""
    torch.set_num_threads(s.threads)
    cv2.setNumThreads(s.threads)
    s.out.mkdir(parents=True, exist_ok=True)
    photos = load_photos(s)
    print(photos, flush=True)
    run = Training(s, photos)
    drive(run, s, s.log_minutes)
    return s.out / "last.safetensors"


if __name__ == "__main__":
    train(from_command_line(GarmentSettings, __doc__))

"""Train the garment network.

    python -m tryon.train.garment --data GARMENTS_DIR --people CCP_DIR/photos --out RUN_DIR --minutes 50 \\
        --imagenet mobilenet_v2_imagenet.safetensors

The schedule is a matter of time, not of steps. `--labels DIR` (written by `tryon.train.label_garments`) adds
machine-labelled photos as soon as they are there, `--init` starts from an earlier run. Senders in
assets/splits/garment_senders_val.txt are read for validation only, people in assets/splits/people_val.txt not at all.
Writes last.safetensors (averaged weights) and log.jsonl.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from ..models.garment import OUTPUTS, GarmentNet
from ..preprocess.landmarks import ATTRIBUTES, VIEW
from .data_garments import CATEGORY, Record, Sampler, load_people, load_records, validation_view
from .loop import as_json, autocast, save_module
from .settings import PRECISIONS, GarmentSettings

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
    figures = {}
    for prefix, part, apart in zip(("", "lower_"), ious, errors, strict=True):
        if part:
            worst = np.sort(part)[: max(1, len(part) // 10)]
            figures |= {f"{prefix}iou": float(np.mean(part)), f"{prefix}iou_worst_tenth": float(worst.mean())}
        if apart:
            figures[f"{prefix}landmark_pct"] = 100 * float(np.mean(apart))
            figures[f"{prefix}landmark_median_pct"] = 100 * float(np.median(apart))
    return figures | {name: float(np.mean(found)) for name, found in right.items() if found}


def train(args: GarmentSettings) -> None:
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    val_senders = set((SPLITS / "garment_senders_val.txt").read_text().split())
    val_people = set((SPLITS / "people_val.txt").read_text().split())
    annotated = load_records(args.data, val_senders, held_out=False)
    held_out = load_records(args.data, val_senders, held_out=True)
    people = load_people(args.people, val_people, 500) if args.people else []
    sampler = Sampler(annotated, people, args.labelled_share, args.seed)
    print(f"{len(annotated)} annotated, {len(people)} people, {len(held_out)} held out", flush=True)

    net = GarmentNet().to(memory_format=torch.channels_last)
    if args.imagenet:
        net.load_imagenet(load_file(args.imagenet))
    if args.init:
        net.load_state_dict(load_file(args.init))
    ema = copy.deepcopy(net).eval()
    encoder = list(net.encoder.parameters())
    rest = [p for name, p in net.named_parameters() if not name.startswith("encoder.")]
    groups = [{"params": encoder, "scale": 0.5}, {"params": rest, "scale": 1.0}]
    optimiser = torch.optim.AdamW(groups, lr=args.lr, weight_decay=0.02, fused=True)
    start, seen, logged = time.time(), 0, time.time()
    sums: dict[str, float] = {}
    count = 0
    bar = tqdm(total=round(args.minutes, 1), unit="min", disable=None)
    while True:
        progress = (time.time() - start) / (60 * args.minutes)
        if progress >= 1:
            break
        bar.update(round(progress * args.minutes - bar.n, 1))
        warm = min(1.0, seen / 800)
        rate = args.lr * warm * (0.5 * (1 + math.cos(math.pi * progress)) + 0.003)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        side = SMALL_VIEW if progress < args.small_share else VIEW
        batch = sampler.batch(args.batch)
        with autocast(args.precision):
            outputs = dict(zip(OUTPUTS, net(to_input(batch["image"], side)), strict=True))
        loss, parts = total_loss(outputs, batch)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {float(loss)} after {seen} samples: lower --lr")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        seen += args.batch
        keep = min(0.5 ** (args.batch / EMA_SAMPLES), (seen + 1) / (seen + 40 * args.batch))
        with torch.no_grad():
            for a, b in zip(ema.state_dict().values(), net.state_dict().values(), strict=True):
                a.lerp_(b, 1 - keep) if a.is_floating_point() else a.copy_(b)
        for key, value in parts.items():
            sums[key] = sums.get(key, 0.0) + value
        count += 1
        if not sampler.labelled and args.labels and (args.labels / "annotations.json").exists():
            sampler.add_labelled(load_records(args.data, val_senders, held_out=False, labels=args.labels))
            print(f"{len(sampler.labelled)} labelled", flush=True)
        if time.time() - logged > 60 * args.log_minutes:
            _report(args, ema, held_out, seen, start, {k: v / count for k, v in sums.items()})
            sums, count, logged = {}, 0, time.time()
    bar.close()
    _report(args, ema, held_out, seen, start, {k: v / max(1, count) for k, v in sums.items()})


def _report(
    s: GarmentSettings, ema: GarmentNet, held_out: list[Record], seen: int, start: float, losses: dict[str, float]
) -> None:
    figures = validate(ema, held_out, s.precision)
    ema.eval()
    row = {"minutes": (time.time() - start) / 60, "samples": seen, **figures, "loss": losses}
    text = json.dumps(row, default=lambda v: round(v, 4))
    about = {"training": as_json(s), "metrics": json.loads(text), "licence": s.licence}
    save_module(s.out / "last.safetensors", dict(ema.state_dict()), {}, **about)
    with open(s.out / "log.jsonl", "a") as file:
        file.write(text + "\n")
    short = {k: round(v, 4) for k, v in row.items() if isinstance(v, float | int)}
    print(short, {k: round(v, 3) for k, v in losses.items()}, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the garment photos")
    parser.add_argument("--people", type=Path, help="folder of street photos, as pictures that are no flat garments")
    parser.add_argument("--labels", type=Path, help="folder of machine labels: annotations.json and masks")
    parser.add_argument("--labelled-share", type=float, default=0.5, help="share of machine-labelled garments")
    parser.add_argument("--imagenet", type=Path, help="MobileNetV2 weights to start the encoder from")
    parser.add_argument("--init", type=Path, help="weights of an earlier run to start from")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--log-minutes", type=float, default=4)
    parser.add_argument("--small-share", type=float, default=0.5, help="share of the run on small views")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--seed", type=int, default=0)
    train(GarmentSettings(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()

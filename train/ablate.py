"""What each part of the generator's training does: one thing changed at a time, at equal numbers of images.

    python -m tryon.train.ablate --samples SHARDS --perceptual MOBILENET.safetensors --out RUNS --images 800

SHARDS is written by `tryon.train.ablate_samples`. Runs are small: on a quarter of the canvas's pixels unless the case
is about the canvas, without checkpoints; a finished case is not run again. RUNS/NAME holds figures.json, metrics.jsonl
and sheet.png; RUNS/table.md the tables. Held-out figures are those of `preview.figures`, for the middle of each sample.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..geometry import CANVAS
from ..models.generator import IN_CHANNELS, PLATE, WARP, WARP_MASK, Generator, Layers, composite, lit
from . import preview
from .ablate_samples import FULL, HELD_OUT
from .loop import Metrics
from .losses import PerceptualLoss
from .samples import SAMPLE_FIELDS, Batch, CropSampler
from .settings import CROP_MULTIPLE, TryOnSettings
from .shards import ShardReader, ShardWriter
from .tryon import Trainer

#: Held-out crops on the full canvas, px; on a smaller canvas the same part of the body.
CROP = 256
#: Scale of the canvas on which cases run that are not about it: 256x192.
SCALE = 0.5
#: Higher than usual: the warm-up takes most of such a short run.
LR = 1.2e-3
#: What a picture without any warp needs no term for, and terms that would look at the unwarped garment's outline.
NO_LAYERS = {"w_rgb": 0.0, "w_alpha": 0.0, "w_gain": 0.0, "edge_weight": 0.0}
#: Farthest that the residual flow of `FlowNet` moves a pixel of the garment, px: 3 % of the canvas' height.
FLOW_RANGE = 0.03 * SCALE * CANVAS[0]
GAN: dict[str, Any] = {"gan_start": 0.4, "gan_pretrain": 80}
LSGAN = {**GAN, "gan_kind": "lsgan"}


@dataclass(frozen=True)
class Case:
    """One run.

    Args:
        name: of its folder; says: its row in the table.
        folders: samples that it learns from.
        scale: of the canvas.
        flat: the garment is not warped, and the network paints the whole region (pix2pix).
        flow: the network also moves the warped garment, see `FlowNet`.
        settings: what differs from the common settings.
    """

    name: str
    says: str
    folders: tuple[str, ...] = FULL
    scale: float = SCALE
    flat: bool = False
    flow: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


CASES: tuple[Case, ...] = (
    Case("full", "generator, full recipe, no discriminator"),
    Case("plain", "plain pix2pix: garment not warped, no layers", flat=True, settings=NO_LAYERS),
    Case("no_old", "without the simulated old garment", ("no_old",)),
    Case("seed_1", "full recipe, another seed", settings={"seed": 1}),
    Case("hinge", "full recipe + discriminator (hinge)", settings=GAN),
    Case("no_transplant", "without transplants", ("worn_given", "worn_predicted", "more_worn")),
    Case("given", "annotated parses only", ("worn_given", "transplant_given", "more_given")),
    Case("no_jitter", "without jitter", ("no_jitter",)),
    Case("no_perceptual", "without the perceptual loss", settings={"w_perceptual": 0.0}),
    Case("width_16", "width 16", settings={"width": 16}),
    Case("width_48", "width 48", settings={"width": 48}),
    Case("canvas_384", "canvas 384x288", scale=0.75),
    Case("canvas_512", "canvas 512x384", scale=1.0),
    Case("plain_lsgan", "plain pix2pix + discriminator (lsgan)", flat=True, settings={**NO_LAYERS, **LSGAN}),
    Case("seed_2", "full recipe, a third seed", settings={"seed": 2}),
    Case("picture", "full recipe, losses on the finished picture only", settings=NO_LAYERS),
    Case("flow", "residual flow, losses on the picture only", flow=True, settings=NO_LAYERS),
    Case("picture_1", "losses on the picture only, another seed", settings={**NO_LAYERS, "seed": 1}),
    Case("flow_1", "residual flow, another seed", flow=True, settings={**NO_LAYERS, "seed": 1}),
    Case("lsgan", "full recipe + discriminator (lsgan)", settings=LSGAN),
)  # fmt: skip
#: The table of ingredients, by groups; every row is judged on the canvas of 256x192.
INGREDIENTS = (
    "plain", "plain_lsgan", "full", "seed_1", "seed_2", "hinge", "lsgan", "no_old", "no_transplant", "given",
    "no_jitter", "no_perceptual", "width_16", "width_48", "picture", "picture_1", "flow", "flow_1",
)  # fmt: skip
#: The table of canvases; every row is judged on the full canvas.
CANVASES = ("full", "canvas_384", "canvas_512")


class PlainNet(Generator):
    """pix2pix: the same U-Net paints the whole region, and the garment is an input like any other."""

    def _layers(self, x: Tensor, raw: Tensor, light: Tensor) -> Layers:
        rgb = (x[:, PLATE] + 2.0 * torch.tanh(raw[:, :3])).clamp(-1, 1)
        return Layers(rgb, torch.zeros_like(x[:, WARP_MASK]), torch.ones_like(x[:, WARP_MASK]))


class FlowNet(Generator):
    """The generator with a residual flow: it also moves the warped garment before laying it over the picture.

    The flow is predicted at an eighth of the resolution and bounded by `FLOW_RANGE`, so it is smooth and can't tear a
    print. The layers come back as one, the finished picture.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        channels = self.light.in_channels
        self.light = torch.nn.Conv2d(channels, self.settings["gain_channels"] + 2, 3, 1, 1)
        torch.nn.init.zeros_(self.light.weight)
        torch.nn.init.zeros_(self.light.bias)

    def _layers(self, x: Tensor, raw: Tensor, light: Tensor) -> Layers:
        still = super()._layers(x, raw, light[:, :-2])
        shift = FLOW_RANGE * torch.tanh(light[:, -2:])
        shift = functional.interpolate(shift, scale_factor=8.0, mode="bilinear", align_corners=False)
        mask = x[:, WARP_MASK]
        cover = moved(mask, shift)
        cloth = moved(x[:, WARP] * mask, shift) / cover.clamp_min(0.02)
        alpha = still.alpha / mask.clamp_min(0.02) * cover
        picture = alpha * lit(cloth, still.gain) + (1 - alpha) * still.rgb
        return Layers(picture, torch.zeros_like(mask), torch.ones_like(mask))


def moved(x: Tensor, shift: Tensor) -> Tensor:
    """`x` (B, C, H, W), each pixel taken from `shift` (B, 2, H, W) px beside it, right and down; 0 from outside."""
    height, width = x.shape[-2:]
    rows = torch.arange(height, device=x.device, dtype=x.dtype)[:, None] + shift[:, 1]
    columns = torch.arange(width, device=x.device, dtype=x.dtype) + shift[:, 0]
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], -1)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


class PlainTrainer(Trainer):
    """Trains a `PlainNet`."""

    network = PlainNet


class FlowTrainer(Trainer):
    """Trains a `FlowNet`."""

    network = FlowNet


def resized(parts: dict[str, np.ndarray], scale: float, flat: bool) -> dict[str, np.ndarray]:
    """A stored sample on a smaller canvas.

    Args:
        parts: fields of `ablate_samples.FIELDS`, uint8 (h, w, channels).
        flat: the unwarped garment takes the place of the warped one.

    Returns:
        The fields of `samples.SAMPLE_FIELDS`.
    """
    out = {name: parts[name] for name in SAMPLE_FIELDS}
    if flat:
        out["warp"], out["warp_mask"] = parts["flat"], parts["flat_mask"]
    if scale == 1:
        return out
    height, width = out["edit"].shape[:2]
    wh = (round(width * scale), round(height * scale))
    cover = out["warp_mask"].astype(np.float32)
    weighed = cv2.resize(out["warp"] * cover, wh, interpolation=cv2.INTER_AREA)
    weighed /= np.maximum(cv2.resize(cover, wh, interpolation=cv2.INTER_AREA), 1.0)[..., None]
    small = {}
    for name, values in out.items():
        how = cv2.INTER_NEAREST if name == "layout" else cv2.INTER_AREA
        planes = [
            cv2.resize(np.ascontiguousarray(values[..., k]), wh, interpolation=how) for k in range(values.shape[2])
        ]
        small[name] = np.stack(planes, 2)  # cv2 takes at most four channels
    small["warp"] = np.clip(np.rint(weighed), 0, 255).astype(np.uint8)
    return small


def on_canvas(samples: Path, folders: tuple[str, ...], out: Path, scale: float, flat: bool) -> ShardReader:
    """The samples of some folders on another canvas, written to `out`."""
    shutil.rmtree(out, ignore_errors=True)
    reader = ShardReader([samples / name for name in folders])
    with ShardWriter(out, SAMPLE_FIELDS) as writer:
        for i in range(len(reader)):
            writer.add(resized(reader.split(reader[i]), scale, flat), reader.rows[i]["meta"])
    return ShardReader(out)


def enlarged(layers: Layers, small: Batch, large: Batch) -> Layers:
    """What a network predicted on a small canvas, for the picture on a large one; prints keep their sharpness."""
    size = large["inputs"].shape[-2:]

    def up(x: Tensor) -> Tensor:
        return functional.interpolate(x, size, mode="bilinear", align_corners=False)

    mask = small["warp_mask"]
    usual = layers.alpha.sum() / mask.sum().clamp_min(1)
    share = torch.where(mask > 0.02, layers.alpha / mask.clamp_min(0.02), usual)
    correction = up(layers.rgb - small["inputs"][:, PLATE])
    rgb = (large["inputs"][:, PLATE] + correction).clamp(-1, 1)
    return Layers(rgb, up(share) * large["warp_mask"], up(layers.gain))


def fit(case: Case, s: TryOnSettings, metrics: Metrics) -> Trainer:
    """Train to the end; returns the trainer."""
    trainer = (PlainTrainer if case.flat else FlowTrainer if case.flow else Trainer)(s)
    sampler = CropSampler(ShardReader(list(s.shards)), s.crop, seed=s.seed, skin_focus=s.skin_focus)
    batches = sampler.batches(s.batch)
    while trainer.images < s.max_images:
        before = trainer.images
        trainer.step(next(batches), before / s.max_images, metrics)
        if trainer.images // s.log_images != before // s.log_images:
            print(case.name, metrics.write(images=trainer.images), flush=True)
    batches.close()
    return trainer


def judge(
    net: Generator | None, case: Case, samples: Path, folder: Path, perceptual: PerceptualLoss
) -> dict[str, dict[str, float]]:
    """Held-out figures: `worn` and `transplant` on the case's own canvas; `worn_full` and so on, on the full one, for
    those of `CANVASES` and the geometric picture.

    Args:
        net: None gives the geometric picture.
    """
    out = {}
    for name in HELD_OUT:
        large = preview.held_out(ShardReader(samples / name), (CROP, CROP), 10**6)
        reader = on_canvas(samples, (name,), folder / name, case.scale, case.flat)
        side = round(CROP * case.scale)
        small = preview.held_out(reader, (side, side), 10**6)
        kind = name.removeprefix("held_")
        if net is None:
            pictures: list[tuple[str, Tensor, Layers | None, Batch]] = [
                (kind, preview.untrained(small["inputs"]), None, small),
                (f"{kind}_full", preview.untrained(large["inputs"]), None, large),
            ]
        else:
            picture, layers = preview.predict(net, small, precision="float32")
            above = enlarged(layers, small, large)
            pictures = [
                (kind, picture, layers, small),
                (f"{kind}_full", composite(large["inputs"], above), above, large),
            ]
            preview.sheet(folder / f"{kind}.png", picture[:12], Layers(*(x[:12] for x in layers)), _first(small, 12))
        for label, picture, found, batch in pictures if net is None or case.name in CANVASES else pictures[:1]:
            out[label] = preview.figures(picture, found, batch, perceptual, "float32")
        shutil.rmtree(folder / name)
    return out


def _first(batch: Batch, count: int) -> Batch:
    return {name: values[:count] for name, values in batch.items()}


@torch.no_grad()
def run_time(width: int, scale: float, rounds: int = 15) -> float:
    """Processor milliseconds of one forward pass on the whole canvas, torch, float32, one thread."""
    net = Generator(width=width).eval().to(memory_format=torch.channels_last)
    size = [round(side * scale) for side in CANVAS]
    x = torch.zeros(1, IN_CHANNELS, *size).contiguous(memory_format=torch.channels_last)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        net(x)
        times.append(time.process_time() - start)
    return round(1000 * min(times), 1)


def run(case: Case, samples: Path, out: Path, images: int, perceptual: Path, crop: int = CROP) -> dict[str, Any]:
    """Run one case, unless it has been run. `crop`: side of the training's crops on the full canvas, px."""
    folder = out / case.name
    if (folder / "figures.json").exists():
        return dict(json.loads((folder / "figures.json").read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").unlink(missing_ok=True)
    shards = on_canvas(samples, case.folders, folder / "shards", case.scale, case.flat)
    side = -(-round(crop * case.scale) // CROP_MULTIPLE) * CROP_MULTIPLE
    common: dict[str, Any] = {"crop": (side, side), "perceptual": perceptual, "gan_start": 1.0, "threads": 1}
    common |= {"max_images": images, "precision": "float32", "device": "cpu", "log_images": 200, "lr": LR}
    s = TryOnSettings(shards=[folder / "shards"], out=folder, **common | case.settings)
    start = time.process_time()
    trainer = fit(case, s, Metrics(folder / "metrics.jsonl"))
    seconds = time.process_time() - start
    figures = judge(trainer.averaged(), case, samples, folder, PerceptualLoss(perceptual))
    row = {
        "images": trainer.images, "samples": len(shards), "ms_per_image": round(1000 * seconds / trainer.images, 1),
        "run_ms": run_time(s.width, case.scale), **figures,
    }  # fmt: skip
    shutil.rmtree(folder / "shards")
    (folder / "figures.json").write_text(json.dumps(row, indent=1))
    return row


def table(rows: dict[str, dict[str, Any]], names: tuple[str, ...], suffix: str) -> str:
    """Markdown: a line per case. `suffix` chooses the canvas of the figures, see `judge`."""
    heads = ("run", "worn: region", "garment", "skin", "features", "transplant: region", "garment", "features")
    lines = [f"| {' | '.join((*heads, 'training, ms', 'use, ms'))} |", "| --- |" + " ---: |" * 9]
    says = {case.name: case.says for case in CASES} | {"geometric": "geometric picture, no network"}
    for name in ("geometric", *names):
        if name not in rows:
            continue
        row = rows[name]
        worn, moved = row[f"worn{suffix}"], row[f"transplant{suffix}"]
        values = [worn[k] for k in ("l1", "garment", "skin", "perceptual")]
        values += [moved[k] for k in ("l1", "garment", "perceptual")]
        costs = [f"{row[k]:.0f}" if k in row else "" for k in ("ms_per_image", "run_ms")]
        lines.append(f"| {says[name]} | " + " | ".join([f"{v:.4f}" for v in values] + costs) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True, help="written by tryon.train.ablate_samples")
    parser.add_argument("--perceptual", type=Path, required=True, help="MobileNetV2 weights, safetensors")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=800, help="crops that each run sees")
    parser.add_argument("--crop", type=int, default=CROP, help="side of the crops on the full canvas, px")
    parser.add_argument("--cases", nargs="*", choices=[case.name for case in CASES], help="default: all")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, Any]] = {}
    start = args.out / "geometric.json"
    if not start.exists():
        found = judge(None, Case("geometric", ""), args.samples, args.out, PerceptualLoss(args.perceptual))
        start.write_text(json.dumps(found, indent=1))
    rows["geometric"] = json.loads(start.read_text())
    for case in CASES:
        if not args.cases or case.name in args.cases:
            rows[case.name] = run(case, args.samples, args.out, args.images, args.perceptual, args.crop)
            parts = [table(rows, INGREDIENTS, ""), table(rows, CANVASES, "_full")]
            (args.out / "table.md").write_text("\n\n".join(parts) + "\n")
    print((args.out / "table.md").read_text())


if __name__ == "__main__":
    main()

"""Held-out pictures and figures during the generator's training: the same samples each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..imageio import save
from ..models.generator import WARP, Generator, Layers, composite
from .loop import autocast
from .losses import PerceptualLoss, l1, weighted_mean
from .samples import Batch, decode
from .shards import ShardReader


def held_out(reader: ShardReader, size: tuple[int, int], count: int, device: str | torch.device = "cpu") -> Batch:
    """`count` samples spread over the reader, each cut to its middle `size`."""
    crops = []
    for i in np.linspace(0, len(reader) - 1, min(count, len(reader))).round().astype(int):
        sample = reader[int(i)]
        y, x = ((sample.shape[k] - size[k]) // 2 for k in (0, 1))
        if y < 0 or x < 0:
            raise ValueError(
                f"held-out crops of {size} do not fit a stored sample of {sample.shape[:2]}: use smaller crops"
            )
        crops.append(sample[y : y + size[0], x : x + size[1]])
    return decode(torch.from_numpy(np.stack(crops)).to(device), reader.fields)


def untrained(inputs: Tensor) -> Tensor:
    """The geometric engine's picture of these inputs: warped garment over plate. (B, 3, H, W) in [-1, 1]."""
    plate, mask, edit = inputs[:, 0:3], inputs[:, 7:8], inputs[:, 3:4]
    return composite(inputs, Layers(plate, mask * edit, torch.ones_like(mask)))


def _sharpness(picture: Tensor, mask: Tensor) -> float:
    grey = picture.mean(1, keepdim=True)
    return float(weighted_mean(grey.diff(dim=3).abs(), mask[..., 1:]))


@torch.no_grad()
def predict(generator: Generator, batch: Batch, step: int = 8, precision: str = "auto") -> tuple[Tensor, Layers]:
    """The composite and the layers for a whole batch, in pieces."""
    layers = []
    for inputs in batch["inputs"].split(step):
        with autocast(precision, inputs.device.type):
            layers.append(generator(inputs))
    merged = Layers(*(torch.cat(part) for part in zip(*layers, strict=True)))
    return composite(batch["inputs"], merged), merged


@torch.no_grad()
def figures(
    output: Tensor,
    layers: Layers | None,
    batch: Batch,
    perceptual: PerceptualLoss | None = None,
    precision: str = "auto",
) -> dict[str, float]:
    """Errors inside the true part of the edit region.

    Returns:
        l1: mean absolute error, [-1, 1] scale. skin: the same on revealed skin. sharp: sharpness of the output over
        the target's. perceptual: feature distance. alpha: mean alpha where the garment truly shows under the warp.
        gain_dev: mean |log gain| there.
    """
    inside = batch["edit"] * batch["valid"]
    mixed = inside * output + (1 - inside) * batch["target"]
    shown = batch["garment_true"] * (batch["warp_mask"] > 0.9) * inside
    out = {
        "l1": float(l1(output, batch["target"], inside)),
        "skin": float(l1(output, batch["target"], inside * batch["skin_true"])),
        "garment": float(l1(output, batch["target"], inside * batch["garment_true"])),
        "sharp": _sharpness(mixed, inside) / max(_sharpness(batch["target"], inside), 1e-6),
    }
    if layers is not None:
        out["alpha"] = float(weighted_mean(layers.alpha, shown))
        out["gain_dev"] = float(weighted_mean(layers.gain.log().abs().mean(1, keepdim=True), shown))
    if perceptual is not None:
        with autocast(precision, output.device.type):
            parts = [
                float(perceptual(m, t, w))
                for m, t, w in zip(mixed.split(8), batch["target"].split(8), inside.split(8), strict=True)
            ]
        out["perceptual"] = sum(parts) / len(parts)
    return {name: round(value, 5) for name, value in out.items()}


def sheet(path: Path, output: Tensor, layers: Layers, batch: Batch, columns: int = 2) -> np.ndarray:
    """Contact sheet, a row per sample: geometric, output, target, rgb layer, alpha, gain, warped garment.

    Written to `path` and returned, uint8 (H, W, 3).
    """
    inputs = batch["inputs"]
    grey = (layers.alpha, layers.gain.log().mean(1, keepdim=True) / 1.4 + 0.5)
    tiles = [untrained(inputs), output, batch["target"], layers.rgb]
    tiles += [(g * 2 - 1).clamp(-1, 1).expand(-1, 3, -1, -1) for g in grey]
    tiles.append(inputs[:, WARP] * batch["warp_mask"])
    stacked = torch.cat(tiles, 3).permute(0, 2, 3, 1).float().cpu().numpy()
    rows = np.clip((stacked + 1) * 127.5, 0, 255).astype(np.uint8)
    per = -(-len(rows) // columns)
    rows = np.concatenate([rows, np.zeros((per * columns - len(rows), *rows.shape[1:]), np.uint8)])
    picture = np.concatenate([np.concatenate(list(rows[k * per : (k + 1) * per]), 0) for k in range(columns)], 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, picture)
    return picture

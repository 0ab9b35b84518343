"""Drawn samples of the shape that the generator's training expects: for tests and dry runs, without any photo.

A striped garment lies on a figure; its light falls off from the left, which the flat warped garment does not know,
and the left arm is bare under an erased long sleeve. So gain, skin and the garment's outline can all be learned.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..models.generator import EDIT, IN_CHANNELS, LAYOUT, LIMBS, PLATE, SKIN_PRIOR, WARP, WARP_MASK
from .samples import SAMPLE_FIELDS, encode
from .shards import ShardWriter


def draw(seed: int, size: tuple[int, int] = (96, 96)) -> dict[str, np.ndarray]:
    """One sample: `inputs` (C, H, W), `target` (3, H, W) in [-1, 1], `valid`, `garment_true`, `skin_true` (H, W)."""
    random = np.random.default_rng(seed)
    h, w = size
    y, x = np.mgrid[:h, :w] / np.array([h, w]).reshape(2, 1, 1)
    background, skin, a, b = (random.uniform(-0.8, 0.8, 3) for _ in range(4))
    torso = (np.abs(x - 0.5) < 0.2) & (y > 0.25) & (y < 0.8)
    arm = (np.abs(x - 0.22 - 0.05 * y) < 0.06) & (y > 0.25) & (y < 0.75)
    head = (x - 0.5) ** 2 + (y - 0.13) ** 2 < 0.01
    stripes = (np.sin(x * random.uniform(20, 40) + y * random.uniform(0, 20)) > 0)[..., None]
    texture = np.where(stripes, a, b)
    light = np.exp(0.4 * np.cos(x * 4))[..., None]
    photo = np.broadcast_to(background, (h, w, 3)) + 0.1 * np.sin(y * 30)[..., None]
    photo = np.where((head | arm)[..., None], skin * (1 - 0.4 * x[..., None]), photo)
    photo = np.where(torso[..., None], (texture + 1) * light - 1, photo)
    edit = cv2.dilate((torso | arm).astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    plate = np.where(edit[..., None], background, photo)
    plate = np.where(arm[..., None], skin * 0.8, plate)
    inputs = np.zeros((IN_CHANNELS, h, w), np.float32)
    inputs[PLATE], inputs[EDIT] = np.clip(plate, -1, 1).transpose(2, 0, 1), edit
    inputs[WARP], inputs[WARP_MASK] = (texture * torso[..., None]).transpose(2, 0, 1), torso
    inputs[LIMBS][0], inputs[LIMBS][1], inputs[LIMBS][5] = torso, arm, head
    inputs[LAYOUT][2], inputs[LAYOUT][0] = head, ~head
    inputs[SKIN_PRIOR] = arm
    ones = np.ones((h, w), np.float32)
    return {
        "inputs": inputs,
        "target": np.clip(photo, -1, 1).transpose(2, 0, 1).astype(np.float32),
        "valid": ones,
        "garment_true": torso.astype(np.float32),
        "skin_true": arm.astype(np.float32),
    }


def write(folder: str | Path, count: int, size: tuple[int, int] = (96, 96)) -> None:
    """Fill a shard folder with `count` drawn samples."""
    with ShardWriter(folder, SAMPLE_FIELDS) as writer:
        for seed in range(count):
            writer.add(encode(**draw(seed, size)), {"kind": "drawn", "seed": seed})

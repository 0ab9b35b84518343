"""Labels for photos that have only tags: the parser's own opinion, among what the tags allow."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..labels import NUM_LABELS, Label
from ..preprocess.parsing import person_canvas
from .data_people import NAME_TO_LABEL
from .people_views import IGNORE, STORE, Sample

#: Below this probability a pixel is left out of the loss.
SURE = 0.55


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


def label_tagged(
    samples: list[Sample], shares: Iterable[Tensor], tags: dict[str, list[str]], size: tuple[int, int]
) -> None:
    """Fill `labels` of each sample; IGNORE where the network is unsure.

    Args:
        shares: class probabilities (NUM_LABELS, h / 2, w / 2) on the plain canvas of `size`, one a sample.
    """
    for sample, share in zip(samples, shares, strict=True):
        share = functional.interpolate(share[None], scale_factor=2, mode="bilinear", align_corners=False)[0]
        sure, guess = heed_tags(share, tags[sample.id]).max(0)
        labels = torch.where(sure > SURE, guess, torch.tensor(IGNORE)).numpy().astype(np.uint8)
        # Outside of the canvas nothing is known but that the person isn't there.
        pasted = person_canvas(sample.box, size).paste_back(labels + np.uint8(1), STORE, nearest=True)
        inside = person_canvas(sample.box, size).paste_back(np.ones(size, np.uint8), STORE, nearest=True) > 0
        sample.coarse = True
        sample.labels = np.where(inside, pasted - np.uint8(1), np.uint8(Label.BACKGROUND)).astype(np.uint8)


def leave_out(sample: Sample, tags: list[str]) -> bool:
    """Set to IGNORE what a sample's labels say against the photo's tags; False if it has no labels."""
    if sample.labels is None:
        return False
    allowed = np.ones(256, bool)
    allowed[:NUM_LABELS] = allowed_labels(tags)
    sample.labels = np.where(allowed[sample.labels], sample.labels, np.uint8(IGNORE))
    return True


def store(path: Path, samples: list[Sample]) -> None:
    """Keep the labels of all samples in one file, which appears whole or not at all."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        np.savez_compressed(file, **{s.id: s.labels for s in samples if s.labels is not None})
    os.replace(part, path)


def recall(path: Path, samples: list[Sample]) -> None:
    """Fill `labels` from a file that `store` wrote for the same samples."""
    with np.load(path) as kept:
        for sample in samples:
            sample.labels, sample.coarse = kept[sample.id], True

"""Augmentation of whole batches on the device where the networks are.

`Recolour` changes what the generator learns from (kornia); `DiffAugment` what the discriminator sees. What needs the
whole photo (poses, outlines, old garments, windows) is done when samples are rendered, see `synth`.

Source
    DiffAugment: Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training (2020).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.generator import EDIT, PLATE, WARP, WARP_MASK
from .samples import Batch
from .settings import D_AUGMENTATIONS


class Recolour:
    """Other light on the scene, and another hue of the garment, in inputs and truth alike.

    Args:
        strength: 0 to 1; 1 changes brightness, contrast and saturation by up to 25 % and turns the hue freely.
        hue_share: share of the samples whose garment gets another hue.

    Shape: a batch as in `samples`; a changed copy is returned. Randomness is torch's global one.
    """

    def __init__(self, strength: float, hue_share: float = 0.5) -> None:
        from kornia.augmentation import ColorJiggle  # takes seconds to import

        spread = 0.25 * strength
        self.scene = ColorJiggle(
            (1 - spread, 1 + spread), (1 - spread, 1 + spread), (1 - spread, 1 + spread), 0.0, p=1.0
        )
        self.hue = ColorJiggle(0.0, 0.0, (1 - 2 * spread, 1 + spread), (-0.5 * strength, 0.5 * strength), p=hue_share)

    @staticmethod
    def _together(change: Callable[[Tensor], Tensor], *pictures: Tensor) -> tuple[Tensor, ...]:
        """Apply one random change per sample to several pictures in [-1, 1]: they are joined below each other."""
        joined = change((torch.cat(pictures, 2).float() * 0.5 + 0.5).clamp(0, 1))
        return (joined * 2 - 1).chunk(len(pictures), 2)

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Batch:
        inputs, target, shown = batch["inputs"].clone(), batch["target"], batch["garment_true"]
        warp, coloured = self._together(self.hue, inputs[:, WARP], target)
        target = coloured * shown + target * (1 - shown)
        plate, warp, target = self._together(self.scene, inputs[:, PLATE], warp, target)
        inputs[:, PLATE], inputs[:, WARP] = plate, warp * (batch["warp_mask"] > 0)
        like = batch["target"]
        out = {**batch, "inputs": inputs, "target": torch.empty_like(like).copy_(target)}
        out["edit"], out["warp_mask"] = out["inputs"][:, EDIT], out["inputs"][:, WARP_MASK]
        return out


class DiffAugment:
    """Random changes of what the discriminator sees, the same for the true and the generated picture, with gradients.

    The discriminator then can't learn few photos by heart. Moved and cut pictures take their conditions and weights
    with them.

    Args:
        policy: some of "colour", "translation", "cutout".

    Shape: pictures (B, 3, H, W) in [-1, 1] (several), maps (B, C, H, W) that move along.
    """

    def __init__(self, policy: tuple[str, ...]) -> None:
        unknown = set(policy) - set(D_AUGMENTATIONS)
        if unknown:
            raise ValueError(f"d_augment knows {', '.join(D_AUGMENTATIONS)}, not {', '.join(sorted(unknown))}")
        self.policy = policy

    def __call__(self, pictures: list[Tensor], maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        b, _, h, w = pictures[0].shape
        device = pictures[0].device
        if "colour" in self.policy:
            brightness, saturation, contrast = (torch.rand(3, b, 1, 1, 1, device=device) - 0.5).unbind(0)
            pictures = [self._colour(p, brightness, 1 + 2 * saturation, 1 + contrast) for p in pictures]
        if "translation" in self.policy:
            reach = torch.tensor([h // 8, w // 8], device=device)
            shift = ((torch.rand(b, 2, device=device) * 2 - 1) * reach).round().long()
            pictures = [_moved(p, shift) for p in pictures]
            maps = [_moved(m, shift) for m in maps]
        if "cutout" in self.policy:
            hole = self._hole(b, h, w, device)
            pictures = [p * hole for p in pictures]
            maps = [m * hole for m in maps]
        return pictures, maps

    @staticmethod
    def _colour(picture: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
        picture = picture + brightness
        grey = picture.mean(1, keepdim=True)
        picture = grey + (picture - grey) * saturation
        middle = picture.mean((1, 2, 3), keepdim=True)
        return middle + (picture - middle) * contrast

    @staticmethod
    def _hole(b: int, h: int, w: int, device: torch.device) -> Tensor:
        """(B, 1, H, W), 0 in a rectangle of up to half the sides, 1 elsewhere."""
        centre, half = torch.rand(2, b, 2, device=device).unbind(0)
        inside = []
        for axis, length in ((0, h), (1, w)):
            at = (torch.arange(length, device=device) + 0.5) / length
            inside.append((at[None] - centre[:, axis, None]).abs() < half[:, axis, None] * 0.25)
        return 1 - (inside[0][:, None, :, None] & inside[1][:, None, None, :]).float()


def _moved(picture: Tensor, shift: Tensor) -> Tensor:
    """(B, C, H, W) moved by (B, 2) whole pixels (down, right); zeros come in."""
    h, w = picture.shape[2:]
    up, left = int(shift[:, 0].abs().max()), int(shift[:, 1].abs().max())
    padded = F.pad(picture, (left, left, up, up))
    cuts = [
        one[:, up - dy : up - dy + h, left - dx : left - dx + w]
        for one, (dy, dx) in zip(padded, shift.tolist(), strict=True)
    ]
    return torch.stack(cuts).contiguous(memory_format=torch.channels_last)

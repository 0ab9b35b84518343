"""Multi-scale patch discriminator, used in training only.

Convention
    Pictures (B, 3, H, W) in [-1, 1]; conditions (B, C, H, W). Each scale gives a map of scores, one per overlapping
    70x70 patch (at its scale), and its hidden features for feature matching. Scores have no sigmoid.

Source
    pix2pix (Isola et al., 2017), pix2pixHD (Wang et al., 2018); spectral normalisation (Miyato et al., 2018).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .generator import EDIT, LIMBS, WARP_MASK

#: Channels of the generator's input that the discriminator sees beside the picture.
CONDITIONS: tuple[slice, ...] = (EDIT, WARP_MASK, LIMBS)
CONDITION_CHANNELS = sum(part.stop - part.start for part in CONDITIONS)


def conditions(inputs: Tensor) -> Tensor:
    """The part of the generator's input (B, C, H, W) that the discriminator is conditioned on."""
    return torch.cat([inputs[:, part] for part in CONDITIONS], 1)


class Verdict(NamedTuple):
    """Output of one scale: scores (B, 1, h, w) and the hidden features, first layer first."""

    scores: Tensor
    features: list[Tensor]


class PatchDiscriminator(nn.Module):
    """Three stride-2 and two stride-1 4x4 convolutions: a 70x70 receptive field, one score every 8 px.

    Args:
        in_channels: picture + conditions.
        width: channels of the first layer; doubled at each stride-2 layer.
        norm: "spectral", "instance" or "none".
    """

    def __init__(self, in_channels: int, width: int = 32, norm: str = "spectral") -> None:
        super().__init__()
        if norm not in ("spectral", "instance", "none"):
            raise ValueError(f"norm must be spectral, instance or none, got {norm!r}")
        sizes = [in_channels, width, 2 * width, 4 * width, 4 * width]
        self.layers = nn.ModuleList()
        for k in range(4):
            conv = nn.Conv2d(sizes[k], sizes[k + 1], 4, 2 if k < 3 else 1, 1)
            layer: list[nn.Module] = [spectral_norm(conv) if norm == "spectral" else conv]
            if norm == "instance" and k > 0:
                layer.append(nn.InstanceNorm2d(sizes[k + 1], affine=True))
            self.layers.append(nn.Sequential(*layer, nn.LeakyReLU(0.2)))
        last = nn.Conv2d(sizes[4], 1, 4, 1, 1)
        self.score = spectral_norm(last) if norm == "spectral" else last

    def forward(self, x: Tensor) -> Verdict:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return Verdict(self.score(x).float(), features)


class Discriminator(nn.Module):
    """Patch discriminators on the picture at full size, half size, ...

    Args:
        width: channels of the first layer.
        scales: number of sizes.
        norm: see `PatchDiscriminator`.
        condition_channels: channels of the conditions.

    Shape: picture (B, 3, H, W), conditions (B, C, H, W) -> one `Verdict` per scale.
        H and W at least 32 * 2**(scales - 1).
    """

    def __init__(
        self, width: int = 32, scales: int = 2, norm: str = "spectral", condition_channels: int = CONDITION_CHANNELS
    ) -> None:
        super().__init__()
        self.settings = {"width": width, "scales": scales, "norm": norm, "condition_channels": condition_channels}
        self.scales = nn.ModuleList(PatchDiscriminator(3 + condition_channels, width, norm) for _ in range(scales))

    def forward(self, picture: Tensor, condition: Tensor) -> list[Verdict]:
        least = 32 * 2 ** (len(self.scales) - 1)
        if min(picture.shape[2:]) < least:
            raise ValueError(
                f"picture is {tuple(picture.shape[2:])}, each side must be at least {least}: use larger crops"
            )
        x = torch.cat([picture, condition.to(picture.dtype)], 1)
        verdicts = []
        for k, scale in enumerate(self.scales):
            x = F.avg_pool2d(x, 2) if k else x
            verdicts.append(scale(x))
        return verdicts

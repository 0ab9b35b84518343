"""Losses of the generator's training. Each takes tensors and returns a scalar.

Convention
    Pictures (B, 3, H, W) in [-1, 1]; weights and masks (B, 1, H, W) >= 0. A weighted mean divides by the sum of the
    weights, so that a small edit region counts as much as a large one, and is 0 where the weights are all 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.discriminator import Verdict
from .settings import ADVERSARIAL_KINDS

#: Layers of MobileNetV2 `features` whose outputs are compared: 16, 24, 32 and 64 channels at 1/2, 1/4, 1/8, 1/16.
PERCEPTUAL_LAYERS: tuple[int, ...] = (1, 3, 6, 10)
_EPS = 1e-6


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """sum(values * weights) / sum(weights), weights broadcast over channels; 0 when all weights are 0."""
    total = weights.expand_as(values).sum()
    return (values * weights).sum() / total.clamp_min(_EPS)


def region_weights(
    edit: Tensor,
    valid: Tensor,
    skin_true: Tensor,
    *,
    skin: float = 6.0,
    edge: Tensor | None = None,
    edge_gain: float = 2.0,
    elsewhere: float = 1.0,
) -> Tensor:
    """How much each pixel counts: 1 inside the true part of the edit region, `skin` on revealed skin, 0 elsewhere.

    Args:
        edge: (B, 1, H, W) mask whose outline (a band of about 8 px) counts `edge_gain` times; None for no band.
        elsewhere: how much counts what is neither skin nor inside `edge`, relative to the latter.
    """
    weights = edit * valid * (1 + (skin - 1) * skin_true)
    if edge is not None:
        weights = weights * (elsewhere + (1 - elsewhere) * torch.maximum(skin_true, edge))
        small = F.avg_pool2d(edge, 4)
        band = F.max_pool2d(small, 3, 1, 1) + F.max_pool2d(-small, 3, 1, 1)
        weights = weights * (1 + (edge_gain - 1) * F.interpolate(band, scale_factor=4.0, mode="nearest"))
    return weights


def l1(output: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean absolute difference."""
    return weighted_mean((output - target).abs(), weights)


def gradient(output: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean absolute difference of the horizontal and vertical pixel differences: keeps texture sharp."""
    difference = output - target
    dx, dy = difference.diff(dim=3).abs(), difference.diff(dim=2).abs()
    return weighted_mean(dx, weights[..., 1:]) + weighted_mean(dy, weights[:, :, 1:])


def alpha_bce(alpha: Tensor, garment_true: Tensor, warp_mask: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy between alpha and where the garment truly shows, inside the warped mask.

    Without it alpha sinks and prints fade into the plate.
    """
    truth = (garment_true * warp_mask).clamp(0, 1)
    values = F.binary_cross_entropy(alpha.float().clamp(1e-4, 1 - 1e-4), truth, reduction="none")
    return weighted_mean(values, weights * (warp_mask > 0.5))


def gain_smoothness(gain: Tensor, warp_mask: Tensor, stride: int = 8) -> Tensor:
    """Total variation of log gain between neighbours `stride` px apart (the gain's resolution), plus a pull to 1."""
    log = gain.log()[..., stride // 2 :: stride, stride // 2 :: stride]
    inside = warp_mask[..., stride // 2 :: stride, stride // 2 :: stride]
    across = weighted_mean(log.diff(dim=3).abs(), inside[..., 1:] * inside[..., :-1])
    down = weighted_mean(log.diff(dim=2).abs(), inside[:, :, 1:] * inside[:, :, :-1])
    return across + down + 0.1 * weighted_mean(log.abs(), inside)


class PerceptualLoss(nn.Module):
    """Distance of MobileNetV2 features (ImageNet), each layer scaled by the target's mean magnitude.

    Args:
        weights: safetensors file in torchvision's keys (`features.*`), for inputs x / 127.5 - 1.
        layers: which outputs of `features` are compared.

    Shape: pictures (B, 3, H, W) in [-1, 1], mask (B, 1, H, W): where differences count. No gradient to the target.
    """

    def __init__(self, weights: str | Path, layers: Sequence[int] = PERCEPTUAL_LAYERS) -> None:
        super().__init__()
        from safetensors.torch import load_file
        from torch.nn.utils.fusion import fuse_conv_bn_eval
        from torchvision.models import mobilenet_v2

        net = mobilenet_v2()
        net.load_state_dict(load_file(str(weights)))
        net.eval()
        body = net.features[: max(layers) + 1]
        for module in list(body.modules()):  # batch norm folded into the convolution before it
            if isinstance(module, nn.Sequential):
                for k in range(len(module) - 1):
                    if isinstance(module[k], nn.Conv2d) and isinstance(module[k + 1], nn.BatchNorm2d):
                        module[k] = fuse_conv_bn_eval(module[k], module[k + 1])
                        module[k + 1] = nn.Identity()
        self.body = body.requires_grad_(False).to(memory_format=torch.channels_last)
        self.layers = tuple(layers)

    def train(self, mode: bool = True) -> PerceptualLoss:
        return super().train(False)

    def features(self, picture: Tensor) -> list[Tensor]:
        out = []
        for k, block in enumerate(self.body):
            picture = block(picture)
            if k in self.layers:
                out.append(picture)
        return out

    def forward(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(target)
        total = output.new_zeros(())
        for got, want in zip(self.features(output), wanted, strict=True):
            size = (got.shape[2], got.shape[3])
            where = F.adaptive_avg_pool2d(mask, size)
            scale = weighted_mean(want.abs().float(), where).clamp_min(_EPS)
            total = total + weighted_mean((got - want).abs().float(), where) / scale
        return total / len(self.layers)


def patch_weights(changed: Tensor, size: tuple[int, int]) -> Tensor:
    """How much each patch of a score map counts: the share of changed pixels in its neighbourhood.

    Patches that nobody changed are the same in both pictures and teach the discriminator nothing.

    Args:
        changed: (B, 1, H, W), 1 = the generator's own pixels.
        size: (h, w) of the score map.
    """
    share = F.adaptive_avg_pool2d(changed, size)
    return F.max_pool2d(share, 3, 1, 1)


def _scores_loss(scores: Tensor, real: bool, kind: str, for_generator: bool) -> Tensor:
    """Per-patch loss of calling `scores` real or fake."""
    if kind == "lsgan":
        return (scores - float(real)) ** 2
    if kind == "bce":
        return F.softplus(-scores if real else scores)
    if kind in ("hinge", "wgan-gp") and for_generator:
        return -scores
    if kind == "wgan-gp":
        return -scores if real else scores
    if kind == "hinge":
        return F.relu(1 - scores if real else 1 + scores)
    raise ValueError(f"adversarial kind must be one of {ADVERSARIAL_KINDS}, got {kind!r}")


def discriminator_loss(
    real: Sequence[Verdict], fake: Sequence[Verdict], changed: Tensor, kind: str = "hinge"
) -> Tensor:
    """Mean over the scales of the weighted loss on real and generated patches."""
    total = changed.new_zeros(())
    for r, f in zip(real, fake, strict=True):
        where = patch_weights(changed, (r.scores.shape[2], r.scores.shape[3]))
        total = total + weighted_mean(_scores_loss(r.scores, True, kind, False), where)
        total = total + weighted_mean(_scores_loss(f.scores, False, kind, False), where)
    return total / (2 * len(real))


def gradient_penalty(
    judge: Callable[[Tensor], Sequence[Verdict]], real: Tensor, fake: Tensor, changed: Tensor
) -> Tensor:
    """WGAN-GP's term: how far the critic's slope is from 1 on pictures between the true and the generated ones.

    The value of a picture is the mean of its scores over the changed patches, and over the scales.

    Args:
        judge: the discriminator, of a picture (B, 3, H, W).

    Source: Gulrajani et al., Improved Training of Wasserstein GANs (2017).
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = (share * real + (1 - share) * fake.detach()).requires_grad_()
    verdicts = judge(between)
    value = between.new_zeros(())
    for v in verdicts:
        where = patch_weights(changed, (v.scores.shape[2], v.scores.shape[3]))
        per_picture = where.sum((1, 2, 3)).clamp_min(_EPS)
        value = value + ((v.scores * where).sum((1, 2, 3)) / per_picture).sum()
    (slope,) = torch.autograd.grad(value / len(verdicts), between, create_graph=True)
    judged = (changed.flatten(1).amax(1) > 0).float()
    return (((slope.flatten(1) + 1e-12).norm(dim=1) - 1) ** 2 * judged).sum() / judged.sum().clamp_min(1)


def generator_adversarial(fake: Sequence[Verdict], changed: Tensor, kind: str = "hinge") -> Tensor:
    """The generator's side: generated patches should be called real."""
    total = changed.new_zeros(())
    for f in fake:
        where = patch_weights(changed, (f.scores.shape[2], f.scores.shape[3]))
        total = total + weighted_mean(_scores_loss(f.scores, True, kind, True), where)
    return total / len(fake)


def feature_matching(real: Sequence[Verdict], fake: Sequence[Verdict], changed: Tensor) -> Tensor:
    """Distance of the discriminator's features on changed patches, each layer scaled by the real one's magnitude."""
    terms = []
    for r, f in zip(real, fake, strict=True):
        for want, got in zip(r.features, f.features, strict=True):
            where = patch_weights(changed, (want.shape[2], want.shape[3]))
            want = want.detach().float()
            scale = weighted_mean(want.abs(), where).clamp_min(_EPS)
            terms.append(weighted_mean((got.float() - want).abs(), where) / scale)
    return torch.stack(terms).mean()


@torch.no_grad()
def patch_accuracy(real: Sequence[Verdict], fake: Sequence[Verdict], changed: Tensor) -> float:
    """Share of changed patch pairs that the discriminator puts in the right order; 0.5 = chance."""
    right, total = 0.0, 0.0
    for r, f in zip(real, fake, strict=True):
        where = patch_weights(changed, (r.scores.shape[2], r.scores.shape[3]))
        right += float(((r.scores > f.scores).float() * where).sum())
        total += float(where.sum())
    return right / total if total else 0.5


def adaptive_weight(reconstruction: Tensor, adversarial: Tensor, *, share: float = 0.5, cap: float = 2.0) -> float:
    """Weight that makes the adversarial gradient `share` times as strong as the reconstruction's, at most `cap`.

    Args:
        reconstruction, adversarial: gradients of the two losses with respect to the generated picture.
    """
    ratio = float(reconstruction.norm() / adversarial.norm().clamp_min(1e-12))
    return min(share * ratio, cap)

"""The generator: a U-Net that repairs and lights the geometric engine's rough picture.

It does not paint the person anew. The input holds a *plate* (the photo, its edit region filled with flat skin and
inpainted surroundings) and the warped garment; the network predicts a bounded correction of the plate, how much of
the warped garment shows (alpha) and a smooth gain for its light. The heads start at zero, so an untrained network
gives the geometric engine's picture. The correction is confined to skin, garment and their surroundings (`reach`).

Convention
    Pictures are RGB (B, 3, H, W) in [-1, 1], masks and maps (B, 1, H, W) in [0, 1]. H and W are multiples of
    `Generator.multiple`. No layer uses statistics over the picture, so that training on crops and running on the whole
    canvas compute the same function (apart from the zero padding at the border).

Source
    pix2pix's U-Net (Isola et al., 2017), stride-2 4x4 convolutions; nearest-neighbour upsampling + convolution; the
    two-layer composite of PF-AFN (Ge et al., 2021).
"""

from __future__ import annotations

from typing import NamedTuple, TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: The channels of the generator's input, in order: the one list that training and run time share.
INPUT_CHANNELS: tuple[str, ...] = (
    "plate_r",  # photo with the edit region roughly filled, [-1, 1]
    "plate_g",
    "plate_b",
    "edit",  # 1 = may change
    "warp_r",  # warped garment, [-1, 1]; 0 where there is none
    "warp_g",
    "warp_b",
    "warp_mask",  # 1 = the warped garment covers this pixel
    "limb_torso",  # body maps from the keypoints, [0, 1]; left/right are the person's own
    "limb_left_upper_arm",
    "limb_right_upper_arm",
    "limb_left_forearm",
    "limb_right_forearm",
    "limb_head",
    "layout_background",  # one-hot of the agnostic parse
    "layout_hair",
    "layout_face",  # face and neck
    "layout_arms",
    "layout_lower",  # lower garment, legs, shoes
    "layout_occluder",  # bag, accessory: kept in front
    "skin_prior",  # 1 = flat arm or neck skin was drawn into the plate
)
IN_CHANNELS = len(INPUT_CHANNELS)

PLATE = slice(0, 3)
EDIT = slice(3, 4)
WARP = slice(4, 7)
WARP_MASK = slice(7, 8)
LIMBS = slice(8, 14)
LAYOUT = slice(14, 20)
SKIN_PRIOR = slice(20, 21)

#: Names of the ONNX graph's input and outputs.
ONNX_INPUTS: tuple[str, ...] = ("inputs",)
ONNX_OUTPUTS: tuple[str, ...] = ("rgb", "alpha", "gain")

_ALPHA_BIAS = 4.0  # sigmoid(4) = .982: the warped garment is on top until the network has learned otherwise
_RESIDUAL_RANGE = 2.0  # black to white
_HEAD_SCALE = 0.2  # the heads start at zero, and an optimizer's first steps must not saturate them
_GAIN_RANGE = 0.7  # gain in exp(+-0.7) = 0.5 .. 2


class Layers(NamedTuple):
    """What the generator predicts.

    Args:
        rgb: (B, 3, H, W) in [-1, 1], what lies under the garment layer.
        alpha: (B, 1, H, W) in [0, 1], how much the garment layer covers; 0 outside of the warped mask.
        gain: (B, 1 or 3, H, W) in [0.5, 2], smooth light by which the warped garment is multiplied (in 0..1 values).
    """

    rgb: Tensor
    alpha: Tensor
    gain: Tensor


def lit(warp: Tensor, gain: Tensor) -> Tensor:
    """The warped garment in the predicted light: (B, 3, H, W) in [-1, 1] -> the same; the gain acts on 0..1 values."""
    return ((warp + 1) * gain - 1).clamp(-1, 1)


def composite(inputs: Tensor, layers: Layers) -> Tensor:
    """Put the layers together: garment over rgb inside the edit mask, the plate elsewhere. (B, 3, H, W) in [-1, 1]."""
    plate, edit, warp = inputs[:, PLATE], inputs[:, EDIT], inputs[:, WARP]
    inside = layers.alpha * lit(warp, layers.gain) + (1 - layers.alpha) * layers.rgb
    return edit * inside + (1 - edit) * plate


def reach(inputs: Tensor) -> Tensor:
    """Where the plate may be corrected: drawn skin, the garment and a band of about 4 px round both.

    What the old outfit hid elsewhere was filled with the texture beside it, which a small network would only blur.

    Shape: (B, C, H, W), the generator's input -> (B, 1, H, W) in [0, 1]; H and W are multiples of 4.
    """
    here = F.max_pool2d(torch.maximum(inputs[:, SKIN_PRIOR], inputs[:, WARP_MASK]), 4)
    wide = F.avg_pool2d(here, 3, 1, 1, count_include_pad=False)
    return F.interpolate(wide, scale_factor=4.0, mode="bilinear", align_corners=False)


class _Norm(nn.Module):
    """Scales each pixel's channels to zero mean and unit variance: keeps deep stages stable at a high learning rate.

    Unlike group or instance norm it has no statistics over the picture.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1)  # no copy in channels-last memory
        return F.layer_norm(rows, (self.channels,), self.weight, self.bias).permute(0, 3, 1, 2)


class _Down(nn.Sequential):
    """Half the size: 4x4 convolution with stride 2."""

    def __init__(self, cin: int, cout: int, norm: bool) -> None:
        act = nn.LeakyReLU(0.1, inplace=True)
        super().__init__(nn.Conv2d(cin, cout, 4, 2, 1), *([_Norm(cout)] if norm else []), act)


class _Up(nn.Module):
    """Twice the size: 1x1 convolution, nearest neighbour, plus the skip connection, then one 3x3 convolution.

    Adding the skip (instead of joining channels) makes the stage three times cheaper: on a CPU, time follows the
    number of multiplications.
    """

    def __init__(self, cin: int, cout: int, norm: bool) -> None:
        super().__init__()
        self.project = nn.Conv2d(cin, cout, 1)
        self.conv = nn.Conv2d(cout, cout, 3, 1, 1)
        self.norm = _Norm(cout) if norm else nn.Identity()
        self.act = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.interpolate(self.project(x), scale_factor=2.0, mode="nearest") + skip
        return self.act(self.norm(self.conv(x)))


class _Residual(nn.Module):
    """Two 3x3 convolutions with a bypass; the second starts small so that the block starts near identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels, channels, 3, 1, 1)
        self.b = nn.Conv2d(channels, channels, 3, 1, 1)
        self.act = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.b(self.act(self.a(x)))


class GeneratorSettings(TypedDict):
    """The arguments of `Generator`, as weights files hold them."""

    in_channels: int
    width: int
    bottleneck: int
    gain_channels: int
    norm: bool
    confined: bool


class Generator(nn.Module):
    """U-Net of stride-2 convolutions, 1/2 to 1/32 of the input's size, heads for rgb, alpha and gain.

    Args:
        in_channels: channels of the input, in the order of `INPUT_CHANNELS`.
        width: channels at half resolution; deeper stages have 2, 4, 8 and 8 times as many.
        bottleneck: residual blocks at the lowest resolution.
        gain_channels: 1 (brightness) or 3 (coloured light).
        norm: per-pixel norm from 1/4 of the resolution downwards.
        confined: correct the plate only where `reach` says. Weights files without this setting were trained with False.
            The engines take still less of a confined network's picture: see `engines.base.from_network`.

    Shape: (B, in_channels, H, W) -> `Layers`, H and W multiples of `multiple`.
    """

    multiple = 32

    def __init__(
        self,
        in_channels: int = IN_CHANNELS,
        width: int = 32,
        bottleneck: int = 2,
        gain_channels: int = 1,
        norm: bool = True,
        confined: bool = True,
    ) -> None:
        super().__init__()
        if gain_channels not in (1, 3):
            raise ValueError(f"gain_channels must be 1 or 3, got {gain_channels}")
        self.settings: GeneratorSettings = {
            "in_channels": in_channels,
            "width": width,
            "bottleneck": bottleneck,
            "gain_channels": gain_channels,
            "norm": norm,
            "confined": confined,
        }
        w = width
        self.stem, self.down1 = _Down(in_channels, w, False), _Down(w, 2 * w, norm)
        self.down2, self.down3 = _Down(2 * w, 4 * w, norm), _Down(4 * w, 8 * w, norm)
        self.down4 = _Down(8 * w, 8 * w, norm)
        self.middle = nn.Sequential(*(_Residual(8 * w) for _ in range(bottleneck)))
        self.up4, self.up3 = _Up(8 * w, 8 * w, norm), _Up(8 * w, 4 * w, norm)
        self.up2, self.up1 = _Up(4 * w, 2 * w, norm), _Up(2 * w, w, False)
        self.light = nn.Conv2d(4 * w, gain_channels, 3, 1, 1)
        self.head = nn.Conv2d(w, 16, 3, 1, 1)
        self.shuffle = nn.PixelShuffle(2)
        self._init()

    def _init(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.1)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, _Residual):
                nn.init.normal_(module.b.weight, std=1e-3)
        for head in (self.light, self.head):
            nn.init.zeros_(head.weight)

    def check(self, x: Tensor) -> None:
        """Raise ValueError, with the remedy, when the input's shape can't be worked with."""
        channels = self.settings["in_channels"]
        if x.ndim != 4 or x.shape[1] != channels:
            raise ValueError(
                f"generator input must be (B, {channels}, H, W), got {tuple(x.shape)}: "
                "stack the channels of INPUT_CHANNELS"
            )
        if x.shape[2] % self.multiple or x.shape[3] % self.multiple:
            raise ValueError(
                f"generator input is {x.shape[2]}x{x.shape[3]}, both must be multiples of {self.multiple}: "
                "pad or crop it"
            )

    def forward(self, x: Tensor) -> Layers:
        if not torch.jit.is_tracing() and not torch.compiler.is_compiling():
            self.check(x)
        s0 = self.stem(x)
        s1 = self.down1(s0)
        s2 = self.down2(s1)
        s3 = self.down3(s2)
        y = self.middle(self.down4(s3))
        y = self.up3(self.up4(y, s3), s2)
        light = self.light(y)
        raw = self.shuffle(self.head(self.up1(self.up2(y, s1), s0)))
        return self._layers(x, _HEAD_SCALE * raw.float(), _HEAD_SCALE * light.float())

    def _layers(self, x: Tensor, raw: Tensor, light: Tensor) -> Layers:
        """The heads' raw values -> bounded layers."""
        correction = _RESIDUAL_RANGE * torch.tanh(raw[:, :3])
        if self.settings["confined"]:
            correction = correction * reach(x)
        rgb = (x[:, PLATE] + correction).clamp(-1, 1)
        alpha = torch.sigmoid(raw[:, 3:] + _ALPHA_BIAS) * x[:, WARP_MASK]
        light = F.interpolate(light, scale_factor=8.0, mode="bilinear", align_corners=False)
        return Layers(rgb, alpha, torch.exp(_GAIN_RANGE * torch.tanh(light)))

"""The human parser: a U-Net with a MobileNetV2 encoder that labels each pixel of a person canvas."""

from __future__ import annotations

import torch
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn
from torch.nn import functional

from ..labels import NUM_LABELS
from ..preprocess.parsing import PLANES


class ParserNet(nn.Module):
    """U-Net over photo, pose and person mask.

    The decoder stops at half resolution; `forward` enlarges the logits, `half_logits` returns them as they are.

    Convention
        Input (B, 10, H, W), values 0..255 in the order of `tryon.preprocess.parsing.PLANES`: RGB, pose planes, person
        mask. H and W must be multiples of 32. Output (B, NUM_LABELS, H, W) logits. The network normalises by itself.

    Args:
        decoder_channels: widths of the decoder stages at 1/16, 1/8, 1/4, 1/2.
        dropout: channel dropout before the last layer.
    """

    STRIDE = 32

    def __init__(self, decoder_channels: tuple[int, ...] = (160, 80, 48, 32), dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = get_encoder("mobilenet_v2", in_channels=len(PLANES), depth=5, weights=None)
        self.encoder.features[-1] = nn.Identity()  # 320 -> 1280 channels serves ImageNet's classifier only
        channels = (*self.encoder.out_channels[:-1], 320)
        self.decoder = UnetDecoder(channels, decoder_channels, n_blocks=len(decoder_channels))
        self.head = nn.Sequential(nn.Dropout2d(dropout), nn.Conv2d(decoder_channels[-1], NUM_LABELS, 3, padding=1))
        # RGB to [-1, 1] as the encoder's weights expect, all other planes to [0, 1].
        scale = [1 / 127.5] * 3 + [1 / 255] * (len(PLANES) - 3)
        shift = [-1.0] * 3 + [0.0] * (len(PLANES) - 3)
        self.register_buffer("scale", torch.tensor(scale).view(1, -1, 1, 1))
        self.register_buffer("shift", torch.tensor(shift).view(1, -1, 1, 1))

    def half_logits(self, planes: Tensor) -> Tensor:
        """(B, 10, H, W) -> (B, NUM_LABELS, H / 2, W / 2)."""
        height, width = planes.shape[-2:]
        if height % self.STRIDE or width % self.STRIDE:
            raise ValueError(
                f"ParserNet needs sizes that are multiples of {self.STRIDE}, got {height}x{width}: "
                "choose the canvas so, or pad it."
            )
        features = self.encoder(planes * self.scale + self.shift)
        return self.head(self.decoder(features))

    def forward(self, planes: Tensor) -> Tensor:
        return functional.interpolate(self.half_logits(planes), scale_factor=2, mode="bilinear", align_corners=False)

    def load_imagenet(self, state: dict[str, Tensor]) -> None:
        """Start the encoder from ImageNet weights in torchvision's keys.

        The first convolution keeps its weights for RGB and starts at zero for the other planes.
        """
        own = self.encoder.state_dict()
        loaded = {key: value for key, value in state.items() if key in own}
        missing = [key for key in own if key not in loaded]
        if missing:
            raise ValueError(f"the ImageNet weights lack {missing[:3]}: a MobileNetV2 in torchvision's keys is needed")
        first = "features.0.0.weight"
        weight = torch.zeros_like(own[first])
        weight[:, :3] = loaded[first]
        self.encoder.load_state_dict({**loaded, first: weight})

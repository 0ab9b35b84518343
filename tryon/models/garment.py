"""The garment network: matte, landmarks and attributes of a garment photo in one pass."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from ..preprocess.landmarks import ATTRIBUTES, POINTS

#: Order of the outputs of `GarmentNet.forward` and of the exported graph.
OUTPUTS = ("matte", "heatmaps", *ATTRIBUTES)


class GarmentNet(nn.Module):
    """U-Net with a MobileNetV2 encoder whose decoder stops at half resolution.

    Convention
        Input (B, 3, H, W) RGB in [-1, 1], H and W multiples of 32; outside of the photo the input is 0.
        Outputs, all logits: matte (B, 1, H/2, W/2); heatmaps (B, 26, H/2, W/2) in the order of
        `tryon.preprocess.landmarks.POINTS`, to be normalised by a softmax over the pixels; then one (B, N) tensor for
        each of `ATTRIBUTES`.

    Args:
        decoder_channels: widths of the decoder stages at 1/16, 1/8, 1/4, 1/2.
        dropout: before the attribute heads.
    """

    STRIDE = 32

    def __init__(self, decoder_channels: tuple[int, ...] = (160, 96, 64, 48), dropout: float = 0.2) -> None:
        super().__init__()
        unet = smp.Unet("mobilenet_v2", encoder_weights=None, decoder_channels=(*decoder_channels, 16))
        self.encoder = unet.encoder
        self.decoder = unet.decoder
        del self.decoder.blocks[-1]
        self.matte = nn.Conv2d(decoder_channels[-1], 1, 3, padding=1)
        self.heatmaps = nn.Conv2d(decoder_channels[-1] + 2, len(POINTS), 3, padding=1)
        self.sizes = [len(names) for names in ATTRIBUTES.values()]
        self.attributes = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.encoder.out_channels[-1], sum(self.sizes)))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        height, width = image.shape[-2:]
        if image.shape[1] != 3 or height % self.STRIDE or width % self.STRIDE:
            raise ValueError(
                f"GarmentNet needs (B, 3, H, W) with sizes that are multiples of {self.STRIDE}, "
                f"got {tuple(image.shape)}: letterbox the photo."
            )
        features = self.encoder(image)
        decoded = self.decoder(features)
        pooled = self.attributes(features[-1].mean(dim=(2, 3)))
        # Position in the view as two more features: a garment is symmetric, only the place tells left from right.
        x = torch.linspace(-1, 1, decoded.shape[3], dtype=decoded.dtype).view(1, 1, 1, -1)
        y = torch.linspace(-1, 1, decoded.shape[2], dtype=decoded.dtype).view(1, 1, -1, 1)
        shape = (decoded.shape[0], 1, decoded.shape[2], decoded.shape[3])
        placed = torch.cat([decoded, x.to(decoded.device).expand(shape), y.to(decoded.device).expand(shape)], dim=1)
        return (self.matte(decoded), self.heatmaps(placed), *torch.split(pooled, self.sizes, dim=1))

    def load_imagenet(self, state: dict[str, Tensor]) -> None:
        """Start the encoder from ImageNet weights in torchvision's keys."""
        own = self.encoder.state_dict()
        loaded = {key: value for key, value in state.items() if key in own}
        missing = [key for key in own if key not in loaded]
        if missing:
            raise ValueError(f"the ImageNet weights lack {missing[:3]}: a MobileNetV2 in torchvision's keys is needed")
        self.encoder.load_state_dict(loaded)

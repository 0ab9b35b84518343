"""Distances of features: MobileNetV2 for ImageNet, and the Inception network of FID and KID.

MobileNetV2 is what this project has; distances on it are named for what they are and can't be compared with published
FID, KID or LPIPS. They only order systems that were measured with the same file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from .metrics import NETWORK_SIDE, missing, reduced, tensor

#: Outputs of `features` that are compared: 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture's size.
LAYERS = (1, 3, 6, 13, 17)
#: Pictures are reduced to this longer side for the features of sets, px.
SET_SIDE = 384
#: clean-fid's file; the library wants this name.
INCEPTION = "inception-2015-12-05.pt"

#: From a picture, uint8 (H, W, 3), to its features, float32 (D,).
Extractor = Callable[[np.ndarray], np.ndarray]


class MobileNet:
    """MobileNetV2 with ImageNet weights.

    Args:
        file: safetensors in torchvision's keys, for inputs x / 127.5 - 1.

    Raises:
        UsageError: the file is not that. DependencyError: torch is not there.
    """

    def __init__(self, file: Path) -> None:
        try:
            from safetensors.torch import load
            from torchvision.models import mobilenet_v2
        except ImportError as error:
            raise missing("torch, torchvision and safetensors") from error
        net = mobilenet_v2()
        try:
            data = file.read_bytes()
            net.load_state_dict(load(data))
        except Exception as error:  # safetensors has an exception type of its own
            raise UsageError(f"{file} holds no MobileNetV2.", "Give weights in torchvision's keys.") from error
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._body = net.features.eval().requires_grad_(False)

    def settings(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "library": "torchvision, mobilenet_v2",
            "weights_sha256": self.sha256,
            "colour": "RGB",
            "range": "[-1, 1]",
            "features": f"outputs {', '.join(map(str, LAYERS))} of `features`, unit length at each place; mean over "
            f"layers of squared distances; longer side at most {NETWORK_SIDE} px (INTER_AREA)",
            "set": f"last output of `features`, mean over places; longer side {SET_SIDE} px at most (INTER_AREA)",
        }

    def pooled(self, image: np.ndarray) -> np.ndarray:
        """Features of a whole picture: float32 (1280,)."""
        import torch

        with torch.inference_mode():
            return self._body(tensor(reduced(image, SET_SIDE)))[0].mean((1, 2)).numpy()

    def judge(self, image: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
        """Distance of two pictures, and its map: like LPIPS without its learned weights, on another network."""
        import torch
        from torch.nn import functional

        height, width = image.shape[:2]
        total, full = 0.0, torch.zeros(1, 1, height, width)
        with torch.inference_mode():
            x, y = tensor(image), tensor(truth)
            for number, block in enumerate(self._body[: LAYERS[-1] + 1]):
                x, y = block(x), block(y)
                if number in LAYERS:
                    a, b = (functional.normalize(z, dim=1, eps=1e-6) for z in (x, y))
                    distance = ((a - b) ** 2).sum(1, keepdim=True)
                    total += float(distance.mean())
                    full += functional.interpolate(distance, (height, width), mode="bilinear", align_corners=False)
        return total / len(LAYERS), (full[0, 0] / len(LAYERS)).numpy()


def load_inception(file: Path | None) -> tuple[Extractor | None, str]:
    """The features of FID and KID by clean-fid, or None and the reason. Nothing is downloaded.

    Args:
        file: the Inception network, `inception-2015-12-05.pt`. It is a program: give a file that you trust.
    """
    if file is None:
        return None, f"no Inception weights: give {INCEPTION} with --inception"
    if file.name != INCEPTION or not file.is_file():
        raise UsageError(f"--inception {file} is not there or has another name.", f"Give the file {INCEPTION}.")
    try:
        from cleanfid.inception_torchscript import InceptionV3W
    except ImportError as error:
        raise missing("clean-fid") from error
    try:
        net = InceptionV3W(str(file.parent), download=False).eval()
    except Exception as error:  # RuntimeError and others, of torch
        raise UsageError(f"{file} can't be loaded by torch.", f"Give the file {INCEPTION}.") from error
    return inception_extractor(net), ""


def inception_extractor(net: Any) -> Extractor:
    """clean-fid's way to the features: resized to 299x299 by PIL's bicubic filter, values 0..255.

    Args:
        net: maps float32 (B, 3, 299, 299) to (B, D).
    """
    import torch
    from cleanfid.resize import build_resizer

    resize = build_resizer("clean")

    def extract(image: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(resize(image).transpose(2, 0, 1))[None]
        with torch.inference_mode():
            return net(x)[0].numpy()

    return extract

"""The measures of one picture: what they are called, and those that compare with a true picture."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..errors import DependencyError


class Metric(NamedTuple):
    """`better` is "lower" or "higher"."""

    label: str
    unit: str
    better: str
    about: str


TRUTH = {
    "ssim": Metric("SSIM", "", "higher", "structural similarity to the true photo, whole picture"),
    "psnr": Metric("PSNR", "dB", "higher", "peak signal-to-noise ratio to the true photo, whole picture; at most 100"),
    "lpips": Metric("LPIPS", "", "lower", "learned perceptual distance to the true photo, whole picture"),
    "features": Metric(
        "feature distance",
        "",
        "lower",
        "distance of MobileNetV2's features to those of the true photo, whole picture; it is not LPIPS",
    ),
    "ssim_edit": Metric("SSIM, edited", "", "higher", "mean of the SSIM map inside the edit mask"),
    "psnr_edit": Metric("PSNR, edited", "dB", "higher", "PSNR of the pixels inside the edit mask"),
    "lpips_edit": Metric("LPIPS, edited", "", "lower", "mean of the LPIPS map inside the edit mask"),
    "features_edit": Metric(
        "feature distance, edited", "", "lower", "mean of the feature distance inside the edit mask"
    ),
}
LABEL_FREE = {
    "untouched_identical": Metric(
        "untouched kept", "share", "higher", "1 if every pixel outside of the edit mask is the photo's own, else 0"
    ),
    "untouched_changed": Metric(
        "untouched changed", "share", "lower", "share of the pixels outside of the edit mask that differ"
    ),
    "face_changed": Metric(
        "face changed", "0..255", "lower", "mean absolute difference on face and head, hair included"
    ),
    "hands_changed": Metric("hands changed", "0..255", "lower", "mean absolute difference on visible hands"),
    "pose_drift": Metric(
        "pose drift", "torso lengths", "lower", "mean distance of shoulders, elbows, wrists and hips, photo to result"
    ),
    "garment_de2000": Metric(
        "garment colour", "CIEDE2000", "lower", "median colour difference to the warped garment where it should be"
    ),
    "print_edges": Metric(
        "print", "correlation", "higher", "edges of the result against those of the warped garment, where it should be"
    ),
    "sleeve_error": Metric(
        "sleeve length", "arm segments", "lower", "wanted against seen end of the sleeves; 1 is shoulder to elbow"
    ),
    "hem_error": Metric("hem", "torso lengths", "lower", "wanted against seen end of the garment"),
    "old_garment": Metric("old garment", "share", "lower", "share of the old garment's pixels that show unchanged"),
}
#: PSNR of equal pictures.
PSNR_MAX = 100.0
#: Window of SSIM: a Gaussian of this sigma cut to 11 x 11 pixels, as in Wang et al., 2004.
SSIM_SIGMA, SSIM_WINDOW = 1.5, 11
#: SSIM is computed in strips of so many rows, so that large photos need little memory.
STRIP = 512
#: Networks that compare two pictures see them reduced to this longer side, px.
NETWORK_SIDE = 1024
#: torchvision's file; its name holds the start of its sha256.
ALEXNET = "alexnet-owt-7be5be79.pth"


def names(protocol: str) -> dict[str, Metric]:
    """The measures of a protocol by name."""
    return {**(TRUTH if protocol in ("paired", "self") else {}), **LABEL_FREE}


def settings() -> dict[str, Any]:
    """What the measures against the truth were computed with."""
    return {
        "ssim": {
            "library": "torchmetrics",
            "size": "person photo, not resized",
            "colour": "RGB, mean over channels",
            "range": "[0, 1], float32",
            "window": f"Gaussian, sigma {SSIM_SIGMA}, {SSIM_WINDOW}x{SSIM_WINDOW}",
            "border": "reflected, counts",
        },
        "psnr": {
            "library": "torchmetrics",
            "size": "person photo, not resized",
            "colour": "RGB",
            "range": 255,
            "most": PSNR_MAX,
        },
        "lpips": {
            "library": "lpips",
            "net": "alex, version 0.1",
            "colour": "RGB",
            "range": "[-1, 1]",
            "size": f"person photo, reduced to a longer side of {NETWORK_SIDE} px at most (INTER_AREA)",
        },
        "edited": "edit mask > 0.5 of the library's own geometry, the same for all systems",
    }


#: A network's opinion on two uint8 (H, W, 3): the distance, and its map, float32 (H, W).
Judge = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def compare(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None, judges: dict[str, Judge]) -> dict[str, Any]:
    """All measures of a picture against the true one.

    Args:
        image, truth: uint8 (H, W, 3).
        mask: float32 (H, W), the edit mask; None leaves the measures inside of it out (null).
        judges: "lpips" and "features", as far as their networks are there; the others are null.
    """
    whole, ssim_map = ssim(image, truth)
    inside = None if mask is None else mask > 0.5
    if inside is not None and not inside.any():
        inside = None
    out: dict[str, Any] = dict.fromkeys(TRUTH)
    out |= {"ssim": whole, "psnr": psnr(image, truth)}
    if inside is not None:
        out |= {"ssim_edit": float(ssim_map[inside].mean()), "psnr_edit": psnr(image[inside], truth[inside])}
    small, target = (reduced(x, NETWORK_SIDE) for x in (image, truth))
    for name, judge in judges.items():
        out[name], distances = judge(small, target)
        if inside is not None:
            weights = cv2.resize(inside.astype(np.float32), small.shape[1::-1], interpolation=cv2.INTER_AREA)
            if weights.any():
                out[f"{name}_edit"] = float((distances * weights).sum() / weights.sum())
    return out


def ssim(image: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    """Structural similarity of two uint8 (H, W, 3): the mean and the map, float32 (H, W)."""
    try:
        import torch
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ImportError as error:
        raise missing("torchmetrics") from error
    height = image.shape[0]
    full = np.empty(image.shape[:2], np.float32)
    pad = SSIM_WINDOW // 2
    for top in range(0, height, STRIP):
        end = min(top + STRIP, height)
        y0, y1 = max(top - pad, 0), min(end + pad, height)
        with torch.inference_mode():
            _, part = structural_similarity_index_measure(
                _unit(image[y0:y1]),
                _unit(truth[y0:y1]),
                sigma=SSIM_SIGMA,
                kernel_size=SSIM_WINDOW,
                data_range=1.0,
                return_full_image=True,
            )
        full[top:end] = part[0].mean(0).numpy()[top - y0 : end - y0]
    return float(full.mean(dtype=np.float64)), full


def _unit(image: np.ndarray) -> Any:
    """uint8 (H, W, 3) as float32 (1, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float() / 255


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 arrays of one shape, dB; equal ones have `PSNR_MAX`."""
    try:
        import torch
        from torchmetrics.functional.image import peak_signal_noise_ratio
    except ImportError as error:
        raise missing("torchmetrics") from error
    seen, wanted = (torch.from_numpy(np.ascontiguousarray(x)).float() for x in (image, truth))
    return min(float(peak_signal_noise_ratio(seen, wanted, data_range=255.0)), PSNR_MAX)


def missing(library: str) -> DependencyError:
    """The error of a library that the evaluation needs."""
    return DependencyError(f"The evaluation needs {library}.", "Run: pip install 'tryon[eval]'")


def reduced(image: np.ndarray, side: int) -> np.ndarray:
    """A picture, reduced to this longer side if it is larger. uint8 (H, W, 3)."""
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def load_lpips() -> tuple[Judge | None, str]:
    """LPIPS, or None and the reason why it can't be had. Nothing is downloaded."""
    try:
        import torch  # noqa: F401
        from lpips import LPIPS
    except ImportError:
        return None, "the packages torch and lpips are not installed: pip install 'tryon[eval]'"
    file = hub_file(ALEXNET)
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None, f"torchvision's AlexNet weights are not there (TORCH_HOME/hub/checkpoints/{ALEXNET})"
    if not digest.startswith(ALEXNET.split("-")[-1].removesuffix(".pth")):
        return None, f"{ALEXNET} is damaged or another file"
    return lpips_judge(LPIPS(net="alex", version="0.1", spatial=True, verbose=False)), ""


def lpips_judge(net: Any) -> Judge:
    """A `lpips.LPIPS` with `spatial=True` as a judge. The distance is that of the package without `spatial`."""
    import torch

    def judge(image: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
        with torch.inference_mode():
            net.spatial = False
            value = float(net(tensor(image), tensor(truth)))
            net.spatial = True
            return value, net(tensor(image), tensor(truth))[0, 0].numpy()

    return judge


def hub_file(name: str) -> Path:
    """Where torch keeps downloaded weights (`TORCH_HOME`)."""
    home = os.environ.get("TORCH_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch")
    return Path(home).expanduser() / "hub" / "checkpoints" / name


def tensor(image: np.ndarray) -> Any:
    """uint8 (H, W, 3) as float32 (1, 3, H, W) in [-1, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float() / 127.5 - 1

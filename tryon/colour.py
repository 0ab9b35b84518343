"""From whatever mode and profile a decoded picture has to sRGB and alpha.

Conventions
    16-bit samples are scaled, not clipped: 65535 -> 255. Alpha is straight (not premultiplied). Transparent parts are
    composited on white. A profile that changes no colour visibly is skipped, so that sRGB pictures keep their bytes.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from .errors import UnsupportedImage

#: Bytes of an ICC profile above which it is ignored (real ones have 0.5 to 2.5 MB at most).
MAX_PROFILE_BYTES = 4 * 2**20
#: A profile that moves no colour by more than this (of 255) counts as sRGB.
SRGB_TOLERANCE = 3
_ICC_SPACE = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")


def to_srgb(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Convert a loaded picture of any mode.

    Args:
        picture: decoded, not modified.

    Returns:
        rgb: uint8 (H, W, 3) sRGB, what is below the alpha untouched.
        alpha: uint8 (H, W), or None where the picture is opaque.

    Raises:
        UnsupportedImage: a mode without a defined way to RGB.
    """
    if picture.mode in (*_SIXTEEN_BIT, "I", "F"):
        return _from_deep(picture)
    if picture.mode in ("RGBa", "La"):  # premultiplied
        picture = picture.convert(picture.mode.upper())
    alpha, flat = _alpha_of(picture), picture
    if flat.mode in ("1", "LA"):
        flat = flat.convert("L")
    elif flat.mode not in ("RGB", "L", "CMYK"):
        try:
            flat = flat.convert("RGB")
        except ValueError as error:
            raise UnsupportedImage(
                f"The picture's colour mode {picture.mode} can't be used.", "Save it as an RGB JPEG or PNG."
            ) from error
    return np.array(_apply_profile(flat, picture.info.get("icc_profile"))), alpha


def composite_on_white(rgb: np.ndarray, alpha: np.ndarray) -> None:
    """Blend `rgb` (uint8 (H, W, 3)) on white by `alpha` (uint8 (H, W)), in place, in strips to keep memory low."""
    for top in range(0, rgb.shape[0], 256):
        part = rgb[top : top + 256]
        a = alpha[top : top + 256, :, None].astype(np.uint16)
        part[...] = (part * a + 255 * (255 - a) + 127) // 255


def _from_deep(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Grey pictures with more than 8 bits. Mode I is 8-bit if it never exceeds 255, else 16-bit; F is 0..255."""
    values = np.asarray(picture)
    if picture.mode in _SIXTEEN_BIT:
        top = 65535
    else:
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > (255 if picture.mode == "F" else 65535):
            raise UnsupportedImage(
                f"The picture's values are outside of the range of mode {picture.mode}.", "Save it as an 8-bit PNG."
            )
        top = 65535 if values.max() > 255 else 255
    grey = np.round(values.astype(np.float32) * (255.0 / top)).astype(np.uint8)
    key = picture.info.get("transparency")
    alpha = np.where(values == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
    return np.array(_apply_profile(Image.fromarray(grey), picture.info.get("icc_profile"))), alpha


def _alpha_of(picture: Image.Image) -> np.ndarray | None:
    if not picture.has_transparency_data:
        return None
    key = picture.info.get("transparency")
    if picture.mode == "RGB" and isinstance(key, tuple):
        # 16-bit colour keys: the samples were reduced to their high bytes, so reduce the key likewise.
        rgb_key = [k >> 8 if max(key) > 255 else k for k in key]
        return np.where((np.asarray(picture) == rgb_key).all(axis=2), 0, 255).astype(np.uint8)
    return np.array(picture.convert("RGBA").getchannel("A"))


def _apply_profile(picture: Image.Image, icc: object) -> Image.Image:
    """RGB, L or CMYK to RGB by the embedded profile if it is usable, else by the plain formula."""
    if isinstance(icc, bytes) and 128 <= len(icc) <= MAX_PROFILE_BYTES:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            if str(profile.profile.xcolor_space) == _ICC_SPACE[picture.mode]:
                transform = ImageCms.buildTransform(
                    profile,
                    ImageCms.createProfile("sRGB"),
                    picture.mode,
                    "RGB",
                    ImageCms.Intent.RELATIVE_COLORIMETRIC,
                    ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
                if not _is_identity(transform, picture.mode):
                    converted = ImageCms.applyTransform(picture, transform)
                    if converted is not None:
                        return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a damaged profile: the picture is still there, its numbers are taken as sRGB
    return picture.convert("RGB")


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the transform moves no colour of a coarse cube by more than `SRGB_TOLERANCE`."""
    if mode == "CMYK":
        return False
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    if mode == "L":
        probe = Image.fromarray(steps[None])
    else:
        cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)
        probe = Image.fromarray(cube)
    moved = ImageCms.applyTransform(probe, transform)
    if moved is None:
        return False
    difference = np.abs(np.asarray(moved, np.int16) - np.asarray(probe.convert("RGB"), np.int16))
    return bool(difference.max() <= SRGB_TOLERANCE)

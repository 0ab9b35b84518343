"""Reading pictures: orientation, colour, first frames."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from pictures import (
    D50,
    P3_D50,
    SRGB_D50,
    STORED,
    chunk,
    cmyk_profile,
    encoded,
    exif,
    gray_profile,
    linear_to_srgb,
    lossless,
    matrix_profile,
    png16,
    scene,
    srgb_to_linear,
)
from PIL import Image

from tryon import imageio

FORMATS = ("JPEG", "PNG", "WEBP")


def mean_error(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


# --- orientation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(format: str, orientation: int) -> None:
    upright = scene()
    stored = np.ascontiguousarray(STORED[orientation](upright))
    loaded = imageio.load(encoded(stored, format, exif=exif(orientation), **lossless(format)))
    assert loaded.image.shape == upright.shape and loaded.image.flags.c_contiguous
    assert mean_error(loaded.image, upright) < 1.5
    if format != "JPEG":
        np.testing.assert_array_equal(loaded.image, upright)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_heic(orientation: int) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](scene())))
    pillow_heif.from_pillow(stored).save(stream, quality=95, exif=exif(orientation))
    assert mean_error(imageio.load(stream.getvalue()).image, scene()) < 4


def test_alpha_turns_with_the_picture() -> None:
    rgba = np.dstack([scene(), np.linspace(0, 255, 128, dtype=np.uint8)[None].repeat(96, 0)])
    data = encoded(np.ascontiguousarray(STORED[6](rgba)), "PNG", exif=exif(6))
    loaded = imageio.load(data)
    assert loaded.alpha is not None
    np.testing.assert_allclose(loaded.alpha, rgba[..., 3] / 255, atol=1e-6)


@pytest.mark.parametrize("value", [0, 9, 99, 65535])
def test_meaningless_orientation_is_ignored(value: int) -> None:
    assert imageio.load(encoded(scene(), "JPEG", exif=exif(value))).image.shape == (96, 128, 3)


# --- colour ----------------------------------------------------------------------------------------------------------


def on_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    a = alpha.astype(float)[..., None] / 255
    return np.rint(rgb * a + 255 * (1 - a))


def test_grey_and_one_bit() -> None:
    grey = scene()[..., 0]
    np.testing.assert_array_equal(imageio.load(encoded(grey, "PNG")).image, grey[..., None].repeat(3, 2))
    bits = Image.fromarray(grey).convert("1")
    expected = np.asarray(bits, np.uint8)[..., None].repeat(3, 2) * 255
    np.testing.assert_array_equal(imageio.load(encoded(bits, "PNG")).image, expected)


def test_16_bit_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 128).astype(np.uint16)[None].repeat(96, 0)
    expected = np.rint(ramp / 257.0)[..., None].repeat(3, 2)
    assert np.abs(imageio.load(png16(ramp)).image - expected).max() <= 0.5
    colour = np.stack([ramp, ramp[:, ::-1], 65535 - ramp // 2], -1)
    assert np.abs(imageio.load(png16(colour)).image - colour / 257.0).max() <= 1


@pytest.mark.parametrize("channels", [2, 4])
def test_16_bit_with_alpha(channels: int) -> None:
    values = np.dstack([scene()[..., : channels - 1], scene(seed=4)[..., 0]]).astype(np.uint16) * 257
    loaded = imageio.load(png16(values))
    rgb = values[..., :-1] / 257.0
    expected = on_white(rgb if channels == 4 else rgb.repeat(3, 2), values[..., -1] / 257.0)
    assert mean_error(loaded.image, expected) <= 1
    assert loaded.alpha is not None and np.abs(loaded.alpha - values[..., -1] / 65535).max() < 0.005


def test_16_bit_colour_keys() -> None:
    grey = np.full((96, 128), 30000, np.uint16)
    grey[:40] = 1234
    loaded = imageio.load(png16(grey, chunk(b"tRNS", (1234).to_bytes(2, "big"))))
    assert loaded.alpha is not None and loaded.alpha[:40].max() == 0 and loaded.alpha[40:].min() == 1
    assert (loaded.image[:40] == 255).all()
    rgb = np.dstack([grey, grey, grey])
    loaded = imageio.load(png16(rgb, chunk(b"tRNS", (1234).to_bytes(2, "big") * 3)))
    assert loaded.alpha is not None and loaded.alpha[:40].max() == 0 and loaded.alpha[40:].min() == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_alpha_is_composited_on_white(mode: str, format: str) -> None:
    rgba = np.dstack([scene(), scene(seed=9)[..., 1]])
    rgba[:10, :, 3] = 0
    image = Image.fromarray(rgba).convert(mode)
    if mode == "LA" and format == "WEBP":
        pytest.skip("WebP has no grey")
    exact = {"exact": True} if format == "WEBP" else {}
    loaded = imageio.load(encoded(image, format, **lossless(format), **exact))
    straight = np.asarray(image.convert("RGBA"))
    assert mean_error(loaded.image, on_white(straight[..., :3], straight[..., 3])) < 0.01
    np.testing.assert_allclose(loaded.alpha, straight[..., 3] / 255, atol=1e-6)
    assert (loaded.image[:10] == 255).all()


def test_palettes() -> None:
    image = Image.fromarray(scene()).convert("P", palette=Image.Palette.ADAPTIVE, colors=32)
    np.testing.assert_array_equal(imageio.load(encoded(image, "PNG")).image, np.asarray(image.convert("RGB")))
    key = int(np.asarray(image)[50, 60])
    loaded = imageio.load(encoded(image, "PNG", transparency=key))
    hole = np.asarray(image) == key
    assert loaded.alpha is not None and (loaded.alpha == ~hole).all() and (loaded.image[hole] == 255).all()
    soft = imageio.load(encoded(image, "PNG", transparency=bytes(range(0, 256, 8))))
    assert soft.alpha is not None and 0 < soft.alpha.mean() < 1


def test_opaque_alpha_is_no_alpha() -> None:
    rgba = np.dstack([scene(), np.full((96, 128), 255, np.uint8)])
    loaded = imageio.load(encoded(rgba, "PNG"))
    assert loaded.alpha is None
    np.testing.assert_array_equal(loaded.image, scene())


def test_cmyk_without_profile() -> None:
    image = Image.fromarray(scene()).convert("CMYK")
    data = encoded(image, "JPEG", quality=100, subsampling=0)
    c, m, y, k = np.moveaxis(np.asarray(image, float), -1, 0)
    expected = np.stack([(255 - v) * (255 - k) / 255 for v in (c, m, y)], -1)
    assert mean_error(imageio.load(data).image, expected) <= 2


def test_cmyk_with_profile_uses_it() -> None:
    # In this profile the first ink is red and the second is blue.
    inks = np.array([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.9, 0.9, 0.2], [0.1, 0.1, 0.1]])
    for ink in range(3):
        flat = np.zeros((64, 64, 4), np.uint8)
        flat[..., ink] = 255
        image = Image.frombytes("CMYK", (64, 64), flat.tobytes())
        data = encoded(image, "JPEG", quality=100, icc_profile=cmyk_profile(inks))
        assert np.abs(imageio.load(data).image.mean(axis=(0, 1)) - inks[ink] * 255).max() < 6


def _through(picture: np.ndarray, colorants: np.ndarray) -> np.ndarray:
    xyz = srgb_to_linear(picture / 255.0) @ colorants
    return linear_to_srgb(xyz @ np.linalg.inv(SRGB_D50)) * 255


@pytest.mark.parametrize("format", FORMATS)
def test_wide_gamut_profile(format: str) -> None:
    picture = np.clip(scene().astype(int) // 2 + 60, 0, 255).astype(np.uint8)  # inside of sRGB
    loaded = imageio.load(encoded(picture, format, icc_profile=matrix_profile(P3_D50), **lossless(format)))
    expected = _through(picture, P3_D50)
    assert mean_error(expected, picture) > 4
    assert mean_error(loaded.image, expected) <= 2
    assert D50[1] == 1


def test_profile_of_an_rgba_file() -> None:
    rgba = np.dstack([scene() // 2 + 60, np.full((96, 128), 200, np.uint8)])
    loaded = imageio.load(encoded(rgba, "PNG", icc_profile=matrix_profile(P3_D50)))
    assert mean_error(loaded.image, on_white(_through(rgba[..., :3], P3_D50), rgba[..., 3])) <= 2


def test_srgb_profile_keeps_the_bytes() -> None:
    loaded = imageio.load(encoded(scene(), "PNG", icc_profile=matrix_profile(SRGB_D50)))
    np.testing.assert_array_equal(loaded.image, scene())
    from PIL import ImageCms

    builtin = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(imageio.load(encoded(scene(), "PNG", icc_profile=builtin)).image, scene())


def test_grey_profile() -> None:
    grey = scene()[..., 0]
    loaded = imageio.load(encoded(grey, "PNG", icc_profile=gray_profile(1.0)))
    expected = linear_to_srgb(grey / 255.0)[..., None].repeat(3, 2) * 255
    assert mean_error(loaded.image, expected) <= 2


@pytest.mark.parametrize("profile", [b"", b"x" * 200, gray_profile(1.0), matrix_profile(P3_D50)[:300]])
def test_unusable_profile_is_ignored(profile: bytes) -> None:
    np.testing.assert_array_equal(imageio.load(encoded(scene(), "PNG", icc_profile=profile)).image, scene())


@pytest.mark.parametrize("format", ["WEBP", "PNG"])
def test_animations_give_the_first_frame(format: str) -> None:
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(12)]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **lossless(format))
    np.testing.assert_array_equal(imageio.load(data).image, scene(seed=0))


def test_many_frames_cost_as_much_as_one() -> None:
    still = scene(400, 400)
    frames = [Image.fromarray(np.roll(still, shift, 1)) for shift in range(60)]
    one, many = (
        encoded(frames[0], "WEBP"),
        encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], method=0),
    )

    def cost(data: bytes) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            imageio.load(data)
            times.append(time.process_time() - start)
        return min(times)

    assert cost(many) < 1.2 * cost(one) + 0.02


def test_multi_picture_jpeg() -> None:
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(3)]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=100)
    assert mean_error(imageio.load(data).image, scene(seed=0)) < 4

"""Reading pictures: sources, caps, damage."""

from __future__ import annotations

import io
import os
import resource
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hostile import make
from pictures import (
    STORED,
    encoded,
    exif,
    png,
    scene,
)
from PIL import Image, ImageOps

from tryon import errors, imageio

FORMATS = ("JPEG", "PNG", "WEBP")


def mean_error(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


def on_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    a = alpha.astype(float)[..., None] / 255
    return np.rint(rgb * a + 255 * (1 - a))


# --- sources ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_source_gives_the_same(tmp_path: Path) -> None:
    data = encoded(scene(), "PNG")
    path = tmp_path / "picture.jpg"  # the name lies, the content counts
    path.write_bytes(data)
    pil = Image.open(io.BytesIO(data))  # noqa: TID251
    for source in (str(path), path, data, bytearray(data), memoryview(data), io.BytesIO(data), pil, scene()):
        loaded = imageio.load(source)
        np.testing.assert_array_equal(loaded.image, scene())
        assert loaded.alpha is None
    assert imageio.load(path).format == "PNG" and imageio.load(scene()).format == "memory"
    assert imageio.load(loaded) is loaded


def test_pil_images_are_turned_upright() -> None:
    pil = Image.open(io.BytesIO(encoded(np.ascontiguousarray(STORED[8](scene())), "PNG", exif=exif(8))))  # noqa: TID251
    expected = np.asarray(ImageOps.exif_transpose(pil))
    np.testing.assert_array_equal(imageio.load(pil).image, expected)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F"]
)
def test_pil_modes(mode: str) -> None:
    base = Image.fromarray(scene())
    route = {"La": "LA", "RGBa": "RGBA", "PA": "P"}.get(mode)
    image = (base.convert(route) if route else base).convert(mode)
    plain = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA", "I": None, "F": None}.get(mode, mode)
    expected = (base.convert("L") if plain is None else image.convert(plain)).convert("RGB")
    before = image.tobytes()
    assert mean_error(imageio.load(image).image, np.asarray(expected)) <= 2
    assert image.tobytes() == before and image.mode == mode


def test_pil_integers_beyond_8_bit() -> None:
    values = np.linspace(0, 65535, 96 * 128).reshape(96, 128)
    assert np.abs(imageio.load(Image.fromarray(values.astype(np.int32))).image[..., 0] - values / 257).max() <= 0.51
    for wrong in (np.full((96, 128), 70000, np.int32), np.full((96, 128), np.nan, np.float32)):
        with pytest.raises(errors.UnsupportedImage):
            imageio.load(Image.fromarray(wrong))


def test_arrays() -> None:
    rgb = scene()
    np.testing.assert_array_equal(imageio.load(rgb.astype(np.float64) / 255).image, rgb)
    np.testing.assert_array_equal(imageio.load(rgb.astype(np.uint16) * 257).image, rgb)
    np.testing.assert_array_equal(imageio.load(rgb[..., 0]).image, rgb[..., :1].repeat(3, 2))
    np.testing.assert_array_equal(imageio.load(rgb[..., :1]).image, rgb[..., :1].repeat(3, 2))
    assert imageio.load(rgb[..., 0] > 100).image.max() == 255
    np.testing.assert_array_equal(imageio.load(rgb[::-1, ::-1]).image, rgb[::-1, ::-1])
    rgba = np.dstack([rgb, rgb[..., 0]])
    loaded = imageio.load(rgba)
    assert loaded.alpha is not None and mean_error(loaded.image, on_white(rgb, rgb[..., 0])) < 0.01


def test_arrays_are_neither_changed_nor_aliased() -> None:
    for source in (scene(), np.dstack([scene(), scene()[..., 0]]), scene()[..., 0]):
        before = source.copy()
        loaded = imageio.load(source)
        loaded.image[:] = 7
        np.testing.assert_array_equal(source, before)
        assert not np.shares_memory(loaded.image, source)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((100,), np.uint8),
        np.zeros((3, 100, 100), np.uint8),
        np.zeros((100, 100, 2), np.uint8),
        np.zeros((1, 100, 100, 3), np.uint8),
        np.zeros((100, 100, 3), np.int64),
        np.zeros((100, 100, 3), complex),
        np.zeros((100, 100, 3), object),
        np.full((100, 100, 3), np.nan),
        np.full((100, 100, 3), -0.5),
        np.full((100, 100, 3), 200.0),
        np.zeros((0, 100, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_pictures(array: np.ndarray) -> None:
    with pytest.raises(errors.BadImage) as caught:
        imageio.load(array)
    assert caught.value.remedy


@pytest.mark.parametrize("source", [None, 7, 3.5, [1, 2], {"a": 1}, object()])
def test_things_that_are_no_sources(source: object) -> None:
    with pytest.raises(errors.BadImage):
        imageio.load(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "missing.jpg",
        "a\0b.jpg",
        "x" * 5000,
        ".",
        "/",
        "/dev/null",
        "https://example.org/a.jpg",
        "\udcff.jpg",
        "a\nb.png",
    ],
)
def test_names_that_lead_nowhere(name: str) -> None:
    with pytest.raises(errors.BadImage) as caught:
        imageio.load(name)
    text = str(caught.value)
    assert caught.value.remedy and "\n" not in text and "\0" not in text and len(text) < 400


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(errors.BadImage):
        imageio.load(tmp_path / "pipe.jpg")


def test_text_streams_and_failing_streams() -> None:
    class Failing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("gone")

    for stream in (io.StringIO("text"), Failing()):
        with pytest.raises(errors.BadImage):
            imageio.load(stream)  # type: ignore[arg-type]


# --- caps ------------------------------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A stream without end that counts what was taken."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        self.taken += size
        return b"\xff" * size


def test_byte_cap_of_streams() -> None:
    stream = Endless()
    with pytest.raises(errors.ImageTooLarge):
        imageio.load(stream)  # type: ignore[arg-type]
    assert stream.taken <= imageio.MAX_BYTES + 65536


def test_byte_cap_of_files(tmp_path: Path) -> None:
    path = tmp_path / "big.jpg"
    with path.open("wb") as stream:
        stream.truncate(30_000_000_000)  # sparse
    tracemalloc.start()
    with pytest.raises(errors.ImageTooLarge):
        imageio.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_caps_can_be_set() -> None:
    data = encoded(scene(), "PNG")
    with pytest.raises(errors.ImageTooLarge):
        imageio.load(data, max_bytes=100)
    with pytest.raises(errors.ImageTooLarge):
        imageio.load(data, max_pixels=1000)
    for source in (scene(), Image.fromarray(scene())):
        with pytest.raises(errors.ImageTooLarge):
            imageio.load(source, max_pixels=1000)


def test_header_bombs_are_not_decoded() -> None:
    bombs = [s.data for s in make.specimens() if s.name.startswith("bomb-") and s.verdict == "ImageTooLarge"]
    assert len(bombs) >= 7
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in bombs:
        start = time.process_time()
        for _ in range(20):
            with pytest.raises(errors.ImageTooLarge):
                imageio.load(data)
        assert (time.process_time() - start) / 20 < 0.05
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_pixels_are_not_touched_when_the_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    data = encoded(scene(200, 200), "JPEG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", explode)
    with pytest.raises(errors.ImageTooLarge):
        imageio.load(data, max_pixels=30_000)


# --- damage ----------------------------------------------------------------------------------------------------------

SPECIMENS = make.specimens()


@pytest.mark.parametrize("specimen", SPECIMENS, ids=[s.name for s in SPECIMENS])
def test_specimens(specimen: make.Specimen) -> None:
    if specimen.verdict == "ok":
        loaded = imageio.load(specimen.data)
        assert loaded.image.shape == (*specimen.size, 3) and loaded.image.dtype == np.uint8  # type: ignore[misc]
        return
    with pytest.raises(errors.BadImage) as caught:
        imageio.load(specimen.data)
    assert type(caught.value).__name__ == specimen.verdict
    assert caught.value.remedy and "\n" not in str(caught.value)


def test_2000_mutated_files() -> None:
    valid, slowest = 0, 0.0
    for name, data in make.mutations(2000):
        start = time.process_time()
        try:
            loaded = imageio.load(data)
        except errors.BadImage as error:
            assert error.message and error.remedy
        except BaseException as error:
            raise AssertionError(f"{name}: {error!r}") from error
        else:
            valid += 1
            assert loaded.image.dtype == np.uint8 and loaded.image.ndim == 3 and loaded.image.shape[2] == 3
            assert loaded.alpha is None or (loaded.alpha.shape == loaded.image.shape[:2] and loaded.alpha.max() <= 1)
        slowest = max(slowest, time.process_time() - start)
    assert valid > 100 and slowest < 2


def test_every_other_format_of_pillow_is_refused() -> None:
    Image.init()
    image, refused = Image.fromarray(scene()), 0
    for format in sorted(set(Image.SAVE) - {"JPEG", "PNG", "WEBP", "MPO", "HEIF", "JPEG2000"}):
        for mode in ("RGB", "L", "1", "P", "F"):
            try:
                data = encoded(image.convert(mode), format)
            except Exception:  # the format can't hold this mode, or wants more
                continue
            with pytest.raises(errors.UnsupportedImage):
                imageio.load(data)
            refused += 1
            break
    assert refused >= 15


def test_hand_made_png_is_read() -> None:
    picture = scene()
    rows = b"".join(b"\0" + line.tobytes() for line in picture)
    np.testing.assert_array_equal(imageio.load(png(128, 96, rows)).image, picture)

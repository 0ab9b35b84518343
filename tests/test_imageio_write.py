"""Writing pictures: whole or not at all, no metadata, right format."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, scene
from PIL import Image

from tryon import errors, imageio
from tryon.labels import NUM_LABELS, PALETTE


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp", "a b.c.PNG", "ä.png"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    imageio.save(tmp_path / name, scene())
    loaded = imageio.load(tmp_path / name)
    assert loaded.format == imageio.format_for(name)
    error = np.abs(loaded.image.astype(int) - scene()).mean()
    assert error == 0 if name.lower().endswith("png") else error < 3
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_transparency_is_kept(tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, scene().shape[1]).astype(np.uint8)[None].repeat(len(scene()), 0)
    for name in ("a.png", "a.webp"):
        imageio.save(tmp_path / name, np.dstack([scene(), alpha]))
        loaded = imageio.load(tmp_path / name)
        assert loaded.alpha is not None and np.abs(loaded.alpha * 255 - alpha).max() <= 1
    with pytest.raises(errors.UsageError):
        imageio.save(tmp_path / "a.jpg", np.dstack([scene(), alpha]))
    assert not (tmp_path / "a.jpg").exists()


def test_same_pixels_same_bytes() -> None:
    for format in ("PNG", "JPEG", "WEBP"):
        assert imageio.encode(scene(), format) == imageio.encode(scene(), format)


@pytest.mark.parametrize("name", ["a", "a.gif", "a.bmp", "a.tiff", "a.png.exe", ".png", "", "/dev/null"])
def test_unknown_extension(tmp_path: Path, name: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        imageio.save(tmp_path / name if name else "", scene())
    assert caught.value.exit_code == 2 and caught.value.remedy
    assert not any(tmp_path.iterdir())


def test_places_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for name in ("missing/a.png", "folder.png", "a\0b.png", "x" * 300 + ".png", "folder.png/../missing/b.png"):
        with pytest.raises(errors.OutputError) as caught:
            imageio.save(f"{tmp_path}/{name}", scene())
        assert caught.value.remedy and "\0" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_long_name_works(tmp_path: Path) -> None:
    name = "x" * 251 + ".png"
    imageio.save(tmp_path / name, scene())
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "write":
        real = os.fdopen

        def opened(handle: int, mode: str) -> object:
            stream = real(handle, mode)
            stream.close()
            return stream  # writing to it fails

        monkeypatch.setattr(os, "fdopen", opened)
        expected: type[Exception] = ValueError
    else:
        monkeypatch.setattr(os, step, full)
        expected = errors.OutputError
    with pytest.raises(expected):
        imageio.atomic_write(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "a.png").symlink_to(tmp_path / "precious")
    imageio.save(tmp_path / "a.png", scene())
    assert (tmp_path / "precious").read_bytes() == b"precious" and not (tmp_path / "a.png").is_symlink()


def test_too_wide_for_the_format() -> None:
    wide = np.zeros((64, 16384, 3), np.uint8)
    with pytest.raises(errors.OutputError):
        imageio.encode(wide, "WEBP")
    assert imageio.encode(wide, "PNG")


@pytest.mark.parametrize("wrong", [np.zeros((64, 64, 3)), np.zeros((64, 64, 5), np.uint8), np.zeros((64,), np.uint8)])
def test_only_pictures_are_encoded(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        imageio.encode(wrong, "PNG")


def test_label_maps_keep_their_numbers() -> None:
    labels = np.random.default_rng(0).integers(0, NUM_LABELS, (70, 80)).astype(np.uint8)
    picture = Image.open(io.BytesIO(imageio.encode_index(labels, PALETTE)))  # noqa: TID251
    assert picture.mode == "P"
    np.testing.assert_array_equal(np.asarray(picture), labels)
    np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), np.array(PALETTE, np.uint8)[labels])


SECRETS = (b"SECRET", b"Exif", b"GPS", b"http://ns.adobe.com", b"ICC_PROFILE", b"iCCP", b"eXIf", b"tEXt", b"iTXt")


@pytest.mark.parametrize("out", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_survives(tmp_path: Path, format: str, out: str) -> None:
    block = Image.Exif()
    block[0x010E], block[0x013B], block[0x0110] = "SECRET description", "SECRET artist", "SECRET camera"
    block.get_ifd(0x8825)[1] = "N"
    block.get_ifd(0x8825)[29] = "SECRET:date"
    options: dict[str, object] = {"exif": block.tobytes()}
    if format == "JPEG":
        options |= {"comment": b"SECRET comment", "xmp": b"<x:xmpmeta>SECRET</x:xmpmeta>"}
    elif format == "WEBP":
        options |= {"xmp": b"<x:xmpmeta>SECRET</x:xmpmeta>"}
    else:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("Comment", "SECRET text")
        info.add_itxt("XML:com.adobe.xmp", "SECRET xmp")
        options |= {"pnginfo": info}
    data = encoded(scene(), format, **options)
    assert b"SECRET" in data
    imageio.save(tmp_path / out, imageio.load(data).image)
    written = (tmp_path / out).read_bytes()
    assert not [secret for secret in SECRETS if secret in written]


WRITER = """
import sys, numpy as np
from tryon import imageio
picture = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
print("go", flush=True)
for _ in range(500):
    imageio.save(sys.argv[1], picture)
"""


def test_kills_leave_no_torn_file(tmp_path: Path) -> None:
    target, rng = tmp_path / "a.png", np.random.default_rng(5)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(float(rng.uniform(0.02, 0.25)))
        finally:
            process.kill()
            process.wait()
        if target.exists():
            assert imageio.load(target).image.shape == (400, 400, 3)
    assert target.exists()

"""Hostile and odd picture files, generated: named specimens with the verdict that they must get, and seeded mutations.

The table of specimens is the specification: every way in (library, command line) gives each the same verdict.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pictures import P3_D50, STORED, chunk, encoded, exif, matrix_profile, png, png16, scene
from PIL import Image, PngImagePlugin


@dataclass(frozen=True)
class Specimen:
    """A file.

    Args:
        verdict: "ok" or the name of the error class that `load` raises.
        size: (height, width) of the result if ok.
    """

    name: str
    data: bytes
    verdict: str = "ok"
    size: tuple[int, int] | None = None


def specimens() -> list[Specimen]:
    """About 100 files, some megabytes in all."""
    return [*_good(), *_odd_content(), *_other_formats(), *_sizes(), *_bombs(), *_damaged()]


def _good() -> Iterator[Specimen]:
    picture = scene()
    size = picture.shape[:2]
    image = Image.fromarray(picture)
    for format, name in (("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp")):
        yield Specimen(f"plain-{name}", encoded(picture, format), "ok", size)
        for orientation, store in STORED.items():
            data = encoded(np.ascontiguousarray(store(picture)), format, exif=exif(orientation))
            yield Specimen(f"orientation-{orientation}-{name}", data, "ok", size)
        yield Specimen(f"orientation-99-{name}", encoded(picture, format, exif=exif(99)), "ok", size)
        yield Specimen(
            f"exif-garbage-{name}", encoded(picture, format, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), "ok", size
        )
        yield Specimen(f"icc-garbage-{name}", encoded(picture, format, icc_profile=b"\xff" * 500), "ok", size)
        yield Specimen(f"icc-p3-{name}", encoded(picture, format, icc_profile=matrix_profile(P3_D50)), "ok", size)
    yield Specimen("jpeg-progressive", encoded(picture, "JPEG", progressive=True), "ok", size)
    yield Specimen("jpeg-grey", encoded(image.convert("L"), "JPEG"), "ok", size)
    yield Specimen("jpeg-cmyk", encoded(image.convert("CMYK"), "JPEG"), "ok", size)
    yield Specimen("jpeg-trailing-garbage", encoded(picture, "JPEG") + b"\xff\xd9garbage" * 500, "ok", size)
    yield Specimen("jpeg-comment", encoded(picture, "JPEG", comment=b"x" * 60000), "ok", size)
    yield Specimen("mpo", encoded(image, "MPO", save_all=True, append_images=[image.rotate(90)]), "ok", size)
    for mode in ("1", "L", "LA", "P", "RGBA"):
        yield Specimen(f"png-{mode}", encoded(image.convert(mode), "PNG"), "ok", size)
    yield Specimen("png-P-transparent", encoded(image.convert("P"), "PNG", transparency=3), "ok", size)
    yield Specimen("png-16-grey", png16(picture[..., 0].astype(np.uint16) * 257), "ok", size)
    yield Specimen("png-16-rgb", png16(picture.astype(np.uint16) * 257), "ok", size)
    yield Specimen("webp-lossless", encoded(image.convert("RGBA"), "WEBP", lossless=True), "ok", size)
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(1, 5)]
    yield Specimen("webp-animated", encoded(image, "WEBP", save_all=True, append_images=frames), "ok", size)
    yield Specimen("apng", encoded(image, "PNG", save_all=True, append_images=frames), "ok", size)


def _odd_content() -> Iterator[Specimen]:
    for name, value in (("black", 0), ("white", 255), ("grey", 127)):
        yield Specimen(f"all-{name}", encoded(np.full((200, 150, 3), value, np.uint8), "PNG"), "ok", (200, 150))
    clear = np.zeros((200, 150, 4), np.uint8)
    yield Specimen("all-transparent", encoded(clear, "PNG"), "ok", (200, 150))
    static = np.random.default_rng(1).integers(0, 256, (200, 150, 3), np.uint8)
    yield Specimen("static", encoded(static, "PNG"), "ok", (200, 150))


def _other_formats() -> Iterator[Specimen]:
    image = Image.fromarray(scene())
    for format in ("GIF", "BMP", "TIFF", "ICO", "PPM", "TGA", "PCX", "PDF", "EPS", "JPEG2000", "DDS", "SGI"):
        try:
            data = encoded(image, format)
        except (KeyError, OSError):  # not in this build of Pillow
            continue
        yield Specimen(f"format-{format}", data, "UnsupportedImage")
    yield Specimen("text", b"hello, I am a picture, honestly\n" * 100, "UnsupportedImage")
    yield Specimen("html", b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "UnsupportedImage")
    yield Specimen("svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"/>', "UnsupportedImage")
    yield Specimen("zip", b"PK\x03\x04" + b"\0" * 500, "UnsupportedImage")
    yield Specimen(
        "pickle", b"\x80\x04\x95\x1f\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.", "UnsupportedImage"
    )
    yield Specimen("mp4", b"\0\0\0\x20ftypisom" + b"\0" * 500, "UnsupportedImage")
    yield Specimen("avif", b"\0\0\0\x20ftypavif" + b"\0" * 500, "UnsupportedImage")
    yield Specimen("empty", b"", "BadImage")
    yield Specimen("one-byte", b"\xff", "UnsupportedImage")
    yield Specimen("zeros", b"\0" * 4096, "UnsupportedImage")


def _sizes() -> Iterator[Specimen]:
    for width, height in ((1, 1), (63, 63), (940, 2), (1, 5000), (63, 400)):
        data = encoded(np.zeros((height, width, 3), np.uint8), "PNG")
        yield Specimen(f"size-{width}x{height}", data, "ImageTooSmall")
    yield Specimen("size-64x64", encoded(scene(64, 64), "PNG"), "ok", (64, 64))
    yield Specimen("size-64x3000", encoded(scene(3000, 64), "JPEG"), "ok", (3000, 64))
    yield Specimen("size-16385x64", encoded(Image.new("L", (16385, 64)), "PNG"), "ImageTooLarge")
    yield Specimen("size-65500x64", encoded(Image.new("L", (65500, 64)), "JPEG"), "ImageTooLarge")


def _riff(kind: bytes, data: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _bombs() -> Iterator[Specimen]:
    rows = b"\0" * 1000
    yield Specimen("bomb-png-12000x12000", png(12000, 12000, rows, colour=0), "ImageTooLarge")
    yield Specimen("bomb-png-2^31", png(2**31 - 1, 2**31 - 1, rows), "ImageTooLarge")
    yield Specimen("bomb-png-16384x16384", png(16384, 16384, rows, depth=16, colour=6), "ImageTooLarge")
    jpeg = bytearray(encoded(scene(), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 16000, 16000)
    yield Specimen("bomb-jpeg-16000x16000", bytes(jpeg), "ImageTooLarge")
    canvas = struct.pack("<I", 16382)[:3]
    yield Specimen("bomb-webp-vp8x", _riff(b"VP8X", b"\0\0\0\0" + canvas + canvas) + b"\0" * 64, "ImageTooLarge")
    yield Specimen("bomb-webp-vp8l", _riff(b"VP8L", b"\x2f\xff\xff\xff\x0f" + b"\0" * 64), "ImageTooLarge")
    lossy = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + b"\0" * 64
    yield Specimen("bomb-webp-vp8", _riff(b"VP8 ", lossy), "ImageTooLarge")
    picture = scene()
    lines = b"".join(b"\0" + line.tobytes() for line in picture)
    fifty = zlib.compress(b"\0" * 50_000_000, 9)
    text = chunk(b"zTXt", b"Comment\0\0" + fifty)
    yield Specimen("bomb-ztxt", png(128, 96, lines, extra=text), "BadImage")
    profile = chunk(b"iCCP", b"icc\0\0" + fifty)
    yield Specimen("bomb-iccp", png(128, 96, lines, extra=profile), "BadImage")
    progressive = encoded(picture, "JPEG", progressive=True)
    last = progressive.rindex(b"\xff\xda")
    yield Specimen("bomb-jpeg-scans", progressive[:-2] + progressive[last:-2] * 500 + b"\xff\xd9", "BadImage")
    yield Specimen("bytes-26MB", encoded(picture, "JPEG") + b"\0" * 26_000_000, "ImageTooLarge")


def _damaged() -> Iterator[Specimen]:
    picture = scene(seed=3)
    for format in ("JPEG", "PNG", "WEBP"):
        data = encoded(picture, format)
        for share in (5, 30, 50, 90):
            yield Specimen(f"truncated-{share}-{format.lower()}", data[: len(data) * share // 100], "BadImage")
        yield Specimen(f"magic-only-{format.lower()}", data[:12], "BadImage")
    data = encoded(picture, "PNG")
    yield Specimen("png-bad-header-crc", data[:29] + b"\0\0\0\0" + data[33:], "BadImage")
    yield Specimen("png-0x0", png(0, 0, b""), "ImageTooSmall")
    yield Specimen("png-no-palette", png(128, 96, (b"\0" + b"\1" * 128) * 96, colour=3), "BadImage")
    yield Specimen("png-few-rows", png(128, 96, b"\0" * 50), "BadImage")
    yield Specimen("png-colour-type-5", png(128, 96, b"\0" * 500, colour=5), "BadImage")
    yield Specimen("png-no-pixels", data[:33] + chunk(b"IEND", b""), "BadImage")
    jpeg = encoded(picture, "JPEG")
    yield Specimen("jpeg-no-frame", jpeg[: jpeg.index(b"\xff\xc0")] + b"\xff\xd9", "BadImage")
    yield Specimen("jpeg-12-bit", jpeg.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "BadImage")
    yield Specimen("heif-header-only", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200, "BadImage")


def mutations(count: int, seed: int = 0, bases: list[bytes] | None = None) -> Iterator[tuple[str, bytes]]:
    """`count` (name, bytes): flipped bytes, cuts, doubled and zeroed stretches, spliced pairs of real files."""
    rng = np.random.default_rng(seed)
    files = bases or _bases()
    for number in range(count):
        data = bytearray(files[int(rng.integers(len(files)))])
        kind = ("flip", "header", "cut", "double", "zero", "splice")[int(rng.integers(6))]
        start, stop = sorted(int(v) for v in rng.integers(0, len(data), 2))
        stop = min(stop, start + 2000)
        if kind == "flip":
            for _ in range(int(rng.integers(1, 40))):
                data[int(rng.integers(len(data)))] = int(rng.integers(256))
        elif kind == "header":
            for _ in range(int(rng.integers(1, 8))):
                data[int(rng.integers(min(200, len(data))))] = int(rng.integers(256))
        elif kind == "cut":
            del data[start:]
        elif kind == "double":
            data[start:start] = data[start:stop]
        elif kind == "zero":
            data[start:stop] = bytes(stop - start)
        else:
            data[start:] = files[int(rng.integers(len(files)))][start:]
        yield f"{number}-{kind}", bytes(data)


def _bases() -> list[bytes]:
    image = Image.fromarray(scene(120, 90, seed=5))
    frames = [Image.fromarray(scene(120, 90, seed=seed)) for seed in (6, 7)]
    profile = matrix_profile(P3_D50)
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "a" * 300, zip=True)
    return [
        encoded(image, "JPEG", exif=exif(6)),
        encoded(image, "JPEG", progressive=True, icc_profile=profile),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(image.convert("L"), "JPEG"),
        encoded(image, "PNG", exif=exif(5), icc_profile=profile, pnginfo=text),
        encoded(image.convert("P"), "PNG", transparency=2),
        encoded(image.convert("RGBA"), "PNG"),
        png16(np.asarray(image).astype(np.uint16) * 257),
        encoded(image, "PNG", save_all=True, append_images=frames),
        encoded(image, "WEBP", exif=exif(3), icc_profile=profile),
        encoded(image.convert("RGBA"), "WEBP", lossless=True),
        encoded(image, "WEBP", save_all=True, append_images=frames),
    ]

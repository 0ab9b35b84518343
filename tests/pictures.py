"""Pictures made for tests: pixels, colour profiles, encodings. Nothing here uses the code under test."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

#: EXIF orientation -> how the upright picture is stored.
STORED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, -1),
}


def scene(height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """A smooth picture without symmetry, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(2 * np.pi * (a * x + b * y + c)) for a, b, c in rng.uniform(-1.5, 1.5, (3, 3))]
    picture = np.stack(waves, -1) * 70 + 128
    picture[: height // 3, : width // 3] = (230, 40, 30)
    picture[-height // 4 :, -width // 5 :] = (20, 60, 220)
    return np.clip(picture, 0, 255).astype(np.uint8)


def encoded(picture: Image.Image | np.ndarray, format: str, **options: object) -> bytes:
    """A file's bytes by Pillow."""
    stream = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(stream, format=format, **options)
    return stream.getvalue()


def lossless(format: str) -> dict[str, object]:
    """Options under which a format keeps pixels (JPEG: nearly)."""
    return {"JPEG": {"quality": 100, "subsampling": 0}, "PNG": {}, "WEBP": {"lossless": True}}[format]


def exif(orientation: int) -> bytes:
    """An EXIF block with an orientation."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A PNG chunk."""
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    """A PNG by hand: `rows` are raw scan lines with their filter bytes, `extra` chunks stand before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png16(values: np.ndarray, extra: bytes = b"") -> bytes:
    """A 16-bit PNG of uint16 (H, W) grey, (H, W, 2) grey + alpha, (H, W, 3) or (H, W, 4)."""
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    lines = values.astype(">u2").reshape(height, -1)
    rows = b"".join(b"\0" + line.tobytes() for line in lines)
    return png(width, height, rows, depth=16, colour={1: 0, 2: 4, 3: 2, 4: 6}[channels], extra=extra)


# --- colour profiles -------------------------------------------------------------------------------------------------

#: Colorants adapted to D50, columns X, Y, Z.
SRGB_D50 = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]])
P3_D50 = np.array([[0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407]])
D50 = (0.9642, 1.0, 0.8249)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _profile(space: bytes, pcs: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {
        b"desc": b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 8, 28) + "test".encode("utf-16-be"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50),
        **tags,
    }
    table, body, offset = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"test", 0x04200000, kind, space, pcs)
    header += b"\0" * 12 + b"acsp" + b"\0" * 24 + struct.pack(">I", 0)[:4] + _fixed(*D50)
    header = header.ljust(128, b"\0")
    return header + struct.pack(">I", len(tags)) + table + body


def matrix_profile(colorants: np.ndarray) -> bytes:
    """An RGB profile with the given D50 colorants and the sRGB curve."""
    curve = b"para\0\0\0\0\0\x03\0\0" + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {
        name: b"XYZ \0\0\0\0" + _fixed(*xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)
    }
    return _profile(b"RGB ", b"XYZ ", b"mntr", {**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def gray_profile(gamma: float) -> bytes:
    """A grey profile with a power curve."""
    curve = b"para\0\0\0\0\0\0\0\0" + _fixed(gamma)
    return _profile(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": curve})


def cmyk_profile(inks: np.ndarray) -> bytes:
    """A CMYK profile of 2^4 grid points. inks: sRGB colour 0..1 of each full ink, (4, 3); overprints multiply."""
    nodes = b""
    for index in range(16):
        colour = np.ones(3)
        for ink in range(4):
            if index >> (3 - ink) & 1:
                colour = colour * inks[ink]
        lightness, a, b = _lab(colour)
        nodes += bytes([round(lightness * 2.55), round(a + 128), round(b + 128)])
    ramp = bytes(range(256))
    identity = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + nodes + ramp * 3
    return _profile(b"CMYK", b"Lab ", b"prtr", {b"A2B0": lut, b"A2B1": lut})


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """0..1 sRGB to linear light."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: np.ndarray) -> np.ndarray:
    """Linear light to 0..1 sRGB, clipped."""
    values = np.clip(values, 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def _lab(srgb: np.ndarray) -> tuple[float, float, float]:
    xyz = srgb_to_linear(srgb) @ SRGB_D50 / np.array(D50)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])

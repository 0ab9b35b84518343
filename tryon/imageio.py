"""Pictures in and out. The only place of the project that decodes or encodes.

Reading: byte cap, format by content, pixel and side caps from the header, then decoding; always upright sRGB without a
profile. Writing: into a temporary file of the same folder, then renamed, so that a reader sees the old file or the new
one whole; pixels only, no metadata.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from .colour import composite_on_white, to_srgb
from .errors import (
    BadImage,
    DecoderMissing,
    ImageTooLarge,
    ImageTooSmall,
    OutputError,
    TryOnError,
    UnsupportedImage,
    UsageError,
)

MAX_BYTES = 25_000_000
MAX_PIXELS = 50_000_000
MIN_SIDE, MAX_SIDE = 64, 16384
#: A JPEG with more scans than this is made to burn time (each scan walks over the whole picture).
MAX_JPEG_SCANS = 100
#: File name extension -> format that `save` writes.
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}

_READABLE = "Use a JPEG, PNG or WebP file."
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif")
#: Leading bytes of things that people try, to name them in the error.
_OTHERS = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
    (b"PK\x03\x04", "ZIP"),
)
#: EXIF orientation -> what makes the array upright.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


@dataclass(frozen=True)
class Loaded:
    """A picture that was read.

    Args:
        image: uint8 (H, W, 3) sRGB, upright, transparent parts composited on white.
        alpha: float32 (H, W) in [0, 1], or None if the picture is opaque.
        format: "JPEG", "PNG", "WEBP", "HEIF", or "memory" for arrays and PIL images.
    """

    image: np.ndarray
    alpha: np.ndarray | None = None
    format: str = "memory"


#: What `load` accepts.
Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray | Loaded


def load(source: Source, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Loaded:
    """Read a picture from a path, bytes, a binary stream, a PIL image or an array; a `Loaded` is given back as it is.

    Arrays: uint8, uint16 (0..65535), bool or float (0..1), of shape (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA.
    Animated files give their first frame. The caller's objects are not changed and not aliased.

    Raises:
        BadImage, or one of its subclasses (UnsupportedImage, ImageTooLarge, ImageTooSmall): never anything else for bad
        content.
        DecoderMissing: a HEIC file, and pillow-heif is not installed.
    """
    if isinstance(source, Loaded):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        _check_size(*source.size, max_pixels)
        return _decode(lambda: source.copy(), "memory", max_pixels)
    data = read_bytes(source, max_bytes)
    kind = _sniff(data)
    size = _size_in_header(data, kind)
    if size is not None:
        _check_size(*size, max_pixels)
    return _decode(lambda: _open(data, kind), kind, max_pixels)


def _decode(opener: Callable[[], Image.Image], kind: str, max_pixels: int) -> Loaded:
    """Open, check the header, decode, convert. Whatever a decoder raises becomes BadImage here and nowhere else."""
    try:
        picture = opener()
        _check_size(*picture.size, max_pixels)
        picture.load()
        rgb, alpha = to_srgb(picture)
        turn = _UPRIGHT.get(_orientation(picture))
    except TryOnError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLarge("The picture has too many pixels.", "Make it smaller.") from error
    except Exception as error:
        raise BadImage("The picture is damaged or incomplete.", "Export or download it again.") from error
    opacity = None
    if alpha is not None and alpha.min() < 255:
        composite_on_white(rgb, alpha)
        opacity = alpha.astype(np.float32) / 255
    if turn is not None:
        rgb = np.ascontiguousarray(turn(rgb))
        opacity = None if opacity is None else np.ascontiguousarray(turn(opacity))
    return Loaded(rgb, opacity, kind)


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF: any error; the picture itself is fine
        return 1
    return value if isinstance(value, int) else 1


def read_bytes(source: object, max_bytes: int = MAX_BYTES) -> bytes:
    """All bytes of a path, buffer or stream, reading at most one byte more than the cap.

    Raises:
        BadImage, ImageTooLarge: there is nothing to read, or too much.
    """
    if isinstance(source, (str, os.PathLike)):
        text = os.fspath(source)
        if isinstance(text, str) and text.lower().startswith(("http://", "https://", "ftp://", "data:")):
            raise BadImage("Web addresses are not fetched.", "Download the picture and give its file name.")
        try:
            if not stat.S_ISREG(os.stat(source).st_mode):
                raise BadImage(f"{_show(source)} is not a file.", "Give the name of a picture file.")
            with open(source, "rb") as stream:
                data = stream.read(max_bytes + 1)
        except FileNotFoundError as error:
            raise BadImage(f"There is no file {_show(source)}.", "Check the name.") from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a valid name"
            raise BadImage(f"{_show(source)} can't be read: {reason}.", "Check the name and the rights.") from error
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = source if isinstance(source, bytes) else bytes(source[: max_bytes + 1])
    elif hasattr(source, "read"):
        data = _read_stream(cast(BinaryIO, source), max_bytes)
    else:
        raise BadImage(
            f"A {type(source).__name__} is not a picture.",
            "Give a path, bytes, a binary stream, a PIL image or an array.",
        )
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"The file has more than {max_bytes / 1e6:g} MB.", "Save it smaller or with more compression."
        )
    if not data:
        raise BadImage("The file is empty.", "Export or download it again.")
    return data


def _read_stream(stream: BinaryIO, max_bytes: int) -> bytes:
    parts, total = [], 0
    try:
        while total <= max_bytes:
            part = stream.read(min(65536, max_bytes + 1 - total))
            if not part:
                break
            parts.append(bytes(part))
            total += len(part)
    except Exception as error:
        raise BadImage("The stream can't be read.", "Open the file in binary mode.") from error
    return b"".join(parts)


def _show(path: object) -> str:
    """A path for a one-line message: control characters escaped, shortened."""
    text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else str(path)
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-80:]}"


def _sniff(data: bytes) -> str:
    """Format by content, of the allow-list."""
    if data.startswith(b"\xff\xd8\xff"):
        if data.count(b"\xff\xda") > MAX_JPEG_SCANS:
            raise BadImage("The JPEG has an absurd number of scans.", "Export it again.")
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "HEIF"
    if data[4:8] == b"ftyp":
        name = "AVIF" if data[8:12] in (b"avif", b"avis") else "video"
        raise UnsupportedImage(f"{name} files can't be read.", _READABLE)
    for magic, name in _OTHERS:
        if data[:64].lstrip().startswith(magic):
            raise UnsupportedImage(f"{name} files can't be read.", _READABLE)
    raise UnsupportedImage("The file is not a picture in a known format.", _READABLE)


def _size_in_header(data: bytes, kind: str) -> tuple[int, int] | None:
    """(width, height) where the decoder would allocate already on opening; None: the decoder's own header is read."""
    if kind == "PNG" and data[12:16] == b"IHDR" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if kind == "WEBP" and len(data) >= 30:
        chunk = data[12:16]
        if chunk == b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        if chunk == b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF)
        if chunk == b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _open(data: bytes, kind: str) -> Image.Image:
    # The plugins directly: no registry of 40 formats, no multi-picture adoption, no warnings about size.
    stream = io.BytesIO(data)
    if kind == "JPEG":
        return JpegImageFile(stream)
    if kind == "PNG":
        return PngImageFile(stream)
    if kind == "WEBP":
        return WebPImageFile(stream)
    try:
        import pillow_heif
    except ImportError as error:
        raise DecoderMissing(
            "HEIC files need pillow-heif.", "Run: pip install 'tryon[heif]', or save the picture as JPEG."
        ) from error
    pillow_heif.register_heif_opener(thumbnails=False)
    return Image.open(stream, formats=("HEIF",))


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The picture has {width}x{height} pixels, more than {max_pixels / 1e6:g} million.", "Make it smaller."
        )
    if max(width, height) > MAX_SIDE:
        raise ImageTooLarge(f"The picture has {width}x{height} pixels.", f"Make its sides at most {MAX_SIDE} px.")
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmall(
            f"The picture has only {width}x{height} pixels.", f"Use one with sides of at least {MIN_SIDE} px."
        )


def _from_array(array: np.ndarray, max_pixels: int) -> Loaded:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise BadImage(
            f"An array of shape {array.shape} is not a picture.", "Give (H, W), (H, W, 3) or (H, W, 4), channels last."
        )
    _check_size(array.shape[1], array.shape[0], max_pixels)
    if array.dtype == np.uint8:
        values = array.copy()
    elif array.dtype == np.uint16:
        values = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    elif array.dtype == np.bool_:
        values = array.astype(np.uint8) * np.uint8(255)
    elif np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise BadImage("Float pictures must hold values from 0 to 1.", "Scale the array, or give uint8.")
        values = np.round(array * 255).astype(np.uint8)
    else:
        raise BadImage(f"Arrays of {array.dtype} are not pictures.", "Give uint8, uint16, bool or float (0 to 1).")
    values = values.reshape(*values.shape[:2], -1)
    alpha = values[..., 3] if values.shape[2] == 4 else None
    rgb = np.ascontiguousarray(values[..., :3] if values.shape[2] >= 3 else values.repeat(3, axis=2))
    if alpha is None or alpha.min() == 255:
        return Loaded(rgb)
    composite_on_white(rgb, alpha)
    return Loaded(rgb, alpha.astype(np.float32) / 255)


def format_for(path: str | os.PathLike[str]) -> str:
    """The format that `save` writes for a file name. Raises UsageError for an unknown extension."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(
            f"{_show(path)} has no picture extension that can be written.", f"End it in {', '.join(FORMATS)}."
        )
    return FORMATS[suffix]


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise OutputError unless a file can be made at `path`: existing writable folder, not itself a folder."""
    target = Path(path)
    try:
        folder = target.parent
        if "\0" in target.name:
            raise ValueError("embedded null byte")
        if not folder.is_dir():
            raise OutputError(f"There is no folder {_show(folder)}.", "Make it, or choose another place.")
        if target.is_dir():
            raise OutputError(f"{_show(target)} is a folder.", "Give a file name.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(f"The folder {_show(folder)} can't be written.", "Choose another place.")
        if len(os.fsencode(target.name)) > 255:
            raise OutputError(f"The name {_show(target.name)} is too long.", "Choose a shorter one.")
    except (OSError, ValueError) as error:
        raise OutputError(f"{_show(path)} is not a usable file name.", "Choose another one.") from error


def encode(image: np.ndarray, format: str, *, quality: int = 95) -> bytes:
    """Pixels to the bytes of a file, without metadata.

    Args:
        image: uint8 (H, W, 3) RGB, (H, W) grey, or (H, W, 4) RGB with straight alpha.
        format: "JPEG", "PNG" (lossless) or "WEBP".
        quality: of JPEG (4:4:4) and WebP, 1..100.

    Raises:
        UsageError: a transparent picture as JPEG.
    """
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
        raise ValueError(f"encode takes uint8 (H, W, 3), (H, W, 4) or (H, W), got {image.dtype} {image.shape}")
    if format == "JPEG" and image.ndim == 3 and image.shape[2] == 4:
        raise UsageError("JPEG can't hold a transparent picture.", "Write a PNG or WebP instead.")
    options: dict[str, object] = {
        "JPEG": {"quality": quality, "subsampling": 0, "optimize": True},
        "PNG": {"compress_level": 4},
        "WEBP": {"quality": quality, "method": 4},
    }[format]  # type: ignore[assignment]
    return _encoded(Image.fromarray(image), format, options)


def encode_index(labels: np.ndarray, palette: tuple[tuple[int, int, int], ...]) -> bytes:
    """A label map, uint8 (H, W), as an index PNG: decoding it gives the label numbers, viewing it the colours.

    Labels beyond the palette are white.
    """
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise ValueError(f"encode_index takes uint8 (H, W), got {labels.dtype} {labels.shape}")
    picture = Image.fromarray(labels)
    colours = [value for colour in palette for value in colour]
    if labels.size and labels.max() >= len(palette):  # a short palette would cut the labels to as many bits
        colours += [255] * (768 - len(colours))
    picture.putpalette(colours)
    return _encoded(picture, "PNG", {"compress_level": 6})


def _encoded(picture: Image.Image, format: str, options: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    try:
        picture.save(stream, format=format, **options)
    except (OSError, ValueError, MemoryError) as error:
        raise OutputError(
            f"{format} can't hold a picture of {picture.width}x{picture.height} pixels.", "Write a PNG instead."
        ) from error
    return stream.getvalue()


def save(path: str | os.PathLike[str], image: np.ndarray, *, quality: int = 95) -> None:
    """Write a picture atomically, format by extension. Raises UsageError or OutputError; then nothing was changed."""
    atomic_write(path, encode(image, format_for(path), quality=quality))


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Put `data` at `path` such that every reader sees the old file or the whole new one.

    Raises:
        OutputError: it could not be written; the old file, if any, is as it was.
    """
    check_folder(path)
    target = Path(path)
    temporary = target.parent / f".tryon-{secrets.token_hex(8)}.tmp"
    try:
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise OutputError(
            f"{_show(path)} can't be written: {reason}.", "Free space or choose another place."
        ) from error

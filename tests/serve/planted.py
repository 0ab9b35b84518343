"""Photos with planted metadata."""

from __future__ import annotations

import io

from PIL import Image, PngImagePlugin

SECRET = b"PLANTED-SECRET"


def planted(photo: bytes, format: str) -> bytes:
    """The photo with a position, a serial number, a comment and XMP, all of which contain `SECRET`."""
    image = Image.open(io.BytesIO(photo))  # noqa: TID251 - nothing of the code under test
    exif = Image.Exif()
    exif[0x010E] = exif[0xA431] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 14.0), 3: "E", 4: (11.0, 34.0, 31.0), 29: SECRET.decode()})
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
    stream = io.BytesIO()
    if format == "JPEG":
        image.save(stream, "JPEG", exif=exif, comment=SECRET, xmp=xmp, quality=95)
    elif format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET.decode())
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(stream, "PNG", exif=exif, pnginfo=text)
    else:
        image.save(stream, "WEBP", exif=exif, xmp=xmp, lossless=True)
    assert stream.getvalue().count(SECRET) >= 3
    return stream.getvalue()

"""Pictures for the pages: moderately sized WebP, inside the page or beside it."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from urllib.parse import quote

import cv2

from .. import imageio
from ..errors import BadImage, OutputError

#: Longer side, px: enough to judge a picture on a screen, small enough for a page of hundreds.
SIDE = 640
#: A page with more pictures than this (about 10 MB) keeps them in a folder of its own.
INLINE = 400


def thumbnail(path: Path, side: int = SIDE, quality: int = 80) -> bytes | None:
    """A picture file as WebP with at most `side` px; None if there is none or it can't be read."""
    try:
        image = imageio.load(path).image
    except BadImage:
        return None
    scale = side / max(image.shape[:2])
    if scale < 1:
        height, width = (max(1, math.floor(length * scale + 0.5)) for length in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return imageio.encode(image, "WEBP", quality=quality)


def data_uri(webp: bytes) -> str:
    """The picture as an address that holds it."""
    return "data:image/webp;base64," + base64.b64encode(webp).decode()


class Album:
    """Gives each picture file an address for the page: a data URI, or a file in `beside`.

    Args:
        folder: what the paths are relative to.
        beside: folder for the pictures, next to the page; None keeps them in the page.
    """

    def __init__(self, folder: Path, beside: Path | None) -> None:
        self._folder = folder.resolve()
        self._beside = beside
        self._known: dict[str, str | None] = {}

    def address(self, path: str | None) -> str | None:
        """Where the page finds the picture; None if there is no readable picture inside of the folder."""
        if path is None:
            return None
        if path not in self._known:
            self._known[path] = self._make(path)
        return self._known[path]

    def _make(self, path: str) -> str | None:
        source = self._folder / path
        try:
            if not source.resolve().is_relative_to(self._folder):
                return None
        except (OSError, ValueError):
            return None
        webp = thumbnail(source)
        if webp is None:
            return None
        if self._beside is None:
            return data_uri(webp)
        name = f"{len(self._known):06d}.webp"  # not the source's name: that may be anything
        try:
            self._beside.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {self._beside} can't be made.", "Choose another place.") from error
        imageio.atomic_write(self._beside / name, webp)
        return f"{quote(self._beside.name)}/{name}"

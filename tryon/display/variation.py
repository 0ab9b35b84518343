"""The variants of one garment: itself, in other colours, in other cloth."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import imageio
from ..errors import BadImage, UsageError
from ..preprocess.matte import decontaminate
from ..preprocess.worn import reduced
from ..types import Garment
from .cloth import Cloth, study
from .colours import parse_colour
from .fabrics import FABRICS, Material, make_material, seamless
from .material import REPEAT, apply_material
from .recolouring import recolour

#: The garment photo is used at most at this size (longer side, px).
MAX_SIDE = 2000
#: A swatch's longer side, px, at most.
_SWATCH = 1536


@dataclass(frozen=True)
class Variant:
    """One garment among others.

    Args:
        name: for files: lower case letters, digits and dashes, used once.
        label: for people.
        garment: its picture, matte and landmarks.
        settings: `kind` ("original", "colour" or "material") and what it was made with.
    """

    name: str
    label: str
    garment: Garment
    settings: dict[str, Any] = field(default_factory=dict)


def prepared(garment: Garment, max_side: int = MAX_SIDE) -> Garment:
    """The garment at most `max_side` px large, its own colours drawn over the rim of its matte."""
    garment = reduced(garment, max_side)
    return replace(garment, image=decontaminate(garment.image, garment.mask))


def variants(
    garment: Garment,
    *,
    colours: Sequence[str] = (),
    materials: Sequence[str | Material] = (),
    repeat: float | None = None,
    recolour_print: bool = False,
    original: bool = True,
    cloth: Cloth | None = None,
) -> Iterator[Variant]:
    """The garment in each colour and each material, one after the other.

    Args:
        garment: from `TryOn().analyse_garment`; large photos are reduced to `MAX_SIDE`.
        colours: see `parse_colour`.
        materials: see `find_material`.
        repeat: breadth of a swatch or tile as a share of the garment's breadth; None: each material's own.
        recolour_print: give prints the wished hue too.
        original: begin with the garment as it is.
        cloth: what `study` found on the prepared garment, if it is known.

    Raises:
        UsageError, BadImage: before the first variant is made: a colour or a material that can't be used.
    """
    wished = [(text, parse_colour(text)) for text in colours]
    cloths = [m if isinstance(m, Material) else find_material(m) for m in materials]
    if repeat is not None and not 0.005 <= repeat <= 5:
        raise UsageError(f"A repeat of {repeat:g} can't be used.", "Say a share of the garment's breadth, as 0.25.")
    return _made(prepared(garment), wished, cloths, repeat, recolour_print, original, cloth)


def _made(
    garment: Garment,
    wished: list[tuple[str, tuple[int, int, int]]],
    cloths: list[Material],
    repeat: float | None,
    recolour_print: bool,
    original: bool,
    cloth: Cloth | None,
) -> Iterator[Variant]:
    named = Names()
    if original:
        yield Variant(named("original"), "original", garment, {"kind": "original"})
    found = cloth or study(garment.image, garment.mask)
    for text, colour in wished:
        image = recolour(garment.image, garment.mask, colour, recolour_print=recolour_print, cloth=found)
        settings = {"kind": "colour", "colour": "#%02x%02x%02x" % colour, "recolour_print": recolour_print}  # noqa: UP031
        yield Variant(named(f"colour {text}"), text.strip(), replace(garment, image=image), settings)
    for material in cloths:
        made = apply_material(garment, material, repeat=repeat, cloth=found)
        share = material.repeat if repeat is None else repeat
        settings = {"kind": "material", "material": material.name, "repeat": share}
        yield Variant(named(f"material {material.name}"), material.name, made, settings)


class Names:
    """File names from labels: lower case letters, digits and dashes; each once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, label: str) -> str:
        base = name = re.sub("[^a-z0-9]+", "-", label.lower()).strip("-")[:80] or "picture"
        number = 2
        while name in self._used:
            name, number = f"{base}-{number}", number + 1
        self._used.add(name)
        return name


def find_material(text: str) -> Material:
    """A built-in material ("denim", "stripes:navy/white") or a picture of cloth.

    Raises:
        UsageError: neither; BadImage: the picture can't be used. The message names it.
    """
    if text.strip().lower().partition(":")[0] in FABRICS:
        return make_material(text)
    looks_like_a_file = os.sep in text or "." in text or os.path.exists(text)
    if not looks_like_a_file:
        return make_material(text)  # says which there are
    try:
        picture = imageio.load(text).image
    except BadImage as error:
        name = Path(text).name
        raise type(error)(f"The swatch {name[:80]!r} can't be used. {error.message}", error.remedy) from error
    scale = _SWATCH / max(picture.shape[:2])
    if scale < 1:
        size = (max(2, round(picture.shape[1] * scale)), max(2, round(picture.shape[0] * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return Material(Path(text).stem, seamless(picture), REPEAT)


def cut_out(garment: Garment, margin: float = 0.02) -> np.ndarray:
    """The garment alone: uint8 (h, w, 4), transparent outside of its matte, cut to it."""
    alpha = np.rint(np.clip(garment.mask, 0, 1) * 255).astype(np.uint8)
    rows, cols = np.nonzero(alpha)
    pad = round(margin * max(alpha.shape)) if len(rows) else 0
    y0, y1 = (max(0, int(rows.min()) - pad), int(rows.max()) + 1 + pad) if len(rows) else (0, alpha.shape[0])
    x0, x1 = (max(0, int(cols.min()) - pad), int(cols.max()) + 1 + pad) if len(cols) else (0, alpha.shape[1])
    part = np.dstack([garment.image, alpha])[y0:y1, x0:x1]
    part[part[..., 3] == 0] = 0
    return part

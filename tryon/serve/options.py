"""What a request may ask for, from the fields of its form and its Accept header."""

from __future__ import annotations

import math
from typing import Any

from ..console import CATEGORIES
from .problems import Problem

#: Fields that are not pictures.
FIELDS = {"category", "person_box", "hue", "lightness", "bare_neck", "explain", "format"}
MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
JSON = "application/json"
_NAMES = {"png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP"}


def parse_options(values: dict[str, str], format: str = "PNG") -> dict[str, Any]:
    """The model's options. Raises Problem 400 for values that make no sense."""
    category = values.get("category") or "auto"
    if category not in CATEGORIES:
        raise _wrong("category", f"one of {', '.join(CATEGORIES)}")
    wished = values.get("format", "").lower()
    if wished and wished not in _NAMES:
        raise _wrong("format", "png, jpeg or webp")
    return {
        "category": category,
        "person_box": _box(values.get("person_box", "")),
        "hue": _number(values.get("hue", ""), "hue", 0, 360),
        "lightness": _number(values.get("lightness", ""), "lightness", -100, 100) or 0.0,
        "bare_neck": _switch(values, "bare_neck"),
        "explain": _switch(values, "explain"),
        "format": _NAMES[wished] if wished else format,
    }


def _switch(values: dict[str, str], name: str) -> bool:
    value = values.get(name, "").lower()
    if value not in ("", "0", "1", "true", "false"):
        raise _wrong(name, "true or false")
    return value in ("1", "true")


def _number(text: str, name: str, low: float, high: float) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise _wrong(name, f"a number from {low:g} to {high:g}")
    return value


def _box(text: str) -> list[float] | None:
    if not text:
        return None
    corners = [_number(part, "person_box", 0, 1e6) for part in text.split(",")]
    x0, y0, x1, y1 = corners if len(corners) == 4 else (None,) * 4
    if x0 is None or y0 is None or x1 is None or y1 is None or not (x0 < x1 and y0 < y1):
        raise _wrong("person_box", "x0,y0,x1,y1 in pixels with x0 < x1 and y0 < y1")
    return [x0, y0, x1, y1]


def _wrong(name: str, expected: str) -> Problem:
    return Problem(400, "usage", f"The field {name} has a value that makes no sense.", f"Send {expected}.")


def accepted(header: str | None) -> str:
    """What to answer with: a key of `MEDIA`, or "JSON". Raises Problem 406."""
    offers = {media: name for name, media in MEDIA.items()} | {JSON: "JSON"}
    best, best_weight = "", 0.0
    for entry in (header or "*/*").split(","):
        media, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        name = "PNG" if media in ("*/*", "image/*") else offers.get(media, "")
        # a wildcard says less than a name of the same weight
        weight -= 1e-6 if "*" in media else 0.0
        if name and weight > best_weight:
            best, best_weight = name, weight
    if not best:
        raise Problem(
            406, "not_acceptable", "None of the accepted formats can be made.", f"Accept one of {', '.join(offers)}."
        )
    return best

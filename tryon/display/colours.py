"""Colours by name and number."""

from __future__ import annotations

import re

import numpy as np
from PIL import ImageColor

from ..errors import UsageError
from .oklab import to_oklab

#: Names of cloth colours that CSS does not have, or has otherwise than clothes do.
CLOTH_COLOURS = {
    "anthracite": "#383e42", "apricot": "#f2b48c", "blush": "#e3b7b0", "bottle": "#12492f", "brick": "#9c3f2f",
    "burgundy": "#6b1a2c", "camel": "#b98d5b", "charcoal": "#3c4046", "cream": "#f1e8d2", "denim": "#3d5a80",
    "ecru": "#e4dac2", "emerald": "#0f7a4f", "forest": "#24482f", "lilac": "#b9a3cf", "mint": "#a9dcc3",
    "mustard": "#c9962b", "navy": "#1d2747", "ochre": "#bf8630", "olive": "#6b6a36", "petrol": "#155e68",
    "rose": "#d98a95", "rust": "#a4512b", "sage": "#9aa88a", "sand": "#cdb891", "sky": "#8fbfe0", "taupe": "#877a6c",
    "wine": "#5c1f30",
}  # fmt: skip
#: What `--colours N` takes from, most wanted first.
HOUSE = (
    "navy", "white", "#c03030", "black", "forest", "mustard", "sky", "burgundy", "camel", "blush", "petrol", "charcoal",
    "cream", "rust", "lilac", "sage",
)  # fmt: skip


def parse_colour(text: str) -> tuple[int, int, int]:
    """sRGB 0..255 of "#c03030", "#c33", a CSS name, or one of `CLOTH_COLOURS`.

    Raises:
        UsageError: there is no such colour.
    """
    name = text.strip().lower()
    try:
        if name.startswith("#") and not re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", name):
            raise ValueError(name)
        if not name.startswith("#") and not re.fullmatch(r"[a-z]{2,30}", name):
            raise ValueError(name)
        red, green, blue = ImageColor.getrgb(CLOTH_COLOURS.get(name, name))[:3]
    except ValueError:
        shown = "".join(c if c.isprintable() else "?" for c in text[:40])
        raise UsageError(f"{shown!r} is not a colour.", "Say it like #c03030, or by a name such as navy.") from None
    return red, green, blue


def house_colours(count: int, base: np.ndarray) -> list[str]:
    """`count` names of `HOUSE`, without those that look like the garment's own colour.

    Args:
        base: float32 (3,), OKLab, the garment's colour.

    Raises:
        UsageError: there are not so many.
    """
    other = [n for n in HOUSE if np.linalg.norm(to_oklab(np.array(parse_colour(n), np.uint8)) - base) > 0.12]
    if not 1 <= count <= len(other):
        raise UsageError(f"--colours {count} is too many or too few.", f"Say 1 to {len(other)}, or name the colours.")
    return other[:count]

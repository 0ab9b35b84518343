"""Virtual display: one garment in other colours, in other cloth, on several people.

Example:
    >>> from tryon.display import apply_material, make_material, recolour, variants  # doctest: +SKIP
    >>> red = recolour(image, mask, (192, 48, 48))  # doctest: +SKIP
    >>> denim = apply_material(garment, make_material("denim"))  # doctest: +SKIP

Importing the package alone costs little, so that the command line's help stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cloth import Cloth, study
    from .colours import parse_colour
    from .fabrics import Material, make_material
    from .material import apply_material
    from .recolouring import recolour, recoloured
    from .variation import Variant, variants

_WHERE = {
    "Cloth": "cloth",
    "Material": "fabrics",
    "Variant": "variation",
    "apply_material": "material",
    "make_material": "fabrics",
    "parse_colour": "colours",
    "recolour": "recolouring",
    "recoloured": "recolouring",
    "study": "cloth",
    "variants": "variation",
}

__all__ = [
    "Cloth",
    "Material",
    "Variant",
    "apply_material",
    "make_material",
    "parse_colour",
    "recolour",
    "recoloured",
    "study",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)

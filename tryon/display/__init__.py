"""Virtual display: one garment in other colours, in other cloth, on several people.

Example:
    >>> from tryon.display import apply_material, make_material, recolour, variants  # doctest: +SKIP
    >>> red = recolour(image, mask, (192, 48, 48))  # doctest: +SKIP
    >>> denim = apply_material(garment, make_material("denim"))  # doctest: +SKIP
"""

from .cloth import Cloth, study
from .colours import parse_colour
from .fabrics import Material, make_material
from .material import apply_material
from .recolour import recolour, recoloured
from .variants import Variant, variants

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

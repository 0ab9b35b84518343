"""Virtual try-on: a person photo and a garment photo in, the person wearing the garment out.

    from tryon import TryOn
    result = TryOn()("person.jpg", "garment.jpg")

The public names are imported on first use, so that `import tryon` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import TryOnError
    from .pipeline import Result, TryOn

__version__ = "0.1.0"
__all__ = ["Result", "TryOn", "TryOnError", "__version__"]

_LAZY = {"TryOn": "pipeline", "Result": "pipeline", "TryOnError": "errors"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Many try-ons in one go: a grid of people and garments, or a list of pairs, into a folder that can be resumed.

    from tryon.catalog import run
    summary = run("out", persons=["models/"], garments=["garments/"])

Importing this costs little; the networks live in worker processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runner import Summary, run

__all__ = ["Summary", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import runner

    return getattr(runner, name)

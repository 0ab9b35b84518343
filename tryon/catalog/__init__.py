"""Many try-ons in one go: a grid of people and garments, or a list of pairs, into a folder that can be resumed.

    from tryon.catalog import run
    summary = run("out", persons=["models/"], garments=["garments/"])

Importing this costs little; the networks live in worker processes.
"""

from __future__ import annotations

from .run import Summary, run

__all__ = ["Summary", "run"]

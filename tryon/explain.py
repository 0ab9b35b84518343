"""The intermediate results of a try-on, as files."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from . import imageio
from .labels import PALETTE, Label

_NAME = re.compile(r"[a-z0-9_]{1,64}")


def write_explain(folder: Path, explain: dict[str, Any]) -> None:
    """Write each entry as NAME.png (arrays) or NAME.json (records); `parse` as an index PNG with its legend.

    Args:
        folder: an existing folder.
        explain: name -> uint8 (H, W, 3) picture, uint8 (H, W) grey or labels (`parse`), float or bool (H, W) mask in
            [0, 1], or a record for JSON. Names are lower case words.

    Raises:
        OutputError: a file can't be written.
    """
    for name, value in explain.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"explain names are lower case words, got {name!r}")
        if not isinstance(value, np.ndarray):
            imageio.atomic_write(folder / f"{name}.json", _json(value))
        elif name == "parse":
            imageio.atomic_write(folder / "parse.png", imageio.encode_index(value, PALETTE))
            imageio.atomic_write(folder / "parse.json", _json({str(int(label)): label.name.lower() for label in Label}))
        else:
            imageio.save(folder / f"{name}.png", viewable(value))


def plain(value: Any) -> Any:
    """Numpy scalars, arrays, tuples and paths to what JSON knows; numbers that are not finite to null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)


def _json(record: Any) -> bytes:
    return (json.dumps(plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def viewable(array: np.ndarray) -> np.ndarray:
    """A picture or mask as uint8. Masks are rounded up, so that 0 means exactly 0."""
    if array.dtype == np.uint8:
        return array
    if array.ndim == 2:
        return np.ceil(np.clip(np.nan_to_num(array.astype(np.float32)), 0, 1) * 255).astype(np.uint8)
    return np.rint(np.clip(np.nan_to_num(array.astype(np.float32)), 0, 1) * 255).astype(np.uint8)

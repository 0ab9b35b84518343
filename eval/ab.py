"""A page for blind votes between two systems on one results folder.

Which picture is of which system stands in the page only in a sealed form: a glance at the page or its source does not
tell. It is no protection against somebody who takes the page apart.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import random
from pathlib import Path
from typing import Any

from .. import imageio
from ..errors import UsageError
from .report import check_page, fill
from .report_pictures import data_uri, thumbnail
from .results import read_rows

#: Version of the result files.
FORMAT = 1
#: Longer side of the two results, and of person and garment, px.
RESULT_SIDE, INPUT_SIDE = 900, 480


def write_page(folder: Path, out: Path, first: str, second: str, limit: int) -> int:
    """Write the page; returns the number of cases.

    Cases are the pairs of which both systems made a picture, without those where the two files are equal; at most
    `limit` of them, drawn at random with a fixed seed.

    Raises:
        UsageError: no such systems, or nothing to compare; OutputError.
    """
    check_page(out)
    rows = read_rows(folder)
    known = sorted({row["system"] for row in rows})
    for name in (first, second):
        if name not in known:
            raise UsageError(f"There are no results of {name!r}.", f"The folder has: {', '.join(known)}.")
    candidates = _candidates(folder, rows, first, second)
    chooser = random.Random(f"{first}\0{second}")
    if len(candidates) > limit:
        candidates = sorted(chooser.sample(candidates, limit), key=lambda pair: pair[0]["number"])
    cases, sealed = [], []
    for ours, theirs in candidates:
        one, other = (thumbnail(folder / row["pictures"]["result"], RESULT_SIDE, 88) for row in (ours, theirs))
        person = _view(folder, ours["pictures"].get("person"))
        if one is None or other is None or person is None:
            continue
        swapped = chooser.random() < 0.5
        shown = [data_uri(view) for view in ((other, one) if swapped else (one, other))]
        cases.append({"person": person, "garment": _view(folder, ours["pictures"].get("garment")), "results": shown})
        sealed.append({"pair": ours["pair"], "category": ours["category"], "swapped": swapped})
    if not cases:
        raise UsageError("There is nothing to compare.", "Both systems must have made pictures, and different ones.")
    name = hashlib.sha256(json.dumps([first, second, cases]).encode()).hexdigest()[:16]
    secret = {"format": FORMAT, "systems": [first, second], "cases": sealed}
    page = fill("ab", data={"page": name, "cases": cases, "sealed": seal(secret, name)})
    imageio.atomic_write(out, page.encode())
    return len(cases)


def _candidates(
    folder: Path, rows: list[dict[str, Any]], first: str, second: str
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    made = {(row["pair"], row["system"]): row for row in rows if row["status"] == "ok" and row["pictures"]["result"]}
    both = [
        (made[pair, first], made[pair, second]) for pair, system in made if system == first and (pair, second) in made
    ]
    return [pair for pair in both if not _same(*(folder / row["pictures"]["result"] for row in pair))]


def _same(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _view(folder: Path, path: str | None) -> str | None:
    webp = thumbnail(folder / path, INPUT_SIDE) if path else None
    return data_uri(webp) if webp else None


def seal(value: Any, key: str) -> str:
    """JSON, exclusive-or with the repeated key, base64. The page's script does the reverse at the end of the votes."""
    data = json.dumps(value, ensure_ascii=False).encode()
    return base64.b64encode(bytes(a ^ b for a, b in zip(data, itertools.cycle(key.encode())))).decode()

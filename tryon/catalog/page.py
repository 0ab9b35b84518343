"""index.html: one file with style, script and the list of rows; pictures lie beside it and load when they are seen."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from importlib.resources import files
from itertools import islice
from string import Template
from typing import Any

#: Rows and failures that a browser still shows with ease; the lists have all of them.
MOST = 20_000


def make_page(rows: Iterable[dict[str, Any]], failures: Iterable[dict[str, Any]], total: int) -> bytes:
    """The contact sheet.

    Args:
        rows: lines of the manifest; failures: lines of failures.jsonl; of each at most `MOST` are taken.
        total: rows of the whole catalog.
    """
    names = _Numbers()
    made = [_card(row, names) for row in islice(rows, MOST)]
    failed = [
        [f["id"], f["person"], f["garment"], f["code"], f["message"], f["remedy"]] for f in islice(failures, MOST)
    ]
    data = {"photos": names.values, "rows": made, "failures": failed}
    shown = len(made) + len(failed)
    about = f"{len(made)} pictures, {len(failed)} failures."
    if shown < total:
        about += f" {total - shown} of the {total} rows are not on this page: not made yet, or more than it can show."
    folder = files(__package__) / "page_files"
    style, script, template = ((folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html"))
    policy = (
        "default-src 'none'; img-src 'self' file:; base-uri 'none'; form-action 'none'; "
        f"style-src {_digest(style)}; script-src {_digest(script)}"
    )
    text = Template(template).substitute(
        policy=policy, style=style, script=script, about=html.escape(about), data=_json(data)
    )
    return text.encode("utf-8")


def _card(row: dict[str, Any], names: _Numbers) -> list[Any]:
    """What the script reads, in its order."""
    return [
        row["id"],
        names.of(row["person"], row["person_preview"]),
        names.of(row["garment"], row["garment_preview"]),
        f"pictures/{row['out']}",
        row["preview"],
        row["size"],
        row["quality"],
        row["category"],
        [[w["code"], w["message"]] for w in row["warnings"] or ()],
    ]


class _Numbers:
    """Photos by number, since each is on many cards. `values`: [name as given, preview]."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str]] = []
        self._known: dict[tuple[str, str], int] = {}

    def of(self, name: str, preview: str) -> int:
        number = self._known.setdefault((name, preview), len(self.values))
        if number == len(self.values):
            self.values.append((name, preview))
        return number


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(data: Any) -> str:
    """JSON that can't end its script element, whatever the texts are."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

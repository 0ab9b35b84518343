"""The page about a results folder: figures, distributions, pictures. Format of the folder: docs/evaluation.md."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from .. import imageio
from ..errors import UsageError
from .report_pictures import INLINE, Album
from .results import read_rows, read_summary


def write_report(folder: Path, out: Path) -> Path | None:
    """Write the page. Returns the folder of its pictures if they are not inside of the page.

    Raises:
        UsageError: the folder holds no finished evaluation, or `out` is no .html file; OutputError.
    """
    check_page(out)
    rows, summary = read_rows(folder), read_summary(folder)
    names = [system["name"] for system in summary["systems"]]
    rows = [row for row in rows if row["system"] in names]
    beside = out.with_name(out.stem + "_pictures") if _pictures(rows) > INLINE else None
    album = Album(folder, beside)
    data = {"systems": names, "metrics": summary["metrics"], "cases": _cases(rows, album)}
    title = ", ".join(names)
    page = fill(
        "report",
        data=data,
        systems=html.escape(title),
        about=html.escape(f"{title} on {summary['pairs']} pairs, protocol {summary['protocol']}."),
        table=figures(summary),
        note=html.escape(_note(summary)),
        made=html.escape(_made(summary)),
    )
    imageio.atomic_write(out, page.encode())
    return beside


def check_page(out: Path) -> None:
    """Refuse a page's name before anything is computed. Raises UsageError or OutputError."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{out.name!r} is not the name of a page.", "End it in .html.")
    imageio.check_folder(out)


def fill(name: str, data: Any, **texts: str) -> str:
    """A page from its template, style, script and data.

    Args:
        name: of the template in `pages/`.
        data: for the script, as JSON; nothing in it can end the script element.
        texts: HTML for the template's places; the caller has escaped it.
    """
    pages = files(__package__) / "pages"
    style, script = (
        "\n".join((pages / part).read_text(encoding="utf-8") for part in parts)
        for parts in (("base.css", f"{name}.css"), (f"{name}.js",))
    )
    policy = (
        "default-src 'none'; img-src data: blob: 'self' file:; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(style)}; script-src {_hash(script)}"
    )
    template = Template((pages / f"{name}.html").read_text(encoding="utf-8"))
    return template.substitute(texts, data=script_json(data), style=style, script=script, policy=policy)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def script_json(data: Any) -> str:
    """JSON that is safe inside of a script element, whatever the texts are."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _pictures(rows: list[dict[str, Any]]) -> int:
    return len({path for row in rows for kind, path in row["pictures"].items() if path and kind != "mask"})


def _cases(rows: list[dict[str, Any]], album: Album) -> list[dict[str, Any]]:
    cases: dict[str, dict[str, Any]] = {}
    for row in rows:
        case = cases.get(row["pair"])
        if case is None:
            case = cases[row["pair"]] = {
                "id": row["pair"],
                "person_name": row["person"],
                "garment_name": row["garment"],
                "person": album.address(row["pictures"].get("person")),
                "garment": album.address(row["pictures"].get("garment")),
                "results": {},
            }
        case["results"][row["system"]] = {
            "error": row["error"],
            "category": row["category"],
            "warnings": row["warnings"],
            "quality": row["quality"],
            "seconds": row["seconds"],
            "metrics": row["metrics"],
            "picture": album.address(row["pictures"].get("result")),
        }
    return list(cases.values())


def figures(summary: dict[str, Any]) -> str:
    """The table of metrics x systems as HTML."""
    names = [system["name"] for system in summary["systems"]]
    results = summary["results"]
    rows = [_row("pictures made", "", [f"<td>{results[n]['ok']} of {summary['pairs']}</td>" for n in names])]
    if any(results[name]["failures"] for name in names):
        cells = [", ".join(f"{count} {code}" for code, count in results[n]["failures"].items()) or "0" for n in names]
        rows.append(_row("typed failures", "", [f'<td class="none">{html.escape(cell)}</td>' for cell in cells]))
    for metric, about in summary["metrics"].items():
        values = [results[name]["means"].get(metric) for name in names]
        if any(value and value["n"] for value in values):
            changes = [summary["differences"].get(name, {}).get(metric) for name in names]
            rows.append(_metric_row(about, values, changes))
    for metric, about in summary["set_metrics"].items():
        sets = [summary["sets"].get(name, {}).get(metric) for name in names]
        values = [entry and "value" in entry and {**entry, "mean": entry["value"]} for entry in sets]
        rows.append(_metric_row(about, values, [None] * len(names), [e and e.get("unavailable") for e in sets]))
    seconds = [results[name].get("seconds") for name in names]
    if any(seconds):
        texts = [_time(entry) for entry in seconds]
        rows.append(_row("time per pair", "s, median", [f"<td>{text}</td>" for text in texts]))
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
    return f'<table><thead><tr><th scope="col">metric</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _time(seconds: dict[str, Any] | None) -> str:
    if not seconds:
        return "–"
    return f'{number(seconds["median"])}<span class="interval">90 % under {number(seconds["p90"])}</span>'


def _row(label: str, unit: str, cells: list[str], title: str = "") -> str:
    unit = f' <span class="unit">{html.escape(unit)}</span>' if unit else ""
    return f'<tr><th scope="row" title="{html.escape(title)}">{html.escape(label)}{unit}</th>{"".join(cells)}</tr>'


def _metric_row(about: dict[str, Any], values: list[Any], changes: list[Any], absent: list[Any] | None = None) -> str:
    arrow = "↓" if about["better"] == "lower" else "↑"
    sign = 1 if about["better"] == "lower" else -1
    shown = [sign * value["mean"] for value in values if value and value.get("mean") is not None]
    cells = []
    for i, (value, change) in enumerate(zip(values, changes, strict=True)):
        if not value or value.get("mean") is None:
            cells.append(f'<td class="none">{html.escape((absent and absent[i]) or "–")}</td>')
            continue
        best = len(shown) > 1 and sign * value["mean"] == min(shown) and min(shown) < max(shown)
        text = number(value["mean"]) + _against_first(change, sign)
        if value.get("low") is not None and value.get("high") is not None:
            text += f'<span class="interval">{number(value["low"])} to {number(value["high"])}</span>'
        cells.append(f'<td class="best">{text}</td>' if best else f"<td>{text}</td>")
    return _row(about["label"], f"{about.get('unit', '')} {arrow}".strip(), cells, about.get("about", ""))


def _against_first(change: dict[str, Any] | None, sign: int) -> str:
    """A mark where the interval of the difference to the first system excludes 0."""
    if not change or change.get("low") is None or change["low"] <= 0 <= change["high"]:
        return ""
    better = sign * change["mean"] < 0
    word, mark = ("better", "▲") if better else ("worse", "▼")
    return f' <span class="{word}" title="{word} than the first system">{mark}</span>'


def number(value: float | None) -> str:
    """Three significant digits."""
    if value is None:
        return "–"
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.3g}'):g}"


def _note(summary: dict[str, Any]) -> str:
    level = summary["bootstrap"].get("level", 0.95)
    first = summary["systems"][0]["name"]
    marks = f" ▲ ▼: better or worse than {first}, the interval of the differences pair by pair excludes 0."
    return (
        f"Means over the {summary['compared']} pairs of which every system made a picture, with {level:.0%} intervals "
        "(bootstrap over pairs). ↓ lower is better, ↑ higher is better, ★ the best mean."
        + (marks if len(summary["systems"]) > 1 else "")
    )


def _made(summary: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    machine = ", ".join(f"{name} {value}" for name, value in summary["machine"].items())
    return f"Measured {summary['created']}. {versions}. {machine}."

"""From rows to the summary and its table. Formats in docs/evaluation.md."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from . import intervals
from .metrics import Metric
from .report import number

_LIBRARIES = (
    "numpy", "pillow", "opencv-contrib-python", "mediapipe", "onnxruntime", "scikit-image",
    "torch", "torchvision", "torchmetrics", "lpips", "clean-fid",
)  # fmt: skip

Rows = dict[tuple[str, str], dict[str, Any]]


def compared(rows: Rows, pairs: Sequence[str], systems: Sequence[str]) -> list[str]:
    """The pairs of which every system made a picture."""
    return [pair for pair in pairs if all(rows[pair, system]["status"] == "ok" for system in systems)]


def figures(rows: Rows, pairs: Sequence[str], systems: Sequence[str], metrics: dict[str, Metric]) -> dict[str, Any]:
    """`compared`, `results` and `differences` of the summary.

    A metric counts on the pairs for which every system has a value, so that means can be compared.

    Args:
        rows: by pair and system, complete.
    """
    both = compared(rows, pairs, systems)
    first = [rows[pair, systems[0]] for pair in pairs]
    results = {system: _outcome([rows[pair, system] for pair in pairs], first) for system in systems}
    differences: dict[str, dict[str, Any]] = {system: {} for system in systems[1:]}
    for metric in metrics:
        table = [[rows[pair, system]["metrics"].get(metric) for system in systems] for pair in both]
        kept = [i for i, line in enumerate(table) if all(value is not None for value in line)]
        values = np.array([table[i] for i in kept], np.float64).reshape(len(kept), len(systems))
        people = [rows[both[i], systems[0]]["person"] for i in kept]
        for column, system in enumerate(systems):
            results[system]["means"][metric] = intervals.mean(values[:, column].tolist(), people)
            if column:
                change = (values[:, column] - values[:, 0]).tolist()
                differences[system][metric] = intervals.mean(change, people)
    return {"compared": len(both), "results": results, "differences": differences}


def _outcome(rows: list[dict[str, Any]], first: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and times; `first` are the rows of the first system, to which times are set in relation, pair by pair."""
    failures = Counter(row["error"]["code"] for row in rows if row["error"])
    seconds = [row["seconds"] for row in rows if row["status"] == "ok" and row["seconds"] is not None]
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(rows, first, strict=True) if a["seconds"] and b["seconds"]]
    time: dict[str, float | None] | None = None
    if seconds:
        time = {"median": float(np.median(seconds)), "p90": float(np.percentile(seconds, 90))}
        time["ratio"] = float(np.median(ratios)) if ratios else None
    made = len(rows) - failures.total()
    return {"ok": made, "failed": failures.total(), "failures": dict(failures), "means": {}, "seconds": time}


def markdown(summary: dict[str, Any]) -> str:
    """The table of metrics x systems, with a line of explanation."""
    names = [system["name"] for system in summary["systems"]]
    results = summary["results"]
    lines = [f"| {summary['protocol']}, {summary['pairs']} pairs | " + " | ".join(map(_cell, names)) + " |"]
    lines.append("| --- |" + " ---: |" * len(names))
    lines.append("| pictures made |" + "".join(f" {results[name]['ok']} |" for name in names))
    if any(results[name]["failures"] for name in names):
        cells = [", ".join(f"{n} {code}" for code, n in results[name]["failures"].items()) or "0" for name in names]
        lines.append("| failures |" + "".join(f" {_cell(cell)} |" for cell in cells))
    for metric, about in summary["metrics"].items():
        values = [results[name]["means"].get(metric) for name in names]
        if any(value and value["n"] for value in values):
            changes = [summary["differences"].get(name, {}).get(metric) for name in names]
            few = values[0]["n"] if values[0]["n"] < summary["compared"] else None
            lines.append(_line(about, few, [_value(v, c, about) for v, c in zip(values, changes, strict=True)]))
    for metric, about in summary["set_metrics"].items():
        cells = [_set_value(summary["sets"].get(name, {}).get(metric)) for name in names]
        lines.append(_line(about, None, cells))
    times = [results[name]["seconds"] for name in names]
    if any(times):
        label = f"time, analysis included, ratio to {_cell(names[0])}"
        lines.append(f"| {label} |" + "".join(f" {number(t.get('ratio')) if t else '–'} |" for t in times))
    return "\n".join([*lines, "", _note(summary, names[0])]) + "\n"


def _line(about: dict[str, Any], few: int | None, cells: list[str]) -> str:
    arrow = "↓" if about["better"] == "lower" else "↑"
    label = about["label"] + (f", {about['unit']}" if about.get("unit") else "")
    return f"| {_cell(label)} {arrow}{f' ({few} pairs)' if few is not None else ''} | " + " | ".join(cells) + " |"


def _value(value: dict[str, Any] | None, change: dict[str, Any] | None, about: dict[str, Any]) -> str:
    if not value or value["mean"] is None:
        return "–"
    text = number(value["mean"])
    if value["low"] is not None:
        text += f" ({number(value['low'])} to {number(value['high'])})"
    if change and change["low"] is not None and not change["low"] <= 0 <= change["high"]:
        text += " ▲" if (change["mean"] < 0) == (about["better"] == "lower") else " ▼"
    return text


def _set_value(value: dict[str, Any] | None) -> str:
    if not value or "value" not in value:
        return "unavailable"
    interval = "" if value["low"] is None else f" ({number(value['low'])} to {number(value['high'])})"
    return number(value["value"]) + interval


def _note(summary: dict[str, Any], first: str) -> str:
    level = summary["bootstrap"]["level"]
    text = (
        f"Means over the {summary['compared']} pairs of which every system made a picture (where the line says fewer, "
        f"over those with a value in every system), with {level:.0%} bootstrap intervals over people. "
        "↓ lower is better, ↑ higher is better."
    )
    text += f" Peak memory of the run: {number(summary['peak_rss_mb'])} MB."
    if len(summary["systems"]) > 1:
        text += f" ▲ better, ▼ worse than {first}: the interval of the differences pair by pair excludes 0."
    reasons = {e["unavailable"] for of in summary["sets"].values() for e in of.values() if "unavailable" in e}
    reasons |= set(summary["unavailable"].values())
    if reasons:
        text += " Unavailable: " + "; ".join(sorted(reasons)) + "."
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def versions() -> dict[str, str]:
    """The libraries that the figures depend on."""
    found = {"tryon": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Where it was measured."""
    processor, memory = platform.processor() or platform.machine(), None
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
        memory = round(int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1]) / 2**20)
    except (OSError, ValueError, IndexError):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": processor, "cores": cores, "memory_gb": memory, "system": platform.system()}

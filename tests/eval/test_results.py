"""The output folder: what is written is read again; torn lines, foreign formats and second runs are handled."""

from __future__ import annotations

import json
from pathlib import Path

import drawn_results
import pytest
from tryon.eval.results import ROWS, SUMMARY, RowWriter, exclusive, read_rows, read_summary

from tryon.errors import OutputError, UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_results.make(tmp_path_factory.mktemp("results"))


def copy_rows(folder: Path, to: Path) -> bytes:
    data = (folder / ROWS).read_bytes()
    (to / ROWS).write_bytes(data)
    return data


def test_reads_what_was_written(folder: Path) -> None:
    rows = read_rows(folder)
    assert [(r["number"], r["system"]) for r in rows] == [(n, s) for n in range(6) for s in ("geometric", "onnx")]
    assert [r["number"] for r in rows if r["status"] == "error"] == [4, 4]
    for row in rows:
        for path in row["pictures"].values():
            assert path is None or (folder / path).is_file()
    summary = read_summary(folder)
    assert summary["compared"] == 5 and set(summary["results"]) == {"geometric", "onnx"}


def test_the_last_row_counts(folder: Path, tmp_path: Path) -> None:
    copy_rows(folder, tmp_path)
    changed = {**read_rows(folder)[3], "quality": 0.125}
    with RowWriter(tmp_path) as writer:
        writer.add(changed)
    rows = read_rows(tmp_path)
    assert len(rows) == 12 and rows[3]["quality"] == 0.125


def test_a_torn_line_is_dropped_and_repaired(folder: Path, tmp_path: Path) -> None:
    data = copy_rows(folder, tmp_path)
    (tmp_path / ROWS).write_bytes(data[:-40])
    assert len(read_rows(tmp_path)) == 11
    with RowWriter(tmp_path) as writer:
        writer.add(read_rows(folder)[-1])
    assert (tmp_path / ROWS).read_bytes().count(b"\n") == 12
    assert len(read_rows(tmp_path)) == 12


def test_damage_is_named(folder: Path, tmp_path: Path) -> None:
    data = copy_rows(folder, tmp_path)
    (tmp_path / ROWS).write_bytes(b"[1]\n" + data)
    with pytest.raises(UsageError, match="Line 1 of"):
        read_rows(tmp_path)
    with pytest.raises(UsageError, match="no results"):
        read_rows(tmp_path / "nowhere")


def test_a_row_outside_of_the_format_is_refused(folder: Path, tmp_path: Path) -> None:
    row = read_rows(folder)[0]
    with RowWriter(tmp_path) as writer:
        for bad in ({**row, "extra": 1}, {**row, "pair": None}, {**row, "status": "error"}):
            with pytest.raises(ValueError):
                writer.add(bad)


def test_a_summary_of_another_format_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no summary"):
        read_summary(tmp_path)
    summary = json.loads((folder / SUMMARY).read_text())
    (tmp_path / SUMMARY).write_text(json.dumps({**summary, "format": 99}))
    with pytest.raises(UsageError, match="another format"):
        read_summary(tmp_path)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with exclusive(tmp_path / "out"), pytest.raises(OutputError, match="Another run"), exclusive(tmp_path / "out"):
        pass
    with exclusive(tmp_path / "out"):
        pass

"""The command line of catalogs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_try_on
import pytest

from tryon import cli
from tryon.catalog import command
from tryon.catalog.store import Store


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a module among the photos that no worker may import."""
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    for kind, seed in (("p", 1), ("g", 2), ("h", 3)):
        (tmp_path / f"{kind}.png").write_bytes(fake_try_on.photo(seed))
    monkeypatch.chdir(tmp_path)
    previous = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, previous)


def _start(*arguments: str) -> list[str]:
    return ["catalog", "--out", "out", "--workers", "1", "--try-on", fake_try_on.MAKER, *arguments]


@pytest.mark.timeout(120)
def test_exit_codes_and_one_line_each(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "pairs.csv").write_text("person,garment\np.png,g.png\np.png,none.png\n")
    assert cli.main(_start("--pairs", "pairs.csv")) == 5
    out, err = capsys.readouterr()
    assert out.startswith("2 rows: 1 made, 0 there already, 1 failed (1 bad_image); see ") and out.count("\n") == 1
    assert "failures.jsonl" in err and err.count("\n") == 1
    assert cli.main(_start("--persons", "p.png", "--garments", "g.png", "h.png")) == 0
    out, err = capsys.readouterr()
    assert out.startswith("2 rows: 1 made, 1 there already, 0 failed; see ") and err == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("--persons", "p.png"), 2),
        (("--persons", "p.png", "--garments", "g.png", "--pairs", "x.csv"), 2),
        (("--persons", "p.png", "--garments", "g.png", "--workers", "0"), 2),
        (("--persons", "p.png", "--garments", "g.png", "--row-timeout", "nan"), 2),
        (("--persons", "p.png", "--garments", "g.png", "--format", "gif"), 2),
        (("--persons", "nobody.png", "--garments", "g.png"), 3),
        (("--pairs", "nothing.csv"), 3),
    ],
)
def test_wrong_arguments_are_one_line(
    photos: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int
) -> None:
    assert cli.main(_start(*arguments)) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("tryon: error: ") and err.count("\n") == 1
    assert not (photos / "out").exists()


def test_a_folder_in_use_is_3(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store("out")
    assert cli.main(_start("--persons", "p.png", "--garments", "g.png")) == 3
    store.close()
    assert "Another run works in" in capsys.readouterr().err


@pytest.mark.timeout(300)
def test_a_run_that_is_told_to_stop_writes_its_lists(photos: Path) -> None:
    for seed in range(30):
        (photos / f"more{seed}.png").write_bytes(fake_try_on.photo(100 + seed))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), fake_try_on.DELAY: "0.2"}
    arguments = _start("--no-progress", "--persons", "p.png", "--garments", "more*.png")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tryon", *arguments],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while len(list(photos.glob("out/pictures/*.png"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 130 and err.splitlines() == ["tryon: interrupted"]
    listed = [json.loads(line)["out"] for line in (photos / "out" / "manifest.jsonl").read_text().splitlines()]
    there = [path.name for path in (photos / "out" / "pictures").iterdir()]
    assert 3 <= len(listed) < 30 and set(listed) <= set(there)
    assert b"rows are not on this page" in (photos / "out" / "index.html").read_bytes()


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_progress_without_a_terminal_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = _Clock()
    monkeypatch.setattr(command, "time", clock)
    progress = command._Progress(silent=False)
    progress(40, 2, 200)
    for step in range(1, 11):
        clock.now += 6
        progress(40 + 3 * step, 2 + step // 5, 200)
    progress.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "tryon: 58 of 200 rows, 3 failed, 0.53 rows/s, 266 s to go",
        "tryon: 74 of 200 rows, 4 failed, 0.53 rows/s, 236 s to go",
    ]


def test_progress_on_a_terminal_has_rate_and_time_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        text = ""

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            self.text += text
            return len(text)

        def flush(self) -> None:
            pass

    terminal: Any = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = command._Progress(silent=False)
    progress(10, 1, 20)
    time.sleep(0.15)
    progress(13, 2, 20)
    progress.close()
    assert "15/20" in terminal.text and "rows/s" in terminal.text and "failed=2" in terminal.text

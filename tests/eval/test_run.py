"""`tryon eval` as a whole, on pictures made elsewhere: known answers, resuming, memory, what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import drawn_results
import numpy as np
import pytest
from tryon.eval.results import ROWS, SUMMARY, read_rows, read_summary
from tryon.eval.table_command import markers

from tryon import imageio
from tryon.cli import main
from tryon.errors import NoPerson

pytest.importorskip("skimage")
pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(1200)]


def drawn(number: int, rng: np.random.Generator) -> np.ndarray:
    """A figure in a top of its own, with texture: uint8 (160, 120, 3)."""
    image = drawn_results.draw(number).astype(int)
    image[50:108, 38:82] += rng.integers(-40, 41, (58, 44, 1))
    return np.clip(image + rng.integers(-8, 9, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """persons/, garments/ and folders of pictures by other systems: equal, shifted, blurred, shuffled."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(1)
    names = ("persons", "garments", "same", "shift1", "shift6", "blur", "blurmore", "shuffled", "gaps", "wide")
    for name in names:
        (root / name).mkdir()
    people = [drawn(number, rng) for number in range(12)]
    for number, person in enumerate(people):
        file = f"p{number:02d}.png"
        made = {
            "persons": person,
            "garments": person[40:115, 25:95],
            "same": person,
            "shift1": np.roll(person, 1, 1),
            "shift6": np.roll(person, 6, 1),
            "blur": cv2.GaussianBlur(person, (0, 0), 0.8),
            "blurmore": cv2.GaussianBlur(person, (0, 0), 2.5),
            "shuffled": people[(number + 5) % len(people)],
            "gaps": person,
            "wide": np.hstack([person, person]) if number == 3 else cv2.resize(person, (240, 320)),
        }
        for name, image in made.items():
            if name != "gaps" or number != 3:
                imageio.save(root / name / file, image)
    return root


@pytest.fixture
def no_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysis finds nobody and costs nothing: pictures made elsewhere are measured all the same."""

    class Nobody:
        people = garments = None
        engine: Any = None

        def __init__(self, **options: Any) -> None: ...

        def analyse_person(self, image: np.ndarray) -> None:
            raise NoPerson("Nobody.", "Draw better.")

    monkeypatch.setattr("tryon.eval.case.TryOn", Nobody)


def arguments(photos: Path, out: Path, systems: str, *more: str) -> list[str]:
    named = ",".join(f"{name}={photos / name}" for name in systems.split(","))
    return [
        "eval", "--protocol", "paired", "--persons", str(photos / "persons"), "--garments", str(photos / "garments"),
        "--systems", named, "--out", str(out), *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    net = mobilenet_v2()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        net.features(torch.randn(4, 3, 96, 96))
    path = tmp_path_factory.mktemp("backbone") / "net.safetensors"
    save_file(net.state_dict(), path)
    return path


@pytest.mark.usefixtures("no_people")
def test_known_answers_come_in_order(photos: Path, tmp_path: Path, backbone: Path) -> None:
    systems = "same,shift1,shift6,blur,blurmore,shuffled"
    assert main(arguments(photos, tmp_path, systems, "--backbone", str(backbone))) == 0
    summary = read_summary(tmp_path)
    assert summary["pairs"] == summary["compared"] == 12

    def mean(system: str, metric: str) -> float:
        return summary["results"][system]["means"][metric]["mean"]

    assert mean("same", "ssim") == pytest.approx(1, abs=1e-6) and mean("same", "psnr") == 100
    assert mean("same", "features") == 0
    for series in (("same", "shift1", "shift6"), ("same", "blur", "blurmore"), ("same", "blur", "shuffled")):
        for metric, sign in (("ssim", -1), ("psnr", -1), ("features", 1)):
            values = [sign * mean(system, metric) for system in series]
            assert values == sorted(values) and len(set(values)) == 3, (series, metric)
    for system in systems.split(",")[1:]:  # each is worse than the equal pictures, on every pair
        change = summary["differences"][system]["ssim"]
        assert change["low"] <= change["mean"] <= change["high"] < 0
    sets = {system: summary["sets"][system]["features_mmd"]["value"] for system in systems.split(",")}
    assert sets["same"] == pytest.approx(0, abs=1e-6)
    assert sets["shuffled"] <= 0 < sets["blur"] < sets["blurmore"], "a set has no order"
    for system in systems.split(","):
        assert "--inception" in summary["sets"][system]["fid"]["unavailable"]
    assert summary["unavailable"]["lpips"].startswith("LPIPS: ")
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| SSIM ↑ | 1 (1 to 1) |" in table and " ▼ |" in table and "Unavailable: LPIPS" in table


@pytest.mark.usefixtures("no_people")
def test_failures_are_rows_and_do_not_count_in_means(photos: Path, tmp_path: Path) -> None:
    assert main(arguments(photos, tmp_path, "same,gaps,wide")) == 0
    rows = {(row["pair"], row["system"]): row for row in read_rows(tmp_path)}
    assert rows["p03", "gaps"]["error"]["code"] == "missing_picture"
    assert rows["p03", "wide"]["error"]["code"] == "wrong_shape"
    assert rows["p04", "wide"]["warnings"] == ["resized"]
    summary = read_summary(tmp_path)
    assert summary["compared"] == 11 and summary["results"]["gaps"]["failures"] == {"missing_picture": 1}
    assert summary["results"]["same"]["ok"] == 12 and summary["results"]["same"]["means"]["ssim"]["n"] == 11
    assert summary["results"]["same"]["means"]["pose_drift"]["n"] == 0, "nobody was found: no drift, not a drift of 0"


@pytest.mark.usefixtures("no_people")
def test_only_what_changed_is_measured_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tryon.eval.run import _Run

    measured: list[tuple[str, str]] = []
    measure = _Run._row

    def watched(self: _Run, case: Any, system: Any, checker: Any) -> dict[str, Any]:
        measured.append((case.pair.person_name, system.name))
        return measure(self, case, system, checker)

    monkeypatch.setattr(_Run, "_row", watched)
    copy = tmp_path / "blur"
    copy.mkdir()
    for file in (photos / "blur").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    command = arguments(photos, tmp_path / "out", "same", "--limit", "6")
    assert main(command) == 0 and len(measured) == 6
    assert "6/6" in capfd.readouterr().err, "there is a progress bar"
    before = (tmp_path / "out" / ROWS).read_bytes()
    measured.clear()
    assert main(command) == 0 and measured == []
    assert (tmp_path / "out" / ROWS).read_bytes() == before
    command[command.index("--systems") + 1] += f",blur={copy}"
    assert main([part for part in command if part not in ("--limit", "6")]) == 0
    assert len(measured) == 6 + 12, "more pairs, and a further system"
    measured.clear()
    (copy / "p02.png").write_bytes((photos / "blurmore" / "p02.png").read_bytes())
    (tmp_path / "out" / "pictures" / "same" / "p05.png").unlink()
    assert main([part for part in command if part not in ("--limit", "6")]) == 0
    assert sorted(measured) == [("p02.png", "blur"), ("p05.png", "same")]
    assert main(command) == 2, "a smaller list does not fit the folder"
    assert "6 pairs that are not in this run" in capfd.readouterr().err


@pytest.mark.usefixtures("no_people")
def test_a_bug_ends_its_row_only(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tryon.eval.systems import FolderSystem

    infer = FolderSystem.infer

    def broken(self: FolderSystem, case: Any) -> Any:
        if case.pair.person_name == "p01.png":
            raise IndexError("oops")
        return infer(self, case)

    monkeypatch.setattr(FolderSystem, "infer", broken)
    assert main(arguments(photos, tmp_path, "same", "--limit", "3")) == 0
    rows = read_rows(tmp_path)
    assert [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert rows[1]["error"]["code"] == "unexpected" and "IndexError" in rows[1]["error"]["message"]


_CHILD = """
import sys, time
from tryon.cli import main
from tryon.errors import NoPerson
from tryon.eval import case, run

class Nobody:
    people = garments = None
    def __init__(self, **options): pass
    def analyse_person(self, image): raise NoPerson("Nobody.", "Draw better.")

case.TryOn = Nobody
run.code_digest = lambda: "code"  # the sources may be edited while this runs
row = run._Run._row
def slow(self, *rest):
    time.sleep(float(sys.argv[1]))
    return row(self, *rest)
run._Run._row = slow
sys.exit(main(sys.argv[2:]))
"""


def test_a_killed_run_goes_on(photos: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle, three times; the result is that of a run that was left alone."""
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    child = [sys.executable, "-c", _CHILD]
    subprocess.run([*child, "0", *arguments(photos, whole, "same,blur")], check=True, capture_output=True)
    counts = []
    for _ in range(3):
        process = subprocess.Popen(
            [*child, "0.2", *arguments(photos, torn, "same,blur")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        start, before = time.monotonic(), counts[-1] if counts else 0
        while time.monotonic() - start < 600:
            lines = (torn / ROWS).read_bytes().count(b"\n") if (torn / ROWS).exists() else 0
            if lines >= before + 3:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counts.append((torn / ROWS).read_bytes().count(b"\n"))
        assert not (torn / SUMMARY).exists()
    assert 0 < counts[0] < counts[1] < counts[2] < 24
    subprocess.run([*child, "0", *arguments(photos, torn, "same,blur")], check=True, capture_output=True)
    assert (torn / ROWS).read_bytes().count(b"\n") == 24, "no row was measured twice"

    def comparable(folder: Path) -> list[dict[str, Any]]:
        return [{k: v for k, v in row.items() if k != "rss_mb"} for row in read_rows(folder)]

    assert comparable(torn) == comparable(whole)
    first, second = read_summary(whole), read_summary(torn)
    assert first["results"] == second["results"] and first["differences"] == second["differences"]


@pytest.mark.usefixtures("no_people")
def test_memory_does_not_grow_with_the_number_of_results(photos: Path, tmp_path: Path) -> None:
    listing = tmp_path / "pairs.csv"
    lines = [f"{n},p{n % 12:02d},p{n % 12:02d}" for n in range(60)]
    listing.write_text("id,person,garment\n" + "\n".join(lines) + "\n")
    made = tmp_path / "made"
    made.mkdir()
    for n in range(60):
        os.link(photos / "blur" / f"p{n % 12:02d}.png", made / f"{n}.png")
    command = arguments(photos, tmp_path / "out", "same", "--pairs", str(listing))
    command[command.index("--systems") + 1] = f"a={made},b={made}"
    assert main(command) == 0
    memory = [row["rss_mb"] for row in read_rows(tmp_path / "out")]
    assert len(memory) == 120 and memory[-1] < memory[29] + 25, "MB, after 30 and after 120 results"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--systems", "nothing"], "There is no system 'nothing'"),
        (["--systems", "a=nowhere"], "There is no file or folder nowhere"),
        (["--systems", "geometric,geometric"], "named twice"),
        (["--systems", "person=onnx"], "can't name a system"),
        (["--where", "set=core"], "--where needs --pairs"),
        (["--persons", "nowhere"], "There is no folder nowhere"),
        (["--limit", "0"], "not a number from 1"),
        (["--protocol", "self"], "needs no garments"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_computed(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], says: str
) -> None:
    assert main([*arguments(photos, tmp_path / "out", "same"), *change]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_table_goes_between_its_markers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = drawn_results.make(tmp_path / "results")
    begin, end = markers("drawn")
    page = tmp_path / "README.md"
    page.write_text(f"# Before\n\n{begin}\nold\n{end}\n\nafter\n", encoding="utf-8")
    command = ["eval", "table", str(folder), "--into", str(page), "--name", "drawn"]
    assert main(command) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# Before\n\n{begin}\n\n| unpaired, 6 pairs | geometric | onnx |") and "old" not in text
    assert text.endswith(f"\n\n{end}\n\nafter\n")
    assert main(command) == 0 and page.read_text(encoding="utf-8") == text
    capsys.readouterr()
    assert main(["eval", "table", str(folder)]) == 0
    assert capsys.readouterr().out.strip() in text
    page.write_text("nothing")
    assert main(command) == 2 and page.read_text() == "nothing"

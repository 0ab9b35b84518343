"""The benchmark script: what it computes from measurements, and one short real run."""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
from pathlib import Path
from types import ModuleType

import pytest

_SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "benchmark.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_script", _SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _call(wall: float) -> dict:
    stages = {"person": wall * 0.75, "render": wall * 0.25}
    return {
        "wall": wall,
        "cpu": wall,
        "ms": stages,
        "peak": dict.fromkeys(stages, 300.0),
        "before": dict.fromkeys(stages, 260.0),
    }


def _setup(module: ModuleType, engine: str, threads: int, walls: list[float]) -> object:
    return module.Setup(
        engine,
        threads,
        {"import": 500.0, "make": 20.0, "rss": 200.0},
        [{"wall": walls[0] * 4, "cpu": 1.0, "peak": 590.0}],
        _call(walls[0] * 2),
        [_call(wall) for wall in walls],
    )


def test_a_ratio_compares_within_rounds(benchmark: ModuleType) -> None:
    """The machine was three times slower in the second round: the ratio does not notice."""
    fast, slow = (
        [{"wall": 100.0}, {"wall": 300.0}, {"wall": 100.0}],
        [{"wall": 150.0}, {"wall": 450.0}, {"wall": 160.0}],
    )
    assert benchmark.ratio(slow, fast, "wall") == pytest.approx(1.5)


def test_the_page_has_every_figure(benchmark: ModuleType) -> None:
    setups = [_setup(benchmark, "geometric", 1, [100.0, 110.0]), _setup(benchmark, "onnx", 1, [200.0, 220.0])]
    grids = [benchmark.Grid(1, 200.0, 150.0, 200.0), benchmark.Grid(4, 1600.0, 600.0, 200.0)]
    page = benchmark.render(setups, grids, ["torch, which is not installed"], [("processor", "Some CPU")])
    assert "- processor: Some CPU" in page and "Not measured: torch, which is not installed." in page
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    assert ["onnx, 1", "800", "1", "2.00", "590"] in rows  # cold
    assert ["onnx, 1", "500 + 20", "400", "210 (200 to 220)", "210", "2.00", "1.00", "300"] in rows  # warm
    assert ["person", "300", "158", "75 %", "300 (+40)", "+40"] in rows  # a stage
    assert ["4 x 4", "16", "100", "0.50", "0.31", "200"] in rows  # 16 pairs in the time of 8 lone calls


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="no Linux: peaks can't be reset")
def test_a_peak_belongs_to_its_stage(benchmark: ModuleType) -> None:
    block = bytearray(200 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    del block
    assert benchmark.memory("VmHWM") > benchmark.memory("VmRSS") + 100
    benchmark._forget_peak()
    assert benchmark.memory("VmHWM") < benchmark.memory("VmRSS") + 20


def test_machine_and_versions_are_written_in(benchmark: ModuleType) -> None:
    facts = dict(benchmark.machine())
    assert "cores usable" in facts["processor"] and "onnxruntime" in facts["libraries"]


def test_the_measured_process_knows_stages_and_grids(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from tryon import pipeline

    monkeypatch.setattr(pipeline, "_Clock", pipeline._Clock)  # put back afterwards
    ours, theirs = multiprocessing.Pipe()
    for command in ("call", ("grid", 1), None):
        ours.send(command)
    benchmark.work(theirs, "geometric", 1)
    start, call, grid = ours.recv(), ours.recv(), ours.recv()
    assert start["rss"] > 50
    assert set(call["ms"]) == set(call["peak"]) == {"decode", "person", "garment", "geometry", "render", "compose"}
    assert all(call["peak"][stage] >= call["before"][stage] > 50 for stage in call["peak"])
    assert sum(call["ms"].values()) < call["wall"] * 1.01
    assert 0 < grid["analyse"] < grid["wall"]

"""Speed and memory of the engines on this machine, written to docs/benchmarks.md.

    python scripts/benchmark.py [--out docs/benchmarks.md] [--rounds 9] [--engines geometric,onnx,torch] [--threads 1,2]

Every engine x threads has a process of its own, and the rounds go through these processes in turn, so that a machine
that slows down for a while slows all of them: a ratio is the median over rounds of the ratios within a round. Peak
memory is the kernel's high-water mark, reset before each stage (Linux). Pictures: the demo pictures of the repository.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
PERSON, GARMENT = _ROOT / "assets" / "demo" / "person.png", _ROOT / "assets" / "demo" / "garment.jpg"
_LIBRARIES = ("tryon", "numpy", "pillow", "opencv-contrib-python", "mediapipe", "onnxruntime", "torch")
#: Instruction sets that decide how fast the networks run.
_FLAGS = ("avx2", "f16c", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "amx_int8")
_WARM_UP = 2


@dataclass
class Setup:
    """One engine with one number of threads, and what was measured of it.

    Each call is {"wall", "cpu": ms; "ms": {stage: ms}, "peak", "before": {stage: MB}}.
    """

    engine: str
    threads: int
    start: dict[str, float] = field(default_factory=dict)
    cold: list[dict[str, float]] = field(default_factory=list)
    first: dict[str, Any] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Grid:
    """n persons x n garments, each analysed once: ms of the whole grid, and of a lone warm call just before."""

    n: int
    grid_ms: float
    analyse_ms: float
    lone_ms: float


def memory(key: str) -> float:
    """VmRSS or VmHWM of this process in MB; nan where the system does not tell."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return float("nan")


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def work(pipe: Connection, engine: str, threads: int) -> None:
    """The measured process: answers "call" and ("grid", n) until it gets None."""
    start = time.perf_counter()
    from tryon import pipeline

    imported = time.perf_counter()
    peaks: dict[str, float] = {}
    before: dict[str, float] = {}

    class Clock(pipeline._Clock):
        @contextmanager
        def __call__(self, stage: str) -> Any:
            _forget_peak()
            rss = memory("VmRSS")
            with super().__call__(stage):
                yield
            if memory("VmHWM") > peaks.get(stage, 0):
                peaks[stage], before[stage] = memory("VmHWM"), rss

    pipeline._Clock = Clock  # type: ignore[misc]
    try_on = pipeline.TryOn(engine=engine, threads=threads)
    made = time.perf_counter()
    pipe.send({"import": (imported - start) * 1000, "make": (made - imported) * 1000, "rss": memory("VmRSS")})
    while (command := pipe.recv()) is not None:
        peaks.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        if command == "call":
            report = try_on(PERSON, GARMENT).report
            answer = {"ms": dict(report["timings_ms"]), "peak": dict(peaks), "before": dict(before)}
        else:
            answer = _grid(try_on, command[1])
        answer["wall"], answer["cpu"] = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
        pipe.send(answer)


def _grid(try_on: Any, n: int) -> dict[str, Any]:
    start = time.perf_counter()
    persons = [try_on.analyse_person(PERSON) for _ in range(n)]
    garments = [try_on.analyse_garment(GARMENT) for _ in range(n)]
    analysed = time.perf_counter()
    for person in persons:
        for garment in garments:
            try_on(person, garment)
    return {"analyse": (analysed - start) * 1000}


class Worker:
    """A measured process."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        context = multiprocessing.get_context("spawn")
        self._pipe, child = context.Pipe()
        old = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = str(setup.threads)
        self._process = context.Process(target=work, args=(child, setup.engine, setup.threads), daemon=True)
        self._process.start()
        os.environ.pop("OMP_NUM_THREADS")
        if old is not None:
            os.environ["OMP_NUM_THREADS"] = old
        child.close()
        setup.start = self._pipe.recv()

    def ask(self, command: Any) -> dict[str, Any]:
        self._pipe.send(command)
        return self._pipe.recv()

    def stop(self) -> None:
        self._pipe.send(None)
        self._process.join()


def cold(setup: Setup) -> dict[str, float]:
    """`tryon infer` as a new process: wall and CPU ms, peak MB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tryon", "infer", "--person", str(PERSON), "--garment", str(GARMENT)]
        command += ["--out", os.path.join(folder, "out.png"), "--engine", setup.engine, "--threads", str(setup.threads)]
        quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(setup.threads)}
        start = time.perf_counter()
        pid = os.posix_spawn(sys.executable, command, environment, file_actions=quiet)
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
        if status:
            subprocess.run(command, check=True)  # shows the error
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KB here
    return {
        "wall": wall * 1000,
        "cpu": (usage.ru_utime + usage.ru_stime) * 1000,
        "peak": usage.ru_maxrss * unit / 2**20,
    }


def measure(setups: list[Setup], rounds: int, cold_rounds: int, sizes: list[int]) -> list[Grid]:
    """Fill the setups, round by round; returns the grids of the last setup that runs onnx (or of the last one)."""
    for turn in range(cold_rounds):
        for setup in setups:
            setup.cold.append(cold(setup))
        _say(f"cold round {turn + 1} of {cold_rounds}")
    workers = [Worker(setup) for setup in setups]
    for worker in workers:
        worker.setup.first = worker.ask("call")
    for turn in range(rounds + _WARM_UP):
        for worker in workers:
            answer = worker.ask("call")
            if turn >= _WARM_UP:
                worker.setup.calls.append(answer)
    _say(f"{rounds} warm rounds")
    chosen = [w for w in workers if w.setup.engine == "onnx"] or workers
    grids = []
    for n in sizes:
        lone = statistics.median(chosen[-1].ask("call")["wall"] for _ in range(3))
        answer = chosen[-1].ask(("grid", n))
        grids.append(Grid(n, answer["wall"], answer["analyse"], lone))
        _say(f"grid {n} x {n}")
    for worker in workers:
        worker.stop()
    return grids


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine() -> list[tuple[str, str]]:
    """What the figures depend on, as (name, value)."""
    model, flags = platform.processor() or platform.machine(), set()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            if key.strip() == "flags":
                flags = set(value.split())
        total = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
        ram = f"{int(total) / 2**20:.0f} GB"
    except OSError:
        ram = "unknown"
    load = os.getloadavg()[0]
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = [
        ("processor", f"{model}, {usable} cores usable"),
        ("instruction sets", ", ".join(flag for flag in _FLAGS if flag in flags) or "unknown"),
        ("memory", ram),
        ("system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"),
        ("other load at the start", f"{load:.1f}" + " (busy: trust the ratios, not the milliseconds)" * (load > 0.5)),
    ]
    versions = [f"{name} {version}" for name in _LIBRARIES if (version := _version(name))]
    return [*facts, ("libraries", ", ".join(versions))]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def ratio(calls: list[dict[str, Any]], base: list[dict[str, Any]], key: str) -> float:
    """Median over rounds of call / base within the round."""
    return statistics.median(a[key] / b[key] for a, b in zip(calls, base, strict=True))


def _median(calls: list[dict[str, Any]], *keys: str) -> float:
    values = []
    for call in calls:
        for key in keys:
            call = call.get(key, 0.0) if isinstance(call, dict) else call
        values.append(call)
    return statistics.median(values)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    align = ["---" if i == 0 else "---:" for i in range(len(head))]
    return ["| " + " | ".join(row) + " |" for row in (head, align, *rows)] + [""]


def _cold_rows(setups: list[Setup]) -> list[list[str]]:
    base = setups[0].cold
    return [
        [
            f"{s.engine}, {s.threads}",
            f"{_median(s.cold, 'wall'):,.0f}",
            f"{_median(s.cold, 'cpu'):,.0f}",
            f"{ratio(s.cold, base, 'wall'):.2f}",
            f"{max(c['peak'] for c in s.cold):,.0f}",
        ]
        for s in setups
    ]


def _warm_rows(setups: list[Setup]) -> list[list[str]]:
    base = setups[0].calls
    rows = []
    for s in setups:
        walls = sorted(call["wall"] for call in s.calls)
        one = next((o for o in setups if o.engine == s.engine and o.threads == 1), None)
        rows.append(
            [
                f"{s.engine}, {s.threads}",
                f"{s.start['import']:,.0f} + {s.start['make']:,.0f}",
                f"{s.first['wall']:,.0f}",
                f"{statistics.median(walls):,.0f} ({walls[0]:,.0f} to {walls[-1]:,.0f})",
                f"{_median(s.calls, 'cpu'):,.0f}",
                f"{ratio(s.calls, base, 'wall'):.2f}",
                f"{ratio(s.calls, one.calls, 'wall'):.2f}" if one else "",
                f"{max(s.first['peak'].values()):,.0f}",
            ]
        )
    return rows


def _stage_rows(setup: Setup) -> list[list[str]]:
    rows = []
    total = _median(setup.calls, "wall")
    for stage in setup.first["ms"]:
        warm = _median(setup.calls, "ms", stage)
        peak, before = setup.first["peak"][stage], setup.first["before"][stage]
        warm_rise = statistics.median(c["peak"][stage] - c["before"][stage] for c in setup.calls)
        cells = [f"{setup.first['ms'][stage]:,.0f}", f"{warm:,.0f}", f"{100 * warm / total:.0f} %"]
        rows.append([stage, *cells, f"{peak:,.0f} (+{peak - before:,.0f})", f"+{warm_rise:,.0f}"])
    return rows


def _grid_rows(grids: list[Grid]) -> list[list[str]]:
    rows = []
    for grid in grids:
        pairs = grid.n**2
        each, rest = grid.grid_ms / pairs, (grid.grid_ms - grid.analyse_ms) / pairs
        ratios = [f"{each / grid.lone_ms:.2f}", f"{rest / grid.lone_ms:.2f}"]
        rows.append([f"{grid.n} x {grid.n}", str(pairs), f"{each:,.0f}", *ratios, f"{grid.lone_ms:,.0f}"])
    return rows


def render(setups: list[Setup], grids: list[Grid], absent: list[str], facts: list[tuple[str, str]]) -> str:
    """The Markdown page."""
    first = f"{setups[0].engine} with {setups[0].threads} thread{'s' if setups[0].threads > 1 else ''}"
    lines = ["# Benchmarks", ""]
    lines += [
        f"Written by `make benchmark` on {date.today().isoformat()}. Cold rounds: {len(setups[0].cold)}; warm rounds:"
    ]
    lines += [f"{len(setups[0].calls)}. Pictures: `assets/demo/person.png` and `garment.jpg`."]
    lines += [
        "Milliseconds belong to this machine and its load; ratios are medians over rounds in which the variants ran in",
        "turn, and carry over better.",
        "",
    ]
    lines += [*(f"- {name}: {value}" for name, value in facts), ""]
    lines += [f"Not measured: {text}." for text in absent] + [""] * bool(absent)
    lines += ["## Cold: `tryon infer` as a new process", ""]
    head = ["engine, threads", "ms", "CPU ms", f"ratio to {first}", "peak MB"]
    lines += _table(head, _cold_rows(setups))
    lines += ["## Warm: `TryOn()(person, garment)` in one process", ""]
    head = ["engine, threads", "import + make, ms", "first call, ms", "later calls, ms (range)", "CPU ms"]
    lines += _table([*head, f"ratio to {first}", "ratio to its 1 thread", "peak MB"], _warm_rows(setups))
    lines += [
        "`threads` is the option: it binds the networks and OpenCV; MediaPipe's pose has threads of its own.",
        "",
    ]
    for setup in [s for s in setups if s.threads == max(t.threads for t in setups)]:
        lines += [f"## Stages: {setup.engine}, threads {setup.threads}", ""]
        head = ["stage", "first call, ms", "later calls, ms", "share", "peak MB in the first call (rise in the stage)"]
        lines += _table([*head, "rise in later calls, MB"], _stage_rows(setup))
    if grids:
        lines += ["## Many pairs: n persons x n garments, each analysed once", ""]
        head = ["grid", "pairs", "ms per pair", "ratio to a lone warm call", "ratio without the analyses"]
        lines += _table([*head, "lone warm call, ms"], _grid_rows(grids))
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--engines", default="geometric,onnx,torch")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cold-rounds", type=int, default=3)
    parser.add_argument("--grids", default="1,2,4,6", help="n of the n x n grids")
    args = parser.parse_args()
    facts = machine()
    engines, absent = args.engines.split(","), []
    if "torch" in engines and find_spec("torch") is None:
        engines.remove("torch")
        absent.append("torch, which is not installed (`pip install 'tryon[torch]'`)")
    setups = [Setup(engine, int(threads)) for engine in engines for threads in args.threads.split(",")]
    grids = measure(setups, args.rounds, args.cold_rounds, [int(n) for n in args.grids.split(",")])

    from tryon.imageio import atomic_write

    atomic_write(args.out, render(setups, grids, absent, facts).encode())
    _say(f"wrote {args.out}")


if __name__ == "__main__":
    main()

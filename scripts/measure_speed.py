"""Time and memory on this machine: cold command line, warm library, peak memory, engines side by side.

    python scripts/measure_speed.py [--person P --garment G] [--runs 5] [--threads N]

Prints medians; the ratios to the geometric engine in the same run matter more than the milliseconds: machines differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_DEMO = Path(__file__).resolve().parents[1] / "assets" / "demo"


def cold(person: Path, garment: Path, engine: str, threads: str | None, runs: int) -> tuple[float, float]:
    """Median wall seconds of `tryon infer` as a new process, and the largest peak RSS in MB."""
    walls, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tryon", "infer", "--person", str(person), "--garment", str(garment)]
        command += ["--out", os.path.join(folder, "out.png"), "--engine", engine]
        command += ["--threads", threads] if threads else []
        for _ in range(runs):
            start = time.perf_counter()
            pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=_quiet())
            _, status, usage = os.wait4(pid, 0)
            walls.append(time.perf_counter() - start)
            peaks.append(usage.ru_maxrss / 1024)
            if status:
                subprocess.run(command, check=True)  # shows the error
    return statistics.median(walls), max(peaks)


def _quiet() -> list[tuple]:
    return [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]


def warm(person: Path, garment: Path, engine: str, threads: int | None, runs: int) -> tuple[float, dict[str, float]]:
    """Median seconds of a call after two warm-up calls, and the median milliseconds per stage."""
    from tryon import TryOn

    try_on = TryOn(engine=engine, threads=threads)
    walls, stages = [], []
    for i in range(runs + 2):
        start = time.perf_counter()
        result = try_on(person, garment)
        if i >= 2:
            walls.append(time.perf_counter() - start)
            stages.append(result.report["timings_ms"])
    return statistics.median(walls), {k: statistics.median(s[k] for s in stages) for k in stages[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--person", type=Path, default=_DEMO / "person.png")
    parser.add_argument("--garment", type=Path, default=_DEMO / "garment.jpg")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--engines", default="geometric,onnx")
    args = parser.parse_args()
    threads = args.threads or "all"
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, threads {threads}")
    base: float | None = None
    for engine in args.engines.split(","):
        seconds, peak = cold(args.person, args.garment, engine, str(args.threads) if args.threads else None, args.runs)
        fast, stages = warm(args.person, args.garment, engine, args.threads, args.runs * 2)
        base = base or fast
        print(f"{engine}: cold {seconds:.2f} s, peak {peak:.0f} MB; warm {fast * 1000:.0f} ms ({fast / base:.2f}x)")
        print(f"  stages, ms: {stages}")
    print(f"this process: peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()

"""What a pair of a catalog costs against a lone try-on. Prints JSON.

    python scripts/bench_catalog.py --persons DIR --garments DIR --size 20 20

The lone try-on is that of a program that keeps the networks in memory: both photos decoded and analysed, dressed, the
picture encoded and written; on all cores that this process may use. The catalog has the default number of workers.
Processor seconds hardly depend on what else the machine does, seconds on the clock do; the lone try-on is measured
before and after the catalog.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tryon import TryOn, TryOnError, imageio, weights


def lone(persons: list[str], garments: list[str], engine: str, count: int, scratch: Path) -> list[tuple[float, float]]:
    """(seconds, processor seconds) of warm try-ons of different pairs."""
    try_on = TryOn(engine=engine, threads=weights.usable_cores())
    taken = []
    for number in range(count + 1):
        wall, processor = time.perf_counter(), time.process_time()
        try:
            result = try_on(persons[number % len(persons)], garments[number % len(garments)])
        except TryOnError:
            continue
        imageio.save(scratch / "lone.png", result.image)
        taken.append((time.perf_counter() - wall, time.process_time() - processor))
    return taken[1:]  # the first one warms up


def catalog(persons: list[str], garments: list[str], options: argparse.Namespace, out: Path) -> dict[str, Any]:
    """A run in processes of its own: seconds, processor seconds, memory of the workers over time."""
    workers = ["--workers", str(options.workers)] if options.workers else []
    command = [sys.executable, "-m", "tryon", "catalog", "--out", str(out), "--engine", options.engine, *workers]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--persons", *persons, "--garments", *garments], stdout=subprocess.DEVNULL)
    samples: list[tuple[int, int]] = []
    watcher = threading.Thread(target=_watch, args=(process, out / ".tryon" / "journal.jsonl", samples))
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code not in (0, 5):
        sys.exit(f"the catalog ended with status {code}")
    timings = [json.loads(line)["timings_ms"] for line in (out / "timings.jsonl").read_text().splitlines()]
    later = samples[len(samples) // 3 :]
    return {
        "made": len(timings),
        "failed": len((out / "failures.jsonl").read_text().splitlines()),
        "seconds": seconds,
        "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "stages_ms": {name: round(statistics.median(t[name] for t in timings)) for name in timings[0]},
        "worker_mb": [round(size / 1e6) for _, size in (samples[:1] + later[:1] + samples[-1:])],
        "worker_bytes_a_row": round((later[-1][1] - later[0][1]) / max(later[-1][0] - later[0][0], 1)) if later else 0,
    }


def _watch(process: subprocess.Popen[bytes], journal: Path, samples: list[tuple[int, int]]) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    while process.poll() is None:
        time.sleep(2)
        try:
            pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            sizes = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in pids]
            samples.append((journal.read_bytes().count(b"\n"), max(sizes)))
        except (OSError, ValueError):
            continue


def _photos(folders: list[str], count: int) -> list[str]:
    found: list[str] = []
    for name in folders:
        path = Path(name)
        found += [str(p) for p in sorted(path.iterdir())] if path.is_dir() else [name]
    return found[:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", nargs="+", required=True)
    parser.add_argument("--garments", nargs="+", required=True)
    parser.add_argument("--size", nargs=2, type=int, default=(20, 20), metavar=("P", "G"))
    parser.add_argument("--lone", type=int, default=10, help="lone try-ons before and after")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--workers", type=int)
    options = parser.parse_args()
    persons, garments = _photos(options.persons, options.size[0]), _photos(options.garments, options.size[1])
    with tempfile.TemporaryDirectory(prefix="tryon-bench-") as scratch:
        folder = Path(scratch)
        first = lone(persons, garments, options.engine, options.lone, folder)
        run = catalog(persons, garments, options, folder / "out")
        second = lone(persons, garments, options.engine, options.lone, folder)
    wall, processor = (statistics.median(pair[i] for pair in first + second) for i in (0, 1))
    made = run["made"]
    report = {
        "cores": weights.usable_cores(256),
        "grid": [len(persons), len(garments)],
        "lone_seconds": round(wall, 3),
        "lone_processor": round(processor, 3),
        "pair_seconds": round(run["seconds"] / made, 3),
        "pair_processor": round(run["processor"] / made, 3),
        "ratio_seconds": round(run["seconds"] / made / wall, 3),
        "ratio_processor": round(run["processor"] / made / processor, 3),
        **{name: run[name] for name in ("made", "failed", "stages_ms", "worker_mb", "worker_bytes_a_row")},
    }
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())

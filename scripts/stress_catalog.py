"""Catalogs under stress: kills at random moments, long lists with bad rows, two runs in one folder. Prints JSON.

    python scripts/stress_catalog.py kills --kills 200
    python scripts/stress_catalog.py kills --kills 10 --engine onnx --persons DIR --garments DIR
    python scripts/stress_catalog.py rows --rows 10000 --bad 0.05
    python scripts/stress_catalog.py locks --trials 50

Without --engine the stand-in of the tests does the work (tests/fake_try_on.py): real files, no networks. Exit status 1
if anything was torn, lost, doubled, or differs from an uninterrupted run.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import fake_try_on  # noqa: E402

#: Differ from run to run: times, and the order in which rows were finished.
VOLATILE = ("timings.jsonl", ".tryon/journal.jsonl")
#: From so many rows on, memory may not grow by more than so many bytes a row; before, caches fill.
STEADY, MOST_GROWTH = 5000, 1024
#: Written when a run ends; until then they may be those of an earlier run.
LISTS = ("index.html", "manifest.jsonl", "failures.jsonl")


def command(out: Path, arguments: list[str], engine: str | None, workers: int) -> list[str]:
    chosen = ["--engine", engine] if engine else ["--try-on", fake_try_on.MAKER]
    start = [sys.executable, "-m", "tryon", "catalog", "--out", str(out), "--workers", str(workers), "--no-progress"]
    return [*start, *chosen, *arguments]


def environment(delay: float) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return {**os.environ, "PYTHONPATH": path, fake_try_on.DELAY: str(delay)}


def tree(folder: Path) -> dict[str, str]:
    """Name -> sha256 of every file that a reader may look at."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in VOLATILE:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def is_temporary(name: str) -> bool:
    return name.rsplit("/", 1)[-1].startswith(".tryon-") or name.endswith("/probe")


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return []


# ---- kills


def kills(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Kill the run or one of its workers, again and again, until the wanted number was reached."""
    arguments = _grid(options, scratch)
    env = environment(options.delay)
    reference = scratch / "reference"
    start = time.monotonic()
    code = subprocess.run(
        command(reference, arguments, options.engine, options.workers), env=env, check=False
    ).returncode
    span = time.monotonic() - start
    wanted = tree(reference)
    rows = len((reference / "manifest.jsonl").read_text().splitlines())
    counts: Counter[str] = Counter()
    rng = random.Random(options.seed)
    problems: list[str] = [] if code == 0 and rows else [f"the uninterrupted run ended with {code}"]
    while counts["kills"] < options.kills and not problems:
        out = scratch / "killed"
        shutil.rmtree(out, ignore_errors=True)
        counts["catalogs"] += 1
        while True:
            process = subprocess.Popen(command(out, arguments, options.engine, options.workers), env=env)
            _torment(process, span, options, rng, counts)
            code = process.wait()
            problems += _torn(out, wanted, finished=code == 0)
            if code == 0 or problems:
                break
            if code not in (-signal.SIGKILL, 4):  # 4: its workers were killed each time they started
                problems.append(f"a run ended with status {code}")
        if not problems:
            problems += _compare(out, wanted, rows)
    return {
        "rows": rows, "engine": options.engine or "stand-in", **counts, "seconds_uninterrupted": round(span, 1),
        "problems": problems,
    }  # fmt: skip


def _torment(
    process: subprocess.Popen[bytes], span: float, options: argparse.Namespace, rng: random.Random, counts: Counter[str]
) -> None:
    """Wait a random time and kill something; go on while the run lives and kills are left."""
    while counts["kills"] < options.kills:
        try:
            process.wait(rng.uniform(0.05, 0.9) * span)
            return
        except subprocess.TimeoutExpired:
            pass
        workers = children(process.pid)
        target = rng.choice(workers) if workers and rng.random() < 0.3 else process.pid
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            continue
        counts["kills"] += 1
        counts["runs_killed" if target == process.pid else "workers_killed"] += 1
        if target == process.pid:
            return


def _torn(out: Path, wanted: dict[str, str], finished: bool) -> list[str]:
    """Files under their final name that are not whole."""
    problems = []
    for name, digest in tree(out).items() if out.exists() else ():
        if is_temporary(name):
            if finished:
                problems.append(f"stray {name}")
        elif name not in wanted:
            problems.append(f"unexpected {name}")
        elif digest != wanted[name] and (finished or name not in LISTS):
            problems.append(f"torn {name}")
    return problems


def _compare(out: Path, wanted: dict[str, str], rows: int) -> list[str]:
    found = tree(out)
    problems = [f"lost {name}" for name in wanted if name not in found]
    ids = [json.loads(line)["id"] for line in (out / "manifest.jsonl").read_text().splitlines()]
    if len(ids) != rows or len(set(ids)) != rows:
        problems.append(f"{rows} rows became {len(ids)}, {len(set(ids))} of them different")
    return problems


def _grid(options: argparse.Namespace, scratch: Path) -> list[str]:
    if options.persons and options.garments:
        return ["--persons", *options.persons, "--garments", *options.garments]
    for kind, count in (("persons", 6), ("garments", 10)):
        (scratch / kind).mkdir()
        for seed in range(count):
            data = fake_try_on.photo(seed if kind == "persons" else 1000 + seed)
            (scratch / kind / f"{seed:02d}.png").write_bytes(data)
    return ["--persons", str(scratch / "persons"), "--garments", str(scratch / "garments")]


# ---- rows


def rows(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """A list with bad rows of many kinds, and the memory of the run and its workers over time."""
    expected = _list(options, scratch)
    out = scratch / "out"
    start = time.monotonic()
    process = subprocess.Popen(
        command(out, ["--pairs", str(scratch / "pairs.csv")], options.engine, options.workers),
        env=environment(options.delay),
    )
    samples: list[tuple[int, int, int]] = []  # rows done, bytes of the run, bytes of the largest worker
    journal = out / ".tryon" / "journal.jsonl"
    while process.poll() is None:
        done = _lines(journal)
        own, others = _rss(process.pid), [_rss(pid) for pid in children(process.pid)]
        if done and own and others:
            samples.append((done, own, max(others)))
        time.sleep(0.25)
    seconds = time.monotonic() - start
    manifest = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    failures = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    codes = Counter(failure["code"] for failure in failures)
    problems = []
    if process.returncode != 5:
        problems.append(f"exit status {process.returncode}")
    if len(manifest) != options.rows - sum(expected.values()) or len({row["id"] for row in manifest}) != len(manifest):
        problems.append(f"{len(manifest)} pictures")
    if codes != expected:
        problems.append(f"failures {dict(codes)}, expected {dict(expected)}")
    problems += [f"no reason for {f['id']}" for f in failures if not f["message"] or not f["remedy"]]
    slopes = {name: _slope(samples, column) for column, name in ((1, "run"), (2, "worker"))}
    if options.rows >= STEADY:
        grown = {name: value for name, value in slopes.items() if value > MOST_GROWTH}
        problems += [f"memory of the {name} grows by {value:.0f} bytes a row" for name, value in grown.items()]
    return {
        "rows": options.rows, "made": len(manifest), "failures": dict(sorted(codes.items())),
        "rows_per_second": round(options.rows / seconds, 1), "bytes_a_row": {k: round(v) for k, v in slopes.items()},
        "largest_mb": {name: round(max(s[i] for s in samples) / 1e6) for i, name in ((1, "run"), (2, "worker"))},
        "problems": problems,
    }  # fmt: skip


def _list(options: argparse.Namespace, scratch: Path) -> Counter[str]:
    """Write the list and its pictures; how many rows must fail with which code."""
    good = {}
    for kind, count in (("person", 40), ("garment", 60)):
        (scratch / kind).mkdir()
        good[kind] = [f"{kind}/{seed:02d}.png" for seed in range(count)]
        for seed, name in enumerate(good[kind]):
            (scratch / name).write_bytes(fake_try_on.photo(seed if kind == "person" else 1000 + seed))
    (scratch / "nobody.png").write_bytes(fake_try_on.photo(1, fake_try_on.BLACK))
    (scratch / "odd.png").write_bytes(fake_try_on.photo(2, fake_try_on.BLUE))
    (scratch / "torn.png").write_bytes(fake_try_on.photo(3)[:200])
    (scratch / "text.jpg").write_bytes(b"no picture at all")
    kinds: list[tuple[str, dict[str, str]]] = [
        ("bad_image", {"person": "missing.png"}),
        ("bad_image", {"garment": "torn.png"}),
        ("unsupported_image", {"person": "text.jpg"}),
        ("no_person", {"person": "nobody.png"}),
        ("not_a_garment", {"garment": "nobody.png"}),
        ("unsupported_category", {"category": "lower"}),
        ("bad_row", {"category": "hat"}),
        ("bad_row", {"out": "../../outside.png"}),
        ("bad_row", {"person_box": "3,2,1,0"}),
        ("bad_row", {"garment": ""}),
        ("duplicate_row", {"id": "row-00000"}),
        ("internal", {"person": "odd.png"}),
    ]
    bad = set(random.Random(options.seed).sample(range(1, options.rows), round(options.rows * options.bad)))
    expected: Counter[str] = Counter()
    with open(scratch / "pairs.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["id", "person", "garment", "category", "person_box", "out"])
        writer.writeheader()
        for number in range(options.rows):
            persons, garments = good["person"], good["garment"]
            row = {
                "id": f"row-{number:05d}",
                "person": persons[number // 7 % len(persons)],
                "garment": garments[number % len(garments)],
            }
            if number in bad:
                code, change = kinds[sum(expected.values()) % len(kinds)]
                expected[code] += 1
                row |= change
            writer.writerow(row)
    return expected


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0


def _rss(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _slope(samples: list[tuple[int, int, int]], column: int) -> float:
    """Bytes a row over the later two thirds of the run, by least squares."""
    later = samples[len(samples) // 3 :]
    if len(later) < 3:
        return 0.0
    x, y = [s[0] for s in later], [s[column] for s in later]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread if spread else 0.0


# ---- locks


def locks(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Two runs at once in one folder: one works, the other refuses."""
    arguments, env = _grid(options, scratch), environment(options.delay)
    problems: list[str] = []
    for trial in range(options.trials):
        out = scratch / f"out{trial}"
        pair = [
            subprocess.Popen(
                command(out, arguments, None, 1), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for _ in range(2)
        ]
        codes = sorted(process.wait() for process in pair)
        ids = [json.loads(line)["id"] for line in (out / "manifest.jsonl").read_text().splitlines()]
        lines = _lines(out / ".tryon" / "journal.jsonl")
        if codes not in ([0, 3], [0, 0]):  # 0, 0: the second began when the first had ended
            problems.append(f"exit codes {codes}")
        if len(ids) != len(set(ids)) or lines != len(ids):
            problems.append(f"{len(ids)} rows, {lines} lines of the journal")
        shutil.rmtree(out)
    return {"trials": options.trials, "problems": problems}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "rows", "locks"))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--bad", type=float, default=0.05, help="share of bad rows")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--engine", help="a real engine instead of the stand-in")
    parser.add_argument("--persons", nargs="+", help="photos for kills")
    parser.add_argument("--garments", nargs="+", help="photos for kills")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds of one try-on of the stand-in")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tryon-stress-") as scratch:
        result = {"kills": kills, "rows": rows, "locks": locks}[options.what](options, Path(scratch))
    print(json.dumps(result))
    return 1 if result["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())

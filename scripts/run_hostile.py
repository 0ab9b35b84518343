"""Send hostile files through the real pipeline and print a table of what came out.

    python scripts/run_hostile.py --count 2000 --person assets/demo/person.png --garment assets/demo/garment.jpg

Half of the files are mutations of the person photo, half of the garment photo, each tried in its role beside the intact
other one; the named specimens of tests/hostile/make.py come in both roles. Every call must return a picture of the
person photo's size, or raise TryOnError, in time; a sample goes through a fresh command-line process as well.
"""

from __future__ import annotations

import argparse
import faulthandler
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from hostile import make  # noqa: E402

from tryon import TryOn, TryOnError, imageio  # noqa: E402


def small(source: Path, side: int) -> np.ndarray:
    """A picture reduced to a longer side, to keep the files quick to mutate."""
    import cv2

    image = imageio.load(source).image
    factor = min(1.0, side / max(image.shape[:2]))
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def bases(image: np.ndarray) -> list[bytes]:
    """The picture as JPEG, PNG and WebP."""
    return [imageio.encode(image, format) for format in ("JPEG", "JPEG", "JPEG", "PNG", "WEBP")]


def attempt(try_on: Any, person: bytes, garment: bytes) -> tuple[str, str]:
    """(verdict, detail) of one call: ok, the code of a typed error, or CRASH / WRONG SIZE."""
    try:
        expected = imageio.load(person).image.shape
    except TryOnError:
        expected = None
    try:
        image = try_on(person, garment).image
    except TryOnError as error:
        one_line = "\n" not in str(error) and bool(error.remedy)
        return (error.code, "") if one_line else ("BAD MESSAGE", repr(str(error)))
    except Exception as error:
        return "CRASH", repr(error)
    if image.shape != expected or image.dtype != np.uint8:
        return "WRONG SIZE", f"{image.shape} instead of {expected}"
    return "ok", ""


def command_line(person: bytes, garment: bytes, engine: str, folder: Path) -> tuple[str, str]:
    """(verdict, detail) of a fresh `tryon infer`."""
    out = folder / "out.png"
    out.unlink(missing_ok=True)
    for name, data in (("person", person), ("garment", garment)):
        (folder / name).write_bytes(data)
    arguments = ["infer", "--person", "person", "--garment", "garment", "--out", "out.png", "--engine", engine]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tryon", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "HANG", "more than 60 s"
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("tryon: error: ")]
    strange = [line for line in lines if not line.startswith(("tryon: error: ", "tryon: warning: "))]
    if strange or len(errors) != (done.returncode != 0) or done.returncode not in (0, 3):
        return "BAD ENDING", f"exit {done.returncode}: {lines[:3]}"
    if (done.returncode == 0) != out.exists():
        return "BAD OUTPUT", f"exit {done.returncode}, picture {out.exists()}"
    return f"exit {done.returncode}", ""


def cases(options: argparse.Namespace) -> list[tuple[str, bytes, bytes]]:
    """(name, person, garment) of every try."""
    person, garment = small(options.person, options.side), small(options.garment, options.side)
    good_person, good_garment = imageio.encode(person, "PNG"), imageio.encode(garment, "PNG")
    half = options.count // 2
    found = [(f"person {n}", data, good_garment) for n, data in make.mutations(half, options.seed, bases(person))]
    mutated = make.mutations(options.count - half, options.seed + 1, bases(garment))
    found += [(f"garment {n}", good_person, data) for n, data in mutated]
    for specimen in make.specimens():
        found.append((f"person {specimen.name}", specimen.data, good_garment))
        found.append((f"garment {specimen.name}", good_person, specimen.data))
    return found


def main() -> int:
    """Run, print the table, return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000, help="mutated files")
    parser.add_argument("--person", type=Path, default=Path("assets/demo/person.png"))
    parser.add_argument("--garment", type=Path, default=Path("assets/demo/garment.jpg"))
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--side", type=int, default=320, help="longer side of the mutated pictures, px")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds after which a call counts as hanging")
    parser.add_argument("--cli", type=int, default=30, help="how many go through a command-line process")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    try_on = TryOn(engine=options.engine, threads=options.threads)
    table: Counter[tuple[str, str, str]] = Counter()
    troubles: list[str] = []
    slowest, start = 0.0, time.monotonic()
    files = cases(options)
    for name, person, garment in files:
        faulthandler.dump_traceback_later(10 * options.limit, exit=True)
        begin = time.monotonic()
        verdict, detail = attempt(try_on, person, garment)
        seconds = time.monotonic() - begin
        faulthandler.cancel_dump_traceback_later()
        if seconds > options.limit:
            verdict, detail = "HANG", f"{seconds:.1f} s"
        slowest = max(slowest, seconds)
        table["library", name.split()[0], verdict] += 1
        if verdict.isupper():
            troubles.append(f"{name}: {verdict} {detail}")
    with tempfile.TemporaryDirectory() as folder:
        for name, person, garment in files[:: max(1, len(files) // max(1, options.cli))] if options.cli else []:
            verdict, detail = command_line(person, garment, options.engine, Path(folder))
            table["command line", name.split()[0], verdict] += 1
            if verdict.isupper():
                troubles.append(f"{name}: {verdict} {detail}")

    print("| way | damaged | outcome | files |\n|---|---|---|---|")
    for (way, role, verdict), count in sorted(table.items()):
        print(f"| {way} | {role} | {verdict} | {count} |")
    print(
        f"\n{len(files)} files in {time.monotonic() - start:.0f} s, slowest {slowest:.2f} s, {len(troubles)} troubles"
    )
    for trouble in troubles[:50]:
        print(f"TROUBLE {trouble}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())

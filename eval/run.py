"""The run behind `tryon eval`: pair by pair, each result written before the next one begins.

Memory holds one pair, the rows, and one vector of features a picture. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, imageio
from ..compose import edit_box
from ..console import quiet
from ..errors import TryOnError, UsageError
from ..explain import viewable
from . import checks, features, intervals, metrics, sets, summary
from .case import Case, Studio
from .pairs import Pair, read_pairs
from .results import FORMAT, ROWS, RowWriter, exclusive, picture_paths, read_rows, write_summary
from .systems import Output, System, make_systems

#: Longer side of the person and garment photos that are kept for looking, px.
VIEW_SIDE = 1024
#: Modules of this folder that only present rows: a change of theirs leaves results valid.
_PRESENT = (
    "ab", "ab_result", "command", "intervals", "report", "report_command", "report_pictures", "sets", "summary",
    "table_command",
)  # fmt: skip

#: Modules of the library that decide no picture.
_AROUND = {"__init__", "__main__", "cli", "client", "console", "doctor", "errors"}


def evaluate(options: argparse.Namespace) -> str:
    """Run, or go on with a run.

    Args:
        options: of `tryon eval`, see `command`.

    Returns:
        How it ended, in a few words.

    Raises:
        UsageError, OutputError, WeightsError, DependencyError. Pairs that fail do not raise: they are rows.
    """
    pairs = read_pairs(
        options.pairs, options.persons, options.garments, protocol=options.protocol, where=options.where,
        limit=options.limit,
    )  # fmt: skip
    systems = make_systems(options.systems, options.protocol, options.threads)
    for library in ("skimage", "tqdm"):
        try:
            importlib.import_module(library)
        except ImportError as error:
            raise metrics.missing({"skimage": "scikit-image"}.get(library, library)) from error
    with exclusive(options.out), _terminal() as stream, quiet(options.debug):
        run = _Run(options, pairs, systems, stream)
        run.rows()
        return run.sum_up()


class _Run:
    """One run on one folder."""

    def __init__(self, options: argparse.Namespace, pairs: list[Pair], systems: list[System], stream: Any) -> None:
        self.options, self.pairs, self.systems, self._stream = options, pairs, systems, stream
        self.out: Path = options.out
        self.names = [system.name for system in systems]
        if options.threads:
            with suppress(ImportError):
                importlib.import_module("torch").set_num_threads(options.threads)
        self.backbone = features.MobileNet(options.backbone) if options.backbone else None
        inception, reason = features.load_inception(options.inception)
        self.sets = sets.Sets(inception or reason, self.backbone or "no MobileNetV2: give its weights with --backbone")
        self.judges: dict[str, metrics.Judge] = {}
        self.unavailable: dict[str, str] = {}
        if options.protocol != "unpaired":
            self._load_judges()
        self.keys = self._keys()
        self.done = self._kept()

    def _load_judges(self) -> None:
        lpips, reason = metrics.load_lpips()
        if lpips is None:
            self.unavailable["lpips"] = f"LPIPS: {reason}"
        else:
            self.judges["lpips"] = lpips
        if self.backbone is None:
            self.unavailable["features"] = "feature distance: give MobileNetV2's weights with --backbone"
        else:
            self.judges["features"] = self.backbone.judge

    def _keys(self) -> dict[tuple[str, str], str]:
        """What decides each result, as a hash."""
        files: dict[Path, str] = {}

        def digest(path: Path | None) -> str | None:
            if path is not None and path not in files:
                files[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            return None if path is None else files[path]

        judges = [sorted(self.judges), self.backbone.sha256 if self.backbone and self.judges else None]
        common = [FORMAT, __version__, code_digest(), self.options.protocol, judges]
        keys = {}
        for pair in self.pairs:
            task = [digest(pair.person), digest(pair.garment), pair.category]
            for system in self.systems:
                text = json.dumps([common, task, system.name, system.fingerprint(pair)])
                keys[pair.id, system.name] = hashlib.sha256(text.encode()).hexdigest()
        return keys

    def _kept(self) -> summary.Rows:
        """Rows of an earlier run that are still true."""
        if not (self.out / ROWS).exists():
            return {}
        rows = {(row["pair"], row["system"]): row for row in read_rows(self.out)}
        ids = {pair.id for pair in self.pairs}
        strangers = {pair for pair, _ in rows} - ids
        if strangers:
            raise UsageError(
                f"{self.out} holds results of {len(strangers)} pairs that are not in this run.",
                "Choose another folder for --out, or give the same pairs and more.",
            )
        numbers = {pair.id: number for number, pair in enumerate(self.pairs)}
        return {
            at: {**row, "number": numbers[row["pair"]]}
            for at, row in rows.items()
            if row["key"] == self.keys.get(at) and _whole(self.out, row)
        }

    def rows(self) -> None:
        """Measure what is not done yet."""
        todo = [(n, pair, [s for s in self.systems if (pair.id, s.name) not in self.done])
                for n, pair in enumerate(self.pairs)]  # fmt: skip
        todo = [task for task in todo if task[2]]
        total = len(self.pairs) * len(self.systems)
        with self._bar(total, total - sum(len(missing) for *_, missing in todo), "results") as advance:
            if not todo:
                return
            studio = Studio(self.options.threads)
            checker = checks.Checker(studio.try_on.people)
            for system in self.systems:
                if any(system in missing for *_, missing in todo):
                    system.load(studio.try_on)
            for name in ("person", "garment", *self.names):
                (self.out / "pictures" / name).mkdir(parents=True, exist_ok=True)
            with RowWriter(self.out) as writer:
                for number, pair, missing in todo:
                    case = studio.prepare(pair)
                    views = self._views(case)
                    for system in missing:
                        row = self._row(case, system, checker) | {"number": number}
                        row["pictures"] |= views
                        writer.add(row)
                        self.done[pair.id, system.name] = row
                        advance()

    def _views(self, case: Case) -> dict[str, str | None]:
        """Person and garment for looking."""
        paths: dict[str, str | None] = {"person": None, "garment": None}
        for name, image in (("person", case.photo), ("garment", case.cloth)):
            if image is not None:
                path = picture_paths(case.pair.id, "")[name]
                paths[name] = path
                imageio.save(self.out / path, metrics.reduced(image, VIEW_SIDE))
        return paths

    def _row(self, case: Case, system: System, checker: checks.Checker) -> dict[str, Any]:
        pair, photo = case.pair, case.photo
        row: dict[str, Any] = {
            "key": self.keys[pair.id, system.name], "pair": pair.id, "system": system.name,
            "protocol": self.options.protocol, "status": "ok", "error": None, "person": pair.person_name,
            "garment": pair.garment_name, "category": case.garment.category if case.garment else None,
            "size": [photo.shape[1], photo.shape[0]] if photo is not None else [], "edit_box": None, "quality": None,
            "warnings": [], "pictures": {"result": None, "mask": None}, "metrics": {}, "timings_ms": {},
            "seconds": None, "cpu_seconds": None, "rss_mb": None,
        }  # fmt: skip
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            output = system.infer(case)
            if system.timed:
                row["seconds"] = case.seconds + time.perf_counter() - wall
                row["cpu_seconds"] = case.cpu_seconds + time.process_time() - cpu
            self._measure(row, case, output, checker, system)
        except Exception as error:  # a bug must not end a run of hours: it is a row, too
            if isinstance(error, MemoryError) or getattr(error, "exit_code", 3) == 4:
                raise
            if not isinstance(error, TryOnError) and self.options.debug:
                raise
            row |= {"status": "error", "error": _failure(error), "metrics": {}, "seconds": None, "cpu_seconds": None}
            row["pictures"] = {"result": None, "mask": None}
        row["rss_mb"] = _rss_mb()
        return row

    def _measure(
        self, row: dict[str, Any], case: Case, output: Output, checker: checks.Checker, system: System
    ) -> None:
        assert case.photo is not None
        report, image = output.report, output.image
        values = checker(case, image, output.mask)
        if self.options.protocol != "unpaired":
            values |= metrics.compare(image, case.photo, case.mask, self.judges)
        paths = picture_paths(case.pair.id, system.name)
        imageio.save(self.out / paths["result"], image)
        mask = case.mask if output.mask is None else output.mask
        if mask is not None:
            imageio.save(self.out / paths["mask"], viewable(mask))
            row["edit_box"] = edit_box(mask)
        row["pictures"] = {"result": paths["result"], "mask": paths["mask"] if mask is not None else None}
        row["metrics"] = {name: values.get(name) for name in metrics.names(self.options.protocol)}
        row["category"] = report.get("category") or row["category"]
        row["quality"] = report.get("quality")
        row["warnings"] = [warning["code"] for warning in report.get("warnings", ())]
        if system.timed:
            row["timings_ms"] = {**case.timings_ms, **report.get("timings_ms", {})}

    def sum_up(self) -> str:
        """Measures of the sets, summary and table."""
        ids = [pair.id for pair in self.pairs]
        names = metrics.names(self.options.protocol)
        found = summary.figures(self.done, ids, self.names, names)
        record = {
            "protocol": self.options.protocol,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "pairs": len(ids),
            "systems": [
                {"name": s.name, "kind": s.kind, "detail": s.detail, "weights": s.weights} for s in self.systems
            ],
            "metrics": {name: metric._asdict() for name, metric in names.items()},
            **found,
            "sets": self._compare_sets(),
            "set_metrics": sets.describe(self.backbone),
            "unavailable": self.unavailable,
            "settings": self._settings(),
            "bootstrap": intervals.settings(),
            "versions": summary.versions(),
            "machine": summary.machine(),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "arguments": {k: str(v) for k, v in vars(self.options).items() if k != "run" and v is not None},
        }
        write_summary(self.out, record, summary.markdown(record))
        failed = sum(found["results"][name]["failed"] for name in self.names)
        return f"{len(self.done)} results, {failed} of them failures; the figures are in table.md"

    def _settings(self) -> dict[str, Any]:
        truth = metrics.settings() if self.options.protocol != "unpaired" else {}
        if truth and self.backbone:
            truth["features"] = self.backbone.settings()
        return {**truth, **checks.settings()}

    def _compare_sets(self) -> dict[str, dict[str, Any]]:
        both = set(summary.compared(self.done, [pair.id for pair in self.pairs], self.names))
        chosen = [pair for pair in self.pairs if pair.id in both]
        people = [pair.person_name for pair in chosen]
        able = self.sets.able and len(set(people)) >= sets.LEAST
        photos: dict[str, np.ndarray] = {}
        out: dict[str, dict[str, Any]] = {}
        with self._bar(len(chosen) * (1 + len(self.names)) if able else 0, 0, "features") as advance:
            if able:
                photos = self.sets.features(_loader([pair.person for pair in chosen]), len(chosen), advance)
            for name in self.names:
                results: dict[str, np.ndarray] = {}
                if able:
                    files = [self.out / self.done[pair.id, name]["pictures"]["result"] for pair in chosen]
                    results = self.sets.features(_loader(files), len(files), advance)
                out[name] = self.sets.compare(results, photos, people)
        return out

    @contextmanager
    def _bar(self, total: int, initial: int, unit: str) -> Iterator[Any]:
        from tqdm import tqdm

        if not total:
            yield lambda: None
            return
        live = getattr(self._stream, "isatty", lambda: False)()
        with tqdm(
            total=total, initial=initial, unit=f" {unit}", file=self._stream, mininterval=0.2 if live else 15,
            dynamic_ncols=live, smoothing=0.1,
        ) as bar:  # fmt: skip
            yield lambda: bar.update()


def _loader(files: Sequence[Path]) -> Callable[[int], np.ndarray]:
    """Reads the picture of a number."""
    return lambda number: imageio.load(files[number]).image


def code_digest() -> str:
    """sha256 over the sources that decide a result: the library without its services, and the measures."""
    here, root = Path(__file__).resolve().parent, Path(imageio.__file__).resolve().parent
    paths = [path for path in root.glob("*.py") if path.stem not in _AROUND]
    for name in ("engines", "models", "preprocess"):
        paths += (root / name).glob("*.py")
    paths += [path for path in here.glob("*.py") if path.stem not in _PRESENT]
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda p: (p.parent.name, p.name)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextmanager
def _terminal() -> Iterator[Any]:
    """A way to stderr that stays open while the libraries are kept off it."""
    try:
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError, AttributeError):  # no file behind it
        yield sys.stderr
        return
    with stream:
        yield stream


def _whole(folder: Path, row: dict[str, Any]) -> bool:
    """Whether the pictures of a row are there."""
    return all(path is None or (folder / path).is_file() for path in row["pictures"].values())


def _failure(error: Exception) -> dict[str, str]:
    if isinstance(error, TryOnError):
        return {"code": error.code, "message": error.message, "remedy": error.remedy}
    return {
        "code": "unexpected",
        "message": f"Something unexpected went wrong ({type(error).__name__}).",
        "remedy": "Run again with --debug and report what it prints.",
    }


def _rss_mb() -> float | None:
    """Memory of this process, MB."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize() / 2**20

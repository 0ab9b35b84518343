"""The work itself, wherever it runs: decode, analyse, dress, encode. Keeps what it used last in memory."""

from __future__ import annotations

import hashlib
import importlib
import time
import traceback
from collections import OrderedDict
from dataclasses import is_dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image

from .. import __version__, imageio, weights
from ..errors import DecoderMissing, DependencyError, TryOnError, WeightsError
from ..explain import plain
from .entries import Damaged, seal, unseal
from .rows import Failure
from .tasks import Analyse, Analysed, Broken, Photo, Render, Rendered, Reply, Task

#: Longer side of the pictures on the contact sheet's cards, and of the photo that its slider compares with, px.
CARD_SIDE, BEFORE_SIDE = 320, 1024
#: Decoded photos and records kept per worker, bytes.
BUDGET = 256_000_000
#: Makes the object that does the work: (engine, threads) -> something like `TryOn`.
TRY_ON = "tryon.catalog.bench:make_try_on"


def make_try_on(engine: str, threads: int) -> Any:
    """The real thing."""
    from ..pipeline import TryOn

    return TryOn(engine=engine, threads=threads)


def versions() -> list[Any]:
    """What results depend on beside the input: version and weights. Equal here and wherever the work is done."""
    return [__version__, {name: weights.info(name)["sha256"] for name in weights.names()}]


class Files(Protocol):
    """Where photos and entries come from."""

    def photo(self, photo: Photo) -> bytes: ...

    def entry(self, key: str) -> bytes: ...


class Bench:
    """Args:
    engine, threads: of the try-on.
    maker: "module:function", see `TRY_ON`.

    Raises:
        WeightsError, DependencyError: it can't work at all.
    """

    def __init__(self, engine: str, threads: int, maker: str = TRY_ON) -> None:
        module, _, function = maker.partition(":")
        self._try_on = getattr(importlib.import_module(module), function)(engine, threads)
        self._kept = _Kept(BUDGET)

    def do(self, task: Task, files: Files) -> Reply:
        """The reply; whatever goes wrong with a row is a `Failure`, and the next row goes on."""
        try:
            return self._analyse(task, files) if isinstance(task, Analyse) else self._render(task, files)
        except DecoderMissing as error:  # this photo's trouble alone
            return Failure(error.code, error.message, error.remedy)
        except (WeightsError, DependencyError) as error:
            return Broken(error.code, error.message, error.remedy)
        except TryOnError as error:
            return Failure(error.code, error.message, error.remedy)
        except MemoryError:
            return Failure("memory", "There is not enough memory for this row.", "Use smaller pictures.")
        except Exception as error:
            traceback.print_exc()  # seen with --debug
            name = type(error).__name__
            return Failure("internal", f"Something unexpected went wrong ({name}).", "Try this pair with tryon infer.")

    def _analyse(self, task: Analyse, files: Files) -> Analysed:
        loaded = self._load(task.photo, files)
        if task.kind == "person":
            record = self._try_on.analyse_person(loaded, task.person_box)
        else:
            record = self._try_on.analyse_garment(loaded, task.category)
        side = BEFORE_SIDE if task.kind == "person" else CARD_SIDE
        entry = seal(record, loaded.image, small(loaded.image, side))
        # the very record that others read from the disk, so that it does not matter who dresses whom
        self._kept.put(task.key, unseal(entry, loaded.image))
        return Analysed(entry)

    def _render(self, task: Render, files: Files) -> Rendered:
        start = time.perf_counter()
        person, garment = (self._record(part, files) for part in (task.person, task.garment))
        read = time.perf_counter()
        result = self._try_on(person, garment, category=task.category, bare_neck=task.bare_neck)
        done = time.perf_counter()
        picture = imageio.encode(result.image, task.format)
        preview = small(result.image, CARD_SIDE)
        own = {"read": read - start, "try_on": done - read, "encode": time.perf_counter() - done}
        report = plain({k: result.report.get(k) for k in ("category", "quality", "warnings", "edit_box", "engine")})
        report["size"] = [result.image.shape[1], result.image.shape[0]]
        stages = plain(result.report.get("timings_ms") or {})
        return Rendered(picture, preview, report, {**stages, **{k: round(v * 1000, 1) for k, v in own.items()}})

    def _record(self, part: Analyse, files: Files) -> Any:
        kept = self._kept.get(part.key)
        if kept is not None:
            return kept
        loaded = self._load(part.photo, files)
        try:
            record = unseal(files.entry(part.key), loaded.image)
        except (Damaged, OSError) as error:
            raise TryOnError("What was kept of the analysis is damaged.", "Run again: it will be redone.") from error
        self._kept.put(part.key, record)
        return record

    def _load(self, photo: Photo, files: Files) -> imageio.Loaded:
        data = files.photo(photo)
        if hashlib.sha256(data).hexdigest() != photo.sha256:
            raise imageio.BadImage("The photo was changed during the run.", "Run again.")
        return imageio.load(data)


class _Kept:
    """The records used last, up to a number of bytes."""

    def __init__(self, budget: int) -> None:
        self._budget, self._used = budget, 0
        self._records: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def get(self, key: str) -> Any:
        if key not in self._records:
            return None
        self._records.move_to_end(key)
        return self._records[key][0]

    def put(self, key: str, record: Any) -> None:
        self._used -= self._records.pop(key, (None, 0))[1]
        size = _bytes_of(record)
        self._records[key] = (record, size)
        self._used += size
        while self._used > self._budget and len(self._records) > 2:
            _, (_, freed) = self._records.popitem(last=False)
            self._used -= freed


def _bytes_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(_bytes_of(part) for part in vars(value).values()) if is_dataclass(value) else 0


def small(image: np.ndarray, side: int) -> bytes:
    """A JPEG of at most `side` px."""
    picture = Image.fromarray(image)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return imageio.encode(np.asarray(picture), "JPEG", quality=80)

"""The run: plan by content, keep what is done, hand out the rest, write the lists and the page."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import imageio
from ..errors import BadImage, OutputError, UsageError
from .bench import TRY_ON, versions
from .entries import preview_of
from .page import make_page
from .pool import LocalPool, Pool, default_workers
from .rows import BadRow, Failure, Row, grid, listed
from .store import Full, Store, photo_preview
from .tasks import Analyse, Analysed, Broken, Photo, Render, Rendered, Reply, Task

#: Seconds after which a row is given up.
ROW_TIMEOUT = 300.0
#: A task that lost its worker is tried so many times in all.
TRIES = 3


@dataclass(frozen=True)
class Summary:
    """How a run ended.

    Args:
        rows: of the list; made: pictures of this run; kept: those that were there already; failed: rows without one.
        root: the output folder.
        failures: number of failed rows by code.
    """

    rows: int
    made: int
    kept: int
    failed: int
    root: Path
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0: all rows have their picture; 5: some; 3: none."""
        if not self.failed:
            return 0
        return 5 if self.made + self.kept else 3


def run(
    out: str | os.PathLike[str],
    *,
    persons: Sequence[str] = (),
    garments: Sequence[str] = (),
    pairs: str | None = None,
    category: str = "auto",
    engine: str = "auto",
    format: str = "png",
    workers: int | None = None,
    ray: str | None = None,
    progress: Callable[[int, int, int], None] = lambda made, failed, total: None,
    row_timeout: float = ROW_TIMEOUT,
    debug: bool = False,
    bare_neck: bool = False,
    try_on: str = TRY_ON,
) -> Summary:
    """Make a catalog, or go on with one.

    Args:
        out: the output folder (see `store`).
        persons, garments: files, folders or patterns; every person is dressed in every garment. Or:
        pairs: a CSV or Parquet file with the columns person, garment and, if wanted, id, category, person_box, out.
        category: for rows that name none. engine: see `TryOn`.
        format: of the pictures whose row names no output: "png" (lossless), "jpg" or "webp".
        workers: processes; default one for every core, as far as the memory goes.
        ray: address of a Ray cluster that does the work instead.
        progress: called with (pictures there, rows failed, rows in all), also once before the first row.
        row_timeout: seconds after which a row is given up.
        bare_neck: see `TryOn`; for all rows.
        try_on: what does the work, see `bench.TRY_ON`.

    Raises:
        ManifestError: there is no row to work on. OutputError: the folder can't be used, or the disk is full; what was
        done stays. WeightsError, DependencyError: no row can be done. UsageError: wrong arguments.
    """
    extension = f".{format}"
    if extension not in imageio.FORMATS:
        raise UsageError(f"There is no format {format!r}.", "Choose png, jpg or webp.")
    if (pairs is None) == (not persons and not garments) or (pairs is None and not (persons and garments)):
        raise UsageError("Say what to make.", "Give persons and garments, or a list of pairs.")
    if workers is not None and workers < 1:
        raise UsageError(f"There can't be {workers} workers.", "Leave it out to use all cores.")
    if pairs is None:
        rows = grid(persons, garments, category, extension)
    else:
        rows = listed(pairs, category, extension)
    store = Store(out)
    try:
        plan = _Plan(rows, engine, store, bare_neck)
        progress(plan.kept, len(plan.failures), len(rows))
        if plan.todo:
            pool = _make_pool(store, ray, workers or default_workers(), engine, try_on, row_timeout, debug)
            try:
                _work(plan, pool, lambda: progress(plan.kept + plan.made, len(plan.failures), len(rows)))
            finally:
                pool.close()
                _write_lists(plan)  # also of a run that was stopped
        else:
            _write_lists(plan)
    finally:
        store.close()
    counts: dict[str, int] = {}
    for failure in plan.failures.values():
        counts[failure.code] = counts.get(failure.code, 0) + 1
    return Summary(len(rows), plan.made, plan.kept, len(plan.failures), store.root, dict(sorted(counts.items())))


def _make_pool(
    store: Store, ray: str | None, workers: int, engine: str, try_on: str, row_timeout: float, debug: bool
) -> Pool:
    if ray is not None:
        from .ray_pool import RayPool

        return RayPool(ray, engine, try_on, store.cache, row_timeout)
    return LocalPool(workers, engine, try_on, store.cache, row_timeout, debug)


class _Plan:
    """What is known of every row: done, failed (`failures`, by line) or `todo`."""

    def __init__(self, rows: list[Row | BadRow], engine: str, store: Store, bare_neck: bool = False) -> None:
        self.rows, self.store, self.engine, self.bare_neck = rows, store, engine, bare_neck
        self.failures: dict[int, Failure] = {}
        self.made = self.kept = 0
        self.done: set[int] = set()
        self.todo: deque[Row] = deque()
        self._base = versions()
        self._photos: dict[str, Photo | Failure] = {}
        for row in rows:
            if isinstance(row, BadRow):
                self.failures[row.line] = row.failure
                continue
            render = self.render(row)
            if isinstance(render, Failure):
                self.fail(row, render)
            elif self._is_done(row, render):
                self.kept += 1
                self.done.add(row.line)
            else:
                self.todo.append(row)

    def render(self, row: Row) -> Render | Failure:
        """The row as a task, or why it can't be one."""
        target = self.store.target(row.out)
        person, garment = self._photo(row.person_path, "person"), self._photo(row.garment_path, "garment")
        for part in (target, person, garment):
            if isinstance(part, Failure):
                return part
        assert isinstance(person, Photo) and isinstance(garment, Photo)
        who = Analyse(self._key("person", person.sha256, row.person_box), "person", person, "auto", row.person_box)
        what = Analyse(self._key("garment", garment.sha256, row.category), "garment", garment, row.category)
        return Render(who, what, row.category, imageio.format_for(row.out), self.bare_neck)

    def row_key(self, task: Render) -> str:
        return self._key(
            "row", task.person.key, task.garment.key, task.category, task.format, self.engine,
            *(("bare_neck",) if task.bare_neck else ()),
        )  # fmt: skip

    def fail(self, row: Row, failure: Failure) -> None:
        self.failures[row.line] = failure
        self.store.forget(row.out)

    def finish(self, row: Row, task: Render, done: Rendered) -> None:
        """Write a row's picture and note it. Raises Full; another OutputError fails the row."""
        asked: dict[str, Any] = {"category": row.category}
        if row.person_box is not None:
            asked["person_box"] = list(row.person_box)
        if task.bare_neck:
            asked["bare_neck"] = True
        record = {
            "id": row.id,
            "person": row.person,
            "garment": row.garment,
            "person_sha256": task.person.photo.sha256,
            "garment_sha256": task.garment.photo.sha256,
            "options": asked,
            "out": row.out,
            **done.report,
            "person_preview": photo_preview(task.person.key),
            "garment_preview": photo_preview(task.garment.key),
        }
        try:
            self.store.finish(self.row_key(task), record, done.picture, done.preview, done.timings_ms)
        except Full:
            raise
        except OutputError as error:
            self.fail(row, Failure(error.code, error.message, error.remedy))
        else:
            self.made += 1
            self.done.add(row.line)

    def _is_done(self, row: Row, task: Render) -> bool:
        previews = (self.store.root / photo_preview(part.key) for part in (task.person, task.garment))
        return self.store.done(row.out, self.row_key(task)) and all(path.exists() for path in previews)

    def _photo(self, path: str, what: str) -> Photo | Failure:
        if path not in self._photos:
            try:
                if Path(path).resolve().is_relative_to(self.store.root):
                    raise BadImage(f"The {what} lies in the output folder.", "Move it, or choose another folder.")
                self._photos[path] = Photo(path, hashlib.sha256(imageio.read_bytes(path)).hexdigest())
            except BadImage as error:
                self._photos[path] = Failure(error.code, error.message, error.remedy)
            except (OSError, ValueError, RuntimeError):
                self._photos[path] = Failure("bad_image", f"The name of the {what} can't be used.", "Correct the row.")
        return self._photos[path]

    def _key(self, *parts: Any) -> str:
        return hashlib.sha256(json.dumps([*self._base, *parts], sort_keys=True).encode()).hexdigest()


def _work(plan: _Plan, pool: Pool, tick: Callable[[], None]) -> None:
    """Do all that is to do. Analyses come before the rows that need them, and each is done once."""
    analyses = _Analyses(plan.store)
    waiting: deque[tuple[Row, Render]] = deque()
    tries: dict[str, int] = {}

    def next_task() -> tuple[Row | None, Task] | None:
        for _ in range(len(waiting)):
            row, task = waiting.popleft()
            found = step(row, task)
            if found is not None:
                return found
        while plan.todo:
            row = plan.todo.popleft()
            planned = plan.render(row)
            assert isinstance(planned, Render)
            found = step(row, planned)
            if found is not None:
                return found
        return None

    def step(row: Row, task: Render) -> tuple[Row | None, Task] | None:
        """What a row needs now: an analysis, itself, or nothing, for it waits or has failed."""
        states = [analyses.state(part) for part in (task.person, task.garment)]
        failure = next((state for state in states if isinstance(state, Failure)), None)
        if failure is not None:
            plan.fail(row, failure)
            tick()
            return None
        if all(state == "kept" for state in states):
            return row, task
        waiting.append((row, task))
        part = next((p for p, s in zip((task.person, task.garment), states, strict=True) if s == "new"), None)
        if part is None:
            return None
        analyses.begin(part)
        return None, part

    def settle(row: Row | None, task: Task, reply: Reply) -> None:
        if isinstance(reply, Failure) and reply.code == "worker_died":
            name = task.key if isinstance(task, Analyse) else plan.row_key(task)
            tries[name] = tries.get(name, 0) + 1
            if tries[name] < TRIES:
                if isinstance(task, Analyse):
                    analyses.again(task)
                elif row is not None:
                    waiting.appendleft((row, task))
                return
        if isinstance(task, Analyse):
            assert isinstance(reply, (Analysed, Failure))
            analyses.end(task, reply)
            return
        assert row is not None and isinstance(reply, (Rendered, Failure))
        if isinstance(reply, Failure):
            plan.fail(row, reply)
        else:
            plan.finish(row, task, reply)
        tick()

    while True:
        while pool.free and (found := next_task()) is not None:
            pool.submit(found, found[1])
        if not pool.busy:
            return
        for (row, task), reply in pool.replies():
            assert not isinstance(reply, Broken)
            settle(row, task, reply)


class _Analyses:
    """Which photos were analysed: "new", "busy", "kept" on disk, or the failure that all of their rows share."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._states: dict[str, str | Failure] = {}

    def state(self, task: Analyse) -> str | Failure:
        if task.key not in self._states:
            entry = self._store.entry(task.key)
            if entry is not None:
                self._store.put_photo_preview(task.key, preview_of(entry))
            self._states[task.key] = "new" if entry is None else "kept"
        return self._states[task.key]

    def begin(self, task: Analyse) -> None:
        self._states[task.key] = "busy"

    def again(self, task: Analyse) -> None:
        self._states[task.key] = "new"

    def end(self, task: Analyse, reply: Analysed | Failure) -> None:
        if isinstance(reply, Failure):
            self._states[task.key] = reply
        else:
            self._store.put_entry(task.key, reply.entry)
            self._states[task.key] = "kept"


def _write_lists(plan: _Plan) -> None:
    """The lists and the page, in the order of the rows. Equal results give equal bytes; only the times differ."""
    store = plan.store

    def finished() -> Iterator[dict[str, Any]]:
        for row in plan.rows:
            if isinstance(row, Row) and row.line in plan.done:
                record = store.record(row.out)
                if record is not None:  # names as they are given now, also if the files were moved
                    named = {"id": row.id, "person": row.person, "garment": row.garment}
                    yield {**record, "row": {**record["row"], **named}}

    def failed() -> Iterator[dict[str, Any]]:
        for row in plan.rows:
            failure = plan.failures.get(row.line)
            if failure is not None:
                named = {"id": row.id, "line": row.line, "person": row.person, "garment": row.garment}
                yield {**named, "code": failure.code, "message": failure.message, "remedy": failure.remedy}

    store.write_lines("manifest.jsonl", (record["row"] for record in finished()))
    store.write_lines("failures.jsonl", failed())
    store.write_lines("timings.jsonl", ({"id": r["row"]["id"], "timings_ms": r["timings_ms"]} for r in finished()))
    page = make_page((record["row"] for record in finished()), failed(), len(plan.rows))
    store.write(store.root / "index.html", page)

"""A catalog from its rows to its lists. Most tests do the work in this process; those with workers are at the end."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_try_on
import pytest

from tryon import imageio
from tryon.catalog import pool as pools
from tryon.catalog.bench import Bench
from tryon.catalog.rows import Failure
from tryon.catalog.runner import TRIES, Summary, run
from tryon.catalog.store import Full, Store
from tryon.catalog.tasks import Analyse, Photo, Reply, Task
from tryon.catalog.worker import LocalFiles
from tryon.errors import DependencyError, ManifestError, UsageError


class InlinePool:
    """Does the tasks here, the last one first: the order must not matter."""

    def __init__(self, store: Store, size: int = 3) -> None:
        self._bench, self._files, self._size = Bench("auto", 1, fake_try_on.MAKER), LocalFiles(store.cache), size
        self._tasks: deque[tuple[Any, Task]] = deque()
        self.log: list[Task] = []
        self.before: Callable[[Task], Reply | None] = lambda task: None

    @property
    def free(self) -> int:
        return self._size - len(self._tasks)

    @property
    def busy(self) -> int:
        return len(self._tasks)

    def submit(self, token: Any, task: Task) -> None:
        self._tasks.append((token, task))

    def replies(self) -> list[tuple[Any, Reply]]:
        token, task = self._tasks.pop()
        self.log.append(task)
        return [(token, self.before(task) or self._bench.do(task, self._files))]

    def close(self) -> None:
        pass

    def analyses(self) -> int:
        return sum(isinstance(task, Analyse) for task in self.log)

    def renders(self) -> int:
        return len(self.log) - self.analyses()


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> Callable[..., InlinePool]:
    """Makes the next runs work in this process; returns the pool of the last one."""
    made: list[InlinePool] = []
    hooks: dict[str, Any] = {"before": lambda task: None, "size": 3}

    def make(store: Store, *_: Any) -> InlinePool:
        made.append(InlinePool(store, hooks["size"]))
        made[-1].before = hooks["before"]
        return made[-1]

    monkeypatch.setattr(sys.modules[run.__module__], "_make_pool", make)

    def last(**changes: Any) -> InlinePool | None:
        hooks.update(changes)
        return made[-1] if made else None

    return last


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """3 people, 4 garments."""
    for kind, count in (("p", 3), ("g", 4)):
        (tmp_path / kind).mkdir()
        for seed in range(count):
            (tmp_path / kind / f"{kind}{seed}.png").write_bytes(fake_try_on.photo(seed + (100 if kind == "g" else 0)))
    return tmp_path


def _run(photos: Path, out: str = "out", **options: Any) -> Summary:
    if "pairs" not in options:
        options = {"persons": [str(photos / "p")], "garments": [str(photos / "g")], **options}
    return run(photos / out, **options)


def _lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def _tree(folder: Path) -> dict[str, bytes]:
    volatile = ("timings.jsonl", "journal.jsonl")
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name not in volatile
    }


def test_a_grid_becomes_pictures_lists_and_a_page(photos: Path, inline: Any) -> None:
    seen: list[tuple[int, int, int]] = []
    summary = _run(photos, progress=lambda *counts: seen.append(counts))
    assert (summary.rows, summary.made, summary.kept, summary.failed, summary.exit_code) == (12, 12, 0, 0, 0)
    assert seen[0] == (0, 0, 12) and seen[-1] == (12, 0, 12)
    rows = _lines(photos / "out", "manifest.jsonl")
    assert [row["id"] for row in rows] == [f"p{p}__g{g}" for p in range(3) for g in range(4)]
    for row in rows:
        picture = imageio.load(photos / "out" / "pictures" / row["out"]).image
        person, garment = imageio.load(row["person"]).image, imageio.load(row["garment"]).image
        assert picture.shape == person.shape and (picture[:20] == person[:20]).all()
        assert (picture[30, 30] == garment.mean(axis=(0, 1)).astype("uint8")).all()
        assert row["size"] == [80, 96] and row["engine"] == "fake" and row["warnings"][0]["code"] == "fake"
        for name in ("preview", "person_preview", "garment_preview"):
            assert imageio.load(photos / "out" / row[name]).format == "JPEG"
    assert _lines(photos / "out", "failures.jsonl") == []
    assert set(_lines(photos / "out", "timings.jsonl")[0]["timings_ms"]) == {"render", "read", "try_on", "encode"}
    assert inline().analyses() == 7 and inline().renders() == 12, "each photo is analysed once"


def test_a_second_run_does_nothing_and_changes_nothing(photos: Path, inline: Any) -> None:
    _run(photos)
    before = _tree(photos / "out")
    first = inline()
    summary = _run(photos)
    assert (summary.made, summary.kept, summary.exit_code) == (0, 12, 0) and inline() is first
    assert _tree(photos / "out") == before


def test_a_bared_neck_is_another_picture_and_is_noted(photos: Path, inline: Any) -> None:
    _run(photos)
    summary = _run(photos, bare_neck=True)
    assert (summary.made, summary.kept) == (12, 0)
    for row in _lines(photos / "out", "manifest.jsonl"):
        assert row["options"] == {"category": "auto", "bare_neck": True}
        assert (imageio.load(photos / "out" / "pictures" / row["out"]).image[20:24, 20:60] == 255).all()
    assert _run(photos, bare_neck=True).kept == 12


def test_content_decides_what_is_redone(photos: Path, inline: Any) -> None:
    _run(photos)
    out = photos / "out" / "pictures"
    (photos / "p" / "p1.png").write_bytes(fake_try_on.photo(77))  # another person: 4 rows, 1 analysis
    summary = _run(photos)
    assert (summary.made, summary.kept) == (4, 8) and (inline().analyses(), inline().renders()) == (1, 4)
    os.utime(photos / "g" / "g0.png")  # touched, not changed
    (out / "p0__g0.png").write_bytes((out / "p0__g1.png").read_bytes())  # another picture under its name
    (out / "p2__g3.png").unlink()
    next((photos / "out" / "previews" / "results").iterdir()).write_bytes(b"")
    summary = _run(photos)
    assert summary.made in (2, 3) and inline().analyses() == 0
    assert _tree(photos / "out") == _tree(_run(photos, "fresh").root) | {
        name: data for name, data in _tree(photos / "out").items() if "cache" in name or "previews/photos" in name
    }
    summary = _run(photos, format="jpg")  # other options are other rows
    assert (summary.made, summary.kept) == (12, 0) and inline().analyses() == 0


def test_moved_photos_are_known_by_content_and_listed_by_name(photos: Path, inline: Any) -> None:
    _run(photos)
    (photos / "p").rename(photos / "moved")
    summary = _run(photos, persons=[str(photos / "moved")])
    assert (summary.made, summary.kept) == (0, 12)
    assert all("/moved/" in row["person"] for row in _lines(photos / "out", "manifest.jsonl"))


def test_a_stopped_run_goes_on_to_the_same_bytes(photos: Path, inline: Any) -> None:
    reference = _tree(_run(photos, "reference").root)
    kept = 0
    for stop in range(1, 40, 3):
        inline(before=_stop_after(stop), size=1 + stop % 4)
        try:
            summary = _run(photos)
        except KeyboardInterrupt:
            names = {row["out"] for row in _lines(photos / "out", "manifest.jsonl")}
            assert len(names) >= kept and (photos / "out" / "index.html").exists()
            assert all((photos / "out" / "pictures" / name).exists() for name in names)
            kept = len(names)
            continue
        assert summary.made + summary.kept == 12
        break
    assert _tree(photos / "out") == reference and kept > 0


def _stop_after(tasks: int) -> Callable[[Task], None]:
    left = [tasks]

    def before(task: Task) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    return before


def test_an_unfinished_change_is_not_listed_as_done(photos: Path, inline: Any) -> None:
    _run(photos)
    (photos / "g" / "g0.png").write_bytes(fake_try_on.photo(500))
    inline(before=_stop_after(1), size=1)
    with pytest.raises(KeyboardInterrupt):
        _run(photos)
    assert {row["garment"][-6:] for row in _lines(photos / "out", "manifest.jsonl")} == {"g1.png", "g2.png", "g3.png"}


def _pairs(photos: Path, *lines: str) -> str:
    (photos / "pairs.csv").write_text("\n".join(["id,person,garment,category,person_box,out", *lines]) + "\n")
    return str(photos / "pairs.csv")


def test_bad_rows_fail_alone_with_their_reason(photos: Path, inline: Any) -> None:
    for name, colour in (("black", fake_try_on.BLACK), ("blue", fake_try_on.BLUE)):
        (photos / f"{name}.png").write_bytes(fake_try_on.photo(5, colour))
    (photos / "torn.png").write_bytes(fake_try_on.photo(6)[:150])
    pairs = _pairs(
        photos, "ok1,p/p0.png,g/g0.png,,,", "gone,p/none.png,g/g0.png,,,", "torn,p/p0.png,torn.png,,,",
        "nobody,black.png,g/g0.png,,,", "nothing,p/p0.png,black.png,,,", "odd,blue.png,g/g0.png,,,",
        "odd2,blue.png,g/g1.png,,,", "skirt,p/p0.png,g/g0.png,lower,,", "hat,p/p0.png,g/g0.png,hat,,",
        "ok2,p/p1.png,g/g1.png,upper,\"1,2,30,40\",some/where.jpg", "ok2,p/p1.png,g/g1.png,,,",
        "self,out/pictures/ok1.png,g/g0.png,,,", "folder,p,g/g0.png,,,", "nul,p/\0.png,g/g0.png,,,",
    )  # fmt: skip
    summary = _run(photos, pairs=pairs)
    assert summary.exit_code == 5 and summary.made == 2 and summary.failed == 12
    failures = {row["id"] + str(row["line"]): row for row in _lines(photos / "out", "failures.jsonl")}
    codes = [row["code"] for row in failures.values()]
    assert codes == [
        "bad_image", "bad_image", "no_person", "not_a_garment", "internal", "internal", "unsupported_category",
        "bad_row", "duplicate_row", "bad_image", "bad_image", "bad_image",
    ]  # fmt: skip
    assert summary.failures == dict(sorted(Counter(codes).items()))
    assert all(row["message"] and row["remedy"] for row in failures.values())
    made = _lines(photos / "out", "manifest.jsonl")
    assert [(row["id"], row["out"]) for row in made] == [("ok1", "ok1.png"), ("ok2", "some/where.jpg")]
    assert made[1]["options"] == {"category": "upper", "person_box": [1, 2, 30, 40]}
    assert "(1.0, 2.0, 30.0, 40.0)" in made[1]["warnings"][0]["message"]


def test_a_row_that_begins_to_fail_loses_its_picture_and_one_that_is_repaired_gets_it(
    photos: Path, inline: Any
) -> None:
    _run(photos)
    good = (photos / "p" / "p0.png").read_bytes()
    (photos / "p" / "p0.png").write_bytes(fake_try_on.photo(0, fake_try_on.BLACK))
    summary = _run(photos)
    assert (summary.failed, summary.kept, summary.exit_code) == (4, 8, 5)
    assert not list((photos / "out" / "pictures").glob("p0__*"))
    (photos / "p" / "p0.png").write_bytes(good)
    assert _run(photos).exit_code == 0
    assert _tree(photos / "out" / "pictures") == _tree(_run(photos, "fresh").root / "pictures")


def test_all_rows_failed_is_3(photos: Path, inline: Any) -> None:
    assert _run(photos, pairs=_pairs(photos, "a,none.png,g/g0.png,,,")).exit_code == 3


def test_a_photo_that_changes_during_the_run_fails_its_rows(photos: Path, inline: Any) -> None:
    def before(task: Task) -> None:
        (photos / "p" / "p2.png").write_bytes(fake_try_on.photo(9))

    inline(before=before)
    summary = _run(photos)
    assert summary.failures == {"bad_image": 4} and summary.made == 8
    assert "changed during the run" in _lines(photos / "out", "failures.jsonl")[0]["message"]


def test_lost_workers_are_tried_again_and_not_for_ever(photos: Path, inline: Any) -> None:
    lost: Counter[str] = Counter()

    def before(task: Task) -> Failure | None:
        name = str(task)
        lost[name] += 1
        unlucky = isinstance(task, Analyse) and task.photo.path.endswith("p0.png")
        return Failure("worker_died", "Killed.", "Wait.") if unlucky or lost[name] == 1 else None

    inline(before=before)
    summary = _run(photos)
    assert summary.failures == {"worker_died": 4} and summary.made == 8
    assert max(lost.values()) == TRIES


def test_damage_to_a_kept_analysis_is_repaired(photos: Path, inline: Any) -> None:
    _run(photos)
    for entry in (photos / "out" / ".tryon" / "cache").rglob("*.zip"):
        entry.write_bytes(entry.read_bytes()[:-5] + b"12345")
    for picture in (photos / "out" / "pictures").iterdir():
        picture.unlink()
    summary = _run(photos)
    assert summary.made == 12 and inline().analyses() == 7
    assert _tree(photos / "out") == _tree(_run(photos, "fresh").root)


def test_a_full_disk_stops_the_run_and_it_goes_on_later(
    photos: Path, inline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = imageio.os.fsync, [0]

    def fsync(handle: int) -> None:
        written[0] += 1
        if written[0] > 20:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(imageio.os, "fsync", fsync)
    with pytest.raises(Full, match="Make space"):
        _run(photos)
    monkeypatch.setattr(imageio.os, "fsync", real)
    summary = _run(photos)
    assert summary.kept > 0 and summary.kept + summary.made == 12
    assert _tree(photos / "out") == _tree(_run(photos, "fresh").root)


def test_odd_names_stay_texts_and_files_stay_inside(photos: Path, inline: Any) -> None:
    names = ["ünï cödé.png", "a b&c'd.png", "<img src=x>.png", "a..png", "-rf.png", "x" * 200 + ".png", "con.png"]
    names.append(os.fsdecode(b"not-utf8-\xff.png"))
    for seed, name in enumerate(names):
        (photos / "p" / name).write_bytes(fake_try_on.photo(200 + seed))
    summary = _run(photos)
    assert summary.exit_code == 0 and summary.made == 4 * (3 + len(names))
    found = [path for path in photos.rglob("*") if path.is_file() and path.is_relative_to(photos / "out")]
    for path in found:
        assert re.fullmatch(r"[\w.\-]+", path.name) and len(path.name.encode()) <= 130


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"persons": ["p"]},
        {"persons": ["p"], "garments": ["g"], "pairs": "x.csv"},
        {"pairs": "x.csv", "format": "gif"},
    ],
)
def test_wrong_arguments_make_no_folder(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        run(tmp_path / "out", **options)
    with pytest.raises(ManifestError):
        run(tmp_path / "out", pairs=str(tmp_path / "x.csv"))
    with pytest.raises(UsageError):
        run(tmp_path / "out", pairs="x.csv", workers=0)
    assert not (tmp_path / "out").exists()


# ---- with worker processes


@pytest.mark.timeout(120)
def test_rows_that_kill_or_hang_their_worker_fail_alone(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "START_TIMEOUT", 60.0)
    (photos / "p" / "p0.png").write_bytes(fake_try_on.photo(5, fake_try_on.RED))
    (photos / "p" / "p1.png").write_bytes(fake_try_on.photo(6, fake_try_on.GREEN))
    summary = _run(photos, workers=2, row_timeout=4.0, try_on=fake_try_on.MAKER)
    assert summary.failures == {"timeout": 4, "worker_died": 4} and summary.made == 4
    messages = {row["code"]: row["message"] for row in _lines(photos / "out", "failures.jsonl")}
    assert "SIGKILL" in messages["worker_died"] and "4 seconds" in messages["timeout"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("maker", "text"), [("fake_try_on:gone", "start"), ("no_such_module:make", "no_such_module")])
def test_workers_that_can_not_start_end_the_run(photos: Path, maker: str, text: str) -> None:
    with pytest.raises(DependencyError, match=text):
        _run(photos, workers=1, try_on=maker)


@pytest.mark.timeout(120)
def test_a_killed_worker_costs_no_row(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fake_try_on.DELAY, "0.05")
    killed: list[int] = []

    def progress(made: int, failed: int, total: int) -> None:
        if made in (2, 7) and len(killed) < made:
            pid = int(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[-1])
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    summary = _run(photos, workers=2, try_on=fake_try_on.MAKER, progress=progress)
    assert summary.made == 12 and summary.exit_code == 0 and len(killed) >= 2


@pytest.mark.timeout(180)
def test_the_real_engine_makes_what_a_single_try_on_makes(tmp_path: Path) -> None:
    from tryon import TryOn

    demo = Path(__file__).resolve().parents[2] / "assets" / "demo"
    person, garment = demo / "person.png", demo / "garment_striped.jpg"
    summary = run(tmp_path / "out", persons=[str(person)], garments=[str(garment)], workers=1, engine="geometric")
    assert summary.exit_code == 0
    (row,) = _lines(tmp_path / "out", "manifest.jsonl")
    single = TryOn(engine="geometric", threads=1)(person, garment)
    made = imageio.load(tmp_path / "out" / "pictures" / row["out"]).image
    assert (made == single.image).all() and row["quality"] == single.report["quality"]


@pytest.mark.parametrize(
    ("made", "kept", "failed", "code"), [(2, 0, 0, 0), (0, 2, 0, 0), (1, 0, 1, 5), (0, 1, 1, 5), (0, 0, 2, 3)]
)
def test_exit_codes(made: int, kept: int, failed: int, code: int) -> None:
    assert Summary(2, made, kept, failed, Path()).exit_code == code


def test_other_weights_are_other_rows(photos: Path, inline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(photos)
    module = sys.modules[run.__module__]
    monkeypatch.setattr(module, "versions", lambda: ["0.1.0", {"generator": "another"}])
    assert (_run(photos).made, inline().analyses()) == (12, 7)


def test_a_heic_photo_without_its_decoder_fails_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed

    class OneFile:
        def photo(self, photo: object) -> bytes:
            return b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200)

        def entry(self, key: str) -> bytes:
            raise AssertionError

    photo = tmp_path / "p.heic"
    photo.write_bytes(OneFile().photo(None))
    bench = Bench("auto", 1, fake_try_on.MAKER)
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    reply = bench.do(Analyse("key", "person", Photo(str(photo), digest)), OneFile())
    assert isinstance(reply, Failure) and reply.code == "dependency" and "tryon[heif]" in reply.remedy

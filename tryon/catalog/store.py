"""The output folder: who may write, what is there already, and every write of a catalog.

    OUT/index.html manifest.jsonl failures.jsonl timings.jsonl   written when a run ends
    OUT/pictures/...                                             the results
    OUT/previews/...                                             small JPEGs for index.html
    OUT/.tryon/lock journal.jsonl cache/...                      for resuming

Only the process that holds the lock writes. A row counts as done if the journal says so and the files have the hashes
that it says; the order is picture, preview, journal, so that a kill between two of them costs one row's work.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .. import imageio
from ..errors import FolderInUse, OutputError
from .entries import Damaged, preview_of
from .rows import Failure
from .worker import entry_path

_STATE = ".tryon"


class Full(OutputError):
    """Nothing can be written any more: a full or read-only disk. What was done stays."""


class Store:
    """Args:
    root: the output folder; made if missing. One that holds other things than a catalog is refused.

    Raises:
        OutputError: it can't be used. FolderInUse: another run is in it.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        path = Path(root)
        try:
            path.mkdir(parents=True, exist_ok=True)
            self.root = path.resolve()
            if any(self.root.iterdir()) and not (self.root / _STATE).is_dir():
                raise OutputError(
                    f"The folder {path} holds other things than a catalog.", "Give a new or an empty folder."
                )
            for folder in (self.state, self.cache, self.pictures, self.previews):
                if not folder.resolve().is_relative_to(self.root):
                    raise OutputError(f"{folder} leads out of the output folder.", "Remove the link.")
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
            self._sweep()
            self._journal = _Journal(self.state / "journal.jsonl")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a usable name"
            raise OutputError(f"The folder {path} can't be used: {reason}.", "Choose another place.") from error

    @property
    def state(self) -> Path:
        return self.root / _STATE

    @property
    def cache(self) -> Path:
        return self.state / "cache"

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"

    @property
    def previews(self) -> Path:
        return self.root / "previews"

    def close(self) -> None:
        self._journal.close()
        os.close(self._lock)  # gives the lock back, as the end of the process would

    def _locked(self) -> int:
        handle = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise FolderInUse(
                f"Another run works in {self.root}.", "Wait until it ends, or give another folder."
            ) from error
        return handle

    def _sweep(self) -> None:
        """Remove temporary files that a killed run left."""
        for folder, _, files in os.walk(self.root, followlinks=False):
            for name in files:
                if name.startswith(".tryon-") and name.endswith(".tmp"):
                    (Path(folder) / name).unlink()

    def target(self, out: str) -> Path | Failure:
        """Where a picture goes, if that is inside of the folder of pictures."""
        path = self.pictures / out
        try:
            if path.parent.resolve().is_relative_to(self.pictures) and not path.is_dir():
                return path
        except (OSError, ValueError, RuntimeError):
            pass
        return Failure("bad_row", f"The output name {out!r} leads out of the output folder.", "Choose another name.")

    def write(self, path: Path, data: bytes) -> None:
        """Write a file whole or not at all, making its folder.

        Raises:
            Full: no file of this size can be written anywhere in the folder. OutputError: this one can't be written.
        """
        if not path.parent.resolve().is_relative_to(self.root):
            raise OutputError(f"{path.parent.name} leads out of the output folder.", "Remove the link.")
        try:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"The folder {path.parent.name} can't be made: {error.strerror}.", "Choose another name."
                ) from error
            imageio.atomic_write(path, data)
        except OutputError as error:
            probe = self.state / "probe"
            try:
                imageio.atomic_write(probe, data)
                probe.unlink()
            except (OutputError, OSError) as second:
                reason = second.__cause__ or second
                text = reason.strerror if isinstance(reason, OSError) and reason.strerror else "not writable any more"
                raise Full(
                    f"The output folder can't take more: {text}. What was done so far is kept.",
                    "Make space or restore the rights, then run the same command again.",
                ) from error
            raise

    def entry(self, key: str) -> bytes | None:
        """An analysis that was kept, or None if there is none that is whole."""
        try:
            data = entry_path(self.cache, key).read_bytes()
            preview_of(data)
        except (OSError, Damaged, KeyError):
            return None
        return data

    def put_entry(self, key: str, entry: bytes) -> None:
        self.write(entry_path(self.cache, key), entry)
        self.put_photo_preview(key, preview_of(entry))

    def put_photo_preview(self, key: str, preview: bytes) -> None:
        """The small JPEG of a photo, unless it is there already."""
        path = self.root / photo_preview(key)
        if digest_of(path) != hashlib.sha256(preview).hexdigest():
            self.write(path, preview)

    def done(self, out: str, key: str) -> bool:
        """Whether the row that writes `out` was finished with this very input, and its files are untouched."""
        record = self._journal.get(out)
        return (
            record is not None
            and record["key"] == key
            and digest_of(self.pictures / out) == record["row"]["sha256"]
            and digest_of(self.root / record["row"]["preview"]) == record["preview_sha256"]
        )

    def finish(self, key: str, row: dict[str, Any], picture: bytes, preview: bytes, timings: dict[str, float]) -> None:
        """Write a row's files, then its line in the journal. `row` needs "out"; hashes are added to it."""
        path = self.target(row["out"])
        if isinstance(path, Failure):
            raise OutputError(path.message, path.remedy)
        name = f"previews/results/{hashlib.sha256(row['out'].encode()).hexdigest()[:24]}.jpg"
        row = {**row, "sha256": hashlib.sha256(picture).hexdigest(), "preview": name}
        self.write(path, picture)
        self.write(self.root / name, preview)
        self._append(row["out"], {
            "key": key, "row": row, "preview_sha256": hashlib.sha256(preview).hexdigest(), "timings_ms": timings,
        })  # fmt: skip

    def forget(self, out: str) -> None:
        """A row failed: a picture that an earlier run made for it must not pass for its result."""
        record, path = self._journal.get(out), self.target(out)
        if record is None or isinstance(path, Failure):
            return
        for file in (path, self.root / record["row"]["preview"]):
            with contextlib.suppress(OSError):
                file.unlink()
        self._append(out, None)

    def record(self, out: str) -> dict[str, Any] | None:
        """The journal's record of a finished row."""
        return self._journal.get(out)

    def write_lines(self, name: str, lines: Iterator[dict[str, Any]]) -> None:
        """A JSONL file in the output folder."""
        self.write(self.root / name, b"".join(_line(line) for line in lines))

    def _append(self, out: str, record: dict[str, Any] | None) -> None:
        try:
            self._journal.append(out, record)
        except OSError as error:
            raise Full(
                f"The output folder can't take more: {error.strerror}. What was done so far is kept.",
                "Make space or restore the rights, then run the same command again.",
            ) from error


class _Journal:
    """Finished rows, one JSON line each, the last line of an output name counts. In memory only where lines begin."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = self._open()
        self._offsets: dict[str, int] = {}
        self._end = 0
        self._stream.seek(0)
        for line in self._stream:
            if not line.endswith(b"\n"):
                break  # torn by a kill
            out = _out_of(line)
            if out is not None:
                self._offsets[out] = self._end
            self._end += len(line)
        self._stream.truncate(self._end)

    def get(self, out: str) -> dict[str, Any] | None:
        if out not in self._offsets:
            return None
        self._stream.seek(self._offsets[out])
        record = json.loads(self._stream.readline())["record"]
        return record if isinstance(record, dict) else None

    def append(self, out: str, record: dict[str, Any] | None) -> None:
        line = _line({"out": out, "record": record})
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError:
            with contextlib.suppress(OSError):
                self._stream.close()  # what is buffered must not be written later
            with contextlib.suppress(OSError):
                os.truncate(self._path, self._end)
            self._stream = self._open()
            raise
        self._offsets[out] = self._end
        self._end += len(line)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()

    def _open(self) -> BinaryIO:
        return open(self._path, "a+b", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o666))


def _out_of(line: bytes) -> str | None:
    """The output name of a journal line; None if the line is damaged, so that its row is redone."""
    try:
        entry = json.loads(line)
        out, record = entry["out"], entry["record"]
        if record is not None:
            _ = record["key"], record["preview_sha256"], record["row"]["sha256"], record["row"]["preview"]
    except (ValueError, KeyError, TypeError):
        return None
    return out if isinstance(out, str) else None


def photo_preview(key: str) -> str:
    """The name of a photo's preview, relative to the output folder."""
    return f"previews/photos/{key[:32]}.jpg"


def digest_of(path: Path) -> str | None:
    """sha256 of a file, None if there is none."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _line(record: dict[str, Any]) -> bytes:
    # lone surrogates (file names in no known encoding) become JSON escapes
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    return text.encode("utf-8", "backslashreplace")

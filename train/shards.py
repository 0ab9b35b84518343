"""Training samples on disk: pre-rendered crops of the canvas as raw bytes, read by memory map.

Rendering a sample (warp, old garment, plate) costs far more than a training step, so it is done once. A sample is
one uint8 array (height, width, channels), all fields interleaved, so that a random crop is a single strided copy and
already lies in channels-last order. Sizes vary from sample to sample: store the box round the edit region
(`edit_box`), not the whole canvas.

Layout of a folder
    fields.json     {"fields": {name: channels}, "version": 1}, in the order of the channels
    shard_0000.bin  samples, back to back, closed at about `max_bytes`
    index.jsonl     a row per sample: {"file", "offset", "height", "width", "meta"}; written after the bytes, so a
                    reader may open (and `refresh`) a folder that is still being written
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

VERSION = 1


def edit_box(
    edit: np.ndarray, *, pad: int = 32, minimum: tuple[int, int] = (256, 256), multiple: int = 32
) -> tuple[int, int, int, int]:
    """The crop worth storing: the box of `edit` with a margin, at least `minimum` in size, inside the picture.

    Args:
        edit: (H, W), > 0 where pixels may change.
        pad: margin, px.
        minimum: (height, width), px.
        multiple: both sides are multiples of this where the picture allows.

    Returns:
        (y0, x0, y1, x1), px.
    """
    bounds = []
    for axis, least in ((1, minimum[0]), (0, minimum[1])):
        size = edit.shape[1 - axis]
        hit = np.flatnonzero(edit.max(axis=axis) > 0)
        lo, hi = (int(hit[0]) - pad, int(hit[-1]) + 1 + pad) if len(hit) else (0, 0)
        length = min(max(hi - lo, least), size)
        length = min(-(-length // multiple) * multiple, size)
        start = min(max((lo + hi - length) // 2, 0), size - length)
        bounds.append((start, start + length))
    (y0, y1), (x0, x1) = bounds
    return y0, x0, y1, x1


class ShardWriter:
    """Appends samples to a folder. One writer per folder; several processes write several folders.

    Args:
        folder: made when missing; an existing folder with the same fields is continued.
        fields: name -> channels, in storage order.
        max_bytes: a new file is begun beyond this size.
    """

    def __init__(self, folder: str | Path, fields: Mapping[str, int], *, max_bytes: int = 1 << 30) -> None:
        self.folder = Path(folder)
        self.fields = dict(fields)
        self.channels = sum(self.fields.values())
        self.max_bytes = max_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        header = self.folder / "fields.json"
        if header.exists():
            if json.loads(header.read_text())["fields"] != self.fields:
                raise ValueError(f"{self.folder} holds other fields: write to an empty folder")
        else:
            header.write_text(json.dumps({"fields": self.fields, "version": VERSION}))
        self._number = max(len(list(self.folder.glob("shard_*.bin"))) - 1, 0)
        index = self.folder / "index.jsonl"
        #: samples that were in the folder before
        self.existing = len(index.read_bytes().splitlines()) if index.exists() else 0
        self._index = open(self.folder / "index.jsonl", "a", encoding="utf-8")  # noqa: SIM115 - lives as long as the writer
        self._data = open(self._path(), "ab")  # noqa: SIM115
        self.count = 0

    def _path(self) -> Path:
        return self.folder / f"shard_{self._number:04d}.bin"

    def add(self, sample: Mapping[str, np.ndarray], meta: Mapping[str, Any] | None = None) -> None:
        """Store one sample: name -> uint8 (H, W) or (H, W, channels), all of one size."""
        if set(sample) != set(self.fields):
            raise ValueError(f"sample has fields {sorted(sample)}, the folder has {sorted(self.fields)}")
        parts = []
        for name, channels in self.fields.items():
            part = sample[name]
            part = part[..., None] if part.ndim == 2 else part
            if part.dtype != np.uint8 or part.shape[2] != channels:
                raise ValueError(f"{name} must be uint8 (H, W, {channels}), got {part.dtype} {part.shape}")
            parts.append(part)
        packed = np.concatenate(parts, axis=2)
        if self._data.tell() >= self.max_bytes:
            self._data.close()
            self._number += 1
            self._data = open(self._path(), "ab")  # noqa: SIM115
        offset = self._data.tell()
        self._data.write(packed.tobytes())
        self._data.flush()
        row = {
            "file": self._path().name,
            "offset": offset,
            "height": packed.shape[0],
            "width": packed.shape[1],
            "meta": dict(meta or {}),
        }
        self._index.write(json.dumps(row) + "\n")
        self._index.flush()
        self.count += 1

    def close(self) -> None:
        self._data.close()
        self._index.close()

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class ShardReader:
    """Random access to the samples of one or several folders (same fields in all).

    Args:
        folders: one folder or several; each may have subfolders that hold shards (one per writer).
    """

    def __init__(self, folders: str | Path | Sequence[str | Path]) -> None:
        roots = [folders] if isinstance(folders, (str, Path)) else list(folders)
        self.folders = sorted({header.parent for root in roots for header in Path(root).rglob("fields.json")})
        if not self.folders:
            raise FileNotFoundError(f"no shards (fields.json) under {', '.join(map(str, roots))}: render samples first")
        heads = [json.loads((folder / "fields.json").read_text()) for folder in self.folders]
        self.fields: dict[str, int] = heads[0]["fields"]
        if any(head["fields"] != self.fields or head["version"] != VERSION for head in heads):
            raise ValueError("the folders hold different fields or versions: render them anew")
        self.channels = sum(self.fields.values())
        self.rows: list[dict[str, Any]] = []
        self._seen: dict[Path, int] = {}
        self._maps: dict[Path, np.ndarray] = {}
        self.refresh()

    def refresh(self) -> int:
        """Take up samples that were written since; returns how many samples there are now."""
        for folder in self.folders:
            index = folder / "index.jsonl"
            lines = index.read_text().splitlines(keepends=True) if index.exists() else []
            lines = [line for line in lines if line.endswith("\n")]
            for line in lines[self._seen.get(folder, 0) :]:
                row = json.loads(line)
                row["path"] = folder / row["file"]
                self.rows.append(row)
            self._seen[folder] = len(lines)
        return len(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> np.ndarray:
        """Sample i as a read-only view, uint8 (H, W, channels)."""
        row = self.rows[i]
        path, shape = row["path"], (row["height"], row["width"], self.channels)
        size = int(np.prod(shape))
        data = self._maps.get(path)
        if data is None or len(data) < row["offset"] + size:
            data = self._maps[path] = np.memmap(path, np.uint8, mode="r")
        return data[row["offset"] : row["offset"] + size].reshape(shape)

    def split(self, packed: np.ndarray) -> dict[str, np.ndarray]:
        """(H, W, channels) -> name -> (H, W, n), views."""
        out, start = {}, 0
        for name, channels in self.fields.items():
            out[name] = packed[..., start : start + channels]
            start += channels
        return out

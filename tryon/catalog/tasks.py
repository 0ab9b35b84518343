"""What is sent to a worker and what comes back. Plain records: the worker reads files and writes none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .rows import Box, Failure


@dataclass(frozen=True, slots=True)
class Photo:
    """A file and the sha256 of what it held when the run was planned."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Analyse:
    """Analyse a photo. `key` names the result for good: content, options, weights."""

    key: str
    kind: Literal["person", "garment"]
    photo: Photo
    category: str = "auto"
    person_box: Box | None = None


@dataclass(frozen=True, slots=True)
class Render:
    """Dress a person; both were analysed before. `format` as for `imageio.encode`, `bare_neck` as for `TryOn`."""

    person: Analyse
    garment: Analyse
    category: str
    format: str
    bare_neck: bool = False


Task = Analyse | Render


@dataclass(frozen=True, slots=True)
class Analysed:
    """An entry (see `entries`)."""

    entry: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture and its small JPEG as files; `report`: quality, warnings and so on; times in milliseconds."""

    picture: bytes
    preview: bytes
    report: dict[str, Any]
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has its networks."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker can't work at all, on any row: weights or libraries."""

    code: str
    message: str
    remedy: str


Reply = Analysed | Rendered | Failure | Broken

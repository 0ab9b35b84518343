"""What can be measured: every system loads once and then turns a case into a picture."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from .. import imageio, weights
from ..engines import Engine, make_engine
from ..engines.onnx import OnnxEngine
from ..errors import TryOnError, UsageError
from ..finish import finish
from ..imageio import FORMATS
from ..pipeline import TryOn
from .affine import overlay
from .case import Case
from .pairs import Pair

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RESERVED = ("person", "garment")
_ENGINES = ("geometric", "onnx", "torch")
#: Pictures made elsewhere may differ from the photo in size, but not in shape, by more than this.
ASPECT_TOLERANCE = 0.02


class MissingPicture(TryOnError):
    """The folder has no picture of this pair."""

    code = "missing_picture"


class WrongShape(TryOnError):
    """A picture made elsewhere has another shape than the photo."""

    code = "wrong_shape"


@dataclass(frozen=True)
class Output:
    """A picture of one system.

    Args:
        image: uint8 (H, W, 3), the person photo's size.
        mask: float32 (H, W), what the system says it changed; None where it tells nothing.
        report: `quality`, `warnings`, `timings_ms`, as far as known.
    """

    image: np.ndarray
    mask: np.ndarray | None = None
    report: dict[str, Any] = field(default_factory=dict)


class System(Protocol):
    """`kind`, `detail` and `weights` (list of name, sha256) go into the summary. `timed` systems compute here."""

    name: str
    kind: str
    detail: str
    weights: list[dict[str, str]]
    timed: bool

    def load(self, try_on: TryOn) -> None:
        """Get ready; `try_on` is shared by all systems."""

    def infer(self, case: Case) -> Output:
        """Dress the person. Raises TryOnError."""

    def fingerprint(self, pair: Pair) -> str:
        """What decides the picture beside the photos and the code."""


class EngineSystem:
    """An engine of the library, with the shipped or with other weights of the generator.

    Args:
        source: None for the shipped weights; a generator's `.safetensors`, or a folder with `manifest.json`.
    """

    timed = True

    def __init__(self, name: str, engine: str, source: Path | None = None, threads: int | None = None) -> None:
        self.name, self._engine_name, self._source, self._threads = name, engine, source, threads
        self.kind = "engine" if source is None else "weights"
        self.detail = engine if source is None else f"{engine}, {source.name}"
        used = weights.describe(n for n in weights.ANALYSIS if n in weights.names())
        self.weights = [*used, *_generator(engine, source)]

    def load(self, try_on: TryOn) -> None:
        self._try_on = try_on
        self._engine = self._make()

    def _make(self) -> Engine:
        if self._source is None:
            return make_engine(self._engine_name, self._threads)
        if self._engine_name == "onnx":
            return OnnxEngine(self._threads, str(self._source))
        from ..engines.torch import TorchEngine

        return TorchEngine(self._threads, self._source)

    def infer(self, case: Case) -> Output:
        if case.error is not None:
            raise case.error
        if case.pair.garment is None:
            assert case.photo is not None and case.inputs is not None and case.mask is not None
            return Output(finish(case.photo, case.inputs, self._engine.render(case.inputs), case.mask), case.mask)
        assert case.person is not None and case.garment is not None
        self._try_on.engine = self._engine
        result = self._try_on(case.person, case.garment, category=case.pair.category, explain=True)
        return Output(result.image, result.explain["edit_mask"], result.report)

    def fingerprint(self, pair: Pair) -> str:
        return f"{self._engine_name} {self.weights}"


class AffineSystem:
    """The garment laid flat over the photo by an affine map of shoulders and hem: the least that a try-on can do."""

    name = kind = "affine"
    detail = "affine overlay on shoulders and hem"
    timed = True

    def __init__(self) -> None:
        self.weights = weights.describe(n for n in weights.ANALYSIS if n in weights.names())

    def load(self, try_on: TryOn) -> None:
        """Nothing to load."""

    def infer(self, case: Case) -> Output:
        if case.error is not None:
            raise case.error
        assert case.photo is not None and case.inputs is not None
        return Output(*overlay(case.photo, case.inputs))

    def fingerprint(self, pair: Pair) -> str:
        return f"affine {self.weights}"


class FolderSystem:
    """Pictures made elsewhere: `ID.png` (or .jpg, .webp) of each pair."""

    kind = "folder"
    timed = False

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder
        self.detail = f"pictures in {folder.name}"
        self.weights: list[dict[str, str]] = []

    def load(self, try_on: TryOn) -> None:
        """Nothing to load."""

    def infer(self, case: Case) -> Output:
        path = self._find(case.pair)
        if path is None:
            raise MissingPicture(
                f"{self._folder.name} has no picture {case.pair.id}.", "Name the pictures by the ids of the pairs."
            )
        if case.photo is None:
            assert case.error is not None
            raise case.error
        image = imageio.load(path).image
        height, width = case.photo.shape[:2]
        if image.shape[:2] == (height, width):
            return Output(image)
        if abs(image.shape[1] / image.shape[0] * height / width - 1) > ASPECT_TOLERANCE:
            raise WrongShape(
                f"{path.name} is {image.shape[1]}x{image.shape[0]}, the photo {width}x{height}.",
                "Undo the crop or padding before the pictures are measured.",
            )
        shrinks = image.shape[0] > height
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4)
        return Output(image, report={"warnings": [{"code": "resized"}]})

    def fingerprint(self, pair: Pair) -> str:
        path = self._find(pair)
        return "none" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()

    def _find(self, pair: Pair) -> Path | None:
        for ending in FORMATS:
            path = self._folder / f"{pair.id}{ending}"
            if path.is_file():
                return path
        return None


def make_systems(text: str, protocol: str, threads: int | None = None) -> list[System]:
    """The systems that `--systems` names.

    Args:
        text: names, separated by commas: an engine, `affine`, NAME=ENGINE or NAME=PATH. PATH is a generator's
            `.safetensors`, a folder of weights with `manifest.json`, or a folder of pictures named by pair id.

    Raises:
        UsageError: unknown or repeated names, files that are not there, systems that the protocol can't use.
    """
    systems: list[System] = []
    for part in (part.strip() for part in text.split(",")):
        system = _make(part, threads)
        if any(system.name.lower() == other.name.lower() for other in systems):
            raise UsageError(f"The system {system.name!r} is named twice.", "Give each a name: NAME=PATH.")
        if protocol == "self" and not isinstance(system, EngineSystem):
            raise UsageError(
                f"The protocol self can't measure {system.name!r}.", "It needs an engine of the library or its weights."
            )
        systems.append(system)
    return systems


def _make(part: str, threads: int | None) -> System:
    name, equals, target = part.partition("=")
    if not equals:
        if name == "affine":
            return AffineSystem()
        if name in _ENGINES:
            return EngineSystem(name, name, None, threads)
        raise UsageError(f"There is no system {name!r}.", "Use geometric, onnx, torch, affine, or NAME=PATH.")
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise UsageError(f"{name!r} can't name a system.", "Use letters, digits, '-', '_' and '.'.")
    if target in _ENGINES:  # a folder of that name is ./onnx
        return EngineSystem(name, target, None, threads)
    path = Path(target)
    if path.is_file():
        return EngineSystem(name, "torch", path, threads)
    if (path / weights.MANIFEST).is_file():
        return EngineSystem(name, "onnx", path, threads)
    if path.is_dir():
        return FolderSystem(name, path)
    raise UsageError(f"There is no file or folder {target}.", "Check the path after NAME=.")


def _generator(engine: str, source: Path | None) -> list[dict[str, str]]:
    if engine == "geometric":
        return []
    if source is None:
        return weights.describe(["generator" if engine == "onnx" else "generator_torch"])
    if engine == "onnx":
        return weights.describe(["generator"], source)
    return [{"name": source.name, "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}]

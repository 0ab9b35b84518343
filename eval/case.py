"""A pair, read and analysed once for all systems."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from .. import imageio
from ..engines import Engine, GeometricEngine, Render
from ..errors import TryOnError
from ..finish import photo_edit_mask
from ..inputs import TryOnInputs
from ..pipeline import TryOn
from ..types import Garment, Person, Pose
from .pairs import Pair
from .reconstruct import cut_out


class Watched:
    """An engine that remembers what it was given."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.weights = engine.name, engine.weights
        self.inputs: TryOnInputs | None = None

    def render(self, inputs: TryOnInputs) -> Render:
        self.inputs = inputs
        return self._engine.render(inputs)


@dataclass
class Case:
    """One pair as the systems and the checks see it.

    Args:
        photo, cloth: uint8 (H, W, 3), upright; None where the file can't be read, `cloth` also in the protocol `self`.
        person, garment: the library's analysis; None where it failed (`error` says why).
        inputs: the geometry that the library would use: where the garment goes, how long sleeves and hem are.
        mask: float32 (H, W), the edit mask of that geometry.
        before: the pose in `photo` that the checks compare with; found when it is first needed.
        seconds, cpu_seconds: spent on the analysis.
    """

    pair: Pair
    photo: np.ndarray | None = None
    cloth: np.ndarray | None = None
    person: Person | None = None
    garment: Garment | None = None
    inputs: TryOnInputs | None = None
    mask: np.ndarray | None = None
    before: Pose | None = None
    error: TryOnError | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Studio:
    """Prepares cases; the networks are loaded once.

    Args:
        threads: CPU threads; None uses all cores.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._reference = Watched(GeometricEngine())
        self.try_on = TryOn(engine=self._reference, threads=threads)

    def prepare(self, pair: Pair) -> Case:
        """Read and analyse a pair. Typed failures end up in `Case.error`."""
        case = Case(pair)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            case.photo = imageio.load(pair.person).image
            if pair.garment is not None:
                loaded = imageio.load(pair.garment)
                case.cloth = loaded.image
            case.timings_ms["decode"] = _ms(wall)
            start = time.perf_counter()
            case.person = self.try_on.analyse_person(case.photo)
            case.timings_ms["person"] = _ms(start)
            if pair.garment is not None:
                start = time.perf_counter()
                case.garment = self.try_on.analyse_garment(loaded, pair.category)
                case.timings_ms["garment"] = _ms(start)
        except TryOnError as error:
            case.error = error
        case.seconds, case.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        if case.error is None:
            try:
                self._refer(case)
            except TryOnError as error:
                case.error = error
        return case

    def _refer(self, case: Case) -> None:
        """Geometry and edit mask; not counted as time of any system."""
        assert case.photo is not None and case.person is not None
        if case.garment is None:
            case.inputs = cut_out(case.person)
            case.mask = photo_edit_mask(case.inputs, case.photo.shape[:2])
            return
        self.try_on.engine = self._reference
        result = self.try_on(case.person, case.garment, category=case.pair.category, explain=True)
        case.inputs = self._reference.inputs
        case.mask = result.explain["edit_mask"]


def _ms(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 1)

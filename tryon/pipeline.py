"""The whole path: two photos in, a picture out."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from . import __version__, beside, imageio, weights
from .compose import edit_box
from .engines import Engine, make_engine
from .engines.base import Render
from .errors import UsageError
from .finish import finish, photo_edit_mask, texture
from .inputs import PersonView, TryOnInputs, build_inputs, edit_window
from .outfit import arrange, bare_necked, joined_report, opened_waist, redressed, unique
from .preprocess import light
from .preprocess.garment import GarmentAnalyser, ShowsPerson
from .preprocess.person import PersonAnalyser
from .preprocess.unwarp import taken_from, unwarp
from .preprocess.worn import MAX_SIDE, as_worn, settle_category
from .preprocess.worn_cloth import Layering
from .quality import assess
from .types import CATEGORIES, Garment, Person

#: What `TryOn` accepts as a picture: a path, bytes, a binary file, a PIL image or an array.
Source = imageio.Source
#: What `engine="auto"` takes for a category, where not the default: looking at both showed no better legs than the
#: geometry alone gives. Of dresses the generator draws arms and neck.
AUTO = {"lower": "geometric"}


@dataclass(frozen=True)
class Result:
    """A finished try-on.

    Args:
        image: uint8 (H, W, 3), the person photo's size, upright.
        report: see `tryon infer --report`.
        explain: intermediate pictures and records by name, empty unless asked for.
    """

    image: np.ndarray
    report: dict[str, Any]
    explain: dict[str, Any] = field(default_factory=dict)


class _Clock:
    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._lock = threading.Lock()  # both photos are analysed at the same time

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        with self._lock:
            self.ms[stage] = round(self.ms.get(stage, 0.0) + (time.perf_counter() - start) * 1000, 1)


class TryOn:
    """Virtual try-on.

    Args:
        engine: "auto" (chooses by category), "onnx", "torch" or "geometric", or an object with the `Engine` methods.
        threads: CPU threads; None uses all cores.

    Example:
        >>> result = TryOn()("person.jpg", "garment.jpg")  # doctest: +SKIP
        >>> result.image.shape, result.report["quality"]  # doctest: +SKIP
    """

    def __init__(self, engine: str | Engine = "auto", threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be at least 1, got {threads}.", "Leave it out to use all cores.")
        if threads:
            cv2.setNumThreads(threads)
        self._threads = threads
        self.engine = make_engine(engine, threads) if isinstance(engine, str) else engine
        self._chosen: dict[str, Engine] = {} if engine != "auto" else {name: make_engine(AUTO[name]) for name in AUTO}
        self.people = PersonAnalyser()
        self.garments = GarmentAnalyser(threads=threads)

    def __call__(
        self,
        person: Source | Person,
        garment: Source | Garment | Sequence[Source | Garment],
        *,
        category: str | Sequence[str] = "auto",
        person_box: tuple[float, float, float, float] | None = None,
        explain: bool = False,
        worn: bool | None = None,
        tuck: bool = False,
        bare_neck: bool = False,
    ) -> Result:
        """Dress a person.

        Args:
            person, garment: pictures, or what `analyse_person` and `analyse_garment` returned (to use them again). A
                list or tuple of garments is an outfit.
            category: "auto" or one of `CATEGORIES`; for an outfit also one for each garment.
            person_box: (x0, y0, x1, y1) px of the upright photo: which person.
            explain: also return the intermediate pictures (of an outfit: of its last garment, and all edits' mask).
            worn: the garment photo shows somebody who wears it; None looks.
            tuck: in an outfit, the top goes under the waistband.
            bare_neck: what lies round the neck (scarf, necklace) goes with the old clothes, instead of staying in
                front of the new ones.

        Raises:
            TryOnError: the pictures can't be used; says why and what to do.
        """
        clock = _Clock()
        garments: list[Any] = list(garment) if isinstance(garment, (list, tuple)) else [garment]
        kinds = _categories(category, len(garments))
        who, what = self._analyse(person, garments, kinds, person_box, clock, worn)
        who = bare_necked(who) if bare_neck else who
        what = [settle_category(g) if kind == "auto" else g for g, kind in zip(what, kinds, strict=True)]
        layers = arrange(what, tuck)
        reports, pictures = [], {}
        union = np.zeros(who.image.shape[:2], np.float32)
        for layer in layers:
            last = layer is layers[-1]
            if tuck and layer.garment.category == "lower" and len(layers) > 1:
                who = opened_waist(who)
            inputs, render, mask, image, engine = self._wear(who, layer.garment, clock)
            reports.append(self._report(who, layer.garment, inputs, mask, clock, engine))
            union = np.maximum(union, mask)
            if last and explain:
                pictures = _explain(who, layer.garment, inputs, render, union)
            if not last:
                who = redressed(who, image, inputs, mask, layer.label)
        report = reports[0] if len(layers) == 1 else joined_report(reports, layers, union)
        return Result(image, report, pictures)

    def _wear(
        self, who: Person, what: Garment, clock: _Clock
    ) -> tuple[TryOnInputs, Render, np.ndarray, np.ndarray, Engine]:
        """One garment: its inputs, the render, the edit mask and the picture at photo size, and the engine used."""
        with clock("geometry"):
            placement = edit_window(who.pose, who.parse, category=what.category)
            # finer than the photo can show would only cost time
            detail = int(np.clip(1.15 * placement.height / placement.scale, 512, MAX_SIDE))
            worn = beside.start(as_worn, what, detail)
            view = PersonView(who, placement)
            view.parse_for(what.category)
            inputs = build_inputs(who, worn(), placement, view=view)
        engine = self._engine_for(what.category)
        drawn = beside.start(engine.render, inputs)
        with clock("compose"):
            mask = photo_edit_mask(inputs, who.image.shape[:2])
            fine = texture(inputs, mask)
            shine = _light(inputs)
        with clock("render"):
            render = drawn()
            render = replace(render, gain=render.gain * shine)
        with clock("compose"):
            image = finish(who.image, inputs, render, mask, fine)
        return inputs, render, mask, image, engine

    def _engine_for(self, category: str) -> Engine:
        """The engine of a category: the one asked for, or what `AUTO` names."""
        return self._chosen.get(category, self.engine)

    def _analyse(
        self,
        person: Source | Person,
        garments: Sequence[Source | Garment],
        categories: Sequence[str],
        person_box: tuple[float, float, float, float] | None,
        clock: _Clock,
        worn: bool | None,
    ) -> tuple[Person, list[Garment]]:
        """All photos' analyses, at the same time where there are cores for it. The person's error comes first."""

        def clothes() -> list[Garment]:
            return [
                g if isinstance(g, Garment) else self.analyse_garment(g, kind, clock, worn=worn)
                for g, kind in zip(garments, categories, strict=True)
            ]

        known = all(isinstance(g, Garment) for g in garments)
        if isinstance(person, Person) or known or self._threads == 1:
            who = person if isinstance(person, Person) else self.analyse_person(person, person_box, clock)
            return who, clothes()
        with ThreadPoolExecutor(1, "garment") as pool:
            other = pool.submit(clothes)
            try:
                who = self.analyse_person(person, person_box, clock)
            except BaseException:
                other.cancel()
                raise
            return who, other.result()

    def analyse_person(
        self, source: Source, person_box: tuple[float, float, float, float] | None = None, clock: _Clock | None = None
    ) -> Person:
        """Pose and parse of a person photo, to be used for several garments."""
        clock = clock or _Clock()
        with clock("decode"):
            image = imageio.load(source).image
        with clock("person"):
            return self.people(image, person_box=person_box)

    def analyse_garment(
        self, source: Source, category: str = "auto", clock: _Clock | None = None, *, worn: bool | None = None
    ) -> Garment:
        """Matte, landmarks and category of a garment photo, to be used for several people.

        Args:
            worn: the photo shows somebody who wears the garment, which is then laid out flat; None looks.
        """
        clock = clock or _Clock()
        with clock("decode"):
            loaded = imageio.load(source)
        with clock("garment"):
            if worn:
                return taken_from(self.people, loaded.image, category)
            if worn is False:
                return self.garments(loaded.image, loaded.alpha, category, alone=True)  # type: ignore[arg-type]
            try:
                return self.garments(loaded.image, loaded.alpha, category)  # type: ignore[arg-type]
            except ShowsPerson as refusal:
                if loaded.alpha is not None:
                    raise
                try:
                    return taken_from(self.people, loaded.image, category, refusal)
                except ShowsPerson:  # nobody is there
                    return self.garments(loaded.image, None, category, alone=True)  # type: ignore[arg-type]

    def extract(
        self,
        person: Source | Person,
        *,
        category: str = "auto",
        layer: Layering = "auto",
        person_box: tuple[float, float, float, float] | None = None,
    ) -> Garment:
        """What a person wears, laid out flat ("try-off"), see `preprocess.unwarp.unwarp`.

        Raises:
            TryOnError: the photo can't be used, or too little of the garment is in sight.
        """
        (kind,) = _categories(category, 1)
        who = person if isinstance(person, Person) else self.analyse_person(person, person_box)
        return unwarp(who, kind, layer)  # type: ignore[arg-type]

    def _report(
        self, who: Person, what: Garment, inputs: TryOnInputs, mask: np.ndarray, clock: _Clock, engine: Engine
    ) -> dict[str, Any]:
        quality, notices = assess(who, what, inputs)
        used = (*weights.ANALYSIS, *engine.weights)
        known = set(weights.names())
        return {
            "status": "ok",
            "category": what.category,
            "quality": round(quality, 3),
            "warnings": [{"code": n.code, "message": n.message} for n in unique(notices)],
            "edit_box": edit_box(mask),
            "timings_ms": clock.ms,
            "engine": engine.name,
            "weights": weights.describe(name for name in used if name in known),
            "versions": _versions(),
        }


def _categories(category: str | Sequence[str], count: int) -> list[str]:
    """One category for each garment."""
    kinds = [category] * count if isinstance(category, str) else list(category)
    for kind in kinds:
        if kind != "auto" and kind not in CATEGORIES:
            raise UsageError(f"There is no category {kind!r}.", f"Choose auto, {', '.join(CATEGORIES)}.")
    if len(kinds) != count or count == 0:
        raise UsageError(f"There are {count} garments and {len(kinds)} categories.", "Give one for each, or none.")
    return kinds


def _versions() -> dict[str, str]:
    import onnxruntime

    return {
        "tryon": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _light(inputs: TryOnInputs) -> np.ndarray:
    """The photo's light on the garment, whose mean colour stays what it is: float32 (h, w), to be multiplied."""
    if inputs.worn.category == "lower":
        return np.ones(inputs.coverage.shape, np.float32)
    falls = light.on_body(inputs.image, inputs.parse, inputs.body)
    level = float((falls * inputs.coverage).sum() / max(float(inputs.coverage.sum()), 1e-3))
    return falls / max(level, 0.5)


def _explain(who: Person, what: Garment, inputs: TryOnInputs, render: Any, mask: np.ndarray) -> dict[str, Any]:
    """The intermediate pictures and records, by name."""
    pose = who.image.copy()
    radius = max(2, round(max(pose.shape[:2]) / 250))
    for x, y, visibility in who.pose.keypoints:
        colour = (40, 220, 60) if visibility > 0.5 else (230, 60, 40)
        cv2.circle(pose, (round(float(x)), round(float(y))), radius, colour, -1, cv2.LINE_AA)
    record = {
        "category": what.category,
        "sleeve": what.sleeve,
        "length": what.length,
        "landmarks": dict(what.landmarks.items()),
        "scores": what.scores,
        "confidence": what.confidence,
        "open_front": what.open_front,
    }
    return {
        "pose": pose,
        "parse": who.parse,
        "agnostic": np.clip(inputs.agnostic.plate, 0, 255).astype(np.uint8),
        "warped_garment": np.clip(inputs.warped * (inputs.coverage > 0.004)[..., None], 0, 255).astype(np.uint8),
        "alpha": render.alpha,
        "gain": render.gain / 2,
        "edit_mask": mask,
        "garment_mask": what.mask,
        "garment": record,
    }

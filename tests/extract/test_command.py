"""`tryon extract`, and the options of `tryon infer` for worn garments and outfits, with stand-ins for the pipeline."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_pipeline import Fake
from pictures import encoded, scene

from tests import drawn_garments
from tryon import imageio
from tryon.preprocess.worn_cloth import GarmentHidden

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with p.png, top.jpg and jeans.jpg."""
    (tmp_path / "p.png").write_bytes(encoded(scene(), "PNG"))
    (tmp_path / "top.jpg").write_bytes(encoded(scene(seed=2), "JPEG"))
    (tmp_path / "jeans.jpg").write_bytes(encoded(scene(seed=3), "JPEG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What `TryOn.extract` was asked; it returns a drawn T-shirt."""
    asked: list[dict] = []

    class TryOn:
        def __init__(self, engine: str = "auto", threads: int | None = None) -> None:
            pass

        def extract(self, person, **options):
            asked.append({"person": person, **options})
            if options["category"] == "dress":
                raise GarmentHidden("The person wears no dress.", "Name another category.")
            return drawn_garments.garment()

    module = types.ModuleType("tryon.pipeline")
    module.TryOn = TryOn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tryon.pipeline", module)
    return asked


EXTRACT = ("extract", "--person", "p.png", "--out", "flat.png")


def test_a_transparent_picture_without_metadata_is_written(calls, place, run):
    code, out, err = run(*EXTRACT)
    assert code == 0 and err == "" and out == "wrote flat.png (upper, confidence 1.00)\n"
    alpha = imageio.load("flat.png").alpha
    assert alpha is not None and 0.1 < (alpha == 1).mean() < 0.9 and (alpha == 0).any()
    data = Path("flat.png").read_bytes()
    assert not any(chunk in data for chunk in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP"))
    assert calls == [{"person": "p.png", "category": "auto", "layer": "auto", "person_box": None}]
    assert sorted(path.name for path in place.iterdir()) == ["flat.png", "jeans.jpg", "p.png", "top.jpg"]


def test_options_of_extract_arrive(calls, place, run):
    options = ("--category", "lower", "--layer", "outer", "--person-box", "1,2,30,40", "--threads", "2")
    assert run("extract", "--person", "p.png", "--out", "flat.webp", *options)[0] == 0
    assert calls[0]["category"] == "lower" and calls[0]["layer"] == "outer"
    assert calls[0]["person_box"] == (1.0, 2.0, 30.0, 40.0)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("extract", "--person", "p.png", "--out", "flat.jpg"), 2),  # no transparency there
        (("extract", "--person", "p.png", "--out", "p.png"), 2),
        (("extract", "--person", "p.png", "--out", "flat"), 2),
        (("extract", "--person", "p.png"), 2),
        ((*EXTRACT, "--layer", "third"), 2),
        (("extract", "--person", "p.png", "--out", "missing/flat.png"), 3),
        ((*EXTRACT, "--category", "dress"), 3),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(calls, place, run, arguments, expected):
    before = sorted(path.name for path in place.iterdir())
    code, out, err = run(*arguments)
    assert code == expected and out == ""
    assert err.startswith("tryon: error: ") and err.count("\n") == 1
    assert sorted(path.name for path in place.iterdir()) == before


INFER = ("infer", "--person", "p.png", "--garment", "top.jpg")


@pytest.fixture
def outfit(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What `TryOn` was asked for several garments."""
    asked: list[dict] = []
    fake = Fake().install(monkeypatch)
    module = sys.modules["tryon.pipeline"]
    single = module.TryOn.__call__

    def call(self, person, garment, **options):
        asked.append({"garment": garment, **options})
        first = garment[0] if isinstance(garment, list) else garment
        return single(self, person, first, explain=options["explain"])

    monkeypatch.setattr(module.TryOn, "__call__", call)
    assert fake is not None
    return asked


def test_several_garments_are_an_outfit(outfit, place, run):
    arguments = (*INFER, "--garment", "jeans.jpg", "--category", "upper,lower", "--tuck", "--worn", "--out", "o.png")
    assert run(*arguments)[0] == 0
    assert outfit[0]["garment"] == ["top.jpg", "jeans.jpg"] and outfit[0]["category"] == ["upper", "lower"]
    assert outfit[0]["tuck"] is True and outfit[0]["worn"] is True


def test_one_garment_is_none_and_nothing_new_is_said(outfit, place, run):
    assert run(*INFER, "--out", "o.png")[0] == 0
    assert outfit[0]["garment"] == "top.jpg" and "tuck" not in outfit[0] and "worn" not in outfit[0]


@pytest.mark.parametrize(
    "arguments",
    [
        (*INFER, "--tuck"),
        (*INFER, "--category", "upper,hat"),
        (*INFER, "--garment", "jeans.jpg", "--out", "jeans.jpg"),
    ],
)
def test_wrong_outfits_are_usage_errors(outfit, place, run, arguments):
    code, _, err = run(*arguments)
    assert code == 2 and not outfit and err.count("\n") == 1

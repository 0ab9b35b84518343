"""`tryon display`: files, manifest, exit codes, one-line errors; with a stand-in for the pipeline."""

from __future__ import annotations

import functools
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_garments import garment
from fake_try_on import BLACK, FakeTryOn, photo

from tryon import imageio
from tryon.types import Garment

Run = Callable[..., tuple[int, str, str]]


class Pipeline(FakeTryOn):
    """Analyses photos of garments as the drawn shirt."""

    made: list[Pipeline] = []

    def __init__(self, engine: str = "auto", threads: int | None = None) -> None:
        super().__init__(engine)
        self.people = 0
        self.made.append(self)

    def analyse_person(self, source: imageio.Source, person_box: Any = None) -> Any:
        self.people += 1
        return super().analyse_person(source, person_box)

    def analyse_garment(self, source: imageio.Source, category: str = "auto") -> Garment:
        super().analyse_garment(source, category)
        return garment()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a garment, two people, somebody who can't be used, a swatch; and the stand-in."""
    for seed, name in enumerate(("g.png", "anna.png", "bob.png")):
        (tmp_path / name).write_bytes(photo(seed))
    (tmp_path / "dark.png").write_bytes(photo(4, BLACK))
    swatch = np.random.default_rng(0).integers(60, 200, (64, 80, 3), np.uint8)
    imageio.save(tmp_path / "swatch.jpg", swatch)
    module = types.ModuleType("tryon.pipeline")
    module.TryOn = Pipeline  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tryon.pipeline", module)
    monkeypatch.setattr(Pipeline, "made", [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(run: Run) -> Run:
    """Run `tryon display`."""
    return functools.partial(run, "display")


def test_everything_in_a_folder(place: Path, run: Run) -> None:
    arguments = ("--colours", "navy, #c03030", "--material", "denim", "swatch.jpg", "--persons", "anna.png", "bob.png")
    code, out, err = run("g.png", "--out", "o", *arguments)
    assert (code, err) == (0, "") and out == "wrote o/sheet.png: 5 variants on 2 people\n"
    names = ["original", "colour-navy", "colour-c03030", "material-denim", "material-swatch"]
    assert sorted(p.stem for p in Path("o/flat").iterdir()) == sorted(names)
    worn = [f"{name}__{who}.png" for name in names for who in ("anna", "bob")]
    assert sorted(p.name for p in Path("o/worn").iterdir()) == sorted(worn)
    manifest = json.loads(Path("o/manifest.json").read_text())
    assert [v["name"] for v in manifest["variants"]] == names and manifest["sheet"] == "sheet.png"
    assert manifest["variants"][2]["colour"] == "#c03030" and manifest["variants"][4]["repeat"] == 0.3
    for variant in manifest["variants"]:
        assert imageio.load(Path("o") / variant["flat"]).alpha is not None
        assert all(imageio.load(Path("o") / w["picture"]).image.shape == (96, 80, 3) for w in variant["worn"])
    assert Pipeline.made[0].people == 2  # each photo is analysed once
    flat = imageio.load("o/flat/colour-c03030.png")
    cloth = np.median(flat.image[150:250, 90:180].reshape(-1, 3), axis=0)
    assert cloth == pytest.approx((192, 48, 48), abs=12)


def test_one_picture_and_nothing_else(place: Path, run: Run) -> None:
    before = {p.name for p in place.iterdir()}
    assert run("g.png", "--out", "s.jpg", "--colours", "2", "--no-original")[:2] == (0, "wrote s.jpg: 2 variants\n")
    assert {p.name for p in place.iterdir()} == before | {"s.jpg"}
    assert imageio.load("s.jpg").image.shape[0] > 600
    assert Pipeline.made[0].engine == "geometric"  # nothing is rendered


def test_the_sheet_elsewhere_and_usual_colours(place: Path, run: Run) -> None:
    code, out, _ = run("g.png", "--out", "o", "--sheet", "s.webp")
    assert code == 0 and out == "wrote s.webp: 6 variants\n"
    assert Path("s.webp").exists() and not Path("o/sheet.png").exists()
    assert json.loads(Path("o/manifest.json").read_text())["sheet"] == "s.webp"


def test_somebody_who_cannot_be_used_fails_alone(place: Path, run: Run) -> None:
    code, _, err = run("g.png", "--out", "o", "--colours", "navy", "--persons", "dark.png", "anna.png")
    assert code == 5 and err.count("\n") == 1 and "dark.png" in err and "no person" in err
    worn = json.loads(Path("o/manifest.json").read_text())["variants"][1]["worn"]
    assert worn[0]["error"]["code"] == "no_person" and worn[1]["picture"] == "worn/colour-navy__anna.png"
    assert run("g.png", "--out", "o", "--colours", "navy", "--persons", "dark.png")[0] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("g.png", "--out", "o", "--colours", "navy,blurple"), 2, "'blurple' is not a colour"),
        (("g.png", "--out", "o", "--colours", "#12345"), 2, "is not a colour"),
        (("g.png", "--out", "o", "--colours", "99"), 2, "too many"),
        (("g.png", "--out", "o", "--colours", ","), 2, "is not a colour"),
        (("g.png", "--out", "o", "--material", "velvet"), 2, "denim"),
        (("g.png", "--out", "o", "--material", "nowhere.jpg"), 3, "nowhere.jpg"),
        (("g.png", "--out", "o", "--material", "broken.jpg"), 3, "swatch 'broken.jpg'"),
        (("g.png", "--out", "o", "--repeat", "0"), 2, "share"),
        (("g.png", "--out", "o", "--persons", "nobody*.jpg"), 3, "no person"),
        (("g.png", "--out", "o/deep/deeper"), 3, "can't be made"),
        (("g.png", "--out", "g.png"), 2, "one of the inputs"),
        (("g.png", "--out", "s.png", "--sheet", "t.png"), 2, "--sheet"),
        (("g.png", "--out", "o", "--sheet", "t.gif"), 2, "t.gif"),
        (("g.png", "--out", "o", "--sheet", "anna.png", "--persons", "anna.png"), 2, "one of the inputs"),
        (("missing.png", "--out", "o"), 3, "no file"),
        ((), 2, "required"),
    ],
)
def test_errors_are_one_line(place: Path, run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    Path("broken.jpg").write_bytes(b"\xff\xd8\xffnothing")
    before = {p.name: p.read_bytes() for p in place.iterdir()}
    got, out, err = run(*arguments)
    assert (got, out) == (code, "") and err.startswith("tryon: error: ") and err.count("\n") == 1, err
    assert words in err
    assert {p.name: p.read_bytes() for p in place.iterdir() if p.is_file()} == before


def test_an_input_in_the_folder_is_not_overwritten(place: Path, run: Run) -> None:
    Path("o/flat").mkdir(parents=True)
    data = photo(9)
    Path("o/flat/original.png").write_bytes(data)
    assert run("o/flat/original.png", "--out", "o", "--colours", "navy")[0] == 2
    assert Path("o/flat/original.png").read_bytes() == data


def test_pictures_carry_no_metadata_and_are_the_same_again(place: Path, run: Run) -> None:
    assert run("g.png", "--out", "a", "--colours", "rust")[0] == run("g.png", "--out", "b", "--colours", "rust")[0] == 0
    for name in ("flat/colour-rust.png", "sheet.png"):
        data = (Path("a") / name).read_bytes()
        assert data == (Path("b") / name).read_bytes()
        assert not any(chunk in data for chunk in (b"tEXt", b"eXIf", b"tIME", b"iCCP"))

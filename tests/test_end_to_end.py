"""The real pipeline on the demo pictures, through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile import make
from pictures import scene

from tryon import TryOn, TryOnError, imageio, weights
from tryon.doctor import REQUIRED_WEIGHTS

ROOT = Path(__file__).resolve().parent.parent
PERSON, GARMENT = ROOT / "assets/demo/person.png", ROOT / "assets/demo/garment.jpg"

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.skipif(
        not set(REQUIRED_WEIGHTS) <= set(weights.names()), reason="SKIPPED, NOT CHECKED: the weights are not there"
    ),
]


@pytest.fixture(scope="module")
def try_on() -> TryOn:
    return TryOn(threads=1)


def infer(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tryon", "infer", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize("engine", ["onnx", "geometric"])
def test_demo(tmp_path: Path, engine: str) -> None:
    done = infer(
        tmp_path, "--person", str(PERSON), "--garment", str(GARMENT), "--out", "o.png", "--engine", engine,
        "--report", "r.json", "--explain", "why",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("tryon: warning: ") for line in done.stderr.splitlines()), done.stderr
    photo, result = imageio.load(PERSON).image, imageio.load(tmp_path / "o.png").image
    mask = imageio.load(tmp_path / "why/edit_mask.png").image[..., 0]
    assert result.shape == photo.shape and mask.shape == photo.shape[:2]
    np.testing.assert_array_equal(result[mask == 0], photo[mask == 0])
    changed = np.abs(result.astype(int) - photo).mean(axis=2) > 10
    assert changed.mean() > 0.05  # somebody was dressed
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["status"] == "ok" and report["engine"] == engine and report["category"] == "upper"
    assert 0 <= report["quality"] <= 1 and all(set(w) == {"code", "message"} for w in report["warnings"])
    rows, columns = np.flatnonzero((mask > 0).any(axis=1)), np.flatnonzero((mask > 0).any(axis=0))
    assert report["edit_box"] == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    assert {entry["name"] for entry in report["weights"]} >= {"parser", "garment"}
    garment = json.loads((tmp_path / "why/garment.json").read_text())
    assert garment["category"] == "upper" and garment["sleeve"] in ("short", "half")
    legend = json.loads((tmp_path / "why/parse.json").read_text())
    assert "background" in legend.values()


def test_same_input_same_bytes(try_on: TryOn) -> None:
    photo, cloth = imageio.load(PERSON).image, imageio.load(GARMENT).image
    before = photo.copy(), cloth.copy()
    first, second = try_on(photo, cloth), try_on(photo, cloth)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(photo, before[0])
    np.testing.assert_array_equal(cloth, before[1])


def test_pictures_of_nothing_are_typed_errors(try_on: TryOn) -> None:
    static = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    blanks = [np.full((300, 200, 3), value, np.uint8) for value in (0, 127, 255)]
    for nothing in (*blanks, static, scene(300, 200), scene(64, 64), scene(64, 3000)):
        with pytest.raises(TryOnError) as caught:
            try_on(nothing, GARMENT)
        assert caught.value.exit_code == 3 and caught.value.remedy
    for nothing in (*blanks, static):
        with pytest.raises(TryOnError) as caught:
            try_on(PERSON, nothing)
        assert caught.value.exit_code == 3 and caught.value.remedy


@pytest.mark.parametrize("role", ["person", "garment"])
def test_mutated_photos(try_on: TryOn, role: str) -> None:
    photo, cloth = imageio.load(PERSON).image[::2, ::2], imageio.load(GARMENT).image[::3, ::3]
    bases = [imageio.encode(photo if role == "person" else cloth, format) for format in ("JPEG", "PNG", "WEBP")]
    decoded = 0
    for name, data in make.mutations(25, seed=7, bases=bases):
        try:
            result = try_on(data, cloth) if role == "person" else try_on(photo, data)
        except TryOnError as error:
            assert error.remedy and "\n" not in str(error), name
            continue
        size = imageio.load(data).image.shape if role == "person" else photo.shape
        assert result.image.shape == size and result.image.dtype == np.uint8, name
        decoded += 1
    assert decoded > 0


def test_a_broken_box_is_a_typed_error(try_on: TryOn) -> None:
    for box in ((0.0, 0.0, 3.0, 3.0), (5000.0, 5000.0, 6000.0, 6000.0)):
        with pytest.raises(TryOnError):
            try_on(PERSON, GARMENT, person_box=box)

"""Intermediate results as files."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from pictures import scene
from PIL import Image

from tryon.explain import plain, write_explain
from tryon.labels import Label


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())))  # noqa: TID251


def test_files(tmp_path: Path) -> None:
    labels = np.arange(80 * 60).reshape(80, 60).astype(np.uint8) % len(Label)
    mask = np.zeros((80, 60), np.float32)
    mask[10, 10] = 1e-6
    entries = {
        "pose": scene(80, 70),
        "parse": labels,
        "edit_mask": mask,
        "garment": {
            "landmarks": {"neck_left": (np.float32(1.5), 2), "hem_left": None},
            "confidence": np.float64("nan"),
        },
        "hole": mask > 0,
        "warped": scene(80, 70).astype(np.float32) / 255,
    }
    write_explain(tmp_path, entries)
    np.testing.assert_array_equal(pixels(tmp_path / "pose.png"), entries["pose"])
    np.testing.assert_array_equal(pixels(tmp_path / "warped.png"), entries["pose"])
    np.testing.assert_array_equal(pixels(tmp_path / "parse.png"), labels)
    np.testing.assert_array_equal(pixels(tmp_path / "edit_mask.png") > 0, mask > 0)  # 0 means exactly 0
    assert set(np.unique(pixels(tmp_path / "hole.png"))) == {0, 255}
    assert json.loads((tmp_path / "parse.json").read_text())[str(int(Label.TOP))] == "top"
    record = json.loads((tmp_path / "garment.json").read_text())
    assert record == {"landmarks": {"neck_left": [1.5, 2], "hem_left": None}, "confidence": None}
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["../a", "a/b", "", "A", "a.b", "a\0", "x" * 100, "a b"])
def test_names_can_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="names"):
        write_explain(tmp_path, {name: scene()})
    assert not any(tmp_path.iterdir())


def test_plain() -> None:
    assert plain({1: (np.int64(3), np.bool_(True), Path("a"), float("inf"), None)}) == {"1": [3, True, "a", None, None]}

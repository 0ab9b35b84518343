"""Weights: nothing is loaded whose hash is not the manifest's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tryon import errors, weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A weights folder with one network: y = x + x."""
    helper = pytest.importorskip("onnx.helper")
    from onnx import TensorProto

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = model.SerializeToString()
    (tmp_path / "double.onnx").write_bytes(data)
    entry = {"file": "double.onnx", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (tmp_path / weights.MANIFEST).write_text(json.dumps({"double": entry}))
    return tmp_path


def test_good_weights_run(folder: Path) -> None:
    session = weights.session("double", threads=1, folder=folder)
    result = session.run(None, {"x": np.ones((3, 2), np.float32)})[0]
    np.testing.assert_array_equal(result, np.full((3, 2), 2))
    assert session.get_session_options().intra_op_num_threads == 1
    assert weights.path("double", folder) == folder / "double.onnx"
    assert weights.names(folder) == ["double"]
    assert weights.describe(["double"], folder)[0]["sha256"] == weights.info("double", folder)["sha256"]


def test_every_flipped_byte_is_noticed(folder: Path) -> None:
    good, rng = (folder / "double.onnx").read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(good)
        bad[int(rng.integers(len(bad)))] ^= int(rng.integers(1, 256))
        (folder / "double.onnx").write_bytes(bad)
        with pytest.raises(errors.WeightsError):
            weights.session("double", folder=folder)


@pytest.mark.parametrize("content", [b"", b"x", b"\x80\x04\x95pickle", b"PK\x03\x04"])
def test_other_files_are_refused(folder: Path, content: bytes) -> None:
    (folder / "double.onnx").write_bytes(content)
    with pytest.raises(errors.WeightsError) as caught:
        weights.session("double", folder=folder)
    assert caught.value.exit_code == 4 and caught.value.remedy


def test_a_right_hash_of_nonsense_is_a_weights_error(folder: Path) -> None:
    (folder / "double.onnx").write_bytes(b"nonsense")
    entry = {"file": "double.onnx", "sha256": hashlib.sha256(b"nonsense").hexdigest()}
    (folder / weights.MANIFEST).write_text(json.dumps({"double": entry}))
    with pytest.raises(errors.WeightsError):
        weights.session("double", folder=folder)


def test_missing_things(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.WeightsError, match="triple"):
        weights.session("triple", folder=folder)
    (folder / "double.onnx").unlink()
    with pytest.raises(errors.WeightsError):
        weights.session("double", folder=folder)
    with pytest.raises(errors.WeightsError):
        weights.manifest(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a": 1}', '{"a": {"file": "../../passwd", "sha256": "0"}}', '{"a": {"file": "/x", "sha256": ""}}',
     '{"a": {"file": "..", "sha256": "0"}}', '{"a": {"sha256": "0"}}', "\x00",
     '{"a": {"file": "x", "sha256": "0", "settings": 1}}'],
)  # fmt: skip
def test_damaged_manifests(folder: Path, text: str) -> None:
    (folder / weights.MANIFEST).write_text(text)
    with pytest.raises(errors.WeightsError):
        weights.session("a", folder=folder)


def test_the_shipped_weights_are_what_the_manifest_says() -> None:
    total = 0
    for name in weights.names():
        data = weights.read(name)
        entry = weights.info(name)
        assert entry["bytes"] == len(data)
        assert entry.get("licence")
        total += len(data)
    assert total < 60e6


def test_usable_cores() -> None:
    assert 1 <= weights.usable_cores() <= weights.MAX_THREADS


def test_own_weights_come_before_the_shipped_ones(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = folder / "shipped"
    shipped.mkdir()
    for name, data in (("double", b"old"), ("other", b"kept")):
        (shipped / f"{name}.onnx").write_bytes(data)
    entries = {
        name: {"file": f"{name}.onnx", "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in (("double", b"old"), ("other", b"kept"))
    }
    (shipped / weights.MANIFEST).write_text(json.dumps(entries))
    monkeypatch.setattr(weights, "FOLDER", shipped)
    monkeypatch.delenv(weights.OVERLAY, raising=False)
    assert weights.read("double") == b"old"
    monkeypatch.setenv(weights.OVERLAY, str(folder))
    assert weights.read("double") == (folder / "double.onnx").read_bytes() != b"old"
    assert weights.path("double").parent == folder and weights.read("other") == b"kept"
    assert weights.names() == ["double", "other"]
    assert weights.describe(["double"])[0]["sha256"] == weights.info("double", folder)["sha256"]
    assert weights.read("double", shipped) == b"old"  # a folder that is asked for is the only one
    assert not weights.together("double", "other")  # one's own parser does not work with the shipped closer look
    monkeypatch.delenv(weights.OVERLAY)
    assert weights.together("double", "other") and not weights.together("double", "nothing")
    monkeypatch.setenv(weights.OVERLAY, str(folder / "nowhere"))
    with pytest.raises(errors.WeightsError, match="tryon export"):
        weights.read("other")

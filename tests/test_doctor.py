"""The doctor tells a healthy installation from a broken one."""

from __future__ import annotations

import builtins
import sys

import pytest

from tryon import cli, doctor, errors, weights


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not import torch here: it takes seconds."""
    real = doctor._library

    def library(module: str, remedy: str, **options: object) -> doctor.Finding:
        return doctor.Finding("torch", optional=True) if module == "torch" else real(module, remedy, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(doctor, "_library", library)


def test_healthy(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(weights, "read", lambda name: b"x" * 1000)
    monkeypatch.setattr(weights, "info", lambda name: {"sha256": "0" * 64})
    assert cli.main(["doctor"]) == 0
    out, err = capfd.readouterr()
    assert err == "" and "FAIL" not in out and out.count("\n") >= 10
    for word in ("Python", "OpenCV", "mediapipe", "onnxruntime", "weights parser", "weights generator"):
        assert f"ok: {word}" in out


def test_damaged_weights(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def damaged(name: str) -> bytes:
        raise errors.WeightsError("Damaged.", "Install again.")

    monkeypatch.setattr(weights, "read", damaged)
    assert cli.main(["doctor"]) == 4
    assert "FAIL: weights parser: Damaged. Install again." in capfd.readouterr().out


def test_missing_libgl(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **options: object) -> object:
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
        return real(name, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: without(name))
    finding = doctor._opencv()
    assert finding.broken and "libgl1" in finding.text and "\n" not in finding.text


def test_missing_library_is_named() -> None:
    assert doctor._library("no_such_library", "pip install it").broken
    finding = doctor._library("no_such_library", "pip install it", optional=True)
    assert not finding.broken and finding.mark == "--" and "pip install it" in finding.text

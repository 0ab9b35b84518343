"""`tryon train` and `tryon export` from the command line."""

import builtins
import json
import sys

import pytest

from tryon.cli import main

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from tryon.train import toy  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(240)]
TINY = ["--set", "width=8", "--set", "d_width=8", "--set", "crop=[64, 64]", "--set", "threads=1"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    toy.write(folder, 4, (64, 64))
    return folder


def _options(shards, out):
    return [*TINY, "--set", f"shards={shards}", "--set", f"out={out}"]


def test_dry_run_prints_the_plan_and_writes_nothing(shards, tmp_path, capsys):
    assert main(["train", "tryon", *_options(shards, tmp_path / "run"), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "samples: 4 (4 drawn)" in out and "images/s" in out and "parameters" in out and "rounds" in out
    assert not list(tmp_path.iterdir())


def test_train_resume_export(shards, tmp_path, capsys):
    options = [
        *_options(shards, tmp_path / "run"),
        "--set",
        "gan_start=1",
        "--set",
        "log_images=8",
        "--set",
        "licence=MIT",
    ]
    assert main(["train", "tryon", *options, "--set", "max_images=8"]) == 0
    assert main(["train", "tryon", *options, "--set", "max_images=16", "--resume"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows] == [8, 16]
    weights = tmp_path / "run" / "generator.safetensors"
    assert main(["export", "tryon", str(weights), "--licence", "CC0-1.0"]) == 0
    manifest = json.loads((tmp_path / "run" / "export" / "manifest.json").read_text())
    assert set(manifest) == {"generator", "generator_torch"}
    assert manifest["generator"]["settings"]["confined"] is True
    assert main(["export", "tryon", str(weights)]) == 0
    again = json.loads((tmp_path / "run" / "export" / "manifest.json").read_text())
    assert again["generator"]["licence"] == "MIT"  # what the settings said, unless the command says otherwise
    assert manifest["generator"]["licence"] == "CC0-1.0" and manifest["generator"]["metrics"]["onnx_vs_torch"] <= 1e-3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "tryon", "none.toml"], "can't be read"),
        (["train", "tryon", "--set", "shards=nowhere", "--set", "out=o"], "render samples first"),
        (["train", "parser", "--resume"], "The settings lack: data"),
        (["train", "garment", "--set", "data=nowhere", "--set", "out=o", "--dry-run"], "There is no"),
        (["export", "tryon", "nowhere.safetensors"], "There is no file"),
    ],
)
def test_mistakes_are_usage_errors(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and "Traceback" not in error


def test_without_torch_the_remedy_is_named(shards, tmp_path, capsys, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "torch" or name.startswith("torch."):
            raise ImportError("No module named 'torch'")
        return real(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.startswith("tryon.train.")]:
        if not name.endswith((".settings", ".command")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["train", "tryon", *_options(shards, tmp_path)]) == 4
    assert "pip install 'tryon[train]'" in capsys.readouterr().err

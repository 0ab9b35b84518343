"""Settings files: typed, with overrides, refused in one line."""

from pathlib import Path

import pytest
from tryon.train.settings import STAGES, GarmentSettings, ParserSettings, TryOnSettings, from_command_line, read

from tryon.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


def _file(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text)
    return path


def test_file_and_overrides(tmp_path):
    file = _file(tmp_path, 'shards = ["a"]\nout = "b"\n[model]\nwidth = 16\n[data]\ncrop = [96, 64]\nlr = 1\n')
    settings = read(TryOnSettings, file, ["batch=2", "precision=float32", "val=c", "gan_kind=lsgan", "out=runs/x"])
    assert settings.shards == [Path("a")] and settings.val == [Path("c")] and settings.out == Path("runs/x")
    assert (settings.width, settings.crop, settings.batch, settings.precision) == (16, (96, 64), 2, "float32")
    assert isinstance(settings.lr, float) and settings.gan_kind == "lsgan"


def test_without_a_file():
    settings = read(GarmentSettings, None, ["data=d", "out=o", "minutes=3"])
    assert settings.data == Path("d") and settings.minutes == 3.0 and settings.people is None


@pytest.mark.parametrize(
    ("text", "overrides", "says"),
    [
        ("shards = 'a'\nwidht = 3", [], "Did you mean width"),
        ("shards = 'a'\nout = 'b'", ["batch=two"], "batch can't be 'two'. It must be a whole number"),
        ("shards = 'a'\nout = 'b'", ["batch=true"], "whole number"),
        ("shards = 'a'\nout = 'b'", ["lr=fast"], "a number"),
        ("shards = 'a'\nout = 'b'", ["resume=1"], "true or false"),
        ("shards = 'a'\nout = 'b'", ["crop=[64]"], r"\[height, width\]"),
        ("shards = 'a'\nout = 'b'", ["crop=[100, 64]"], "multiples of 32"),
        ("shards = 'a'\nout = 'b'", ["precision=fp16"], "auto, bf16, float32"),
        ("shards = 'a'\nout = 'b'", ["batch=0"], "batch must be above 0"),
        ("shards = 'a'\nout = 'b'", ["gan_kind=wasser"], "lsgan"),
        ("shards = 'a'\nout = 'b'", ["batch"], "key=value"),
        ("shards = 'a'\n", [], "lack: out"),
        ("shards = [1]\nout = 'b'", [], "a list of paths"),
        ("shards = 'a'\nout = 'b'\n[x]\nout = 'c'", [], "given twice"),
        ("shards = ", [], "is not TOML"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, overrides, says):
    with pytest.raises(UsageError, match=says) as caught:
        read(TryOnSettings, _file(tmp_path, text), overrides)
    assert "\n" not in str(caught.value)


def test_options_are_the_fields(capsys):
    arguments = ["--data", "d", "--out", "o", "--batch", "3", "--resume", "--small-share", "0.4", "--precision", "bf16"]
    settings = from_command_line(GarmentSettings, "words", arguments)
    assert settings == GarmentSettings(Path("d"), Path("o"), batch=3, resume=True, small_share=0.4, precision="bf16")
    for wrong in (["--data", "d"], [*arguments, "--batch", "many"], [*arguments, "--elapsed", "3"]):
        with pytest.raises(SystemExit) as caught:
            from_command_line(GarmentSettings, "words", wrong)
        assert caught.value.code == 2
    assert "batch can't be 'many'" in capsys.readouterr().err


def test_missing_file(tmp_path):
    with pytest.raises(UsageError, match="can't be read"):
        read(ParserSettings, tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "configs").glob("*.toml")), ids=lambda p: p.stem)
def test_shipped_examples_are_valid(path):
    read(STAGES[path.stem.split("_")[0]], path)

"""The command line's contract, with a stand-in for the pipeline: exit codes, one line of error, files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_pipeline import Fake
from hostile import make
from pictures import STORED, encoded, exif, scene

from tryon import errors, imageio

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake().install(monkeypatch)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with p.png and g.jpg."""
    (tmp_path / "p.png").write_bytes(encoded(scene(), "PNG"))
    (tmp_path / "g.jpg").write_bytes(encoded(scene(seed=2), "JPEG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


INFER = ("infer", "--person", "p.png", "--garment", "g.jpg")


def assert_one_line(err: str) -> None:
    assert err.startswith("tryon: error: ") and err.endswith("\n") and err.count("\n") == 1, err
    assert "Traceback" not in err


def test_a_picture_and_nothing_else_is_written(fake: Fake, place: Path, run: Run) -> None:
    code, out, err = run(*INFER, "--out", "o.png")
    assert code == 0 and out == "wrote o.png (engine onnx, quality 0.75)\n"
    assert err == "tryon: warning: There are several people.\n"
    assert sorted(path.name for path in place.iterdir()) == ["g.jpg", "o.png", "p.png"]
    result = imageio.load("o.png").image
    assert result.shape == (96, 128, 3)
    np.testing.assert_array_equal(result[30:], scene()[30:])
    assert fake.calls == [{"engine": "auto", "threads": None, "category": "auto", "person_box": None, "explain": False}]


def test_options_arrive(fake: Fake, place: Path, run: Run) -> None:
    options = ("--category", "dress", "--engine", "geometric", "--person-box", "1,2,30.5,40", "--threads", "3")
    assert run(*INFER, *options, "--explain", "why", "--report", "r.json", "--out", "o.webp")[0] == 0
    assert fake.calls == [
        {
            "engine": "geometric",
            "threads": 3,
            "category": "dress",
            "person_box": (1.0, 2.0, 30.5, 40.0),
            "explain": True,
        }
    ]
    assert sorted(os.listdir("why")) == ["edit_mask.png", "garment.json", "parse.json", "parse.png"]
    report = json.loads(Path("r.json").read_text())
    assert report["status"] == "ok" and report["edit_box"] == [10, 10, 20, 20] and report["quality"] == 0.75
    assert report["timings_ms"]["total"] is None  # never NaN, which is not JSON
    assert imageio.load("o.webp").format == "WEBP"


def test_a_bare_neck_is_asked_for_by_name(fake: Fake, place: Path, run: Run) -> None:
    assert run(*INFER, "--bare-neck", "--out", "o.png")[0] == 0
    assert fake.calls[0]["bare_neck"] is True


def test_default_name(fake: Fake, place: Path, run: Run) -> None:
    (place / "sub").mkdir()
    (place / "p.png").rename(place / "sub" / "anna.b.png")
    assert run("infer", "--person", "sub/anna.b.png", "--garment", "g.jpg")[0] == 0
    assert (place / "anna.b_tryon.png").is_file()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_output_has_the_size_that_the_user_sees(
    fake: Fake, place: Path, run: Run, orientation: int, format: str
) -> None:
    stored = np.ascontiguousarray(STORED[orientation](scene(70, 110)))
    (place / "p.png").write_bytes(encoded(stored, format, exif=exif(orientation)))
    assert run(*INFER, "--out", "o.png")[0] == 0
    assert imageio.load("o.png").image.shape == (70, 110, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("paint",),
        ("infer",),
        ("infer", "--person", "p.png"),
        ("infer", "--person"),
        (*INFER, "--frobnicate"),
        (*INFER, "--engine", "magic"),
        (*INFER, "--category", "hat"),
        (*INFER, "--threads", "0"),
        (*INFER, "--threads", "-3"),
        (*INFER, "--threads", "many"),
        (*INFER, "--threads", "²"),
        (*INFER, "--threads", "9" * 5000),
        (*INFER, "--person-box", "1,2,3"),
        (*INFER, "--person-box", "5,5,1,1"),
        (*INFER, "--person-box", "nan,0,nan,1"),
        (*INFER, "--person-box", "0,0,inf,inf"),
        (*INFER, "--out", "o.gif"),
        (*INFER, "--out", "o"),
        (*INFER, "--out", ""),
        (*INFER, "--out", "p.png"),
        (*INFER, "--out", "./p.png"),
        (*INFER, "--report", "g.jpg"),
        (*INFER, "--out", "same.png", "--report", "same.png"),
        (*INFER, "--out", "line\nbreak"),
    ],
)
def test_usage_errors(fake: Fake, place: Path, run: Run, arguments: tuple[str, ...]) -> None:
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    code, out, err = run(*arguments)
    assert code == 2 and out == ""
    assert_one_line(err)
    assert not fake.calls
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        (*INFER, "--out", "missing/o.png"),
        (*INFER, "--out", "o\0.png"),
        (*INFER, "--out", "x" * 300 + ".png"),
        (*INFER, "--report", "missing/r.json"),
        (*INFER, "--explain", "missing/why"),
        (*INFER, "--explain", "p.png"),
    ],
)
def test_unwritable_outputs_are_refused_before_computing(
    fake: Fake, place: Path, run: Run, arguments: tuple[str, ...]
) -> None:
    code, out, err = run(*arguments)
    assert code == 3 and out == "" and not fake.calls
    assert_one_line(err)


@pytest.mark.parametrize(
    "name", ["missing.jpg", "", ".", "/dev/zero", "a\0b", "https://example.org/p.jpg", "\x1b[31mred.jpg"]
)
@pytest.mark.parametrize("role", ["--person", "--garment"])
def test_unreadable_inputs(fake: Fake, place: Path, run: Run, role: str, name: str) -> None:
    arguments = list(INFER)
    arguments[arguments.index(role) + 1] = name
    code, out, err = run(*arguments, "--out", "o.png")
    assert code == 3 and out == "" and "\x1b" not in err
    assert_one_line(err)
    assert not (place / "o.png").exists()


TYPED = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TryOnError)]


@pytest.mark.parametrize("kind", TYPED, ids=[kind.__name__ for kind in TYPED])
def test_typed_errors_keep_code_and_message(
    monkeypatch: pytest.MonkeyPatch, place: Path, run: Run, kind: type[errors.TryOnError]
) -> None:
    def fail() -> None:
        raise kind("It is\nwrong.", "Do\r\nthis.")

    Fake(fail).install(monkeypatch)
    code, out, err = run(*INFER, "--out", "o.png", "--report", "r.json")
    assert code == kind.exit_code and code in (2, 3, 4)
    assert err == "tryon: error: It is wrong. Do this.\n" and out == ""
    assert not (place / "o.png").exists()
    record = json.loads((place / "r.json").read_text())
    assert record["status"] == "error" and record["error"]["code"] == kind.code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("boom\nbang"), 3),
        (ValueError("x"), 3),
        (KeyError("y"), 3),
        (RecursionError(), 3),
        (MemoryError(), 3),
        (OSError(28, "No space left on device"), 3),
        (ImportError("libGL.so.1: cannot open shared object file"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_unexpected_errors(
    monkeypatch: pytest.MonkeyPatch, place: Path, run: Run, error: BaseException, code: int
) -> None:
    def fail() -> None:
        raise error

    Fake(fail).install(monkeypatch)
    got, out, err = run(*INFER, "--out", "o.png")
    assert got == code and err.count("\n") == 1 and "Traceback" not in err and out == ""
    if code == 130:
        return
    assert_one_line(err)
    got, _, err = run(*INFER, "--out", "o.png", "--debug")
    assert got == code and "Traceback" in err and err.splitlines()[-1].startswith("tryon: error: ")


def test_messages_of_libraries_are_kept_off_stderr(monkeypatch: pytest.MonkeyPatch, place: Path, run: Run) -> None:
    def chatter() -> None:
        os.write(2, b"W0000 00:00 inference_feedback_manager.cc:114] noise\n")
        print("python noise", file=sys.stderr)
        __import__("warnings").warn("warned", stacklevel=1)

    Fake(chatter).install(monkeypatch)
    assert "noise" not in run(*INFER, "--out", "o.png")[2]
    assert "inference_feedback_manager" in run(*INFER, "--out", "o.png", "--debug")[2]


def test_hostile_files_through_the_command_line(fake: Fake, place: Path, run: Run) -> None:
    specimens = [s for s in make.specimens() if len(s.data) < 1_000_000][::2]
    files = [(s.name, s.data, s.verdict) for s in specimens]
    files += [(name, data, "") for name, data in make.mutations(150, seed=99)]
    for index, (name, data, verdict) in enumerate(files):
        role = ("p.png", "g.jpg")[index % 2]
        original = (place / role).read_bytes()
        (place / role).write_bytes(data)
        code, _, err = run(*INFER, "--out", "o.png")
        assert code in (0, 3), (name, err)
        assert verdict == "" or (code == 0) == (verdict == "ok"), (name, err)
        if code:
            assert_one_line(err)
            assert not (place / "o.png").exists()
        else:
            (place / "o.png").unlink()
        (place / role).write_bytes(original)


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = "import sys; from tryon.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "heavy = {'numpy', 'cv2', 'PIL', 'mediapipe', 'onnxruntime', 'torch'} & set(sys.modules)\n"
    code += "sys.exit(str(heavy) if heavy else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "infer" in done.stdout, done.stderr


def test_version(run: Run) -> None:
    from tryon import __version__

    assert run("version") == (0, f"tryon {__version__}\n", "")


def test_module_entry_and_closed_output() -> None:
    done = subprocess.run([sys.executable, "-m", "tryon", "infer"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert_one_line(done.stderr)
    done = subprocess.run(f"{sys.executable} -m tryon version | true", shell=True, capture_output=True, text=True)  # noqa: S602
    assert done.stderr == ""

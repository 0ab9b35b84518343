"""The parts of the server alone: queue order, cache, frames, decoder, colours, command line."""

from __future__ import annotations

import asyncio
import io
import socket
import time
from typing import Any

import cv2
import numpy as np
import pytest
from live import Live
from serve.conftest import picture

from tryon import imageio
from tryon.cli import main
from tryon.errors import BadImage, ImageTooLarge
from tryon.serve import decoder, wire
from tryon.serve.decoder import Decoder
from tryon.serve.metrics import Metrics
from tryon.serve.model import RUN, TURNS, Model, Picture, Work
from tryon.serve.options import accepted, parse_options
from tryon.serve.problems import Problem
from tryon.serve.recolour import recolour
from tryon.serve.settings import Settings
from tryon.serve.worker import Cache
from tryon.types import LANDMARKS, Garment

pytestmark = pytest.mark.timeout(240)  # for busy machines

# --- the queue ------------------------------------------------------------------------------------------------------


async def order(interactive: list[str], jobs: list[str]) -> list[str]:
    """Pairs like "aX" (person a, garment X) -> the order in which they are done."""
    model = Model(Settings(), Metrics())
    loop = asyncio.get_running_loop()
    for pairs, deadline in ((interactive, time.monotonic() + 60), (jobs, None)):
        for pair in pairs:
            person, garment = (Picture(letter.encode(), letter) for letter in pair)
            model.submit(Work(person, garment, {"pair": pair}, deadline, loop.create_future()))
    done: list[str] = []
    last = None
    while (work := model._next(last)) is not None:
        done.append(work.options["pair"])
        last = work
    return done


def test_requests_that_share_a_picture_go_together_but_nobody_starves() -> None:
    assert asyncio.run(order(["aX", "bY", "aZ", "cX"], [])) == ["aX", "aZ", "bY", "cX"]
    many = ["aX", "bY"] + [f"a{letter}" for letter in "QRSTUVW"]
    assert asyncio.run(order(many, [])).index("bY") == RUN + 1


def test_jobs_wait_for_people_but_not_for_ever() -> None:
    done = asyncio.run(order([f"{n}{n}" for n in "12345678"], ["jJ", "kK"]))
    assert done.index("jJ") == TURNS and sorted(done[-1:]) != ["8"]


def test_what_was_taken_back_or_is_late_is_not_done() -> None:
    async def run() -> None:
        model = Model(Settings(), Metrics())
        loop = asyncio.get_running_loop()
        one = Picture(b"", "x")
        kept, back, late = (
            model.submit(Work(one, one, {"n": n}, time.monotonic() + seconds, loop.create_future()))
            for n, seconds in enumerate((60, 60, -1))
        )
        back.cancel()
        work = model._next(None)
        assert work is not None and work.answer is kept and model._next(None) is None
        with pytest.raises(Problem) as caught:
            await late
        assert caught.value.status == 504

    asyncio.run(run())


def test_admission_is_bounded_and_says_when_to_come_back() -> None:
    model = Model(Settings(queue=1), Metrics())
    with model.admit(), model.admit():
        with pytest.raises(Problem) as caught, model.admit():
            pass
        assert caught.value.status == 429 and int(caught.value.headers["Retry-After"]) >= 1
    with model.admit():
        pass


# --- cache, frames, options -----------------------------------------------------------------------------------------


def test_the_cache_forgets_by_size_and_by_time() -> None:
    now = [0.0]
    cache = Cache(limit=2500, seconds=10, clock=lambda: now[0])
    for name in "abc":
        cache.put(name, np.zeros(1000, np.uint8))
        cache.trim(keep=1)
    assert cache.get("a") is None and cache.get("b") is not None
    now[0] = 9.0
    assert cache.get("c") is not None
    now[0] = 15.0
    cache.sweep()
    assert list(cache.entries) == ["c"]
    small = Cache(limit=0, seconds=10)
    small.put("a", np.zeros(1000))
    small.put("b", np.zeros(1000))
    small.trim(keep=1)
    assert list(small.entries) == ["b"]
    small.trim(keep=0)
    assert not small.entries


def test_frames_come_back_as_they_went() -> None:
    stream = io.BytesIO()
    wire.write(stream, {"a": 1}, [b"", b"xyz", memoryview(b"12")])
    whole = stream.getvalue()
    header, parts = wire.read(io.BytesIO(whole)) or ({}, [])
    assert header == {"a": 1} and [bytes(part) for part in parts] == [b"", b"xyz", b"12"]
    for length in range(len(whole)):
        assert wire.read(io.BytesIO(whole[:length])) is None


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (None, "PNG"),
        ("image/jpeg", "JPEG"),
        ("IMAGE/WEBP;q=0.2, */*;q=0.1", "WEBP"),
        ("application/json;q=x, image/png", "PNG"),
    ],
)
def test_accept_headers(header: str | None, kind: str) -> None:
    assert accepted(header) == kind


def test_options_have_defaults() -> None:
    expected = {
        "category": "auto",
        "person_box": None,
        "hue": None,
        "lightness": 0.0,
        "bare_neck": False,
        "explain": False,
        "format": "PNG",
    }
    assert parse_options({}) == expected
    assert parse_options({"person_box": "1,2,3,4"})["person_box"] == [1, 2, 3, 4]
    assert parse_options({"bare_neck": "true"})["bare_neck"] is True


# --- the decoder ----------------------------------------------------------------------------------------------------


def test_decoding_in_the_child_is_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Decoder()
    try:
        for data in (picture(1), picture(2, format="JPEG")):
            there, here = decode(data), imageio.load(data)
            assert (there.image == here.image).all() and there.format == here.format and there.alpha is None
        rgba = np.dstack([imageio.load(picture(3)).image, np.arange(120 * 160, dtype=np.uint8).reshape(160, 120)])
        stream = io.BytesIO()
        from PIL import Image

        Image.fromarray(rgba).save(stream, "PNG")
        there, here = decode(stream.getvalue()), imageio.load(stream.getvalue())
        assert (there.image == here.image).all() and np.allclose(there.alpha, here.alpha, atol=1e-6)
        with pytest.raises(ImageTooLarge, match="more than 25 MB"):
            decode(picture(1) + b"\0" * 25_000_000)
        child = decode._child
        with pytest.raises(BadImage):
            decode(picture(1)[:-4000])
        assert decode._child is child
        assert child is not None
        child.kill()
        child.wait()
        assert decode(picture(1)).image.shape == (160, 120, 3)  # killed while idle: no fault of this picture
    finally:
        decode.close()


def test_a_decoder_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("PYTHONPATH", str(request.path.parent / "accidents"))
    monkeypatch.setattr(decoder, "SECONDS", 0.5)
    decode = Decoder()
    try:
        with pytest.raises(BadImage, match="time and memory"):
            decode(picture(1) + b"ACCIDENT-HANG")
        assert decode._child is None
    finally:
        decode.close()


# --- colours --------------------------------------------------------------------------------------------------------


def shirt(colour: tuple[int, int, int]) -> Garment:
    """Cloth with folds and a print of another colour."""
    image = np.full((100, 80, 3), 255, np.uint8)
    folds = 1 + 0.15 * np.sin(np.arange(60) / 4)[None, :, None]
    image[10:90, 10:70] = np.clip(np.array(colour) * folds, 0, 255)
    image[40:50, 30:50] = (250, 220, 30)
    mask = np.zeros(image.shape[:2], np.float32)
    mask[10:90, 10:70] = 1
    return Garment(image, mask, "upper", "short", dict.fromkeys(LANDMARKS), {}, 1.0)


def lab(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


@pytest.mark.parametrize("colour", [(40, 60, 140), (120, 120, 120), (150, 30, 40)])
def test_recolouring_changes_the_hue_of_the_cloth_and_keeps_print_folds_and_background(colour: Any) -> None:
    garment = shirt(colour)
    before = garment.image.copy()
    made = recolour(garment, hue=150.0)
    assert (garment.image == before).all()
    cloth = np.median(lab(made.image)[55:85, 15:65].reshape(-1, 3), axis=0)
    assert abs(np.degrees(np.arctan2(cloth[2], cloth[1])) % 360 - 150) < 12
    assert np.abs(made.image[42:48, 32:48].astype(int) - before[42:48, 32:48]).max() <= 2
    assert (made.image[:8] == 255).all()
    old, new = lab(before)[70, 15:65, 0], lab(made.image)[70, 15:65, 0]
    assert np.corrcoef(old, new)[0, 1] > 0.95


def test_lightness_alone() -> None:
    garment = shirt((40, 60, 140))
    lighter = recolour(garment, None, 20)
    rise = lab(lighter.image)[70, 15:65, 0] - lab(garment.image)[70, 15:65, 0]
    assert 12 < np.median(rise) < 24
    assert recolour(garment, None, 0) is garment


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--port", "99999"], 2, "not a port"),
        (["--queue", "-1"], 2, "number"),
        (["--token-file", "/nothing"], 2, "token file"),
        (["--host", "no such host"], 3, "Can't listen"),
    ],
)
def test_wrong_arguments(arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *arguments]) == code
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1


def test_a_short_token_and_a_port_in_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TRYON_TOKEN", "short")
    assert main(["serve", "--port", "0"]) == 2 and "too short" in capsys.readouterr().err
    monkeypatch.delenv("TRYON_TOKEN")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 3
    assert "Can't listen" in capsys.readouterr().err


def test_defaults_and_the_warning_about_open_addresses(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    seen: list[tuple[Settings, str]] = []

    def run(settings: Settings, listener: socket.socket) -> None:
        seen.append((settings, listener.getsockname()[0]))
        listener.close()

    monkeypatch.setattr("tryon.serve.start.run", run)
    assert main(["serve", "--port", "0"]) == 0
    assert capsys.readouterr().err == "" and seen[0][1] == "127.0.0.1" and seen[0][0].docs
    assert main(["serve", "--port", "0", "--host", "0.0.0.0"]) == 0
    assert "everybody who reaches this machine" in capsys.readouterr().err and not seen[1][0].docs
    monkeypatch.setenv("TRYON_TOKEN", "0123456789abcdef")
    assert main(["serve", "--port", "0", "--host", "0.0.0.0", "--docs"]) == 0
    assert "everybody who knows the token" in capsys.readouterr().err
    assert seen[2][0].docs and seen[2][0].token == "0123456789abcdef"


def test_a_model_that_can_not_start_ends_the_server() -> None:
    server = Live(pipeline="fake_tryon:Broken")
    try:
        assert server.process.wait(150) == 1
        assert "DependencyError: The weights are gone. Install them." in server.log()
    finally:
        server.stop()

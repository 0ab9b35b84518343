"""Nothing of anybody's pictures stays: not in outputs, not on disk, not in logs. And what is off by default is off."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live import Live, children
from PIL import Image
from planted import SECRET, planted
from serve.conftest import files, picture

pytestmark = pytest.mark.timeout(240)  # for busy machines
TOKEN = "0123456789abcdef0123456789abcdef"


def written(pid: int) -> int:
    """Bytes that a process has sent to disks."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Path]]:
    """A server with a token and a temporary folder of its own."""
    folder = tmp_path_factory.mktemp("tmp")
    home = {"TMPDIR": str(folder), "HOME": str(folder), "XDG_CACHE_HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    server = Live(environment=home, token=TOKEN, docs=False)
    yield server, folder
    server.stop()


def test_planted_words_are_nowhere_afterwards(guarded: tuple[Live, Path]) -> None:
    server, folder = guarded
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=server.url, timeout=150, headers=headers) as client:
        for number in range(12):
            format = ("JPEG", "PNG", "WEBP")[number % 3]
            form = files(planted(picture(number), format), planted(picture(100 + number), format))
            for accept in ("image/png", "image/jpeg", "image/webp", "application/json"):
                answer = client.post("/v1/tryon", files=form, headers={"Accept": accept}, data={"explain": "true"})
                assert answer.status_code == 200 and SECRET not in answer.content
                if accept != "application/json":
                    made = Image.open(io.BytesIO(answer.content))  # noqa: TID251 - looks at what load drops
                    assert not made.getexif()
                    assert not set(made.info) & {"exif", "xmp", "comment", "Comment", "icc_profile", "photoshop"}
        model = server.worker()
        family = [server.process.pid, model, *children(model)]
        assert len(family) == 3
        # the log of the front is a file of this test; the other two write nothing at all
        assert [written(pid) for pid in family[1:]] == [0, 0]
        assert [str(path) for path in folder.rglob("*")] == []
        for pid in family:
            handles = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
            opened = [name for name in handles if name.startswith("/") and not name.startswith(("/dev/", "/proc/"))]
            assert all(name.endswith("/log") for name in opened), opened
    log = server.log()
    lines = [line for line in log.splitlines() if "route=/v1/tryon" in line]
    assert len(lines) == 48 and len({line.split("id=")[1][:16] for line in lines}) == 48
    assert "size=120x160" in lines[0]
    for word in (SECRET.decode(), "Erika", "geheim", "jpg", TOKEN):
        assert word not in log


def test_the_token_guards_everything_that_works(guarded: tuple[Live, Path]) -> None:
    server, _ = guarded
    with httpx.Client(base_url=server.url) as client:
        for method, path in (("POST", "/v1/tryon"), ("POST", "/v1/jobs"), ("GET", "/v1/jobs/x"), ("GET", "/metrics")):
            for value in ("", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
                answer = client.request(method, path, headers={"Authorization": value} if value else {})
                assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/healthz").status_code == client.get("/").status_code == 200


def test_descriptions_can_be_off(guarded: tuple[Live, Path]) -> None:
    server, _ = guarded
    for path in ("/docs", "/openapi.json", "/redoc"):
        assert httpx.get(server.url + path).status_code == 404


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from starlette.requests import Request

    from tryon.serve import forms
    from tryon.serve.problems import Problem

    monkeypatch.setattr(forms, "BODY_TIME", 0.2)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"", "more_body": True}

    scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=b")]}
    with pytest.raises(Problem) as caught:
        asyncio.run(forms.read_form(Request(scope, receive), {"person": 1}, set(), 1000))
    assert caught.value.status == 408

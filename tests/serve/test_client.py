"""The Python client against a server."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import fake_tryon
import httpx
import pytest
from live import Live
from serve.conftest import picture

from tryon import imageio
from tryon.client import Client, ServerError

pytestmark = pytest.mark.timeout(240)  # for busy machines


def test_one_picture(live: Live, tmp_path: Path) -> None:
    photo = tmp_path / "me.png"
    photo.write_bytes(picture(1))
    with Client(live.url) as client:
        made = client.try_on(photo, io.BytesIO(picture(2)), format="jpeg", explain=True, person_box=(1, 2, 100, 110))
    made.save(str(tmp_path / "out.jpg"))
    assert imageio.load(tmp_path / "out.jpg").format == "JPEG"
    assert made.report["quality"] == 0.75 and set(made.explain) == {"edit_mask", "parse"}


def test_many_in_their_order_with_what_failed(live: Live) -> None:
    garments = [picture(number, fake_tryon.RED if number == 2 else None) for number in range(4)]
    with Client(live.url) as client:
        made = list(client.try_on_all(picture(9), garments, poll=0.05))
        alone = client.try_on(picture(9), garments[3])
    assert [each.number for each in made] == [0, 1, 2, 3]
    assert [each.error.code if each.error else None for each in made] == [None, None, "not_a_garment", None]
    assert made[3].data == alone.data


def test_errors_are_those_of_the_server(live: Live) -> None:
    with Client(live.url) as client, pytest.raises(ServerError) as caught:
        client.try_on(picture(1, fake_tryon.RED), picture(2))
    assert (caught.value.code, caught.value.status, caught.value.picture) == ("no_person", 422, "person")
    with Client("http://127.0.0.1:9") as client, pytest.raises(ServerError, match="can't be reached"):
        client.try_on(picture(1), picture(2))


def test_it_comes_back_to_a_busy_server_and_gives_up_in_time() -> None:
    statuses: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        statuses.append(429)
        busy = {"code": "overloaded", "message": "Busy.", "remedy": "Wait."}
        return httpx.Response(429, headers={"Retry-After": "1"}, json=busy)

    with Client("http://127.0.0.1", patience=1.5) as client:
        client._http = httpx.Client(base_url="http://test", transport=httpx.MockTransport(answer))
        with pytest.raises(ServerError, match="Busy"):
            client.try_on(picture(1), picture(2))
    assert len(statuses) == 2


def test_it_needs_no_network_library_and_no_server() -> None:
    code = "import sys, tryon.client; sys.exit(str({'cv2', 'mediapipe', 'onnxruntime', 'fastapi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"

"""Caps while reading, the queue, deadlines, clients that leave, a model process that dies, a decoder that dies."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fake_tryon
import httpx
import pytest
from live import Live
from serve.conftest import files, picture

from tryon.serve.settings import MAX_BODY, MAX_PICTURE

PERSON, SHIRT = picture(1), picture(2)
ACCIDENTS = Path(__file__).resolve().parent / "accidents"
SECONDS = 0.4

pytestmark = pytest.mark.timeout(240)  # for busy machines


@pytest.fixture(scope="module")
def slow() -> Iterator[Live]:
    """A small queue, a try-on of `SECONDS`, a decoder with planted bugs."""
    server = Live(environment={"FAKE_SECONDS": str(SECONDS)}, path=(ACCIDENTS,), queue=2, deadline=140.0)
    yield server
    server.stop()


@pytest.fixture
def session(slow: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=slow.url, timeout=150) as client:
        until_ready(client)
        yield client


def until_ready(client: httpx.Client) -> None:
    until = time.monotonic() + 90
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.05)


def post(client: httpx.Client, *pictures: bytes) -> httpx.Response:
    return client.post("/v1/tryon", files=files(*pictures))


def metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


# --- bodies ---------------------------------------------------------------------------------------------------------


def test_a_picture_above_the_cap_is_refused_with_and_without_a_length(client: httpx.Client) -> None:
    large = PERSON + b"\0" * (MAX_PICTURE + 1 - len(PERSON))
    answer = post(client, large, SHIRT)
    assert answer.status_code == 413 and answer.json()["picture"] == "person"
    request = client.build_request("POST", "/v1/tryon", files=files(large, SHIRT))
    chunks = (request.read()[start : start + 65536] for start in range(0, len(request.read()), 65536))
    headers = {"Content-Type": request.headers["content-type"], "Transfer-Encoding": "chunked"}
    answer = client.post("/v1/tryon", content=chunks, headers=headers)
    assert answer.status_code == 413 and answer.json()["picture"] == "person"


def test_what_is_refused_is_not_read(live: Live) -> None:
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = f"POST /v1/tryon HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY + 1}\r\n"
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{}", "application/json", 415, "not_a_form"),
        (b"", "multipart/form-data", 415, "not_a_form"),
        (b"rubbish", "multipart/form-data; boundary=b", 400, "bad_form"),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 400, None),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 400, None),
        (b"--b\r\nContent-Disposition: form-data; name=u\r\n\r\n\r\n--b", "multipart/form-data; boundary=b", 400, None),
        (b"x", "multipart/form-data; boundary=" + "b" * 5000, 400, None),
    ],
)  # fmt: skip
def test_bodies_that_are_no_forms(client: httpx.Client, content: bytes, kind: str, status: int, code: str) -> None:
    answer = client.post("/v1/tryon", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status and (code is None or answer.json()["code"] == code), answer.text
    assert answer.json()["remedy"]


def test_forms_with_too_little_or_too_much(client: httpx.Client) -> None:
    assert client.post("/v1/tryon", files={"person": ("a", PERSON)}).json()["code"] == "missing_picture"
    assert post(client, PERSON, SHIRT, SHIRT).json()["code"] == "too_many_pictures"
    answer = client.post("/v1/tryon", files=files(PERSON, SHIRT), data={"category": "x" * 5000})
    assert answer.status_code == 400
    answer = client.post("/v1/tryon", files=files(PERSON, SHIRT), data={"weights": "x"})
    assert answer.json()["code"] == "unknown_field"
    assert client.post("/v1/jobs", files=files(PERSON, *[SHIRT] * 51)).json()["code"] == "too_many_pictures"


# --- the queue ------------------------------------------------------------------------------------------------------


def test_a_full_queue_refuses_at_once_and_does_its_work(session: httpx.Client, slow: Live) -> None:
    def one(number: int) -> tuple[int, float, str]:
        with httpx.Client(base_url=slow.url, timeout=150) as client:
            start = time.monotonic()
            answer = post(client, PERSON, SHIRT)
            return answer.status_code, time.monotonic() - start, answer.headers.get("retry-after", "")

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(8)))
    refused = [entry for entry in done if entry[0] == 429]
    assert sorted(entry[0] for entry in done) == [200] * 3 + [429] * 5
    assert all(int(wait) >= 1 for _, _, wait in refused)
    assert max(seconds for _, seconds, _ in refused) < min(seconds for status, seconds, _ in done if status == 200)
    assert metric(session, "tryon_requests_admitted") == 0


def test_requests_that_share_a_picture_are_done_in_a_row(session: httpx.Client, slow: Live) -> None:
    before = metric(session, 'tryon_analyses_total{how="made",picture="person"}')
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda seed: post(session, picture(50), picture(seed)), (51, 52, 53)))
    assert [answer.status_code for answer in answers] == [200] * 3
    assert metric(session, 'tryon_analyses_total{how="made",picture="person"}') == before + 1


def test_a_deadline_that_passes() -> None:
    server = Live(environment={"FAKE_SECONDS": "1"}, deadline=0.9)
    try:
        with httpx.Client(base_url=server.url, timeout=150) as client, ThreadPoolExecutor(3) as pool:
            until_ready(client)
            answers = list(pool.map(lambda _: post(client, PERSON, SHIRT), range(3)))
            assert [answer.status_code for answer in answers] == [504] * 3
            assert {answer.json()["code"] for answer in answers} == {"deadline"}
            time.sleep(2)
            assert metric(client, "tryon_run_seconds_count") <= 1, "work that was too late was begun"
    finally:
        server.stop()


def test_a_client_that_leaves_is_not_worked_for(session: httpx.Client, slow: Live) -> None:
    runs, gone = metric(session, "tryon_run_seconds_count"), metric(session, "tryon_clients_gone_total")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, session, picture(70, fake_tryon.YELLOW), SHIRT)
        time.sleep(0.3)
        with httpx.Client(base_url=slow.url, timeout=0.3) as impatient, pytest.raises(httpx.ReadTimeout):
            post(impatient, picture(71), SHIRT)
        assert first.result().status_code == 200
    assert post(session, picture(72), SHIRT).status_code == 200
    assert metric(session, "tryon_run_seconds_count") == runs + 2
    assert metric(session, "tryon_clients_gone_total") == gone + 1


# --- deaths ---------------------------------------------------------------------------------------------------------


def test_a_model_process_that_dies_costs_one_request(session: httpx.Client, slow: Live) -> None:
    for _ in range(2):
        old = slow.worker()
        with ThreadPoolExecutor(3) as pool:
            waiting = [pool.submit(post, session, PERSON, SHIRT) for _ in range(3)]
            time.sleep(SECONDS / 2)
            os.kill(old, signal.SIGKILL)
            statuses = sorted(each.result().status_code for each in waiting)
        assert statuses == [200, 200, 503]
        assert slow.worker() != old
    assert metric(session, "tryon_requests_lost_total") == 2 == metric(session, "tryon_model_restarts_total")


def test_health_tells_the_truth_about_a_process_that_is_killed_while_idle(session: httpx.Client, slow: Live) -> None:
    os.kill(slow.worker(), signal.SIGSTOP)  # so that the next one is seen to start
    os.kill(slow.worker(), signal.SIGKILL)
    states = set()
    until = time.monotonic() + 90
    while time.monotonic() < until and states != {200, 503}:
        states.add(session.get("/readyz").status_code)
        assert session.get("/healthz").status_code == 200
    assert states == {200, 503}


def test_a_picture_that_kills_the_model_process(session: httpx.Client) -> None:
    answer = post(session, picture(1, fake_tryon.BLUE), SHIRT)
    assert answer.status_code == 503 and answer.json()["code"] == "model_died" and answer.headers["retry-after"]
    assert post(session, PERSON, SHIRT).status_code == 200


@pytest.mark.parametrize("word", ["SIGSEGV", "MEMORY"])
def test_a_picture_that_kills_the_decoder_costs_its_own_request(session: httpx.Client, slow: Live, word: str) -> None:
    model = slow.worker()
    answer = post(session, PERSON + b"ACCIDENT-" + word.encode(), SHIRT)
    assert answer.status_code == 422 and answer.json()["picture"] == "person"
    assert post(session, PERSON, SHIRT).status_code == 200
    assert slow.worker() == model


def test_stopping_finishes_what_is_in_hand(session: httpx.Client, slow: Live) -> None:
    """The last one: it takes the server away."""
    model = slow.worker()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, session, picture(80, fake_tryon.YELLOW), SHIRT)
        while metric(session, "tryon_requests_admitted") != 1:
            time.sleep(0.05)
        assert slow.stop() == 0
        assert answer.result().status_code == 200
    assert not Path(f"/proc/{model}").exists()

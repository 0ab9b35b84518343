"""What clients see: pictures, JSON, errors, headers, health, jobs."""

from __future__ import annotations

import base64
import time

import fake_tryon
import httpx
import numpy as np
import pytest
from hostile import make
from live import Live
from serve.conftest import files, picture

from tryon import errors, imageio

PERSON, SHIRT = picture(1), picture(2)
pytestmark = pytest.mark.timeout(240)  # for busy machines
MAGIC = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}


def post(client: httpx.Client, *pictures: bytes, accept: str = "image/png", **values: str) -> httpx.Response:
    return client.post("/v1/tryon", files=files(*pictures), data=values, headers={"Accept": accept})


@pytest.mark.parametrize("media", MAGIC)
def test_the_accept_header_chooses_the_picture(client: httpx.Client, media: str) -> None:
    answer = post(client, PERSON, SHIRT, accept=media)
    assert answer.status_code == 200 and answer.headers["content-type"] == media
    assert answer.content.startswith(MAGIC[media])
    assert imageio.load(answer.content).image.shape == imageio.load(PERSON).image.shape
    assert answer.headers["x-tryon-warnings"] == "several_people" and answer.headers["x-tryon-quality"] == "0.75"


def test_png_keeps_the_pixels_outside_of_the_change(client: httpx.Client) -> None:
    made, photo = imageio.load(post(client, PERSON, SHIRT).content).image, imageio.load(PERSON).image
    outside = np.ones(photo.shape[:2], bool)
    outside[20:60, 20:60] = False
    assert (made[outside] == photo[outside]).all() and not (made == photo).all()


def test_json_has_the_report_and_the_intermediate_pictures(client: httpx.Client) -> None:
    record = post(client, PERSON, SHIRT, accept="application/json", format="webp", explain="true").json()
    assert record["report"]["quality"] == 0.75 and record["report"]["timings_ms"] == {"total": None}
    assert (record["picture"]["width"], record["picture"]["height"]) == (120, 160)
    assert base64.b64decode(record["picture"]["base64"]).startswith(b"RIFF")
    assert set(record["explain"]) == {"edit_mask", "parse"}
    mask = imageio.load(base64.b64decode(record["explain"]["edit_mask"]["base64"])).image
    assert mask[30, 30, 0] == 255 and mask[100, 100, 0] == 0


def test_a_neck_is_bared_on_request(client: httpx.Client) -> None:
    for value, bared in (("true", True), ("false", False)):
        made = imageio.load(post(client, PERSON, SHIRT, bare_neck=value).content).image
        assert bool((made[20:24, 20:60] == 255).all()) is bared
    assert post(client, PERSON, SHIRT, bare_neck="perhaps").status_code == 400


def test_another_colour_changes_the_garment_alone(client: httpx.Client) -> None:
    plain, blue = (imageio.load(post(client, PERSON, SHIRT, **values).content).image for values in ({}, {"hue": "270"}))
    changed = (plain != blue).any(axis=-1)
    assert changed[20:60, 20:60].all() and changed.sum() == 1600
    assert blue[30, 30, 2] > plain[30, 30, 2]


@pytest.mark.parametrize(
    ("values", "accept"),
    [
        ({"category": "hat"}, "image/png"),
        ({"hue": "400"}, "image/png"),
        ({"hue": "nan"}, "image/png"),
        ({"lightness": "much"}, "image/png"),
        ({"person_box": "1,2,3"}, "image/png"),
        ({"person_box": "9,9,3,3"}, "image/png"),
        ({"format": "gif"}, "application/json"),
        ({"explain": "maybe"}, "application/json"),
    ],
)
def test_values_that_make_no_sense(client: httpx.Client, values: dict[str, str], accept: str) -> None:
    answer = post(client, PERSON, SHIRT, accept=accept, **values)
    assert answer.status_code == 400 and answer.json()["code"] == "usage" and next(iter(values)) in answer.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "image/png"),
        ("image/webp;q=0.5, image/jpeg", "image/jpeg"),
        ("text/html, image/*", "image/png"),
        ("application/json", "application/json"),
    ],
)
def test_accept(client: httpx.Client, accept: str, kind: str) -> None:
    assert post(client, PERSON, SHIRT, accept=accept).headers["content-type"] == kind


def test_nothing_acceptable(client: httpx.Client) -> None:
    assert post(client, PERSON, SHIRT, accept="text/html").status_code == 406


@pytest.mark.parametrize(
    ("person", "garment", "blamed", "code", "status"),
    [
        (fake_tryon.RED, None, "person", "no_person", 422),
        (None, fake_tryon.RED, "garment", "not_a_garment", 422),
        (fake_tryon.GREEN, None, None, "internal", 500),
    ],
)
def test_errors_say_what_and_which(client, person, garment, blamed, code, status) -> None:  # type: ignore[no-untyped-def]
    answer = post(client, picture(1, person), picture(2, garment))
    body = answer.json()
    assert (answer.status_code, body["code"], body.get("picture")) == (status, code, blamed)
    assert body["message"] and body["remedy"] and "/home" not in answer.text and "Runtime" not in answer.text


def test_noise_of_libraries_does_not_reach_the_frames(client: httpx.Client) -> None:
    assert post(client, picture(1, fake_tryon.CYAN), SHIRT).status_code == 200


def test_web_addresses_are_not_fetched(client: httpx.Client) -> None:
    form = {"person": (None, "http://127.0.0.1:9/x.jpg"), "garment": ("a", SHIRT)}
    answer = client.post("/v1/tryon", files=form)
    assert answer.status_code == 400 and answer.json()["code"] == "not_a_file"
    answer = post(client, b"http://127.0.0.1:9/x.jpg", SHIRT)
    assert answer.status_code == 415 and answer.json()["picture"] == "person"


def test_hostile_files_get_the_verdict_that_the_library_gives(client: httpx.Client, live: Live) -> None:
    codes = {name: kind.code for name, kind in vars(errors).items() if isinstance(kind, type)}
    for specimen in make.specimens():
        answer = post(client, specimen.data, SHIRT)
        if specimen.verdict == "ok":
            assert answer.status_code == 200, (specimen.name, answer.text[:300])
            assert imageio.load(answer.content).image.shape[:2] == specimen.size, specimen.name
            continue
        body = answer.json()
        assert 400 <= answer.status_code < 500 and body["picture"] == "person", specimen.name
        assert body["code"] == codes[specimen.verdict], (specimen.name, body)
        for word in ("Traceback", "/work", "/usr", "/home", "site-packages", "PIL", "python", "Error"):
            assert word not in answer.text, (specimen.name, body)
    assert client.get("/readyz").status_code == 200


def test_health_and_metrics(client: httpx.Client, live: Live) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    post(client, picture(31), picture(32))
    post(client, picture(31), picture(32))
    text = client.get("/metrics").text
    assert 'tryon_requests_total{route="/v1/tryon",status="200"}' in text
    assert "tryon_model_up 1.0" in text
    assert 'tryon_analyses_total{how="remembered",picture="person"}' in text


def test_the_description_names_every_route(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/tryon", "/v1/jobs", "/v1/jobs/{job_id}", "/healthz", "/readyz", "/metrics"} <= set(paths)
    form = paths["/v1/tryon"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["person", "garment"] and "hue" in form["properties"]


def test_unknown_places_and_methods(client: httpx.Client) -> None:
    assert client.get("/nothing").json()["code"] == "not_found"
    assert client.get("/v1/tryon").status_code == 405
    assert client.get("/../../etc/passwd").status_code == 404


def test_other_sites_can_not_use_it_and_get_no_permission(client: httpx.Client) -> None:
    answer = client.post("/v1/tryon", files=files(PERSON, SHIRT), headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    answer = client.options("/v1/tryon", headers={"Origin": "http://a.test", "Access-Control-Request-Method": "POST"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def wait_for(client: httpx.Client, place: str) -> dict:  # type: ignore[type-arg]
    until = time.monotonic() + 90
    while time.monotonic() < until:
        job: dict = client.get(place).json()  # type: ignore[type-arg]
        if job["status"] == "done":
            return job
        time.sleep(0.05)
    raise AssertionError("the job is not done")


def test_a_job(client: httpx.Client) -> None:
    form = files(PERSON, picture(41), picture(42, fake_tryon.RED), picture(43))
    answer = client.post("/v1/jobs", files=form, data={"format": "jpeg"})
    assert answer.status_code == 202
    place = answer.headers["location"]
    job = wait_for(client, place)
    assert (job["done"], job["failed"], job["total"]) == (2, 1, 3)
    assert [item["status"] for item in job["items"]] == ["done", "failed", "done"]
    assert job["items"][1]["error"]["code"] == "not_a_garment"
    one = client.get(job["items"][0]["picture"])
    assert one.headers["content-type"] == "image/jpeg" and one.headers["cache-control"] == "no-store"
    alone = post(client, PERSON, picture(41), accept="image/jpeg")
    assert one.content == alone.content
    assert client.get(f"{place}/pictures/1").status_code == client.get(f"{place}/pictures/7").status_code == 404
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == client.get(f"{place}/pictures/0").status_code == 404

"""The page in a browser: with a fake model for what people do, with the real one for what they see."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_tryon
import httpx
import numpy as np
import pytest
from live import Live
from PIL import Image
from serve.conftest import picture

from tryon import imageio
from tryon.serve import page as page_files

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "assets" / "demo"
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
WAIT = 150_000  # ms; a test machine may be busy

#: Right edge of what is on the page, but for what scrolls or is clipped inside of its own box.
RIGHTMOST = """Math.max(...[...document.querySelectorAll('main *')]
  .filter((node) => !node.closest('.rail > *, .compare > *, .hidden'))
  .map((node) => node.getBoundingClientRect().right))"""

pytestmark = pytest.mark.timeout(600)


def upload(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": data}


class Visit:
    """A visitor's page; it fails on script errors and on requests to anywhere else."""

    def __init__(self, browser: Any, url: str, size: str) -> None:
        phone = size == "phone"
        self.context = browser.new_context(
            viewport=SIZES[size], has_touch=phone, is_mobile=phone, reduced_motion="reduce", accept_downloads=True
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.trouble: list[str] = []
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", lambda message: self._listen(message))
        self.page.on("request", lambda request: self._watch(request.url, url))
        self.page.goto(url)

    def _listen(self, message: Any) -> None:
        # browsers report answers of 4xx and 5xx as errors of their own
        if message.type == "error" and "the server responded with a status" not in message.text:
            self.trouble.append(message.text)

    def _watch(self, address: str, home: str) -> None:
        if not address.startswith((home, "blob:", "data:")):
            self.trouble.append(f"a request to {address}")

    def see(self, selector: str, count: int = 1) -> Any:
        """Wait until so many elements are there."""
        found = self.page.locator(selector)
        found.nth(count - 1).wait_for(state="attached")
        assert found.count() == count, selector
        return found

    def person(self, data: bytes) -> None:
        self.page.set_input_files("#person-file", upload("me.png", data))

    def clothes(self, *files: bytes) -> None:
        self.page.set_input_files("#garment-file", [upload(f"{n}.png", data) for n, data in enumerate(files)])

    def tile(self, number: int) -> Any:
        return self.page.locator(".piece .tile").nth(number)

    def close(self) -> None:
        right = self.page.evaluate(RIGHTMOST)
        self.context.close()
        assert right <= self.page.viewport_size["width"] - 8, "something stands out on the right"
        assert self.trouble == []


@pytest.fixture(params=SIZES)
def visit(request: pytest.FixtureRequest, browser: Any, live: Live) -> Iterator[Visit]:
    visitor = Visit(browser, f"{live.url}/", request.param)
    yield visitor
    visitor.close()


@pytest.fixture
def desk(browser: Any, live: Live) -> Iterator[Visit]:
    visitor = Visit(browser, f"{live.url}/", "desktop")
    yield visitor
    visitor.close()


# --- with the real model --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[Live]:
    server = Live(pipeline="tryon.pipeline:TryOn", threads=1, deadline=300.0, run_time=300.0)
    yield server
    server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_a_shopper_tries_four_pieces_on(browser: Any, real: Live, size: str, tmp_path: Path) -> None:
    visitor = Visit(browser, f"{real.url}/", size)
    page = visitor.page
    garments = [(DEMO / name).read_bytes() for name in ("garment.jpg", "garment_striped.jpg", "garment_hoodie.jpg")]

    # a picture without a person: said once, in words, and nothing is lost
    visitor.person(garments[0])
    visitor.clothes(*garments)
    page.locator("#error").wait_for()
    assert "No person" in page.locator("#error-message").inner_text()
    assert page.locator("#error-remedy").inner_text()
    assert visitor.see(".piece", 3) and page.locator(".piece.failed").count() == 0

    # the right photo, and a fourth piece
    page.set_input_files("#person-change", DEMO / "person.png")
    turned = np.ascontiguousarray(imageio.load(garments[0]).image[:, ::-1])
    visitor.clothes(imageio.encode(turned, "PNG"))
    visitor.see(".piece.done", 4)
    assert page.locator("#error").is_hidden()
    assert page.locator(".piece .worn:visible").count() == 4
    assert "hips" in page.locator("#warnings").inner_text()

    # the slider: at the left edge all is new, at the right edge all is old
    visitor.tile(0).click()
    figure = page.locator("#compare")
    figure.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    shots = {}
    for place in (0.02, 0.98):
        box = figure.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * place, box["y"] + box["height"] / 2, steps=3)
        page.mouse.up()
        shots[place] = pixels(figure.screenshot())
    height, width = shots[0.02].shape[:2]
    cloth = (slice(int(height * 0.50), int(height * 0.56)), slice(int(width * 0.28), int(width * 0.38)))
    new, old = (shots[place][cloth].reshape(-1, 3).mean(axis=0) for place in (0.02, 0.98))
    assert old[0] > old[2] + 60, "the suit is orange"
    assert new[2] > new[0] + 15, "the shirt is navy"
    visitor.close()


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)  # noqa: TID251 - a screenshot


# --- with a fake model ----------------------------------------------------------------------------------------------


def test_upload_rail_warnings_and_download(visit: Visit) -> None:
    page = visit.page
    person = picture(1)
    visit.person(person)
    visit.clothes(*(picture(n) for n in (2, 3)), picture(4, fake_tryon.RED), picture(5))
    visit.see(".piece.done", 3)
    visit.see(".piece.failed", 1)
    assert page.locator("#count").inner_text() == "4"
    assert "several people in your photo" in page.locator("#warnings").inner_text()
    visit.tile(2).click()
    assert "does not seem to show a garment" in page.locator("#error").inner_text()
    assert page.locator("#download").is_disabled()
    visit.tile(3).click()
    assert page.locator("#error").is_hidden()
    with page.expect_download() as saved:
        page.locator("#download-png").click()
    made = imageio.load(Path(saved.value.path())).image
    photo = imageio.load(person).image
    assert made.shape == photo.shape and (made[80:] == photo[80:]).all() and (made != photo).any()
    with page.expect_download() as saved:
        page.locator("#download").click()
    assert saved.value.suggested_filename.endswith(".jpg")
    assert imageio.load(Path(saved.value.path())).format == "JPEG"


def test_the_intermediate_pictures_come_when_asked_for(desk: Visit) -> None:
    desk.person(picture(11))
    desk.clothes(picture(12))
    desk.see(".piece.done", 1)
    assert desk.page.locator("#steps img").count() == 0
    desk.page.locator("#how summary").click()
    desk.see("#steps img", 2)
    assert "untouched" in desk.page.locator("#steps").inner_text()


def test_another_colour(desk: Visit) -> None:
    desk.person(picture(21))
    desk.clothes(picture(22))
    desk.see(".piece.done", 1)
    first = desk.page.locator("#after").get_attribute("src")
    desk.page.locator("#hue").focus()
    for _ in range(4):
        desk.page.keyboard.press("ArrowRight")
    desk.page.locator(f'#after:not([src="{first}"])').wait_for()
    desk.see(".piece.done", 1)
    assert desk.page.locator("#hue").input_value() == "20"
    second = desk.page.locator("#after").get_attribute("src")
    desk.page.locator("#original").click()
    desk.page.locator(f'#after:not([src="{second}"])').wait_for()
    assert desk.page.locator("#original").is_hidden()


def test_by_keyboard_alone(desk: Visit) -> None:
    page = desk.page
    keys = page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(40):
            if page.locator(selector).first.evaluate("(node) => node === document.activeElement"):
                return
            keys.press("Tab")
        raise AssertionError(f"{selector} can't be reached by Tab")

    def choose(selector: str, key: str, *files: dict[str, Any]) -> None:
        tab_to(selector)
        keys.press(key)
        for _ in range(200):
            if choosers:
                break
            page.wait_for_timeout(100)
        choosers.pop().set_files(list(files))

    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.wait_for_timeout(500)  # the browser is told to hand its dialogs over
    choose("#person-file", "Enter", upload("me.png", picture(31)))
    choose("#garment-file", "Space", *(upload(f"{n}.png", picture(n)) for n in (32, 33)))
    desk.see(".piece.done", 2)
    tab_to(".piece:nth-child(2) .tile")
    keys.press("Enter")
    desk.see('.piece:nth-child(2) .tile[aria-pressed="true"]')
    tab_to("#split")
    keys.press("End")
    assert page.locator("#compare").evaluate("(node) => node.style.getPropertyValue('--split')") == "100%"
    keys.press("Home")
    keys.press("ArrowRight")
    assert page.locator("#compare").evaluate("(node) => node.style.getPropertyValue('--split')") == "1%"
    tab_to(".piece:nth-child(1) .remove")
    keys.press("Enter")
    desk.see(".piece", 1)


TRANSFER = """([selector, kind, bytes]) => {
  const data = new DataTransfer();
  const file = (numbers, n) => new File([new Uint8Array(numbers)], `${n}.png`, { type: 'image/png' });
  bytes.forEach((numbers, n) => data.items.add(file(numbers, n)));
  const options = { bubbles: true, cancelable: true };
  const event = kind === 'paste'
    ? new ClipboardEvent('paste', { ...options, clipboardData: data })
    : new DragEvent(kind, { ...options, dataTransfer: data });
  document.querySelector(selector).dispatchEvent(event);
}"""


def test_drop_and_paste(desk: Visit) -> None:
    def transfer(selector: str, kind: str, *pictures: bytes) -> None:
        desk.page.evaluate(TRANSFER, [selector, kind, [list(data) for data in pictures]])

    transfer("#wardrobe", "drop", picture(41), picture(42))
    desk.see(".piece", 2)
    transfer("#stage", "drop", picture(43))
    desk.see(".piece.done", 2)
    transfer("body", "paste", picture(44))
    desk.see(".piece.done", 3)
    old = desk.page.locator("#before").get_attribute("src")
    transfer("#stage", "drop", picture(45))
    desk.page.locator(f'#before:not([src="{old}"])').wait_for()
    desk.see(".piece.done", 3)


CAMERA = """navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 400 });
  const pen = canvas.getContext('2d');
  setInterval(() => { pen.fillStyle = '#c8b4a0'; pen.fillRect(0, 0, 320, 400); }, 30);
  return canvas.captureStream(20);
};"""


def test_the_camera(browser: Any, live: Live) -> None:
    visitor = Visit(browser, f"{live.url}/", "desktop")
    page = visitor.page
    page.add_init_script(CAMERA)
    page.reload()
    visitor.clothes(picture(51))
    page.locator('#welcome [data-camera="person"]').click()
    page.locator("#shoot").click()
    assert page.locator("#countdown").inner_text() in "321"
    visitor.see(".piece.done", 1)
    assert page.locator("#before").evaluate("(node) => [node.naturalWidth, node.naturalHeight]") == [320, 400]
    assert not page.locator("#camera").evaluate("(node) => node.open")
    visitor.close()


def test_the_example_works_without_anything(desk: Visit) -> None:
    desk.page.locator("#example").click()
    desk.see(".piece.done", 3)


def test_a_busy_server_and_a_server_that_is_away(desk: Visit) -> None:
    answers = iter([429, 503])

    def refuse(route: Any) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
            return
        body = '{"code": "overloaded", "message": "The server is busy.", "remedy": "Wait."}'
        route.fulfill(status=status, headers={"Retry-After": "1", "Content-Type": "application/json"}, body=body)

    desk.page.route("**/v1/tryon", refuse)
    desk.person(picture(61))
    desk.clothes(picture(62))
    desk.page.locator("#busy-text", has_text="again in 1 s").wait_for()
    desk.see(".piece.done", 1)
    desk.page.unroute("**/v1/tryon")
    desk.page.route("**/v1/tryon", lambda route: route.abort())
    desk.clothes(picture(63))
    desk.see(".piece.failed", 1)
    assert "can’t be reached" in desk.page.locator("#error").inner_text()
    desk.page.unroute("**/v1/tryon")
    desk.trouble.clear()  # the browser's own complaint about the abort
    desk.page.locator("#retry").click()
    desk.see(".piece.done", 2)


def test_a_token_is_asked_for(browser: Any) -> None:
    server = Live(token="0123456789abcdef")
    try:
        visitor = Visit(browser, f"{server.url}/", "desktop")
        visitor.person(picture(71))
        visitor.clothes(picture(72))
        for attempt in ("wrong-token-wrong", "0123456789abcdef"):
            visitor.page.locator("#token-dialog[open]").wait_for()
            visitor.page.locator("#token").fill(attempt)
            visitor.page.locator("#token-dialog button").click()
        visitor.see(".piece.done", 1)
        visitor.close()
    finally:
        server.stop()


# --- the files ------------------------------------------------------------------------------------------------------


def test_the_files_name_no_other_place_and_are_served_with_rules(live: Live) -> None:
    with httpx.Client(base_url=live.url) as client:
        for path, (name, media) in page_files.FILES.items():
            answer = client.get(path)
            assert answer.status_code == 200 and answer.headers["content-type"] == media
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
            if not name.endswith(".jpg"):
                known = answer.text.replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1:8000", "")
                assert not re.search(r"https?://|//[a-z]", known), name


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("demo_person.jpg", "person.png"),
        ("demo_shirt.jpg", "garment.jpg"),
        ("demo_striped.jpg", "garment_striped.jpg"),
        ("demo_hoodie.jpg", "garment_hoodie.jpg"),
    ],
)
def test_the_examples_are_the_credited_pictures(copy: str, original: str) -> None:
    small = imageio.load(Path(page_files.__file__).parent / copy).image
    large = Image.fromarray(imageio.load(DEMO / original).image).resize(small.shape[1::-1], Image.Resampling.LANCZOS)
    assert np.abs(small.astype(int) - np.asarray(large)).mean() < 6

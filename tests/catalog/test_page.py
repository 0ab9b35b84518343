"""The contact sheet: what is in it, and how it behaves in a browser."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tryon import imageio
from tryon.catalog import page as module
from tryon.catalog.page import make_page

_HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><!--"
PEOPLE, CLOTHES = 8, 10


def _row(person: int, garment: int) -> dict[str, Any]:
    warnings = [{"code": "turned", "message": "The body is turned."}] if person == 2 else []
    return {
        "id": f"p{person}__g{garment}", "person": f"models/p{person}.jpg", "garment": f"stock/g{garment}.jpg",
        "out": f"p{person} & g{garment}#1.png", "size": [240, 320], "quality": (person * 10 + garment) / 100,
        "category": "upper", "warnings": warnings, "person_preview": f"previews/photos/p{person}.jpg",
        "garment_preview": f"previews/photos/g{garment}.jpg", "preview": f"previews/results/p{person}g{garment}.jpg",
    }  # fmt: skip


def _failure(line: int) -> dict[str, Any]:
    names = {"id": "" if line % 2 else f"bad{line}", "line": line, "person": "models/p1.jpg", "garment": _HOSTILE}
    return {**names, "code": "no_person", "message": _HOSTILE, "remedy": "Use another photo."}


def _drawn(colour: tuple[int, int, int], height: int, width: int) -> bytes:
    image = np.full((height, width, 3), colour, np.uint8)
    image[height // 4 : -height // 4, width // 4 : -width // 4] = 255 - np.array(colour, np.uint8)
    return imageio.encode(image, "JPEG")


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 pictures and 3 failures."""
    folder = tmp_path_factory.mktemp("catalog")
    rows = [_row(p, g) for p in range(PEOPLE) for g in range(CLOTHES)]
    after, small = _drawn((200, 40, 40), 320, 240), _drawn((200, 40, 40), 80, 60)
    before, cloth = _drawn((40, 60, 200), 320, 240), _drawn((40, 160, 60), 80, 80)
    for name in ("pictures", "previews/photos", "previews/results"):
        (folder / name).mkdir(parents=True)
    for row in rows:
        (folder / "pictures" / row["out"]).write_bytes(after)
        for kind, data in (("preview", small), ("person_preview", before), ("garment_preview", cloth)):
            (folder / row[kind]).write_bytes(data)
    (folder / "index.html").write_bytes(make_page(rows, [_failure(n) for n in range(3)], 83))
    return folder / "index.html"


def _data(page: bytes) -> dict[str, Any]:
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.decode()).group(1))  # type: ignore[union-attr]
    assert isinstance(data, dict)
    return data


def test_texts_stay_texts_and_nothing_is_loaded_from_elsewhere(sheet: Path) -> None:
    text = sheet.read_text(encoding="utf-8")
    assert "<img src=x" not in text and text.count("</script>") == 2
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", text) and not re.search(r"https?:", text)
    assert "default-src 'none'" in text and "unsafe" not in text


def test_the_page_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 5)
    page = make_page((_row(0, g) for g in range(9)), (_failure(n) for n in range(2)), 11)
    assert len(_data(page)["rows"]) == 5 and b"4 of the 11 rows are not on this page" in page
    assert b"not on this page" not in make_page([_row(0, 0)], [], 1)


def test_equal_results_give_equal_pages_and_photos_are_named_once() -> None:
    rows = [_row(p, g) for p in range(3) for g in range(4)]
    page = make_page(rows, [], 12)
    assert page == make_page(iter(rows), iter([]), 12) and len(_data(page)["photos"]) == 7


def _tab(browser: Any, width: int, height: int) -> Any:
    tab = browser.new_page(viewport={"width": width, "height": height})
    tab.set_default_timeout(120_000)  # a busy machine is slow, not wrong
    return tab


@pytest.fixture
def tab(browser: Any, sheet: Path) -> Any:
    tab = _tab(browser, 1280, 900)
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda r: problems.append(r.url) if not r.url.startswith("file:") else None)
    tab.on("requestfailed", lambda r: problems.append(f"not found: {r.url}"))
    tab.goto(sheet.as_uri())
    yield tab
    tab.close()
    assert problems == []


def _until(tab: Any, expression: str) -> None:
    """Wait; Playwright's own way needs eval, which the page forbids."""
    deadline = time.monotonic() + 120
    while not tab.evaluate(expression):
        assert time.monotonic() < deadline, expression
        tab.wait_for_timeout(50)


def _ids(tab: Any) -> list[str]:
    return tab.locator(".card:not(.failed) .text b").all_text_contents()


@pytest.mark.timeout(300)
def test_search_filters_and_order(tab: Any) -> None:
    assert tab.title() == "Catalog", "a hostile text ran as a script"
    assert tab.inner_text("#count") == "83 of 83" and len(_ids(tab)) == 60, "the rest is drawn when it is near"
    tab.evaluate("scrollTo(0, document.body.scrollHeight)")
    _until(tab, "document.querySelectorAll('.card').length === 83")
    tab.fill("#search", "P3 g7")
    assert _ids(tab) == ["p3__g7"] and tab.inner_text("#count") == "1 of 83"
    tab.click("#reset")
    _until(tab, "document.querySelectorAll('.card').length === 60")
    tab.select_option("#person", label="p2.jpg (10)")
    tab.select_option("#show", "warned")
    assert len(_ids(tab)) == 10 and tab.locator(".chip.warn").count() == 10
    tab.select_option("#order", "high")
    assert _ids(tab)[0] == "p2__g9"
    tab.select_option("#garment", label="g4.jpg (8)")
    assert _ids(tab) == ["p2__g4"]
    tab.click("#reset")
    tab.select_option("#show", "failed")
    assert tab.locator(".failed").count() == 3 and tab.locator(".failed", has_text="<img src=x").count() == 3
    tab.fill("#search", "nobody at all")
    assert tab.is_visible("#nothing")
    tab.click("#widen")
    _until(tab, "document.querySelectorAll('.card').length === 60")


@pytest.mark.timeout(300)
def test_pictures_are_loaded_when_they_come_near(browser: Any, sheet: Path) -> None:
    tab = _tab(browser, 800, 600)
    asked: set[str] = set()
    tab.on("request", lambda r: asked.add(r.url) if "/results/" in r.url else None)
    tab.goto(sheet.as_uri())
    _until(tab, "[...document.images].some((image) => image.complete && image.naturalWidth)")
    before = len(asked)
    assert 0 < before < 60 and not any("/pictures/" in url for url in asked)
    tab.evaluate("scrollTo(0, document.body.scrollHeight)")
    _until(tab, "document.images.length > 150")
    tab.evaluate("scrollTo(0, document.body.scrollHeight)")
    last = "[...document.querySelectorAll('#cards img')].at(-1)"
    _until(tab, f"(({{ complete, naturalWidth }}) => complete && naturalWidth)({last})")
    assert before < len(asked) <= 80
    tab.close()


def _share(tab: Any) -> float:
    return float(tab.input_value("#slider"))


@pytest.mark.timeout(300)
def test_before_and_after_under_a_slider_with_zoom(tab: Any) -> None:
    tab.locator(".picture").nth(1).click()
    assert tab.inner_text("#title") == "p0__g1"
    _until(tab, "document.getElementById('after').naturalWidth === 240")
    assert "%26%20g1%231.png" in tab.get_attribute("#after", "src")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert _share(tab) == 60
    clip = tab.locator("#clip").evaluate("e => getComputedStyle(e).clipPath")
    assert clip.startswith("inset(0px 40%")
    box = tab.locator("#stage").bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 50)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60)
    tab.mouse.up()
    assert abs(_share(tab) - 25) <= 1
    for _ in range(2):
        tab.keyboard.press("+")
    assert tab.inner_text("#scale") == "225%"
    tab.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    tab.mouse.up()
    moved = tab.locator("#layers").evaluate("e => new DOMMatrix(getComputedStyle(e).transform)")
    assert moved["a"] == 2.25 and moved["e"] < -0.6 * box["width"] and abs(_share(tab) - 25) <= 1
    edge = tab.locator("#clip").evaluate(
        "e => { const r = e.getBoundingClientRect(), s = getComputedStyle(e).clipPath.match(/ ([\\d.]+)%/)[1];"
        " return r.left + r.width * (1 - s / 100); }"
    )
    assert abs(edge - box["x"] - 0.25 * box["width"]) < 2, "the edge of the picture stays under the handle"
    tab.keyboard.press("0")
    assert tab.inner_text("#scale") == "100%"
    tab.keyboard.press("j")
    assert tab.inner_text("#title") == "p0__g2" and tab.inner_text("#facts").count("g2.jpg") == 1
    tab.keyboard.press("Escape")
    assert not tab.is_visible("#viewer")


@pytest.mark.timeout(300)
def test_it_fits_a_phone(browser: Any, sheet: Path) -> None:
    tab = _tab(browser, 360, 740)
    tab.goto(sheet.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") == 360
    tab.locator(".picture").first.click()
    box = tab.locator("#viewer").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 740
    tab.close()

"""The report page: what is in it, and how it behaves in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import drawn_results
import pytest
from tryon.eval import report
from tryon.eval.report import figures, number, script_json, write_report
from tryon.eval.results import ROWS, read_rows, read_summary

from tryon import imageio
from tryon.errors import UsageError

_HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><!--"


def _results(folder: Path, pairs: int = 8) -> Path:
    drawn_results.make(folder, pairs=pairs, systems=("geometric", "onnx"))
    for number_ in range(pairs):  # large enough to be read
        name = f"p{number_:02d}_g{number_:02d}.jpg"
        imageio.save(folder / "pictures" / "garment" / name, drawn_results.draw(number_)[40:115, 25:95])
    return folder


def _edit(folder: Path, change: Any) -> None:
    rows = read_rows(folder)
    for row in rows:
        change(row)
    (folder / ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 8 pairs (one fails), with hostile names in it."""
    folder = _results(tmp_path_factory.mktemp("results"))

    def change(row: dict[str, Any]) -> None:
        if row["number"] == 2:
            row["person"] = _HOSTILE
            row["warnings"] = [_HOSTILE]
        if row["error"]:
            row["error"]["message"] = _HOSTILE

    _edit(folder, change)
    assert write_report(folder, folder / "report.html") is None
    return folder / "report.html"


def test_hostile_texts_stay_texts_and_nothing_is_loaded_from_elsewhere(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    assert "<img src=x" not in text and text.count("</script>") == 2
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", text)
    assert "default-src 'none'" in text


def test_json_in_a_script_keeps_its_value() -> None:
    value = {"a": ["</script>", "<!--", "&amp;", "\u2028"]}
    text = script_json(value)
    assert json.loads(text) == value and not set("<>&\u2028") & set(text)


def test_the_table_marks_the_best_and_what_differs(tmp_path: Path) -> None:
    summary = read_summary(_results(tmp_path))
    table = figures(summary)
    colour = re.search(r"<tr>(?:(?!<tr>).)*garment colour.*?</tr>", table).group()
    assert colour.count('class="best"') == 1 and colour.index('class="best"') < colour.index("<td>")  # geometric
    drift = re.search(r"<tr>(?:(?!<tr>).)*pose drift.*?</tr>", table).group()
    assert "▼" in drift.split("<td>")[-1]  # onnx drifts more, on every pair of the drawn results
    assert "7 of 8" in table and "1 not_a_garment" in table and "drawn" in table


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0"), (0.00012, "1.2e-04"), (3.14159, "3.14"), (12345.6, "12,346"), (-0.5, "-0.5")],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


def test_many_pictures_lie_beside_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _results(tmp_path / "results", pairs=3)
    monkeypatch.setattr(report, "INLINE", 5)
    out = tmp_path / "a page.html"
    beside = write_report(folder, out)
    assert beside == tmp_path / "a page_pictures" and len(list(beside.iterdir())) == 12
    text = out.read_text(encoding="utf-8")
    assert "data:image" not in text and '"a%20page_pictures/000000.webp"' in text


def test_pictures_outside_of_the_folder_or_damaged_are_left_out(tmp_path: Path) -> None:
    folder = _results(tmp_path / "results", pairs=2)
    imageio.save(tmp_path / "secret.png", drawn_results.draw(0))
    (folder / "pictures" / "onnx" / "p01_g01.png").write_bytes(b"no picture")

    def change(row: dict[str, Any]) -> None:
        if row["number"] == 0:
            row["pictures"]["person"] = "../secret.png"

    _edit(folder, change)
    write_report(folder, folder / "report.html")
    text = (folder / "report.html").read_text(encoding="utf-8")
    cases = json.loads(re.search(r'id="data">(.*?)</script>', text).group(1))["cases"]
    assert cases[0]["person"] is None and cases[1]["results"]["onnx"]["picture"] is None
    assert cases[1]["person"].startswith("data:image/webp;base64,")


def test_a_page_has_a_page_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="End it in .html"):
        write_report(tmp_path, tmp_path / "report.png")


@pytest.fixture
def page(browser: Any, page_file: Path) -> Any:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
    tab.goto(page_file.as_uri())
    yield tab
    tab.close()
    assert problems == []


def _ids(page: Any) -> list[str]:
    return page.locator(".case h3").all_text_contents()


def _values(page: Any, system: int) -> list[float]:
    texts = page.locator(f".case figure:nth-child({system + 3}) .value").all_text_contents()
    return [float(text.split()[0]) for text in texts if text != "–"]


def test_order_and_filters(page: Any) -> None:
    assert page.title().startswith("Try-on evaluation"), "a hostile name ran as a script"
    assert page.locator(".chip.warn", has_text="<img").count() == 1
    page.select_option("#by", "onnx")
    values = _values(page, 1)
    assert len(values) == 7 and values == sorted(values, reverse=True), "lower is better: the worst is the highest"
    assert _ids(page)[-1] == "p04_g04", "a failure has no value"
    page.select_option("#metric", "print_edges")
    values = _values(page, 1)
    assert len(values) == 7 and values == sorted(values), "higher is better: the worst is the lowest"
    page.select_option("#direction", "best")
    assert _values(page, 1) == sorted(values, reverse=True)
    page.select_option("#category", "dress")
    assert set(_ids(page)) == {f"p{n:02d}_g{n:02d}" for n in (1, 3, 5, 7)}
    page.fill("#search", "G03")
    assert _ids(page) == ["p03_g03"] and page.inner_text("#count") == "1 of 8 pairs"
    page.click("#reset")
    page.select_option("#outcome", "=not_a_garment")
    assert _ids(page) == ["p04_g04"] and page.locator(".absent", has_text="not_a_garment").count() == 2
    page.click("#reset")
    page.select_option("#warning", "=turned")
    assert set(_ids(page)) == {"p00_g00", "p03_g03", "p06_g06"}
    page.fill("#search", "nobody")
    assert _ids(page) == [] and page.is_visible("#nothing")


def test_distributions_follow_the_filters_and_choose_the_order(page: Any) -> None:
    assert page.locator(".histogram").count() == 3
    before = page.locator(".histogram svg").first.inner_html()
    page.locator(".histogram", has_text="pose drift").click()
    assert page.input_value("#metric") == "pose_drift"
    page.select_option("#category", "dress")
    assert page.locator(".histogram svg").first.inner_html() != before


def test_the_slider_compares_two_pictures_by_keyboard_and_pointer(page: Any) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = _ids(page)[1]
    page.keyboard.press("Enter")
    assert page.inner_text("#viewer-title").startswith(second)
    page.keyboard.press("Shift+Digit3")
    page.keyboard.press("4")
    assert (page.input_value("#left"), page.input_value("#right")) == ("geometric", "onnx")
    assert page.get_attribute("#over", "src") != page.get_attribute("#under", "src")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#slider") == "60"
    assert page.locator("#over").evaluate("e => getComputedStyle(e).clipPath").startswith("inset(0px 40%")
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 50)
    page.mouse.up()
    assert page.input_value("#slider") == "20"
    page.keyboard.press("j")
    assert page.inner_text("#viewer-title").startswith(_ids(page)[2])
    assert (page.input_value("#left"), page.input_value("#right")) == ("geometric", "onnx"), "the choice stays"
    page.keyboard.press("Escape")
    assert not page.is_visible("#viewer")


def test_it_fits_a_phone(browser: Any, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator(".case .picture").first.click()
    box = page.locator("#viewer").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    page.close()

"""Blind votes: the page in a browser, the sum of its files, the interval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import drawn_results
import pytest
from scipy.stats import binomtest
from tryon.eval.ab import RESULT_SIDE, write_page
from tryon.eval.ab_result import Tally, describe, read_votes, wilson
from tryon.eval.report_pictures import data_uri, thumbnail

from tryon import imageio
from tryon.cli import main
from tryon.errors import UsageError

_CASES = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """22 pairs; one fails, and of one both systems made the same file."""
    folder = drawn_results.make(tmp_path_factory.mktemp("results"), pairs=_CASES + 2, systems=("geometric", "onnx"))
    for number in range(_CASES + 2):  # pictures of different pairs differ, and are large enough to be read
        name = f"p{number:02d}_g{number:02d}"
        imageio.save(folder / "pictures" / "garment" / f"{name}.jpg", drawn_results.draw(number)[40:115, 25:95])
        for system in ("geometric", "onnx"):
            path = folder / "pictures" / system / f"{name}.png"
            if path.exists():
                image = imageio.load(path).image.copy()
                image[120:150, 5 : 10 + 2 * number] = 255
                imageio.save(path, image)
    same = folder / "pictures" / "geometric" / "p07_g07.png"
    (folder / "pictures" / "onnx" / "p07_g07.png").write_bytes(same.read_bytes())
    return folder


@pytest.fixture(scope="module")
def page_file(folder: Path) -> Path:
    assert write_page(folder, folder / "ab.html", "geometric", "onnx", 100) == _CASES
    return folder / "ab.html"


@pytest.fixture(scope="module")
def who(folder: Path) -> dict[str, tuple[str, str]]:
    """Picture address in the page -> (system, pair)."""
    known = {}
    for system in ("geometric", "onnx"):
        for path in (folder / "pictures" / system).glob("*[0-9].png"):
            known[data_uri(thumbnail(path, RESULT_SIDE, 88))] = (system, path.stem)
    return known


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 20), (13, 20), (20, 20), (1, 1000), (512, 1000)])
def test_the_interval_is_wilsons(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_without_votes_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError):
        wilson(3, 2)


def test_names_do_not_stand_in_the_page(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    assert "geometric" not in text and "onnx" not in text and "p03_g03" not in text


def test_a_page_needs_two_systems_that_were_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "ab", str(folder), "--systems", "geometric,other"]) == 2
    assert "The folder has: geometric, onnx" in capsys.readouterr().err
    assert main(["eval", "ab", str(folder), "--systems", "geometric"]) == 2


def test_at_most_so_many_cases(folder: Path, tmp_path: Path) -> None:
    assert write_page(folder, tmp_path / "a.html", "geometric", "onnx", 5) == 5
    write_page(folder, tmp_path / "b.html", "geometric", "onnx", 5)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes(), "the draw has a fixed seed"


class Voter:
    """Somebody at the page, by keyboard."""

    def __init__(self, page: Any, who: dict[str, tuple[str, str]]) -> None:
        self.page, self.who = page, who
        self.given: dict[str, str | None] = {}
        self.sides: list[str] = []

    def see(self) -> tuple[str, str, str]:
        """(system on the left, on the right, pair) of the case that is shown."""
        left, right = (self.who[self.page.get_attribute(f"#{side}", "src")] for side in ("left", "right"))
        assert left[1] == right[1] and left[0] != right[0]
        return left[0], right[0], left[1]

    def vote(self, better: str | None) -> None:
        left, _, pair = self.see()
        self.given[pair] = better
        self.sides.append(left)
        self.page.keyboard.press("ArrowDown" if better is None else "ArrowLeft" if left == better else "ArrowRight")


def test_twenty_votes_by_keyboard(
    browser: Any, page_file: Path, who: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
    page.goto(page_file.as_uri())
    page.fill("#voter", "Vera V.")
    page.keyboard.press("Enter")
    voter = Voter(page, who)
    plan = ["onnx"] * 13 + ["geometric"] * 4 + [None] * 3
    for better in plan[:8]:
        voter.vote(better)
    left, _, pair = voter.see()
    page.keyboard.press("ArrowLeft")  # a slip, taken back
    page.keyboard.press("Backspace")
    assert voter.see()[2] == pair and page.inner_text("#progress") == "9 of 20"
    page.reload()
    assert voter.see()[::2] == (left, pair), "it goes on where it was, with the same sides"
    text = page.inner_text("body")
    assert "geometric" not in text and "onnx" not in text
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "a vote needs no scrolling"
    for better in plan[8:]:
        voter.vote(better)
    assert page.inner_text("#verdict") == "onnx is preferred"
    low, high = (round(100 * share) for share in wilson(13, 17))
    assert f"13 of 17 decided votes: 76 %, 95 % interval {low} to {high} %. Ties: 3." in page.inner_text("#sentence")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "ab-Vera-V-.json"
    download.value.save_as(tmp_path / "vera.json")
    page.reload()
    assert page.inner_text("#verdict") == "onnx is preferred", "the result stays after a reload"
    assert problems == []
    context.close()

    ballot = json.loads((tmp_path / "vera.json").read_text(encoding="utf-8"))
    assert ballot["systems"] == ["geometric", "onnx"] and ballot["voter"] == "Vera V."
    assert {vote["pair"]: vote["better"] for vote in ballot["votes"]} == voter.given and len(voter.given) == _CASES
    assert [vote["left"] for vote in ballot["votes"]] == voter.sides
    assert 2 <= voter.sides.count("onnx") <= 18, "sides are random (a chance of 4e-5 to fail)"
    lines = describe(read_votes([tmp_path / "vera.json"]))
    assert lines[0] == "20 votes, 1 voter, 20 cases"
    assert "geometric 4, onnx 13, 3 ties; onnx in 76.5% of the decided votes" in lines[1]


def test_buttons_early_finish_and_the_next_voter(
    browser: Any, page_file: Path, who: dict[str, tuple[str, str]]
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.click("#begin button")
    voter = Voter(page, who)
    first = voter.see()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for choice in ("left", "right", "tie"):
        page.click(f"[data-choice={choice}]")
    page.click("#stop")
    page.click("#sure-yes")
    assert "Finished early: 3 of 20 cases." in page.inner_text("#incomplete")
    assert page.inner_text("#verdict") == "No preference shown"
    page.click("#again")
    page.click("#begin button")
    assert page.inner_text("#progress") == "1 of 20"
    seeds = page.evaluate("Object.values(localStorage).map((text) => JSON.parse(text).seed)")
    assert len(seeds) == 1 and first  # a new session replaced the old one
    for successes, trials in ((0, 1), (13, 20), (20, 20), (0, 0)):
        assert page.evaluate(f"wilson({successes}, {trials})") == pytest.approx(wilson(successes, trials), abs=1e-12)
    context.close()


def _ballot(path: Path, seed: int, votes: dict[str, str | None], systems: tuple[str, str] = ("a", "b")) -> Path:
    record = {
        "kind": "tryon-ab",
        "format": 1,
        "page": "0" * 16,
        "systems": list(systems),
        "seed": seed,
        "votes": [{"pair": pair, "category": "upper", "better": better} for pair, better in votes.items()],
    }
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_several_voters_are_summed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        _ballot(tmp_path / "1.json", 1, {"p": "a", "q": "a", "r": None}),
        _ballot(tmp_path / "2.json", 2, {"p": "a", "q": "b", "r": "b"}, ("b", "a")),
        _ballot(tmp_path / "3.json", 1, {"p": "a"}),  # an earlier file of the first voter
    ]
    assert main(["eval", "ab-result", *map(str, files)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "6 votes, 2 voters, 3 cases"
    assert out[1].startswith("all votes: a 3, b 2, 1 tie; a in 60.0% of the decided votes")
    assert out[2].startswith("cases by majority: a 1, b 1, 1 tie")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "tryon-ab"}', "\x00", '{"kind":"tryon-ab","systems":[1,2]}']
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match="is not a result of a blind vote"):
        read_votes([tmp_path / "x.json"])


def test_votes_on_other_systems_are_refused(tmp_path: Path) -> None:
    files = [_ballot(tmp_path / "1.json", 1, {}), _ballot(tmp_path / "2.json", 2, {}, ("a", "c"))]
    with pytest.raises(UsageError, match="compares a and c, the others a and b"):
        read_votes(files)


def test_a_tally_counts_signs() -> None:
    assert Tally.of([1, -1, 0, 1]) == Tally(2, 1, 1)
    assert Tally.of([1, -1, 0, 1]).decided == 3

"""The contact sheet, colours by name, variants."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_garments import garment

from tryon.display import parse_colour, variants
from tryon.display.colours import HOUSE, house_colours
from tryon.display.oklab import to_oklab
from tryon.display.sheet import CELL, MAX_PIXELS, contact_sheet
from tryon.display.variation import Names, cut_out
from tryon.errors import UsageError


def test_a_grid_with_labels_and_reasons() -> None:
    red = np.full((90, 60, 3), (200, 0, 0), np.uint8)
    clear = np.dstack([np.zeros((90, 60, 3), np.uint8), np.zeros((90, 60), np.uint8)])
    sheet = contact_sheet([[red, "No person."], [clear, red]], ["a", "a very long label " * 9], ["flat", "anna"])
    found = (sheet == (200, 0, 0)).all(-1)
    assert found.sum() == pytest.approx(2 * CELL * CELL * 2 / 3, rel=0.05)
    rows, cols = np.nonzero(found)
    assert np.ptp(rows) > 1.9 * CELL and np.ptp(cols) > 1.2 * CELL
    assert (sheet[..., 0] < 60).any() and sheet.shape[1] < 4 * CELL
    with pytest.raises(ValueError, match="rows"):
        contact_sheet([[red]], ["a"], ["flat", "anna"])


def test_a_large_grid_stays_small() -> None:
    picture = np.zeros((40, 30, 3), np.uint8)
    sheet = contact_sheet([[picture] * 30] * 40, ["x"] * 40, ["y"] * 30)
    assert sheet.shape[0] * sheet.shape[1] < 1.3 * MAX_PIXELS


@pytest.mark.parametrize(
    ("text", "colour"),
    [("#c03030", (192, 48, 48)), ("#c33", (204, 51, 51)), (" White", (255, 255, 255)), ("rust", (164, 81, 43))],
)
def test_colours(text: str, colour: tuple[int, int, int]) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize("text", ["", "#12", "#gggggg", "rgb(1,2,3)", "blurple", "na\nvy", "a" * 99, "#c03030ff", "\0"])
def test_other_words_are_no_colours(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_colour(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 160


def test_the_house_colours_leave_the_garments_own_out() -> None:
    base = to_oklab(np.array(parse_colour("white"), np.uint8))
    assert house_colours(3, base) == [n for n in HOUSE if n not in ("white", "cream")][:3]
    for count in (0, 99):
        with pytest.raises(UsageError):
            house_colours(count, base)


def test_variants_one_after_the_other() -> None:
    what = garment()
    made = list(variants(what, colours=["navy", "Navy"], materials=["satin"]))
    assert [v.name for v in made] == ["original", "colour-navy", "colour-navy-2", "material-satin"]
    assert (made[1].garment.image == made[2].garment.image).all()
    assert all(v.garment.landmarks == what.landmarks for v in made)
    with pytest.raises(UsageError):
        variants(what, colours=["navy", "blurple"])  # before anything is made


def test_names_are_used_once_and_safe() -> None:
    named = Names()
    assert [named(t) for t in ("a b", "A-B", "../x", "", "Ümlaut")] == ["a-b", "a-b-2", "x", "picture", "mlaut"]


def test_a_cut_out_is_cut_to_the_garment() -> None:
    what = garment()
    part = cut_out(what, margin=0.0)
    rows, cols = np.nonzero(np.rint(what.mask * 255))
    assert part.shape == (np.ptp(rows) + 1, np.ptp(cols) + 1, 4)
    assert (part[part[..., 3] == 0] == 0).all()

"""Outfits: order, parse between the passes, report; and garment photos that show a person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import drawn_lower, drawn_person
from tryon import TryOn
from tryon.errors import BackView, NoPerson, NotAGarment, UsageError
from tryon.labels import Label
from tryon.outfit import arrange, bare_necked, opened_waist
from tryon.preprocess.garment import ShowsPerson
from tryon.preprocess.worn_cloth import GarmentHidden
from tryon.types import Garment


@pytest.fixture(scope="module")
def try_on():
    return TryOn(engine="geometric")


@pytest.fixture(scope="module")
def outfits(try_on):
    """Top and trousers, hanging over (False) and tucked (True); the top is plain yellow."""
    top = replace(TOP, image=np.full((300, 300, 3), (250, 230, 40), np.uint8))
    return {tuck: try_on(drawn_person.person(), [top, TROUSERS], tuck=tuck, explain=True) for tuck in (False, True)}


def yellow(image: np.ndarray) -> float:
    """Share of pixels in the top's colour."""
    p = image.astype(int)
    return float(((p[..., 0] > 150) & (p[..., 1] > 130) & (p[..., 2] < 110)).mean())


def scarfed():
    """The drawn person with a red scarf from the chin to the chest, and glasses."""
    person = drawn_person.person()
    parse, image = person.parse.copy(), person.image.copy()
    for rows, columns in ((slice(128, 200), slice(175, 225)), (slice(78, 84), slice(180, 220))):
        parse[rows, columns], image[rows, columns] = Label.ACCESSORY, (200, 20, 30)
    return replace(person, parse=parse, image=image)


def test_a_bare_neck_loses_the_scarf_and_keeps_the_glasses():
    person = scarfed()
    parse = bare_necked(person).parse
    assert (parse[135:200, 180:220] == Label.TOP).all() and (parse[78:84, 180:220] == Label.ACCESSORY).all()
    assert (person.parse[135:200, 180:220] == Label.ACCESSORY).all(), "the caller's person is not changed"


def test_the_scarf_stays_in_front_unless_it_is_to_go(try_on):
    person, top = scarfed(), replace(TOP, image=np.full((300, 300, 3), (250, 230, 40), np.uint8))
    stays, goes = (try_on(person, top, bare_neck=bare).image.astype(int) for bare in (False, True))
    red = [((p[..., 0] > 150) & (p[..., 1] < 90))[130:200, 175:225].mean() for p in (stays, goes)]
    assert red[0] > 0.9 and red[1] < 0.05
    assert (goes[78:84, 180:220] == person.image[78:84, 180:220]).all()


def kinds(layers) -> list[str]:
    return [layer.garment.category + ("/outer" if layer.outer else "") for layer in layers]


def as_dress(garment: Garment) -> Garment:
    return replace(garment, category="dress")


TOP, LONG = drawn_person.flat_top("short"), drawn_person.flat_top("long")
TROUSERS = drawn_lower.flat_trousers("long")
COAT = replace(LONG, open_front=True)


def test_a_top_hangs_over_trousers_or_goes_under_them():
    assert kinds(arrange([TOP, TROUSERS])) == ["lower", "upper"]
    assert kinds(arrange([TROUSERS, TOP])) == ["lower", "upper"]
    assert kinds(arrange([TOP, TROUSERS], tuck=True)) == ["upper", "lower"]


def test_the_jacket_comes_last():
    assert kinds(arrange([COAT, TOP, TROUSERS])) == ["lower", "upper", "upper/outer"]
    assert kinds(arrange([COAT, TOP, TROUSERS], tuck=True)) == ["upper", "lower", "upper/outer"]
    assert [x.index for x in arrange([LONG, TOP])] == [1, 0]  # long sleeves over short ones
    assert kinds(arrange([COAT, as_dress(TOP)])) == ["dress", "upper/outer"]


@pytest.mark.parametrize(
    "garments",
    [
        [TROUSERS, drawn_lower.flat_skirt()],
        [TOP, TOP],
        [LONG, LONG],
        [as_dress(TOP), as_dress(TOP)],
        [as_dress(TOP), TROUSERS],
        [as_dress(TOP), TOP],
        [TOP, LONG, COAT],
    ],
)
def test_what_can_not_be_worn_together_is_a_usage_error_with_a_remedy(garments):
    with pytest.raises(UsageError) as error:
        arrange(garments)
    assert error.value.remedy


@pytest.mark.parametrize("tuck", [False, True])
def test_both_garments_arrive_and_what_is_outside_of_all_edits_is_bit_identical(outfits, tuck):
    person, result = drawn_person.person(), outfits[tuck]
    mask = result.explain["edit_mask"]
    assert np.array_equal(result.image[mask == 0], person.image[mask == 0])
    x0, y0, x1, y1 = result.report["edit_box"]
    assert not mask[:y0].any() and not mask[y1:].any() and not mask[:, :x0].any() and not mask[:, x1:].any()
    assert yellow(result.image[200:260, 175:225]) > 0.9  # chest
    shin = result.image[430:500, 162:182].astype(int)
    assert ((shin[..., 2] > shin[..., 0] + 40) | (shin[..., 0] > shin[..., 2] + 40)).mean() > 0.7


def test_tucked_trousers_cover_the_hem_of_the_top(outfits):
    share = {tuck: yellow(outfits[tuck].image[285:330, 170:230]) for tuck in (False, True)}
    assert share[True] < share[False] - 0.2


def test_the_report_has_an_entry_for_each_garment_in_the_given_order(outfits):
    report = outfits[False].report
    entries = report["garments"]
    assert [e["category"] for e in entries] == ["upper", "lower"] and [e["layer"] for e in entries] == [1, 0]
    assert report["quality"] == min(e["quality"] for e in entries) and report["category"] == "lower+upper"
    assert report["status"] == "ok" and report["engine"] == "geometric"


def test_a_list_of_one_is_no_outfit(try_on):
    assert "garments" not in try_on(drawn_person.person(), [TOP]).report


def test_each_garment_may_have_its_category(try_on):
    person = drawn_person.person()
    for wrong in (["upper"], ["upper", "hat"]):
        with pytest.raises(UsageError):
            try_on(person, [TOP, TROUSERS], category=wrong)
    with pytest.raises(UsageError):
        try_on(person, [])


def test_the_waist_opens_only_below_it():
    person = drawn_person.person()
    parse = opened_waist(person).parse
    changed = parse != person.parse
    assert changed.any() and (person.parse[changed] == Label.TOP).all() and (parse[changed] == Label.LOWER).all()
    assert np.nonzero(changed)[0].min() > 250  # the chest stays


class FakePeople:
    """Stands for the analysis of a person photo."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked = error, 0

    def __call__(self, image, *, person_box=None):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return drawn_person.person()


def refuse(image, alpha, category, alone=False):
    raise ShowsPerson("The garment photo shows a person.", "Show the garment alone.")


def routed(monkeypatch, error=None, garments=refuse):
    try_on, people = TryOn(engine="geometric"), FakePeople(error)
    try_on.people, try_on.garments = people, garments
    return try_on, people


PHOTO = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)


def test_a_garment_photo_that_shows_a_person_gives_what_that_person_wears(monkeypatch):
    try_on, people = routed(monkeypatch)
    garment = try_on.analyse_garment(PHOTO)
    assert garment.category == "upper" and people.asked == 1
    assert try_on.analyse_garment(PHOTO, "lower").category == "lower"
    result = try_on(drawn_person.person(), PHOTO)
    assert "worn_garment" in [w["code"] for w in result.report["warnings"]]


def test_the_refusal_stands_if_nobody_is_found_or_the_caller_knows_better(monkeypatch):
    try_on, _ = routed(monkeypatch, NoPerson("Nobody.", "Another photo."))
    with pytest.raises(ShowsPerson):
        try_on.analyse_garment(PHOTO)
    with pytest.raises(NotAGarment, match="Nobody"):
        try_on.analyse_garment(PHOTO, worn=True)
    try_on, people = routed(monkeypatch)
    with pytest.raises(ShowsPerson):
        try_on.analyse_garment(PHOTO, worn=False)
    assert people.asked == 0


def test_a_garment_that_looks_like_a_person_is_a_garment_if_nobody_is_found(monkeypatch):
    def unsure(image, alpha, category, alone=False):
        return TOP if alone else refuse(image, alpha, category)

    try_on, people = routed(monkeypatch, NoPerson("Nobody.", "Another photo."), unsure)
    assert try_on.analyse_garment(PHOTO) is TOP and people.asked == 1
    assert try_on.analyse_garment(PHOTO, worn=False) is TOP and people.asked == 1


def test_errors_of_the_wearers_photo_name_the_garment_photo(monkeypatch):
    try_on, _ = routed(monkeypatch, BackView("The person is seen from behind.", "Use another."))
    with pytest.raises(GarmentHidden, match="garment photo shows a person. The person is seen from behind"):
        try_on.analyse_garment(PHOTO)


def test_a_garment_alone_is_never_taken_for_a_wearer(monkeypatch):
    try_on, people = routed(monkeypatch, garments=lambda image, alpha, category, alone=False: TOP)
    assert try_on.analyse_garment(PHOTO) is TOP and people.asked == 0


def test_what_a_person_wears_can_be_extracted(try_on):
    garment = try_on.extract(drawn_person.person(), category="lower")
    assert garment.category == "lower" and not garment.is_skirt
    with pytest.raises(UsageError):
        try_on.extract(drawn_person.person(), category="hat")


def test_what_the_parse_missed_of_a_scarf_goes_with_it():
    person = scarfed()
    image, parse = person.image.copy(), person.parse.copy()
    image[140:165, 222:240], parse[140:165, 222:240] = person.image[150, 200], Label.BACKGROUND  # its end, overlooked
    wall = parse == Label.BACKGROUND
    wall[130:175, 212:250] = False
    found = bare_necked(replace(person, image=image, parse=parse)).parse
    assert (found[143:162, 225:237] == Label.TOP).mean() > 0.9
    far = wall & (np.abs(np.arange(400)[None] - 200) > 60)
    assert (found[far] == Label.BACKGROUND).all()

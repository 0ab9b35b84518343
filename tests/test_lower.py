"""Lower garments through the whole path, with the engine that needs no network."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests import drawn_lower, drawn_person
from tryon import TryOn
from tryon.errors import HipsOutOfFrame
from tryon.inputs import build_inputs
from tryon.labels import Label
from tryon.preprocess import agnostic_lower
from tryon.preprocess.body import body_from_pose, torso_rows, trunk_mask
from tryon.preprocess.fill import row_fill

GARMENTS = {
    "trousers": lambda: drawn_lower.flat_trousers("long"),
    "shorts": lambda: drawn_lower.flat_trousers("short"),
    "skirt": lambda: drawn_lower.flat_skirt("knee"),
}


@pytest.fixture(scope="module")
def try_on():
    return TryOn(engine="geometric")


def _striped(pixels: np.ndarray) -> float:
    """Share of pixels that have one of the garment's two colours."""
    p = pixels.reshape(-1, 3).astype(int)
    return float(((p[:, 2] > p[:, 0] + 40) | (p[:, 0] > p[:, 2] + 40)).mean())


@pytest.mark.parametrize("scale", [0.6, 2.0])
@pytest.mark.parametrize("kind", list(GARMENTS))
def test_untouched_pixels_are_bit_identical_and_nothing_is_modified(try_on, kind, scale):
    person, garment = drawn_person.person(scale), GARMENTS[kind]()
    before = person.image.copy(), garment.image.copy()
    result = try_on(person, garment, explain=True)
    mask = result.explain["edit_mask"]
    assert result.image.shape == person.image.shape
    assert np.array_equal(result.image[mask == 0], person.image[mask == 0])
    assert np.array_equal(before[0], person.image) and np.array_equal(before[1], garment.image)
    assert not mask[: int(150 * scale)].any()  # the head is none of its business
    assert result.report["category"] == "lower" and 0 <= result.report["quality"] <= 1
    assert result.explain["garment"]["length"] == garment.length


def test_trousers_arrive_with_their_colours_and_the_old_ones_are_gone(try_on):
    person = drawn_person.person()
    result = try_on(person, drawn_lower.flat_trousers("long"))
    assert _striped(result.image[400:500, 160:182]) > 0.9  # a shin
    green = (person.image[..., 1].astype(int) > person.image[..., 0] + 40) & (person.parse == Label.LOWER)
    left = (result.image[..., 1].astype(int) > result.image[..., 0] + 40) & (person.image[..., 1] > 120) & green
    assert green.sum() > 5000 and left.sum() < 0.02 * green.sum()


def test_shorts_leave_the_legs_bare_in_skin_colour(try_on):
    person = drawn_person.person()
    inputs = build_inputs(person, drawn_lower.flat_trousers("short"))
    result = try_on(person, drawn_lower.flat_trousers("short"), explain=True)
    shin = result.image[450:510, 168:178].reshape(-1, 3).mean(0)
    face = np.array([255, 200, 160])
    assert np.abs(shin - face).max() < 90 and shin[0] > shin[1] > shin[2]
    y, x = (int(v) for v in inputs.body.ankles[0][::-1] - [40, 0])
    assert inputs.agnostic.layout[y, x] == Label.LEGS and inputs.agnostic.skin[y, x] > 0.5


def test_the_hanging_top_and_the_hands_stay_in_front(try_on):
    person = drawn_person.person()
    result = try_on(person, drawn_lower.flat_skirt("knee", 2.4))
    inner = np.zeros(person.parse.shape, bool)
    for label in (Label.TOP, Label.ARMS):
        inner |= _eroded(person.parse == label, 4)
    assert np.array_equal(result.image[inner], person.image[inner])


def _eroded(mask: np.ndarray, px: int) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)).astype(bool)


def test_a_dress_stays_above_the_waist_and_goes_below(try_on):
    person = drawn_lower.in_dress()
    result = try_on(person, drawn_lower.flat_skirt("short"), explain=True)
    chest = _eroded(person.parse == Label.DRESS, 4) & (np.arange(600)[:, None] < 240)
    assert chest.sum() > 1000 and np.array_equal(result.image[chest], person.image[chest])
    below = (person.parse == Label.DRESS) & (np.arange(600)[:, None] > 290)
    purple = np.abs(result.image.astype(int) - (180, 60, 220)).max(-1) < 40
    assert (purple & below).sum() < 0.03 * below.sum()


def test_passers_by_keep_their_trousers(try_on):
    person = drawn_person.person()
    parse, image = person.parse.copy(), person.image.copy()
    parse[330:520, 352:385], image[330:520, 352:385] = Label.LOWER, (60, 180, 90)
    result = try_on(replace(person, parse=parse, image=image), drawn_lower.flat_trousers("short"))
    assert np.array_equal(result.image[335:515, 356:382], image[335:515, 356:382])


def test_half_body_photos_are_rendered_with_a_warning_or_refused(try_on):
    person = drawn_person.person()
    half = drawn_lower.cropped(person, 400)
    result = try_on(half, drawn_lower.flat_trousers("long"))
    assert "legs_out_of_frame" in [w["code"] for w in result.report["warnings"]]
    assert _striped(result.image[370:395, 160:182]) > 0.9
    whole = try_on(person, drawn_lower.flat_trousers("long"))
    assert "legs_out_of_frame" not in [w["code"] for w in whole.report["warnings"]]
    with pytest.raises(HipsOutOfFrame) as error:
        try_on(drawn_lower.cropped(person, 300), drawn_lower.flat_trousers("long"))
    assert error.value.remedy


def test_auto_takes_the_geometry_for_lower_garments_only():
    auto = TryOn(engine="auto")
    assert auto(drawn_person.person(0.6), drawn_lower.flat_skirt()).report["engine"] == "geometric"
    assert auto(drawn_person.person(0.6), drawn_person.flat_top()).report["engine"] == "onnx"


def test_same_input_same_bytes_at_any_scale(try_on):
    person, garment = drawn_person.person(), drawn_lower.flat_trousers()
    assert np.array_equal(try_on(person, garment).image, try_on(person, garment).image)


def test_rows_are_filled_from_both_sides():
    photo = np.zeros((80, 120, 3), np.float32)
    photo[:] = np.linspace(0, 200, 80)[:, None, None]  # a wall whose rows differ
    photo[:, :60] += 30  # and whose left is lighter
    known = np.ones((80, 120), bool)
    known[10:70, 40:80] = False
    broken = np.where(known[..., None], photo, 0)
    filled = row_fill(broken, known, np.full_like(photo, 100.0))
    assert np.array_equal(filled[known], broken[known])
    assert np.abs(filled[20:60, 42] - photo[20:60, 42]).max() < 6
    assert np.abs(filled[20:60, 77] - photo[20:60, 77]).max() < 6
    assert (filled[20:60, 60] > photo[20:60, 77] + 5).all() and (filled[20:60, 60] < photo[20:60, 42] - 5).all()


def test_hidden_feet_are_warned_about(try_on):
    person = drawn_person.person()
    parse = person.parse.copy()
    parse[(np.arange(600)[:, None] > 500) & (np.abs(np.arange(400)[None] - 200) < 60)] = Label.LOWER  # to the ground
    floor_length = replace(person, parse=parse)
    codes = [
        [w["code"] for w in try_on(who, garment).report["warnings"]]
        for who, garment in (
            (floor_length, drawn_lower.flat_skirt("short")),
            (floor_length, drawn_lower.flat_trousers("long")),
            (drawn_lower.in_dress(), drawn_lower.flat_skirt("short")),
        )
    ]
    assert ["feet_hidden" in c for c in codes] == [True, False, False]


def test_strays_of_the_worn_garment_join_it_and_bare_shins_stay():
    person = drawn_person.person()
    whole = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    parse = person.parse.copy()
    hole = (parse == Label.LOWER) & (np.arange(600)[:, None] > 410) & (np.arange(600)[:, None] < 440)
    parse[hole] = Label.LEGS  # torn at the knee
    joined = agnostic_lower.strays(person.image, parse, whole)
    assert (joined[hole] == Label.LOWER).mean() > 0.95
    shins = (person.parse == Label.LOWER) & (np.arange(600)[:, None] > 430)
    parse = np.where(shins, np.uint8(Label.LEGS), person.parse)
    assert np.array_equal(agnostic_lower.strays(person.image, parse, whole), parse)


def test_a_dress_that_shows_only_below_the_waist_is_replaced_from_where_it_begins():
    person = drawn_person.person()
    parse = person.parse.copy()
    parse[parse == Label.LOWER] = Label.DRESS
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    out = agnostic_lower.skirts(parse, body)
    assert not (out == Label.DRESS).any() and (out == Label.LOWER).sum() > 0.95 * (parse == Label.DRESS).sum()
    whole = parse.copy()
    whole[parse == Label.TOP] = Label.DRESS
    assert np.array_equal(agnostic_lower.skirts(whole, body), whole), "a dress that shows stays one"


def test_a_belt_above_the_new_waistband_stays():
    person = drawn_person.person()
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    along = torso_rows(body, person.parse.shape)
    for low, high, goes in ((0.86, 0.93, False), (0.92, 1.04, True)):
        parse = person.parse.copy()
        trunk = trunk_mask(body, parse.shape, 1.1, -0.05, 1.05) > 0.5
        belt = (along > low) & (along < high) & np.isin(parse, (Label.TOP, Label.LOWER)) & trunk
        parse[belt] = Label.ACCESSORY
        assert agnostic_lower.old_garment(parse, body, 0.95)[belt].all() == goes


def test_accessories_go_with_the_lower_garment_round_them_and_stay_elsewhere():
    person = drawn_person.person()
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    parse = person.parse.copy()
    parse[torso_rows(body, parse.shape) > 1.0] = np.where(parse == 0, Label.LOWER, parse)[
        torso_rows(body, parse.shape) > 1.0
    ]
    for along, goes in ((0.93, False), (1.3, True)):  # a buckle of a bag on the coat, the flap of a pocket
        x, y = np.round(body.at(along, 20)).astype(int)
        spot = np.s_[y - 3 : y + 4, x - 6 : x + 7]
        marked = parse.copy()
        if not goes:
            marked[y - 12 : y + 13, x - 15 : x + 16] = Label.TOP
        marked[spot] = Label.ACCESSORY
        assert agnostic_lower.old_garment(marked, body, 0.95)[spot].all() == goes
        assert agnostic_lower.occluders(marked, body, 0.95)[spot].any() != goes


def test_a_wall_in_the_garments_colour_is_no_part_of_it_where_nobody_stands():
    person = drawn_person.person()
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    parse, image = person.parse.copy(), person.image.copy()
    lower = parse == Label.LOWER
    beside = (cv2.dilate(lower.astype(np.uint8), np.ones((1, 9), np.uint8)) > 0) & (parse == Label.BACKGROUND)
    beside &= (np.arange(600)[:, None] > 360) & (np.arange(600)[:, None] < 420)
    image[beside] = np.median(image[lower], axis=0).astype(np.uint8)
    everywhere = agnostic_lower.overlooked(image, parse, body)
    assert (everywhere[beside] == Label.LOWER).mean() > 0.3
    nobody = np.where(beside, 0.0, 1.0).astype(np.float32)
    nobody = cv2.erode(nobody, np.ones((5, 5)))
    found = agnostic_lower.overlooked(image, parse, body, person=nobody)
    assert (found[beside] == Label.LOWER).mean() < 0.1

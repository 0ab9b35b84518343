"""Worn garments laid out flat, from drawn people whose true outlines are known."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests import drawn_lower, drawn_person
from tryon.inputs import build_inputs, edit_window
from tryon.labels import Label
from tryon.preprocess.unwarp import complete, straight_hem, transparent, unwarp
from tryon.preprocess.worn import as_worn, from_wearer
from tryon.preprocess.worn_cloth import GarmentHidden, worn_category
from tryon.types import LANDMARKS, LOWER_LANDMARKS, Person


def striped(person: Person, labels: tuple[Label, ...]) -> Person:
    """Horizontal stripes 20 px high, green and blue, painted onto a garment."""
    rows = (np.arange(person.image.shape[0]) // 20 % 2)[:, None, None]
    cloth = np.isin(person.parse, [int(x) for x in labels])[..., None]
    paint = np.where(rows == 0, np.array([60, 200, 50]), np.array([40, 60, 200]))
    return replace(person, image=np.where(cloth, paint, person.image).astype(np.uint8))


def paint_share(image: np.ndarray, mask: np.ndarray) -> float:
    """Share of a garment's pixels that have one of the two colours."""
    p = image[mask > 0.9].astype(int)
    return float(((p[:, 1] > p[:, 0] + 60) | (p[:, 2] > p[:, 0] + 60)).mean())


@pytest.mark.parametrize(("long_sleeves", "sleeve"), [(True, "long"), (False, "short")])
def test_a_top_is_laid_out_with_all_landmarks_and_only_its_own_colours(long_sleeves, sleeve):
    garment = unwarp(striped(drawn_person.person(long_sleeves=long_sleeves), (Label.TOP,)))
    assert garment.category == "upper" and garment.sleeve == sleeve and from_wearer(garment)
    absent = {name for name in LANDMARKS if garment.landmarks[name] is None}
    assert absent == (set() if sleeve == "long" else {"elbow_left", "elbow_right"})
    assert paint_share(garment.image, garment.mask) > 0.97  # neither skin nor wall
    assert (garment.image[garment.mask == 0] == 255).all()


def test_the_flat_lay_is_symmetric_and_its_landmarks_lie_on_the_outline():
    garment = unwarp(drawn_person.person())
    flipped = garment.mask[:, ::-1]
    both = np.minimum(garment.mask, flipped).sum() / np.maximum(garment.mask, flipped).sum()
    assert both > 0.95
    edge = cv2.distanceTransform((garment.mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    far = cv2.distanceTransform((garment.mask <= 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    for name in ("armpit_left", "hem_right", "sleeve_out_left", "sleeve_in_right", "neck_left", "neck_front"):
        x, y = garment.landmarks[name]
        distance = max(edge[int(y), int(x)], far[int(y), int(x)])
        assert distance < 0.06 * garment.mask.shape[1], (name, distance)
    left, right = garment.landmarks["armpit_left"], garment.landmarks["armpit_right"]
    assert left[0] < right[0] and garment.landmarks["hem_left"][1] > left[1]


@pytest.mark.parametrize("raised", [False, True])
def test_sleeves_lie_at_45_degrees_wherever_the_arms_are(raised):
    person = drawn_person.person()
    if raised:  # the arms' direction must not matter: turn the right one to the side
        pose = person.pose
        keypoints = pose.keypoints.copy()
        for i, (x, y) in {14: (75, 170), 16: (5, 175), 18: (2, 175), 20: (2, 178), 22: (2, 172)}.items():
            keypoints[i, :2] = x, y
        parse = np.where(np.arange(400)[None] < 150, 0, person.parse).astype(np.uint8)
        cv2.line(parse, (150, 165), (15, 175), int(Label.TOP), 34)
        person = replace(person, parse=parse, pose=replace(pose, keypoints=keypoints))
    marks = unwarp(person).landmarks
    for side, sign in (("left", -1), ("right", 1)):
        cuff = (np.array(marks[f"sleeve_out_{side}"]) + marks[f"sleeve_in_{side}"]) / 2
        root = (np.array(marks[f"shoulder_{side}"]) + marks[f"armpit_{side}"]) / 2
        angle = np.degrees(np.arctan2(cuff[1] - root[1], sign * (cuff[0] - root[0])))
        assert 38 < angle < 52


def test_what_a_bag_hides_is_filled_with_the_garments_colours():
    person = drawn_person.person()
    parse, image = person.parse.copy(), person.image.copy()
    parse[200:260, 150:190], image[200:260, 150:190] = int(Label.BAG), (250, 20, 20)
    garment = unwarp(replace(person, parse=parse, image=image))
    red = (garment.image[..., 0] > 180) & (garment.image[..., 1] < 80) & (garment.mask > 0.9)
    assert red.sum() < 30
    assert paint_share(garment.image, garment.mask) > 0.9  # the top's own blue


def test_worn_again_by_the_same_person_it_covers_what_it_covered():
    person = striped(drawn_person.person(), (Label.TOP,))
    x = build_inputs(person, as_worn(unwarp(person)), edit_window(person.pose, person.parse))
    old = cv2.erode((x.parse == Label.TOP).astype(np.uint8), np.ones((5, 5))) > 0
    assert (x.coverage[old] > 0.5).mean() > 0.9
    assert x.coverage[x.parse == Label.BACKGROUND].mean() < 0.05


@pytest.mark.parametrize("dress", [False, True])
def test_a_dress_is_what_covers_the_torso_if_it_is_worn(dress):
    person = drawn_lower.in_dress() if dress else drawn_person.person()
    assert worn_category(person) == ("dress" if dress else "upper")
    garment = unwarp(person)
    assert garment.category == ("dress" if dress else "upper")
    marks = garment.landmarks
    length = (marks["hem_left"][1] - marks["neck_left"][1]) / (marks["armpit_right"][0] - marks["armpit_left"][0])
    assert length > 1.8 if dress else length < 1.6


def test_trousers_have_two_straight_legs():
    garment = unwarp(striped(drawn_person.person(), (Label.LOWER,)), "lower")
    assert garment.category == "lower" and garment.length == "long" and garment.sleeve is None
    assert set(garment.landmarks) == set(LOWER_LANDMARKS) and not garment.is_skirt
    row = int((garment.landmarks["crotch"][1] + 2 * garment.landmarks["hem_in_left"][1]) / 3)
    runs = np.flatnonzero(np.diff((garment.mask[row] > 0.5).astype(int)))
    assert len(runs) == 4  # two legs and a gap
    assert paint_share(garment.image, garment.mask) > 0.95


def test_a_skirt_has_none():
    person = drawn_person.person()
    parse = np.where(person.parse == Label.LOWER, np.uint8(Label.LEGS), person.parse)
    outline = np.array([[160, 290], [240, 290], [262, 410], [138, 410]])
    skirt = cv2.fillPoly(np.zeros(parse.shape, np.uint8), [outline], 1) > 0
    parse[skirt & ~np.isin(parse, [int(Label.TOP), int(Label.ARMS)])] = int(Label.LOWER)
    garment = unwarp(replace(person, parse=parse), "lower")
    assert garment.is_skirt and garment.length in ("short", "knee")


def test_a_garment_that_is_not_worn_or_hardly_seen_is_refused_with_a_remedy():
    person = drawn_person.person()
    with pytest.raises(GarmentHidden, match="no dress") as error:
        unwarp(person, "dress")
    assert error.value.exit_code == 3 and error.value.remedy
    parse = person.parse.copy()
    hidden = (parse == Label.TOP) & (np.arange(600)[:, None] > 150)
    parse[hidden & (np.arange(400)[None] > 60)] = int(Label.BAG)
    with pytest.raises(GarmentHidden):
        unwarp(replace(person, parse=parse))


def test_of_a_jacket_over_a_shirt_each_layer_can_be_taken():
    person = drawn_person.person()
    parse = person.parse.copy()
    middle = (np.abs(np.arange(400) - 200) < 14)[None] & (parse == Label.TOP)
    parse[(parse == Label.TOP) & ~middle] = int(Label.OUTERWEAR)
    image = person.image.copy()
    image[parse == Label.OUTERWEAR], image[parse == Label.TOP] = (40, 140, 60), (230, 220, 60)
    worn = replace(person, parse=parse, image=image)
    jacket = unwarp(worn, layer="outer")
    assert jacket.open_front
    axis = jacket.mask.shape[1] // 2
    row = int((jacket.landmarks["armpit_left"][1] + jacket.landmarks["hem_left"][1]) / 2)
    assert jacket.mask[row, axis] < 0.1 < 0.9 < jacket.mask[row, int(jacket.landmarks["armpit_left"][0]) + 12]
    look = unwarp(worn)
    assert not look.open_front and look.mask[row, axis] > 0.9
    assert look.image[row, axis, 0] > 180  # the shirt shows between the fronts


def test_same_input_same_bytes_and_nothing_is_modified():
    person = drawn_person.person()
    before = person.image.copy(), person.parse.copy()
    first, second = unwarp(person), unwarp(person)
    assert np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)
    assert np.array_equal(before[0], person.image) and np.array_equal(before[1], person.parse)


def test_the_transparent_picture_goes_on_beyond_the_outline_in_the_garments_colour():
    garment = unwarp(drawn_person.person())
    picture = transparent(garment)
    assert picture.shape == (*garment.mask.shape, 4) and picture.dtype == np.uint8
    rim = (garment.mask < 0.5) & (cv2.dilate(garment.mask, np.ones((5, 5))) > 0.5)
    assert (picture[rim][:, :3].mean(0) < 225).any()  # not white
    assert set(np.unique(picture[..., 3][garment.mask == 0])) == {0}


def test_completion_takes_the_mirrored_side_in_this_sides_light():
    rgb = np.zeros((40, 60, 3), np.float32)
    rgb[:, 30:] = 100
    rgb[:, :30] = 130  # this side is lighter
    rgb[10:14, 40:44] = 160  # a pocket there
    known = np.ones((40, 60), np.float32)
    known[8:16, 14:22] = 0  # hidden here
    rgb[8:16, 14:22] = 0
    out = complete(rgb, known, 30.0, 20.0)
    assert abs(float(out[12, 18, 0]) - 190) < 12  # the pocket's mirror image, 30 lighter
    assert abs(float(out[9, 15, 0]) - 130) < 8


def test_a_ragged_hem_is_cut_straight_and_a_whole_one_stays():
    alpha = np.zeros((300, 200), np.float32)
    alpha[20:260, 50:150] = 1
    marks = {
        "armpit_left": np.array([50.0, 80]), "armpit_right": np.array([150.0, 80]),
        "hem_left": np.array([50.0, 260]), "hem_right": np.array([150.0, 260]),
    }  # fmt: skip
    same, kept = straight_hem(alpha, marks, 100.0)
    assert same is alpha and kept is marks
    ragged = alpha.copy()
    ragged[200:260, 80:120] = 0  # the fronts hang down
    ragged[60:250, 10:30] = 1  # a sleeve
    out, moved = straight_hem(ragged, marks, 100.0)
    assert abs(moved["hem_left"][1] - 200) <= 1 and moved["hem_left"][0] == 50
    assert not out[202:, 45:155].any() and out[240, 20] == 1
    thin = alpha.copy()
    thin[100:260, 80:120] = 0
    assert straight_hem(thin, marks, 100.0)[1]["hem_left"][1] >= 80 + 0.35 * 180

"""Cuffs that the parse took for skin or a bag."""

from __future__ import annotations

import numpy as np
import pytest

from tests import drawn_person
from tryon.inputs import edit_window
from tryon.labels import Label
from tryon.preprocess import overlooked
from tryon.preprocess.arms import arm_mask, hand_mask
from tryon.preprocess.body import body_from_pose
from tryon.preprocess.body import torso_rows as body_along
from tryon.preprocess.overlooked import RIM, clothing_by_colour, lower_by_colour, sleeve_rims

SKIN, SLEEVE = (205, 160, 135), (60, 90, 170)


@pytest.fixture
def scene():
    """A person in long sleeves whose right cuff has another label, on the canvas: image, parse, body, cuff."""
    who = drawn_person.person()
    place = edit_window(who.pose)
    parse = place.crop(who.parse, nearest=True, border="zero")
    body = body_from_pose(place.to_canvas(who.pose.keypoints), who.pose.world)
    arms = np.maximum(arm_mask(body, 0, parse.shape, 1.2), arm_mask(body, 1, parse.shape, 1.2)) > 0.5
    parse[arms] = Label.TOP
    for side in (0, 1):
        parse[hand_mask(body, side, parse.shape) > 0.5] = Label.ARMS
    rng = np.random.default_rng(0)
    image = rng.integers(-6, 7, (*parse.shape, 3)) + np.array((120, 120, 120))
    image[np.isin(parse, (Label.TOP,))] += np.array(SLEEVE) - 120
    image[np.isin(parse, (Label.FACE, Label.ARMS))] += np.array(SKIN) - 120
    cuff = (arm_mask(body, 0, parse.shape, 1.15, 1.7, 1.92) > 0.5) & (parse == Label.TOP)
    assert cuff.sum() > 100
    return np.clip(image, 0, 255).astype(np.uint8), parse, body, cuff


@pytest.mark.parametrize("label", [Label.ARMS, Label.BAG])
def test_a_cuff_with_the_sleeves_colour_joins_it(scene, label):
    image, parse, body, cuff = scene
    wrong = np.where(cuff, np.uint8(label), parse).astype(np.uint8)
    before = wrong.copy()
    out = clothing_by_colour(image, wrong, body)
    assert (out[cuff] == Label.TOP).mean() > 0.8
    hands = (parse == Label.ARMS) & ~cuff
    assert (out[hands] == Label.ARMS).mean() > 0.95
    assert np.array_equal(wrong, before)


def test_a_cuff_of_another_stuff_is_no_skin_either(scene):
    image, parse, body, cuff = scene
    image[cuff] = (40, 200, 60)
    wrong = np.where(cuff, np.uint8(Label.ARMS), parse).astype(np.uint8)
    far = np.zeros(parse.shape, bool)  # a bare arm elsewhere shows the light
    far[: parse.shape[0] // 8, :60] = True
    wrong[far], image[far] = Label.ARMS, SKIN
    assert (clothing_by_colour(image, wrong, body)[cuff] == Label.TOP).mean() > 0.6


def test_skin_and_bags_of_other_colours_stay(scene):
    image, parse, body, cuff = scene
    image[cuff] = SKIN
    bare = np.where(cuff, np.uint8(Label.ARMS), parse).astype(np.uint8)
    assert (clothing_by_colour(image, bare, body)[cuff] == Label.ARMS).mean() > 0.9
    image[cuff] = (150, 30, 40)
    bag = np.where(cuff, np.uint8(Label.BAG), parse).astype(np.uint8)
    assert (clothing_by_colour(image, bag, body)[cuff] == Label.BAG).all()


def test_a_black_bag_on_a_black_sleeve_stays(scene):
    image, parse, body, cuff = scene
    image[(parse == Label.TOP) | cuff] = (14, 14, 16)
    bag = np.where(cuff, np.uint8(Label.BAG), parse).astype(np.uint8)
    assert (clothing_by_colour(image, bag, body)[cuff] == Label.BAG).all()


@pytest.mark.parametrize(("colour", "becomes"), [((60, 90, 170), Label.TOP), ((220, 200, 60), Label.ACCESSORY)])
def test_a_shirt_front_parsed_as_a_scarf_is_clothing_and_a_scarf_is_none(scene, colour, becomes):
    image, parse, body, _ = scene
    x, y = np.round(body.at(0.2)).astype(int)
    r = round(0.12 * body.breadth)
    parse[y - r : y + r, x - r : x + r] = Label.ACCESSORY
    noise = np.random.default_rng(1).integers(-6, 7, (2 * r, 2 * r, 3))
    image[y - r : y + r, x - r : x + r] = np.clip(np.array(colour) + noise, 0, 255)
    out = clothing_by_colour(image, parse, body)
    assert (out[y - r + 2 : y + r - 2, x - r + 2 : x + r - 2] == becomes).mean() > 0.95


@pytest.mark.parametrize("alike", [False, True])
def test_a_bare_arm_taken_for_the_skirt_beside_it_is_an_arm(scene, alike):
    image, parse, body, _ = scene
    arm = arm_mask(body, 0, parse.shape, 1.0, 0.9, 1.9) > 0.5
    image[arm] = SKIN
    skirt = (np.arange(parse.shape[0])[:, None] > body.at(0.8)[1]) & np.isin(parse, (Label.LOWER, Label.BACKGROUND))
    skirt &= np.abs(np.arange(parse.shape[1])[None] - body.neck[0]) < 0.6 * body.breadth
    image[skirt & ~arm] = SKIN if alike else (200, 170, 20)
    parse[skirt | arm] = Label.LOWER
    other = np.arange(parse.shape[1])[None] > body.neck[0]
    parse[(arm_mask(body, 1, parse.shape, 1.0, 0.9, 1.9) > 0.5) & other] = Label.ARMS  # the other arm was found
    image[parse == Label.ARMS] = SKIN
    out = lower_by_colour(image, parse, body)
    assert (out[arm] == Label.ARMS).mean() < 0.05 if alike else (out[arm] == Label.ARMS).mean() > 0.9
    assert (out[skirt & ~(arm_mask(body, 0, parse.shape, 1.6) > 0.5)] == Label.LOWER).mean() > 0.95


@pytest.mark.parametrize("alike", [True, False])
def test_a_pocket_parsed_as_an_accessory_goes_with_the_trousers(scene, alike):
    image, parse, body, _ = scene
    along = body_along(body, parse.shape)
    image[parse == Label.LOWER] = (200, 190, 170)
    x = np.arange(parse.shape[1])[None]
    pocket = (parse == Label.LOWER) & (along > 1.1) & (along < 1.3) & (x > body.neck[0]) & (x < body.neck[0] + 30)
    assert pocket.sum() > 200
    parse[pocket] = Label.ACCESSORY
    if not alike:
        image[pocket] = (20, 30, 160)
    out = lower_by_colour(image, parse, body)
    assert (out[pocket] == (Label.LOWER if alike else Label.ACCESSORY)).all()


def test_a_ring_of_the_arm_below_a_sleeve_goes_with_it_and_a_wrist_does_not(scene):
    _, parse, body, _ = scene
    assert np.array_equal(sleeve_rims(parse, body), parse), "long sleeves: hands stay"
    bare = parse.copy()
    forearm = (arm_mask(body, 0, parse.shape, 1.2, 1.0, 2.0) > 0.5) & (parse == Label.TOP)
    bare[forearm] = Label.ARMS
    out = sleeve_rims(bare, body)
    lost = (bare == Label.ARMS) & (out == Label.TOP)
    assert 0.02 < lost.sum() / forearm.sum() < 0.5
    rows, columns = np.nonzero(lost)
    elbow = body.elbows[0]
    assert np.hypot(rows - elbow[1], columns - elbow[0]).max() < (3 * RIM + 0.2) * body.breadth
    assert np.array_equal(out[~lost], bare[~lost])


def test_a_forearm_beside_the_coat_is_none_of_its_cuffs(scene):
    """Its sunlit side may have the sleeve's colour: far below the sleeve that says nothing."""
    image, parse, body, _ = scene
    bare, image = parse.copy(), image.copy()
    limb = arm_mask(body, 0, parse.shape, 1.2, 1.0, 2.0) > 0.5
    forearm = limb & (parse == Label.TOP)
    bare[forearm], image[forearm] = Label.ARMS, SKIN
    bright = forearm & (arm_mask(body, 0, parse.shape, 0.5, 1.5, 1.9) > 0.5)
    image[bright] = SLEEVE
    beside = (bare == Label.BACKGROUND) & (arm_mask(body, 0, parse.shape, 2.5, 1.0, 2.0) > 0.5)
    bare[beside], image[beside] = Label.TOP, SLEEVE
    assert (clothing_by_colour(image, bare, body)[bright] == Label.ARMS).mean() > 0.9


def test_knuckles_in_the_light_are_no_cuff():
    who = drawn_person.person()
    body = body_from_pose(who.pose.keypoints, who.pose.world)
    hand = (hand_mask(body, 0, who.parse.shape, 1.2) > 0.5) & (who.parse == Label.ARMS)
    y, x = np.nonzero(hand)
    cuff = hand & (np.arange(hand.shape[0])[:, None] < y.min() + 5)
    bite = (
        hand & (np.arange(hand.shape[0])[:, None] < y.min() + 12) & (np.arange(hand.shape[1])[None] < np.median(x) - 3)
    )
    bitten = overlooked._bites(cuff | bite, hand, body, 0)
    assert not bitten[cuff].any() and bitten[bite & ~cuff].mean() > 0.8
    assert not overlooked._bites(cuff, hand, body, 0).any()
    assert not overlooked._bites(np.zeros_like(cuff), hand, body, 0).any()

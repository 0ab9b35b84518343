"""What is erased, what stays, and the first filling."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests import drawn_person
from tryon.inputs import LAYOUT_GROUPS, PersonView, build_inputs, edit_window
from tryon.labels import PALETTE, Label
from tryon.preprocess import agnostic, hands, plate, repair, skeleton
from tryon.preprocess.arms import (
    BELIEVED,
    arm_mask,
    arm_stations,
    bare_from,
    beside_arms,
    cuff_rims,
    folded_up,
    hand_mask,
    with_bare_arms,
)
from tryon.preprocess.body import body_from_pose, face_disc, neck_mask, torso_rows
from tryon.preprocess.fill import mirror_fill, push_pull, skin_colour
from tryon.preprocess.masks import soften
from tryon.preprocess.worn import as_worn
from tryon.types import Person


@pytest.fixture(scope="module")
def inputs():
    return build_inputs(drawn_person.person(), as_worn(drawn_person.flat_top("short")))


def test_push_pull_keeps_what_is_known_and_stays_in_range():
    rng = np.random.default_rng(1)
    image = rng.uniform(0, 255, (61, 47, 3)).astype(np.float32)
    known = (rng.random((61, 47)) < 0.1).astype(np.float32)
    out = push_pull(image, known)
    assert np.allclose(out[known == 1], image[known == 1], atol=1e-3)
    assert np.isfinite(out).all() and out.min() >= -1e-3 and out.max() <= 255.001
    flat = push_pull(np.full((40, 30, 3), 77, np.float32), (rng.random((40, 30)) < 0.05).astype(np.float32))
    assert np.abs(flat - 77).max() < 0.1


def test_the_old_garment_is_erased(inputs):
    top = np.isin(inputs.parse, [Label.TOP, Label.OUTERWEAR])
    assert (inputs.agnostic.edit[top] > 0).mean() > 0.97


def test_face_hair_hands_and_background_stay(inputs):
    edit = inputs.agnostic.edit
    assert (edit[inputs.parse == Label.HAIR] == 0).mean() > 0.99
    bare_hands = (inputs.parse == Label.ARMS) & (np.indices(edit.shape)[0] > inputs.body.wrists[:, 1].max() + 8)
    assert bare_hands.any() and (edit[bare_hands] < 0.5).mean() > 0.95
    assert (edit[inputs.parse == Label.BACKGROUND] == 0).mean() > 0.8


def test_nothing_outside_of_the_edit_region_differs(inputs):
    same = inputs.agnostic.edit == 0
    assert np.array_equal(inputs.agnostic.plate[same], inputs.image[same].astype(np.float32))


def test_newly_bare_arms_are_drawn_in_skin_colour(inputs):
    body, skin = inputs.body, inputs.agnostic.skin
    for side in (0, 1):
        x, y = np.round((body.elbows[side] + body.wrists[side]) / 2).astype(int)
        assert skin[y, x] > 0.9
        assert inputs.coverage[y, x] == 0
        assert np.abs(inputs.agnostic.plate[y, x] - inputs.agnostic.colour).max() < 40


@pytest.mark.parametrize(
    ("end", "around", "stays"), [(0.5, "nothing", True), (2.0, "nothing", False), (0.5, "coat", False)]
)
def test_a_gloved_hand_stays_if_a_bare_arm_would_end_in_it(inputs, end, around, stays):
    body, parse = inputs.body, inputs.parse.copy()
    hand = hand_mask(body, 0, parse.shape, 1.1) > 0.5
    parse[(hand_mask(body, 0, parse.shape, 2.2) > 0.5)] = Label.TOP if around == "coat" else Label.BACKGROUND
    parse[hand] = Label.TOP
    keep = agnostic.occluders(parse, body, np.zeros(parse.shape, np.float32), (end, end))
    assert (keep[hand].mean() > 0.9) == stays
    assert stays or keep[hand].mean() < 0.1


@pytest.mark.parametrize(("at", "radius", "stays"), [(0.0, 0.15, False), (0.0, 0.3, True), (1.0, 0.15, True)])
def test_a_badge_is_no_bag(inputs, at, radius, stays):
    """Small and on the garment it goes with it; a large one, or one that hangs over the garment's edge, is kept."""
    body, parse = inputs.body, inputs.parse.copy()
    y, x = np.indices(parse.shape)
    centre = body.at(0.5, 0.0)
    clothing = np.isin(parse, [Label.TOP, Label.OUTERWEAR])
    row = np.flatnonzero(clothing[round(centre[1])] & (np.abs(x[0] - centre[0]) < 0.6 * body.breadth))
    middle = centre[0] + at * (row.max() - centre[0])
    badge = np.hypot(x - middle, y - centre[1]) < radius * body.breadth
    parse[badge] = Label.BAG
    none = np.zeros(parse.shape, np.float32)
    assert bool(agnostic.occluders(parse, body, none)[badge].mean() > 0.8) == stays
    assert bool(agnostic.old_garment(parse, body, 1.0)[badge].mean() > 0.9) != stays


def test_skin_colour_falls_back_to_the_face():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:10] = (200, 150, 120)
    face = np.zeros((20, 20), bool)
    face[:10] = True
    colour = skin_colour(image, np.zeros((20, 20), bool), face)
    assert np.abs(colour - (200, 150, 120)).max() < 1


def test_network_channels_match_the_generators_list(inputs):
    generator = pytest.importorskip("tryon.models.generator")
    x = inputs.network()
    assert x.dtype == np.float32 and x.shape == (len(generator.INPUT_CHANNELS), 512, 384)
    assert np.allclose(x[generator.LAYOUT].sum(0), 1)
    for where in (generator.EDIT, generator.WARP_MASK, generator.LIMBS, generator.SKIN_PRIOR):
        assert x[where].min() >= 0 and x[where].max() <= 1.0001
    assert x[generator.PLATE].min() >= -1.01 and x[generator.PLATE].max() <= 1.01
    # the person's own left arm lies right in a front view
    left = x[generator.LIMBS][1]
    assert np.average(np.arange(384), weights=left.sum(0)) > inputs.body.neck[0]


def test_every_label_has_one_layout_group():
    assert sorted(label for group in LAYOUT_GROUPS for label in group) == sorted(Label)


def test_the_callers_arrays_are_not_changed():
    person, garment = drawn_person.person(), drawn_person.flat_top()
    before = [a.copy() for a in (person.image, person.parse, person.pose.keypoints, garment.image, garment.mask)]
    build_inputs(person, as_worn(garment))
    after = (person.image, person.parse, person.pose.keypoints, garment.image, garment.mask)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_edit_window_holds_the_torso():
    person = drawn_person.person()
    window = edit_window(person.pose)
    points = window.to_canvas(person.pose.keypoints)
    for i in (11, 12, 13, 14, 15, 16, 23, 24):
        assert 0 < points[i, 0] < 384 and 0 < points[i, 1] < 512
    body = body_from_pose(points, person.pose.world)
    assert 60 < body.breadth < 220


@pytest.fixture
def scene():
    person = drawn_person.person()
    return person.image.copy(), person.parse.copy(), body_from_pose(person.pose.keypoints, person.pose.world)


def test_a_cuff_parsed_as_skin_becomes_clothing(scene):
    image, parse, body = scene
    x, y = np.round(body.elbows[0]).astype(int)
    cuff = np.s_[y - 6 : y + 7, x - 6 : x + 7]
    parse[cuff], image[cuff] = Label.ARMS, (240, 242, 245)
    repaired = repair.repair_skin(image, parse, body)
    assert (repaired[cuff] == Label.TOP).mean() > 0.8
    face = parse == Label.FACE
    assert (repaired[face] == Label.FACE).mean() > 0.95


def test_clothing_parsed_as_hair_goes_but_hair_stays(scene):
    image, parse, body = scene
    x, y = np.round(body.at(0.15)).astype(int)
    spot, lock = np.s_[y - 8 : y + 9, x - 30 : x - 10], np.s_[y - 8 : y + 9, x + 10 : x + 30]
    parse[spot] = parse[lock] = Label.HAIR
    image[spot], image[lock] = (230, 190, 30), PALETTE[int(Label.HAIR)]
    repaired = repair.repair_hair(image, parse, body)
    assert (repaired[spot] == Label.TOP).mean() > 0.8
    assert (repaired[lock][1:-1, 1:-1] == Label.HAIR).all()


def test_no_line_of_the_old_garment_stays_between_strands_of_hair(scene):
    image, parse, body = scene
    x, y = np.round(body.at(0.15)).astype(int)
    lock = np.s_[y - 20 : y + 21, x - 20 : x + 21]
    parse[lock], image[lock] = Label.HAIR, PALETTE[int(Label.HAIR)]
    image[y - 20 : y + 21, x : x + 4] = (230, 190, 30)  # too thin for a piece of its own
    repaired = repair.repair_hair(image, parse, body)
    assert (repaired[y - 18 : y + 19, x + 1 : x + 3] == Label.TOP).mean() > 0.8
    assert (repaired[y - 18 : y + 19, x - 16 : x - 4] == Label.HAIR).all()


def test_a_line_between_skirt_and_dress_is_not_the_old_top(scene):
    _, parse, body = scene
    y, x = np.indices(parse.shape)
    along = agnostic.torso_rows(body, parse.shape)
    middle = np.abs(x - body.neck[0]) < 0.4 * body.breadth
    parse[middle & (along > 0.9) & (along < 1.6)] = Label.LOWER
    line = middle & (along > 1.2) & (along < 1.22)
    parse[line] = Label.OUTERWEAR
    old = agnostic.old_garment(parse, body, 1.0)
    assert line.any() and not old[line].any()


def test_specks_do_not_stay_in_front(scene):
    _, parse, body = scene
    x, y = np.round(body.at(0.4)).astype(int)
    parse[y - 2 : y + 3, x - 2 : x + 3] = Label.BAG
    keep = agnostic.occluders(parse, body, np.zeros(parse.shape, np.float32))
    assert not keep[y - 4 : y + 5, x - 4 : x + 5].any()


def test_background_beside_the_arm_inside_the_silhouette_is_an_overlooked_sleeve(scene):
    _, parse, body = scene
    x, y = np.round(body.elbows[1]).astype(int)
    hole = np.s_[y - 5 : y + 6, x - 5 : x + 6]
    parse[hole] = Label.BACKGROUND
    found = repair.overlooked_sleeves(parse, body, np.ones(parse.shape, np.float32))
    assert (found[hole] == Label.TOP).all()
    assert np.array_equal(repair.overlooked_sleeves(parse, body, np.zeros(parse.shape, np.float32)), parse)


def test_mirror_fill_continues_a_texture_and_keeps_what_is_known():
    stripes = np.where((np.arange(80) // 5 % 2)[:, None, None] == 0, 200.0, 40.0)
    image = np.broadcast_to(stripes, (80, 60, 3)).astype(np.float32).copy()
    known = np.ones((80, 60), bool)
    known[50:65, 20:40] = False
    smooth = push_pull(image, known.astype(np.float32))
    out = mirror_fill(image, known, smooth, 1000.0, even=1.0)
    assert np.array_equal(out[known], smooth[known])
    hole = ~known
    assert out[hole].std() > 3 * smooth[hole].std()  # stripes, not a blur
    assert out.min() >= 0 and out.max() <= 255
    assert np.array_equal(mirror_fill(image, np.zeros_like(known), smooth, 9.0), smooth)


def test_no_bare_arm_stands_out_before_the_sleeve_ends():
    person = drawn_person.person(long_sleeves=False)
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    none = np.zeros(person.parse.shape, np.float32)
    bare = agnostic.occluders(person.parse, body, none, (0.0, 0.0))
    covered = agnostic.occluders(person.parse, body, none, (1.9, 1.9))
    x, y = np.round(body.elbows[0]).astype(int)
    assert bare[y, x] and not covered[y, x]
    x, y = np.round(body.hands[0]).astype(int)
    assert covered[y, x]  # hands stay in front


def test_a_small_hand_that_comes_out_of_a_sleeve_stays(inputs):
    body = inputs.body
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    x, y = np.round(body.hands[0]).astype(int)
    r = round(0.05 * body.breadth)
    parse[y - r : y + r, x - r : x + r] = Label.ARMS
    away = np.round(body.at(0.5)).astype(int)  # as small, on the belly: an error of the parse
    parse[away[1] - r : away[1] + r, away[0] - r : away[0] + r] = Label.ARMS
    keep = agnostic.occluders(parse, body, np.zeros(parse.shape, np.float32))
    assert keep[y, x] and not keep[away[1], away[0]]


def test_a_hand_in_a_pocket_that_goes_is_painted_and_a_seen_one_is_not(inputs):
    body, parse = inputs.body, inputs.parse
    everywhere = np.ones(parse.shape, bool)
    without = np.where(parse == Label.ARMS, np.uint8(Label.TOP), parse).astype(np.uint8)
    assert hands.hand_hidden(without, everywhere, body, 0)
    assert not hands.hand_hidden(without, ~everywhere, body, 0)  # in trousers that stay
    assert not hands.hand_hidden(parse, everywhere, body, 0)


def test_no_hand_is_painted_where_an_arm_seems_to_be_folded_up(inputs):
    """The pose network puts hands of arms behind the back on the upper arm."""
    body = inputs.body
    without = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    moved = body.hands.copy()
    moved[0] = body.shoulders[0] * 0.6 + body.elbows[0] * 0.4
    folded = replace(body, hands=moved)
    assert folded_up(folded, 0) and not folded_up(body, 0)
    everywhere = np.ones(inputs.parse.shape, bool)
    assert not hands.hand_hidden(without, everywhere, folded, 0)


def test_what_a_long_coat_hid_is_guessed_from_what_shows_below_the_canvas():
    person, flat = drawn_person.person(), as_worn(drawn_person.flat_top("short"))
    parse, image = person.parse.copy(), person.image.copy()
    parse[parse == Label.LEGS] = Label.LOWER
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    coat = cv2.dilate((parse == Label.LOWER).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    coat &= np.arange(len(parse))[:, None] < float(body.at(2.0)[1])
    coat |= parse == Label.TOP
    image[parse == Label.LOWER] = (150, 40, 50)
    image[coat] = (30, 30, 34)
    parse[coat & (parse != Label.ARMS)] = Label.OUTERWEAR
    view = PersonView(Person(image, person.pose, parse), edit_window(person.pose, parse))
    nothing = np.zeros(view.size, np.float32)
    fit = replace(skeleton.fit(flat, skeleton.landmarks_of(flat), view.body), hem=1.05)
    out = view.erased(view.parse, view.body, nothing, nothing, fit)
    assert out.plate.shape[:2] == out.edit.shape == out.layout.shape == view.size
    y, x = np.round(view.body.hips[0] * 0.4 + view.body.knees[0] * 0.6).astype(int)[::-1]
    assert out.layout[y, x] == Label.LOWER
    assert np.abs(out.plate[y - 4 : y + 5, x - 4 : x + 5].mean((0, 1)) - (150, 40, 50)).max() < 20


def test_the_slit_between_a_long_coats_fronts_goes_with_it(inputs):
    body = inputs.body
    size = (round(1.3 * inputs.parse.shape[0]), inputs.parse.shape[1])
    along = torso_rows(body, size)
    x = np.arange(size[1])[None] - float(body.pelvis[0])
    coat = (along < 1.9) & (along > 0) & (np.abs(x) < body.chest)
    parse = np.where(coat, np.uint8(Label.OUTERWEAR), np.where(np.abs(x) < body.chest, np.uint8(Label.LOWER), 0))
    parse = np.where(along < 0, 0, parse).astype(np.uint8)
    parse[coat & (np.abs(x) < 0.1 * body.chest)] = Label.LOWER
    gone = parse == Label.OUTERWEAR
    found = agnostic.slit(parse, gone, body, along, 1.05)
    inside = (along > 1.1) & (along < 1.85)
    assert found[inside & (np.abs(x) < 0.08 * body.chest)].all() and not found[along > 2.0].any()
    parse[coat & (np.abs(x) < 0.5 * body.chest)] = Label.LOWER  # most of it is seen
    assert not agnostic.slit(parse, parse == Label.OUTERWEAR, body, along, 1.05).any()


def test_newly_bare_arms_hang_before_the_garment_but_below_its_sleeve(inputs):
    body = replace(inputs.body, arm_front=(True, False))
    painted, sleeves = np.ones(inputs.parse.shape, bool), np.zeros(inputs.parse.shape, np.float32)
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    before = agnostic.arms_before(parse, body, painted, sleeves, (0.6, 0.6), (False, False))
    middles = np.round((body.elbows + body.wrists) / 2).astype(int)
    assert before[middles[0][1], middles[0][0]] > 0.9 and before[middles[1][1], middles[1][0]] == 0
    upper = np.round(body.shoulders[0] * 0.7 + body.elbows[0] * 0.3).astype(int)
    assert before[upper[1], upper[0]] == 0
    assert agnostic.arms_before(parse, body, ~painted, sleeves, (0.6, 0.6), (True, True)).max() == 0


def test_an_arm_that_was_bare_is_not_painted_where_it_is_not_seen(inputs):
    """It lies behind something there."""
    body = replace(inputs.body, arm_front=(True, True))
    painted, sleeves = np.ones(inputs.parse.shape, bool), np.zeros(inputs.parse.shape, np.float32)
    sleeveless = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    assert bare_from(sleeveless, body, 0) == np.inf
    sleeveless[arm_mask(body, 0, inputs.parse.shape, 1.1, 0.3, 1.0) > 0.5] = Label.ARMS
    assert 0.2 <= bare_from(sleeveless, body, 0) <= 0.5
    before = agnostic.arms_before(sleeveless, body, painted, sleeves, (0.6, 0.6), (False, False))
    middles = np.round((body.elbows + body.wrists) / 2).astype(int)
    assert before[middles[0][1], middles[0][0]] == 0 and before[middles[1][1], middles[1][0]] > 0.9
    everywhere = np.ones(inputs.parse.shape, bool)
    assert not hands.hand_hidden(sleeveless, everywhere, body, 0)
    image = inputs.image.copy()
    image[sleeveless == Label.ARMS] = np.median(image[sleeveless == Label.FACE], axis=0)
    out = agnostic.build(image, sleeveless, body, inputs.coverage, sleeves, 0.9, sleeve_end=(0.6, 0.6))
    assert out.skin[middles[0][1], middles[0][0]] == 0


@pytest.mark.parametrize("thick", [0.85, 1.0, 1.2])
def test_drawn_arms_are_as_thick_as_seen_forearms(inputs, thick):
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    unknown = with_bare_arms(inputs.body, parse)
    assert unknown.bared == 1 and unknown.arm_radius(0.6) < inputs.body.arm_radius(0.6)
    for side in (0, 1):
        parse[arm_mask(replace(inputs.body, bared=thick), side, parse.shape, 1.0, 1.1, 2.1) > 0.5] = Label.ARMS
    found = with_bare_arms(inputs.body, parse).bared
    assert found is not None and abs(found - (1 + BELIEVED * (thick - 1))) < 0.08


@pytest.mark.parametrize("aside", [-6.0, 0.0, 5.0])
def test_drawn_arms_go_on_in_what_is_seen_of_them(inputs, aside):
    """The elbow in a wide sleeve was found beside the bare forearm."""
    body = inputs.body
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    side = 0
    along = body.wrists[side] - body.elbows[side]
    across = np.array([-along[1], along[0]], np.float32) / np.linalg.norm(along)
    there = replace(body, bared=1.0, elbows=body.elbows + aside * across, wrists=body.wrists + aside * across)
    assert np.array_equal(with_bare_arms(body, parse).elbows, body.elbows), "nothing is seen"
    parse[arm_mask(there, side, parse.shape, 1.0, 1.1, 2.1) > 0.5] = Label.ARMS
    drawn = with_bare_arms(body, parse)
    assert abs((drawn.elbows[side] - body.elbows[side]) @ across - aside) < 1.2
    assert abs((drawn.wrists[side] - body.wrists[side]) @ across - aside) < 1.2
    assert np.array_equal(drawn.elbows[1 - side], body.elbows[1 - side])
    assert np.array_equal(drawn.shoulders, body.shoulders)


@pytest.mark.parametrize("thick", [0.8, 1.2])
def test_a_drawn_arm_comes_to_the_seen_ones_thickness_below_the_sleeve(inputs, thick):
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    parse[arm_mask(replace(inputs.body, bared=thick), 0, parse.shape, 1.0, 1.2, 2.1) > 0.5] = Label.ARMS
    drawn = with_bare_arms(inputs.body, parse)
    assert drawn.cuffs[1] is None and drawn.cuffs[0] is not None
    at = drawn.cuffs[0][0]
    assert abs(at - 1.2) < 0.2
    _, radii = arm_stations(drawn, 0, 0.0, 2.0, 41)
    plain = replace(inputs.body, bared=1.0)
    _, usual = arm_stations(plain, 0, 0.0, 2.0, 41)
    assert abs(radii[26] / usual[26] / thick - 1) < 0.1, "station 1.3, where it is seen"
    assert radii[2] / usual[2] == pytest.approx(drawn.bared, abs=1e-3), "near the shoulder"
    assert not np.array_equal(radii, usual) and np.array_equal(arm_stations(drawn, 1)[0], arm_stations(plain, 1)[0])


def test_skin_right_below_a_sleeve_goes_with_the_sleeve(inputs):
    body = inputs.body
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    assert not cuff_rims(parse, body).any(), "no skin is seen"
    parse[arm_mask(replace(body, bared=1.0), 0, parse.shape, 1.0, 1.2, 2.1) > 0.5] = Label.ARMS
    rims = cuff_rims(parse, body)
    assert rims.any() and (parse[rims] == Label.ARMS).all()
    y, x = np.nonzero(rims)
    along = (np.stack([x, y], 1) - body.elbows[0]) @ (body.wrists[0] - body.elbows[0])
    along /= ((body.wrists[0] - body.elbows[0]) ** 2).sum()
    assert along.max() < 0.6, "the rest of the forearm stays"
    kept = agnostic.occluders(parse, body, np.zeros(parse.shape, np.float32), (0.5, 0.5))
    assert not kept[rims].any() and kept[arm_mask(body, 0, parse.shape, 0.6, 1.6, 1.9) > 0.5].all()


def test_the_seam_between_a_seen_and_a_drawn_arm_is_closed():
    seen, drawn = np.zeros((60, 40), bool), np.zeros((60, 40), np.float32)
    seen[32:55, 12:26], drawn[5:30, 12:26] = True, 1.0
    drawn[29] *= 0.4
    both = np.maximum(seen, agnostic.without_seam(seen, drawn))
    assert (both[6:54, 14:24] > 0.99).all() and both[:, :10].max() == 0 and both[:, 28:].max() == 0
    far = np.zeros_like(seen)
    far[40:55, 12:26] = True
    assert np.array_equal(agnostic.without_seam(far, drawn), drawn), "they do not meet"


@pytest.mark.parametrize("aside", [-18.0, 18.0])
def test_a_drawn_arm_ends_at_the_hand_that_is_seen(inputs, aside):
    body = inputs.body
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    there = replace(body, wrists=body.wrists + (aside, 0), hands=body.hands + (aside, 0))
    assert np.array_equal(with_bare_arms(body, parse).wrists, body.wrists), "no hand is seen"
    parse[(hand_mask(there, 0, parse.shape, 0.9) > 0.5) & (parse == Label.TOP)] = Label.ARMS
    parse[arm_mask(there, 0, parse.shape, 3.0, 0.0, 1.95) > 0.5] = Label.TOP
    assert bare_from(parse, body, 0) == np.inf and (parse == Label.ARMS).sum() > 100
    moved = with_bare_arms(body, parse).wrists - body.wrists
    assert moved[0, 0] * np.sign(aside) > 4 and np.array_equal(moved[1], (0, 0))
    assert np.linalg.norm(moved[0]) <= 0.3 * body.breadth + 1e-3
    y, x = np.nonzero(parse == Label.ARMS)
    gap = [np.hypot(x + 0.5 - w[0], y + 0.5 - w[1]).min() for w in (body.wrists[0], body.wrists[0] + moved[0])]
    assert gap[1] < 0.06 * body.breadth and gap[1] < gap[0]


def test_a_drawn_arm_does_not_stand_out_below_a_fist(inputs):
    body = inputs.body
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    x, y = np.round(body.wrists[0] + 0.3 * (body.hands[0] - body.wrists[0])).astype(int)
    w, h = round(0.12 * body.breadth), round(0.06 * body.breadth)
    fist = np.s_[y - h : y + h, x - w : x + w]
    parse[fist] = Label.ARMS
    limb = arm_mask(with_bare_arms(body, parse), 0, parse.shape, 1.0, 0.5, 2.12) > 0.5
    assert np.nonzero(limb)[0].max() <= y + h + 1
    assert (cuff_rims(parse, body)[fist]).mean() < 0.35


def test_a_wrist_alone_is_no_bare_arm(inputs):
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    parse[arm_mask(inputs.body, 0, parse.shape, 1.2, 1.75, 2.2) > 0.5] = Label.ARMS
    assert bare_from(parse, inputs.body, 0) == np.inf


def test_no_line_of_the_old_garment_stays_beside_what_is_kept():
    edit, keep = np.zeros((60, 60), bool), np.zeros((60, 60), bool)
    keep[10:50, 10:25], edit[10:50, 25:45] = True, True
    soft = soften(edit, keep)
    assert soft[30, 25] >= 0.85 and soft[30, 24] <= 0.36
    assert 0.5 <= soft[30, 44] < 0.8 and 0 < soft[30, 45] < 0.5, "towards the background it is soft"


def test_between_neck_and_hair_no_background_shows(inputs):
    """A high collar goes; left and right of the drawn neck hangs hair."""
    body, size = inputs.body, inputs.parse.shape
    parse, hole = np.zeros(size, np.uint8), np.zeros(size, bool)
    neck = neck_mask(body, size)
    row = round(float(body.neck[1] - 0.05 * body.length))
    middle, reach = round(float(body.neck[0])), round(0.45 * body.breadth)
    hole[row - 4 : row + 5, middle - reach : middle + reach] = True
    assert not plate._beside_neck(parse, body, hole, neck)[row][neck[row] < 0.5].any(), "without hair"
    for side in (-1, 1):
        strand = middle + side * round(0.35 * body.breadth)
        parse[row - 8 : row + 9, strand - 3 : strand + 4] = Label.HAIR
    hole &= parse != Label.HAIR
    found = plate._beside_neck(parse, body, hole, neck)[row]
    inside = np.abs(np.arange(size[1]) - middle) < 0.35 * body.breadth - 4
    assert (
        found[inside & hole[row]].all() and not found[np.abs(np.arange(size[1]) - middle) > 0.42 * body.breadth].any()
    )


def test_the_face_stays_whatever_the_parse_calls_it(inputs):
    body = inputs.body
    parse = np.where(inputs.parse == Label.FACE, np.uint8(Label.BACKGROUND), inputs.parse).astype(np.uint8)
    disc = face_disc(body, parse.shape)
    assert 0 < disc.sum() < 0.3 * body.breadth**2
    keep = agnostic.occluders(parse, body, np.zeros(parse.shape, np.float32))
    assert keep[disc].all()
    clothed = np.where(disc, np.uint8(Label.TOP), parse).astype(np.uint8)
    assert not agnostic.occluders(clothed, body, np.zeros(parse.shape, np.float32))[disc].all()


def test_a_badge_beside_a_hole_of_the_parse_is_no_bag_either(inputs):
    body, parse = inputs.body, inputs.parse.copy()
    y, x = np.indices(parse.shape)
    centre = body.at(0.5, 0.0)
    badge = np.hypot(x - centre[0], y - centre[1]) < 0.15 * body.breadth
    parse[np.hypot(x - centre[0], y - centre[1] - 0.19 * body.breadth) < 0.06 * body.breadth] = Label.BACKGROUND
    parse[badge] = Label.BAG
    assert agnostic.old_garment(parse, body, 1.0)[badge].mean() > 0.9


@pytest.mark.parametrize("held", [False, True])
def test_a_bag_that_only_its_strap_held_does_not_float_on_the_garment(inputs, held):
    parse, body = inputs.parse.copy(), inputs.body
    x, y = np.round(body.at(0.8)).astype(int)
    r = int(0.16 * body.breadth)
    spot = (slice(y - r, y + r), slice(x - r, x + r))
    parse[spot] = Label.BAG
    parse[y + r : y + 3 * r, x - 2 * r : x + 2 * r] = Label.LOWER  # half of it lies on the trousers
    if held:
        parse[y - r // 2 : y + r // 2, x + r : x + 2 * r] = Label.ARMS
    keep = agnostic.occluders(parse, body, np.zeros(parse.shape, np.float32))
    assert keep[spot].mean() > 0.9 if held else not keep[spot].any()


def test_a_clutch_parsed_as_a_top_stays_beside_the_hand(inputs):
    parse, body = inputs.parse.copy(), inputs.body
    y, x = np.indices(parse.shape)
    hand = np.round(body.hands[0]).astype(int)
    clutch = (np.abs(x - hand[0]) < 0.2 * body.breadth) & (y > hand[1] + 14) & (y < hand[1] + 14 + 0.2 * body.breadth)
    palm = (np.abs(x - hand[0]) < 0.1 * body.breadth) & (np.abs(y - hand[1]) < 15)
    parse[palm] = Label.ARMS
    parse[clutch] = Label.TOP
    assert agnostic.torso_rows(body, parse.shape)[clutch].min() > 1.0
    old = agnostic.old_garment(parse, body, 1.0)
    assert not old[clutch].any()
    tops = np.isin(inputs.parse, [Label.TOP, Label.OUTERWEAR]) & ~clutch & ~palm
    assert old[tops].mean() > 0.97


def test_a_piece_of_a_long_blouse_parsed_as_a_dress_goes_with_its_hem(inputs):
    """Top, then a band called a dress, then its hem called a top again: all one blouse."""
    parse, body = inputs.parse.copy(), inputs.body
    y, x = np.indices(parse.shape)
    along = agnostic.torso_rows(body, parse.shape)
    middle = np.abs(x - body.neck[0]) < 0.5 * body.breadth
    parse[middle & (along > 1.0) & (along < 1.8)] = Label.LOWER
    band = middle & (along > 1.0) & (along < 1.1)
    hem = (np.abs(x - body.neck[0]) < 0.8 * body.breadth) & (along >= 1.1) & (along < 1.3)  # it reaches the hands
    parse[band] = Label.DRESS
    skirt = agnostic.old_garment(parse, body, 0.9)
    assert not skirt[band].any(), "alone it could be the skirt of a dress"
    parse[hem] = Label.OUTERWEAR
    parse[(middle & (along > 0.2) & (along <= 1.0))] = Label.OUTERWEAR
    assert agnostic.old_garment(parse, body, 0.9)[band].mean() > 0.95


def test_no_sleeve_is_looked_for_beside_a_bare_arm(inputs):
    parse, body = inputs.parse.copy(), inputs.body
    for side in (0, 1):
        parse[arm_mask(body, side, parse.shape, 1.6, 0.0, 2.0) > 0.5] = Label.BACKGROUND
        parse[arm_mask(body, side, parse.shape, 1.0, 0.0, 2.0) > 0.5] = Label.ARMS
    silhouette = np.ones(parse.shape, np.float32)
    assert np.array_equal(repair.overlooked_sleeves(parse, body, silhouette), parse)


@pytest.mark.parametrize("bare", [False, True])
def test_under_a_long_shirt_tights_go_on_but_bare_legs_do_not(inputs, bare):
    parse, body, image = inputs.parse.copy(), inputs.body, inputs.image.copy()
    along = agnostic.torso_rows(body, parse.shape)
    legs = parse == Label.LOWER
    parse[legs & (along < 1.5)] = Label.TOP
    parse[legs & (along >= 1.5)] = Label.LEGS
    image[legs] = inputs.agnostic.colour if bare else (60, 20, 90)
    none = np.zeros(parse.shape, np.float32)
    out = agnostic.build(image, parse, body, none, none, 1.0)
    spot = legs & (along > 1.15) & (along < 1.3) & (out.layout == int(Label.LOWER))
    assert spot.sum() > 100
    colour = np.median(out.plate[spot], axis=0)
    assert colour.max() < 80 if bare else np.abs(colour - (60, 20, 90)).max() < 20


def test_overexposed_skin_beside_the_sleeve_is_no_cuff(inputs):
    body, size = inputs.body, inputs.parse.shape
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    forearm = arm_mask(body, 0, size, 1.0, 1.1, 1.9) > 0.5
    parse[forearm] = Label.ARMS
    image = np.full((*size, 3), 90, np.uint8)
    image[parse == Label.FACE] = (176, 132, 108)
    for colour, stays in (((246, 226, 212), True), ((225, 226, 228), False), ((120, 128, 150), False)):
        image[forearm] = colour
        found = repair.repair_skin(image, parse, body)[forearm] == Label.ARMS
        assert found.mean() > 0.9 if stays else found.mean() < 0.2


def _standing(labels):
    """The drawn figure on its canvas, `labels` painted over: parse, body, and torso lengths."""
    view = PersonView(drawn_person.person(), edit_window(*_pose_and_parse()))
    parse = view.parse.copy()
    along = torso_rows(view.body, parse.shape)
    for old, new, low, high in labels:
        parse[(parse == old) & (along > low) & (along < high)] = new
    return view.image, parse, view.body, along


def _pose_and_parse():
    person = drawn_person.person()
    return person.pose, person.parse


def test_a_long_shirt_over_bare_legs_keeps_its_skirt():
    image, parse, body, along = _standing([(Label.LOWER, Label.TOP, 0, 1.55), (Label.LOWER, Label.LEGS, 1.55, 9)])
    out = repair.worn_as_dress(image, parse, body, bare=True)
    skirt = (parse == Label.TOP) & (along > 1.1)
    assert (out[skirt] == Label.DRESS).mean() > 0.9
    assert np.array_equal(out[along < 0.55], parse[along < 0.55])
    assert np.array_equal(repair.worn_as_dress(image, parse, body, bare=False), parse), "over tights or trousers"


def test_a_shirt_over_shorts_is_no_dress():
    image, parse, body, _ = _standing([(Label.LOWER, Label.TOP, 0, 1.35), (Label.LOWER, Label.LEGS, 1.6, 9)])
    image = image.copy()
    image[parse == Label.LOWER], image[parse == Label.TOP] = (30, 40, 160), (200, 190, 180)
    assert np.array_equal(repair.worn_as_dress(image, parse, body, bare=True), parse)
    image, parse, body, _ = _standing([(Label.LOWER, Label.LEGS, 1.15, 9)])
    assert np.array_equal(repair.worn_as_dress(image, parse, body, bare=True), parse), "it ends at the hips"


def test_a_watch_parsed_as_clothing_does_not_part_hand_and_arm():
    person = drawn_person.person(long_sleeves=False)
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    size = person.parse.shape
    band = (arm_mask(body, 0, size, 0.6, 1.78, 1.8) > 0.5) & (person.parse == Label.ARMS)
    parse = np.where(band, np.uint8(Label.TOP), person.parse)
    out = repair.bridged_wrists(parse, body)
    assert (out[band] == Label.ARMS).mean() > 0.8
    assert np.array_equal(repair.bridged_wrists(person.parse, body), person.parse)
    sleeve = (arm_mask(body, 0, size, 1.3, 1.2, 1.95) > 0.5) & (person.parse == Label.ARMS)
    long = np.where(sleeve, np.uint8(Label.TOP), person.parse)
    assert np.array_equal(repair.bridged_wrists(long, body), long), "a sleeve up to the hand"


def test_what_a_hand_holds_is_no_cuff():
    person = drawn_person.person()
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    image = np.full((*person.parse.shape, 3), (180, 190, 200), np.uint8)
    image[np.isin(person.parse, [Label.FACE, Label.ARMS])] = (210, 160, 130)
    held = hand_mask(body, 0, person.parse.shape, 0.8) > 0.5
    image[held & (person.parse == Label.ARMS)] = (30, 60, 200)
    out = repair.repair_skin(image, person.parse, body)
    assert (out[held & (person.parse == Label.ARMS)] == Label.ARMS).all()


def test_a_long_shirt_parsed_as_two_things_has_one_tail():
    image, parse, body, along = _standing([(Label.LOWER, Label.TOP, 0, 1.25)])
    image = image.copy()
    rng = np.random.default_rng(0)
    both = np.isin(parse, [Label.TOP, Label.LOWER])
    image[both] = np.clip(rng.normal(150, 8, (int(both.sum()), 3)), 0, 255).astype(np.uint8)
    out = repair.one_tail(image, parse, body)
    tail = (parse == Label.TOP) & (along > repair.TAIL_FROM)
    assert tail.any() and (out[tail] == Label.LOWER).all()
    assert np.array_equal(out[~tail], parse[~tail])
    image[parse == Label.LOWER] = (30, 40, 160)
    assert np.array_equal(repair.one_tail(image, parse, body), parse), "another colour, another garment"


def test_fingers_of_folded_hands_stay_between_the_palms(inputs):
    body = inputs.body
    middle = body.at(1.0)
    apart = np.array([0.24 * body.breadth, 0], np.float32)
    folded = replace(
        body,
        wrists=np.stack([middle - 2 * apart, middle + 2 * apart]).astype(np.float32),
        hands=np.stack([middle - apart, middle + apart]).astype(np.float32),
    )
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    x, y = np.round(middle).astype(int)
    w, h = round(0.4 * body.breadth), round(0.14 * body.breadth)
    parse[y - h : y + h, x - w : x + w] = Label.ARMS
    sleeves = np.zeros(parse.shape, np.float32)
    keep = agnostic.occluders(parse, folded, sleeves, (2.0, 2.0))
    assert keep[y - h + 1 : y + h - 1, x - 3 : x + 4].all()
    away = replace(folded, hands=body.hands, wrists=body.wrists)
    assert not agnostic.occluders(parse, away, sleeves, (2.0, 2.0))[y - h + 1, x]


def test_a_piece_of_skin_beside_the_beginning_of_a_seen_forearm_is_none(inputs):
    body = inputs.body
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    forearm = arm_mask(replace(body, bared=1.0), 0, parse.shape, 1.0, 1.2, 2.1) > 0.5
    parse[forearm] = Label.ARMS
    assert not beside_arms(parse, body).any()
    points, radii = arm_stations(replace(body, bared=1.0), 0, 1.35, 1.4, 2)
    x, y = np.round(points[0] + (1.7 * radii[0], 0)).astype(int)
    spot = np.s_[y - 4 : y + 5, x - 4 : x + 5]
    parse[spot] = Label.ARMS
    found = beside_arms(parse, body)
    assert found[spot][3:6, 3:6].all()
    assert not found[arm_mask(replace(body, bared=0.9), 0, parse.shape, 1.0, 1.3) > 0.5].any()
    keep = agnostic.occluders(parse, body, np.zeros(parse.shape, np.float32), (0.5, 0.5))
    assert not keep[y, x]


def test_a_bare_arm_beside_its_guessed_axis_is_not_painted_again(inputs):
    body = inputs.body
    parse = np.where(inputs.parse == Label.ARMS, np.uint8(Label.TOP), inputs.parse).astype(np.uint8)
    assert bare_from(parse, body, 0) == float("inf")
    behind = replace(body, elbows=body.elbows + (22, 0), wrists=body.wrists + (30, 0))
    parse[arm_mask(body, 0, parse.shape, 0.8, 0.1, 1.3) > 0.5] = Label.ARMS
    parse[arm_mask(behind, 0, parse.shape, 0.5, 0.3, 2.0) > 0.5] = Label.TOP
    assert bare_from(parse, behind, 0) < 0.6


def test_the_cuff_of_a_long_sleeve_lies_on_the_beginning_of_the_hand(inputs):
    body, parse = inputs.body, inputs.parse
    hand = (hand_mask(body, 0, parse.shape, 1.1) > 0.5) & (parse == Label.ARMS)
    sleeves = arm_mask(body, 0, parse.shape, 1.5, 0.2, 2.15)
    beginning = hand & (arm_mask(body, 0, parse.shape, 1.5, 0.2, 2.05) > 0.5)
    beyond = hand & (arm_mask(body, 0, parse.shape, 1.6, 0.2, 2.25) < 0.5)
    assert beginning.sum() > 20 and beyond.sum() > 20
    keep = agnostic.occluders(parse, body, sleeves, (2.15, 2.15))
    assert keep[beginning].mean() < 0.35 and keep[beyond].mean() > 0.95
    without = agnostic.occluders(parse, body, 0 * sleeves, (2.15, 2.15))
    assert without[beginning].mean() > 2 * keep[beginning].mean(), "no cloth is there"


def test_hands_alone_count_less_for_the_colour_of_arms_than_arms():
    image = np.zeros((60, 60, 3), np.uint8)
    arms, face = np.zeros((60, 60), bool), np.zeros((60, 60), bool)
    arms[:30], face[30:] = True, True
    image[arms], image[face] = (184, 121, 109), (214, 169, 139)
    sure, less = skin_colour(image, arms, face), skin_colour(image, arms, face, trust=0.4)
    assert abs(sure[1] - 121) < abs(less[1] - 121) and abs(less[1] - 169) < abs(sure[1] - 169)


def test_newly_bare_skin_is_never_grey_but_in_a_black_and_white_photo():
    image = np.zeros((80, 80, 3), np.uint8)
    image[:, 40:] = (60, 130, 60)
    face = np.zeros((80, 80), bool)
    face[20:60, 4:36] = True
    image[face] = (58, 50, 48)
    nothing = np.zeros_like(face)
    told = skin_colour(image, nothing, face)
    assert told[0] > told[1] > told[2] and told[0] - told[2] > 14
    assert abs(float(told.mean()) - 52) < 6
    grey = np.repeat(image.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    assert np.ptp(skin_colour(grey, nothing, face)) < 2

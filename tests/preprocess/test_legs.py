"""The warp of lower garments: landmarks go where the fit says, prints stay straight, legs bend at the knee."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import drawn_lower, drawn_person
from tryon.errors import HipsOutOfFrame
from tryon.labels import Label
from tryon.preprocess import legs, lower_body
from tryon.preprocess.body import body_from_pose
from tryon.preprocess.layers import assemble
from tryon.types import LEFT_KNEE, RIGHT_ANKLE, Garment

SIZE = (600, 400)


def _warp(garment: Garment, keypoints: np.ndarray | None = None, world: np.ndarray | None = None):
    person = drawn_person.person()
    points = drawn_person.keypoints() if keypoints is None else keypoints
    world = drawn_person.world() if world is None else world
    body = body_from_pose(points, world)
    lower = lower_body.measure(person.parse, body, world)
    marks = legs.landmarks_of(garment)
    fit = legs.fit(garment, marks, body, lower)
    return body, lower, marks, fit, legs.warp(garment, marks, fit, body, lower, SIZE)


def _at(part, point, marks_point, scale):
    """Error, canvas px, of the source that a part shows near a canvas point."""
    x, y = np.round(point - 0.5).astype(int)
    near = part.grid[y - 3 : y + 4, x - 3 : x + 4][part.covered[y - 3 : y + 4, x - 3 : x + 4]]
    assert len(near)
    return float(np.linalg.norm(near - marks_point, axis=1).min()) * scale


@pytest.mark.parametrize("length", ["short", "knee", "long"])
def test_waist_and_crotch_land_on_their_targets(length):
    body, _, marks, fit, parts = _warp(drawn_lower.flat_trousers(length))
    assert [p.name for p in parts][-1] == "hips" and {p.name for p in parts} == {"leg_left", "leg_right", "hips"}
    for name in ("waist_left", "waist_right", "crotch"):
        assert _at(parts[-1], fit.points[name], marks[name], fit.scale) < 0.04 * body.breadth, name


@pytest.mark.parametrize(("length", "low", "high"), [("short", 0.3, 0.86), ("knee", 0.84, 1.3), ("long", 1.6, 2.04)])
def test_legs_end_where_their_length_says(length, low, high):
    garment = drawn_lower.flat_trousers(length)
    body, lower, _, fit, parts = _warp(garment)
    assert low <= fit.ends[0] <= high and fit.ends[0] == fit.ends[1]
    coverage = assemble(garment.image, parts, body.breadth, fit.scale)[1]
    rows = np.flatnonzero((coverage > 0.5).any(axis=1))
    hem = lower.leg(0, fit.ends[0])[1]
    assert abs(rows[-1] - hem) < 0.05 * body.length


def test_rows_of_a_print_stay_straight_over_the_hips():
    _, _, _, fit, parts = _warp(drawn_lower.flat_trousers())
    hips = parts[-1]
    y = int((fit.points["waist_left"][1] + fit.points["crotch"][1]) / 2)
    xs = np.flatnonzero(hips.covered[y])[8:-8]
    assert np.ptp(hips.grid[y, xs, 1]) < 3  # px of a 300 px garment photo


def test_hips_and_legs_join_without_a_step():
    _, _, _, fit, parts = _warp(drawn_lower.flat_trousers())
    grids = {p.name: p for p in parts}
    for side, sign in (("left", -1), ("right", 1)):
        leg = grids[f"leg_{side}"]
        y, x0 = int(fit.points["crotch"][1]) - 2, fit.points["crotch"][0]
        for aside in (6, 14, 22):
            x = int(x0 + sign * aside)
            assert leg.covered[y, x] and grids["hips"].covered[y, x]
            assert np.linalg.norm(leg.grid[y, x] - grids["hips"].grid[y, x]) < 6


def test_a_leg_bends_at_the_knee():
    points = drawn_person.keypoints()
    points[LEFT_KNEE, 0] += 45  # the person's left leg, right in the picture
    body, lower, _, fit, parts = _warp(drawn_lower.flat_trousers(), points)
    leg = next(p for p in parts if p.name == "leg_right")
    columns = [np.flatnonzero(leg.covered[int(body.at(a)[1])]).mean() for a in (1.3, 1.85, 2.6)]
    assert columns[1] > columns[0] + 15 and columns[1] > columns[2] + 15


def test_the_nearer_leg_lies_in_front():
    world = drawn_person.world()
    for front, back in (("leg_left", "leg_right"), ("leg_right", "leg_left")):
        nearer = world.copy()
        nearer[[26, 28] if front == "leg_left" else [25, 27], 2] = -0.3  # MediaPipe's right leg is left in the picture
        names = [p.name for p in _warp(drawn_lower.flat_trousers(), world=nearer)[4]]
        assert names == [back, front, "hips"]


@pytest.mark.parametrize("flare", [1.0, 1.6, 2.6])
def test_skirts_cover_both_legs_and_flare(flare):
    garment = drawn_lower.flat_skirt("knee", flare)
    body, lower, _, fit, parts = _warp(garment)
    assert [p.name for p in parts] == ["skirt"] and fit.skirt
    coverage = assemble(garment.image, parts, body.breadth, fit.scale)[1] > 0.5
    rows = [int(body.at(fit.waist + (fit.hem - fit.waist) * q)[1]) for q in (0.1, 0.9)]
    widths = [np.ptp(np.flatnonzero(coverage[r])) for r in rows]
    assert widths[1] > (1.15 if flare > 1.3 else 0.9) * widths[0]
    legs_there = np.maximum(lower.mask(0, SIZE, 0.4, 0.8), lower.mask(1, SIZE, 0.4, 0.8)) > 0.5
    assert coverage[legs_there].mean() > 0.99
    assert widths[1] < 2.0 * sum(lower.hip_half)


def test_a_broader_hem_makes_a_broader_skirt():
    spans = []
    for flare in (1.0, 2.4):
        *_, fit, _ = _warp(drawn_lower.flat_skirt("knee", flare))
        spans.append(np.linalg.norm(fit.points["hem_out_right"] - fit.points["hem_out_left"]))
    assert spans[1] > 1.2 * spans[0]


def test_the_waistband_goes_to_the_old_one_where_that_shows():
    person, world = drawn_person.person(), drawn_person.world()
    body = body_from_pose(drawn_person.keypoints(), world)
    parse = person.parse.copy()
    rows = np.arange(SIZE[0])[:, None]
    parse[(parse == Label.TOP) & (rows > body.at(0.72)[1])] = Label.LOWER
    lower = lower_body.measure(parse, body, world)
    assert lower.waist_seen and abs(lower.waist - 0.72) < 0.03
    hidden = lower_body.measure(person.parse, body, world)  # the top hangs over the hips
    assert not hidden.waist_seen


def test_measured_legs_follow_the_parse():
    person, world = drawn_person.person(), drawn_person.world()
    body = body_from_pose(drawn_person.keypoints(), world)
    shifted = np.roll(person.parse, 8, axis=1)  # the joints are 8 px off
    lower = lower_body.measure(shifted, body, world)
    straight = lower_body.measure(person.parse, body, world)
    moved = lower.leg(0, 1.3)[0] - straight.leg(0, 1.3)[0]
    assert 4 < moved < 10


def test_missing_landmarks_are_guessed():
    garment = drawn_lower.flat_trousers()
    marks = dict(garment.landmarks) | {"hem_in_left": None, "waist_right": None}
    guessed = legs.landmarks_of(replace(garment, landmarks=marks))
    assert set(guessed) >= {"hem_in_left", "waist_right", "crotch"}
    with pytest.raises(ValueError, match="empty"):
        legs.landmarks_of(replace(garment, mask=np.zeros_like(garment.mask)))


def test_the_window_holds_legs_and_hands_and_needs_hips():
    person = drawn_person.person()
    x0, y0, x1, y1 = legs.window(person.pose, person.parse).box
    points = person.pose.keypoints[[15, 16, 25, 26, 27, RIGHT_ANKLE], :2]
    assert (points > [x0, y0]).all() and (points < [x1, y1]).all()
    half = drawn_lower.cropped(person, 400)
    assert legs.window(half.pose, half.parse).box[3] < 560
    with pytest.raises(HipsOutOfFrame, match="hips"):
        legs.window(drawn_lower.cropped(person, 300).pose)


def test_a_skirts_length_class_is_corrected_by_its_proportions():
    assert legs.plausible_length("short", 2.4) == "long" and legs.plausible_length("long", 1.2) == "knee"
    for length, ratio in (("short", 1.2), ("knee", 1.6), ("long", 2.4)):
        assert legs.plausible_length(length, ratio) == length


def test_the_length_class_of_legs_is_corrected_by_their_proportions():
    assert legs.plausible_legs("short", 0.7) == "knee" and legs.plausible_legs("long", 0.3) == "knee"
    for length, ratio in (("short", 0.1), ("knee", 0.38), ("long", 0.9)):
        assert legs.plausible_legs(length, ratio) == length


def test_a_bare_leg_reaches_the_shoe_below_it():
    person, world = drawn_person.person(), drawn_person.world()
    body = body_from_pose(person.pose.keypoints, world)
    lower = lower_body.measure(person.parse, body, world)
    size = person.parse.shape
    for side in (0, 1):
        x, y = lower.leg(side, 2.1)
        shoes = np.zeros(size, bool)
        top = round(float(y) + 0.15 * body.breadth)
        shoes[top : top + 12, round(float(x) - 0.2 * body.breadth) : round(float(x) + 0.2 * body.breadth)] = True
        ankle = lower.ankle(side, shoes, 0.35 * body.breadth)
        leg = np.maximum(lower.mask(side, size, 0.15, 2.12), ankle) > 0.5
        column = leg[round(float(y)) : top, round(float(x) - 0.5)]
        assert column.all(), "no gap above the shoe"
        assert not (ankle[top + 5 :] > 0).any()
        assert not lower.ankle(side, np.zeros(size, bool), 0.35 * body.breadth).any()
        assert not lower.ankle(side, np.roll(shoes, round(0.4 * body.breadth), 0), 0.35 * body.breadth).any()

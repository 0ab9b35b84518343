"""Sleeves: the ribbon follows the cloth, turns about the armpit, and has cloth even where it lies folded."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests import drawn_person
from tryon.preprocess import skeleton
from tryon.preprocess.body import body_from_pose
from tryon.preprocess.ribbons import sleeve_meshes
from tryon.preprocess.sleeves import (
    SIDES,
    Ribbon,
    flank,
    folded_sleeves,
    foreign,
    measured,
    measured_class,
    sleeve_sides,
    sleeve_sources,
)

SIZE = (600, 400)


def _fitted(garment):
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    marks = skeleton.landmarks_of(garment)
    return body, marks, skeleton.fit(garment, marks, body)


@pytest.mark.parametrize("sleeve", ["short", "long"])
@pytest.mark.parametrize("side", [0, 1])
def test_the_ribbon_on_a_hanging_arm_hardly_folds(sleeve, side):
    garment = drawn_person.flat_top(sleeve)
    body, marks, fit = _fitted(garment)
    ((target, _),) = sleeve_meshes(garment, marks, fit, body, side)
    inner = target[1:-2, 1:-1]  # between the edges, without the rows beyond root and cuff
    along, across = inner[1:, :-1] - inner[:-1, :-1], inner[:-1, 1:] - inner[:-1, :-1]
    turn = np.sign(along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0])
    assert (turn == np.sign(turn.sum())).mean() > 0.9  # a crumple at the shoulder's seam is allowed


def _bent(degrees: float):
    """The drawn body with its left-hand elbow bent by so much, forearm up."""
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    upper = body.elbows[0] - body.shoulders[0]
    turn = np.deg2rad(degrees)
    lower = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) @ upper
    wrists = body.wrists.copy()
    wrists[0] = body.elbows[0] + lower
    return replace(body, wrists=wrists)


@pytest.mark.parametrize(("degrees", "pieces"), [(40, 1), (100, 1), (125, 2), (150, 2)])
def test_a_sharp_elbow_has_a_piece_for_each_bone_and_is_round(degrees, pieces):
    garment = drawn_person.flat_top("long")
    marks, body = skeleton.landmarks_of(garment), _bent(degrees)
    fit = skeleton.fit(garment, marks, body)
    assert len(sleeve_meshes(garment, marks, fit, body, 0)) == pieces
    parts = [p for p in skeleton.warp(garment, marks, fit, body, SIZE) if p.name == "sleeve_left"]
    assert len(parts) == pieces
    covered = np.logical_or.reduce([p.covered for p in parts])
    radius = float(body.arm_radius(1.0))
    for t in np.linspace(0.3, 0.95, 6):  # both bones and the elbow's outside are covered
        for a, b in ((body.shoulders[0], body.elbows[0]), (body.elbows[0], body.wrists[0])):
            x, y = np.floor(a + t * (b - a)).astype(int)
            assert covered[y, x], (t, degrees)
    out = body.elbows[0] * 2 - (body.shoulders[0] + body.wrists[0]) / 2
    out = (out - body.elbows[0]) / np.linalg.norm(out - body.elbows[0])
    x, y = np.floor(body.elbows[0] + 0.8 * radius * out).astype(int)
    assert covered[y, x]


def test_a_folded_forearm_shows_its_own_cloth_before_the_upper_arm():
    garment = drawn_person.flat_top("long")
    marks, body = skeleton.landmarks_of(garment), _bent(165)
    fit = skeleton.fit(garment, marks, body)
    upper, fore = (p for p in skeleton.warp(garment, marks, fit, body, SIZE) if p.name == "sleeve_left")
    x, y = np.floor(body.elbows[0] + 0.7 * (body.wrists[0] - body.elbows[0])).astype(int)
    assert fore.covered[y, x]
    cuff = (marks["sleeve_out_left"] + marks["sleeve_in_left"]) / 2
    root = (marks["shoulder_left"] + marks["armpit_left"]) / 2
    at = fore.grid[y, x]
    assert np.linalg.norm(at - cuff) < np.linalg.norm(at - root), "the cloth near the cuff"
    behind = skeleton.warp(garment, marks, fit, replace(body, arm_front=(False, True)), SIZE)
    assert [p.name for p in behind].index("torso") == 2
    assert np.array_equal(behind[0].covered, fore.covered) and np.array_equal(behind[1].covered, upper.covered)


def test_edges_move_to_the_outline_of_the_matte():
    garment = drawn_person.flat_top("long")
    marks = skeleton.landmarks_of(garment)
    shifted = {**marks, "elbow_left": marks["elbow_left"] + np.array([-14, -8], np.float32)}
    loose, _ = sleeve_sides(shifted, "left")
    fitted, _ = sleeve_sides(shifted, "left", mask=garment.mask)

    def on_cloth(points):
        x, y = np.floor(points[1:-1] + (3, 1)).astype(int).T
        return (garment.mask[y, x] > 0.5).mean()

    assert on_cloth(fitted) > on_cloth(loose)


def test_open_sleeves_are_used_and_folded_ones_replaced():
    garment = drawn_person.flat_top("long")
    marks = skeleton.landmarks_of(garment)
    assert folded_sleeves(garment, marks) == set()
    middle = np.array([150, 180], np.float32)  # the cuff lies on the belly
    folded = {**marks, "sleeve_out_left": middle, "sleeve_in_left": middle + (8, 20)}
    assert folded_sleeves(garment, folded) == {"left"}
    assert folded_sleeves(replace(garment, sleeve="short"), folded) == set()


def test_a_folded_sleeve_still_covers_the_arm():
    garment = drawn_person.flat_top("long")
    middle = (150.0, 180.0)
    points = {**garment.landmarks, "sleeve_out_left": middle, "sleeve_in_left": (158.0, 200.0)}
    folded = replace(garment, landmarks=points)
    body, marks, fit = _fitted(folded)
    for side, name in enumerate(SIDES):
        part = next(p for p in skeleton.warp(folded, marks, fit, body, SIZE) if p.name == f"sleeve_{name}")
        x, y = np.round((body.elbows[side] + body.wrists[side]) / 2 - 0.5).astype(int)
        assert part.covered[y, x], name
        gx, gy = np.floor(part.grid[y, x]).astype(int)
        assert garment.mask[gy, gx] > 0.5, name


def test_the_flank_lies_inside_of_the_torso():
    garment = drawn_person.flat_top("long")
    marks = skeleton.landmarks_of(garment)
    for side in SIDES:
        for edge in flank(marks, side):
            x, y = np.floor(edge).astype(int).T
            assert (garment.mask[y, x] > 0.5).mean() > 0.8, side


def test_one_misplaced_shoulder_follows_the_other():
    garment = drawn_person.flat_top("long")
    x, y = garment.landmarks["shoulder_left"]
    wrong = replace(garment, landmarks={**garment.landmarks, "shoulder_left": (x + 22, y - 4)})
    marks = skeleton.landmarks_of(wrong)
    assert np.linalg.norm(marks["shoulder_left"] - (x, y)) < 3
    same = skeleton.landmarks_of(garment)
    assert np.allclose(same["shoulder_left"], (x, y))


def test_a_folded_sleeve_shows_the_other_one_mirrored():
    garment = drawn_person.flat_top("long")
    assert sleeve_sources(garment, skeleton.landmarks_of(garment)) == {"left": "left", "right": "right"}
    points = {**garment.landmarks, "sleeve_out_left": (150.0, 180.0), "sleeve_in_left": (158.0, 200.0)}
    folded = replace(garment, landmarks=points)
    body, marks, fit = _fitted(folded)
    assert sleeve_sources(folded, marks) == {"left": "right", "right": "right"}
    part = next(p for p in skeleton.warp(folded, marks, fit, body, SIZE) if p.name == "sleeve_left")
    x, y = np.round((body.elbows[0] + body.wrists[0]) / 2 - 0.5).astype(int)
    middle = (marks["hem_left"][0] + marks["hem_right"][0]) / 2
    assert part.grid[y, x, 0] > middle  # cloth of the other half
    short = replace(folded, sleeve="short")
    assert sleeve_sources(short, marks) == {"left": "left", "right": "right"}


def test_a_shoulder_on_the_edge_of_a_turtleneck_is_not_believed():
    garment = drawn_person.flat_top("long")
    x, y = garment.landmarks["shoulder_left"]
    wrong = replace(garment, landmarks={**garment.landmarks, "shoulder_left": (x + 12, y - 40)})
    assert np.linalg.norm(skeleton.landmarks_of(wrong)["shoulder_left"] - (x, y)) < 3


def test_a_drawn_sleeve_measures_as_its_class():
    for sleeve, low, high in (("short", 0.1, 0.6), ("long", 0.7, 2.0)):
        garment = drawn_person.flat_top(sleeve)
        ribbons = measured(garment, skeleton.landmarks_of(garment))
        assert set(ribbons) == set(SIDES)
        for ribbon in ribbons.values():
            assert low < ribbon.length < high and ribbon.alone > 0.9 and ribbon.shared < 0.2
        assert measured_class(sleeve, ribbons) == sleeve


@pytest.mark.parametrize(
    ("sleeve", "left", "right", "becomes"),
    [
        ("short", Ribbon(0.67, 0.98, 0.68), Ribbon(0.24, 0.33, 0.96), "none"),  # a vest: along its sides
        ("short", Ribbon(0.67, 0.98, 0.68), Ribbon(0.24, 0.95, 0.03), "short"),
        ("short", Ribbon(0.30, 0.68, 0.05), Ribbon(1.05, 0.95, 0.01), "long"),
        ("short", Ribbon(0.30, 0.95, 0.05), Ribbon(1.05, 0.95, 0.01), "short"),
        ("half", Ribbon(0.30, 0.68, 0.05), Ribbon(1.05, 0.95, 0.01), "half"),
        ("half", Ribbon(0.10, 0.98, 0.05), Ribbon(0.24, 0.99, 0.02), "short"),
        ("half", Ribbon(0.41, 0.98, 0.02), Ribbon(0.28, 0.98, 0.04), "half"),
        ("short", Ribbon(0.71, 0.99, 0.02), Ribbon(0.64, 0.98, 0.02), "half"),
        ("short", Ribbon(1.03, 0.97, 0.01), Ribbon(0.92, 0.98, 0.07), "long"),
        ("long", Ribbon(0.67, 0.98, 0.68), Ribbon(0.24, 0.33, 0.96), "long"),
        ("long", Ribbon(0.69, 0.29, 0.87, 0.02), Ribbon(0.80, 0.93, 0.05, 0.08), "none"),
        ("long", Ribbon(1.53, 0.98, 0.84, 0.01), Ribbon(1.52, 0.95, 0.02, 0.11), "long"),  # one lies on the front
    ],
)
def test_only_a_clear_contradiction_changes_the_class(sleeve, left, right, becomes):
    assert measured_class(sleeve, {"left": left, "right": right}) == becomes


def test_an_unlikely_short_sleeve_shows_the_other_one():
    garment = drawn_person.flat_top("short")
    x, y = garment.landmarks["sleeve_out_left"]
    points = {**garment.landmarks, "sleeve_out_left": (x - 60, y + 120), "sleeve_in_left": (x - 30, y + 140)}
    odd = replace(garment, landmarks=points)
    assert sleeve_sources(odd, skeleton.landmarks_of(odd)) == {"left": "right", "right": "right"}


def test_a_sleeve_that_hangs_from_a_low_shoulder_has_a_straight_inner_edge():
    points = {
        "shoulder_left": (150, 100), "armpit_left": (107, 195), "elbow_left": (34, 205), "sleeve_out_left": (38, 350),
        "sleeve_in_left": (82, 352),
    }  # fmt: skip
    marks = {name: np.array(point, np.float32) for name, point in points.items()}
    mask = np.zeros((450, 400), np.uint8)
    outline = [(150, 100), (80, 130), (34, 205), (38, 350), (82, 352), (90, 230), (107, 195)]
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 1)
    outer, inner = sleeve_sides(marks, "left", 16, mask.astype(np.float32))
    lower = inner[:, 1] > 240
    assert (inner[lower, 0] > 75).all() and (outer[outer[:, 1] > 240, 0] < 45).all()
    breadth = np.linalg.norm(outer - inner, axis=1)
    assert breadth[4:].std() < 0.35 * breadth[4:].mean()


def test_a_sleeve_with_the_floor_in_its_gap_shows_the_other_one():
    garment = drawn_person.flat_top("long")
    marks = skeleton.landmarks_of(garment)
    assert sleeve_sources(garment, marks) == {"left": "left", "right": "right"}
    image = np.full_like(garment.image, (120, 170, 180))
    outer, inner = sleeve_sides(marks, "right", mask=garment.mask)
    strip = np.round(np.stack([inner, inner + 0.1 * (outer - inner)])).astype(np.int32)
    cv2.fillPoly(image, [np.concatenate([strip[0], strip[1][::-1]])], (150, 30, 20))
    stained = replace(garment, image=image)
    share = foreign(stained, marks)
    assert share["right"] > 0.03 and share["left"] == 0
    assert sleeve_sources(stained, marks) == {"left": "left", "right": "left"}


@pytest.mark.parametrize("both", [False, True])
def test_a_sleeve_with_deep_folds_shows_the_other_one_or_the_flank(both):
    garment = drawn_person.flat_top("long")
    image = garment.image.copy()
    image[garment.mask > 0.5] = (150, 180, 180)
    plain = replace(garment, image=image)
    marks = skeleton.landmarks_of(plain)
    assert sleeve_sources(plain, marks) == {"left": "left", "right": "right"}
    image = image.copy()
    for x in (52, 248) if both else (52,):
        cv2.ellipse(image, (x, 140), (7, 14), 0, 0, 360, (40, 52, 52), -1)
    found = sleeve_sources(replace(plain, image=image), marks)
    assert found == ({"left": None, "right": None} if both else {"left": "right", "right": "right"})
    image[120:240:8, 90:210] = (20, 30, 30)  # a striped garment has dark places everywhere
    assert sleeve_sources(replace(plain, image=image), marks) == {"left": "left", "right": "right"}

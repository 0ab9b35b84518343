"""The skeleton warp: landmarks go where the fit says, prints stay straight, nothing is torn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests import drawn_person
from tryon.labels import Label
from tryon.preprocess import outline, skeleton
from tryon.preprocess.arms import arm_mask, arm_stations
from tryon.preprocess.body import body_from_pose, torso_rows, trunk_mask
from tryon.preprocess.layers import assemble
from tryon.preprocess.masks import dilate
from tryon.preprocess.mesh import rasterize

SIZE = (600, 400)


def _warp(sleeve: str):
    garment = drawn_person.flat_top(sleeve)
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    marks = skeleton.landmarks_of(garment)
    fit = skeleton.fit(garment, marks, body)
    return garment, body, marks, fit, skeleton.warp(garment, marks, fit, body, SIZE)


def test_rasterize_inverts_an_affine_map_exactly():
    y, x = np.mgrid[0:7, 0:9].astype(np.float64)
    source = np.stack([x * 10, y * 10], -1)
    target = source @ np.array([[1.2, 0.1], [-0.2, 0.9]]).T + (15, 8)
    grid, covered = rasterize(target, source, (90, 130))
    ys, xs = np.nonzero(covered)
    assert len(ys) > 3000
    back = (np.stack([xs, ys], 1) + 0.5 - (15, 8)) @ np.linalg.inv(np.array([[1.2, 0.1], [-0.2, 0.9]])).T
    assert np.abs(grid[covered] - back).max() < 1e-3


@pytest.mark.parametrize("sleeve", ["none", "short", "long"])
def test_torso_landmarks_land_on_their_targets(sleeve):
    _, body, marks, fit, parts = _warp(sleeve)
    torso = next(p for p in parts if p.name == "torso")
    for name in ("neck_left", "neck_right", "armpit_left", "armpit_right", "hem_left", "hem_right"):
        x, y = np.round(fit.points[name] - 0.5).astype(int)
        near = torso.grid[y - 2 : y + 3, x - 2 : x + 3][torso.covered[y - 2 : y + 3, x - 2 : x + 3]]
        assert len(near), name
        error = np.linalg.norm(near - marks[name], axis=1).min() * fit.scale
        assert error < 0.04 * body.breadth, (name, error)


def test_rows_of_a_print_stay_straight():
    _, _, _, fit, parts = _warp("short")
    torso = next(p for p in parts if p.name == "torso")
    left, right = fit.points["armpit_left"], fit.points["armpit_right"]
    y = int((left[1] + fit.points["hem_left"][1]) / 2)
    xs = np.arange(int(left[0]) + 12, int(right[0]) - 12)
    rows = torso.grid[y, xs, 1]
    assert np.ptp(rows) < 4  # px of a 300 px garment photo


@pytest.mark.parametrize(("sleeve", "low", "high"), [("short", 0.3, 1.0), ("long", 1.9, 2.1)])
def test_sleeves_end_where_their_class_says(sleeve, low, high):
    _, _, _, fit, parts = _warp(sleeve)
    assert {p.name for p in parts} == {"torso", "sleeve_left", "sleeve_right"}
    assert low <= fit.sleeve_end[0] <= high
    assert fit.sleeve_end[0] == fit.sleeve_end[1]


def test_no_sleeves_no_ribbons():
    _, _, _, fit, parts = _warp("none")
    assert [p.name for p in parts] == ["torso"]
    assert fit.sleeve_end == (0.0, 0.0)


def test_parts_share_the_matte_without_gap():
    garment, _, marks, _, _ = _warp("long")
    weights = skeleton.split_parts(garment, marks, "long")
    union = np.max(list(weights.values()), axis=0)
    assert np.abs(union - garment.mask).max() < 1e-5


def test_hem_follows_the_old_one_when_near_and_covers_the_waist():
    garment = drawn_person.flat_top("short")
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    marks = skeleton.landmarks_of(garment)
    natural = skeleton.fit(garment, marks, body).hem
    assert skeleton.fit(garment, marks, body, old_hem=natural + 0.1).hem == pytest.approx(natural + 0.115)
    assert skeleton.fit(garment, marks, body, old_hem=natural + 0.6).hem == pytest.approx(natural)
    assert skeleton.fit(garment, marks, body, waist=natural + 0.1).hem > natural + 0.1


def test_missing_landmarks_are_mirrored():
    garment = drawn_person.flat_top("short")
    marks = dict(garment.landmarks)
    whole = skeleton.landmarks_of(garment)
    marks["armpit_right"] = marks["sleeve_out_right"] = None
    half = drawn_person.Garment(
        garment.image, garment.mask, "upper", "short", marks, garment.scores, garment.confidence
    )
    guessed = skeleton.landmarks_of(half)
    for name in ("armpit_right", "sleeve_out_right"):
        assert np.linalg.norm(guessed[name] - whole[name]) < 4


def test_empty_matte_is_refused():
    garment = drawn_person.flat_top()
    empty = drawn_person.Garment(
        garment.image, np.zeros_like(garment.mask), "upper", "short", garment.landmarks, garment.scores, 0.5
    )
    with pytest.raises(ValueError, match="empty"):
        skeleton.landmarks_of(empty)


def test_a_garment_cut_off_by_its_photo_ends_there():
    mask = np.ones((60, 40), np.float32)
    image = np.full((60, 40, 3), 90, np.uint8)
    y, x = np.mgrid[0:80, 0:40].astype(np.float32) + 0.5
    part = skeleton.Part("torso", np.dstack([x, y]), mask * 0.999, np.ones((80, 40), bool))
    _, alpha, _ = assemble(image, [part], 30.0, 1.0)
    assert alpha[:58].min() > 0.9 and alpha[62:].max() == 0


def test_a_part_without_a_matte_has_a_soft_edge():
    image = np.full((60, 40, 3), 90, np.uint8)
    y, x = np.mgrid[0:60, 0:40].astype(np.float32) + 0.5
    covered = (x - 20) ** 2 + (y - 30) ** 2 < 144
    part = skeleton.Part("sleeve_left", np.dstack([x, y]), np.ones((60, 40), np.float32), covered)
    _, alpha, _ = assemble(image, [part], 30.0, 1.0)
    assert alpha[~covered].max() < 0.05 and alpha[30, 20] == 1
    assert ((alpha > 0.1) & (alpha < 0.9)).sum() > 30


def test_flat_slits_between_trouser_legs_close_and_upright_ones_stay():
    weight = np.ones((120, 100), np.float32) * 0.999
    weight[50:53, 30:70] = 0  # where the ribbons of the legs part
    weight[53:, 48:52] = 0  # between the legs
    y, x = np.mgrid[0:120, 0:100].astype(np.float32) + 0.5
    image = np.full((120, 100, 3), 90, np.uint8)
    part = skeleton.Part("hips", np.dstack([x, y]), weight, np.ones((120, 100), bool))
    _, alpha, _ = assemble(image, [part], 60.0, 1.0)
    assert alpha[51, 40] > 0.9 and alpha[100, 50] == 0


def test_small_holes_in_a_garment_become_folds_and_large_ones_stay():
    weight = np.ones((120, 100), np.float32) * 0.999
    weight[40:52, 30:40] = 0  # under the armpit
    weight[70:100, 30:70] = 0  # between the body and an arm on the hip
    y, x = np.mgrid[0:120, 0:100].astype(np.float32) + 0.5
    image = np.full((120, 100, 3), 90, np.uint8)
    part = skeleton.Part("torso", np.dstack([x, y]), weight, np.ones((120, 100), bool))
    rgb, alpha, _ = assemble(image, [part], 60.0, 1.0)
    assert alpha[46, 35] > 0.9 and 60 < rgb[46, 35].mean() < 88
    assert alpha[85, 50] == 0


@pytest.mark.parametrize(("gap", "closes"), [(10, True), (20, False)])
def test_a_narrow_gap_between_sleeve_and_torso_closes(gap, closes):
    y, x = np.mgrid[0:120, 0:140].astype(np.float32) + 0.5
    image = np.full((120, 140, 3), 90, np.uint8)
    parts = []
    for name, left, right in (("torso", 20, 70), ("sleeve_right", 70 + gap, 120)):
        weight = np.zeros((120, 140), np.float32)
        weight[10:110, left:right] = 0.999
        parts.append(skeleton.Part(name, np.dstack([x, y]), weight, np.ones((120, 140), bool)))
    rgb, alpha, _ = assemble(image, parts, 100.0, 1.0)
    assert (alpha[60, 70 + gap // 2] > 0.9) == closes
    if closes:
        assert 55 < rgb[60, 70 + gap // 2].mean() < 88


@pytest.mark.parametrize("straps", [False, True])
def test_spikes_of_a_garment_go_unless_they_may_be_straps(straps):
    image, weight = np.full((200, 200, 3), 80, np.uint8), np.zeros((200, 200), np.float32)
    weight[80:180, 40:160] = 1
    weight[40:82, 60:65] = 1  # 5 px, shoulders are 130 broad
    weight[50:82, 120:150] = 1
    grid = np.stack(np.meshgrid(np.arange(200) + 0.5, np.arange(200) + 0.5), -1).astype(np.float32)
    part = skeleton.Part("torso", grid, weight, np.ones((200, 200), bool))
    _, alpha, _ = assemble(image, [part], 130.0, 1.0, straps)
    assert (alpha[42:70, 61:64].max() > 0.9) == straps
    if not straps:
        assert alpha[42:70, 58:67].max() < 0.3
    assert alpha[60:170, 125:145].min() > 0.9 and alpha[90:170, 50:150].min() > 0.9


def _clothed(grow: float) -> tuple[np.ndarray, object]:
    """A parse of clothes that reach beyond the bare body by so many shoulder breadths, and the body."""
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    parse = np.zeros(SIZE, np.uint8)
    bare = trunk_mask(body, SIZE, 1.0, -0.02, 1.05) > 0.5
    for side in (0, 1):
        bare |= arm_mask(body, side, SIZE, 1.0, 0.0, 1.9) > 0.5
    parse[dilate(bare.astype(np.uint8), grow * body.breadth) > 0] = Label.OUTERWEAR
    return parse, body


@pytest.mark.parametrize("grow", [0.05, 0.09])
def test_shoulders_move_to_the_outline_of_what_is_worn(grow):
    garment = drawn_person.flat_top("long")
    marks = skeleton.landmarks_of(garment)
    parse, body = _clothed(grow)
    fit = skeleton.fit(garment, marks, body)
    moved = outline.on_outline(fit, garment, marks, parse, body)

    def exposed(target):
        parts = skeleton.warp(garment, marks, target, body, SIZE)
        _, alpha, _ = assemble(garment.image, parts, body.breadth, target.scale)
        return int(((parse > 0) & (alpha < 0.5) & (torso_rows(body, SIZE) < 0.9)).sum())

    assert exposed(moved) < 0.75 * exposed(fit)
    for name in ("neck", "shoulder"):
        for side in ("left", "right"):
            way = np.linalg.norm(moved.points[f"{name}_{side}"] - fit.points[f"{name}_{side}"])
            longer = outline.SEAM_LONGER if name == "shoulder" else 0
            assert way <= (outline.SEAM_HIGHER + longer + 1e-3) * body.breadth
    assert np.array_equal(moved.points["hem_left"], fit.points["hem_left"])


def test_no_skin_of_a_bare_shoulder_shows_beside_a_sleeve():
    garment = drawn_person.flat_top("long")
    marks = skeleton.landmarks_of(garment)
    parse, body = _clothed(0.0)
    for side in (0, 1):
        parse[arm_mask(body, side, SIZE, 1.35, 0.0, 2.0) > 0.5] = Label.ARMS
    fit = skeleton.fit(garment, marks, body)
    moved = outline.on_outline(fit, garment, marks, parse, body)

    def exposed(target):
        parts = skeleton.warp(garment, marks, target, body, SIZE)
        _, alpha, _ = assemble(garment.image, parts, body.breadth, target.scale)
        upper = (torso_rows(body, SIZE) > 0) & (torso_rows(body, SIZE) < 0.45)
        return int(((parse == Label.ARMS) & upper & (alpha < 0.5)).sum())

    assert exposed(fit) > 200 and exposed(moved) < 20


def test_without_an_outline_the_fit_stays():
    garment = drawn_person.flat_top("long")
    marks = skeleton.landmarks_of(garment)
    _, body = _clothed(0.05)
    fit = skeleton.fit(garment, marks, body)
    for label in (Label.BACKGROUND, Label.HAIR, Label.TOP):  # nothing there, all hidden, no end in sight
        same = outline.on_outline(fit, garment, marks, np.full(SIZE, label, np.uint8), body)
        assert all(np.allclose(same.points[k], fit.points[k], atol=1e-3) for k in fit.points), label
        assert all(np.isnan(o).all() for o in same.outline), label


@pytest.mark.parametrize(("sleeve", "reaches"), [("long", True), ("short", False)])
def test_a_long_sleeve_ends_at_the_hand_that_is_seen(sleeve, reaches):
    garment = drawn_person.flat_top(sleeve)
    marks = skeleton.landmarks_of(garment)
    parse, body = _clothed(0.05)
    parse[parse == Label.ARMS] = Label.TOP
    way = body.wrists - body.elbows
    for side in (0, 1):  # the hand begins a quarter of the forearm beyond the wrist that was found
        x, y = np.round(body.wrists[side] + 0.45 * way[side]).astype(int)
        cv2.circle(parse, (int(x), int(y)), round(0.2 * np.linalg.norm(way[side])), int(Label.ARMS), -1)
    fit = skeleton.fit(garment, marks, body)
    moved = outline.on_outline(fit, garment, marks, parse, body)
    if reaches:
        assert all(2.2 < end < 2.36 for end in moved.sleeve_end) and max(fit.sleeve_end) < 2.1
    else:
        assert moved.sleeve_end == fit.sleeve_end


def test_a_short_sleeve_covers_a_bare_arm_to_its_inner_edge():
    garment = drawn_person.flat_top("short")
    marks = skeleton.landmarks_of(garment)
    person = drawn_person.person(long_sleeves=False)
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    parse = person.parse.copy()
    bare = arm_mask(body, 0, SIZE, 1.3, 0.2, 2.0) > 0.5
    parse[bare] = Label.ARMS
    fit = outline.on_outline(skeleton.fit(garment, marks, body), garment, marks, parse, body)
    sleeve = next(p for p in skeleton.warp(garment, marks, fit, body, SIZE) if p.name == "sleeve_left")
    points, radii = arm_stations(body, 0, fit.sleeve_end[0] - 0.03, fit.sleeve_end[0] - 0.01, 3)
    inner = points + np.array([1, 0], np.float32) * (1.15 * radii)[:, None]  # this arm hangs, the trunk is to its right
    x, y = np.round(inner - 0.5).astype(int).T
    assert bare[y, x].all() and sleeve.covered[y, x].all()

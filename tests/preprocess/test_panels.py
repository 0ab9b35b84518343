"""Open fronts: the opening in the flat garment, its panels on the body, and the worn top between them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests import drawn_person
from tryon.inputs import build_inputs
from tryon.labels import Label
from tryon.preprocess import agnostic_open, panels, skeleton
from tryon.preprocess.arms import arm_mask
from tryon.preprocess.below import lower_cloth
from tryon.preprocess.body import body_from_pose, torso_rows, trunk_mask
from tryon.preprocess.fill import column_fill
from tryon.preprocess.layers import assemble
from tryon.preprocess.worn import as_worn

SIZE = (600, 400)
CLOTH, LINING = (150, 120, 60), (40, 40, 45)


def open_jacket(half: float = 9, slope: float = 0.03, colour: tuple[int, int, int] = CLOTH, hole: bool = False):
    """A long-sleeved jacket, open: lining (or a hole in the matte) about the middle, broader towards the hem."""
    top = drawn_person.flat_top("long")
    y, x = np.mgrid[0:300, 0:300].astype(np.float32)
    inside = (np.abs(x - 150) < half + slope * (y - 60)) & (y > 58)
    image = np.where(top.mask[..., None] > 0.5, np.array(colour, np.uint8), top.image)
    image = np.where((inside & (top.mask > 0.5))[..., None], np.array(LINING, np.uint8), image)
    noise = np.random.default_rng(0).integers(-4, 5, image.shape)
    mask = np.where(inside, 0, top.mask).astype(np.float32) if hole else top.mask
    return replace(top, image=np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8), mask=mask, open_front=True)


@pytest.mark.parametrize("hole", [False, True])
@pytest.mark.parametrize("half", [3, 9])
def test_the_edges_of_an_opening_are_found(half, hole):
    jacket = open_jacket(half, hole=hole)
    found = panels.find_opening(jacket, skeleton.landmarks_of(jacket))
    assert found is not None
    want = half + 0.03 * (found.v + found.origin[1] - 60)
    assert np.abs(found.right - want)[8:].mean() < 4.5 and np.abs(found.left + want)[8:].mean() < 4.5


def test_a_closed_front_has_none():
    top = drawn_person.flat_top("long")
    assert panels.find_opening(top, skeleton.landmarks_of(top)) is None  # stripes across are no opening
    plain = open_jacket(colour=LINING)
    assert panels.find_opening(plain, skeleton.landmarks_of(plain)) is None


def test_panels_part_and_keep_to_their_sides():
    jacket = open_jacket()
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    marks = skeleton.landmarks_of(jacket)
    fit = skeleton.fit(jacket, marks, body)
    opening = panels.find_opening(jacket, marks)
    parts = panels.warp(jacket, marks, fit, body, SIZE, opening)
    rgb, coverage, _ = assemble(jacket.image, parts, body.breadth, fit.scale)
    gap = panels.between(parts, coverage)
    row = round(float(body.at(0.6)[1]))
    width = gap[row].sum()
    assert 0.5 * body.chest < width < 1.1 * body.chest
    closed = skeleton.warp(jacket, marks, fit, body, SIZE)
    _, whole, _ = assemble(jacket.image, closed, body.breadth, fit.scale)
    sides = [np.flatnonzero(c[row] > 0.5)[[0, -1]] for c in (coverage, whole)]
    assert np.abs(sides[0] - sides[1]).max() <= 3  # side seams stay
    shown = rgb[row][coverage[row] > 0.9].mean(0)
    assert np.abs(shown - CLOTH).max() < 40  # no lining


def test_the_worn_top_stays_between_the_panels():
    person = drawn_person.person()
    x = build_inputs(person, as_worn(open_jacket()))
    assert sum(part.name == "torso" for part in x.parts) == 2
    gap = panels.between(x.parts, x.coverage)
    inner = gap & (x.parse == int(Label.TOP))
    away = cv2.distanceTransform((x.coverage < 0.02).astype(np.uint8), cv2.DIST_L2, 3) > 0.1 * x.body.breadth
    assert (inner & away).sum() > 300
    assert (x.agnostic.edit[inner & away] == 0).all()  # the photo's own pixels, but for the panels' shadow
    assert np.abs(x.agnostic.plate - x.image)[inner & (x.coverage < 0.01)].mean() < 8


def test_a_worn_coat_goes_and_the_top_is_carried_on():
    person = drawn_person.person()
    parse, image = person.parse.copy(), person.image.copy()
    x = np.mgrid[0:600, 0:400][1]
    coat = (parse == int(Label.TOP)) & (np.abs(x - 200) > 14)
    parse[coat] = int(Label.OUTERWEAR)
    image[coat] = (90, 20, 20)
    dressed = replace(person, parse=parse, image=image)
    out = build_inputs(dressed, as_worn(open_jacket()))
    gap = panels.between(out.parts, out.coverage) & (out.coverage < 0.01)
    chest = trunk_mask(body_from_pose(out.placement.to_canvas(person.pose.keypoints), person.pose.world),
                       gap.shape, 0.9, 0.3, 0.8) > 0.5  # fmt: skip
    seen = out.agnostic.plate[gap & chest]
    assert len(seen) > 200
    assert (seen[:, 2] > seen[:, 0] + 60).mean() > 0.9  # the top's blue, not the coat's red


def test_nothing_to_show_between_the_panels_means_closed():
    person = drawn_person.person()
    parse = np.where(person.parse == int(Label.TOP), np.uint8(Label.OUTERWEAR), person.parse)
    out = build_inputs(replace(person, parse=parse), as_worn(open_jacket()))
    assert sum(part.name == "torso" for part in out.parts) == 1
    gap = np.zeros((10, 10), bool)
    assert not agnostic_open.shows_top(np.full((10, 10), int(Label.TOP), np.uint8), gap, out.body)


def test_a_long_shirt_that_was_taken_for_trousers_still_shows():
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    gap = np.zeros((600, 400), bool)
    gap[round(float(body.at(0.1)[1])) : round(float(body.at(1.4)[1])), 190:210] = True
    parse = np.where(gap, np.uint8(Label.LOWER), np.uint8(Label.OUTERWEAR)).astype(np.uint8)
    assert not agnostic_open.shows_top(parse, gap, body), "trousers alone are no top"
    parse[: round(float(body.at(0.25)[1]))] = Label.TOP
    parse[round(float(body.at(0.95)[1])) :] = Label.OUTERWEAR
    assert agnostic_open.shows_top(parse, gap, body)


def test_a_coat_whose_skirt_was_taken_for_a_dress_is_told_by_its_colour():
    person = drawn_person.person()
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    x, y = np.mgrid[0:600, 0:400][1], np.mgrid[0:600, 0:400][0]
    parse = person.parse.copy()
    torso = parse == int(Label.TOP)
    parse[torso & (np.abs(x - 200) > 25)] = int(Label.OUTERWEAR)
    parse[(y > 290) & (y < 430) & (np.abs(x - 200) < 55)] = int(Label.DRESS)
    image = np.full((600, 400, 3), (180, 190, 200), np.uint8)
    image[np.isin(parse, [int(Label.OUTERWEAR), int(Label.DRESS)])] = (25, 25, 30)
    image[(np.isin(parse, [int(Label.TOP), int(Label.DRESS)])) & (np.abs(x - 200) <= 25)] = (190, 220, 60)
    out = agnostic_open.overlooked_coat(image, parse, body)
    skirt = parse == int(Label.DRESS)
    dark = skirt & (np.abs(x - 200) > 30)
    assert (out[dark] == int(Label.OUTERWEAR)).mean() > 0.95
    assert (out[skirt & (np.abs(x - 200) < 20)] == int(Label.DRESS)).mean() > 0.95


def test_trousers_go_on_under_a_long_coat():
    photo = np.zeros((120, 60, 3), np.float32)
    photo[...] = (20, 90, 40)
    photo[::4] = (60, 140, 80)
    known = np.zeros((120, 60), bool)
    known[80:, 10:50] = True
    filled = column_fill(photo, known)
    assert np.abs(filled[:80, 12:48].mean((0, 1)) - photo[80:].mean((0, 1))).max() < 6
    assert filled[20:80, 30].std(0).min() > 5  # the pattern goes on
    wrong = known.copy()
    wrong[60:80, 20:40] = True
    photo[60:80, 20:40] = (240, 230, 220)
    cloth = lower_cloth(photo, wrong, ~wrong, 40.0, far=True)
    assert np.abs(cloth[10:50, 25:35].mean((0, 1)) - (30, 102, 50)).max() < 25


def test_bare_forearms_hang_before_the_panels_and_a_sleeve_without_a_hand_ends_in_none():
    person = drawn_person.person()
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    along = torso_rows(body, person.parse.shape)
    x = np.arange(person.parse.shape[1])[None]
    parse = np.where(person.parse == Label.TOP, np.uint8(Label.OUTERWEAR), person.parse)
    middle = (np.abs(x - 200) < 18) & (along > 0) & (along < 1)
    parse[middle & (parse == Label.OUTERWEAR)] = Label.TOP
    garment = ((along > 0) & (along < 1.4) & (np.abs(x - 200) < 90) & ~middle).astype(np.float32)
    sleeves = np.zeros_like(garment)
    forearm = arm_mask(body, 0, parse.shape, 0.5, 1.3, 1.7) > 0.5

    def kept(end: float, labels: np.ndarray) -> np.ndarray:
        return agnostic_open.build(
            person.image, labels, body, garment, sleeves, middle, 1.4, sleeve_end=(end, end)
        ).keep

    assert kept(0.5, parse)[forearm].mean() > 0.9
    without = np.where(parse == Label.ARMS, np.uint8(Label.OUTERWEAR), parse)
    wrist = arm_mask(body, 0, parse.shape, 0.5, 1.9, 2.0) > 0.5
    without[np.hypot(x - body.hands[0, 0], np.arange(600)[:, None] - body.hands[0, 1]) < 26] = Label.LOWER
    assert kept(1.9, without)[wrist].mean() < 0.2

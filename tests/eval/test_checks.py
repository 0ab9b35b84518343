"""Checks without labels: on drawn people with known answers, and once on the demo pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import drawn_person
import numpy as np
import pytest
from tryon.eval import checks
from tryon.eval.affine import overlay
from tryon.eval.case import Case
from tryon.eval.measure import sleeve_end
from tryon.eval.pairs import Pair
from tryon.eval.reconstruct import NoTop, cut_out, larger_outfit

from tryon.inputs import build_inputs
from tryon.labels import Label
from tryon.preprocess.body import body_from_pose
from tryon.preprocess.worn import as_worn

pytest.importorskip("skimage")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def case() -> Case:
    """The drawn person in long sleeves, about to be dressed in the drawn T-shirt."""
    person = drawn_person.person()
    inputs = build_inputs(person, as_worn(drawn_person.flat_top("short")))
    return Case(Pair("d", Path(), None, "d", None), person.image, None, person, None, inputs)


def shown(case: Case) -> np.ndarray:
    """What the geometry wants to see, on the canvas: uint8 (h, w, 3)."""
    assert case.inputs is not None
    c = case.inputs.coverage[..., None]
    return np.rint(case.inputs.agnostic.plate * (1 - c) + case.inputs.warped * c).clip(0, 255).astype(np.uint8)


def test_untouched_counts_outside_of_the_mask_only() -> None:
    photo = np.full((20, 20, 3), 100, np.uint8)
    mask = np.zeros((20, 20), np.float32)
    mask[5:15, 5:15] = 0.01
    image = photo.copy()
    image[6, 6] = 0
    assert checks.untouched(photo, image, mask) == {"untouched_identical": 1.0, "untouched_changed": 0.0}
    image[0, 0, 2] += 1
    assert checks.untouched(photo, image, mask) == {"untouched_identical": 0.0, "untouched_changed": 1 / 300}


def test_drift_is_the_mean_way_of_the_visible_joints() -> None:
    pose = drawn_person.person().pose
    moved = pose.keypoints.copy()
    moved[:, 0] += 14
    after = replace(pose, keypoints=moved)
    assert checks.drift(pose, pose, 140) == 0
    assert checks.drift(pose, after, 140) == pytest.approx(0.1)
    assert checks.drift(pose, None, 140) == checks.LOST
    hidden = pose.keypoints.copy()
    hidden[:, 2] = 0.1
    assert checks.drift(replace(pose, keypoints=hidden), after, 140) is None


def test_face_and_hands_are_looked_at_where_they_are(case: Case) -> None:
    person = case.person
    assert person is not None
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    photo = person.image
    assert checks.skin_kept(photo, photo, person, body) == {"face_changed": 0.0, "hands_changed": 0.0}
    trunk = photo.copy()
    trunk[180:290, 170:230] = 0
    assert checks.skin_kept(photo, trunk, person, body) == {"face_changed": 0.0, "hands_changed": 0.0}
    face = photo.copy()
    face[80:100, 190:210] = 0
    found = checks.skin_kept(photo, face, person, body)
    assert found["face_changed"] > 5 and found["hands_changed"] == 0
    hands = photo.copy()
    hands[315:345, 255:290] = 0
    found = checks.skin_kept(photo, hands, person, body)
    assert found["hands_changed"] > 5 and found["face_changed"] == 0


def test_colour_and_print_of_the_warped_garment(case: Case) -> None:
    """Equal: 0 and 1. Another colour raises the first, blur lowers the second, a mirrored print is no print."""
    assert case.inputs is not None
    warped, coverage = case.inputs.warped, case.inputs.coverage
    canvas = shown(case)
    same = checks.garment_arrived(canvas, warped, coverage)
    assert same["garment_de2000"] < 0.5 and same["print_edges"] > 0.99
    redder = np.clip(canvas.astype(int) + (40, 0, -40), 0, 255).astype(np.uint8)
    assert checks.garment_arrived(redder, warped, coverage)["garment_de2000"] > 5
    blurs = [checks.garment_arrived(cv2.GaussianBlur(canvas, (0, 0), s), warped, coverage) for s in (2, 5, 12)]
    correlations = [same["print_edges"], *(row["print_edges"] for row in blurs)]
    assert correlations == sorted(correlations, reverse=True) and correlations[-1] < 0.8
    shifts = [checks.garment_arrived(np.roll(canvas, n, 0), warped, coverage)["print_edges"] for n in (1, 3, 6)]
    assert shifts == sorted(shifts, reverse=True) and shifts[-1] < 0.2
    plain = np.full_like(warped, 90)
    assert checks.garment_arrived(canvas, plain, coverage)["print_edges"] is None
    assert checks.garment_arrived(canvas, warped, 0 * coverage) == {"garment_de2000": None, "print_edges": None}


@pytest.mark.parametrize(
    ("lab", "expected"), [((73, 25, -18), 27.1492), ((61, -5, 29), 22.8977), ((50, 3.2592, 0.335), 1.0)]
)
def test_the_colour_difference_is_ciede2000(lab: tuple[float, float, float], expected: float) -> None:
    """Pairs of the test data of Sharma, Wu and Dalal (2005), the first colour always (50, 2.5, 0)."""
    from skimage.color import lab2rgb

    pictures = [
        np.tile(lab2rgb(np.array(colour, float)[None, None]) * 255, (9, 9, 1)).astype(np.float32)
        for colour in ((50, 2.5, 0), lab)
    ]
    assert checks.colour_difference(*pictures, np.ones((9, 9), bool)) == pytest.approx(expected, abs=0.01)


def test_the_old_garment_is_found_where_it_stays(case: Case) -> None:
    assert case.inputs is not None
    assert checks.old_left(case.inputs.image, case) == 1.0, "nothing was done: all of the sleeves shows"
    assert checks.old_left(shown(case), case) < 0.1
    half = shown(case)
    half[:, : half.shape[1] // 2] = case.inputs.image[:, : half.shape[1] // 2]
    assert 0.3 < checks.old_left(half, case) < 0.7


@pytest.mark.parametrize("end", [0.3, 0.6, 1.0, 1.5, 1.9])
def test_sleeves_are_measured_along_the_arm(end: float) -> None:
    from tryon.preprocess.arms import arm_mask

    person = drawn_person.person()
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    parse = np.zeros_like(person.parse)
    for side in (0, 1):
        parse[arm_mask(body, side, parse.shape) > 0.5] = Label.ARMS
        parse[arm_mask(body, side, parse.shape, 1.2, 0.0, end) > 0.5] = Label.TOP
        found = sleeve_end(parse, body, side)
        assert found == pytest.approx(end, abs=0.25)  # the drawn sleeve's end is round
    assert sleeve_end(np.zeros_like(parse), body, 0) is None


def test_lengths_are_those_that_the_geometry_wants(case: Case) -> None:
    assert case.inputs is not None and case.person is not None
    asked = checks.lengths(case.person.parse, case)  # still the long sleeves
    dressed = drawn_person.person(long_sleeves=False).parse
    got = checks.lengths(dressed, case)
    assert asked["sleeve_error"] > 0.8 > 0.4 > got["sleeve_error"]
    assert got["hem_error"] == pytest.approx(asked["hem_error"], abs=0.02)


def test_nobody_found_means_nothing_measured() -> None:
    nobody: Any = SimpleNamespace()
    empty = checks.Checker(nobody)(Case(Pair("a", Path(), None, "a", None)), np.zeros((9, 9, 3), np.uint8), None)
    assert set(empty) == set(checks.LABEL_FREE) and set(empty.values()) == {None}


def test_the_affine_overlay_brings_shoulders_and_hem_where_they_belong(case: Case) -> None:
    assert case.inputs is not None and case.photo is not None
    before = case.photo.copy()
    image, mask = overlay(case.photo, case.inputs)
    assert np.array_equal(case.photo, before) and image.shape == before.shape
    assert np.array_equal(image[mask == 0], before[mask == 0])
    for name in ("shoulder_left", "shoulder_right", "hem_left", "hem_right"):
        x, y = case.inputs.placement.to_photo(case.inputs.fit.points[name][None])[0]
        around = mask[round(y) - 14 : round(y) + 14, round(x) - 14 : round(x) + 14]
        assert around.max() > 0.9 and around.min() < 0.1, f"{name} lies on the garment's outline"


def test_self_reconstruction_puts_the_worn_garment_back(case: Case) -> None:
    person = case.person
    assert person is not None
    inputs, again = cut_out(person), cut_out(person)
    assert np.array_equal(inputs.warped, again.warped) and np.array_equal(inputs.agnostic.plate, again.agnostic.plate)
    worn = (inputs.parse == Label.TOP) & (inputs.coverage > 0.99)
    error = np.abs(inputs.warped - inputs.image)[worn].mean()
    assert worn.mean() > 0.05 and error < 12, "the texture is the garment's, but for half of the light"
    outfit = larger_outfit(inputs.parse, inputs.body)
    assert ((outfit == Label.OUTERWEAR) & (inputs.parse == Label.TOP)).sum() > 0.95 * (inputs.parse == Label.TOP).sum()
    head = inputs.parse == Label.HAIR
    assert np.array_equal(outfit[head], inputs.parse[head])
    skirt = replace(person, parse=np.where(person.parse == Label.TOP, np.uint8(Label.DRESS), person.parse))
    with pytest.raises(NoTop):
        cut_out(skirt)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_on_real_networks_an_unchanged_photo_has_not_drifted() -> None:
    """The demo person: the photo itself, blurred, shifted and mirrored as results of another system."""
    from tryon.eval.case import Studio

    studio = Studio()
    pair = Pair("demo", ROOT / "assets/demo/person.png", ROOT / "assets/demo/garment.jpg", "person", "garment")
    ready = studio.prepare(pair)
    assert ready.error is None and ready.photo is not None
    check = checks.Checker(studio.try_on.people)
    photo = ready.photo
    same = check(ready, photo, None)
    assert same["pose_drift"] == 0 and same["untouched_identical"] == 1 and same["face_changed"] == 0
    assert same["old_garment"] == 1.0, "the old garment is all there"
    shifted = [check(ready, np.roll(photo, n, 1), None) for n in (8, 32)]
    # a half body: joints near the edge of the photo jump, so that drift does not grow evenly with the shift
    assert all(row["pose_drift"] > 0.02 for row in shifted)
    assert all(row["untouched_identical"] == 0 and row["face_changed"] > 1 for row in shifted)
    geometric = studio.try_on(ready.person, ready.garment, explain=True)
    made = check(ready, geometric.image, geometric.explain["edit_mask"])
    assert made["untouched_identical"] == 1 and made["garment_de2000"] < 2 < same["garment_de2000"]
    # the forearm that goes on to the photo's edge lies across the print
    assert made["print_edges"] > 0.85 > 0.5 > same["print_edges"] and made["old_garment"] < 0.5
    assert made["pose_drift"] < checks.LOST, "somebody is still found"

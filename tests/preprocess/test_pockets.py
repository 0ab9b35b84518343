"""Hands in the pockets of what goes."""

from __future__ import annotations

from dataclasses import replace

import drawn_person
import numpy as np
import pytest

from tryon.inputs import build_inputs
from tryon.labels import Label
from tryon.preprocess.body import Body, body_from_pose
from tryon.preprocess.pockets import under_the_garment
from tryon.preprocess.skeleton import Fit, fit, landmarks_of
from tryon.types import Garment, Person


def pocketed(long: float) -> tuple[Person, Garment]:
    """Somebody in a coat with the right hand in its pocket, and a top that reaches so many px below the drawn one."""
    who = drawn_person.person()
    points = who.pose.keypoints.copy()
    points[[14, 16, 18, 20, 22], :2] = (138, 232), (170, 268), (178, 278), (180, 278), (178, 276)
    parse = np.where(who.parse == Label.ARMS, np.uint8(Label.BACKGROUND), who.parse)
    parse[150:330, 140:260] = Label.TOP
    parse[290:320, 266:276] = Label.ARMS
    garment = drawn_person.flat_top("long")
    marks = {k: (p[0], p[1] + long) if k.startswith("hem") and p else p for k, p in garment.landmarks.items()}
    return replace(who, parse=parse, pose=replace(who.pose, keypoints=points)), replace(garment, landmarks=marks)


def placed(long: float) -> tuple[Body, np.ndarray, Fit]:
    who, garment = pocketed(long)
    body = body_from_pose(who.pose.keypoints, who.pose.world)
    return body, who.parse, fit(garment, landmarks_of(garment), body)


@pytest.mark.parametrize(("hem", "behind"), [(1.2, True), (0.85, False)])
def test_the_arm_goes_behind_a_garment_that_covers_the_hand(hem: float, behind: bool) -> None:
    body, parse, target = placed(60.0)
    assert body.arm_front == (True, True)
    assert under_the_garment(body, parse, replace(target, hem=hem)).arm_front == (not behind, True)


def test_a_seen_hand_stays_in_front() -> None:
    body, parse, target = placed(60.0)
    x, y = np.round(body.hands[0]).astype(int)
    parse[y - 12 : y + 13, x - 12 : x + 13] = Label.ARMS
    assert under_the_garment(body, parse, target) is body


def test_no_hand_is_painted_onto_the_cloth() -> None:
    who, garment = pocketed(60.0)
    inputs = build_inputs(who, garment)
    at = inputs.placement.to_canvas(np.array([[175.0, 274.0]]))[0]
    x, y = np.round(at).astype(int)
    assert inputs.coverage[y - 3 : y + 4, x - 3 : x + 4].min() > 0.9, "cloth, no hand before it"

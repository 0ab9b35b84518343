"""The body that the geometry works with."""

from __future__ import annotations

import numpy as np

from tests import drawn_person
from tryon.labels import Label
from tryon.preprocess.arms import reaching_out
from tryon.preprocess.body import body_from_pose

FRAME = np.array([[0, 0], [400, 330]], np.float32)  # cuts the hands of the figure, whose wrists are at y = 305


def figure():
    return body_from_pose(drawn_person.keypoints(), drawn_person.world())


def test_an_arm_whose_hand_is_cut_off_goes_on_to_the_edge():
    body, nobody = figure(), np.zeros((330, 400), np.uint8)
    out = reaching_out(body, nobody, FRAME)
    for side in (0, 1):
        assert out.wrists[side][1] > 330
        before, after = (b.wrists[side] - b.elbows[side] for b in (body, out))
        assert np.cross(before, after) / np.linalg.norm(after) < 0.5, "in the direction of the forearm"
    assert (out.elbows == body.elbows).all()


def test_hands_in_sight_and_wrists_far_inside_stay():
    body = figure()
    whole = np.array([[0, 0], [400, 600]], np.float32)
    assert (reaching_out(body, np.zeros((600, 400), np.uint8), whole).wrists == body.wrists).all()
    seen = np.full((330, 400), Label.ARMS, np.uint8)
    assert (reaching_out(body, seen, FRAME).wrists == body.wrists).all()

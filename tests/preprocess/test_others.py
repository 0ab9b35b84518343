"""What other people wear is not taken for the person's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests import drawn_person
from tryon.labels import Label
from tryon.preprocess.others import without_others


def _pair(apart: int) -> tuple[np.ndarray, object, object]:
    """The parse of two people side by side, whose clothes touch, and both poses."""
    person = drawn_person.person()
    height, width = person.parse.shape
    parse = np.zeros((height, width + apart), np.uint8)
    parse[:, :width] = person.parse
    right = parse[:, apart:]
    right[person.parse > 0] = person.parse[person.parse > 0]
    poses = []
    for shift in (0, apart):
        mask = np.zeros(parse.shape, np.float32)
        mask[:, shift : shift + width] = person.pose.mask
        keypoints = person.pose.keypoints + np.float32([shift, 0, 0])
        box = person.pose.box
        poses.append(
            replace(person.pose, keypoints=keypoints, mask=mask, box=(box[0] + shift, box[1], box[2] + shift, box[3]))
        )
    return parse, poses[0], poses[1]


def test_the_clothes_of_somebody_beside_become_background():
    parse, mine, theirs = _pair(190)
    out = without_others(parse, mine, [theirs])
    clothing = np.isin(parse, [int(Label.TOP), int(Label.LOWER), int(Label.FACE)])
    assert (out[(theirs.mask > 0.5) & (mine.mask < 0.5) & clothing] == Label.BACKGROUND).mean() > 0.95
    assert np.array_equal(out[mine.mask > 0.5], parse[mine.mask > 0.5])


def test_a_wide_coat_of_the_person_stays_and_nothing_changes_when_alone():
    parse, mine, theirs = _pair(400)
    parse[200:420, 60:100] = Label.OUTERWEAR  # beyond the silhouette, on the person's own side
    out = without_others(parse, mine, [theirs])
    assert (out[200:420, 60:100] == parse[200:420, 60:100]).all()
    assert without_others(parse, mine, []) is parse

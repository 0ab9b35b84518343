"""Surroundings and things in front: the person stays, what changes changes in photo and parse alike."""

import cv2
import drawn_pairs
import numpy as np
import pytest
from tryon.train.augment_people import put_in_front, surroundings, swap_background

from tryon.labels import Label
from tryon.preprocess.body import body_from_pose


@pytest.fixture(scope="module")
def person():
    return drawn_pairs.figure(1)


def test_surroundings_hold_nobody(person):
    for seed in range(4):
        behind = surroundings(person, (500, 300), np.random.default_rng(seed))
        assert behind.shape == (500, 300, 3) and behind.dtype == np.uint8
        wall = person.image[person.parse == Label.BACKGROUND].mean(0)
        assert np.abs(behind.astype(int) - wall).max() < 40  # the wall, everywhere


def test_the_person_stays_before_other_surroundings(person):
    behind = np.zeros_like(person.image)
    behind[:, ::2] = (0, 200, 0)
    out = swap_background(person, behind)
    away = person.parse == Label.BACKGROUND
    far = cv2.erode(away.astype(np.uint8), np.ones((9, 9))) > 0
    core = cv2.erode((~away).astype(np.uint8), np.ones((9, 9))) > 0
    assert np.array_equal(out.image[far], behind[far]) and np.array_equal(out.image[core], person.image[core])
    assert np.array_equal(out.parse, person.parse)


def test_things_in_front_are_labelled_and_lie_on_the_torso(person):
    texture = np.full((20, 20, 3), (10, 250, 10), np.uint8)
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    before = person.image.copy()
    for seed in range(12):
        out = put_in_front(person, texture, np.random.default_rng(seed))
        bag = out.parse == Label.BAG
        assert 100 < bag.sum() < 0.2 * bag.size
        rows, cols = np.nonzero(bag)
        along = body.along(np.stack([cols, rows], 1).astype(np.float32))
        assert -0.2 < np.median(along) < 1.4
        changed = np.abs(out.image.astype(int) - person.image).sum(2) > 60
        assert (changed & ~bag).sum() < 0.35 * bag.sum()  # only a soft rim
        assert np.array_equal(out.parse[~bag], person.parse[~bag])
    assert np.array_equal(person.image, before)

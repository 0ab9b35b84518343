"""Gaps between hanging sleeves and the body."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.preprocess.gaps import open_gaps

MARKS = {
    "armpit_left": (100.0, 110.0), "sleeve_in_left": (80.0, 250.0), "hem_left": (100.0, 300.0),
    "shoulder_left": (100.0, 45.0), "sleeve_out_left": (42.0, 250.0),
    "shoulder_right": (220.0, 45.0), "sleeve_out_right": (278.0, 250.0),
    "armpit_right": (220.0, 110.0), "sleeve_in_right": (240.0, 250.0), "hem_right": (220.0, 300.0),
}  # fmt: skip
GAP = np.array([(100, 116), (100, 236), (86, 236)])


def shirt(cloth: tuple[int, int, int] = (60, 110, 120), ground: tuple[int, int, int] = (150, 70, 45)):
    """image, the matte that closed the left gap, where that gap is; a spot of the ground's colour on the chest."""
    image = np.full((340, 320, 3), ground, np.uint8)
    mask = np.zeros((340, 320), np.uint8)
    cv2.rectangle(mask, (40, 40), (280, 250), 255, -1)
    cv2.rectangle(mask, (100, 40), (220, 300), 255, -1)
    gap = cv2.fillPoly(np.zeros_like(mask), [GAP], 1) > 0
    image[(mask > 0) & ~gap] = cloth
    image[gap] = (np.array(ground) * 0.8).astype(np.uint8)  # in the shade
    image[140:180, 140:180] = ground
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), (mask / 255).astype(np.float32), gap


def test_a_gap_of_the_grounds_colour_is_cut_out_and_a_print_is_not():
    image, mask, gap = shirt()
    out = open_gaps(image, mask, MARKS)
    inner = cv2.erode(gap.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert out[inner].mean() < 0.15
    assert out[140:180, 140:180].min() == 1, "a print in the ground's colour stays"
    assert np.abs(out - mask)[:, 200:].max() == 0


def test_a_sleeve_of_the_grounds_colour_stays():
    image, mask, _ = shirt(ground=(150, 150, 150))
    image[100:250, 42:100] = (146, 148, 150)
    assert open_gaps(image, mask, MARKS) is mask


def test_nothing_is_cut_where_colours_do_not_tell_or_the_sleeve_is_spread_out():
    image, mask, _ = shirt(cloth=(140, 66, 44))
    assert open_gaps(image, mask, MARKS) is mask
    image, mask, _ = shirt()
    spread = {**MARKS, "sleeve_in_left": (10.0, 120.0), "sleeve_in_right": (310.0, 120.0)}
    assert open_gaps(image, mask, spread) is mask
    assert open_gaps(image, mask, {**MARKS, "hem_left": None, "armpit_right": None}) is mask

"""Whole sleeves that a parse missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from drawn_person import person

from tryon.labels import Label
from tryon.preprocess.arms import arm_mask
from tryon.preprocess.body import Body, body_from_pose
from tryon.preprocess.missed import missed_sleeves

SHIRT = (150, 60, 70)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray, Body]:
    """Picture and parse of somebody whose left sleeve the parse lacks but for its ends, the sleeve, and the body with
    joints too far inside."""
    who = person()
    body = body_from_pose(who.pose.keypoints, who.pose.world)
    wide = arm_mask(body, 1, who.parse.shape, 2.0, 0.0, 1.9) > 0.5
    parse, image = who.parse.copy(), who.image.copy()
    parse[wide & (parse == Label.BACKGROUND)] = Label.TOP
    image[parse == Label.TOP] = SHIRT
    inward = np.array([[0, 0], [32, 0]], np.float32)
    inside = replace(body, elbows=body.elbows - inward, wrists=body.wrists - 0.6 * inward)
    y = np.arange(parse.shape[0])[:, None]
    x = np.arange(parse.shape[1])[None]
    outer = x > np.interp(y, [body.shoulders[1, 1], inside.elbows[1, 1], body.wrists[1, 1]],
                          [body.shoulders[1, 0], inside.elbows[1, 0], inside.wrists[1, 0]]) + 2  # fmt: skip
    sleeve = wide & outer & (parse == Label.TOP) & (y > body.shoulders[1, 1] + 26) & (y < body.wrists[1, 1] - 18)
    parse[sleeve] = Label.BACKGROUND
    return image, parse, sleeve, inside


def test_a_sleeve_between_shoulder_and_cuff_is_found() -> None:
    image, parse, sleeve, body = scene()
    out = missed_sleeves(image, parse, body)
    assert out is not parse and (out[sleeve] == Label.TOP).mean() > 0.8
    changed = out != parse
    assert (parse[changed] == Label.BACKGROUND).all() and changed.sum() < 1.6 * sleeve.sum()
    parse[parse == Label.TOP] = Label.OUTERWEAR
    assert (missed_sleeves(image, parse, body)[sleeve] == Label.OUTERWEAR).mean() > 0.8


def test_what_looks_like_no_sleeve_is_none() -> None:
    image, parse, sleeve, body = scene()
    image[sleeve] = (70, 160, 90)
    assert missed_sleeves(image, parse, body) is parse


def test_without_a_hand_or_a_gap_nothing_is_missed() -> None:
    image, parse, sleeve, body = scene()
    no_hand = np.where(parse == Label.ARMS, np.uint8(Label.BACKGROUND), parse)
    assert missed_sleeves(image, no_hand, body) is no_hand
    parse[sleeve] = Label.TOP
    assert missed_sleeves(image, parse, body) is parse

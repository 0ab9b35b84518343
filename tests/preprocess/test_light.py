"""The photo's light on a garment: which side it comes from, and what it does."""

from __future__ import annotations

import numpy as np
import pytest

from tests import drawn_person
from tryon.labels import Label
from tryon.preprocess import light
from tryon.preprocess.body import body_from_pose

PERSON = drawn_person.person()
BODY = body_from_pose(PERSON.pose.keypoints, PERSON.pose.world)


def lit(side: float, parse: np.ndarray = PERSON.parse, plain: bool = True) -> np.ndarray:
    """A grey person on whom the light changes from side to side: the face's sides differ by `side` (log)."""
    x = np.arange(parse.shape[1]) - float(BODY.neck[0])
    image = np.full((*parse.shape, 3), 120.0)
    if not plain:
        stripes = (np.arange(parse.shape[0]) // 6 % 2 == 0)[:, None] & (parse == Label.TOP)
        image[stripes] = 30
    image *= np.exp(0.5 * side * np.sign(x))[None, :, None]
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("plain", [True, False])
def test_the_brighter_side_is_found(plain: bool) -> None:
    told = [light.from_aside(lit(side, plain=plain), PERSON.parse, BODY) for side in (-0.4, 0.0, 0.4)]
    assert told[0] < -0.1 and abs(told[1]) < 0.03 and told[2] > 0.1
    assert told[2] == pytest.approx(-told[0], abs=0.05)
    assert abs(told[2]) <= light.MOST


def test_a_patterned_garment_says_nothing_about_the_light() -> None:
    parse = np.where(PERSON.parse == Label.FACE, np.uint8(Label.HAIR), PERSON.parse).astype(np.uint8)
    assert light.from_aside(lit(0.4, parse), parse, BODY) > 0.2
    assert light.from_aside(lit(0.4, parse, plain=False), parse, BODY) == 0


def test_the_light_falls_off_at_the_sides_and_follows_its_source() -> None:
    even = light.on_body(lit(0.0), PERSON.parse, BODY)
    assert even.shape == PERSON.parse.shape and even.dtype == np.float32
    left, middle, right = (even[tuple(np.round(BODY.at(0.4, x * BODY.chest)).astype(int)[::-1])] for x in (-1, 0, 1))
    assert middle > left + 0.05 and left == pytest.approx(right, abs=0.03)
    aside = light.on_body(lit(0.4), PERSON.parse, BODY)
    left, right = (aside[tuple(np.round(BODY.at(0.4, x * BODY.chest)).astype(int)[::-1])] for x in (-0.6, 0.6))
    assert right > left + 0.1
    assert aside.min() > 0.5 and aside.max() < 1.6


def test_nobody_to_see_is_no_error() -> None:
    nothing = np.zeros_like(PERSON.parse)
    assert light.from_aside(lit(0.4), nothing, BODY) == 0
    assert np.isfinite(light.on_body(lit(0.0), nothing, BODY)).all()

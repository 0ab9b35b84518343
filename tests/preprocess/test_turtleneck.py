"""Neck points of turtlenecks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_garments import garment

from tryon.preprocess.turtleneck import settle_turtleneck
from tryon.types import Garment


def turtleneck(**marks: tuple[float, float]) -> Garment:
    """The drawn T-shirt, 60 px lower, with a tube 56 px broad and 58 px high on its neck."""
    record = garment()
    mask = np.vstack([np.zeros((60, 300), np.float32), record.mask])
    image = np.vstack([np.full((60, 300, 3), 220, np.uint8), record.image])
    mask[42:108, 122:178] = 1
    landmarks = {n: None if p is None else (p[0], p[1] + 60) for n, p in record.landmarks.items()}
    return replace(record, image=image, mask=mask, landmarks={**landmarks, **marks})


@pytest.mark.parametrize(("name", "wrong"), [("neck_right", (214.0, 110.0)), ("neck_left", (86.0, 110.0))])
def test_a_neck_point_on_the_shoulder_moves_to_the_tubes_foot(name: str, wrong: tuple[float, float]) -> None:
    record = turtleneck(**{"neck_left": (122.0, 100.0), "neck_right": (178.0, 100.0), name: wrong})
    out = settle_turtleneck(record)
    for side, x in (("left", 122), ("right", 178)):
        point = out.landmarks[f"neck_{side}"]
        assert point is not None and abs(point[0] - x) < 5 and abs(point[1] - 100) < 6
    front = out.landmarks["neck_front"]
    assert front is not None and abs(front[0] - 150) < 6 and 96 < front[1] < 118
    assert out.landmarks["hem_left"] == record.landmarks["hem_left"]


def test_right_points_and_other_necks_stay() -> None:
    good = turtleneck(neck_left=(122.0, 100.0), neck_right=(178.0, 100.0))
    assert settle_turtleneck(good) is good
    both_elsewhere = turtleneck(neck_left=(96.0, 112.0), neck_right=(204.0, 112.0))  # as of a hood
    assert settle_turtleneck(both_elsewhere) is both_elsewhere
    plain = garment()
    assert settle_turtleneck(plain) is plain
    unknown = replace(good, landmarks={**good.landmarks, "hem_left": None})
    assert settle_turtleneck(unknown) is unknown

"""Decoding of heat maps, and the views."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.preprocess.landmarks import (
    VIEW,
    decode_heatmaps,
    expected_landmarks,
    expected_lower,
    outline_middle,
    prefer_sides,
    upright_angle,
)
from tryon.preprocess.views import View, frame_points
from tryon.types import LANDMARKS, LENGTHS, LOWER_LANDMARKS, SLEEVES


@pytest.mark.parametrize("point", [(20.25, 31.5), (0.5, 0.5), (63.4, 47.5)])
def test_peaks_are_found_at_sub_pixel_precision(point: tuple[float, float]) -> None:
    yy, xx = np.mgrid[0:48, 0:64] + 0.5
    single = np.exp(-((xx - point[0]) ** 2 + (yy - point[1]) ** 2) / 4)
    single /= single.sum()
    points, mass = decode_heatmaps(single[None].astype(np.float32))
    assert np.hypot(*(points[0] - point)) < (0.1 if 4 < point[0] < 60 else 1.5)  # cut off by the frame
    assert mass[0] > 0.9


def test_an_even_map_has_a_low_score() -> None:
    _, mass = decode_heatmaps(np.full((1, 64, 64), 1 / 4096, np.float32))
    assert mass[0] < 0.05


def test_landmarks_of_each_sleeve_length() -> None:
    counts = {sleeve: len(expected_landmarks(sleeve)) for sleeve in SLEEVES}
    assert counts == {"none": 9, "short": 13, "half": 13, "long": len(LANDMARKS)}


def test_landmarks_of_trousers_shorts_and_skirts() -> None:
    counts = {(n, skirt): len(expected_lower(n, skirt)) for n in LENGTHS for skirt in (False, True)}
    legs = {"short": 9, "knee": 9, "long": len(LOWER_LANDMARKS)}
    assert counts == {(n, skirt): 6 if skirt else legs[n] for n in LENGTHS for skirt in (False, True)}
    assert "crotch" in expected_lower("knee", False) and "crotch" not in expected_lower("long", True)


def test_a_point_on_the_wrong_side_is_found_on_its_own() -> None:
    maps = np.zeros((len(LOWER_LANDMARKS), 40, 40), np.float32)
    maps[:, 20, 5], maps[:, 20, 34] = 0.45, 0.55  # every map sees both sides, the right one a bit clearer
    points, _ = decode_heatmaps(prefer_sides(maps, 20.0, LOWER_LANDMARKS))
    for name, (x, _y) in zip(LOWER_LANDMARKS, points, strict=True):
        assert (x > 20) == ("left" not in name)


def test_the_middle_of_a_leg_lies_on_its_outline() -> None:
    outline = np.array(
        [(10 + t * 0.2, 10 + t) for t in range(101)] + [(80 - t * 0.2, 110 - t) for t in range(101)], float
    )
    middle = outline_middle(outline, np.array([9.0, 11.0]), np.array([29.0, 111.0]))
    assert middle is not None and np.hypot(*(middle - (20, 60))) < 3
    assert outline_middle(outline, np.array([20.0, 60.0]), np.array([70.0, 60.0])) is None  # far round


@pytest.mark.parametrize("angle", [0.0, 30.0, -90.0, 180.0])
def test_views_come_back_to_the_photo(angle: float) -> None:
    points = np.array([[10.0, 20.0], [200.0, 300.0], [50.0, 310.0]])
    view = View.of(points, angle, 0.1)
    seen = points @ view.matrix[:, :2].T + view.matrix[:, 2]
    assert seen.min() >= 0.1 * VIEW - 1e-6 and seen.max() <= 0.9 * VIEW + 1e-6
    np.testing.assert_allclose(view.to_photo(seen), points, atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 25.0, 90.0])
def test_a_mask_goes_to_the_view_and_back(angle: float) -> None:
    image = np.zeros((400, 300, 3), np.uint8)
    image[120:300, 60:220] = 255
    view = View.of(frame_points(400, 300), angle, 0.02)
    cut = view.cut(image)[::, :, 0].astype(np.float32) / 255
    back = view.spread(np.where(cut > 0.75, cut, 0), (400, 300)) > 0.5
    true = image[..., 0] > 0
    assert (back & true).sum() / (back | true).sum() > 0.97


def test_the_turn_is_undone_by_the_view() -> None:
    marks = {"neck_left": (200, 90), "neck_right": (200, 110), "hem_left": (50, 60), "hem_right": (50, 140)}
    angle = upright_angle({k: np.array(v, float) for k, v in marks.items()})
    assert angle == pytest.approx(90)
    view = View.of(np.array(list(marks.values()), float), angle, 0.05)
    at = {k: view.matrix[:, :2] @ v + view.matrix[:, 2] for k, v in marks.items()}
    assert at["neck_left"][1] < at["hem_left"][1]
    assert at["hem_left"][0] < at["hem_right"][0]
    assert upright_angle({"hem_left": np.zeros(2)}) is None


def test_trousers_stand_upright_by_waist_and_hem() -> None:
    marks = {"waist_left": (90, 200), "waist_right": (110, 200), "hem_out_left": (60, 50), "hem_out_right": (140, 50)}
    assert upright_angle({k: np.array(v, float) for k, v in marks.items()}) == pytest.approx(180)

"""Placement: photo <-> canvas, for points and for pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.compose import spread
from tryon.geometry import CANVAS, Placement

coordinates = st.floats(-2000, 18000)
placements = st.builds(
    Placement,
    st.floats(-3000, 16000),
    st.floats(-3000, 16000),
    st.floats(0.02, 12),
    st.integers(8, 600),
    st.integers(8, 600),
)


@given(placements, st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_points_survive_the_round_trip(placement: Placement, points: list[tuple[float, float]]) -> None:
    photo = np.array(points, np.float32)
    there = placement.to_canvas(photo)
    assert np.abs(placement.to_photo(there) - photo).max() < 0.5
    assert photo.dtype == there.dtype == np.float32


@given(
    st.floats(-500, 5000), st.floats(-500, 5000), st.floats(1, 5000), st.floats(1, 5000), st.floats(0, 0.5),
    st.integers(1, 5000), st.integers(1, 5000),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_around_holds_the_box(x: float, y: float, w: float, h: float, margin: float, rows: int, columns: int) -> None:
    placement = Placement.around((x, y, x + w, y + h), (rows, columns), margin)
    x0, y0, x1, y1 = placement.box
    slack = 1e-3 * max(w, h) + 1e-2
    assert x0 <= x - margin * w + slack and y0 <= y - margin * h + slack
    assert x1 >= x + w + margin * w - slack and y1 >= y + h + margin * h - slack
    corners = placement.to_canvas(np.array([[x0, y0], [x1, y1]]))
    np.testing.assert_allclose(corners, [[0, 0], [columns, rows]], atol=0.05 + 1e-3 * max(rows, columns))


@given(placements)
@settings(max_examples=50, deadline=None)
def test_resized_shows_the_same_window(placement: Placement) -> None:
    half = placement.resized(placement.height * 2, placement.width * 2)
    np.testing.assert_allclose(half.box, placement.box, rtol=1e-6, atol=1e-3)


def test_further_columns_are_kept_and_inputs_untouched() -> None:
    points = np.array([[10.0, 20.0, 0.7]])
    before = points.copy()
    there = Placement(1, 2, 0.5).to_canvas(points)
    assert there[0, 2] == np.float32(0.7)
    np.testing.assert_array_equal(points, before)


@pytest.mark.parametrize(
    "bad", [(0, 0, 0), (0, 0, -1), (np.nan, 0, 1), (0, np.inf, 1), (0, 0, 1, 0, 5), (0, 0, 1, 5, 0)]
)
def test_senseless_placements_are_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="placement"):
        Placement(*bad)  # type: ignore[arg-type]


def blob(height: int, width: int, x: float, y: float, sigma: float) -> np.ndarray:
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    return np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2)).astype(np.float32)


def centroid(image: np.ndarray) -> tuple[float, float]:
    ys, xs = np.mgrid[0 : image.shape[0], 0 : image.shape[1]] + 0.5
    weight = np.clip(image, 0.05, None) - 0.05
    return float((xs * weight).sum() / weight.sum()), float((ys * weight).sum() / weight.sum())


@given(
    st.integers(120, 1500), st.integers(120, 1500), st.floats(0.3, 0.7), st.floats(0.3, 0.7), st.floats(0, 0.3),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_pictures_survive_the_round_trip(height: int, width: int, u: float, v: float, margin: float) -> None:
    x, y = u * width, v * height
    photo = blob(height, width, x, y, 0.06 * min(height, width))
    placement = Placement.around((0, 0, width, height), CANVAS, margin)
    canvas = placement.crop(photo, border="zero")
    assert canvas.shape == CANVAS
    expected = placement.to_canvas(np.array([x, y]))
    assert np.hypot(*(np.array(centroid(canvas)) - expected)) < 0.5
    for back in (placement.paste_back(canvas, (height, width)), spread(canvas, placement, (0, 0, width, height))):
        assert back.shape == photo.shape
        assert np.hypot(*(np.array(centroid(back)) - (x, y))) < 0.5
        assert np.abs(back - photo).max() < 0.12


def test_labels_are_not_mixed() -> None:
    labels = np.zeros((300, 200), np.uint8)
    labels[100:200, 50:150] = 7
    placement = Placement.around((40, 90, 160, 210))
    canvas = placement.crop(labels, nearest=True)
    assert set(np.unique(canvas)) == {0, 7}
    back = placement.paste_back(canvas, labels.shape, nearest=True)
    assert set(np.unique(back)) <= {0, 7} and (back != labels).mean() < 0.01

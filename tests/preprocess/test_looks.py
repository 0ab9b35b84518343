"""What a look of the garment network means."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_garments import MARKS, SKIRT_MARKS, TROUSER_MARKS, lower

from tryon.preprocess.landmarks import ATTRIBUTES, POINTS, VIEW
from tryon.preprocess.looks import Look, place_by_outline
from tryon.preprocess.views import View, frame_points
from tryon.types import LANDMARKS, LOWER_LANDMARKS

HALF = VIEW // 2


def a_look(marks: dict[str, tuple[float, float]], turn: float = 0.0, **says: str) -> Look:
    """A look at a drawn garment (300 x 320 px, laid into the view), turned clockwise by `turn` degrees."""
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    maps = np.full((len(POINTS), HALF, HALF), 1 / HALF**2, np.float32)
    for name, point in marks.items():
        x, y = np.array([[c, -s], [s, c]]) @ (np.array(point) - (150, 160)) * 0.3 + HALF / 2
        maps[POINTS.index(name)] = 0
        maps[POINTS.index(name), int(y), int(x)] = 1
    matte = np.ones((HALF, HALF), np.float32)
    heads = {
        name: np.array([0.9 if says.get(name) == meaning else 0.02 for meaning in meanings], np.float32)
        for name, meanings in ATTRIBUTES.items()
    }
    return Look(View.of(frame_points(VIEW, VIEW), 0.0, 0.0), matte, maps, heads)


@pytest.mark.parametrize("turn", [-20.0, 0.0, 25.0])
@pytest.mark.parametrize(("category", "marks"), [("upper", MARKS), ("dress", MARKS), ("lower", TROUSER_MARKS)])
def test_the_turn_is_read_from_the_points_of_the_right_kind(
    category: str, marks: dict[str, tuple[float, float]], turn: float
) -> None:
    look = a_look(marks, turn, category=category)
    assert look.lower == (category == "lower")
    assert look.tilt() == pytest.approx(turn, abs=1.5)


def test_a_turn_without_clear_points_is_not_known() -> None:
    assert a_look(MARKS, category="lower").tilt() is None
    assert a_look(TROUSER_MARKS, category="upper").tilt() is None


def test_a_skirt_is_told_by_its_head_and_its_missing_crotch() -> None:
    assert a_look(SKIRT_MARKS, category="lower", skirt="skirt").skirt
    assert not a_look(TROUSER_MARKS, category="lower", skirt="legs", presence="crotch").skirt
    assert a_look(SKIRT_MARKS, category="lower", skirt="legs").skirt  # no crotch to be found: the head errs
    assert not a_look(TROUSER_MARKS, category="lower", skirt="skirt", presence="crotch").skirt


def test_points_come_by_name() -> None:
    look = a_look(TROUSER_MARKS, category="lower", length="long", skirt="legs", presence="crotch")
    points, scores = look.points(LOWER_LANDMARKS)
    for name, point, score in zip(LOWER_LANDMARKS, points, scores, strict=True):
        np.testing.assert_allclose(point, (np.array(TROUSER_MARKS[name]) - (150, 160)) * 0.6 + HALF, atol=1.5)
        assert score > 0.9
    assert look.points(LANDMARKS)[1].max() < 0.1
    assert look.length == ("long", pytest.approx(0.9)) and not look.skirt


def placed(marks: dict[str, tuple[float, float]], mask: np.ndarray, move: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and scores after `place_by_outline`, with hips and knees moved away before."""
    points = np.array(list(marks.values()), float)
    points[[name[:3] in ("hip", "kne") for name in marks]] += move
    scores = np.full(len(points), 0.9)
    place_by_outline(points, scores, tuple(marks), mask)
    return points, scores


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_hips_and_knees_are_put_on_the_outline(turns: int) -> None:
    _, mask = lower()
    marks = dict(TROUSER_MARKS)
    for _ in range(turns):  # a quarter counter-clockwise
        marks = {name: (y, mask.shape[1] - x) for name, (x, y) in marks.items()}
        mask = np.ascontiguousarray(np.rot90(mask))
    points, scores = placed(marks, mask, 15.0)
    np.testing.assert_allclose(points, np.array(list(marks.values())), atol=2.5)
    assert scores.min() == 0.9


def test_without_an_outline_knees_lie_half_way_and_hips_stay() -> None:
    nothing = np.zeros((320, 300), np.float32)
    nothing[:5, :5] = 1
    points, scores = placed(TROUSER_MARKS, nothing, 15.0)
    at = list(TROUSER_MARKS)
    for side in ("left", "right"):
        hip, knee, hem = (at.index(f"{kind}_{side}") for kind in ("hip", "knee", "hem_out"))
        np.testing.assert_allclose(points[hip], np.array(TROUSER_MARKS[at[hip]]) + 15)
        np.testing.assert_allclose(points[knee], (points[hip] + points[hem]) / 2)
        assert scores[knee] == pytest.approx(0.54)


def test_hips_of_a_skirt_are_where_it_is_widest() -> None:
    _, mask = lower(skirt=True)
    points, _ = placed(SKIRT_MARKS, mask, 9.0)
    at = list(SKIRT_MARKS)
    for side in ("left", "right"):  # this one flares down to its hem
        assert np.hypot(*(points[at.index(f"hip_{side}")] - SKIRT_MARKS[f"hem_out_{side}"])) < 3

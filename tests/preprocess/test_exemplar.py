"""Background put together from patches: a pattern goes on, what is seen stays, and little to see is no error."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.preprocess.exemplar import exemplar_fill
from tryon.preprocess.fill import smooth_fill
from tryon.preprocess.plate import put_together

SIZE = (192, 160)


def fence() -> np.ndarray:
    """Rails on posts before a wall: float32 (h, w, 3)."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    picture = np.full((*SIZE, 3), 200.0, np.float32)
    picture[(x // 10) % 2 == 0] = (90, 60, 40)
    picture[(y > 76) & (y < 108)] = (30, 90, 160)
    return picture


def holed() -> tuple[np.ndarray, np.ndarray]:
    known = np.ones(SIZE, bool)
    known[50:140, 55:105] = False
    return known, ~known


def test_a_fence_goes_on_behind_a_coat() -> None:
    picture = fence()
    known, hole = holed()
    start = smooth_fill(picture, known)
    out = exemplar_fill(picture, known, hole, start)
    before, after = (np.abs(x - picture)[hole].mean() for x in (start, out))
    assert after < 0.8 * before
    rail = out[84:100, 60:100].mean((0, 1))
    assert np.abs(rail - (30, 90, 160)).max() < 60, "the rail crosses the hole"
    assert out.dtype == np.float32 and out.min() >= 0 and out.max() <= 255


def test_what_is_not_wanted_stays() -> None:
    picture = fence()
    known, hole = holed()
    start = smooth_fill(picture, known)
    wanted = hole.copy()
    wanted[:, 80:] = False
    out = exemplar_fill(picture, known, wanted, start)
    assert np.array_equal(out[~wanted], start[~wanted]) and not np.array_equal(out[wanted], start[wanted])


def test_equal_pictures_give_equal_fillings() -> None:
    known, hole = holed()
    start = smooth_fill(fence(), known)
    assert np.array_equal(exemplar_fill(fence(), known, hole, start), exemplar_fill(fence(), known, hole, start))


@pytest.mark.parametrize("seen", ["nothing", "a strip", "everything"])
def test_too_little_to_see_or_to_fill_gives_the_first_filling(seen: str) -> None:
    known = np.zeros(SIZE, bool)
    known[:6] = seen == "a strip"
    known[:] |= seen == "everything"
    start = np.full((*SIZE, 3), 77, np.float32)
    assert exemplar_fill(fence(), known, ~known, start) is start


def test_narrow_rims_keep_the_mirrored_filling() -> None:
    picture = fence()
    known, hole = holed()
    start = smooth_fill(picture, known)
    nothing, covered = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    covered[54:136, 59:101] = 1
    assert put_together(picture, known, hole, covered, start, 60.0) is start
    assert put_together(picture, known, hole, nothing, start, 60.0) is not start


def test_a_filling_meets_what_is_seen_without_a_step() -> None:
    """Light that changes over a plain wall: no patch has the tone that is wanted."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    picture = np.repeat((90 + 0.5 * x + 0.2 * y)[..., None], 3, axis=2)
    known, hole = holed()
    out = exemplar_fill(picture, known, hole, np.where(known[..., None], picture, np.float32(120)))
    rim = np.zeros(SIZE, bool)
    rim[51:139, 56:104] = True
    rim[56:134, 61:99] = False
    assert np.abs(out - picture)[rim].mean() < 7 and np.abs(out - picture)[hole].mean() < 12

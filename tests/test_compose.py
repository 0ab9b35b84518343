"""Composition: what may not change does not, what may is blended by a stated rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import scene

from tryon.compose import blend, compose, edit_box, spread
from tryon.finish import grain
from tryon.geometry import Placement


@given(st.integers(64, 400), st.integers(64, 400), st.integers(0, 2**31), st.floats(0.2, 4))
@settings(max_examples=40, deadline=None)
def test_pixels_outside_of_the_mask_are_bit_identical(height: int, width: int, seed: int, zoom: float) -> None:
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.where(rng.random((height, width)) < 0.5, 0, rng.random((height, width))).astype(np.float32)
    mask[: height // 4] = 0
    placement = Placement(rng.uniform(-50, 50), rng.uniform(-50, 50), zoom, 64, 48)
    before = photo.copy()
    rgb, alpha = rng.random((64, 48, 3), dtype=np.float32), rng.random((64, 48), dtype=np.float32)
    result = compose(photo, rgb, alpha, placement, mask)
    assert result.dtype == np.uint8 and result.shape == photo.shape
    np.testing.assert_array_equal(result[mask == 0], photo[mask == 0])
    np.testing.assert_array_equal(photo, before)
    assert not np.shares_memory(result, photo)


def test_outside_of_the_window_nothing_changes() -> None:
    photo, placement = scene(200, 200), Placement(50, 60, 1.0, 64, 48)
    ones = np.ones((64, 48), np.float32)
    result = compose(photo, np.dstack([ones] * 3), ones, placement, np.ones((200, 200), np.float32))
    changed = (result != photo).any(axis=2)
    assert edit_box(changed.astype(np.float32)) == (50, 60, 98, 124)


def test_opaque_render_at_scale_one_is_copied() -> None:
    photo, rendered = scene(200, 200), scene(64, 48, seed=7)
    placement, ones = Placement(10, 20, 1.0, 64, 48), np.ones((64, 48), np.float32)
    result = compose(photo, rendered.astype(np.float32) / 255, ones, placement, np.ones((200, 200), np.float32))
    np.testing.assert_array_equal(result[20:84, 10:58], rendered)


def test_rounding_is_half_to_even() -> None:
    target = np.array([[[0, 1, 2]]], np.uint8)
    blend(target, np.full((1, 1, 3), 1 / 255, np.float32), np.full((1, 1), 0.5, np.float32))
    assert target.tolist() == [[[0, 1, 2]]]  # 0.5 -> 0, 1 -> 1, 1.5 -> 2


def test_an_empty_mask_gives_the_photo() -> None:
    photo = scene(100, 100)
    zeros = np.zeros((64, 48), np.float32)
    result = compose(
        photo, np.dstack([zeros] * 3), zeros + 1, Placement(0, 0, 1, 64, 48), np.zeros((100, 100), np.float32)
    )
    np.testing.assert_array_equal(result, photo)
    assert edit_box(np.zeros((5, 5))) is None


@pytest.mark.parametrize("scale", [0.25, 0.7, 1.0, 2.5])
def test_flat_colours_stay_flat(scale: float) -> None:
    canvas = np.full((64, 48, 3), 0.4, np.float32)
    result = spread(canvas, Placement(0, 0, scale, 64, 48), (0, 0, int(48 / scale), int(64 / scale)))
    np.testing.assert_allclose(result, 0.4, atol=1e-4)


@pytest.mark.parametrize(
    ("photo", "rgb", "alpha", "mask"),
    [
        (np.zeros((90, 90, 3)), (64, 48, 3), (64, 48), (90, 90)),
        (np.zeros((90, 90, 4), np.uint8), (64, 48, 3), (64, 48), (90, 90)),
        (np.zeros((90, 90, 3), np.uint8), (48, 64, 3), (64, 48), (90, 90)),
        (np.zeros((90, 90, 3), np.uint8), (64, 48, 3), (64, 48, 1), (90, 90)),
        (np.zeros((90, 90, 3), np.uint8), (64, 48, 3), (64, 48), (64, 48)),
    ],
)
def test_wrong_shapes_are_named(photo: np.ndarray, rgb: tuple, alpha: tuple, mask: tuple) -> None:
    with pytest.raises(ValueError, match="must"):
        compose(photo, np.zeros(rgb), np.zeros(alpha), Placement(0, 0, 1, 64, 48), np.zeros(mask))


def test_painted_surfaces_are_as_calm_as_what_lies_beside_them():
    chance = np.random.default_rng(0)
    photo = np.full((240, 320, 3), 128, np.uint8)
    photo[:, 50:] = np.clip(128 + chance.normal(0, 6, (240, 270, 1)), 0, 255)  # smooth left, rough right
    mask = np.zeros((240, 320), np.float32)
    mask[60:180, 30:220] = 1
    noise = grain(photo, mask)
    assert noise.shape == (240, 320) and np.array_equal(noise, grain(photo, mask))
    smooth, rough = noise[80:160, 32:42].std(), noise[80:160, 195:215].std()
    assert smooth < 0.35 * rough and 0.5 < rough < 8

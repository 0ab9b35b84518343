"""White cloth in a dim photo."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.preprocess.exposure import MOST, exposed, gain_of


def photo(cloth: tuple[int, int, int], floor: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A square garment on a floor, and its matte."""
    image = np.full((300, 400, 3), floor, np.uint8)
    mask = np.zeros((300, 400), np.float32)
    mask[60:240, 100:300] = 1
    image[mask > 0] = cloth
    return image, mask


def test_white_cloth_on_a_dim_floor_becomes_white() -> None:
    image, mask = photo((178, 175, 179), (125, 108, 86))
    out = exposed(image, mask)
    assert 1.1 < gain_of(image, mask) <= MOST
    assert out[150, 200].mean() > 195 and out.dtype == np.uint8 and image[150, 200].tolist() == [178, 175, 179]


@pytest.mark.parametrize(
    ("cloth", "floor"),
    [
        ((178, 175, 179), (235, 235, 235)),  # grey on a white sheet
        ((120, 120, 120), (60, 40, 30)),  # grey on a dark floor
        ((200, 150, 150), (125, 108, 86)),  # pink
        ((238, 238, 238), (125, 108, 86)),  # white already
    ],
)
def test_other_cloth_stays_as_it_is(cloth: tuple[int, int, int], floor: tuple[int, int, int]) -> None:
    image, mask = photo(cloth, floor)
    assert exposed(image, mask) is image


def test_without_surroundings_nothing_is_known() -> None:
    image, _ = photo((178, 175, 179), (125, 108, 86))
    assert gain_of(image, np.ones(image.shape[:2], np.float32)) == 1.0
    assert gain_of(image[:4, :4], np.ones((4, 4), np.float32)) == 1.0


def test_folds_in_the_light_do_not_burn_out() -> None:
    image, mask = photo((182, 180, 182), (125, 108, 86))
    image[60:240:12, 100:300] = (214, 212, 214)
    image[66:240:12, 100:300] = (222, 220, 222)
    out = exposed(image, mask)
    assert out is not image and 255 > out[66, 200, 0] > out[60, 200, 0] > out[153, 250, 0]

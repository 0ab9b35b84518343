"""Colours, patterns and flags of drawn cloth."""

import cv2
import numpy as np
import pytest
from drawn_garments import t_shirt
from tryon.train.attributes import COLOUR_NAMES, colour_name, colours, flags, pattern


def _cloth(kind, size=300, seed=0):
    """A square of cloth with folds and noise on a grey table, and its mask."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    base = np.full((size, size, 3), (40, 80, 180), np.float32)
    other = np.array((235, 225, 215), np.float32)
    if kind == "striped":
        base = np.where((np.sin((x * 0.3 + y) / 5) > 0)[..., None], base, other)
    elif kind == "checked":
        base = np.where((np.sin(x / 6) > 0.3)[..., None], base, base * 0.5 + other * 0.5)
        base = np.where((np.sin(y / 6) > 0.3)[..., None], base, base * 0.6 + other * 0.4)
    elif kind == "printed":
        for _ in range(60):
            centre = tuple(int(v) for v in random.integers(20, size - 20, 2))
            cv2.circle(
                base, centre, int(random.integers(4, 16)), tuple(float(v) for v in random.integers(0, 256, 3)), -1
            )
    light = 1 + 0.15 * np.sin(x / 40 + y / 90)
    image = base * light[..., None] + random.normal(0, 3, base.shape)
    mask = np.zeros((size, size), bool)
    mask[20:-20, 30:-30] = True
    image[~mask] = 160
    return np.clip(image, 0, 255).astype(np.uint8), mask


@pytest.mark.parametrize("scale", [0.6, 2.0])
@pytest.mark.parametrize("kind", ["plain", "striped", "checked", "printed"])
def test_patterns(kind, scale):
    image, mask = _cloth(kind)
    size = (round(300 * scale),) * 2
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    assert pattern(image, cv2.resize(mask.astype(np.uint8), size) > 0) == kind


def test_main_colours_come_first_and_add_up():
    image, mask = _cloth("plain")
    image[20:100][:, 30:-30] = (235, 205, 65)
    found = colours(image, mask)
    assert [entry["name"] for entry in found[:2]] == ["blue", "yellow"]
    assert sum(entry["share"] for entry in found) == pytest.approx(1, abs=0.01)
    assert found[1]["share"] == pytest.approx(80 / 260, abs=0.03)
    assert colours(image, mask) == found  # the same every time
    image, mask = t_shirt(colour=(200, 30, 40))
    assert colours(image, mask > 0.5)[0]["name"] == "red"


def test_names_are_their_own_nearest():
    assert all(colour_name(rgb) == name for name, rgb in COLOUR_NAMES.items())


def test_flags():
    image, mask = _cloth("striped")
    assert flags(image, mask) == []
    assert flags(cv2.GaussianBlur(image, (0, 0), 12), mask) == ["blurred"]
    assert "dark" in flags((image * 0.12).astype(np.uint8), mask)
    assert "overexposed" in flags((image * 0.05 + 242).astype(np.uint8), mask)


def test_empty_masks_have_nothing():
    image = np.zeros((20, 20, 3), np.uint8)
    empty = np.zeros((20, 20), bool)
    assert (colours(image, empty), pattern(image, empty), flags(image, empty)) == ([], "plain", [])

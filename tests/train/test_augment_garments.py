"""Surfaces that garments are shown on in training."""

import cv2
import numpy as np
import pytest
from tryon.train import augment_garments as aug

from tryon.preprocess.landmarks import VIEW


def _scene():
    """A red garment with a blue band on a rough grey surface."""
    matte = np.zeros((VIEW, VIEW), np.uint8)
    cv2.rectangle(matte, (60, 60), (160, 160), 255, -1)
    view = np.full((VIEW, VIEW, 3), (190, 40, 40), np.uint8)
    view[90:110] = (40, 40, 190)
    surface = np.random.default_rng(0).integers(100, 130, (VIEW, VIEW, 3)).astype(np.uint8)
    return surface, view, matte


def _distance(colour, other):
    pair = np.array([[colour, other]], np.float32) / 255
    a, b = cv2.cvtColor(pair, cv2.COLOR_RGB2LAB)[0]
    return float(np.linalg.norm(a - b))


def test_camouflage_takes_the_colours_of_the_garment():
    surface, view, matte = _scene()
    before = surface.copy()
    near = []
    for seed in range(20):
        hidden = aug.camouflage(surface, view, matte, np.random.default_rng(seed))
        assert hidden.shape == surface.shape and hidden.dtype == np.uint8
        assert hidden[matte == 0].std() > 1  # the surface keeps a texture
        mean = hidden[matte == 0].mean(0)
        near.append(min(_distance(mean, c) for c in (view[70, 70], view[100, 70], view[matte > 0].mean(0))))
    assert np.median(near) < 25 < _distance(surface.mean((0, 1)), view[70, 70])
    assert (surface == before).all()


@pytest.mark.parametrize("value", [0, 255])
def test_camouflage_without_garment_or_surface_changes_nothing(value):
    surface, view, matte = _scene()
    matte[:] = value
    assert (aug.camouflage(surface, view, matte, np.random.default_rng(0)) == surface).all()


def test_backgrounds_are_pictures_and_some_are_quilted(monkeypatch):
    quilts = []
    real = aug._quilt
    monkeypatch.setattr(aug, "_quilt", lambda *a: quilts.append(real(*a)) or quilts[-1])
    for seed in range(40):
        assert aug.background(np.random.default_rng(seed), []).shape == (VIEW, VIEW, 3)
    assert quilts and all(np.isfinite(q).all() and 1 < q.std() < 60 for q in quilts)


def test_bleaching_whitens_the_cloth_and_keeps_dark_prints_and_the_surface():
    surface, view, matte = _scene()
    view[~(matte > 0)] = surface[~(matte > 0)]
    view[120:124, 100:104] = (10, 10, 10)
    white = aug.bleach(view, matte, np.random.default_rng(0))
    assert (white[matte == 0] == view[matte == 0]).all()
    assert white[70, 70].min() > 150 and np.ptp(white[70, 70].astype(int)) < 40 < np.ptp(view[70, 70].astype(int))
    assert white[122, 102].max() < 60
    assert (aug.bleach(view, np.zeros_like(matte), np.random.default_rng(0)) == view).all()


def test_absent_points_stay_absent_in_a_view():
    warp = aug.Warp(np.array([10.0, 10.0, 90.0, 90.0]), np.random.default_rng(0))
    moved = warp.points(np.array([[20.0, 30.0], [np.nan, np.nan], [60.0, 50.0]], np.float32))
    assert np.isnan(moved[1]).all() and np.isfinite(moved[[0, 2]]).all()

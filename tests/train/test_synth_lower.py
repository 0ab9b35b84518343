"""Samples of lower garments: what the network sees, and what is true."""

from __future__ import annotations

import numpy as np
import pytest
from tryon.train import render, synth_lower

from tests import drawn_lower, drawn_person
from tryon.errors import HipsOutOfFrame
from tryon.labels import Label
from tryon.preprocess import lower_body
from tryon.preprocess.body import body_from_pose


@pytest.mark.parametrize("seed", range(3))
def test_worn_samples_are_true_everywhere_and_show_the_own_garment(seed):
    sample = synth_lower.worn_sample(drawn_person.person(), np.random.default_rng(seed))
    assert sample is not None and sample.kind == "worn"
    assert sample.inputs.shape == (21, 512, 384) and sample.target.shape == (3, 512, 384)
    assert np.isfinite(sample.inputs).all() and sample.valid.min() == 1
    assert sample.garment_true.mean() > 0.03
    edit, warp = sample.inputs[3], sample.inputs[7]
    assert (edit[warp > 0.5] > 0.3).all()
    kept = edit == 0  # what may not change is the photo's own
    assert np.abs(sample.inputs[0:3, kept] - sample.target[:, kept]).max() < 0.02


def test_the_simulated_garment_only_grows_and_leaves_hands_top_and_shoes():
    person = drawn_person.person()
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    lower = lower_body.measure(person.parse, body, drawn_person.world())
    grown = 0
    for seed in range(8):
        old = synth_lower.simulate_old(person.parse, body, lower, np.random.default_rng(seed))
        assert ((old == Label.LOWER) | (old == person.parse)).all()
        assert (old[person.parse == Label.TOP] == Label.TOP).all()
        grown += int((old != person.parse).sum() > 500)
    assert grown >= 6


def test_transplants_are_invalid_where_the_worn_garment_hid_something():
    rng = np.random.default_rng(1)
    person, garment = drawn_person.person(), drawn_lower.flat_trousers("short")
    sample = synth_lower.transplant_sample(person, garment, rng)
    assert sample is not None and sample.kind == "transplant"
    assert 0.02 < (sample.valid == 0).mean() < 0.6
    assert (sample.valid[sample.inputs[7] > 0.95] == 1).all()


def test_people_without_hips_are_left_out(tmp_path):
    half = drawn_lower.cropped(drawn_person.person(), 300)
    with pytest.raises(HipsOutOfFrame):
        synth_lower.worn_sample(half, np.random.default_rng(0))

    def draw(rng):
        raise HipsOutOfFrame("no hips")

    with pytest.raises(ValueError, match="hundred"):  # they count as draws that gave nothing
        render.write_samples(draw, tmp_path, 1, 60.0, 0)


def test_render_takes_lower_garments(tmp_path):
    class One:
        def draw(self, rng):
            return drawn_person.person()

    count = render.render(One(), [drawn_lower.flat_skirt()], tmp_path, 2, 60.0, 0)  # type: ignore[arg-type]
    assert count == 2

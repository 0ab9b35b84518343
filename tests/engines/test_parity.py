"""The shipped generator: ONNX Runtime and torch agree, batches equal singles, runs repeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import drawn_person
from tryon import weights
from tryon.engines import make_engine
from tryon.engines.base import SLIVER, TONE, from_network
from tryon.inputs import build_inputs
from tryon.labels import Label
from tryon.preprocess.worn import as_worn

SLEEVES = ("none", "short", "long")


@pytest.fixture(scope="module")
def inputs():
    return [build_inputs(drawn_person.person(), as_worn(drawn_person.flat_top(s))) for s in SLEEVES]


@pytest.fixture(scope="module")
def onnx():
    return make_engine("onnx", 2)


def test_torch_and_onnx_agree(inputs, onnx):
    pytest.importorskip("torch")
    torch = make_engine("torch", 2)
    for x in inputs:
        a, b = onnx.render(x), torch.render(x)
        assert np.abs(a.rgb - b.rgb).max() / 127.5 <= 1e-3
        assert np.abs(a.alpha - b.alpha).max() <= 1e-3
        assert np.abs(a.gain - b.gain).max() <= 1e-3


def test_layers_are_in_range(inputs, onnx):
    for x in inputs:
        render = onnx.render(x)
        assert render.rgb.shape == (512, 384, 3) and render.rgb.min() >= 0 and render.rgb.max() <= 255
        assert render.alpha.shape == render.gain.shape == (512, 384)
        assert render.alpha.min() >= 0 and render.alpha.max() <= 1
        assert render.gain.min() > 0.4 and render.gain.max() < 2.1
        assert (render.alpha[x.coverage == 0] == 0).all()


def test_a_batch_equals_singles(inputs):
    session = weights.session("generator", 2)
    batch = np.stack([x.network() for x in inputs])
    together = session.run(None, {"inputs": batch})
    for i in range(len(batch)):
        alone = session.run(None, {"inputs": batch[i : i + 1]})
        for a, b in zip(together, alone, strict=True):
            assert np.abs(a[i] - b[0]).max() <= 1e-4


def test_runs_repeat_bit_for_bit(inputs, onnx):
    first, second = onnx.render(inputs[1]), onnx.render(inputs[1])
    assert np.array_equal(first.rgb, second.rgb) and np.array_equal(first.alpha, second.alpha)


def test_all_weights_fit_the_wheel():
    total = sum(entry["bytes"] for entry in weights.manifest().values())
    assert total < 60e6
    for name in ("parser", "garment", "generator", "generator_torch"):
        assert weights.path(name).stat().st_size == weights.info(name)["bytes"]


def test_a_confined_generator_changes_only_drawn_skin_and_light(inputs, onnx):
    changed = 0
    for x in inputs:
        render, skin = onnx.render(x), x.agnostic.skin > 0
        assert np.array_equal(render.rgb[~skin], np.clip(x.agnostic.plate, 0, 255)[~skin])
        assert np.array_equal(render.alpha, x.coverage)
        changed += int((np.abs(render.rgb - x.agnostic.plate)[skin] > 1).sum())
    assert changed > 0  # bare arms are drawn in at least one of them


def test_other_generators_keep_their_whole_picture(inputs):
    rgb, alpha = np.zeros((1, 3, 512, 384), np.float32), np.full((1, 1, 512, 384), 0.25, np.float32)
    free = from_network(rgb, alpha, alpha + 1)
    assert (free.rgb == 127.5).all() and (free.alpha == 0.25).all()
    held = from_network(rgb, alpha, alpha + 1, inputs[0])
    assert not np.array_equal(held.alpha, free.alpha) and (held.gain == 1.25).all()


def test_drawn_arms_have_the_plates_tone_and_the_networks_roundness(inputs):
    """A small network draws all skin towards the usual one."""
    x = inputs[0]
    skin, coverage = np.zeros((512, 384), np.float32), np.zeros((512, 384), np.float32)
    skin[150:350, 80:120] = 1
    layout = np.full((512, 384), int(Label.ARMS), np.uint8)
    agnostic = replace(x.agnostic, skin=skin, layout=layout, plate=np.full((512, 384, 3), 90, np.float32))
    across = np.broadcast_to(np.cos((np.arange(384) - 100) / 40 * np.pi), (512, 384))  # light in the middle of the arm
    rgb = np.broadcast_to((150 + 20 * across) / 127.5 - 1, (1, 3, 512, 384)).astype(np.float32)
    alpha = np.zeros((1, 1, 512, 384), np.float32)
    made = from_network(rgb, alpha, alpha + 1, replace(x, agnostic=agnostic, coverage=coverage)).rgb[230:270, 84:116, 0]
    drawn = (150 + 20 * across)[230:270, 84:116]
    assert abs(made.mean() - (90 + (1 - TONE) * (drawn.mean() - 90))) < 4
    assert np.corrcoef(made.ravel(), drawn.ravel())[0, 1] > 0.99
    assert np.ptp(made[20]) > 0.85 * np.ptp(drawn[20])
    neck = replace(agnostic, layout=np.full_like(layout, int(Label.FACE)))
    made = from_network(rgb, alpha, alpha + 1, replace(x, agnostic=neck, coverage=coverage)).rgb
    assert abs(made[230:270, 84:116, 0].mean() - drawn.mean()) < 1, "of a neck the network's own tone is taken"


def test_drawn_hands_are_the_plates(inputs):
    """The network smudges them."""
    x = inputs[0]
    body = replace(x.body, wrists=np.array([[100, 300], [300, 300]], np.float32),
                   hands=np.array([[100, 330], [300, 330]], np.float32), breadth=120.0)  # fmt: skip
    skin, layout = np.zeros((512, 384), np.float32), np.full((512, 384), int(Label.ARMS), np.uint8)
    skin[150:350, 80:120] = 1
    plate = np.full((512, 384, 3), 90, np.float32)
    agnostic = replace(x.agnostic, skin=skin, layout=layout, plate=plate)
    rgb, alpha = np.zeros((1, 3, 512, 384), np.float32), np.zeros((1, 1, 512, 384), np.float32)
    seen = replace(x, agnostic=agnostic, coverage=alpha[0, 0], body=body)
    made = from_network(rgb, alpha, alpha + 1, seen).rgb[..., 0]
    assert np.abs(made[325:338, 95:105] - 90).max() < 2 and made[180:260, 95:105].min() > 105


def test_a_wrist_below_a_sleeve_keeps_the_plates_skin(inputs):
    x = inputs[0]
    skin, coverage = np.zeros((512, 384), np.float32), np.zeros((512, 384), np.float32)
    layout = np.full((512, 384), int(Label.ARMS), np.uint8)
    side = round(0.5 * SLIVER * x.body.breadth)
    skin[50 : 50 + side, 50 : 50 + side] = 1  # a wrist
    skin[200:300, 100:200] = 1  # an arm
    agnostic = replace(x.agnostic, skin=skin, layout=layout, plate=np.full((512, 384, 3), 90, np.float32))
    rgb, alpha = np.zeros((1, 3, 512, 384), np.float32), np.zeros((1, 1, 512, 384), np.float32)
    made = from_network(rgb, alpha, alpha + 1, replace(x, agnostic=agnostic, coverage=coverage)).rgb
    assert (made[40:80, 40:80] == 90).all() and made[220:280, 120:180].min() > 91
    neck = replace(agnostic, layout=np.full_like(layout, int(Label.FACE)))
    made = from_network(rgb, alpha, alpha + 1, replace(x, agnostic=neck, coverage=coverage)).rgb
    assert made[50 + side // 2, 50 + side // 2, 0] > 100, "of the neck little shows above a collar"

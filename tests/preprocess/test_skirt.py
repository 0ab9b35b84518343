"""Dresses: one mesh from the shoulders to the hem, its length and breadth, and what is taken out of the photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import drawn_person
from tryon.inputs import build_inputs, edit_window
from tryon.labels import Label
from tryon.preprocess import agnostic_dress, lower_body, skirt
from tryon.preprocess.body import body_from_pose, leg_mask
from tryon.preprocess.worn import as_worn

SIZE = (600, 400)


def _fitted(dress):
    person = drawn_person.person()
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    lower = lower_body.measure(person.parse, body, drawn_person.world())
    marks = skirt.landmarks_of(dress)
    fit = skirt.fit(dress, marks, body, lower)
    return body, lower, marks, fit, skirt.warp(dress, marks, fit, body, lower, SIZE)


@pytest.mark.parametrize("sleeve", ["none", "short", "long"])
def test_landmarks_land_on_their_targets(sleeve):
    body, _, marks, fit, parts = _fitted(drawn_person.flat_dress(sleeve))
    torso = next(p for p in parts if p.name == "torso")
    for name in ("neck_left", "neck_right", "armpit_left", "armpit_right", "hem_left", "hem_right"):
        x, y = np.round(fit.points[name] - 0.5).astype(int)
        near = torso.grid[y - 3 : y + 4, x - 3 : x + 4][torso.covered[y - 3 : y + 4, x - 3 : x + 4]]
        assert len(near), name
        assert np.linalg.norm(near - marks[name], axis=1).min() * fit.scale < 0.06 * body.breadth, name


def test_one_mesh_has_no_jump_at_the_waist():
    body, _, _, fit, parts = _fitted(drawn_person.flat_dress())
    torso = next(p for p in parts if p.name == "torso")
    x = round(float(body.neck[0]))
    rows = np.arange(round(float(body.at(0.1)[1])), round(float(body.at(fit.hem - 0.05)[1])))
    assert torso.covered[rows, x].all()
    steps = np.diff(torso.grid[rows, x, 1])
    assert (steps > 0).all() and steps.max() < 2.5 * np.median(steps)


@pytest.mark.parametrize(("hem", "low", "high"), [(260, 1.2, 1.75), (300, 1.7, 2.1), (560, 2.2, 2.8)])
def test_longer_dresses_end_lower_and_never_below_the_ankles(hem, low, high):
    body, _, _, fit, _ = _fitted(drawn_person.flat_dress(hem=hem))
    assert low < fit.hem < high
    assert fit.hem <= float(body.along(body.ankles).max()) + 0.03


@pytest.mark.parametrize("flare", [0.8, 1.0, 1.8])
def test_a_skirt_covers_hips_and_legs_whatever_its_flare(flare):
    dress = drawn_person.flat_dress(hem=390, flare=flare)
    body, _, _, fit, parts = _fitted(dress)
    torso = next(p for p in parts if p.name == "torso")
    legs = np.maximum(leg_mask(body, 0, SIZE), leg_mask(body, 1, SIZE)) > 0.5
    rows = slice(round(float(body.at(1.15)[1])), round(float(body.at(fit.hem - 0.1)[1])))
    x, y = np.moveaxis(torso.grid[rows], -1, 0)
    cloth = dress.mask[np.clip(y, 0, dress.mask.shape[0] - 1).astype(int), np.clip(x, 0, 419).astype(int)] > 0.5
    shown = cloth & torso.covered[rows]
    assert shown[legs[rows]].mean() > 0.97
    width = shown.sum(1)
    assert width[-1] > (1.15 if flare > 1.5 else 0.6) * width[0]


def test_a_seam_above_the_hem_is_not_taken_for_it():
    dress = drawn_person.flat_dress(hem=520)
    marks = {k: (p[0], p[1] - 150) if p and k.startswith("hem") else p for k, p in dress.landmarks.items()}
    found = skirt.landmarks_of(replace(dress, landmarks=marks))
    for side in ("left", "right"):
        assert np.linalg.norm(found[f"hem_{side}"] - dress.landmarks[f"hem_{side}"]) < 20


def test_the_window_holds_head_feet_and_a_long_coat():
    person = drawn_person.person()
    window = edit_window(person.pose, person.parse, category="dress")
    x0, y0, x1, y1 = window.box
    assert y0 < 60 and y1 > 545 and x0 < 125 and x1 > 275
    assert y1 < 640


def test_all_old_clothes_go_and_legs_come_forward():
    person = drawn_person.person()
    x = build_inputs(person, as_worn(drawn_person.flat_dress(hem=330)))
    old = np.isin(x.parse, [int(Label.TOP), int(Label.LOWER)])
    gone = (x.agnostic.edit > 0.4) | (x.agnostic.keep > 0.5)
    assert gone[old].mean() > 0.99
    below = (x.agnostic.layout == int(Label.LEGS)) & (x.coverage < 0.05) & (x.agnostic.edit > 0.9)
    assert below.sum() > 500
    tone = x.agnostic.plate[below].mean(0)
    assert tone[0] > tone[1] > tone[2] and tone[0] > 150  # skin, not the green of the trousers


def test_trousers_in_front_of_a_leg_and_a_hem_taken_for_the_feet():
    parse = drawn_person.person().parse.copy()
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    parse[450:470][parse[450:470] == int(Label.LOWER)] = int(Label.LEGS)
    assert not (agnostic_dress.repair_legs(parse) == int(Label.LEGS)).any()
    bare = parse.copy()
    bare[450:][bare[450:] == int(Label.LOWER)] = int(Label.LEGS)
    assert (agnostic_dress.repair_legs(bare) == int(Label.LEGS)).sum() == (bare == int(Label.LEGS)).sum()
    assert agnostic_dress.lengthened(body, bare) is body
    lifted = replace(body, ankles=body.hips + (body.ankles - body.hips) * 0.5)
    assert agnostic_dress.lengthened(lifted, bare).ankles[0, 1] == pytest.approx(body.ankles[0, 1], abs=30)
    assert agnostic_dress.feet_hidden(parse, replace(body, ankles=body.ankles - [0, 25]))
    assert not agnostic_dress.feet_hidden(bare, body)

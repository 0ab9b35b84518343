"""Filled holes and painted skin."""

from __future__ import annotations

import numpy as np

from tests import drawn_person
from tryon.preprocess import fill
from tryon.preprocess.arms import arm_stations
from tryon.preprocess.body import body_from_pose, leg_mask, leg_stations
from tryon.preprocess.fill import chest_relief, limb_colour, mottle, shade_arm, skin_colour

SIZE = (600, 400)
SKIN = np.array([200, 160, 140], np.float32)


def _body():
    return body_from_pose(drawn_person.keypoints(), drawn_person.world())


def test_a_leg_runs_from_the_hip_over_the_knee_to_the_ankle():
    body = _body()
    for side in (0, 1):
        points, radius = leg_stations(body, side, n=41)
        assert np.linalg.norm(points[-1] - body.ankles[side]) < 1e-3
        assert np.linalg.norm(points - body.knees[side], axis=1).min() < 0.05 * body.breadth
        assert radius[0] > 1.5 * radius[20] > 2 * radius[-1]


def test_a_leg_is_round_skin_and_darker_on_the_inner_side():
    body = _body()
    for side, inward in ((0, 1), (1, -1)):
        leg = fill.shade_leg(body, side, SIZE, SKIN)
        points, radius = leg_stations(body, side, 0.5, 1.6, 12)
        for (x, y), r in zip(points, radius, strict=True):
            row = leg[int(y)].sum(-1)
            middle, inner, outer = (row[int(x + 0.85 * r * q)] for q in (0, inward, -inward))
            assert middle > outer > inner
        inside = leg[leg_mask(body, side, SIZE) > 0.9]
        assert np.abs(inside.mean(0) - SKIN).max() < 25
        assert inside.std() > 4


def test_legs_take_the_colour_that_is_seen_on_them_else_that_of_arms_and_face():
    image = np.zeros((60, 60, 3), np.uint8)
    image[:20], image[20:40], image[40:] = (210, 170, 150), (205, 160, 140), (60, 50, 50)
    rows = np.arange(60)[:, None] * np.ones((1, 60))
    face, arms, legs = rows < 20, (rows >= 20) & (rows < 40), rows >= 40
    assert np.abs(fill.leg_colour(image, legs, arms, face) - (60, 50, 50)).max() < 1
    seen = fill.leg_colour(image, legs & False, arms, face)
    assert np.abs(seen - (207, 164, 144)).max() < 4


def _patches(arm: tuple[int, int, int], face: tuple[int, int, int], cheek: tuple[int, int, int] | None = None):
    image = np.zeros((60, 60, 3), np.uint8)
    arms, head, cheeks = (np.zeros((60, 60), bool) for _ in range(3))
    arms[:, 40:], head[:30, :30], cheeks[10:20, 10:20] = True, True, True
    image[arms], image[head] = arm, face
    if cheek is not None:
        image[cheeks] = cheek
    return image, arms, head, cheeks


def test_arms_in_another_light_count_for_new_arms_and_other_hues_do_not():
    lit, shade = (235, 190, 160), (140, 105, 85)
    image, arms, head, _ = _patches(lit, shade)
    assert np.abs(skin_colour(image, arms, head) - (0.7 * np.array(lit) + 0.3 * np.array(shade))).max() < 3
    image, arms, head, _ = _patches((40, 90, 200), shade)  # gloves
    assert np.abs(skin_colour(image, arms, head) - shade).max() < 3
    image, arms, head, _ = _patches((250, 248, 246), shade)  # white cuffs
    assert np.abs(skin_colour(image, arms, head) - shade).max() < 3


def test_what_is_far_more_colourful_than_the_face_is_no_skin():
    """A part of a red skirt was taken for the arms."""
    red, face = (190, 70, 55), (124, 89, 79)
    image, arms, head, _ = _patches(red, face)
    assert np.abs(skin_colour(image, arms, head) - face).max() < 3
    assert np.abs(limb_colour(image, arms, np.array(face, np.float32)) - face).max() < 3
    tanned = (150, 98, 78)
    image, arms, head, _ = _patches(tanned, face)
    assert (
        np.abs(
            limb_colour(image, arms, np.array(face, np.float32)) - (0.7 * np.array(tanned) + 0.3 * np.array(face))
        ).max()
        < 4
    )


def test_a_grey_face_is_a_scarf_and_the_cheeks_decide():
    image, arms, head, cheeks = _patches((0, 0, 0), (120, 118, 121), (90, 62, 50))
    none = arms & False
    assert np.abs(skin_colour(image, none, head, cheeks) - (90, 62, 50)).max() < 3
    image, arms, head, cheeks = _patches((0, 0, 0), (205, 160, 135), (90, 62, 50))
    assert np.abs(skin_colour(image, none, head, cheeks) - (205, 160, 135)).max() < 3


def test_the_tone_of_skin_is_a_little_uneven_and_always_the_same():
    tone = mottle((120, 90), 60.0)
    assert tone.shape == (120, 90) and tone.dtype == np.float32
    assert 0.005 < tone.std() < 0.05 and abs(float(tone.mean()) - 1) < 0.02
    assert np.array_equal(tone, mottle((120, 90), 60.0))


def test_a_bare_arm_is_round_and_darker_towards_the_trunk():
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    colour = np.array([200, 160, 140], np.float32)
    for side in (0, 1):
        arm = shade_arm(body, side, (600, 400), colour)[..., 0]
        points, radius = arm_stations(body, side, 0.5, 0.6, 2)
        middle, r, out = points[0], float(radius[0]), (1 if side else -1) * body.across
        axis, outer, inner = (
            float(np.mean(arm[y - 2 : y + 3, x - 1 : x + 2]))
            for x, y in (np.round(middle + k * r * out).astype(int) for k in (0, 0.85, -0.85))
        )
        assert axis > outer + 8 and axis > inner + 8 and outer > inner
        assert abs(axis - 205) < 15


def test_a_bare_chest_has_collarbones_and_a_shadow_under_the_chin():
    body = body_from_pose(drawn_person.keypoints(), drawn_person.world())
    relief = chest_relief(body, (600, 400))
    assert relief.min() > 0.7 and relief.max() < 1.15
    half = body.breadth / 2
    column = []
    for v in np.linspace(-0.12, 0.2, 17):
        beside = (body.across * u + body.down * v for u in (-0.45, -0.35, 0.35, 0.45))
        spots = [np.round(body.neck + step * half).astype(int) for step in beside]
        column.append(float(np.mean([relief[y - 1 : y + 2, x - 3 : x + 4] for x, y in spots])))
    assert max(column) - min(column) > 0.04, "a ridge with a shadow below it"
    assert int(np.argmax(column)) < int(np.argmin(column))


def test_dark_tights_are_no_shaded_skin():
    image = np.full((60, 60, 3), (205, 170, 150), np.uint8)
    legs, face = np.zeros((60, 60), bool), np.zeros((60, 60), bool)
    legs[30:], face[:20] = True, True
    for colour, bare in (((30, 28, 28), False), ((150, 122, 106), True)):
        image[30:] = colour
        found = fill.leg_colour(image, legs, legs & False, face)
        assert (np.abs(found - colour).max() < 3) is not bare

"""Another cloth: it runs along the parts, under the garment's light, without the old print."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_garments import garment

from tryon.display import Material, apply_material, make_material
from tryon.display.coordinates import parts_of
from tryon.display.fabrics import FABRICS, reduced, seamless
from tryon.display.oklab import to_oklab
from tryon.errors import UsageError
from tryon.types import LANDMARKS, LOWER_LANDMARKS, Garment


def striped(period: int = 16) -> Material:
    """Rows of black and white, seamless."""
    rows = np.where(np.arange(64) % period < period // 2, 30, 225).astype(np.uint8)
    return Material("rows", np.repeat(rows[:, None, None], 64, 1).repeat(3, 2), 0.5)


def trousers() -> Garment:
    """Two legs that spread, drawn on 200 x 300."""
    points = {
        "waist_left": (60, 20), "waist_right": (140, 20), "hip_left": (52, 95), "hip_right": (148, 95),
        "crotch": (100, 100), "knee_left": (32, 185), "knee_right": (168, 185), "hem_out_left": (10, 280),
        "hem_in_left": (50, 284), "hem_out_right": (190, 280), "hem_in_right": (150, 284),
    }  # fmt: skip
    outline = ["waist_left", "waist_right", "hip_right", "hem_out_right", "hem_in_right", "crotch", "hem_in_left",
               "hem_out_left", "hip_left"]  # fmt: skip
    mask = np.zeros((300, 200), np.uint8)
    cv2.fillPoly(mask, [np.array([points[n] for n in outline], np.int32)], 1)
    image = np.where(mask[..., None] > 0, np.uint8(120), np.uint8(230)).repeat(3, 2)
    marks = {n: points.get(n) for n in LOWER_LANDMARKS}
    return Garment(image, mask.astype(np.float32), "lower", None, marks, {}, 1.0, length="long")


def direction(image: np.ndarray, box: tuple[slice, slice]) -> float:
    """Degrees of the stripes in a picture's part: 0 level, positive falling to the right."""
    light = cv2.GaussianBlur(to_oklab(image)[..., 0], (0, 0), 1.5)
    dy, dx = np.gradient(light)
    dy, dx = dy[box], dx[box]
    return float(np.degrees(0.5 * np.arctan2(2 * (dx * dy).sum(), (dy**2 - dx**2).sum())) * -1)


def test_stripes_lie_level_on_the_torso_and_across_the_sleeve() -> None:
    made = apply_material(garment(), striped()).image
    assert abs(direction(made, (slice(150, 270), slice(95, 205)))) < 2
    # the left sleeve falls to the lower left: its stripes run from upper left to lower right
    sleeve = direction(made, (slice(85, 125), slice(42, 66)))
    assert 25 < sleeve < 65
    assert -65 < direction(made, (slice(85, 125), slice(234, 258))) < -25


def test_stripes_follow_each_leg() -> None:
    made = apply_material(trousers(), striped()).image
    left, right = (direction(made, (slice(200, 260), cols)) for cols in (slice(28, 44), slice(156, 172)))
    assert 5 < left < 25 and -25 < right < -5


def test_the_repeat_is_a_share_of_the_breadth() -> None:
    what = garment()
    for repeat in (0.3, 0.6):
        column = to_oklab(apply_material(what, striped(64), repeat=repeat).image)[130:280, 150, 0]
        light = column > (column.max() + column.min()) / 2
        runs = np.diff(np.flatnonzero(np.diff(light.astype(int)) == 1))
        assert runs.mean() == pytest.approx(repeat * 144, rel=0.08)  # 144 px from armpit to armpit


def test_light_of_the_garment_stays_and_its_print_goes() -> None:
    what = garment()
    image = what.image.copy()
    cv2.rectangle(image, (120, 180), (180, 230), (240, 200, 40), -1)
    plain = Material("plain", np.full((64, 64, 3), (170, 120, 90), np.uint8))
    made, bare = (to_oklab(apply_material(replace(what, image=i), plain).image)[..., 0] for i in (image, what.image))
    folds = [cv2.GaussianBlur(v, (0, 0), 2)[240:280, 90:210].ravel() for v in (to_oklab(image)[..., 0], made)]
    assert np.corrcoef(*folds)[0, 1] > 0.93
    assert np.abs(cv2.GaussianBlur(made - bare, (0, 0), 2)[170:240, 110:190]).max() < 0.08  # the badge was .5 lighter
    collar = to_oklab(what.image)[..., 0][48, 150] < to_oklab(what.image)[..., 0][100, 150]
    assert collar and made[48, 150] < made[100, 150]  # the shade inside the neck


def test_outside_of_the_matte_and_the_argument_nothing_changes() -> None:
    what = garment()
    before = what.image.copy()
    made = apply_material(what, striped())
    assert (what.image == before).all() and (made.image[what.mask == 0] == before[what.mask == 0]).all()
    assert made.landmarks == what.landmarks and (made.image == apply_material(what, striped()).image).all()


def test_a_garment_without_landmarks_is_one_part() -> None:
    what = garment()
    bare = replace(what, landmarks=dict.fromkeys(LANDMARKS))
    assert len(parts_of(bare)) == 1 and len(parts_of(what)) == 3
    made = apply_material(bare, striped()).image
    assert abs(direction(made, (slice(85, 125), slice(42, 66)))) < 3


def test_gloss_makes_highlights_on_folds() -> None:
    what = garment()
    image = what.image.astype(np.float32)
    image[..., :] *= 1 + 0.35 * np.exp(-(((np.arange(300) - 150) / 12) ** 2))[None, :, None]  # one broad fold
    what = replace(what, image=np.clip(image, 0, 255).astype(np.uint8))
    tile = np.full((64, 64, 3), (120, 30, 60), np.uint8)
    rise = []
    for gloss in (0.0, 1.0):
        light = to_oklab(apply_material(what, Material("m", tile, 0.5, gloss)).image)[150:270, :, 0].mean(0)
        rise.append(light[150] - light[[100, 200]].mean())
    assert rise[1] > 1.3 * rise[0] > 0


@pytest.mark.parametrize("name", FABRICS)
def test_drawn_materials_are_seamless(name: str) -> None:
    material = make_material(name)
    tile = material.tile.astype(np.float32)
    for axis in (0, 1):
        inside = np.abs(np.diff(tile, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(tile.take(0, axis) - tile.take(-1, axis)).mean()
        assert seam <= inside.max() * 1.3 + 1
    small = reduced(material.tile, 96)
    assert small.shape == (96, 96, 3)
    assert np.abs(small.reshape(-1, 3).mean(0) - tile.reshape(-1, 3).mean(0)).max() < 3


def test_materials_take_colours() -> None:
    tile = make_material("dots:#ff0000/white").tile.reshape(-1, 3).astype(int)
    assert (np.abs(tile - (255, 0, 0)).max(1) < 30).mean() > 0.5
    assert (np.abs(tile - 255).max(1) < 30).mean() > 0.1
    for wrong in ("velvet", "dots:red/white/blue", "dots:reddish"):
        with pytest.raises(UsageError):
            make_material(wrong)


def test_swatches_become_seamless_and_seamless_ones_stay(rng: np.random.Generator) -> None:
    ramp = np.linspace(40, 200, 100)[None, :, None].repeat(80, 0).repeat(3, 2)
    swatch = np.clip(ramp + rng.normal(0, 3, ramp.shape), 0, 255).astype(np.uint8)
    tile = seamless(swatch).astype(float)
    assert np.abs(tile[:, 0] - tile[:, -1]).mean() < 25 < np.abs(swatch[:, 0].astype(float) - swatch[:, -1]).mean()
    assert seamless(striped().tile).shape == (64, 64, 3)


@pytest.mark.parametrize("repeat", [0.0, -1.0, 9.0, float("nan")])
def test_a_senseless_repeat_is_refused(repeat: float) -> None:
    with pytest.raises(UsageError):
        apply_material(garment(), striped(), repeat=repeat)

"""Classical mattes and the finishing of mattes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_garments import t_shirt

from tryon.preprocess.matte import (
    classical_matte,
    decontaminate,
    largest_part,
    part_sizes,
    refine_matte,
    settle_matte,
    without_bleeding,
)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum())


def test_classical_matte_finds_a_garment_on_a_plain_surface() -> None:
    image, mask = t_shirt()
    found, agreement = classical_matte(image)
    assert found.dtype == np.float32 and found.shape == mask.shape
    assert iou(found, mask) > 0.97
    assert agreement > 0.9


def test_classical_matte_trusts_nothing_on_a_blank_picture() -> None:
    found, agreement = classical_matte(np.full((80, 60, 3), 128, np.uint8))
    assert agreement == 0 and not found.any()


def test_refining_moves_a_coarse_outline_to_the_edge() -> None:
    image, mask = t_shirt(scale=1.5)
    coarse = np.zeros_like(mask)
    coarse[3:, 3:] = mask[:-3, :-3]  # three pixels off
    refined = refine_matte(image, coarse)
    assert iou(refined, mask) > iou(coarse, mask) + 0.01
    assert refined.min() >= 0 and refined.max() <= 1


def test_refining_an_empty_matte_gives_an_empty_matte() -> None:
    image, mask = t_shirt()
    assert not refine_matte(image, np.zeros_like(mask)).any()


def test_refined_matte_follows_the_edge_of_the_photo() -> None:
    image, mask = t_shirt()
    coarse = cv2.erode(mask, np.ones((5, 5)))  # 2 px too small on each side
    refined = refine_matte(image, coarse)
    assert np.abs(refined - mask).sum() < 0.7 * np.abs(coarse - mask).sum()


def test_decontaminate_leaves_no_background_in_the_rim() -> None:
    surface = (240, 30, 200)
    image, mask = t_shirt(surface=surface)
    before = image.copy()
    out = decontaminate(image, mask)
    np.testing.assert_array_equal(image, before)
    rim = (mask > 0.02) & (mask < 0.98)
    distance = np.linalg.norm(out[rim].astype(float) - np.array(surface), axis=1)
    assert distance.min() > 100
    deep = np.zeros_like(rim)
    deep[180:220, 120:180] = True
    np.testing.assert_array_equal(out[deep], image[deep])


def test_decontaminate_survives_empty_and_thin_mattes() -> None:
    image, mask = t_shirt()
    np.testing.assert_array_equal(decontaminate(image, np.zeros_like(mask)), image)
    thin = np.zeros_like(mask)
    thin[100, 50:60] = 1
    np.testing.assert_array_equal(decontaminate(image, thin), image)


@pytest.mark.parametrize("hole", [2, 40])
def test_small_holes_are_filled_and_gaps_kept(hole: int) -> None:
    mask = np.zeros((120, 120), np.float32)
    mask[10:110, 10:110] = 1
    mask[50 : 50 + hole, 50 : 50 + hole] = 0
    mask[0:4, 0:4] = 1
    out = largest_part(mask)
    assert out[1, 1] == 0
    assert (out[51, 51] == 1) == (hole == 2)
    assert part_sizes(mask)[1] == 16


def test_colours_overrule_the_network_only_where_they_tell() -> None:
    """Two patches of dark threads in the garment and around it are no reason to cut."""
    _, mask = t_shirt()
    image = np.random.default_rng(0).integers(200, 240, (*mask.shape, 3), np.uint8)
    image[60:110, 20:60] = image[250:300, 240:290] = image[180:220, 120:180] = (70, 60, 50)
    unsure = cv2.GaussianBlur(mask, (0, 0), 4)
    unsure[60:150, :70] *= 0.8
    assert iou(settle_matte(image, unsure), unsure) > 0.97
    image, mask = t_shirt(colour=(232, 230, 226), surface=(70, 50, 40))
    wrong = unsure.copy()
    wrong[60:150, :60] *= 0.4  # it missed a sleeve
    assert iou(settle_matte(image, wrong), mask) > iou(wrong, mask) + 0.02


def test_the_backgrounds_hue_is_taken_from_the_rim_and_nothing_else_changes():
    image = np.full((200, 240, 3), (176, 34, 40), np.uint8)
    mask = np.zeros((200, 240), np.float32)
    cv2.ellipse(mask, (120, 100), (80, 70), 0, 0, 360, 1.0, -1)
    image[mask > 0] = (150, 150, 146)
    hue = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    coarse = cv2.resize(hue[..., 1:], (80, 67), interpolation=cv2.INTER_AREA)  # as JPEG files keep colours
    hue[..., 1:] = cv2.resize(coarse, (240, 200), interpolation=cv2.INTER_LINEAR)
    coded = cv2.cvtColor(hue, cv2.COLOR_YCrCb2RGB)
    out = without_bleeding(coded, mask)
    cloth = mask > 0.5
    rim = cloth & (cv2.erode(mask, np.ones((7, 7))) < 0.5)

    def redness(picture):
        return float(picture[rim][:, 0].astype(float).mean() - picture[rim][:, 1].astype(float).mean())

    assert redness(coded) > 15 and redness(out) < 0.3 * redness(coded)
    deep = cv2.erode(mask, np.ones((15, 15))) > 0.5
    assert np.array_equal(out[deep], coded[deep]) and np.array_equal(out[~cloth], coded[~cloth])
    grey = np.repeat(coded.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    assert without_bleeding(grey, mask) is grey, "no hue to take away"
    assert without_bleeding(coded, np.zeros_like(mask)) is coded
    large = cv2.resize(mask, None, fx=8, fy=8)
    assert without_bleeding(cv2.resize(coded, None, fx=8, fy=8), large).shape == (1600, 1920, 3)

"""Another colour: the cloth gets it, folds and prints stay."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_garments import t_shirt

from tryon.display import recolour, study
from tryon.display.cloth import base_weight
from tryon.display.oklab import hue, into_gamut, to_oklab, to_srgb
from tryon.display.recolouring import fold_gain

RGB = tuple[int, int, int]
CLOTHS = {
    "navy": (35, 45, 90), "grey": (130, 130, 130), "white": (225, 224, 220), "black": (38, 38, 40),
    "red": (170, 35, 45),
}  # fmt: skip
RED, BLUE, YELLOW, WHITE, BLACK = (192, 48, 48), (20, 70, 160), (235, 190, 30), (250, 250, 250), (15, 15, 15)
PAIRS = [
    ("navy", RED), ("navy", WHITE), ("grey", BLUE), ("white", BLACK), ("white", YELLOW), ("black", WHITE),
    ("black", YELLOW), ("red", WHITE), ("red", BLACK), ("red", BLUE),
]  # fmt: skip
#: The middle of the drawn shirt, without its print.
CHEST = (slice(150, 280), slice(90, 210))
BADGE = (slice(192, 218), slice(132, 168))


def printed(colour: RGB, badge: RGB = (240, 200, 40)) -> tuple[np.ndarray, np.ndarray]:
    """A shirt with folds and a badge."""
    image, mask = t_shirt(colour)
    cv2.rectangle(image, (128, 188), (172, 222), badge, -1)
    return image, mask


def plain(image: np.ndarray) -> np.ndarray:
    """Pixels (N, 3) of the cloth beside the badge."""
    keep = np.ones(image.shape[:2], bool)
    keep[182:228, 122:178] = False
    return image[CHEST][keep[CHEST]]


@pytest.mark.parametrize(("cloth", "target"), PAIRS)
def test_cloth_gets_the_colour_and_keeps_folds_and_badge(cloth: str, target: RGB) -> None:
    image, mask = printed(CLOTHS[cloth])
    made = recolour(image, mask, target)
    wished, new = to_oklab(np.array(target, np.uint8)), to_oklab(plain(made))
    middle = np.median(new, axis=0)
    if np.hypot(*wished[1:]) > 0.03:
        assert abs((hue(middle) - hue(wished) + 180) % 360 - 180) < 3
        assert np.hypot(*middle[1:]) > 0.8 * np.hypot(*wished[1:])
    else:
        assert np.hypot(*middle[1:]) < 0.01
    assert abs(middle[0] - np.clip(wished[0], 0.22, 0.92)) < 0.06
    smooth = [cv2.GaussianBlur(to_oklab(p)[..., 0], (0, 0), 2)[225:280, 90:210].ravel() for p in (image, made)]
    assert np.corrcoef(*smooth)[0, 1] > (0.9 if target == WHITE else 0.95)
    assert np.abs(made[BADGE].astype(int) - image[BADGE]).max() <= 1


def test_outside_of_the_matte_and_the_argument_nothing_changes() -> None:
    image, mask = printed((130, 130, 130))
    before = image.copy(), mask.copy()
    made = recolour(image, mask, (200, 30, 30))
    assert (image == before[0]).all() and (mask == before[1]).all()
    assert (made[mask == 0] == image[mask == 0]).all()
    assert (made == recolour(image, mask, (200, 30, 30))).all()


@pytest.mark.parametrize("badge", [(245, 245, 245), (20, 20, 20), (60, 160, 80)])
def test_prints_in_white_black_and_colour_are_found(badge: RGB) -> None:
    base = (40, 40, 42) if badge[0] > 100 else (190, 190, 188)
    image, mask = printed(base, badge)
    made = recolour(image, mask, (192, 48, 48))
    assert np.abs(made[BADGE].astype(int) - image[BADGE]).max() <= 1
    assert np.median(plain(made)[:, 0].astype(int) - plain(made)[:, 1]) > 90


def test_a_wanted_print_changes_too() -> None:
    image, mask = printed((35, 45, 90))
    made = recolour(image, mask, (192, 48, 48), recolour_print=True)
    inner = to_oklab(made[BADGE]).reshape(-1, 3).mean(0)
    assert abs((hue(inner) - hue(to_oklab(np.array((192, 48, 48), np.uint8))) + 180) % 360 - 180) < 8
    assert inner[0] > np.median(to_oklab(plain(made))[:, 0]) + 0.05  # it still shows


def test_deep_shadow_is_cloth_and_no_print() -> None:
    image, mask = t_shirt((150, 60, 60))
    dark = np.linspace(1, 0.35, image.shape[1])[None, :, None]
    shaded = (image * dark).astype(np.uint8)
    cloth = study(shaded, mask)
    assert cloth.share > 0.95 and not len(cloth.others)


def test_dark_cloth_made_white_shows_folds_without_grain() -> None:
    image, mask = t_shirt((36, 36, 38))
    made = to_oklab(recolour(image, mask, (255, 255, 255)))[..., 0]
    smooth = cv2.GaussianBlur(made, (0, 0), 2)[150:280, 95:205]
    assert 0.015 < smooth.std() < 0.09 and 0.86 < np.median(smooth) < 0.96
    assert (made[150:280, 95:205] - smooth).std() < 0.02
    assert (recolour(image, mask, (255, 255, 255))[150:280, 95:205] == 255).all(-1).mean() < 0.05


def test_mixed_pixels_move_by_their_share() -> None:
    image, mask = printed((40, 40, 42), (245, 245, 245))
    image = cv2.GaussianBlur(image, (0, 0), 1.2)
    made = recolour(image, mask, (192, 48, 48))
    edge = made[205, 160:184].astype(int)  # from the badge out to the cloth
    assert (np.diff(edge[:, 1]) <= 14).all()  # no dark and no bright line between them
    assert edge[:, 1].min() >= plain(made)[:, 1].min() - 12


def test_without_change_of_lightness_folds_stay_as_deep() -> None:
    image, mask = t_shirt((130, 60, 60))
    cloth = study(image, mask)
    assert fold_gain(cloth, float(cloth.base[0])) == pytest.approx(1)
    assert fold_gain(cloth, 0.2) < 1


def test_weight_falls_from_cloth_to_print() -> None:
    image, mask = printed((35, 45, 90))
    cloth = study(image, mask)
    lab = to_oklab(image)
    around = cv2.resize(cloth.around, image.shape[1::-1])
    weight = base_weight(cloth, lab, around)
    assert weight[250, 150] > 0.95 and weight[205, 150] < 0.05


def test_an_empty_matte_is_an_error() -> None:
    image, mask = t_shirt()
    with pytest.raises(ValueError, match="matte"):
        recolour(image, mask * 0, (1, 2, 3))


def test_colour_space_round_trip_and_gamut() -> None:
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), -1).reshape(-1, 1, 3).astype(np.uint8)
    assert np.abs(to_srgb(to_oklab(cube)).astype(int) - cube).max() <= 1
    assert to_oklab(np.array((255, 255, 255), np.uint8)) == pytest.approx([1, 0, 0], abs=1e-3)
    # red by its author's table: L .628, a .225, b .126
    assert to_oklab(np.array((255, 0, 0), np.uint8)) == pytest.approx([0.628, 0.225, 0.126], abs=2e-3)
    vivid = np.array([[0.6, 0.4, 0.1], [0.95, -0.3, 0.2]], np.float32)
    kept = into_gamut(vivid)
    assert hue(kept) == pytest.approx(hue(vivid), abs=0.1) and (kept[:, 0] == vivid[:, 0]).all()
    assert (np.hypot(kept[:, 1], kept[:, 2]) < 0.32).all()

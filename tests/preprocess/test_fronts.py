"""The borders of hair, hands and bags on clothes that go."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests import drawn_person
from tryon.inputs import PersonView, edit_window
from tryon.preprocess.fronts import Borders
from tryon.preprocess.guided import GuidedFilter
from tryon.preprocess.masks import dilate

BROWN, BLUE = (120, 80, 40), (60, 90, 200)


@pytest.fixture(scope="module")
def body():
    person = drawn_person.person()
    return PersonView(person, edit_window(person.pose, person.parse)).body


def scene(body, hair_colour=BROWN, cloth_colour=BLUE):
    """A picture with hair that ends in strands on clothes, the true hair, and its coarse label: (h, w[, 3])."""
    h, w = 512, 384
    y0 = int(body.neck[1])
    middle, half, down = int(body.neck[0]), int(0.25 * body.breadth), int(0.5 * body.breadth)
    rng = np.random.default_rng(3)
    picture = np.full((h, w, 3), 220, np.float32)
    picture[y0 - 10 :] = cloth_colour
    truth = np.zeros((h, w), bool)
    truth[y0 - down : y0 + down // 2, middle - half : middle + half] = True
    label = truth.copy()
    label[: y0 + down, middle - half : middle + half] |= truth.any()
    label[: y0 - down] = False
    for x in range(middle - half, middle + half, 8):  # strands, 4 px of each 8
        truth[y0 + down // 2 : y0 + down, x : x + 4] = True
    picture[truth] = hair_colour
    clothes = np.zeros((h, w), bool)
    clothes[y0 - 10 :, 20:-20] = True
    picture += rng.normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), truth, label, clothes & ~label


def test_clothes_between_strands_are_not_hair(body):
    picture, truth, label, clothes = scene(body)
    border = Borders(picture, clothes, body).hair(label)
    alpha, inside = border.alpha, truth[border.part]
    held = label[border.part] & border.zone
    assert alpha[held & inside].mean() > 0.85
    assert alpha[held & ~inside].mean() < 0.3
    gaps = held & ~inside
    assert np.abs(border.colour[gaps] - BROWN).mean() < 25, "what is left of hair there has the hair's colour"


def test_where_colours_say_nothing_the_label_map_decides(body):
    picture, _, label, clothes = scene(body, (40, 40, 40), (40, 40, 40))
    border = Borders(picture, clothes, body).hair(label)
    inside = label[border.part] & border.zone
    assert border.alpha[inside].mean() > 0.8
    assert border.alpha[border.zone & ~label[border.part]].mean() < 0.25


def test_no_hair_on_clothes_no_border(body):
    picture, _, label, clothes = scene(body)
    assert Borders(picture, clothes & False, body).hair(label) is None
    assert Borders(picture, clothes, body).hair(label & False) is None


def test_a_collar_in_the_colour_of_hair_is_left_to_the_label_map(body):
    picture, _, label, clothes = scene(body)
    picture[clothes & (dilate(label.astype(np.uint8), 0.16 * body.breadth) > 0)] = BROWN  # a fur collar on a coat
    assert Borders(picture, clothes, body).hair(label) is None


def test_a_hand_loses_its_rim_of_old_clothes(body):
    h, w, r = 512, 384, 0.15 * body.breadth
    yy, xx = np.mgrid[0:h, 0:w]
    away = np.hypot(yy - 300, xx - 190)
    picture = np.full((h, w, 3), BLUE, np.uint8)
    picture[away < r] = (220, 170, 140)
    rim = max(0.02 * body.breadth, 2)
    label = away < r + rim
    border = Borders(picture, ~label, body).rim(label)
    ring = ((away > r + 1) & label)[border.part]
    assert border.alpha[ring].mean() < 0.35
    assert border.alpha[(away < r - 1)[border.part] & border.zone].mean() > 0.8
    drawn = yy < 300
    rest = border.apart(drawn, body.breadth)
    assert not (rest.zone & drawn[border.part]).any(), "a painted arm goes on in it"
    low = (yy > 300 + 0.12 * body.breadth)[border.part]
    assert np.array_equal(rest.alpha[low], border.alpha[low]) and rest.zone.any()


def test_skin_beside_red_cloth_has_the_hue_that_it_has_farther_off(body):
    h, w, unit = 512, 384, body.breadth
    skin, red = np.array([225, 185, 160], np.float32), np.array([210, 40, 35], np.float32)
    x = np.arange(w, dtype=np.float32)
    edge = 200.0
    glow = np.clip(1 - (x - edge) / (0.08 * unit), 0, 1) * 0.4  # light that the cloth threw on the arm
    row = np.where(x[:, None] < edge, red, skin + (red - skin) * glow[:, None])
    picture = np.broadcast_to(row, (h, w, 3)).round().astype(np.uint8)
    arm = np.zeros((h, w), bool)
    arm[200:400, int(edge) : int(edge + 0.4 * unit)] = True
    clothes = np.zeros((h, w), bool)
    clothes[:, : int(edge)] = True
    border = Borders(picture, clothes, body).skin(arm)
    plate = picture.astype(np.float32)
    keep, edit, none = (np.zeros((h, w), np.float32) for _ in range(3))
    keep[arm] = 1
    border.lay(plate, picture.astype(np.float32), keep, edit, none.copy(), none)

    def redness(rgb):
        band = rgb[280:320, int(edge) + 1 : int(edge + 0.05 * unit)]
        return float((band[..., 0] - band[..., 2]).mean())

    usual = float(skin[0] - skin[2])
    assert redness(picture.astype(np.float32)) > usual + 25
    assert redness(plate) < usual + 12
    assert edit[300, int(edge) + 2] == 1, "what is changed is told"
    far = int(edge + 0.3 * unit)
    assert np.array_equal(plate[300, far], picture[300, far]) and edit[300, far] == 0
    grey = Borders(np.full_like(picture, 190), clothes, body).skin(arm)
    assert grey is None or grey.cleaned is None or not grey.cleaned.any()
    black = picture.copy()
    black[:, : int(edge)] = 30  # the same red glow, but not from these clothes: the skin is so
    own = Borders(black, clothes, body).skin(arm)
    assert own is not None and own.cleaned is None


def test_strands_lie_over_the_new_garment(body):
    picture, _, label, clothes = scene(body)
    border = Borders(picture, clothes, body).hair(label)
    size = label.shape
    plate = picture.astype(np.float32)
    filled = np.full((*size, 3), 200, np.float32)
    keep, edit, skin = label.astype(np.float32), np.zeros(size, np.float32), np.ones(size, np.float32)
    before = plate.copy()
    border.lay(plate, filled, keep, edit, skin, np.ones(size, np.float32))
    changed = np.zeros(size, bool)
    changed[border.part] = border.zone & (border.alpha < 0.98)
    zone = np.zeros(size, np.uint8)
    zone[border.part] = border.zone
    far = cv2.dilate(zone, np.ones((5, 5), np.uint8)) == 0
    assert np.array_equal(plate[far], before[far])
    whole = (zone > 0) & ~changed
    assert np.abs(plate - picture)[whole].max() < 3, "no soft edge of the filling on what is wholly hair"
    assert (edit[changed] == 1).all() and (edit[~changed] == 0).all()
    assert np.array_equal(keep[border.part][border.zone], border.alpha[border.zone])
    red = np.array([200, 30, 30], np.float32)
    cover = 1 - keep
    shown = plate + (red - plate) * cover[..., None]
    expected = border.alpha[..., None] * border.colour + (1 - border.alpha[..., None]) * red
    assert np.abs(shown[border.part] - expected)[changed[border.part]].max() < 1.5
    bare = before.copy()
    border.lay(bare, filled, keep.copy(), edit.copy(), skin.copy(), np.zeros(size, np.float32))
    expected = border.alpha[..., None] * border.colour + (1 - border.alpha[..., None]) * 200
    assert np.abs(bare[border.part] - expected)[changed[border.part]].max() < 1.5


def test_guided_filter_follows_the_edges_of_the_picture():
    picture = np.zeros((60, 60, 3), np.float32)
    picture[:, 30:] = 0.8
    rough = np.zeros((60, 60), np.float32)
    rough[:, 33:] = 1  # three px beside the edge
    out = GuidedFilter(picture, 6, 1e-4)(rough)
    assert out[30, 31] > out[30, 28] + 0.3
    assert np.allclose(GuidedFilter(picture, 4, 1e-4)(np.full((60, 60), 0.4, np.float32)), 0.4, atol=1e-4)

"""Inputs and clean-up of the parse, without the network."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.geometry import Placement
from tryon.labels import NUM_LABELS, Label
from tryon.preprocess.parsing import (
    CLOSER,
    PLANES,
    Parser,
    close_box,
    input_planes,
    join_looks,
    person_canvas,
    pose_planes,
    spread_labels,
)
from tryon.preprocess.settle import (
    settle_skirt,
    settle_tails,
    suppress_noise,
    without_false_bags,
    without_islands,
    without_scraps,
)
from tryon.types import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER, Pose


def stick_figure(height: int, width: int) -> np.ndarray:
    points = np.zeros((33, 3), np.float32)
    points[:, 0], points[:, 1], points[:, 2] = width / 2, height * 0.1, 1.0
    for index, (x, y) in {
        LEFT_SHOULDER: (0.6, 0.25),
        RIGHT_SHOULDER: (0.4, 0.25),
        LEFT_HIP: (0.57, 0.55),
        RIGHT_HIP: (0.43, 0.55),
    }.items():
        points[index, :2] = x * width, y * height
    return points


def one_hot(labels: np.ndarray) -> np.ndarray:
    return 0.9 * (np.arange(NUM_LABELS)[:, None, None] == labels).astype(np.float32) + 0.1 / NUM_LABELS


def test_scraps_of_a_dress_become_what_is_round_them() -> None:
    labels = np.full((80, 60), Label.BACKGROUND)
    labels[10:70, 10:50] = Label.OUTERWEAR
    labels[10:70, 25:35] = Label.TOP
    labels[12:16, 12:20] = Label.DRESS
    labels[40:44, 28:32] = Label.DRESS
    out = without_scraps(one_hot(labels)).argmax(0)
    assert (out[12:16, 12:20] == Label.OUTERWEAR).all() and (out[40:44, 28:32] == Label.TOP).all()
    dress = np.where(labels == Label.OUTERWEAR, Label.DRESS, labels)
    assert (without_scraps(one_hot(dress)).argmax(0) == dress).all(), "a real dress stays"


@pytest.mark.parametrize(
    ("brightness", "doubt", "alike", "stays"),
    [(1.0, 0.3, True, False), (1.0, 0.05, True, True), (1.0, 0.3, False, True), (0.15, 0.3, True, True)],
    ids=["flap", "sure", "other-colour", "dark"],
)
def test_a_flap_of_the_coat_called_a_bag_goes_with_the_coat(
    brightness: float, doubt: float, alike: bool, stays: bool
) -> None:
    labels = np.full((120, 90), Label.BACKGROUND)
    labels[10:90, 20:60] = Label.OUTERWEAR
    labels[50:80, 60:75] = Label.BAG
    shares, flap = one_hot(labels), labels == Label.BAG
    shares[Label.OUTERWEAR][flap] += doubt
    shares[Label.BAG][flap] -= doubt
    canvas = np.full((120, 90, 3), 128, np.uint8)
    canvas[labels == Label.OUTERWEAR] = np.multiply((60, 120, 220), brightness)
    canvas[flap] = np.multiply((60, 120, 220) if alike else (200, 60, 40), brightness)
    out = without_false_bags(shares, shares, canvas).argmax(0)
    assert (out[flap] == (Label.BAG if stays else Label.OUTERWEAR)).all()
    assert (out[~flap] == labels[~flap]).all()


def test_under_a_top_there_is_no_dress() -> None:
    labels = np.full((128, 96), Label.BACKGROUND)
    labels[25:66, 30:66] = Label.TOP
    labels[66:110, 30:66] = Label.DRESS
    points = stick_figure(128, 96)
    assert not (settle_skirt(one_hot(labels), points).argmax(0) == Label.DRESS).any()
    labels[25:66, 30:66] = Label.DRESS
    assert (settle_skirt(one_hot(labels), points).argmax(0)[66:110, 30:66] == Label.DRESS).all()


def test_planes_have_the_order_of_the_table(rng: np.random.Generator) -> None:
    canvas = rng.integers(0, 256, (128, 96, 3), dtype=np.uint8)
    mask = np.full((128, 96), 200, np.uint8)
    planes = input_planes(canvas, stick_figure(128, 96), mask)
    assert planes.shape == (128, 96, len(PLANES)) and planes.dtype == np.uint8
    assert np.array_equal(planes[..., :3], canvas)
    assert np.array_equal(planes[..., PLANES.index("person")], mask)
    assert planes[int(0.25 * 128), 48, PLANES.index("torso")] > 100


def test_unseen_joints_draw_fainter() -> None:
    points = stick_figure(128, 96)
    bright = pose_planes(points, 128, 96)
    points[:, 2] = 0.1
    assert 0 < pose_planes(points, 128, 96).max() < 0.5 * bright.max()


def test_wild_keypoints_do_not_crash() -> None:
    points = np.full((33, 3), 1e9, np.float32)
    points[::2] *= -1
    assert pose_planes(points, 64, 64).shape == (64, 64, 6)


def test_pieces_far_from_the_person_are_background() -> None:
    labels = np.zeros((128, 96), np.uint8)
    labels[20:100, 30:60] = Label.TOP
    labels[20:60, 80:94] = Label.TOP  # a passer-by
    mask = (labels > 0).astype(np.float32)
    mask[:, 70:] = 0
    out = suppress_noise(one_hot(labels), mask).argmax(0)
    assert (out[:, 80:] == Label.BACKGROUND).all()
    assert (out[20:100, 30:60] == Label.TOP).all()


def test_a_bag_beside_the_person_stays() -> None:
    labels = np.zeros((128, 96), np.uint8)
    labels[20:100, 30:60] = Label.TOP
    labels[60:80, 61:75] = Label.BAG
    out = suppress_noise(one_hot(labels), (labels == Label.TOP).astype(np.float32)).argmax(0)
    assert (out[60:80, 61:75] == Label.BAG).all()


def test_below_the_waist_one_kind_of_garment_wins() -> None:
    labels = np.zeros((128, 96), np.uint8)
    labels[32:62, 30:60] = Label.DRESS
    labels[62:100, 30:50] = Label.DRESS
    labels[62:100, 50:60] = Label.LOWER
    shares = one_hot(labels)
    out = settle_skirt(shares, stick_figure(128, 96))
    assert (out.argmax(0)[32:100, 30:60] == Label.DRESS).all()
    assert shares[Label.LOWER, 80, 55] > 0.5, "the caller's array is not changed"
    np.testing.assert_allclose(out.sum(0), shares.sum(0), rtol=1e-5)


def test_specks_vanish() -> None:
    labels = np.zeros((128, 96), np.uint8)
    labels[20:100, 30:60] = Label.TOP
    labels[50, 40] = Label.DRESS
    shares = one_hot(labels)
    out = suppress_noise(shares, (labels > 0).astype(np.float32)).argmax(0)
    assert out[50, 40] != Label.DRESS
    assert shares[Label.DRESS, 50, 40] > 0.5, "the caller's array is not changed"


@pytest.mark.parametrize("photo", [(300, 200), (200, 300), (1900, 1400)])
def test_labels_come_back_at_photo_size(photo: tuple[int, int]) -> None:
    height, width = photo
    box = (0.3 * width, 0.1 * height, 0.6 * width, 0.9 * height)
    place = person_canvas(box, (128, 96))
    truth = np.zeros(photo, np.uint8)
    truth[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = Label.TOP
    back = spread_labels(one_hot(place.crop(truth, nearest=True, border="zero")), place, photo)
    assert back.shape == photo and back.dtype == np.uint8
    both = ((back == Label.TOP) & (truth == Label.TOP)).sum()
    assert both / ((back == Label.TOP) | (truth == Label.TOP)).sum() > 0.96


class _Echo:
    """A session that calls every pixel of the person mask a top."""

    class _Input:
        name, shape = "planes", ["batch", len(PLANES), 64, 48]

    def get_inputs(self) -> list[_Input]:
        return [self._Input()]

    def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        person = feed["planes"][:, PLANES.index("person")] / 255
        out = np.zeros((len(person), NUM_LABELS, *person.shape[1:]), np.float32)
        out[:, Label.TOP], out[:, Label.BACKGROUND] = person, 1 - person
        return [out]


@pytest.mark.parametrize("mirror", [False, True])
def test_parser_follows_the_canvas_of_its_network(mirror: bool) -> None:
    mask = np.zeros((200, 150), np.float32)
    mask[40:180, 50:90] = 1
    points = stick_figure(200, 150)
    pose = Pose(points, np.zeros((33, 3), np.float32), mask, (50, 40, 90, 180))
    image = np.zeros((200, 150, 3), np.uint8)
    parser = Parser(_Echo(), mirror=mirror)  # type: ignore[arg-type]
    assert parser.canvas == (64, 48)
    parse = parser(image, pose)
    assert parse.shape == (200, 150)
    assert ((parse == Label.TOP) == (mask > 0)).mean() > 0.97


def _standing() -> np.ndarray:
    points = stick_figure(128, 96)
    for index, (x, y) in {25: (0.56, 0.72), 26: (0.44, 0.72), 27: (0.55, 0.86), 28: (0.45, 0.86)}.items():
        points[index, :2] = x * 96, y * 128
    return points


def _coat_over_trousers(tail: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and a picture: a red coat whose left tail was called trousers, over black trousers."""
    labels, canvas = np.zeros((128, 96), np.uint8), np.full((128, 96, 3), 200, np.uint8)
    labels[32:66, 28:62] = Label.OUTERWEAR
    labels[66:108, 28:62] = Label.LOWER
    canvas[32:66, 28:62] = 190, 30, 40
    canvas[66:108, 28:62] = 15, 15, 20
    canvas[66:84, 28:40] = tail
    return one_hot(labels), canvas


def test_a_coats_tail_called_trousers_goes_with_the_coat() -> None:
    shares, canvas = _coat_over_trousers((190, 30, 40))
    out = settle_tails(shares, _standing(), canvas)
    labels = out.argmax(0)
    assert (labels[68:82, 30:37] == Label.OUTERWEAR).mean() > 0.9
    assert (labels[88:108, 28:62] == Label.LOWER).all() and (labels[68:82, 44:62] == Label.LOWER).mean() > 0.95
    assert shares[Label.LOWER, 75, 33] > 0.5, "the caller's array is not changed"
    np.testing.assert_allclose(out.sum(0), shares.sum(0), rtol=1e-5)


def test_what_has_neither_colour_stays_where_it_was() -> None:
    shares, canvas = _coat_over_trousers((240, 240, 240))
    np.testing.assert_array_equal(settle_tails(shares, _standing(), canvas), shares)


def test_tails_of_the_colour_of_the_trousers_are_not_guessed() -> None:
    shares, canvas = _coat_over_trousers((15, 15, 20))
    canvas[32:66, 28:62] = 15, 15, 20
    np.testing.assert_array_equal(settle_tails(shares, _standing(), canvas), shares)


def test_the_closer_look_holds_the_trunk_and_near_arms() -> None:
    points = stick_figure(600, 400)
    for index, x in ((13, 280), (14, 120), (15, 900), (16, 110)):  # one wrist far out
        points[index, :2] = x, 300
    box = close_box(points)
    assert box is not None
    x0, y0, x1, y1 = box
    assert x0 < 110 and 280 < x1 < 600
    assert y0 < points[:, 1].min() + 20 and y1 > points[[LEFT_HIP, RIGHT_HIP], 1].max()
    points[:, :2] = 50
    assert close_box(points) is None


def test_the_closer_look_draws_outlines_and_the_whole_one_decides_what_it_is() -> None:
    place, closer = Placement(0, 0, 0.5, 64, 48), Placement(20, 20, 1.0, 64, 48)
    far = np.full((64, 48), Label.BACKGROUND)
    far[15:40, 14:34] = Label.DRESS
    near = np.full((64, 48), Label.BACKGROUND)
    near[12:52, 10:38] = Label.LOWER  # finer edges, another opinion of the garment
    near[14:16, 20:24] = Label.ACCESSORY
    whole = one_hot(far)
    out = join_looks(whole, whole, place, one_hot(near), closer).argmax(0)
    assert set(np.unique(out)) == {Label.BACKGROUND, Label.DRESS, Label.ACCESSORY}
    inner = slice(7, 57), slice(7, 41)
    assert np.array_equal((out != Label.BACKGROUND)[inner], (near != Label.BACKGROUND)[inner])
    assert (out[-1, 10:38] == Label.DRESS).sum() == (window_of(whole, place, closer)[-1, 10:38] == Label.DRESS).sum()
    tails = whole.copy()
    tails[Label.OUTERWEAR], tails[Label.DRESS] = whole[Label.DRESS], whole[Label.OUTERWEAR]
    out = join_looks(tails, whole, place, one_hot(near), closer).argmax(0)
    assert (out[18:50, 14:36] == Label.OUTERWEAR).mean() > 0.95


def window_of(shares: np.ndarray, place: Placement, closer: Placement) -> np.ndarray:
    """What the look at the whole person says on the canvas of the closer one."""
    inner = Placement((closer.x0 - place.x0) * 0.5, (closer.y0 - place.y0) * 0.5, 2.0, closer.height, closer.width)
    return np.stack([inner.crop(share) for share in shares]).argmax(0)


class Looks:
    """Counts looks, and sees a top everywhere."""

    def __init__(self) -> None:
        self.count = 0

    def get_inputs(self) -> list[object]:
        return [type("Input", (), {"name": "planes", "shape": [1, 10, 64, 48]})()]

    def run(self, _names: object, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.count += 1
        return [one_hot(np.full((64, 48), Label.TOP))[None]]


@pytest.mark.parametrize(("reach", "looks"), [(1.0, 2), (0.45, 1)])
def test_a_half_body_needs_no_second_look(reach: float, looks: int) -> None:
    points = stick_figure(600, 400)
    points[:, :2] *= 1.0 if reach == 1.0 else 2.0
    box = (0.0, 0.0, 400.0, 600.0)
    pose = Pose(points, np.zeros((33, 3), np.float32), np.ones((600, 400), np.float32), box)
    session = Looks()
    parse = Parser(session)(np.zeros((600, 400, 3), np.uint8), pose)  # type: ignore[arg-type]
    assert session.count == looks and CLOSER > 1
    assert parse.shape == (600, 400) and (parse[100:500, 100:300] == Label.TOP).all()
    Parser(session, closer=False)(np.zeros((600, 400, 3), np.uint8), pose)  # type: ignore[arg-type]
    assert session.count == looks + 1


def test_the_closer_look_may_have_a_network_of_its_own() -> None:
    points, box = stick_figure(600, 400), (0.0, 0.0, 400.0, 600.0)
    pose = Pose(points, np.zeros((33, 3), np.float32), np.ones((600, 400), np.float32), box)
    far, near = Looks(), Looks()
    Parser(far, near)(np.zeros((600, 400, 3), np.uint8), pose)  # type: ignore[arg-type]
    assert (far.count, near.count) == (1, 1)


def test_labels_outside_of_the_canvas_stay(rng: np.random.Generator) -> None:
    under = rng.integers(0, NUM_LABELS, (90, 70)).astype(np.uint8)
    before = under.copy()
    place = Placement(20, 30, 1.0, 32, 24)
    out = spread_labels(one_hot(np.full((32, 24), Label.BAG)), place, (90, 70), under)
    assert (out[30:62, 20:44] == Label.BAG).all()
    out[30:62, 20:44] = before[30:62, 20:44]
    assert np.array_equal(out, before) and np.array_equal(under, before)
    far = spread_labels(one_hot(np.full((32, 24), Label.BAG)), Placement(500, 500, 1.0, 32, 24), (90, 70), under)
    assert np.array_equal(far, before)


def _hanging_coat() -> tuple[np.ndarray, np.ndarray]:
    """A coat to the thighs over trousers: labels, keypoints."""
    points = stick_figure(240, 180)
    labels = np.full((240, 180), Label.BACKGROUND)
    labels[60:150, 60:120] = Label.OUTERWEAR
    labels[150:230, 65:115] = Label.LOWER
    return labels, points


def test_a_piece_of_trousers_above_the_coats_hem_is_none() -> None:
    labels, points = _hanging_coat()
    labels[100:116, 75:105] = Label.LOWER
    out = without_islands(one_hot(labels), points).argmax(0)
    assert not (out[95:120] == Label.LOWER).any() and (out[150:230, 65:115] == Label.LOWER).all()
    labels[116:150, 88:92] = Label.LOWER  # hangs on the trousers by a thread
    out = without_islands(one_hot(labels), points).argmax(0)
    assert not (out[95:116] == Label.LOWER).any()


def test_the_waist_of_trousers_in_an_open_coat_stays() -> None:
    labels, points = _hanging_coat()
    labels[110:150, 75:105] = Label.LOWER
    assert np.array_equal(without_islands(one_hot(labels), points).argmax(0), labels)


def test_specks_may_be_larger_on_a_larger_picture() -> None:
    labels = np.full((240, 180), Label.TOP)
    labels[100:105, 80:86] = Label.OUTERWEAR
    mask = np.ones((240, 180), np.float32)
    assert (suppress_noise(one_hot(labels), mask).argmax(0)[102, 82]) == Label.OUTERWEAR
    assert (suppress_noise(one_hot(labels), mask, 4.0).argmax(0)[102, 82]) != Label.OUTERWEAR


def test_the_tails_of_a_long_shirt_are_no_trousers(rng: np.random.Generator) -> None:
    points = stick_figure(240, 180)
    points[[25, 26, 27, 28], :2] = [(103, 180), (77, 180), (103, 225), (77, 225)]
    labels = np.full((240, 180), Label.BACKGROUND)
    labels[60:130, 55:125] = Label.TOP
    labels[130:230, 60:120] = Label.LOWER
    canvas = rng.integers(-6, 7, (240, 180, 3)) + 128
    canvas[60:155, 55:125] += np.array((100, 100, 95))  # a white shirt ends at row 155
    canvas[155:230, 60:120] -= np.array((90, 80, 40))
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    out = settle_tails(one_hot(labels), points, canvas, Label.TOP).argmax(0)
    assert (out[134:150, 66:114] == Label.TOP).mean() > 0.8
    assert (out[165:228, 62:118] == Label.LOWER).mean() > 0.98
    assert np.array_equal(settle_tails(one_hot(labels), points, canvas).argmax(0), labels)  # there is no coat


def test_the_front_of_an_open_coat_called_a_dress_goes_with_the_coat() -> None:
    labels, points = np.zeros((120, 90), np.int64), _standing()
    labels[20:88, 28:62] = Label.DRESS
    labels[20:84, 28:34] = Label.OUTERWEAR  # its outer half is known
    canvas = np.full((120, 90, 3), (150, 150, 140), np.uint8)
    canvas[20:88, 28:62] = 180, 230, 40
    canvas[20:84, 28:42] = 25, 25, 35
    out = settle_tails(one_hot(labels), points, canvas).argmax(0)
    assert (out[34:82, 34:41] == Label.OUTERWEAR).mean() > 0.95
    assert (out[20:88, 44:62] == Label.DRESS).all()


def test_a_spot_of_a_dress_called_a_top_has_no_tails() -> None:
    labels, points = np.zeros((240, 180), np.int64), _standing() * 1.8
    labels[60:190, 55:125] = Label.DRESS
    labels[110:150, 90:120] = Label.TOP
    canvas = np.random.default_rng(2).integers(0, 30, (240, 180, 3)) + np.array((90, 60, 160))
    canvas[118:150, 60:90] += np.array((80, 90, 60))  # a light patch of the pattern, as on the spot
    canvas[110:150, 90:120] += np.array((80, 90, 60))
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    shares = one_hot(labels)
    np.testing.assert_array_equal(settle_tails(shares, points, canvas, Label.TOP), shares)

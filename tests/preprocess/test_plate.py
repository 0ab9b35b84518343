"""The outline of what a long coat hid."""

import cv2
import numpy as np

from tests import drawn_person
from tryon.labels import Label
from tryon.preprocess import agnostic
from tryon.preprocess.below import _rectangle, beside_seen, lower_cloth, outline_below, over_legs, skirt_below
from tryon.preprocess.body import body_from_pose, legs_mask, torso_rows, trunk_mask
from tryon.preprocess.plate import bare_skin

SIZE = (600, 400)
BODY = body_from_pose(drawn_person.keypoints(), drawn_person.world())
HEM = 1.05
TOP = round(float(BODY.at(HEM)[1]))
BELOW = np.maximum(trunk_mask(BODY, SIZE, 1.0, 0.5, 1.15), legs_mask(BODY, SIZE))


def _hidden_to(row: int) -> np.ndarray:
    hole = np.zeros(SIZE, bool)
    hole[round(float(BODY.at(HEM)[1])) : row, 100:300] = True
    return hole


def _legs(left: tuple[int, int], right: tuple[int, int]) -> np.ndarray:
    lower = np.zeros(SIZE, bool)
    for start, end in (left, right):
        lower[300:560, start:end] = True
    return lower


def test_wide_legs_go_on_below_a_coat_without_a_step():
    lower = _legs((130, 190), (205, 265))
    out = outline_below(BELOW, lower & ~_hidden_to(450), _hidden_to(450), BODY, TOP) > 0.5
    for row in (440, 448):
        inside = np.flatnonzero(out[row])
        assert abs(inside[0] - 130) <= 4 and abs(inside[-1] - 264) <= 4
        assert not out[row, 194:202].any(), "the gap between the legs stays open"
    hem = round(float(BODY.at(HEM)[1]))
    soft = outline_below(BELOW, lower & ~_hidden_to(450), _hidden_to(450), BODY, TOP)
    assert soft[hem - 3 : hem + 4, 195:205].min() > 0.98, "no seam where the outline begins"
    widths = out[340:450].sum(1).astype(int)
    assert (np.abs(np.diff(widths)) < 6).all(), "edges run straight"
    assert np.array_equal(out[470:], BELOW[470:] > 0.5), "farther down nothing changes"


def test_cloth_between_the_legs_closes_the_gap():
    hole = _hidden_to(450)
    hole[380:450, 190:205] = False  # seen between the coat's fronts
    lower = (_legs((130, 190), (205, 265)) | ~hole & (np.arange(SIZE[1]) > 189) & (np.arange(SIZE[1]) < 205)) & ~hole
    out = outline_below(BELOW, lower, hole, BODY, TOP) > 0.5
    assert out[400:440, 150:245].all()


def test_a_skirt_behind_fringes_is_one_piece():
    lower = np.zeros(SIZE, bool)
    for start in (120, 160, 200, 240):
        lower[300:560, start : start + 30] = True
    out = outline_below(BELOW, lower & ~_hidden_to(430), _hidden_to(430), BODY, TOP) > 0.5
    assert out[425, 125:265].all()


def test_a_skirt_is_one_piece():
    lower = _legs((120, 280), (120, 280))
    out = outline_below(BELOW, lower & ~_hidden_to(430), _hidden_to(430), BODY, TOP) > 0.5
    assert out[425, 125:275].all() and out[370:430, 195:205].all()


def test_what_is_not_seen_below_the_coat_is_left_as_it_is():
    hole = _hidden_to(560)
    lower = np.zeros(SIZE, bool)
    assert np.array_equal(outline_below(BELOW, lower, hole, BODY, TOP), BELOW)


def test_a_short_gap_is_left_as_it_is():
    hem = round(float(BODY.at(HEM)[1]))
    hole = _hidden_to(hem + 12)
    lower = _legs((130, 190), (205, 265)) & ~hole
    assert np.array_equal(outline_below(BELOW, lower, hole, BODY, TOP), BELOW)


def test_a_skirt_shorter_than_the_coat_keeps_its_end_and_is_even():
    along = torso_rows(BODY, SIZE)
    end = round(float(BODY.at(1.5)[1]))
    parse = np.zeros(SIZE, np.uint8)
    parse[round(float(BODY.at(1.0)[1])) : end, 140:260] = Label.LOWER
    parse[end : end + 120, 165:235] = Label.LEGS
    hole = np.zeros(SIZE, bool)
    hole[:, 60:200] = True  # the coat hangs over one half, down to the knees
    photo = np.where((parse == Label.LEGS)[..., None], np.float32(60), np.float32(180)) * np.ones(3, np.float32)
    found = skirt_below(photo, BELOW, parse, hole, BODY, along, HEM)
    assert found is not None
    shape, at = found[0] > 0.5, found[1]
    assert abs(at - 1.5) < 0.05 and not shape[end + 4 :].any()
    row = np.flatnonzero(shape[end - 8])
    axis = float(BODY.at(1.5)[0])
    assert abs((axis - row[0]) - (row[-1] - axis)) < 4 and abs(row[-1] - 259) < 6
    trousers = np.where(parse == Label.LEGS, np.uint8(Label.LOWER), parse)
    assert skirt_below(photo, BELOW, trousers, hole, BODY, along, HEM) is None
    plain = np.full_like(photo, 180)
    assert skirt_below(plain, BELOW, parse, hole, BODY, along, HEM) is None, "trousers, partly parsed as legs"
    low = parse.copy()
    low[end + 90 : end + 120, 165:185] = Label.LOWER  # a shin that was parsed as trousers
    again = skirt_below(photo, BELOW, low, hole, BODY, along, HEM)
    assert again is not None and abs(again[1] - at) < 0.01
    short = hole & (along < 1.4)
    assert skirt_below(photo, BELOW, parse, short, BODY, along, HEM) is None


def test_a_skirt_is_as_broad_as_the_legs_below_it():
    photo = np.full((*SIZE, 3), 180, np.float32)
    along = torso_rows(BODY, SIZE)
    parse = np.zeros(SIZE, np.uint8)
    end = round(float(BODY.at(1.5)[1]))
    parse[300:end, 185:215] = Label.LOWER  # what shows between the fronts of the coat
    parse[end : end + 120, 130:190] = Label.LEGS
    parse[end : end + 120, 210:270] = Label.LEGS
    photo[parse == Label.LOWER], photo[parse == Label.LEGS] = (180, 40, 90), (225, 180, 160)
    hole = np.zeros(SIZE, bool)
    hole[300 : end + 30, 110:290] = True
    hole &= parse != Label.LOWER
    shape, _ = skirt_below(photo, BELOW, parse, hole, BODY, along, HEM)
    row = np.flatnonzero(shape[end - 8] > 0.5)
    assert row[0] <= 134 and row[-1] >= 266


def test_a_bare_shoulder_goes_over_into_the_arm_without_a_ring():
    person = drawn_person.person()
    along = torso_rows(BODY, SIZE)
    hole = np.isin(person.parse, [int(Label.TOP)])
    plate = np.full((*SIZE, 3), 200, np.float32)
    layout = np.zeros(SIZE, np.uint8)
    rims = np.zeros(SIZE, bool)
    bare_skin(plate, layout, person.image, person.parse, BODY, hole, along, 1.0, (0.0, 0.0), rims)
    joint = BODY.shoulders[0]
    inward = np.array([joint + BODY.across * s * BODY.breadth + (0, 4) for s in np.linspace(-0.02, 0.3, 40)])
    line = plate[np.floor(inward[:, 1]).astype(int), np.floor(inward[:, 0]).astype(int)].mean(1)
    assert np.abs(np.diff(line)).max() < 6, "no edge of the arm on the chest"
    top = np.flatnonzero(layout[:, round(float(joint[0]))] > 0)[0]
    assert top > joint[1] - 0.13 * BODY.breadth, "no ball on the shoulder"


def test_little_cloth_goes_on_in_its_own_colour_without_blotches():
    rng = np.random.default_rng(3)
    photo = rng.uniform(0, 255, (*SIZE, 3)).astype(np.float32)  # the coat and the street
    seen = np.zeros(SIZE, bool)
    seen[400:440, 185:215] = True
    photo[seen] = np.array([150, 40, 50]) + rng.normal(0, 6, (int(seen.sum()), 3))
    photo[400:404, 185:215] = 250  # the parse errs at the rim
    out = lower_cloth(photo, seen, ~seen, BODY.breadth, True)
    assert np.abs(np.median(out.reshape(-1, 3), axis=0) - (150, 40, 50)).max() < 6
    assert 1.0 < out[..., 0].std() < 25
    again = lower_cloth(photo, seen, ~seen, BODY.breadth, True)
    assert np.array_equal(out, again)


def test_plain_trousers_under_a_coat_go_on_without_mirrored_details():
    """A dark knob near the coat's edge is seen once; a pattern goes on as a pattern."""
    y, x = np.indices(SIZE)
    photo = np.full((*SIZE, 3), (190, 170, 140), np.float32)
    photo[450:465, 190:210] = 60
    seen = (y > 440) & (y < 590) & (x > 120) & (x < 280)
    out = lower_cloth(photo, seen, ~seen, BODY.breadth, True)
    hidden = out[380:436, 130:270]
    assert np.abs(hidden.mean(axis=(0, 1)) - (190, 170, 140)).max() < 12
    assert hidden.min() > 100, "no second knob"
    checks = np.where(((y // 8 + x // 8) % 2)[..., None] == 0, np.float32(40), np.float32(220)) * np.ones(3, np.float32)
    patterned = lower_cloth(checks, seen, ~seen, BODY.breadth, True)[425:438, 150:250]
    assert patterned.std() > 40


def test_a_dress_over_trousers_goes_on_in_its_own_colour():
    """Both are the lower garment to the parse; the one that the coat lay on counts."""
    photo = np.full((*SIZE, 3), (40, 45, 70), np.float32)
    photo[:470] = (190, 175, 140)
    seen = np.zeros(SIZE, bool)
    seen[400:590, 130:270] = True
    hole = np.zeros(SIZE, bool)
    hole[200:400, 100:300] = True
    light = lower_cloth(photo, seen, hole, BODY.breadth, True)[300:380, 150:250].mean((0, 1))
    assert np.abs(light - (190, 175, 140)).max() < 25
    photo[:470] = (15, 14, 12)  # dark there: the coat's shadow
    photo[470:] = (150, 150, 155)
    shadow = lower_cloth(photo, seen, hole, BODY.breadth, True)[300:380, 150:250].mean((0, 1))
    assert np.abs(shadow - (150, 150, 155)).max() < 30


def test_legs_are_painted_above_those_that_are_seen():
    legs = np.zeros(SIZE, bool)
    legs[450:560, 150:180] = legs[450:560, 220:250] = True
    place = over_legs(legs, _hidden_to(450), BODY)
    assert place[440, 150:180].all() and place[440, 220:250].all()
    assert not place[440, 100:135].any() and not place[440, 265:300].any()
    assert place[350].sum() > place[440].sum(), "thighs are wider"
    assert over_legs(np.zeros(SIZE, bool), _hidden_to(450), BODY).all()


def test_painted_legs_meet_the_colour_of_those_that_are_seen():
    photo = np.full((*SIZE, 3), 90, np.float32)
    photo[450:, :] = 210
    painted = np.full((*SIZE, 3), 150, np.float32)
    seen = np.zeros(SIZE, bool)
    seen[450:560, 150:180] = True
    out = beside_seen(photo, painted, seen, BODY)
    assert out[449, 165].mean() > 195 and abs(out[250, 165].mean() - 150) < 3
    assert np.array_equal(beside_seen(photo, painted, np.zeros(SIZE, bool), BODY), painted)


def _under_a_coat(cloth: np.ndarray) -> np.ndarray:
    """The filling of cloth of which a long coat hid the upper part."""
    photo = np.broadcast_to(cloth, (*SIZE, 3)).copy()
    hole = np.zeros(SIZE, bool)
    hole[300:430, 100:300] = True
    photo[hole] = 30
    seen = np.zeros(SIZE, bool)
    seen[430:590, 120:280] = True
    return lower_cloth(photo, seen, hole, BODY.breadth, True)


def test_folds_of_plain_cloth_go_on_upwards_without_a_seam():
    x = np.arange(SIZE[1])
    stripes = np.where((x // 12) % 2 == 0, 96, 112).astype(np.float32)[None, :, None]
    out = _under_a_coat(stripes)
    near, far = out[420, 130:270, 0], out[310, 130:270, 0]
    truth = stripes[0, 130:270, 0]
    assert np.corrcoef(near, truth)[0, 1] > 0.8
    assert near.std() > 1.1 * far.std(), "folds fade; what is left is the cloth's fine detail"
    assert 85 < far.mean() < 120


def test_hidden_cloth_of_a_pattern_shows_the_pattern():
    yy, xx = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    checks = np.where(((xx // 4) + (yy // 4)) % 2 == 0, 60, 180).astype(np.float32)[..., None]
    out = _under_a_coat(checks)
    hidden = out[310:400, 130:270, 0]
    assert 0.6 * checks.std() < hidden.std() < 1.4 * checks.std()
    assert abs(hidden.mean() - 120) < 15


def test_the_largest_rectangle_of_a_mask_lies_in_it():
    mask = np.zeros((80, 100), bool)
    mask[10:60, 20:50] = True
    mask[30:34, 50:90] = True
    x0, y0, x1, y1 = _rectangle(mask)
    assert mask[y0:y1, x0:x1].all()
    assert (x1 - x0) * (y1 - y0) > 0.9 * 50 * 30
    assert _rectangle(np.zeros((8, 8), bool)) == (0, 0, 0, 0)
    assert _rectangle(np.ones((8, 9), bool))[2:] == (9, 8)


def test_a_skirt_that_stands_out_goes_on_up_to_the_new_garment():
    who = drawn_person.person()
    body = body_from_pose(who.pose.keypoints, who.pose.world)
    along = torso_rows(body, who.parse.shape)
    parse, image = who.parse.copy(), who.image.copy()
    x = np.arange(parse.shape[1])[None]
    skirt = (along > 1.02) & (along < 2.0) & (np.abs(x - 200) < 110)
    parse[skirt], image[skirt] = Label.LOWER, (120, 60, 150)
    image[parse == Label.BACKGROUND] = (180, 190, 200)
    garment = ((along > 0) & (along < 1.5) & (np.abs(x - 200) < 80)).astype(np.float32)
    sleeves = np.zeros_like(garment)
    found = agnostic.build(image, parse, body, garment, sleeves, 1.5)
    ring = (cv2.dilate(garment, np.ones((5, 5))) > 0) & (garment == 0) & (along > 1.3) & (along < 1.95)
    ring &= np.abs(x - 200) < 100
    away = np.abs(found.plate - np.array([120, 60, 150])).max(-1)
    assert ring.sum() > 100 and np.percentile(away[ring], 95) < 25
    assert (found.layout[ring] == Label.LOWER).mean() > 0.95

"""The garment analysis: what is refused, what is noticed, and that points and mattes land in the photo's own pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_garments import MARKS, SKIRT_MARKS, TROUSER_MARKS, lower, t_shirt

from tryon import weights
from tryon.errors import NotAGarment, UnsupportedCategory, UsageError
from tryon.preprocess.garment import GarmentAnalyser, cut_out_mask
from tryon.preprocess.landmarks import ATTRIBUTES, MIRROR, POINTS, VIEW
from tryon.types import LANDMARKS, LOWER_LANDMARKS, Category

HALF = VIEW // 2
pytestmark = pytest.mark.timeout(120)  # on a busy machine the network takes its time


class Seer:
    """Stands for the network: knows the drawn garment by its dark blue, says what it is told to say."""

    def __init__(
        self, category: str = "upper", marks: dict[str, tuple[float, float]] = MARKS, blurred: bool = False, **says: str
    ) -> None:
        self.says = {"category": category, "sleeve": "short", "open_front": "closed", "quarter": "0"}
        self.says |= {"length": "long", "skirt": "legs", **says}
        self.marks, self.blurred = marks, blurred
        corners = np.array(list(marks.values()))
        self.low, self.span = corners.min(0), np.ptp(corners, axis=0)

    def run(self, _: object, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        image = inputs["image"]
        assert image.dtype == np.float32 and image.shape[1:] == (3, VIEW, VIEW) and abs(image).max() <= 1
        blue = (image[:, 2] - image[:, 0] > 0.25).astype(np.float32)
        matte = blue.reshape(len(image), HALF, 2, HALF, 2).mean((2, 4))[:, None]
        maps = np.zeros((len(image), len(POINTS), HALF, HALF), np.float32)
        for i, single in enumerate(matte[:, 0]):
            rows, cols = np.nonzero(single > 0.5)
            for k, name in enumerate(POINTS):
                if len(rows) == 0 or self.blurred or (name == "crotch" and self.says["skirt"] == "skirt"):
                    maps[i, k] = 1 / HALF**2
                    continue
                share = (np.array(self.marks.get(name, (150, 165))) - self.low) / self.span
                x = cols.min() + share[0] * np.ptp(cols)
                y = rows.min() + share[1] * np.ptp(rows)
                maps[i, k, round(y), round(x)] = 1
        out = [matte, maps]
        for name, meanings in ATTRIBUTES.items():
            told = self.says.get(name)
            one = np.array([0.98 if told is None or told == m else 0.01 for m in meanings], np.float32)
            if name == "presence" and self.says["skirt"] == "skirt":
                one[meanings.index("crotch")] = 0.01
            out.append(np.repeat(one[None], len(image), 0))
        return out


def on_canvas(
    size: tuple[int, int], at: tuple[int, int], scale: float, skirt: bool | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The T-shirt, or with `skirt` True or False a skirt or trousers, on a larger surface: image, mask."""
    shirt, mask = t_shirt(scale=scale) if skirt is None else lower(skirt, scale=scale)
    image = np.full((*size, 3), (225, 220, 210), np.uint8)
    whole = np.zeros(size, np.float32)
    y, x = at
    image[y : y + shirt.shape[0], x : x + shirt.shape[1]] = shirt
    whole[y : y + shirt.shape[0], x : x + shirt.shape[1]] = mask
    return image, whole


@pytest.mark.parametrize(("size", "at", "scale"), [((400, 400), (30, 60), 1.0), ((1500, 1300), (200, 100), 3.5)])
def test_points_and_matte_land_in_the_photos_pixels(size: tuple[int, int], at: tuple[int, int], scale: float) -> None:
    image, mask = on_canvas(size, at, scale)
    before = image.copy()
    garment = GarmentAnalyser(Seer())(image)
    np.testing.assert_array_equal(image, before)
    found = garment.mask > 0.5
    assert (found & (mask > 0.5)).sum() / (found | (mask > 0.5)).sum() > 0.97
    assert set(garment.landmarks) == set(LANDMARKS) and garment.landmarks["elbow_left"] is None
    for name, (x, y) in MARKS.items():
        got = garment.landmarks[name]
        assert got is not None
        assert math.dist(got, (at[1] + x * scale, at[0] + y * scale)) < 9 * scale
    assert garment.category == "upper" and garment.sleeve == "short"
    assert 0 <= garment.confidence <= 1 and not garment.open_front


@pytest.mark.parametrize(
    ("category", "error", "words"),
    [
        ("none", NotAGarment, "does not seem to show a garment"),
        ("person", NotAGarment, "shows a person"),
    ],
)
def test_what_is_refused(category: str, error: type[Exception], words: str) -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    with pytest.raises(error, match=words) as caught:
        GarmentAnalyser(Seer(category))(image)
    assert "\n" not in str(caught.value)


class Undecided(Seer):
    """Sees the category only as probabilities."""

    def __init__(self, **shares: float) -> None:
        super().__init__()
        self.shares = [shares.get(name, 0.01) for name in ATTRIBUTES["category"]]

    def run(self, session: object, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        out = super().run(session, inputs)
        at = 2 + list(ATTRIBUTES).index("category")
        out[at] = np.repeat(np.array([self.shares], np.float32), len(out[0]), 0)
        return out


def test_a_dress_on_a_hanger_that_looks_like_somebody_is_taken_when_nobody_is_there() -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    analyse = GarmentAnalyser(Undecided(dress=0.4, person=0.56))
    with pytest.raises(NotAGarment, match="shows a person"):
        analyse(image)
    garment = analyse(image, alone=True)
    assert garment.category == "dress" and garment.confidence > 0.8


def test_what_is_neither_a_person_nor_a_garment_is_refused_even_if_nobody_is_there() -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    with pytest.raises(NotAGarment, match="does not seem to show a garment"):
        GarmentAnalyser(Undecided(none=0.4, person=0.55))(image, alone=True)


@pytest.mark.parametrize(("breadth", "taken"), [(160, "upper"), (100, "dress")])
def test_how_long_it_is_helps_to_tell_a_dress_from_a_top(breadth: float, taken: str) -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    network = Undecided(upper=0.5, dress=0.45)
    network.marks = {**MARKS, "armpit_left": (150 - breadth / 2, 120), "armpit_right": (150 + breadth / 2, 120)}
    assert GarmentAnalyser(network)(image).category == taken


@pytest.mark.parametrize(("lower", "dress", "taken"), [(0.3, 0.6, "dress"), (0.45, 0.5, "lower")])
def test_a_long_dress_is_not_taken_for_trousers_on_a_small_doubt(lower: float, dress: float, taken: str) -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    assert GarmentAnalyser(Undecided(lower=lower, dress=dress))(image).category == taken


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 70, 160)])
def test_plain_surfaces_are_refused(colour: tuple[int, int, int]) -> None:
    with pytest.raises(NotAGarment, match="plain surface"):
        GarmentAnalyser(Seer())(np.full((300, 200, 3), colour, np.uint8))


@pytest.mark.parametrize("seen", ["upper", "lower"])
def test_a_given_category_is_taken_with_a_notice(seen: str) -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    other: Category = "lower" if seen == "upper" else "upper"
    garment = GarmentAnalyser(Seer(seen))(image, category=other)
    assert garment.category == other
    assert "category_mismatch" in {notice.code for notice in garment.warnings}
    garment = GarmentAnalyser(Seer(seen))(image, category="upper" if seen == "upper" else "lower")
    assert "category_mismatch" not in {notice.code for notice in garment.warnings}
    with pytest.raises(UsageError, match="auto, upper"):
        GarmentAnalyser(Seer())(image, category="hat")  # type: ignore[arg-type]


@pytest.mark.parametrize(("seen", "given"), [("lower", "upper"), ("upper", "lower"), ("lower", "dress")])
def test_a_given_category_that_can_not_be_true_is_refused_with_the_right_one(seen: str, given: Category) -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    with pytest.raises(UnsupportedCategory, match=f"can't be used as {given}.*--category {seen}"):
        GarmentAnalyser(Seer(seen, blurred=True))(image, category=given)
    with pytest.raises(NotAGarment, match="does not clearly"):
        GarmentAnalyser(Seer(seen, blurred=True))(image)


@pytest.mark.parametrize("category", ["auto", "lower"])
@pytest.mark.parametrize("length", ["short", "knee", "long"])
def test_trousers_have_their_points_by_name(category: Category, length: str) -> None:
    image, mask = on_canvas((700, 640), (30, 60), 1.5, skirt=False)
    garment = GarmentAnalyser(Seer("lower", TROUSER_MARKS, length=length))(image, category=category)
    assert (garment.category, garment.sleeve, garment.length, garment.is_skirt) == ("lower", None, length, False)
    assert set(garment.landmarks) == set(garment.scores) == set(LOWER_LANDMARKS) and not garment.open_front
    for name, (x, y) in TROUSER_MARKS.items():
        got = garment.landmarks[name]
        if "knee" in name and length != "long":
            assert got is None and garment.scores[name] == 0
            continue
        assert got is not None
        assert math.dist(got, (60 + 1.5 * x, 30 + 1.5 * y)) < 12
    found = garment.mask > 0.5
    assert (found & (mask > 0.5)).sum() / (found | (mask > 0.5)).sum() > 0.97
    assert garment.confidence > 0.8


def test_a_skirt_has_no_crotch_and_no_inner_corners() -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0, skirt=True)
    garment = GarmentAnalyser(Seer("lower", SKIRT_MARKS, skirt="skirt", length="knee"))(image)
    assert garment.is_skirt and garment.length == "knee"
    absent = {name for name, point in garment.landmarks.items() if point is None}
    assert absent == set(LOWER_LANDMARKS) - set(SKIRT_MARKS)
    unsure = GarmentAnalyser(Seer("lower", SKIRT_MARKS, skirt="skirt", length=""))(image)
    assert "length_uncertain" in {notice.code for notice in unsure.warnings}


def test_notices() -> None:
    image, _ = on_canvas((400, 300), (30, 0), 1.0)
    shifted = np.ascontiguousarray(image[:, 60:])
    codes = {notice.code for notice in GarmentAnalyser(Seer(open_front="open"))(shifted).warnings}
    assert {"open_front", "garment_cut_off"} <= codes
    two = np.concatenate([image, image[:, ::-1]], 1)
    assert "several_garments" in {notice.code for notice in GarmentAnalyser(Seer())(two).warnings}


def test_a_cut_out_brings_its_own_matte() -> None:
    image, mask = on_canvas((400, 400), (30, 60), 1.0)
    garment = GarmentAnalyser(Seer())(image, alpha=mask)
    np.testing.assert_array_equal(garment.mask, mask)


def test_which_alphas_are_cut_outs() -> None:
    _, mask = on_canvas((400, 400), (30, 60), 1.0)
    frame = np.zeros((400, 400), np.float32)
    frame[20:380, 20:380] = 1
    assert cut_out_mask(mask, (400, 400)) is not None
    for alpha in (None, np.ones((400, 400), np.float32), np.zeros((400, 400), np.float32), frame, mask * 0.5):
        assert cut_out_mask(alpha, (400, 400)) is None
    with pytest.raises(ValueError, match="size"):
        cut_out_mask(mask, (400, 300))


@pytest.fixture(scope="module")
def shipped() -> GarmentAnalyser:
    return GarmentAnalyser(threads=1)


needs_weights = pytest.mark.skipif("garment" not in weights.names(), reason="the garment weights are not there")


@needs_weights
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_the_shipped_network_reads_a_drawn_shirt_at_any_turn(shipped: GarmentAnalyser, turns: int) -> None:
    image, mask = on_canvas((440, 400), (50, 50), 1.0)
    image, mask = np.ascontiguousarray(np.rot90(image, turns)), np.rot90(mask, turns)
    garment = shipped(image)
    found = garment.mask > 0.5
    assert (found & (mask > 0.5)).sum() / (found | (mask > 0.5)).sum() > 0.9
    hem, neck = garment.landmarks["hem_left"], garment.landmarks["neck_left"]
    assert hem is not None and neck is not None
    up = np.array(neck) - np.array(hem)
    assert np.argmax([up @ v for v in ((0, -1), (-1, 0), (0, 1), (1, 0))]) == turns


@needs_weights
@pytest.mark.parametrize("skirt", [False, True])
def test_the_shipped_network_knows_drawn_trousers_and_skirts(shipped: GarmentAnalyser, skirt: bool) -> None:
    image, mask = on_canvas((440, 400), (50, 50), 1.0, skirt=skirt)
    garment = shipped(image)
    assert garment.category == "lower" and garment.is_skirt == skirt
    found = garment.mask > 0.5
    assert (found & (mask > 0.5)).sum() / (found | (mask > 0.5)).sum() > 0.9
    marks = SKIRT_MARKS if skirt else TROUSER_MARKS
    for name in ("waist_left", "waist_right", "hem_out_left", "hem_out_right"):
        got = garment.landmarks[name]
        assert got is not None and math.dist(got, (50 + marks[name][0], 50 + marks[name][1])) < 30


@needs_weights
def test_the_shipped_network_refuses_noise_and_shapes(shipped: GarmentAnalyser) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (300, 300, 3)).astype(np.uint8)
    gradient = np.repeat(np.tile(np.linspace(0, 255, 300).astype(np.uint8), (300, 1))[..., None], 3, 2)
    for image in (noise, gradient):
        with pytest.raises(NotAGarment):
            shipped(image)


def test_mirror_is_used_for_the_mirrored_look() -> None:
    image, _ = on_canvas((400, 400), (30, 60), 1.0)
    garment = GarmentAnalyser(Seer())(image)
    left, right = garment.landmarks["hem_left"], garment.landmarks["hem_right"]
    assert left is not None and right is not None and left[0] < right[0]
    assert len(MIRROR) == len(POINTS)

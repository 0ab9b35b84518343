"""The path from analysed pictures to the result, with the engine that needs no network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import drawn_person
from tryon import TryOn, TryOnError
from tryon.engines import make_engine
from tryon.errors import UsageError
from tryon.labels import Label


@pytest.fixture(scope="module")
def try_on():
    return TryOn(engine="geometric")


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.3])
@pytest.mark.parametrize("sleeve", ["none", "short", "long"])
def test_untouched_pixels_are_bit_identical_and_the_size_stays(try_on, scale, sleeve):
    person = drawn_person.person(scale)
    result = try_on(person, drawn_person.flat_top(sleeve), explain=True)
    assert result.image.shape == person.image.shape and result.image.dtype == np.uint8
    mask = result.explain["edit_mask"]
    assert mask.shape == person.image.shape[:2]
    assert np.array_equal(result.image[mask == 0], person.image[mask == 0])
    x0, y0, x1, y1 = result.report["edit_box"]
    assert not mask[:y0].any() and not mask[y1:].any() and not mask[:, :x0].any() and not mask[:, x1:].any()
    assert 0.03 < (mask > 0).mean() < 0.6


def test_the_garment_arrives_with_its_colours(try_on):
    person, garment = drawn_person.person(), drawn_person.flat_top("short")
    result = try_on(person, garment)
    chest = result.image[190:280, 170:230].reshape(-1, 3).astype(int)
    blue = (chest[:, 2] > chest[:, 0] + 40).mean()
    red = (chest[:, 0] > chest[:, 2] + 40).mean()
    assert blue > 0.3 and red > 0.3  # both stripes, none of the old top's flat blue alone


def test_same_input_same_bytes(try_on):
    person, garment = drawn_person.person(), drawn_person.flat_top("long")
    assert np.array_equal(try_on(person, garment).image, try_on(person, garment).image)


def test_report_has_the_documented_fields(try_on):
    report = try_on(drawn_person.person(), drawn_person.flat_top()).report
    assert set(report) == {
        "status", "category", "quality", "warnings", "edit_box", "timings_ms", "engine", "weights", "versions",
    }  # fmt: skip
    assert report["status"] == "ok" and report["engine"] == "geometric" and 0 <= report["quality"] <= 1


def test_explain_has_the_documented_pictures(try_on):
    result = try_on(drawn_person.person(), drawn_person.flat_top(), explain=True)
    for name in ("pose", "parse", "agnostic", "warped_garment", "alpha", "edit_mask", "garment_mask", "garment"):
        assert name in result.explain
    assert result.explain["garment"]["landmarks"]["elbow_left"] is None


def test_a_dress_replaces_top_and_trousers(try_on):
    person, dress = drawn_person.person(), drawn_person.flat_dress()
    result = try_on(person, dress, explain=True)
    assert result.report["category"] == "dress" and result.report["engine"] == "geometric"
    mask = result.explain["edit_mask"]
    assert np.array_equal(result.image[mask == 0], person.image[mask == 0])
    assert (mask[person.parse == int(Label.LOWER)] > 0.5).mean() > 0.99  # no trousers stay
    assert (mask[person.parse == int(Label.TOP)] > 0.5).mean() > 0.98


def test_a_dress_as_short_as_a_top_is_taken_for_a_top_with_a_warning(try_on):
    top = drawn_person.flat_top()
    short = {k: (p[0], p[1] - 40) if p and k.startswith("hem") else p for k, p in top.landmarks.items()}
    garment = replace(top, category="dress", landmarks=short)
    report = try_on(drawn_person.person(), garment).report
    assert report["category"] == "upper" and "dress_or_top" in [w["code"] for w in report["warnings"]]
    report = try_on(drawn_person.person(), garment, category="dress").report
    assert report["category"] == "dress"


def test_wrong_words_are_usage_errors(try_on):
    with pytest.raises(UsageError, match="category"):
        try_on(drawn_person.person(), drawn_person.flat_top(), category="hat")
    with pytest.raises(UsageError, match="engine"):
        make_engine("magic")
    with pytest.raises(TryOnError):
        TryOn(threads=0)

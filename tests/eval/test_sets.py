"""Measures of sets and their intervals, against clean-fid, torchmetrics and known answers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tryon.eval import intervals
from tryon.eval.features import INCEPTION, inception_extractor, load_inception
from tryon.eval.sets import LEAST, Sets, distance, frechet

from tryon.errors import UsageError


def cloud(rng: np.random.Generator, n: int = 60, d: int = 24, shift: float = 0.0) -> np.ndarray:
    return (rng.standard_normal((n, d)) * 0.6 + 0.4 + shift).astype(np.float32)


def people(n: int) -> list[str]:
    return [f"p{i}" for i in range(n)]


def test_kid_agrees_with_clean_fid_and_torchmetrics(rng: np.random.Generator) -> None:
    """Whole sets, features of random numbers; relative tolerance 1e-4 (theirs are float32)."""
    torch = pytest.importorskip("torch")
    from cleanfid.fid import kernel_distance
    from torchmetrics.image.kid import poly_mmd

    x, y = cloud(rng), cloud(rng, shift=0.1)
    ours = intervals.kernel_mmd(x, y, np.ones((1, len(x))), paired=False)[0]
    assert ours == pytest.approx(kernel_distance(x, y, num_subsets=1), rel=1e-4)
    assert ours == pytest.approx(float(poly_mmd(torch.from_numpy(x), torch.from_numpy(y))), rel=1e-4)


def test_fid_has_its_closed_form(rng: np.random.Generator) -> None:
    """A shift by s of all d features adds d s^2; a scale by a of one set adds (a - 1)^2 of its variance."""
    pytest.importorskip("cleanfid")
    x = cloud(rng, 400, 6)
    assert frechet(x, x) == pytest.approx(0, abs=1e-4)
    assert frechet(x, x + 0.5) == pytest.approx(6 * 0.25, rel=1e-3)
    centred = x - x.mean(0)
    trace = float(np.trace(np.cov(centred, rowvar=False)))
    assert frechet(centred, 2 * centred) == pytest.approx(trace, rel=1e-3)


def test_equal_sets_have_distance_zero_in_any_order(rng: np.random.Generator) -> None:
    x = cloud(rng)
    same = distance(x, x, people(len(x)), paired=True)
    assert same["value"] == pytest.approx(0, abs=1e-9) and same["low"] == pytest.approx(0, abs=1e-9)
    shuffled = distance(x[rng.permutation(len(x))], x, people(len(x)), paired=True)
    far = distance(x + 0.3, x, people(len(x)), paired=True)
    farther = distance(x + 0.6, x, people(len(x)), paired=True)
    assert abs(shuffled["value"]) < 0.1 * far["value"] < 0.1 * farther["value"]
    assert far["low"] > 0


def test_the_paired_distance_is_unbiased(rng: np.random.Generator) -> None:
    """Two sets of one distribution, independent: the mean over many draws is 0 within its own error."""
    values = [
        intervals.kernel_mmd(cloud(rng, 12), cloud(rng, 12), np.ones((1, 12)), paired=True)[0] for _ in range(300)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(len(values))


def test_copies_in_a_bootstrap_sample_do_not_bias_it(rng: np.random.Generator) -> None:
    x, y = cloud(rng), cloud(rng, shift=0.2)
    value = distance(x, y, people(len(x)), paired=True)
    samples = 1000 * intervals.kernel_mmd(x, y, intervals.draws(people(len(x))), paired=True)
    assert np.mean(samples) == pytest.approx(value["value"], rel=0.05)
    assert value["low"] < value["value"] < value["high"]


def test_intervals_hold_the_truth_as_often_as_they_say(rng: np.random.Generator) -> None:
    """95 % intervals of means of 40 values: a binomial count of 300 tries; bounds 3 deviations off (and the bootstrap's
    known shortfall of about 1.5 %)."""
    hits = 0
    for _ in range(300):
        out = intervals.mean(rng.normal(2, 1, 40).tolist(), people(40))
        hits += out["low"] <= 2 <= out["high"]
    assert 0.935 - 3 * 0.0142 < hits / 300 < 0.95 + 3 * 0.0126


def test_people_are_drawn_whole(rng: np.random.Generator) -> None:
    """Ten people with ten equal pairs each know no more than ten people."""
    values = rng.normal(0, 1, 10)
    few = intervals.mean(values.tolist(), people(10))
    many = intervals.mean(np.repeat(values, 10).tolist(), [p for p in people(10) for _ in range(10)])
    assert many["low"] == pytest.approx(few["low"]) and many["high"] == pytest.approx(few["high"])
    assert many["n"] == 100


def test_without_values_there_is_no_mean() -> None:
    assert intervals.mean([], []) == {"mean": None, "low": None, "high": None, "n": 0}
    assert intervals.mean([3.0], ["a"]) == {"mean": 3.0, "low": None, "high": None, "n": 1}


def test_what_can_not_be_computed_says_why(rng: np.random.Generator) -> None:
    out = Sets("no Inception", "no MobileNetV2").compare({}, {}, people(20))
    assert out["fid"] == out["kid"] == {"unavailable": "no Inception"}
    assert out["features_mmd"] == {"unavailable": "no MobileNetV2"}
    extract = Sets(lambda image: image.mean((0, 1)), "none")
    few = extract.compare({}, {}, people(LEAST - 1))
    assert "fewer than 10 people" in few["kid"]["unavailable"]


def test_inception_is_only_loaded_from_a_file_that_was_named(tmp_path: Path) -> None:
    extractor, reason = load_inception(None)
    assert extractor is None and "--inception" in reason
    with pytest.raises(UsageError, match="another name"):
        load_inception(tmp_path / "other.pt")
    (tmp_path / INCEPTION).write_bytes(b"nothing")
    pytest.importorskip("cleanfid")
    with pytest.raises(UsageError, match="can't be loaded"):
        load_inception(tmp_path / INCEPTION)


def test_the_whole_of_fid_and_kid_with_a_stand_in_for_inception(rng: np.random.Generator) -> None:
    """clean-fid's own folder functions with the same small network: relative tolerance 1e-3 and 1e-4."""
    torch = pytest.importorskip("torch")
    from cleanfid.fid import kernel_distance
    from cleanfid.resize import build_resizer

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 7, 8), torch.nn.ReLU(), torch.nn.AvgPool2d(36), torch.nn.Flatten())
    model = lambda x: net((x - 128) / 128)  # noqa: E731
    photos = rng.integers(0, 256, (14, 90, 70, 3), dtype=np.uint8)
    results = np.clip(photos.astype(int) // 2 + 90, 0, 255).astype(np.uint8)
    sets = Sets(inception_extractor(model), "none")
    done: list[int] = []
    ours = [sets.features(lambda i, of=of: of[i], 14, lambda: done.append(1)) for of in (results, photos)]
    assert len(done) == 28
    resize = build_resizer("clean")
    with torch.inference_mode():
        theirs = [
            model(torch.stack([torch.from_numpy(resize(z).transpose(2, 0, 1)) for z in of])).numpy()
            for of in (results, photos)
        ]
    np.testing.assert_allclose(ours[0]["inception"], theirs[0], atol=1e-5)
    out = sets.compare(*ours, people(14))
    assert out["kid"]["value"] == pytest.approx(1000 * kernel_distance(*theirs, num_subsets=1), rel=1e-3)
    assert out["kid"]["low"] < out["kid"]["value"] < out["kid"]["high"]
    assert out["fid"]["value"] > 0 and out["fid"]["low"] is None and out["fid"]["n"] == 14

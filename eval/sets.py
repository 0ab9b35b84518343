"""Measures of whole sets: the results of a system against the person photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import intervals
from .features import Extractor, MobileNet
from .metrics import Metric, missing

METRICS = {
    "fid": Metric("FID", "", "lower", "Frechet distance of Inception features; compare only at one number of pictures"),
    "kid": Metric("KID x1000", "", "lower", "kernel distance of Inception features"),
    "features_mmd": Metric(
        "feature MMD x1000",
        "",
        "lower",
        "kernel distance of MobileNetV2's features between results and person photos; it is not KID",
    ),
}
#: Sets of fewer people say nothing.
LEAST = 10
_TRUTH = "the person photos of the same pairs"


def describe(backbone: MobileNet | None) -> dict[str, dict[str, Any]]:
    """`set_metrics` of the summary."""
    inception = {"library": "clean-fid", "mode": "clean", "size": "299x299, PIL bicubic, not rounded", "truth": _TRUTH}
    kernel = {"kernel": "(x.y / d + 1)^3, unbiased", "times": 1000, "truth": _TRUTH}
    settings = {
        "fid": {**inception, "colour": "RGB, 0..255", "interval": "none: resampling biases it"},
        "kid": {**inception, **kernel, "subsets": "none, the whole sets"},
        "features_mmd": {
            **kernel,
            "paired": "pictures of one person are not compared with each other",
            **(backbone.settings() if backbone else {}),
        },
    }
    return {name: {**metric._asdict(), "settings": settings[name]} for name, metric in METRICS.items()}


class Sets:
    """Collects features and compares them.

    Args:
        inception, backbone: the networks, or the reasons why they are not there.
    """

    def __init__(self, inception: Extractor | str, backbone: MobileNet | str) -> None:
        self._inception, self._backbone = inception, backbone

    @property
    def able(self) -> bool:
        """Whether there is anything to compute."""
        return not (isinstance(self._inception, str) and isinstance(self._backbone, str))

    def features(
        self, load: Callable[[int], np.ndarray], count: int, done: Callable[[], None]
    ) -> dict[str, np.ndarray]:
        """Features of `count` pictures, one at a time in memory: network -> float32 (count, d)."""
        rows: dict[str, list[np.ndarray]] = {"inception": [], "backbone": []}
        for number in range(count):
            image = load(number)
            if not isinstance(self._inception, str):
                rows["inception"].append(self._inception(image))
            if not isinstance(self._backbone, str):
                rows["backbone"].append(self._backbone.pooled(image))
            done()
        return {name: np.stack(values) for name, values in rows.items() if values}

    def compare(
        self, results: dict[str, np.ndarray], photos: dict[str, np.ndarray], people: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """The measures of one system.

        Args:
            results, photos: of `features`, row for row of one pair.
            people: who is in each row.
        """
        out: dict[str, dict[str, Any]] = {}
        few = f"a set of fewer than {LEAST} people" if len(set(people)) < LEAST else ""
        for name, network, source in (
            ("fid", "inception", self._inception),
            ("kid", "inception", self._inception),
            ("features_mmd", "backbone", self._backbone),
        ):
            if isinstance(source, str) or few:
                out[name] = {"unavailable": source if isinstance(source, str) else few}
                continue
            x, y = results[network], photos[network]
            if name == "fid":
                out[name] = {"value": frechet(x, y), "low": None, "high": None, "n": len(x)}
            else:
                out[name] = distance(x, y, people, paired=name == "features_mmd")
        return out


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance of two sets of features, float (n, d), by clean-fid."""
    try:
        from cleanfid.fid import frechet_distance
    except ImportError as error:
        raise missing("clean-fid") from error
    moments = [(z.mean(0), np.cov(z, rowvar=False)) for z in (x.astype(np.float64), y.astype(np.float64))]
    return float(frechet_distance(*moments[0], *moments[1]))


def distance(x: np.ndarray, y: np.ndarray, people: Sequence[str], paired: bool) -> dict[str, Any]:
    """`intervals.kernel_mmd` times 1000 with its interval."""
    value = intervals.kernel_mmd(x, y, np.ones((1, len(x))), paired)[0]
    samples = intervals.kernel_mmd(x, y, intervals.draws(people), paired)
    low, high = intervals.interval(1000 * samples[np.isfinite(samples)])
    return {"value": 1000 * float(value), "low": low, "high": high, "n": len(x)}

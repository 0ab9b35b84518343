"""Bootstrap intervals over people, for means and for distances of sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SAMPLES, LEVEL, SEED = 2000, 0.95, 0


def settings() -> dict[str, Any]:
    """For the summary."""
    return {"samples": SAMPLES, "level": LEVEL, "seed": SEED, "unit": "person photo"}


def draws(people: Sequence[str], samples: int = SAMPLES) -> np.ndarray:
    """How often each pair occurs in each bootstrap sample: float64 (samples, n).

    People are drawn, not pairs: who stands in several pairs comes with all of them.
    """
    known = {name: i for i, name in enumerate(dict.fromkeys(people))}
    of = np.array([known[name] for name in people], int)
    count = len(known)
    chosen = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), samples)
    return chosen[:, of].astype(np.float64)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle `LEVEL` of the values."""
    low, high = np.percentile(values, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def mean(values: Sequence[float], people: Sequence[str]) -> dict[str, Any]:
    """`mean`, `low`, `high`, `n`; the interval is null for fewer than two people, all is for no values."""
    if not values:
        return {"mean": None, "low": None, "high": None, "n": 0}
    x = np.asarray(values, np.float64)
    out: dict[str, Any] = {"mean": float(x.mean()), "low": None, "high": None, "n": len(x)}
    if len(set(people)) > 1:
        weights = draws(people)
        out["low"], out["high"] = interval(weights @ x / weights.sum(1))
    return out


def kernel_mmd(x: np.ndarray, y: np.ndarray, weights: np.ndarray, paired: bool) -> np.ndarray:
    """Squared maximum mean discrepancy with KID's kernel, (x.y / d + 1)^3, unbiased, for each row of weights.

    With weights of 1 and not `paired` this is KID (Binkowski et al., 2018) over the whole sets. A bootstrap sample
    holds copies; a picture is never compared with its copy, so the samples are not biased by them. `paired` leaves out
    what the two pictures of one person have in common (Gretton et al., 2012, eq. 4): equal sets have exactly 0.

    Args:
        x, y: float (n, d), row i of both from one person. weights: float (samples, n).

    Returns:
        float64 (samples,); nan where a sample holds a single picture.
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    d = x.shape[1]

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / d + 1) ** 3

    within, across = kernel(x, x) + kernel(y, y), kernel(x, y)
    np.fill_diagonal(within, 0)
    total = weights.sum(1)
    others = total**2 - (weights**2).sum(1)  # pairs of different pictures
    others[others <= 0] = np.nan
    if paired:
        np.fill_diagonal(across, 0)
        return _form(weights, within - 2 * across) / others
    return _form(weights, within) / others - 2 * _form(weights, across) / total**2


def _form(weights: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.einsum("si,si->s", weights @ matrix, weights)

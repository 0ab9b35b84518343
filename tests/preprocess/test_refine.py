"""Parses put right by colours and edges."""

from __future__ import annotations

import numpy as np

from tryon.labels import NUM_LABELS, Label
from tryon.preprocess.refine import along_edges, by_colour, refine

RED, BLUE, WALL = (180, 40, 40), (40, 60, 170), (200, 200, 195)


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A red top above blue trousers before a wall: picture and true labels."""
    truth = np.full((120, 90), int(Label.BACKGROUND))
    truth[20:60, 25:65] = Label.TOP
    truth[60:110, 28:62] = Label.LOWER
    picture = np.select([(truth == k)[..., None] for k in (Label.TOP, Label.LOWER)], [np.array(RED), BLUE], WALL)
    picture, truth = (np.kron(x, np.ones((3, 3, 1)[: x.ndim], x.dtype)) for x in (picture, truth))
    return np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8), truth


def opinion(labels: np.ndarray, sure: float = 0.7) -> np.ndarray:
    out = np.full((NUM_LABELS, *labels.shape), (1 - sure) / (NUM_LABELS - 1), np.float32)
    np.put_along_axis(out, labels[None], sure, axis=0)
    return out


def test_colours_overrule_a_network_that_is_not_sure(rng: np.random.Generator) -> None:
    picture, truth = scene(rng)
    seen = truth.copy()
    seen[180:216, 84:186] = Label.TOP  # the upper end of the trousers
    seen[75:120, 75:96] = Label.LOWER
    out = by_colour(0.55 * opinion(seen) + 0.45 * opinion(truth), picture)  # it wavers where it errs
    assert (out.argmax(0) == truth).mean() > 0.99 > (seen == truth).mean()
    np.testing.assert_allclose(out.sum(0), 1, atol=1e-5)


def test_clothes_of_one_colour_stay_as_the_network_sees_them(rng: np.random.Generator) -> None:
    picture, truth = scene(rng)
    picture[truth > 0] = RED
    assert (by_colour(opinion(truth), picture).argmax(0) == truth).all()


def test_what_is_certain_stays(rng: np.random.Generator) -> None:
    picture, truth = scene(rng)
    picture[90:120, 90:120] = BLUE  # a blue badge on the top, which the network knows well
    assert (by_colour(opinion(truth, 0.9999), picture).argmax(0) == truth).all()


def test_borders_move_to_the_edges(rng: np.random.Generator) -> None:
    picture, truth = scene(rng)
    seen = np.roll(truth, 2, axis=1)
    before, after = ((x == truth).mean() for x in (seen, along_edges(opinion(seen), picture).argmax(0)))
    assert 1 - after < 0.5 * (1 - before)


def test_only_the_person_s_surroundings_and_the_rows_asked_for_change(rng: np.random.Generator) -> None:
    picture, truth = scene(rng)
    shares = opinion(truth)
    shares[:, truth == 0] = 0
    shares[Label.BACKGROUND, truth == 0] = 1
    out = refine(shares, picture, 240)
    assert (out[:, :225] == shares[:, :225]).all() and (out[:, 240:300, 90:180] != shares[:, 240:300, 90:180]).any()
    empty = opinion(np.zeros_like(truth), 1.0)
    assert refine(empty, picture) is empty

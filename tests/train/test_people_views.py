"""Views of labelled people: what is changed keeps its labels."""

import random
from dataclasses import replace

import numpy as np
import pytest
from tryon.train import people_views
from tryon.train.people_views import STORE, Sample, augmented_view

from tryon.labels import Label


@pytest.fixture
def sample(rng: np.random.Generator) -> Sample:
    labels = np.zeros(STORE, np.uint8)
    labels[80:240, 130:250] = Label.TOP
    labels[240:440, 140:240] = Label.LOWER
    image = rng.integers(90, 120, (*STORE, 3), dtype=np.uint8)
    keypoints = np.zeros((33, 3), np.float32)
    keypoints[:, 0], keypoints[:, 1] = rng.uniform(130, 250, 33), rng.uniform(80, 440, 33)
    return Sample("a", image, np.uint8(255) * (labels > 0), keypoints, (130.0, 60.0, 250.0, 450.0), labels)


def test_a_dyed_piece_changes_alone(sample: Sample) -> None:
    assert sample.labels is not None
    for seed in range(6):
        out = people_views._dye(sample.image, sample.labels, random.Random(seed)).astype(int)
        change = np.abs(out - sample.image).mean(-1)
        pieces = [change[90:230, 140:240].mean(), change[250:430, 150:230].mean()]
        assert max(pieces) > 4 and min(pieces) < 0.5
        assert change[:70].max() == 0


def test_other_surroundings_leave_the_person(sample: Sample) -> None:
    assert sample.labels is not None
    other = replace(sample, id="b", image=np.full((*STORE, 3), 230, np.uint8))
    out = people_views._elsewhere(sample.image, sample.labels, sample.mask, other, random.Random(1))
    assert np.array_equal(out[100:220, 150:230], sample.image[100:220, 150:230])
    assert out[:60, :100].min() > 200


def test_views_are_reproducible_and_keep_their_labels(sample: Sample) -> None:
    views = [augmented_view(sample, (128, 96), random.Random(5), [sample]) for _ in range(2)]
    assert np.array_equal(views[0][0], views[1][0]) and np.array_equal(views[0][1], views[1][1])
    planes, labels = views[0]
    assert planes.shape == (128, 96, 10) and planes.dtype == np.uint8 and labels.shape == (64, 48)
    assert {int(v) for v in np.unique(labels)} <= {0, int(Label.TOP), int(Label.LOWER), people_views.IGNORE}


def test_a_closer_look_is_not_taken_where_labels_are_coarse(sample: Sample) -> None:
    sample.keypoints[[11, 12, 23, 24], :2] = [(220, 120), (160, 120), (210, 240), (170, 240)]
    scale = {}
    for coarse in (False, True):
        view = replace(sample, coarse=coarse)
        found = [
            abs(np.linalg.det(people_views._random_affine(view, (128, 96), rng, 1.0)[0][:, :2]))
            for rng in (random.Random(seed) for seed in range(40))
        ]
        scale[coarse] = float(np.median(found))
    assert scale[False] > 1.3 * scale[True]


def test_labels_against_the_tags_are_left_out(sample: Sample) -> None:
    pytest.importorskip("torch")
    from tryon.train.pseudo_labels import leave_out

    assert sample.labels is not None
    before = sample.labels.copy()
    assert leave_out(sample, ["jeans", "coat"])
    assert (sample.labels[before == Label.TOP] == people_views.IGNORE).all()
    assert (sample.labels[before != Label.TOP] == before[before != Label.TOP]).all()
    assert not leave_out(replace(sample, labels=None), ["jeans"])

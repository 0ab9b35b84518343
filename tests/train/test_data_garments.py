"""Records and samples of the garment network: points by name, attributes that are known, mirrored samples."""

import numpy as np
import pytest
from drawn_garments import MARKS, SKIRT_MARKS, TROUSER_MARKS, lower, t_shirt

pytest.importorskip("torch")

from tryon.train import data_garments as data

from tryon.preprocess.landmarks import ATTRIBUTES, POINTS


def _record(label, marks, picture, **note):
    image, mask = picture
    note = {"id": label, "label": label, "landmarks": {k: list(v) for k, v in marks.items()}, **note}
    return data.make_record(note, image, (mask * 255).astype(np.uint8))


def _records():
    trousers = _record("Pants", TROUSER_MARKS, lower(), length="long", estimated=["knee_left", "hip_left"])
    skirt = _record("Skirt", SKIRT_MARKS, lower(skirt=True), length="knee")
    return _record("T-Shirt", MARKS, t_shirt(), sleeve="short", open=False), trousers, skirt


def test_records_know_what_their_notes_say():
    shirt, trousers, skirt = _records()
    assert shirt.category == data.CATEGORY["upper"] and trousers.category == skirt.category == data.CATEGORY["lower"]
    assert (shirt.length, shirt.skirt) == (data.UNKNOWN, data.UNKNOWN)
    assert (trousers.sleeve, trousers.open_front) == (data.UNKNOWN, data.UNKNOWN)
    assert ATTRIBUTES["length"][trousers.length] == "long" and ATTRIBUTES["length"][skirt.length] == "knee"
    assert (trousers.skirt, skirt.skirt) == (0, 1)
    for record, marks in ((shirt, MARKS), (trousers, TROUSER_MARKS), (skirt, SKIRT_MARKS)):
        for i, name in enumerate(POINTS):
            assert bool(record.presence[i]) == (name in marks) == bool(np.isfinite(record.points[i, 0]))
            if name in marks:
                np.testing.assert_allclose(record.points[i], marks[name], atol=1e-3)
    assert not trousers.tight[POINTS.index("hip_left")] and trousers.tight[POINTS.index("knee_left")]


def test_a_machine_label_without_points_says_nothing_of_them():
    record = _record("Shorts", {}, lower(), machine=True)
    assert (record.presence == data.UNKNOWN).all() and np.isnan(record.points).all()
    assert (record.length, record.skirt) == (data.UNKNOWN, 0)


def test_samples_keep_left_and_right_when_mirrored():
    sampler = data.Sampler(list(_records()), [], seed=1)
    kinds = []
    for _ in range(120):
        sample = sampler.draw()
        kinds.append(int(sample["category"]))
        assert sample["points"].shape == (len(POINTS), 2) and sample["presence"].shape == (len(POINTS),)
        for name in ("waist", "hem_out", "hem"):
            left, right = (POINTS.index(f"{name}_{side}") for side in ("left", "right"))
            if sample["point_weight"][[left, right]].min() > 0:
                assert sample["points"][left, 0] < sample["points"][right, 0]
    garments = [k for k in kinds if k in (data.CATEGORY["upper"], data.CATEGORY["lower"])]
    share = np.mean([k == data.CATEGORY["lower"] for k in garments])
    assert abs(share - data.LOWER_SHARE) < 0.15


def test_machine_labels_join_their_own_kind():
    shirt, trousers, skirt = _records()
    sampler = data.Sampler([shirt, trousers], [], labelled_share=1.0)
    sampler.add_labelled([skirt])
    assert [len(pool) for pool in sampler.labelled_pools] == [0, 1]
    lowers = [s for s in (sampler.draw() for _ in range(60)) if s["category"] == data.CATEGORY["lower"]]
    assert lowers and all(s["skirt"] == 1 for s in lowers)

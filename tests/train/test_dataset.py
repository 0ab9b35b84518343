"""What a data set gives back of the garments that were put into it."""

import numpy as np
import pytest
from drawn_garments import TROUSER_MARKS, garment, lower
from tryon.train.dataset import Dataset, garment_fields

from tryon import imageio
from tryon.types import LOWER_LANDMARKS, Garment


def trousers():
    image, mask = lower()
    marks = {name: TROUSER_MARKS.get(name) for name in LOWER_LANDMARKS}
    return Garment(image, mask, "lower", None, marks, dict.fromkeys(marks, 1.0), 0.9, length="long")


@pytest.mark.parametrize("make", [garment, trousers])
def test_garments_come_back_as_they_were(make, tmp_path):
    given = make()
    (tmp_path / "photos").mkdir()
    imageio.save(tmp_path / "photos" / "one.png", given.image)
    data = Dataset.create(tmp_path / "set", tmp_path / "photos")
    data.save_garment("one", given)
    data.add({"id": "one", "kind": "garment", "file": "one.png", **garment_fields(given)})
    back = Dataset(tmp_path / "set").garment("one")
    assert (back.category, back.sleeve, back.length) == (given.category, given.sleeve, given.length)
    assert back.landmarks.keys() == given.landmarks.keys() and back.is_skirt == given.is_skirt
    for name, point in given.landmarks.items():
        assert back.landmarks[name] == point or np.allclose(back.landmarks[name], point, atol=0.01)
    assert np.abs(back.mask - given.mask).max() < 0.01 and (back.image == given.image).all()

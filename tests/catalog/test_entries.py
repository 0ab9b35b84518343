"""Analyses on disk."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from fake_try_on import FakeTryOn, photo

from tryon import imageio
from tryon.catalog.entries import Damaged, preview_of, seal, unseal


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            _same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)
        )
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("kind", ["person", "garment"])
def test_a_record_comes_back_as_it_was(kind: str) -> None:
    loaded = imageio.load(photo(3))
    record = getattr(FakeTryOn("fake"), f"analyse_{kind}")(loaded)
    entry = seal(record, loaded.image, b"small")
    assert _same(unseal(entry, loaded.image.copy()), record)
    assert preview_of(entry) == b"small" and seal(record, loaded.image, b"small") == entry
    assert unseal(entry, loaded.image).image is loaded.image, "the photo is not stored again"


def test_a_damaged_entry_is_noticed(rng: np.random.Generator) -> None:
    loaded = imageio.load(photo(4))
    entry = seal(FakeTryOn("fake").analyse_person(loaded), loaded.image, b"small")
    for position in rng.integers(0, len(entry), 200):
        broken = bytearray(entry)
        broken[position] ^= 1 << int(rng.integers(8))
        with pytest.raises(Damaged):
            unseal(bytes(broken), loaded.image)
    for length in (0, 10, 31, 32, 33, len(entry) - 1):
        with pytest.raises(Damaged):
            unseal(entry[:length], loaded.image)


def test_only_records_and_plain_values_are_kept() -> None:
    with pytest.raises(TypeError):
        seal(object(), np.zeros((2, 2, 3), np.uint8), b"")

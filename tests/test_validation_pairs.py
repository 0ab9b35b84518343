"""The fixed validation pairs on real photos; needs the photo collections (`make verify`)."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from tryon import TryOn, TryOnError, imageio

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TRYON_DATA", ""))

pytestmark = [
    pytest.mark.needs_data,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (DATA / "ccp" / "photos").is_dir(), reason="SKIPPED, NOT CHECKED: TRYON_DATA has no photo collections"
    ),
]


def pairs() -> list[dict[str, str]]:
    with open(ROOT / "assets" / "splits" / "tryon_val.csv", newline="") as file:
        return [row for row in csv.DictReader(file) if row["set"] == "core"]


def test_core_pairs_succeed_or_say_why_and_touch_nothing_else() -> None:
    try_on = TryOn()
    done = 0
    for pair in pairs():
        photo = imageio.load(DATA / "ccp" / "photos" / f"{pair['person']}.jpg").image
        try:
            result = try_on(photo, DATA / "garments" / "images" / f"{pair['garment']}.jpg", explain=True)
        except TryOnError as error:
            assert error.remedy
            continue
        mask = result.explain["edit_mask"]
        assert result.image.shape == photo.shape
        assert np.array_equal(result.image[mask == 0], photo[mask == 0])
        done += 1
    assert done >= 22, f"only {done} of 24 pairs gave a picture"


def test_the_24_pairs_use_only_held_out_people_and_senders() -> None:
    people = set((ROOT / "assets/splits/people_val.txt").read_text().split())
    senders = set((ROOT / "assets/splits/garment_senders_val.txt").read_text().split())
    with open(DATA / "garments" / "garments.csv", newline="") as file:
        sender = {row["id"]: row["sender_id"] for row in csv.DictReader(file)}
    assert all(p["person"] in people and sender[p["garment"]] in senders for p in pairs())

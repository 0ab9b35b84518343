"""The inside of the back collar."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_garments import garment

from tryon.preprocess.collar import inner_collar, neck_kind
from tryon.preprocess.worn import as_worn
from tryon.types import Garment


def with_marks(record: Garment, **marks: tuple[float, float] | None) -> Garment:
    return replace(record, landmarks={**record.landmarks, **marks})


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_inside_of_a_round_neck_is_found(scale: float) -> None:
    record = garment(scale)
    region = inner_collar(record)
    true = np.zeros(record.mask.shape, np.uint8)
    centre = (round(150 * scale), round(40 * scale))
    cv2.ellipse(true, centre, (round(30 * scale), round(26 * scale)), 0, 0, 180, 1, -1)
    both, either = ((region > 0.5) & (true > 0)).sum(), ((region > 0.5) | (true > 0)).sum()
    assert neck_kind(record) == "open"
    assert both / either > 0.85
    assert (region <= record.mask + 1e-6).all() and region.dtype == np.float32


def test_turned_garments_turn_along() -> None:
    record = garment()
    turned = replace(
        record,
        image=np.ascontiguousarray(np.rot90(record.image)),
        mask=np.ascontiguousarray(np.rot90(record.mask)),
        landmarks={n: None if p is None else (p[1], 300 - p[0]) for n, p in record.landmarks.items()},
    )
    one, two = inner_collar(record) > 0.5, np.rot90(inner_collar(turned) > 0.5, -1)
    assert (one & two).sum() / (one | two).sum() > 0.9


@pytest.mark.parametrize(
    "marks", [{"neck_front": None}, {"neck_left": None}, {"neck_front": (150.0, 40.0)}, {"neck_right": (120.0, 40.0)}]
)
def test_without_an_opening_nothing_is_taken(marks: dict[str, tuple[float, float] | None]) -> None:
    region = inner_collar(with_marks(garment(), **marks))
    assert region.sum() < 60


def test_a_hood_is_taken_whole() -> None:
    record = garment()
    mask, image = record.mask.copy(), record.image.copy()
    mask = np.vstack([np.zeros((60, 300), np.float32), mask])
    image = np.vstack([np.full((60, 300, 3), 220, np.uint8), image])
    hood = np.zeros(mask.shape, np.uint8)
    cv2.ellipse(hood, (150, 100), (42, 80), 0, 180, 360, 1, -1)
    mask[hood > 0] = 1
    image[hood > 0] = (40, 70, 160)
    landmarks = {n: None if p is None else (p[0], p[1] + 60) for n, p in record.landmarks.items()}
    record = replace(record, image=image, mask=mask, landmarks={**landmarks, "neck_front": (150.0, 108.0)})
    assert neck_kind(record) == "hood"
    region = inner_collar(record)
    assert region[hood > 0].mean() > 0.93
    assert region[140:].sum() < 20


@pytest.mark.parametrize("top", [28, 25])
def test_a_turtleneck_stays(top: int) -> None:
    record = garment()
    mask = np.vstack([np.zeros((60, 300), np.float32), record.mask])
    image = np.vstack([np.full((60, 300, 3), 220, np.uint8), record.image])
    tube = np.array([(122, 108), (150 - top, 40), (150 + top, 40), (178, 108)])  # hardly narrower at its top
    cv2.fillPoly(mask, [tube], 1)
    landmarks = {n: None if p is None else (p[0], p[1] + 60) for n, p in record.landmarks.items()}
    record = replace(record, image=image, mask=mask, landmarks={**landmarks, "neck_front": (150.0, 106.0)})
    assert neck_kind(record) == "none" and inner_collar(record).max() == 0


def test_no_thin_line_stays_above_the_opening() -> None:
    record = garment(2.0)
    soft = replace(record, mask=cv2.GaussianBlur(record.mask, (0, 0), 2.0))
    region = inner_collar(soft)
    plain, worn = soft.mask * (1 - region), as_worn(soft, 640).mask
    rows, cols = slice(60, 92), slice(280, 320)  # the rim of the back
    assert plain[rows, cols].max() > 0.2, "without care there is a line"
    assert (
        worn[rows, cols].max() < 0.55 * plain[rows, cols].max()
        and worn[rows, cols].sum() < 0.3 * plain[rows, cols].sum()
    )
    far = np.ones(worn.shape, bool)
    far[40:150, 220:380] = False
    assert np.array_equal(worn[far], soft.mask[far].astype(np.float32))


def test_a_hanger_in_an_empty_neckline_is_no_collar() -> None:
    record = garment()
    mask = record.mask.copy()
    cv2.ellipse(mask, (150, 40), (30, 40), 0, 0, 180, 0, -1)  # a deep neckline, empty
    mask[44:48, 110:190] = 1  # and a bar in it
    mask[20:44, 144:156] = 1
    record = with_marks(replace(record, mask=mask), neck_front=(150.0, 80.0))
    assert neck_kind(record) == "open"
    assert (record.mask * (1 - inner_collar(record)))[44:48, 130:170].max() < 0.1

"""A hood that lies back."""

from __future__ import annotations

from dataclasses import replace

import cv2
import drawn_person
import numpy as np
from drawn_garments import garment

from tryon.inputs import PersonView, build_inputs
from tryon.labels import Label
from tryon.preprocess.collar import neck_kind
from tryon.preprocess.hood import hood_parts
from tryon.preprocess.skeleton import neck_opening
from tryon.preprocess.worn import as_worn
from tryon.types import Garment

HOOD = (40, 160, 70)


def hooded() -> Garment:
    """The drawn T-shirt with a green hood above its neckline."""
    record = garment()
    mask = np.vstack([np.zeros((60, 300), np.float32), record.mask])
    image = np.vstack([np.full((60, 300, 3), 220, np.uint8), record.image])
    hood = np.zeros(mask.shape, np.uint8)
    cv2.ellipse(hood, (150, 100), (42, 80), 0, 180, 360, 1, -1)
    mask[hood > 0] = 1
    image[hood > 0] = HOOD
    landmarks = {n: None if p is None else (p[0], p[1] + 60) for n, p in record.landmarks.items()}
    return replace(record, image=image, mask=mask, landmarks={**landmarks, "neck_front": (150.0, 108.0)})


def test_the_hood_is_taken_from_the_mask_and_kept() -> None:
    flat = hooded()
    worn = as_worn(flat, 640)
    assert neck_kind(flat) == "hood" and worn.hood is not None
    assert worn.hood.sum() > 1000 and (worn.mask * (worn.hood > 0.9)).sum() < 50
    assert as_worn(garment()).hood is None


def test_it_shows_on_both_sides_of_the_neck_and_behind_the_head() -> None:
    person = drawn_person.person()
    inputs = build_inputs(person, as_worn(hooded(), 640))
    assert [part.name for part in inputs.parts].count("hood") == 1 and inputs.parts[0].name == "hood"
    red, green, blue = (inputs.warped[..., i] for i in range(3))
    shown = (inputs.coverage > 0.5) & (green > red + 40) & (green > blue + 30)
    across = np.arange(shown.shape[1])[None] - inputs.body.neck[0]
    unit = (0.12 * inputs.body.breadth) ** 2
    assert (shown & (across < 0)).sum() > unit and (shown & (across > 0)).sum() > unit
    head = np.isin(inputs.parse, [int(Label.FACE), int(Label.HAIR)]) & (
        np.arange(shown.shape[0])[:, None] < inputs.body.mouth[1]
    )
    assert not (shown & head).any()
    chin = inputs.body.mouth[1]
    assert np.nonzero(shown)[0].min() > chin, "a hood worn down ends below the face"


def test_it_goes_round_the_throat_unless_the_front_is_open() -> None:
    person = drawn_person.person()
    worn = as_worn(hooded(), 640)
    inputs = build_inputs(person, worn)
    assert [inputs.parts[0].name, inputs.parts[-1].name] == ["hood", "cowl"]
    roll = inputs.parts[-1].covered & (inputs.coverage > 0.5)
    left, right = (inputs.fit.points[f"neck_{side}"] for side in ("left", "right"))
    x, y = (left + right) / 2 + (0, 0.4 * np.linalg.norm(right - left))
    assert roll[int(y), int(x)], "the sides meet at the throat"
    assert abs(float(np.nonzero(roll)[1].mean()) - inputs.body.neck[0]) < 0.1 * inputs.body.breadth
    sampled = inputs.warped[roll & (inputs.coverage > 0.95)]
    assert (sampled[:, 1] > sampled[:, 0] + 30).mean() > 0.9, "it shows the hood's cloth"
    view = PersonView(person, inputs.placement)
    opened = hood_parts(worn, inputs.fit, view.body, inputs.parse, open_front=True)
    assert [part.name for part in opened] == ["hood"]


def test_without_the_hood_nothing_else_changes() -> None:
    person = drawn_person.person()
    worn = as_worn(hooded(), 640)
    with_hood, without = build_inputs(person, worn), build_inputs(person, replace(worn, hood=None))
    body = with_hood.body
    far = np.arange(with_hood.coverage.shape[0]) > body.neck[1] + 0.3 * body.length
    assert np.allclose(with_hood.coverage[far], without.coverage[far], atol=0.02)
    assert with_hood.agnostic.edit[far].sum() == without.agnostic.edit[far].sum()


def test_the_worn_top_shows_in_the_neck_of_a_jacket_with_a_hood() -> None:
    person = drawn_person.person()
    worn = replace(as_worn(hooded(), 640), sleeve="long")
    marks = dict(worn.landmarks)
    marks["neck_front"] = (150.0, 170.0)  # a deep opening
    mask = worn.mask.copy()
    cv2.fillPoly(mask, [np.array([(122, 95), (178, 95), (150, 170)])], 0)
    worn = replace(worn, landmarks=marks, mask=mask)
    inputs = build_inputs(person, worn)
    opening = neck_opening(inputs.fit, inputs.coverage) & np.isin(inputs.parse, [int(Label.TOP)])
    assert opening.sum() > (0.15 * inputs.body.breadth) ** 2
    assert (inputs.agnostic.layout[opening] == Label.TOP).mean() > 0.6
    without = build_inputs(person, replace(worn, hood=None))
    assert (without.agnostic.layout[opening] == Label.TOP).mean() < 0.2, "a top is worn on bare skin"

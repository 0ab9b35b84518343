"""Several garments on one person: their order, and the person between two passes.

Each garment is rendered on the picture of the one before. The pose stays; the parse learns what the new garment covers,
so the networks do not look again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from .compose import edit_box
from .errors import UsageError
from .inputs import TryOnInputs
from .labels import Label
from .preprocess.body import below_chin, body_from_pose, torso_rows
from .preprocess.colours import colour_odds, histogram, lab_of
from .preprocess.masks import dilate, patch
from .preprocess.skeleton import landmarks_of
from .types import Garment, Notice, Person

#: Of two long-sleeved tops the outer one is at least this much longer.
LONGER = 1.12
#: Where a tucked top ends, torso lengths below the shoulder line.
TUCK_WAIST = 0.84


@dataclass(frozen=True)
class Layer:
    """A garment of an outfit.

    Args:
        index: its place in the list that was given.
        garment: as analysed.
        outer: worn over another garment of the torso.
    """

    index: int
    garment: Garment
    outer: bool = False

    @property
    def label(self) -> Label:
        """What the parse calls it once it is worn."""
        if self.garment.category == "upper":
            return Label.OUTERWEAR if self.outer else Label.TOP
        return Label.DRESS if self.garment.category == "dress" else Label.LOWER


def arrange(garments: Sequence[Garment], tuck: bool = False) -> list[Layer]:
    """The garments in the order in which they are put on.

    Args:
        tuck: the top goes under the waistband; else it hangs over it.

    Raises:
        UsageError: two garments can't be worn together.
    """
    layers = [Layer(i, garment) for i, garment in enumerate(garments)]
    lower = [x for x in layers if x.garment.category == "lower"]
    dresses = [x for x in layers if x.garment.category == "dress"]
    tops = [x for x in layers if x.garment.category == "upper"]
    if len(lower) > 1:
        raise UsageError("Two of the garments are trousers or skirts.", "Give one of them.")
    if len(dresses) > 1:
        raise UsageError("Two of the garments are dresses.", "Give one of them.")
    if dresses and lower:
        raise UsageError("A dress and trousers or a skirt can't be worn together.", "Leave one of them out.")
    if len(tops) > (1 if dresses else 2):
        raise UsageError(f"{len(tops) + len(dresses)} garments cover the torso.", "Give a top or dress, and a jacket.")
    outer: list[Layer] = []
    if dresses and tops:
        if not (tops[0].garment.open_front or tops[0].garment.sleeve == "long"):
            raise UsageError("A top over a dress is no outfit.", "Give a jacket or coat, or leave one of them out.")
        outer, tops = [replace(tops[0], outer=True)], []
    elif len(tops) == 2:
        inner, coat = _inner_and_outer(*tops)
        tops, outer = [inner], [replace(coat, outer=True)]
    first = [*tops, *lower] if tuck else [*lower, *tops]
    return [*first, *dresses, *outer]


def _inner_and_outer(a: Layer, b: Layer) -> tuple[Layer, Layer]:
    """Which of two tops goes under the other: an open one is the outer one, else a long-sleeved or much longer one."""
    if a.garment.open_front != b.garment.open_front:
        return (b, a) if a.garment.open_front else (a, b)
    long = a.garment.sleeve == "long", b.garment.sleeve == "long"
    if long[0] != long[1]:
        return (b, a) if long[0] else (a, b)
    if all(long):
        lengths = _length(a.garment), _length(b.garment)
        if max(lengths) > LONGER * min(lengths):
            return (b, a) if lengths[0] > lengths[1] else (a, b)
    raise UsageError("Two of the garments are tops, and neither is a jacket or coat.", "Give one of them.")


def _length(garment: Garment) -> float:
    """Neck to hem in armpit breadths."""
    m = landmarks_of(garment)
    down = np.linalg.norm((m["neck_left"] + m["neck_right"] - m["hem_left"] - m["hem_right"]) / 2)
    return float(down / max(float(np.linalg.norm(m["armpit_left"] - m["armpit_right"])), 1.0))


def redressed(person: Person, image: np.ndarray, inputs: TryOnInputs, mask: np.ndarray, label: Label) -> Person:
    """The person after a pass: the new picture, and a parse that knows the new garment.

    Args:
        person: before it; image: uint8 (H, W, 3), the result; inputs: of the pass; mask: float32 (H, W), its edit mask.
        label: what the new garment is called.
    """
    size = (image.shape[0], image.shape[1])
    placement = inputs.placement
    canvas = np.where(inputs.coverage > 0.5, np.uint8(label), inputs.agnostic.layout).astype(np.uint8)
    spread = placement.paste_back(canvas, size, nearest=True)
    inside = placement.paste_back(np.ones_like(canvas), size, nearest=True) > 0
    parse = np.where((mask > 0.5) & inside, spread, person.parse).astype(np.uint8)
    return replace(person, image=image, parse=parse)


def opened_waist(person: Person) -> Person:
    """The person with the top's lower end given up, so that trousers or a skirt go over it."""
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    parse = person.parse.copy()
    ys, xs = np.nonzero(parse == int(Label.TOP))
    low = body.along(np.stack([xs, ys], 1).astype(np.float32) + 0.5) > TUCK_WAIST
    parse[ys[low], xs[low]] = int(Label.LOWER)
    return replace(person, parse=parse)


def bare_necked(person: Person) -> Person:
    """The person with scarf, necklace and what else lies round the neck counted to the worn clothing, which goes.

    Hats and glasses, above the chin, stay.
    """
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    size = person.parse.shape
    worn = (below_chin(body, size) > 0) & (person.parse == Label.ACCESSORY) & (torso_rows(body, size) < 0.9)
    worn |= _missed(person, worn, body.breadth)
    return replace(person, parse=np.where(worn, np.uint8(Label.TOP), person.parse), bare_neck=True)


def _missed(person: Person, worn: np.ndarray, breadth: float) -> np.ndarray:
    """Background beside what is worn round the neck that has its colours rather than the background's: bool (H, W)."""
    nothing = np.zeros_like(worn)
    around = patch(worn, round(0.5 * breadth))
    here, parse = worn[around], person.parse[around]
    if here.sum() < (0.1 * breadth) ** 2:
        return nothing
    lab = lab_of(person.image[around])
    away = (parse == Label.BACKGROUND) & ~(dilate(here.astype(np.uint8), 0.25 * breadth) > 0)
    near = (parse == Label.BACKGROUND) & (dilate(here.astype(np.uint8), 0.22 * breadth) > 0)
    if away.sum() < 50:
        return nothing
    odds = cv2.GaussianBlur(colour_odds(lab, histogram(lab, here), histogram(lab, away)), (0, 0), 0.01 * breadth)
    _, pieces = cv2.connectedComponents((here | (near & (odds > 0.5))).astype(np.uint8))
    found = near & np.isin(pieces, np.unique(pieces[here])) & (pieces > 0)
    # and its rim, which the smoothed colours miss
    nothing[around] = found | (near & (dilate(found.astype(np.uint8), 0.05 * breadth) > 0))
    return nothing


def joined_report(reports: Sequence[dict[str, Any]], layers: Sequence[Layer], mask: np.ndarray) -> dict[str, Any]:
    """One report of several passes: `garments` has an entry for each, in the order given.

    Args:
        reports: of the passes, in the order of `layers`; mask: float32 (H, W), the union of their edit masks.
    """
    last = reports[-1]
    codes: dict[str, Any] = {}
    for report in reports:
        codes |= {warning["code"]: warning for warning in report["warnings"]}
    entries = [
        {"layer": k, **{name: report[name] for name in ("category", "quality", "warnings", "edit_box", "engine")}}
        for k, report in enumerate(reports)
    ]
    by_index = sorted(zip(layers, entries, strict=True), key=lambda pair: pair[0].index)
    engines = list(dict.fromkeys(report["engine"] for report in reports))
    networks = {w["name"]: w for report in reports for w in report["weights"]}
    return {
        **last,
        "category": "+".join(layer.garment.category for layer in layers),
        "quality": min(report["quality"] for report in reports),
        "warnings": list(codes.values()),
        "edit_box": edit_box(mask),
        "engine": "+".join(engines),
        "weights": list(networks.values()),
        "garments": [entry for _, entry in by_index],
    }


def unique(notices: Sequence[Notice]) -> list[Notice]:
    """Notices without repeated codes."""
    return list({notice.code: notice for notice in notices}.values())

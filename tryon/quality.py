"""How far a result may be trusted: a score and warnings, from what the stages know about themselves."""

from __future__ import annotations

import cv2
import numpy as np

from .inputs import TryOnInputs
from .labels import Label
from .types import LEFT_ANKLE, LEFT_ELBOW, LEFT_HIP, LEFT_KNEE, LEFT_SHOULDER, LEFT_WRIST, Garment, Notice, Person

_JOINTS = [i for first in (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST, LEFT_HIP) for i in (first, first + 1)]
_LEGS = [i for first in (LEFT_HIP, LEFT_KNEE, LEFT_ANKLE) for i in (first, first + 1)]


def assess(person: Person, garment: Garment, inputs: TryOnInputs) -> tuple[float, list[Notice]]:
    """Quality in [0, 1] and all notices.

    The score is the product of four shares: joints seen, confidence of the garment's landmarks, how frontal the body
    stands, and how much of the edit region the garment covers (the rest had to be invented). It orders results; it is
    not a probability.
    """
    notices = [*person.warnings, *garment.warnings]
    if sum(part.name == "torso" for part in inputs.parts) > 1:  # shown open, as it is
        notices = [notice for notice in notices if notice.code != "open_front"]
    joints = _LEGS if garment.category == "lower" else _JOINTS
    seen = float(np.clip(person.pose.keypoints[joints, 2], 0, 1).mean())
    turned = abs(inputs.body.yaw)
    frontal = float(np.clip(1.15 - 0.5 * turned, 0.4, 1))
    edit = inputs.agnostic.edit > 0.5
    invented = float((edit & (inputs.coverage < 0.5)).sum() / max(edit.sum(), 1))
    if invented > 0.5:
        notices.append(
            Notice(
                "much_invented",
                "More than half of the changed region is not covered by the garment and had to be invented; "
                "a photo in lighter clothing gives a better picture.",
            )
        )
    if garment.category in ("lower", "dress") and _hem_outside(person, inputs):
        notices.append(
            Notice("legs_out_of_frame", "The legs are not wholly in the photo; the garment ends at the photo's edge.")
        )
    if garment.category == "lower" and _feet_hidden(inputs):
        notices.append(
            Notice(
                "feet_hidden", "The worn garment hides the feet; where the new one ends higher, the legs have no feet."
            )
        )
    if turned > 0.8:
        notices.append(
            Notice("turned", "The person is turned to the side; a photo from the front gives a better picture.")
        )
    filled = float(np.clip(1.25 - 0.9 * invented, 0.3, 1))
    confidence = float(np.clip(0.35 + 0.65 * garment.confidence, 0, 1))
    return float(np.clip(seen**0.5 * confidence * frontal * filled, 0, 1)), notices


def _hem_outside(person: Person, inputs: TryOnInputs) -> bool:
    """Whether the new garment's hem lies below the photo."""
    place = inputs.placement
    hem = place.y0 + inputs.body.at(inputs.fit.hem)[1] / place.scale
    return bool(hem > person.image.shape[0])


def _feet_hidden(inputs: TryOnInputs) -> bool:
    """Whether the worn garment reaches over the ankles, no shoe or bare foot is seen, and the new one is shorter."""
    body, size = inputs.body, inputs.parse.shape
    if body.ankles[:, 1].max() > size[0] or inputs.fit.hem > float(body.along(body.ankles).min()) - 0.05:
        return False
    near = np.zeros(size, np.uint8)
    for x, y in body.ankles:
        cv2.circle(near, (round(float(x)), round(float(y + 0.08 * body.length))), round(0.24 * body.length), 1, -1)
    labels = inputs.parse[near > 0]
    worn = np.isin(labels, [int(Label.LOWER), int(Label.DRESS)]).sum()
    return bool(worn > 0.1 * len(labels) and np.isin(labels, [int(Label.SHOES), int(Label.LEGS)]).sum() < 0.2 * worn)

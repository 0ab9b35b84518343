"""What an engine is: canvas in, layers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from ..inputs import TryOnInputs
from ..labels import Label
from ..preprocess.arms import hand_mask
from ..preprocess.fill import wide_blur
from ..preprocess.masks import dilate, is_label, sizeable

#: Of drawn arms that show in pieces smaller than the square of this share of the shoulder breadth, such as a wrist
#: below a long sleeve, the plate's skin is kept: the network draws it paler than the hand beside it.
SLIVER = 0.3
#: How much of the difference between the network's tone of skin and the plate's is taken back, and over what distance
#: tone is, shoulder breadths: less far, it is the roundness of an arm.
TONE, TONE_REACH = 0.35, 0.3


@dataclass(frozen=True)
class Render:
    """Layers on the canvas.

    Args:
        rgb: float32 (h, w, 3) in 0..255, what lies under the garment.
        alpha: float32 (h, w) in [0, 1], how much the warped garment covers.
        gain: float32 (h, w), light by which the warped garment is multiplied.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    gain: np.ndarray


class Engine(Protocol):
    """Renders one pair. `name` goes into reports; `weights` lists the weights used."""

    name: str
    weights: tuple[str, ...]

    def render(self, inputs: TryOnInputs) -> Render: ...


def from_network(rgb: np.ndarray, alpha: np.ndarray, gain: np.ndarray, inputs: TryOnInputs | None = None) -> Render:
    """The generator's outputs (1, C, h, w), pictures in [-1, 1], as a `Render`.

    Args:
        inputs: given for a confined generator (`models.generator.Generator`): of its picture only drawn skin is taken,
            where more than a wrist of it shows, and the garment's edges stay as sharp as the warp made them. Beyond
            them a small network's correction is a pale or coloured glow.
    """
    picture = np.clip((np.moveaxis(rgb[0], 0, -1).astype(np.float32) + 1) * 127.5, 0, 255)
    light = gain[0].mean(0).astype(np.float32)
    if inputs is None:
        return Render(picture, alpha[0, 0].astype(np.float32), light)
    plate = inputs.agnostic.plate
    arms = (inputs.agnostic.skin > 0.5) & (inputs.coverage < 0.5) & is_label(inputs.agnostic.layout, Label.ARMS)
    slivers = arms & ~sizeable(arms, (SLIVER * inputs.body.breadth) ** 2)
    near = dilate(slivers.astype(np.uint8), 3) > 0
    legs = is_label(inputs.agnostic.layout, Label.LEGS)
    share = (_inner(inputs.agnostic.skin) * ~(near | legs) * (1 - _hands(inputs)))[..., None]
    limbs = share * (is_label(inputs.agnostic.layout, Label.ARMS) & (inputs.coverage < 0.5))[..., None]
    picture = _toned(picture, plate, limbs, inputs.body.breadth)
    return Render(np.clip(plate + share * (picture - plate), 0, 255), inputs.coverage, light)


def _hands(inputs: TryOnInputs) -> np.ndarray:
    """Where drawn hands lie, which the network smudges: float32 (h, w) in [0, 1], fading towards the arms."""
    size = inputs.agnostic.skin.shape
    hands = np.maximum(*(hand_mask(inputs.body, side, size, 1.15) for side in (0, 1)))
    return cv2.GaussianBlur(hands, (0, 0), max(0.04 * inputs.body.breadth, 0.8))


def _toned(picture: np.ndarray, plate: np.ndarray, share: np.ndarray, unit: float) -> np.ndarray:
    """The network's picture with the plate's tone of arms: a small network draws all skin towards the usual one.

    Args:
        picture, plate: float32 (h, w, 3); share: float32 (h, w, 1), where the network's arms are taken.
        unit: shoulder breadth, px.
    """
    reach = TONE_REACH * unit
    weight = np.maximum(wide_blur(share[..., 0], reach), 1e-3)[..., None]
    return picture - TONE * share * wide_blur((picture - plate) * share, reach) / weight


def _inner(mask: np.ndarray) -> np.ndarray:
    """A soft mask that ends where `mask` ends: float32 (h, w) in [0, 1], 0 where the mask is 0."""
    mask = mask.astype(np.float32)
    soft = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (0, 0), 1.5)
    return np.minimum(mask, soft)

"""Self-reconstruction: the worn garment is cut out of the photo and put back.

For people without a photo of their garment. The garment's texture, with half of its light taken out, lies where it
was; a larger outfit is laid over it in the parse (sleeves to the wrists, a longer hem, a closed neck), so that arms,
neck and background must be painted anew. The photo itself is the truth. What is measured: segmentation, fill, light,
edges and composition; not the warp. The task resembles one of those that the generator learns from.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..errors import GarmentError
from ..inputs import TryOnInputs, edit_window
from ..labels import TORSO_CLOTHING, Label
from ..preprocess import agnostic as agnostic_stage
from ..preprocess.arms import arm_mask, hand_mask
from ..preprocess.body import Body, body_from_pose, neck_mask, trunk_mask
from ..preprocess.fill import push_pull
from ..preprocess.layers import assemble
from ..preprocess.skeleton import Fit, Part
from ..types import LANDMARKS, Garment, Person
from .measure import sleeve_end

#: Light is what is smoother than this share of the shoulder breadth; this power of it is taken out of the texture.
LIGHT_SIGMA, LIGHT_TAKEN = 0.12, 0.5
#: The larger outfit: breadth of sleeves, trunk and neck against the bare body; hem in torso lengths.
SLEEVES, TRUNK, NECK, HEM = 1.5, 1.3, 1.2, 1.35


class NoTop(GarmentError):
    """The person wears no top that could be cut out."""

    code = "no_top"


def cut_out(person: Person) -> TryOnInputs:
    """Inputs of an engine that put the worn garment back. The same photo always gives the same inputs.

    Raises:
        NoTop: too little of a torso garment is visible.
    """
    placement = edit_window(person.pose, person.parse)
    size = (placement.height, placement.width)
    image = placement.crop(person.image)
    parse = placement.crop(person.parse, nearest=True, border="zero")
    body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
    hem = agnostic_stage.worn_extent(parse, body)[0]
    worn = np.isin(person.parse, [int(label) for label in TORSO_CLOTHING])
    on_canvas = np.isin(parse, [int(label) for label in TORSO_CLOTHING])
    if hem is None or (parse == int(Label.DRESS)).mean() > 0.02 or on_canvas.mean() < 0.04:
        raise NoTop("The person wears no top that could be cut out.", "Take a person in a shirt, sweater or jacket.")
    garment = _texture(person, worn, body.breadth / placement.scale)
    ends = tuple(sleeve_end(parse, body, side) for side in (0, 1))
    fit = Fit({}, placement.scale, hem, (ends[0] or 0.0, ends[1] or 0.0), "long")
    ys, xs = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32) + 0.5
    grid = placement.to_photo(np.dstack([xs, ys]))
    part = Part("torso", grid, garment.mask, np.ones(size, bool))
    warped, coverage, _ = assemble(garment.image, [part], body.breadth, placement.scale)
    sleeves = coverage * np.maximum(arm_mask(body, 0, size, 1.5), arm_mask(body, 1, size, 1.5))
    old = larger_outfit(parse, body)
    agnostic = agnostic_stage.build(image, old, body, coverage, sleeves, hem, sleeve_end=fit.sleeve_end)
    coverage = coverage * (1 - agnostic.keep)
    return TryOnInputs(placement, image, parse, body, fit, garment, [part], warped, coverage, agnostic)


def larger_outfit(parse: np.ndarray, body: Body) -> np.ndarray:
    """The parse with a coat over everything: uint8 (h, w). Hair, head, hands, bags and accessories stay in front."""
    size = parse.shape
    coat = np.maximum(trunk_mask(body, size, TRUNK, -0.05, HEM), neck_mask(body, size, NECK))
    for side in (0, 1):
        coat = np.maximum(coat, arm_mask(body, side, size, SLEEVES))
    hide = (coat > 0.5) & ~np.isin(parse, [int(Label.HAIR), int(Label.BAG), int(Label.ACCESSORY)])
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    chin = body.mouth + (body.mouth - body.nose) * 0.8
    head = ((yy - chin[1]) * body.down[1] + (xx - chin[0]) * body.down[0]) < 0
    hide &= ~((parse == int(Label.FACE)) & head)
    for side in (0, 1):
        hide &= ~((parse == int(Label.ARMS)) & (hand_mask(body, side, size, 1.1) > 0.5))
    return np.where(hide, np.uint8(Label.OUTERWEAR), parse).astype(np.uint8)


def _texture(person: Person, worn: np.ndarray, breadth: float) -> Garment:
    """The worn garment as a garment photo: half of the light taken out, colours extended over the outline."""
    photo = person.image.astype(np.float32)
    mask = worn.astype(np.float32)
    sigma = max(LIGHT_SIGMA * breadth, 1.0)
    grey = photo @ np.array([0.299, 0.587, 0.114], np.float32)
    low = cv2.GaussianBlur(grey * mask, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(mask, (0, 0), sigma), 1e-3)
    mean = float((grey * mask).sum() / max(float(mask.sum()), 1.0))
    light = np.clip((low + 12) / (mean + 12), 0.4, 2.0) ** LIGHT_TAKEN
    core = cv2.erode(worn.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    extended = push_pull(np.where(worn[..., None], photo / light[..., None], photo), core)
    texture = np.clip(np.rint(extended), 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8)
    return Garment(texture, soft, "upper", None, dict.fromkeys(LANDMARKS), dict.fromkeys(LANDMARKS, 0.0), 1.0)

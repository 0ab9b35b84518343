"""A worn garment back to a flat-lay: what the skeleton warp does, undone.

The garment is measured along bones and axes (`worn_top`, `worn_lower`), each piece is laid out straight, and what
arms, hair or bags hid is taken from the mirrored side or from the cloth beside it. The outline is smooth and
symmetric, so that it looks like a garment on a table, and the landmarks are known by construction.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from ..errors import NoPerson, NotAGarment, PersonError
from ..types import LANDMARKS, LOWER_LANDMARKS, Category, Garment, Notice, Person
from . import lower_body
from .body import trunk_mask
from .fill import mirror_fill, push_pull, wide_blur
from .matte import decontaminate
from .person import PersonAnalyser
from .strips import Laid, Shape, lay
from .worn_cloth import GarmentHidden, Layering, Scene, dress_cloth, lower_cloth, scene_of, upper_cloth, worn_category
from .worn_lower import lower_shape
from .worn_top import top_shape

#: Share of the flat-lay's cloth (mirrored cloth counts) that must be in sight.
LEAST_SEEN = 0.3
#: Share of a row that cloth must cover to count as whole; a hem that is ragged over more shoulder breadths than this is
#: cut straight; the share of the length below the armpits that stays in any case.
WHOLE, RAGGED, SHORTEST = 0.85, 0.1, 0.35
#: Light is what is smoother than this share of the shoulder breadth; this power of it is taken out.
LIGHT_SIGMA, LIGHT_TAKEN = 0.3, 0.35


def unwarp(person: Person, category: Literal["auto"] | Category = "auto", layer: Layering = "auto") -> Garment:
    """Lay out what a person wears.

    Args:
        category: "auto" takes what covers the torso.
        layer: of several tops: "outer" the jacket or coat alone, "top" what is beneath; "auto" the one that shows most,
            a jacket with what its open front shows of the shirt.

    Returns:
        A `Garment` with a clean outline on white; unit: px of the photo, about.

    Raises:
        GarmentHidden: it is not worn, or too little of it is in sight.
    """
    kind = worn_category(person) if category == "auto" else category
    scene = scene_of(person, kind)
    if kind == "lower":
        cloth, hides = lower_cloth(scene)
        lower = lower_body.measure(scene.parse, scene.body, person.pose.world)
        return finish_flat(scene, lower_shape(scene.parse, scene.body, lower, cloth, hides), kind)
    if kind == "dress":
        cloth, hides = dress_cloth(scene)
        return finish_flat(scene, top_shape(scene.parse, scene.body, cloth, hides, dress=True), kind)
    cloth, hides, under = upper_cloth(scene, layer)
    shape = top_shape(scene.parse, scene.body, cloth, hides, under=under)
    front = trunk_mask(scene.body, cloth.shape, 0.45, 0.35, 0.9) > 0.5
    open_front = layer == "outer" and under is not None and (under & front).sum() > 0.2 * front.sum()
    return finish_flat(scene, shape, kind, open_front=bool(open_front))


def taken_from(
    people: PersonAnalyser, image: np.ndarray, category: str = "auto", refusal: NotAGarment | None = None
) -> Garment:
    """The garment of a photo that shows somebody wearing it.

    Args:
        image: uint8 (H, W, 3).
        refusal: what the garment's analysis said; it stands if nobody is found.

    Raises:
        GarmentError: there is nobody, or the garment can't be taken from that person.
    """
    try:
        person = people(image)
    except NoPerson as error:
        if refusal is not None:
            raise refusal from error
        raise NotAGarment(
            "Nobody who wears the garment was found in its photo.", "Leave out --worn if it shows the garment alone."
        ) from error
    except PersonError as error:
        raise GarmentHidden(f"The garment photo shows a person. {error.message}", error.remedy) from error
    return unwarp(person, category)  # type: ignore[arg-type]


def finish_flat(scene: Scene, shape: Shape, category: Category, *, open_front: bool = False) -> Garment:
    """Strips to a garment: laid out, completed, lit evenly, with its landmarks."""
    unit = scene.body.breadth
    rgb, cloth, known = _combine(scene, shape)
    alpha = _outline(shape, cloth, known, unit)
    marks = dict(shape.marks)
    if category == "upper" and not open_front:
        alpha, marks = straight_hem(alpha, marks, unit)
    seen = known * (cloth > 0.5)
    core = _core(seen, unit)
    either = np.maximum(core, flip(core, shape.axis)) * alpha
    visible = float(either.sum() / max(float(alpha.sum()), 1.0))
    if visible < LEAST_SEEN:
        raise GarmentHidden(
            "Too little of the worn garment is in sight.",
            "Use a photo from the front with the arms away from the body, or a photo of the garment alone.",
        )
    texture = complete(rgb, core, shape.axis, unit)
    texture = even_light(texture, alpha, LIGHT_SIGMA * unit)
    inside = np.clip(np.rint(texture), 0, 255)
    image = np.rint(inside * alpha[..., None] + 255 * (1 - alpha[..., None])).astype(np.uint8)
    if category != "lower":
        marks |= _neck(alpha, shape)
    names = LOWER_LANDMARKS if category == "lower" else LANDMARKS
    landmarks = {n: (float(marks[n][0]), float(marks[n][1])) if n in marks else None for n in names}
    confidence = float(np.clip(0.35 + 0.4 * visible + 0.3 * shape.seen, 0, 1))
    scores = {n: confidence if n in marks else 0.0 for n in names}
    notice = Notice("worn_garment", "The garment was taken from a photo of somebody wearing it; check its shape.")
    return Garment(
        image, alpha.astype(np.float32), category, shape.sleeve, landmarks, scores, confidence, open_front, (notice,),
        shape.length,
    )  # fmt: skip


def transparent(garment: Garment) -> np.ndarray:
    """A garment as a picture with transparency: uint8 (H, W, 4), straight alpha; colours go on beyond the outline."""
    alpha = np.rint(garment.mask * 255).astype(np.uint8)
    return np.dstack([decontaminate(garment.image, garment.mask), alpha])


def _combine(scene: Scene, shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """rgb float32 (H, W, 3), cloth and known float32 (H, W) of all strips; each pixel belongs to one of them."""
    h, w = shape.size
    rgb = np.zeros((h, w, 3), np.float32)
    cloth, known = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    depth = np.full((h, w), -np.inf, np.float32)
    for strip in shape.strips:
        laid: Laid = lay(strip, scene.image, shape.size, 0.03 * scene.body.breadth)
        inside = np.zeros((h, w), np.uint8)
        cv2.fillPoly(inside, [np.round(shape.outlines[strip.name]).astype(np.int32)], 1)
        own = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
        take = laid.covered & (own > depth)
        depth[take] = own[take]
        rgb[take], cloth[take], known[take] = laid.rgb[take], laid.cloth[take], laid.known[take]
    return rgb, cloth, known


def flip(picture: np.ndarray, axis: float) -> np.ndarray:
    """Mirrored about the column x = axis; zero where nothing is."""
    matrix = np.array([[-1, 0, 2 * axis - 1], [0, 1, 0]], np.float64)
    return cv2.warpAffine(picture, matrix, (picture.shape[1], picture.shape[0]), flags=cv2.INTER_LINEAR)


def _outline(shape: Shape, cloth: np.ndarray, known: np.ndarray, unit: float) -> np.ndarray:
    """The flat-lay's matte: the strips' outlines, and within them the cloth seen on either side, smoothed."""
    h, w = shape.size
    bounds = np.zeros((h, w), np.uint8)
    for polygon in shape.outlines.values():
        cv2.fillPoly(bounds, [np.round(polygon * 16 - 8).astype(np.int32)], 255, cv2.LINE_AA, 4)
    other, other_known = flip(cloth, shape.axis), flip(known, shape.axis)
    sure = _surely_cloth(shape)
    known, other_known = np.maximum(known, sure), np.maximum(other_known, sure)
    weight = known + other_known
    cloth, other = np.maximum(cloth, sure), np.maximum(other, sure)
    both = (cloth * known + other * other_known) / np.maximum(weight, 1e-3)
    both = push_pull(both[..., None], np.minimum(weight, 1))[..., 0]
    rows = slice(int(shape.rows[0]), int(shape.rows[1]))
    both[rows][weight[rows] < 0.05] = 1
    soft = cv2.GaussianBlur(both, (0, 0), 0.03 * unit)
    inside = np.clip((soft - 0.54) * 0.15 * unit + 0.5, 0, 1)
    r = max(round(0.05 * unit), 1)
    closed = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1,) * 2))
    aside = np.abs(np.arange(w) + 0.5 - shape.axis) > shape.open_half
    inside = np.where(aside[None], closed, inside)
    count, parts, stats, _ = cv2.connectedComponentsWithStats((inside > 0.3).astype(np.uint8))
    if count > 2:  # crumbs
        large = stats[:, cv2.CC_STAT_AREA] > 0.15 * stats[1:, cv2.CC_STAT_AREA].max()
        large[0] = True
        inside = inside * large[parts]
    return cv2.GaussianBlur(np.minimum(inside, bounds / 255.0).astype(np.float32), (0, 0), 0.8)


def straight_hem(
    alpha: np.ndarray, marks: dict[str, np.ndarray], unit: float
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A top ends where its cloth goes all across: below, fronts of a coat that stand open under its last button, and
    tails of what is worn beneath, would hang down as rags.

    Args:
        alpha: float32 (H, W), the flat-lay's matte; marks: its landmarks, px; unit: shoulder breadth, px.
    """
    left, right = marks["hem_left"], marks["hem_right"]
    low, high = sorted((int(left[0]), int(right[0])))
    bottom = min(round(float((left[1] + right[1]) / 2)), alpha.shape[0] - 1)
    armpit = float((marks["armpit_left"][1] + marks["armpit_right"][1]) / 2)
    if high - low < 4:
        return alpha, marks
    whole = np.flatnonzero((alpha[: bottom + 1, low:high] > 0.5).mean(1) >= WHOLE)
    if not len(whole):
        return alpha, marks
    end = max(int(whole[-1]), round(armpit + SHORTEST * (bottom - armpit)))
    if bottom - end < RAGGED * unit:
        return alpha, marks
    out = alpha.copy()
    out[end + 1 :, :] = 0
    # sleeves may reach lower
    aside = np.ones(alpha.shape[1], bool)
    aside[max(low - round(0.1 * unit), 0) : high + round(0.1 * unit)] = False
    out[:, aside] = alpha[:, aside]
    moved = {name: np.array([marks[name][0], end + 1.0]) for name in ("hem_left", "hem_right")}
    return out, marks | moved


def _surely_cloth(shape: Shape) -> np.ndarray:
    """Where the measured outlines decide alone: float32 (H, W)."""
    sure = np.zeros(shape.size, np.uint8)
    for polygon in shape.sure:
        cv2.fillPoly(sure, [np.round(polygon).astype(np.int32)], 1)
    return sure.astype(np.float32)


def _core(seen: np.ndarray, unit: float) -> np.ndarray:
    """Cloth without its rim, where the parse errs and the background shines through: float32 (H, W) of 0 or 1."""
    r = max(round(0.018 * unit), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    return cv2.erode((seen > 0.9).astype(np.uint8), kernel).astype(np.float32)


def complete(rgb: np.ndarray, core: np.ndarray, axis: float, unit: float) -> np.ndarray:
    """Colours everywhere: the cloth that is seen, then the mirrored side's in this side's light, then what lies beside.

    Args:
        rgb: float32 (H, W, 3); core: float32 (H, W), 1 where the cloth is seen.
    """
    other, there = flip(rgb, axis), flip(core, axis)
    there = (there > 0.99).astype(np.float32)
    known = core > 0.5
    if (there[~known] > 0).any():
        shared = core * there
        shift = push_pull(rgb - other, np.maximum(shared, 1e-4))
        mirrored = np.clip(other + shift, 0, 255)
        take = (there > 0.5) & ~known
        rgb = np.where(take[..., None], mirrored, rgb)
        known = known | take
    smooth = push_pull(rgb, known.astype(np.float32))
    return mirror_fill(rgb, known, smooth, 0.5 * unit, even=2.0)


def even_light(rgb: np.ndarray, alpha: np.ndarray, sigma: float) -> np.ndarray:
    """A part of the smooth light taken out: float32 (H, W, 3)."""
    grey = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    low = wide_blur(grey * alpha, sigma) / np.maximum(wide_blur(alpha, sigma), 1e-3)
    mean = float((grey * alpha).sum() / max(float(alpha.sum()), 1.0))
    light = np.clip((low + 12) / (mean + 12), 0.5, 1.6) ** LIGHT_TAKEN
    return rgb / np.where(alpha > 0.01, light, 1.0)[..., None]


def _neck(alpha: np.ndarray, shape: Shape) -> dict[str, np.ndarray]:
    """The neck's landmarks from the outline: its two highest points and the lowest one between them."""
    shoulder = shape.marks["shoulder_right"]
    half = float(shoulder[0] - shape.axis)
    x = np.arange(0, max(int(0.95 * half), 3))
    columns = alpha[:, np.clip(np.round(shape.axis + x).astype(int), 0, alpha.shape[1] - 1)] > 0.5
    top = np.where(columns.any(0), columns.argmax(0), alpha.shape[0]).astype(float)
    lo, hi = round(0.3 * half), max(round(0.85 * half), round(0.3 * half) + 2)
    at = lo + int(np.argmin(top[lo:hi] + 0.05 * x[lo:hi]))
    front = float(np.median(top[: max(round(0.06 * half), 1)]))
    seam = max(float(top[at]), float(shape.marks["neck"][1]))  # a collar stands above it
    points = {"neck_front": np.array([shape.axis, max(front, float(top[at]))])}
    for sign, side in ((-1, "left"), (1, "right")):
        points[f"neck_{side}"] = np.array([shape.axis + sign * at, seam])
    return points

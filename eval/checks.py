"""Checks that need no true picture: what must not change did not, what must arrive did."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..labels import TORSO_CLOTHING, Label
from ..preprocess import agnostic as agnostic_stage
from ..preprocess.arms import hand_mask
from ..preprocess.body import Body, body_from_pose
from ..preprocess.person import PersonAnalyser
from ..types import (
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_SHOULDER,
    LEFT_WRIST,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Person,
    Pose,
)
from .case import Case
from .measure import sleeve_end
from .metrics import LABEL_FREE

_JOINTS = [
    LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST, LEFT_HIP, RIGHT_HIP,
]  # fmt: skip
#: Joints less visible than this in the photo do not count.
VISIBLE = 0.6
#: Drift of a result in which nobody is found any more, torso lengths.
LOST = 1.0
#: The garment's inner region: its coverage, and how far from its edge, canvas px.
SURE, INSET = 0.9, 4
#: Fewer canvas pixels than this can't be measured.
LEAST = 400
#: Strength of edges (standard deviation of the gradient, 0..255 per px) below which a garment has no print to compare.
PLAIN = 2.5
#: Coverage below which the new garment leaves a pixel bare.
BARE = 0.1
#: A pixel of the old garment shows unchanged if it differs by at most this (0..255, mean over channels).
SAME = 6.0


def settings() -> dict[str, Any]:
    """Thresholds, for the summary."""
    return {
        "untouched": "edit mask = 0, of the system or, for pictures made elsewhere, of the library's own geometry",
        "pose_drift": {"joints": "shoulders, elbows, wrists, hips", "visible": VISIBLE, "nobody found": LOST},
        "garment": {
            "size": "canvas of 512x384 px round the upper body",
            "region": f"coverage of the skeleton warp > {SURE}, {INSET} px inside",
            "garment_de2000": "CIEDE2000, sRGB to CIELAB D65, after a Gaussian blur of sigma 3, median over pixels",
            "print_edges": "Pearson correlation of x and y gradients after sigma 1.5; "
            f"null where the garment's deviate by less than {PLAIN}",
        },
        "old_garment": {
            "same": SAME,
            "region": "worn torso clothing that must go, left bare by the new garment",
        },
    }


class Checker:
    """Runs the checks.

    Args:
        people: pose and parser, shared with the analysis.
    """

    def __init__(self, people: PersonAnalyser) -> None:
        self._people = people

    def __call__(self, case: Case, image: np.ndarray, mask: np.ndarray | None) -> dict[str, Any]:
        """All checks of one picture; None where one does not apply.

        Args:
            image: uint8 (H, W, 3), the photo's size.
            mask: the system's own edit mask, float32 (H, W); None takes that of the case.
        """
        out: dict[str, Any] = dict.fromkeys(LABEL_FREE)
        photo, person = case.photo, case.person
        if photo is None or person is None:
            return out
        mask = case.mask if mask is None else mask
        if mask is not None:
            out |= untouched(photo, image, mask)
        body = body_from_pose(person.pose.keypoints, person.pose.world)
        out |= skin_kept(photo, image, person, body)
        out["pose_drift"] = self._drift(case, image, person, body)
        if case.inputs is not None:
            canvas = case.inputs.placement.crop(image)
            out |= garment_arrived(canvas, case.inputs.warped, case.inputs.coverage)
            out["old_garment"] = old_left(canvas, case)
            parse = self._people.parser(image, person.pose)
            out |= lengths(parse, case)
        return out

    def _drift(self, case: Case, image: np.ndarray, person: Person, body: Body) -> float | None:
        """Both pictures are looked at in one window, so that an unchanged one has no drift at all."""
        assert case.photo is not None
        box = _grown(person.pose.box, case.photo.shape)
        if case.before is None:
            case.before = self._people.pose.detect(case.photo, box)
        if case.before is None:
            return None
        return drift(case.before, self._people.pose.detect(image, box), body.length)


def untouched(photo: np.ndarray, image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Pixels outside of the edit mask."""
    changed = (photo != image).any(axis=2)[mask == 0]
    share = float(changed.mean()) if changed.size else 0.0
    return {"untouched_identical": float(share == 0), "untouched_changed": share}


def drift(before: Pose, after: Pose | None, length: float) -> float | None:
    """Mean distance of the joints, in torso lengths; `LOST` if nobody is found."""
    seen = before.keypoints[_JOINTS, 2] > VISIBLE
    if not seen.any():
        return None
    if after is None:
        return LOST
    moved = np.linalg.norm(after.keypoints[_JOINTS, :2] - before.keypoints[_JOINTS, :2], axis=1)[seen]
    return float(min(moved.mean() / length, LOST))


def skin_kept(photo: np.ndarray, image: np.ndarray, person: Person, body: Body) -> dict[str, float | None]:
    """Face and hair above the chin, and hands from the middle between wrist and palm."""
    size = photo.shape[:2]
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    chin = body.mouth + (body.mouth - body.nose) * 0.75
    above = ((yy - chin[1]) * body.down[1] + (xx - chin[0]) * body.down[0]) < 0
    face = above & np.isin(person.parse, [int(Label.FACE), int(Label.HAIR)])
    hands = np.zeros(size, bool)
    for side in (0, 1):  # a sleeve may reach the wrist: only what lies beyond half way to the palm must stay
        reach = body.hands[side] - body.wrists[side]
        ahead = (xx - body.wrists[side][0]) * reach[0] + (yy - body.wrists[side][1]) * reach[1]
        hands |= (hand_mask(body, side, size) > 0.5) & (ahead > 0.5 * float(reach @ reach))
    hands &= person.parse == int(Label.ARMS)
    difference = np.abs(photo.astype(np.float32) - image.astype(np.float32)).mean(axis=2)

    def mean(region: np.ndarray) -> float | None:
        return float(difference[region].mean()) if region.sum() >= 30 else None

    return {"face_changed": mean(face), "hands_changed": mean(hands)}


def garment_arrived(canvas: np.ndarray, warped: np.ndarray, coverage: np.ndarray) -> dict[str, float | None]:
    """Colour and print where the garment should be.

    Args:
        canvas: uint8 (h, w, 3), the result; warped: float32 (h, w, 3) in 0..255; coverage: float32 (h, w).
    """
    size = 2 * INSET + 1
    region = cv2.erode((coverage > SURE).astype(np.uint8), np.ones((size, size), np.uint8)).astype(bool)
    if region.sum() < LEAST:
        return {"garment_de2000": None, "print_edges": None}
    return {
        "garment_de2000": colour_difference(canvas.astype(np.float32), warped, region),
        "print_edges": edge_correlation(canvas.astype(np.float32), warped, region),
    }


def colour_difference(a: np.ndarray, b: np.ndarray, region: np.ndarray) -> float:
    """Median CIEDE2000 between two pictures, float32 (h, w, 3) in 0..255, in a region, bool (h, w)."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    soft = [np.clip(cv2.GaussianBlur(x, (0, 0), 3.0), 0, 255)[region] / 255 for x in (a, b)]
    return float(np.median(deltaE_ciede2000(*(rgb2lab(x[None])[0] for x in soft))))


def edge_correlation(a: np.ndarray, b: np.ndarray, region: np.ndarray) -> float | None:
    """Correlation of the gradients of two pictures in a region; None where the second is plain.

    Args:
        a, b: float32 (h, w, 3) in 0..255; region: bool (h, w).
    """
    ga, gb = (_gradients(x)[region].ravel() for x in (a, b))
    if gb.std() < PLAIN:
        return None
    if ga.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(ga, gb)[0, 1])


def _gradients(image: np.ndarray) -> np.ndarray:
    """x and y gradients of the lightness: float32 (h, w, 2)."""
    grey = cv2.GaussianBlur(image @ np.array([0.299, 0.587, 0.114], np.float32), (0, 0), 1.5)
    return np.dstack([cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125)])


def old_left(canvas: np.ndarray, case: Case) -> float | None:
    """Share of the worn torso clothing beside the new garment that still shows, pixel for pixel."""
    inputs = case.inputs
    assert inputs is not None
    old = agnostic_stage.old_garment(inputs.parse, inputs.body, inputs.fit.hem)
    old &= np.isin(inputs.parse, [int(label) for label in TORSO_CLOTHING]) & (inputs.coverage < BARE)
    if old.sum() < LEAST:
        return None
    same = np.abs(canvas.astype(np.float32) - inputs.image.astype(np.float32)).mean(axis=2) <= SAME
    return float((same & old).sum() / old.sum())


def lengths(parse: np.ndarray, case: Case) -> dict[str, float | None]:
    """Sleeves and hem of the result against what the geometry wants.

    Args:
        parse: uint8 (H, W), of the result at the photo's size.
    """
    inputs = case.inputs
    assert inputs is not None
    seen = inputs.placement.crop(parse, nearest=True, border="zero")
    errors = []
    for side in (0, 1):
        end = sleeve_end(seen, inputs.body, side)
        if end is not None:
            errors.append(abs(end - min(inputs.fit.sleeve_end[side], 2.0)))
    hem = agnostic_stage.worn_extent(seen, inputs.body)[0]
    return {
        "sleeve_error": float(np.mean(errors)) if errors else None,
        "hem_error": None if hem is None else abs(hem - inputs.fit.hem),
    }


def _grown(box: tuple[float, float, float, float], shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """The box and a tenth more on each side, inside of the photo."""
    dx, dy = 0.1 * (box[2] - box[0]), 0.1 * (box[3] - box[1])
    return max(box[0] - dx, 0.0), max(box[1] - dy, 0.0), min(box[2] + dx, shape[1]), min(box[3] + dy, shape[0])

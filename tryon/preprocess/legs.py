"""The analytic skeleton warp for trousers, shorts and skirts: a flat lower garment moves onto a body, without learning.

Trousers and shorts are cut into the hips (waist to crotch; rows and columns kept, so prints stay straight) and two
legs, ribbons along hip - knee - ankle. Skirts are one piece from the waist to the hem over both legs. The meshes of all
three are in `leg_meshes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import HipsOutOfFrame
from ..geometry import CANVAS, Placement
from ..labels import Label
from ..types import Garment, Length, Pose
from .body import Body, body_from_pose
from .leg_meshes import (
    HIPS_FLAT_TO_WORN,
    LEG_FLAT_TO_WORN,
    WIDEST_HEM,
    hip_line,
    hips_mesh,
    leg_mesh,
    leg_root,
    skirt_edges,
    skirt_mesh,
    split_parts,
)
from .lower_body import LowerBody
from .mesh import rasterize
from .skeleton import Fit, Part
from .sleeves import SIDES

#: Where legs and skirts of each length may end: t along the leg, 0 hip, 1 knee, 2 ankle.
ENDS: dict[Length, tuple[float, float]] = {"short": (0.3, 0.86), "knee": (0.84, 1.3), "long": (1.62, 2.0)}
SKIRT_ENDS: dict[Length, tuple[float, float]] = {"short": (0.45, 0.88), "knee": (0.84, 1.35), "long": (1.35, 2.0)}
#: Flat-lay photos are taken from above the waist: the legs, farther away, look shorter by about this factor.
FORESHORTENED: dict[Length, float] = {"short": 1.0, "knee": 1.1, "long": 1.25}
#: The rise of a garment is stretched at most so much to reach the old waistband.
RISE_STRETCH = 1.4


@dataclass(frozen=True)
class LegFit(Fit):
    """Where a lower garment goes.

    Args:
        ends: (left, right) where the legs or the skirt end, 0 hip, 1 knee, 2 ankle.
        waist: torso lengths from the shoulder line to the waistband.
        skirt: no legs.
    """

    ends: tuple[float, float] = (2.0, 2.0)
    waist: float = 0.84
    skirt: bool = False


def window(pose: Pose, parse: np.ndarray | None = None, size: tuple[int, int] = CANVAS) -> Placement:
    """The canvas for lower garments: from above the waist to below the feet, hanging hands included.

    Args:
        parse: uint8 (H, W) at photo size; if given, all of a worn skirt or dress is on the canvas.

    Raises:
        HipsOutOfFrame: if the photo ends at the hips or above.
        ValueError: if the pose has no torso.
    """
    body = body_from_pose(pose.keypoints, pose.world)
    height = pose.mask.shape[0]
    if body.pelvis[1] + 0.1 * body.length > height:
        raise HipsOutOfFrame(
            "The hips of the person are outside of the photo, so a lower garment has no place in it.",
            "Use a photo that shows the person from the waist to the feet.",
        )
    hang = body.along(body.hands) > 0.5
    points = np.concatenate([body.hips, body.knees, body.ankles, body.hands[hang]])
    points = np.concatenate([points, body.at(1.0, 0.6 * body.breadth)[None], body.at(1.0, -0.6 * body.breadth)[None]])
    top = float(body.at(0.52)[1])
    bottom = float(body.ankles[:, 1].max()) + 0.28 * body.length
    pad = 0.22 * body.length
    x0, x1 = float(points[:, 0].min()) - pad, float(points[:, 0].max()) + pad
    if parse is not None:
        high = slice(max(int(body.at(0.3)[1]), 0), max(int(body.at(0.75)[1]), 1))
        middle = slice(max(int(body.pelvis[0] - 0.3 * body.length), 0), max(int(body.pelvis[0] + 0.3 * body.length), 1))
        lower = (
            (parse[high, middle] == int(Label.LOWER)).mean(1) > 0.5 if parse[high, middle].size else np.zeros(0, bool)
        )
        if lower.any():  # a top that ends so high must be carried on: enough of it is on the canvas
            top = min(top, float(high.start + lower.argmax()) - 0.35 * body.length)
        rows = slice(max(int(body.at(0.9)[1]), 0), max(int(bottom), 1))
        on = np.isin(parse[rows], [int(Label.LOWER), int(Label.DRESS), int(Label.SHOES)])
        near = np.flatnonzero(on.any(0))
        if len(near):
            x0 = min(x0, max(float(near[0]), float(body.pelvis[0] - 1.6 * body.length)) - 0.1 * body.length)
            x1 = max(x1, min(float(near[-1]), float(body.pelvis[0] + 1.6 * body.length)) + 0.1 * body.length)
    bottom = max(min(bottom, height + 0.02 * body.length), top + body.length)
    return Placement.around((x0, top, x1, bottom), size)


def landmarks_of(garment: Garment) -> dict[str, np.ndarray]:
    """The garment's landmarks, missing ones guessed from the others and the matte: name -> float32 (2,).

    Skirts have no `crotch`, `hem_in` and `knee`.

    Raises:
        ValueError: if there is no usable matte.
    """
    known = {k: np.array(p, np.float32) for k, p in garment.landmarks.items() if p is not None}
    ys, xs = np.nonzero(garment.mask > 0.5)
    if len(xs) < 16:
        raise ValueError("empty garment matte")
    x0, x1, y0, y1 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
    w, h, cx = x1 - x0, y1 - y0, (x0 + x1) / 2
    guess = {"waist": (0.32, 0.01), "hip": (0.45, 0.35), "hem_out": (0.46, 0.99)}
    if not garment.is_skirt:
        guess["hem_in"] = (0.1, 0.99)
    out = dict(known)
    for name, (dx, dy) in guess.items():
        for side, other, sign in ((f"{name}_left", f"{name}_right", -1), (f"{name}_right", f"{name}_left", 1)):
            if side in out:
                continue
            if other in known:
                out[side] = np.array([2 * cx - known[other][0], known[other][1]], np.float32)
            else:
                out[side] = np.array([cx + sign * dx * w, y0 + dy * h], np.float32)
    return out


def fit(garment: Garment, marks: dict[str, np.ndarray], body: Body, lower: LowerBody) -> LegFit:
    """Guess where the garment's landmarks come to lie on the body.

    Args:
        marks: from `landmarks_of`; body, lower: on the canvas.
    """
    return _fit_skirt(garment, marks, body, lower) if garment.is_skirt else _fit_legs(garment, marks, body, lower)


def _breadth(marks: dict[str, np.ndarray], name: str) -> float:
    return max(float(np.linalg.norm(marks[f"{name}_right"] - marks[f"{name}_left"])), 1.0)


def _fit_legs(garment: Garment, marks: dict[str, np.ndarray], body: Body, lower: LowerBody) -> LegFit:
    length = plausible_legs(garment.length or "long", _inseam(marks) / _breadth(marks, "hip"))
    flat = 0.3 * _breadth(marks, "waist") + 0.7 * _breadth(marks, "hip")  # legs that lie apart broaden the hips
    scale = sum(lower.hip_half) / (HIPS_FLAT_TO_WORN * flat)
    top = (marks["waist_left"] + marks["waist_right"]) / 2
    crotch = marks["crotch"]
    rise = scale * float(np.linalg.norm(crotch - top)) / body.length
    crotch_at = float(body.along(lower.crotch))
    natural = crotch_at - rise
    if lower.waist_seen:
        waist = max(lower.waist - 0.012, crotch_at - RISE_STRETCH * rise)
    else:
        waist = float(np.clip(natural, 0.7, lower.waist))
    hips = hip_line(body)
    points = {"crotch": lower.crotch}
    ends = []
    for i, side in enumerate(SIDES):
        sign = 1.0 if i else -1.0
        points[f"waist_{side}"] = body.at(waist) + hips * (sign * 1.03 * lower.waist_half[i])
        inseam = (marks[f"hem_in_{side}"] + marks[f"hem_out_{side}"]) / 2 - (crotch + marks[f"hip_{side}"]) / 2
        reach = scale * FORESHORTENED[length] * float(np.linalg.norm(inseam))
        root = leg_root(lower, body, i)
        thigh = float(np.linalg.norm(lower.leg(i, 1.0) - lower.leg(i, root)))
        shin = max(float(np.linalg.norm(lower.leg(i, 2.0) - lower.leg(i, 1.0))), 1.0)
        bone = 0.5 * (shin + max(thigh / max(1 - root, 0.3), 1.0))  # either may be foreshortened
        ends.append(root + reach / max(bone, 0.45 * body.length))
    low, high = ENDS[length]
    end = float(np.clip(np.mean(ends), low, high))
    for i, side in enumerate(SIDES):
        t = np.array([leg_root(lower, body, i), end])
        out = lower.across(i, t) * np.array([1.2, 1.2])[:, None] * lower.radius(i, t)[:, None]
        points[f"hip_{side}"], points[f"hem_out_{side}"] = lower.leg(i, t) + out
        points[f"hem_in_{side}"] = lower.leg(i, t[1]) - out[1]
    hem = float(np.mean([body.along(lower.leg(i, end)) for i in (0, 1)]))
    points = {k: np.asarray(v, np.float32) for k, v in points.items()}
    return LegFit(points, scale, hem, (0.0, 0.0), "none", (end, end), waist, False)


def _fit_skirt(garment: Garment, marks: dict[str, np.ndarray], body: Body, lower: LowerBody) -> LegFit:
    left, right = skirt_edges(garment, marks, 40)
    flat = np.linalg.norm(right - left, axis=1)
    mid = (left + right) / 2
    depth = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(mid, axis=0), axis=1))])
    at_hips = int(np.argmin(np.abs(depth - 0.4 * flat)))
    by_hips = sum(lower.hip_half) / (HIPS_FLAT_TO_WORN * flat[at_hips])
    by_waist = sum(lower.waist_half) / (HIPS_FLAT_TO_WORN * max(flat[1], 0.55 * flat[at_hips]))
    scale = float(np.sqrt(by_hips * np.clip(by_waist, 0.8 * by_hips, 1.35 * by_hips)))
    length = scale * float(depth[-1]) / body.length
    waist = lower.waist - 0.012 if lower.waist_seen else min(lower.waist, 0.78)
    low, high = SKIRT_ENDS[plausible_length(garment.length or "knee", float(depth[-1]) / max(flat[1], 1.0))]
    t = np.linspace(0.3, 2.1, 181)
    rows = np.mean([body.along(lower.leg(i, t)) for i in (0, 1)], axis=0)
    end = float(np.clip(np.interp(waist + length, rows, t), low, high))
    hem = float(np.interp(end, t, rows))
    hips = hip_line(body)
    points = {}
    centre = _centre(lower, body, hem)
    half = scale * HIPS_FLAT_TO_WORN * float(flat[-1]) / 2
    half = float(np.clip(half, 0.9 * sum(lower.hip_half) / 2, WIDEST_HEM * sum(lower.hip_half) / 2))
    for i, side in enumerate(SIDES):
        sign = 1.0 if i else -1.0
        points[f"waist_{side}"] = body.at(waist) + hips * (sign * 1.03 * lower.waist_half[i])
        points[f"hip_{side}"] = body.at(1.02) + hips * (sign * 1.04 * lower.hip_half[i])
        points[f"hem_out_{side}"] = centre + hips * (sign * half)
    points = {k: np.asarray(v, np.float32) for k, v in points.items()}
    return LegFit(points, scale, hem, (0.0, 0.0), "none", (end, end), waist, True)


def _inseam(marks: dict[str, np.ndarray]) -> float:
    """Mean length of the flat legs below the crotch, px."""
    ends = [(marks[f"hem_in_{s}"] + marks[f"hem_out_{s}"] - marks["crotch"] - marks[f"hip_{s}"]) / 2 for s in SIDES]
    return float(np.mean([np.linalg.norm(v) for v in ends]))


def plausible_legs(length: Length, ratio: float) -> Length:
    """The length class of trousers, corrected where inseam over hip breadth, `ratio`, contradicts it.

    Of the annotated ones, short ones have .02 to .27, knee-length ones .26 to .41, long ones .71 and more; seen
    straight from above, all are longer.
    """
    if length != "long":
        return "long" if ratio > 0.85 else "knee" if ratio > 0.48 else length
    return "knee" if ratio < 0.45 else "long"


def plausible_length(length: Length, ratio: float) -> Length:
    """A skirt's length class, corrected where its length over its waist's breadth, `ratio`, contradicts it.

    Of the annotated skirts, short ones have .85 to 1.6, knee-length ones 1.36 to 2, long ones 2.2 to 2.9.
    """
    if length != "long" and ratio > 2.15:
        return "long"
    if length == "short" and ratio > 1.75:
        return "knee"
    if length == "long" and ratio < 1.5:
        return "knee"
    return "short" if length == "knee" and ratio < 1.05 else length


def _centre(lower: LowerBody, body: Body, along: float) -> np.ndarray:
    """The middle between the legs at a row: float32 (2,). It sways with the legs by half."""
    middles = []
    for i in (0, 1):
        t = np.linspace(0.0, 2.1, 106)
        k = int(np.argmin(np.abs(body.along(lower.leg(i, t)) - along)))
        middles.append(lower.leg(i, t[k]))
    aside = float((np.mean(middles, axis=0) - body.pelvis) @ body.across)
    return body.at(along, 0.75 * aside + float((body.pelvis - body.neck) @ body.across))


def warp(garment: Garment, marks: dict[str, np.ndarray], target: LegFit, body: Body, lower: LowerBody,
         size: tuple[int, int]) -> list[Part]:  # fmt: skip
    """Warp all parts of a lower garment.

    Returns:
        Parts from back to front.
    """
    if target.skirt:
        tgt, src = skirt_mesh(garment, marks, target, body, lower)
        return [Part("skirt", *_swap(rasterize(tgt, src, size), garment.mask))]
    weights = split_parts(garment, marks)
    edges_t = [leg_mesh(garment, marks, target, body, lower, i) for i in (0, 1)]
    parts = []
    for i in (lower.back_leg, 1 - lower.back_leg):
        name = f"leg_{SIDES[i]}"
        tgt, src = edges_t[i]
        parts.append(Part(name, *_swap(rasterize(tgt, src, size), weights[name])))
    tgt, src = hips_mesh(garment, marks, target, body, lower, (edges_t[0][0], edges_t[1][0]))
    parts.append(Part("hips", *_swap(rasterize(tgt, src, size), weights["hips"])))
    return parts


def _swap(drawn: tuple[np.ndarray, np.ndarray], weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return drawn[0], weight.astype(np.float32), drawn[1]


__all__ = [
    "ENDS",
    "FORESHORTENED",
    "HIPS_FLAT_TO_WORN",
    "LEG_FLAT_TO_WORN",
    "LegFit",
    "fit",
    "landmarks_of",
    "split_parts",
    "warp",
    "window",
]

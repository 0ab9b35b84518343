"""Dresses on a body: a top down to the waist, a skirt below it, in one mesh so that prints go through.

Rows and columns of the flat dress are kept as for tops. Rows follow the trunk's axis, then the middle between the legs,
and turn with the hips; the breadth of each row is the dress's own, but never less than the body that it must cover. The
length is the dress's own too: flat, in armpit breadths; on the body, from the shoulders over the knees to the ankles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..geometry import CANVAS, Placement
from ..labels import Label
from ..types import Garment, Pose
from . import skeleton
from .body import Body, body_from_pose
from .lower_body import LowerBody
from .skeleton import CHEST_EASE, Fit, Part
from .sleeves import SIDES

#: Typical lengths below the hip joints in torso lengths: hip to knee, hip to ankle.
KNEE, ANKLE = 0.88, 1.7
#: Flat length over armpit breadth to torso lengths: a typical body in a dress of its size; and how far a longer or
#: shorter one is believed, from the usual length (to the knees): cloth that stretches lies narrower than it is worn.
LENGTH, BELIEVED, USUAL_HEM = 0.94, 0.75, 1.8
#: A skirt is at least this much broader than the hips and legs under it.
BODY_EASE = 1.05
#: Of the breadth of a flat row beyond this many armpit breadths, only a share shows when it hangs in folds.
FOLDS_FROM, FOLDS_SHARE = 1.15, 0.72
#: Breadth of the broadest row, armpit breadths.
WIDEST = 2.1
_CLOTHES = (Label.TOP, Label.OUTERWEAR, Label.DRESS, Label.LOWER)


@dataclass(frozen=True)
class Lines:
    """Rows on the body, by torso lengths below the shoulder line.

    Args:
        along: float32 (N,), increasing; centre: float32 (N, 2), px; across: float32 (N, 2), unit vectors.
        cover: float32 (2, N), px from the centre to the body's outline on each side.
    """

    along: np.ndarray
    centre: np.ndarray
    across: np.ndarray
    cover: np.ndarray

    def at(self, table: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Interpolate a table (N,) or (N, 2) at `along` (...); points go on in a straight line beyond its ends."""
        if table.ndim == 1:
            return np.interp(along, self.along, table)
        out = np.stack([np.interp(along, self.along, table[:, i]) for i in (0, 1)], -1)
        if table is self.centre:
            for end, nearby, sign in ((0, 4, -1.0), (-1, -5, 1.0)):
                slope = (table[end] - table[nearby]) / (self.along[end] - self.along[nearby])
                beyond = np.maximum(sign * (along - self.along[end]), 0) * sign
                out = out + beyond[..., None] * slope
        return out


def window(pose: Pose, parse: np.ndarray | None = None, size: tuple[int, int] = CANVAS) -> Placement:
    """The canvas for dresses: from above the head to below the feet, arms included.

    Args:
        parse: uint8 (H, W) at photo size; if given, all of the worn outfit is on the canvas.

    Raises:
        ValueError: if the pose has no torso.
    """
    body = body_from_pose(pose.keypoints, pose.world)
    height = pose.mask.shape[0]
    points = np.concatenate([body.shoulders, body.elbows, body.wrists, body.hands, body.hips, body.knees, body.ankles])
    top = min(pose.box[1], float(body.nose[1] - 0.5 * body.length))
    top = max(top, float(body.nose[1] - 0.75 * body.length)) - 0.06 * body.length
    bottom = max(float(body.ankles[:, 1].max()) + 0.28 * body.length, float(body.at(2.2)[1]))
    if parse is not None:  # under a long coat the ankles are guesses
        near = slice(max(int(body.pelvis[0] - body.length), 0), max(int(body.pelvis[0] + body.length), 1))
        worn = np.isin(parse[:, near], [int(x) for x in (*_CLOTHES, Label.LEGS, Label.SHOES)]).any(1)
        rows = np.flatnonzero(worn)
        low = float(rows[-1]) + 0.05 * body.length if len(rows) else 0.0
        bottom = max(bottom, min(low, float(body.at(3.3)[1])))
    bottom = max(min(bottom, height + 0.02 * body.length), top + 1.5 * body.length)
    pad = 0.25 * body.length
    x0, x1 = float(points[:, 0].min()) - pad, float(points[:, 0].max()) + pad
    if parse is not None:
        span = slice(max(int(body.neck[1]), 0), max(int(bottom), 1))
        columns = np.flatnonzero(np.isin(parse[span], [int(x) for x in _CLOTHES]).any(0))
        if len(columns):
            x0, x1 = min(x0, columns[0] - 0.1 * body.length), max(x1, columns[-1] + 0.1 * body.length)
    reach = 1.6 * body.length
    x0, x1 = max(x0, float(body.neck[0]) - reach), min(x1, float(body.neck[0]) + reach)
    return Placement.around((x0, top, x1, bottom), size)


def landmarks_of(garment: Garment) -> dict[str, np.ndarray]:
    """As `skeleton.landmarks_of`, with the hem at the end of the matte: a seam above it is easily taken for the hem."""
    marks = skeleton.landmarks_of(garment)
    flat = _Flat.of(marks)
    ys, xs = np.nonzero(garment.mask > 0.5)
    points = np.stack([xs, ys], 1) + 0.5 - flat.origin
    v, u = points @ flat.down, points @ flat.across
    half = 0.35 * float(np.linalg.norm(marks["hem_right"] - marks["hem_left"]))
    columns = ((u + half) / (2 * half) * 16).astype(int)
    inner = (u > -half) & (u < half)
    if not inner.any():
        return marks
    ends = np.zeros(16)
    np.maximum.at(ends, np.clip(columns[inner], 0, 15), v[inner])
    end = float(np.median(ends))
    if end < 1.05 * flat.length:
        return marks
    row = np.abs(v - 0.97 * end) < 0.02 * end
    reach = np.percentile(u[row], [1, 99]) if row.sum() > 8 else (-1.4 * half, 1.4 * half)
    moved = {f"hem_{s}": flat.origin + flat.down * end + flat.across * x for s, x in zip(SIDES, reach, strict=True)}
    return {**marks, **{k: np.asarray(p, np.float32) for k, p in moved.items()}}


def fit(garment: Garment, marks: dict[str, np.ndarray], body: Body, lower: LowerBody, to_ground: bool = False) -> Fit:
    """Guess where the dress's landmarks come to lie on the body.

    Args:
        marks: from `landmarks_of`; body, lower: on the canvas.
        to_ground: long dresses reach the feet, whose place the photo does not show.
    """
    base = skeleton.fit(garment, marks, body)
    flat = max(float(np.linalg.norm(marks["armpit_right"] - marks["armpit_left"])), 1.0)
    length = float(np.linalg.norm(marks["hem_left"] + marks["hem_right"] - marks["neck_left"] - marks["neck_right"]))
    top = float(body.along((base.points["neck_left"] + base.points["neck_right"]) / 2))
    typical = USUAL_HEM + BELIEVED * (top + LENGTH * length / 2 / flat - USUAL_HEM)
    knee, ankle = (max(float(body.along(lower.leg(i, t))) for i in (0, 1)) for t in (1.0, 2.0))
    knee = max(knee, 1.3)
    ankle = max(ankle, knee + 0.3)
    hem = float(np.interp(typical, [1.0, 1.0 + KNEE, 1.0 + ANKLE], [1.0, knee, ankle]))
    hem = float(np.clip(hem, 1.2, ankle + 0.02))
    if to_ground and hem > 0.6 * knee + 0.4 * ankle:
        hem = ankle + 0.12
    target = replace(base, hem=hem)
    lines = body_lines(target, body, lower)
    flare, _ = _halves(garment, marks, target, lines, body)
    for i, side in enumerate(SIDES):
        centre, across = lines.at(lines.centre, np.array(hem)), lines.at(lines.across, np.array(hem))
        point = centre + across * (flare[i][-1] * (1 if i else -1))
        target.points[f"hem_{side}"] = point.astype(np.float32)
    return target


def body_lines(target: Fit, body: Body, lower: LowerBody) -> Lines:
    """Where the rows of a dress lie on the body."""
    along = np.linspace(-0.3, 3.2, 141)
    neck = (target.points["neck_left"] + target.points["neck_right"]) / 2
    start = float(body.along(neck))
    lean = float((neck - body.neck) @ body.across)
    pelvis = float((body.pelvis - body.neck) @ body.across)
    edges = _leg_edges(body, lower, along)
    middle = edges.mean(0)
    fall = (along - 1.0) * body.length / max(float(body.down[1]), 0.5) * float(body.across[1]) + pelvis
    below = np.where(np.isfinite(middle), 0.75 * middle + 0.25 * fall, fall)
    share = np.clip((along - 0.95) / 0.35, 0, 1)
    trunk = np.interp(along, [start, 0.95], [lean, pelvis])
    aside = _smooth(trunk + (below - trunk) * share * share * (3 - 2 * share), 4.0)
    centre = body.neck + along[:, None] * body.length * body.down + aside[:, None] * body.across
    tilted = skeleton._tilt(body.hips[1] - body.hips[0], body.across, 0.15)
    turn = np.clip((along - 0.45) / 0.5, 0, 1)[:, None]
    across = body.across + (tilted - body.across) * turn
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    cover = []
    for i in (0, 1):
        trunk_half = np.interp(
            along, [0.0, 0.3, 0.62, 1.02], [body.chest, body.chest, 1.02 * lower.waist_half[i], lower.hip_half[i]]
        )
        sign = 1 if i else -1
        legs = sign * (edges[i] - aside)
        legs = np.where(np.isfinite(legs), legs, lower.hip_half[i])
        hips = np.clip((along - 1.1) / 0.3, 0, 1)
        cover.append(_smooth(trunk_half + (legs - trunk_half) * hips, 3.0))
    return Lines(along.astype(np.float32), centre.astype(np.float32), across.astype(np.float32),
                 np.stack(cover).astype(np.float32))  # fmt: skip


def _leg_edges(body: Body, lower: LowerBody, along: np.ndarray) -> np.ndarray:
    """Left and right outline of both legs together, px from the axis of the trunk: (2, N), not-a-number off them."""
    t = np.linspace(0.2, 2.15, 60)
    out = []
    for sign in (-1.0, 1.0):
        sides = []
        for i in (0, 1):
            axis, off = lower.leg(i, t), lower.across(i, t) * lower.radius(i, t)[:, None]
            rows = body.along(axis)
            for edge in (axis + off, axis - off):
                aside = (edge - body.neck) @ body.across
                order = np.argsort(rows)
                sides.append(np.interp(along, rows[order], aside[order], left=np.nan, right=aside[order][-1]))
        with np.errstate(all="ignore"):
            stacked = np.stack(sides)
            stacked = np.where(np.isfinite(stacked), sign * stacked, -np.inf)
            best = stacked.max(0)
        out.append(np.where(np.isfinite(best), sign * best, np.nan))
    return np.stack(out)


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    r = int(3 * sigma)
    kernel = np.exp(-(np.arange(-r, r + 1) ** 2) / (2 * sigma**2))
    return np.convolve(np.pad(values, r, mode="edge"), kernel / kernel.sum(), mode="valid")


@dataclass(frozen=True)
class _Flat:
    """The flat dress's axes: origin between the neck points, `down` to the middle of the hem, `across` to the right."""

    origin: np.ndarray
    down: np.ndarray
    across: np.ndarray
    length: float
    armpit: float

    @staticmethod
    def of(marks: dict[str, np.ndarray]) -> _Flat:
        origin = (marks["neck_left"] + marks["neck_right"]) / 2
        axis = (marks["hem_left"] + marks["hem_right"]) / 2 - origin
        length = max(float(np.linalg.norm(axis)), 1.0)
        down = axis / length
        across = np.array([down[1], -down[0]], np.float32)
        if across @ (marks["armpit_right"] - marks["armpit_left"]) < 0:
            across = -across
        armpit = float(np.mean([(marks[f"armpit_{s}"] - origin) @ down for s in SIDES]))
        return _Flat(origin, down, across, length, float(np.clip(armpit, 0.08 * length, 0.6 * length)))


def _outline(garment: Garment, marks: dict[str, np.ndarray], flat: _Flat) -> tuple[np.ndarray, np.ndarray]:
    """Rows (N,) from the armpits to the hem and the dress's half breadths there (2, N), garment px, smooth."""
    rows = np.linspace(flat.armpit, flat.length, 60)
    straight = []
    for side in SIDES:
        ends = [abs(float((marks[f"{n}_{side}"] - flat.origin) @ flat.across)) for n in ("armpit", "hem")]
        straight.append(np.interp(rows, [flat.armpit, flat.length], ends))
    weight = skeleton.split_parts(garment, marks, garment.sleeve or "none")["torso"]
    widest = 1.6 * max(float(s.max()) for s in straight)
    u = np.linspace(0, widest, 160, dtype=np.float32)
    halves = []
    for i in (0, 1):
        way = flat.across * (1 if i else -1)
        at = flat.origin + rows[:, None, None] * flat.down + u[None, :, None] * way
        cloth = cv2.remap(weight, at[..., 0].astype(np.float32) - 0.5, at[..., 1].astype(np.float32) - 0.5,
                          cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.5  # fmt: skip
        last = np.where(cloth.any(1), len(u) - 1 - cloth[:, ::-1].argmax(1), 0)
        seen = u[last]
        seen = np.where((seen > 0.6 * straight[i]) & (seen < 1.55 * straight[i]), seen, straight[i])
        seen[-3:] = seen[-4]  # the corners of the hem are round
        share = np.clip((rows - flat.armpit) / (0.1 * flat.length), 0, 1)  # the matte's armpits belong to the sleeves
        halves.append(_smooth(straight[i] + (seen - straight[i]) * share, 1.6))
    return rows, np.stack(halves)


def _halves(
    garment: Garment, marks: dict[str, np.ndarray], target: Fit, lines: Lines, body: Body
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Half breadths on the body (2, N) for the rows of `_outline`, and these rows with their flat half breadths."""
    flat = _Flat.of(marks)
    rows, halves = _outline(garment, marks, flat)
    own = halves / max(float(halves[:, 0].mean()), 1.0)
    own = np.where(own > FOLDS_FROM, FOLDS_FROM + (own - FOLDS_FROM) * FOLDS_SHARE, own)
    chest = body.chest * CHEST_EASE
    own = np.minimum(own, WIDEST) * chest
    along = _rows_on_body(rows, flat, target, body)
    least = np.stack([lines.at(lines.cover[i], along) for i in (0, 1)]) * BODY_EASE
    least = np.where(along[None] < 0.45, 0.0, least)
    soft = 0.05 * body.chest
    covered = soft * np.logaddexp(own / soft, least / soft)
    out = np.stack([_smooth(row, 1.5) for row in covered])
    return out, (rows, halves)


def _rows_on_body(v: np.ndarray, flat: _Flat, target: Fit, body: Body) -> np.ndarray:
    """Torso lengths below the shoulder line for rows of the flat dress, px below the neck: a smooth two-part scale."""
    start = float(body.along((target.points["neck_left"] + target.points["neck_right"]) / 2))
    armpit = float(np.mean([body.along(target.points[f"armpit_{s}"]) for s in SIDES]))
    top = (armpit - start) / flat.armpit
    low = (target.hem - armpit) / (flat.length - flat.armpit)
    k = 0.08 * flat.length
    base = k * np.logaddexp(0, -flat.armpit / k)

    def bent(y: np.ndarray) -> np.ndarray:
        return top * y + (low - top) * (k * np.logaddexp(0, (y - flat.armpit) / k) - base)

    end = float(bent(np.array(flat.length)))
    return start + bent(v) * np.where(v > 0, (target.hem - start) / end, 1.0)


def mesh(
    garment: Garment, marks: dict[str, np.ndarray], target: Fit, body: Body, lower: LowerBody
) -> tuple[np.ndarray, np.ndarray]:
    """(target, source) vertices of a dress without its sleeves, each (R, C, 2)."""
    flat = _Flat.of(marks)
    lines = body_lines(target, body, lower)
    worn, (rows, halves) = _halves(garment, marks, target, lines, body)
    ys, xs = np.nonzero(garment.mask > 0.3)
    points = np.stack([xs, ys], 1).astype(np.float32) - flat.origin
    pad = 0.03 * flat.length
    v = np.linspace(float((points @ flat.down).min()) - pad, float((points @ flat.down).max()) + pad, 42)
    reach = 1.18 * max(float(halves.max()), *(abs(float((marks[f"shoulder_{s}"] - flat.origin) @ flat.across))
                                              for s in SIDES))  # fmt: skip
    u = np.linspace(-reach, reach, 21)
    uu, vv = np.meshgrid(u, v)
    source = flat.origin + uu[..., None] * flat.across + vv[..., None] * flat.down

    def to_body(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        along = _rows_on_body(v, flat, target, body)
        left = u < 0
        own = np.where(left, np.interp(v, rows, halves[0]), np.interp(v, rows, halves[1]))
        half = np.where(left, np.interp(v, rows, worn[0]), np.interp(v, rows, worn[1]))
        q = np.abs(u) / np.maximum(own, 1e-3)
        a = np.clip(q, 0, 1)
        bent = 0.5 * a + 0.5 * np.sin(a * np.pi / 2) + 0.5 * np.maximum(q - 1, 0)
        x = np.sign(u) * bent * half
        return lines.at(lines.centre, along) + lines.at(lines.across, along) * x[..., None]

    out = to_body(uu, vv)
    # what the landmarks of the top part leave over, spread near them
    names = [f"{n}_{s}" for n in ("neck", "shoulder", "armpit") for s in SIDES]
    p = np.stack([marks[n] for n in names]) - flat.origin
    rest = np.stack([target.points[n] for n in names]) - to_body(p @ flat.across, p @ flat.down)
    size = max(2.2 * flat.armpit, 1.0)
    still = np.array([[0, 0.4], [0, 0.8], [0, 1.2], [0.12, 0.55], [-0.12, 0.55], [0.35, 1.0], [-0.35, 1.0]]) * size
    q = np.concatenate([np.stack([p @ flat.across, p @ flat.down], 1), still])
    rest = np.concatenate([rest, np.zeros((len(still), 2))])
    distance = ((np.stack([uu, vv], -1)[:, :, None] - q) ** 2).sum(-1) / (0.2 * size) ** 2
    share = 1 / (distance + 1e-3) ** 1.5
    share /= share.sum(-1, keepdims=True)
    fade = np.clip((1.9 * flat.armpit - vv) / (0.6 * flat.armpit), 0, 1)[..., None]
    return (out + (share @ rest) * fade).astype(np.float32), source.astype(np.float32)


def warp(
    garment: Garment, marks: dict[str, np.ndarray], target: Fit, body: Body, lower: LowerBody, size: tuple[int, int]
) -> list[Part]:
    """Warp all parts of a dress.

    Returns:
        Parts from back to front.
    """
    return skeleton.warp(garment, marks, target, body, size, torso=mesh(garment, marks, target, body, lower))

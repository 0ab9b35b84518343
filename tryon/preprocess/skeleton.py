"""The analytic skeleton warp: a flat garment moves onto a body, without learning.

The garment is cut into a torso and two sleeves. The torso keeps rows and columns (so prints stay straight) while
its width
profile follows the body as a half cylinder would show it; each sleeve is a ribbon laid along the arm's bones. Bones and
landmarks give the ends of everything, which is linear blend skinning with one bone per part and stations between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..types import Garment, Sleeve
from .body import Body
from .mesh import rasterize
from .ribbons import sleeve_meshes
from .sleeves import SIDES, nearest, polygon, sleeve_sides, sleeve_sources

#: Visible breadth over flat breadth of a garment on a trunk (a half cylinder would be 0.64, lying flat 1).
FLAT_TO_WORN = 0.78
#: Visible half breadth of a top at the armpits over the half distance of the shoulder joints.
CHEST_EASE = 1.08
#: Half distance of the sleeve joins over the half breadth at the armpits of a usual top.
USUAL_SHOULDER = 0.92


@dataclass(frozen=True)
class Part:
    """One layer of the warped garment, back to front.

    Args:
        name: "torso", "sleeve_left", "sleeve_right".
        grid: float32 (h, w, 2), garment-photo px for each canvas pixel (x, y; pixel centres at + 0.5).
        weight: float32 (Hg, Wg), the share of the garment photo's matte that belongs to this part.
        covered: bool (h, w), where `grid` is defined.
    """

    name: str
    grid: np.ndarray
    weight: np.ndarray
    covered: np.ndarray


@dataclass(frozen=True)
class Fit:
    """Where the garment goes on the body (canvas px) and how large it is.

    Args:
        points: target landmarks.
        scale: canvas px per garment px along the body.
        hem: torso lengths from the shoulder line to the hem.
        sleeve_end: (left, right) 0 none, 1 elbow, 2 wrist.
        sleeve: sleeve length class.
        outline: (left, right) how far the worn sleeve reaches outward of the arm's axis, canvas px, at the stations
            `sleeves.STATIONS`, nan where its outline is not seen; None if it was not looked for.
        inline: (left, right) the same for a bare arm, towards the trunk.
    """

    points: dict[str, np.ndarray]
    scale: float
    hem: float
    sleeve_end: tuple[float, float]
    sleeve: Sleeve
    outline: tuple[np.ndarray | None, np.ndarray | None] = field(default=(None, None), kw_only=True)
    inline: tuple[np.ndarray | None, np.ndarray | None] = field(default=(None, None), kw_only=True)


def landmarks_of(garment: Garment) -> dict[str, np.ndarray]:
    """The garment's landmarks, missing ones guessed from the others and the matte: name -> float32 (2,).

    Raises:
        ValueError: if neither armpits nor hem nor a usable matte exist.
    """
    known = {k: np.array(p, np.float32) for k, p in garment.landmarks.items() if p is not None}
    ys, xs = np.nonzero(garment.mask > 0.5)
    if len(xs) < 16:
        raise ValueError("empty garment matte")
    x0, x1, y0, y1 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
    w, h, cx = x1 - x0, y1 - y0, (x0 + x1) / 2
    guess = {
        "neck": (0.12, 0.03), "shoulder": (0.3, 0.08), "armpit": (0.33, 0.35), "hem": (0.34, 0.99),
        "sleeve_out": (0.5, 0.4), "sleeve_in": (0.42, 0.45), "elbow": (0.45, 0.4),
    }  # fmt: skip
    out = dict(known)
    for name, (dx, dy) in guess.items():
        left, right = f"{name}_left", f"{name}_right"
        if name in ("sleeve_out", "sleeve_in", "elbow") and left not in known and right not in known:
            continue
        for side, other, sign in ((left, right, -1), (right, left, 1)):
            if side in out:
                continue
            if other in known:  # mirror about the axis neck - hem where known, else about the matte
                out[side] = _mirror(known, known[other], cx)
            else:
                out[side] = np.array([cx + sign * dx * w, y0 + dy * h], np.float32)
    if "neck_front" not in out:
        mid = (out["neck_left"] + out["neck_right"]) / 2
        down = (out["hem_left"] + out["hem_right"]) / 2 - mid
        out["neck_front"] = (mid + 0.08 * down).astype(np.float32)
    return _even_shoulders(out)


def _even_shoulders(marks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Where one shoulder lies much nearer to the neck than the other, or above the neck (a turtleneck's edge), the more
    usual of the two decides for both."""
    top, low = ((marks[f"{name}_left"] + marks[f"{name}_right"]) / 2 for name in ("neck", "hem"))
    axis = (low - top) / max(float(np.linalg.norm(low - top)), 1e-6)
    across = np.array([axis[1], -axis[0]], np.float32)
    half = max(abs(float((marks["armpit_right"] - marks["armpit_left"]) @ across)) / 2, 1.0)
    aside = [abs(float((marks[f"shoulder_{s}"] - top) @ across)) / half for s in SIDES]
    above = [max(0.0, -float((marks[f"shoulder_{s}"] - top) @ axis) / half) for s in SIDES]
    if abs(aside[0] - aside[1]) < 0.3 and abs(above[0] - above[1]) < 0.2:
        return marks
    good = int(np.argmin([abs(a - USUAL_SHOULDER) + 2 * b for a, b in zip(aside, above, strict=True)]))
    v = marks[f"shoulder_{SIDES[good]}"] - top
    mirrored = (top + v - 2 * (v @ across) * across).astype(np.float32)
    return {**marks, f"shoulder_{SIDES[1 - good]}": mirrored}


def _mirror(known: dict[str, np.ndarray], point: np.ndarray, cx: float) -> np.ndarray:
    mids = [
        (known[f"{n}_left"] + known[f"{n}_right"]) / 2
        for n in ("neck", "armpit", "hem")
        if f"{n}_left" in known and f"{n}_right" in known
    ]
    if len(mids) < 2:
        return np.array([2 * cx - point[0], point[1]], np.float32)
    d = mids[-1] - mids[0]
    d = d / max(float(np.linalg.norm(d)), 1e-6)
    v = point - mids[0]
    return (mids[0] + 2 * (v @ d) * d - v).astype(np.float32)


def fit(
    garment: Garment,
    marks: dict[str, np.ndarray],
    body: Body,
    old_hem: float | None = None,
    waist: float | None = None,
) -> Fit:
    """Guess where the garment's landmarks come to lie on the body.

    Args:
        marks: from `landmarks_of`.
        body: on the canvas.
        old_hem: torso lengths from the shoulder line to the worn garment's hem, if seen.
        waist: torso lengths to the upper edge of the lower garment, if seen.
    """
    sleeve: Sleeve = garment.sleeve or "short"
    flat = float(np.linalg.norm(marks["armpit_right"] - marks["armpit_left"]))
    half = body.chest * CHEST_EASE
    scale = 2 * half / (FLAT_TO_WORN * max(flat, 1.0))
    unit = body.breadth / 2
    points: dict[str, np.ndarray] = {}
    mid_neck = (marks["neck_left"] + marks["neck_right"]) / 2
    mid_hem = (marks["hem_left"] + marks["hem_right"]) / 2
    axis = (mid_hem - mid_neck) / max(float(np.linalg.norm(mid_hem - mid_neck)), 1e-6)

    neck = 0.5 * scale * 0.86 * float(np.linalg.norm(marks["neck_right"] - marks["neck_left"]))
    squeeze = body.chest / unit
    neck = float(np.clip(neck, 0.36 * unit, 0.86 * unit)) * max(squeeze, 0.7)
    rise = float(np.interp(neck / unit, [0.3, 1.1], [0.185, 0.06])) * body.length
    arm_hole = np.mean([np.linalg.norm(marks[f"shoulder_{s}"] - marks[f"armpit_{s}"]) for s in SIDES])
    depth = float(np.clip(0.92 * scale * arm_hole / body.length - 0.07, 0.25, 0.40))
    for i, side in enumerate(SIDES):
        sign = 1.0 if i else -1.0
        out = body.across * sign
        joint = body.shoulders[i]
        points[f"neck_{side}"] = (
            body.neck
            + out * neck
            - body.down * rise
            + (joint - body.neck - out * abs((joint - body.neck) @ out)) * 0.35
        )
        points[f"shoulder_{side}"] = joint + out * 0.2 * unit - body.down * 0.055 * body.length
        points[f"armpit_{side}"] = (
            joint + out * (half - abs((joint - body.neck) @ out)) + body.down * depth * body.length
        )
    front = marks["neck_front"] - mid_neck
    drop = float(np.clip(scale * (front @ axis), 0.0, 0.75 * body.length))
    points["neck_front"] = (points["neck_left"] + points["neck_right"]) / 2 + body.down * drop

    natural = scale * float((mid_hem - mid_neck) @ axis) / body.length - rise / body.length
    hem = float(np.clip(natural, 0.72, 1.7))
    if old_hem is not None and abs(hem - old_hem) < 0.16:
        hem = old_hem + 0.015
    if waist is not None and hem < waist + 0.04:  # never a strip of midriff that was not there
        hem = min(waist + 0.05, hem + 0.3)
    ratio = float(np.linalg.norm(marks["hem_right"] - marks["hem_left"])) / max(flat, 1.0)
    hem_half = float(np.clip(half * ratio, body.chest * (1.04 if hem > 0.85 else 0.9), body.chest * 1.75))
    hip_dir = body.hips[1] - body.hips[0]
    hip_dir = _tilt(hip_dir, body.across, 0.15)
    for i, side in enumerate(SIDES):
        points[f"hem_{side}"] = body.at(hem) + hip_dir * hem_half * (1 if i else -1)

    ends = []
    for i, side in enumerate(SIDES):
        if sleeve == "none" or f"sleeve_out_{side}" not in marks:
            ends.append(0.0)
            continue
        root = (marks[f"shoulder_{side}"] + marks[f"armpit_{side}"]) / 2
        tip = (marks[f"sleeve_out_{side}"] + marks[f"sleeve_in_{side}"]) / 2
        reach = 0.95 * scale * float(np.linalg.norm(tip - root)) + 0.1 * body.length
        t = reach / (0.56 * body.length)
        lo, hi = {"short": (0.42, 0.95), "half": (0.95, 1.55), "long": (1.95, 2.06)}[sleeve]
        under = nearest(body, i, points[f"armpit_{side}"], 1.0) + 0.16  # a sleeve ends below the armpit
        ends.append(float(np.clip(max(t, under), lo, max(hi, under))))
    if min(ends) > 0:  # both sleeves alike
        ends = [float(np.mean(ends))] * 2
    return Fit({k: v.astype(np.float32) for k, v in points.items()}, scale, hem, (ends[0], ends[1]), sleeve)


def neck_opening(target: Fit, coverage: np.ndarray) -> np.ndarray:
    """What the neckline of a warped garment leaves open: bool (h, w).

    Args:
        coverage: float32 (h, w), of all parts.
    """
    left, right, front = (target.points[f"neck_{name}"].astype(np.float64) for name in ("left", "right", "front"))
    beyond = 0.25 * (front - (left + right) / 2)  # the points are those of the seams, the cloth may begin lower
    mask = np.zeros(coverage.shape, np.uint8)
    corners = np.stack([left, right, right + 0.6 * (front - right) + beyond, front + beyond,
                        left + 0.6 * (front - left) + beyond])  # fmt: skip
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return (mask > 0) & (coverage < 0.5)


def _tilt(direction: np.ndarray, base: np.ndarray, limit: float) -> np.ndarray:
    """`base` turned towards `direction` by at most `limit` radians; unit vector."""
    a = np.arctan2(base[0] * direction[1] - base[1] * direction[0], base @ direction)
    a = float(np.clip(a, -limit, limit))
    c, s = np.cos(a), np.sin(a)
    return np.array([c * base[0] - s * base[1], s * base[0] + c * base[1]], np.float32)


def split_parts(garment: Garment, marks: dict[str, np.ndarray], sleeve: Sleeve) -> dict[str, np.ndarray]:
    """Share of the matte for torso and sleeves: name -> float32 (Hg, Wg) in [0, 1]; parts overlap a little at the
    seams."""
    h, w = garment.mask.shape
    sides = [s for s in SIDES if sleeve != "none" and f"sleeve_out_{s}" in marks]
    if not sides:
        return {"torso": garment.mask.astype(np.float32)}
    f = min(1.0, 256 / max(h, w))
    size = (max(round(h * f), 8), max(round(w * f), 8))
    fx, fy = size[1] / w, size[0] / h
    m = {k: v * [fx, fy] for k, v in marks.items()}
    small = cv2.resize(garment.mask, size[::-1], interpolation=cv2.INTER_AREA)
    up = (m["neck_left"] + m["neck_right"]) / 2 - (m["hem_left"] + m["hem_right"]) / 2
    torso = polygon(
        size,
        [m["neck_left"] + up, m["neck_left"], m["shoulder_left"], m["armpit_left"], m["hem_left"] - up * 0.2,
         m["hem_right"] - up * 0.2, m["armpit_right"], m["shoulder_right"], m["neck_right"], m["neck_right"] + up],
    )  # fmt: skip
    polys = {"torso": torso}
    for s in sides:
        outer, inner = sleeve_sides(m, s, mask=small)
        tip = (outer[-1] - outer[-2]) + (inner[-1] - inner[-2])
        polys[f"sleeve_{s}"] = polygon(size, [*outer, outer[-1] + tip, inner[-1] + tip, *inner[::-1]])
    dist = {k: _distance(p) for k, p in polys.items()}
    shares = {}
    soft = 0.012 * max(size)
    for k, d in dist.items():
        other = np.min([v for n, v in dist.items() if n != k], axis=0)
        share = np.clip((other - d) / soft + 1.3, 0, 1)  # > 0.5 up to a little beyond the seam
        shares[k] = cv2.resize(share.astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR)
    most = np.maximum(np.max(list(shares.values()), axis=0), 1e-3)  # each pixel belongs wholly to some part
    return {k: np.minimum(garment.mask, share / most).astype(np.float32) for k, share in shares.items()}


def _distance(poly: np.ndarray) -> np.ndarray:
    """Signed distance to a region, px: negative inside."""
    if not poly.any():
        return np.full(poly.shape, 1e6, np.float32)
    outside = cv2.distanceTransform(1 - poly, cv2.DIST_L2, 3)
    inside = cv2.distanceTransform(poly, cv2.DIST_L2, 3)
    return outside - inside


def _torso_mesh(
    garment: Garment, marks: dict[str, np.ndarray], target: Fit, body: Body
) -> tuple[np.ndarray, np.ndarray]:
    """(target, source) vertices, each (R, C, 2)."""
    s, t = marks, target.points
    n_s, h_s = (s["neck_left"] + s["neck_right"]) / 2, (s["hem_left"] + s["hem_right"]) / 2
    n_t, h_t = (t["neck_left"] + t["neck_right"]) / 2, (t["hem_left"] + t["hem_right"]) / 2
    len_s, len_t = float(np.linalg.norm(h_s - n_s)), float(np.linalg.norm(h_t - n_t))
    d_s, d_t = (h_s - n_s) / len_s, (h_t - n_t) / len_t
    e_s = np.array([d_s[1], -d_s[0]], np.float32)
    if e_s @ (s["armpit_right"] - s["armpit_left"]) < 0:
        e_s = -e_s
    ys, xs = np.nonzero(garment.mask > 0.3)
    pts = np.stack([xs, ys], 1).astype(np.float32) - n_s
    v, u = pts @ d_s, pts @ e_s
    v0, v1 = float(v.min()), float(v.max())
    pad = 0.03 * len_s
    outline = [f"{name}_{side}" for name in ("armpit", "hem", "shoulder") for side in SIDES]
    reach = max(abs(float((s[name] - n_s) @ e_s)) for name in outline)
    reach = min(1.3 * reach, float(np.abs(u).max())) + pad
    vs = np.linspace(v0 - pad, v1 + pad, 26)
    us = np.linspace(-reach, reach, 19)
    uu, vv = np.meshgrid(us, vs)
    source = n_s + uu[..., None] * e_s + vv[..., None] * d_s

    target_xy = _torso_map(uu, vv, s, t, n_s, d_s, e_s, n_t, d_t, len_s, len_t, body)
    # residual of the landmarks, spread locally so that a print on the chest stays as it is
    names = [f"{n}_{side}" for n in ("neck", "shoulder", "armpit", "hem") for side in SIDES]
    p = np.stack([s[n] for n in names]) - n_s
    mapped = _torso_map(p @ e_s, p @ d_s, s, t, n_s, d_s, e_s, n_t, d_t, len_s, len_t, body)
    res = np.stack([t[n] for n in names]) - mapped
    anchors = np.array([[0, 0.3], [0, 0.6], [0, 1.0], [0.12, 0.45], [-0.12, 0.45]]) * len_s
    q = np.concatenate([np.stack([p @ e_s, p @ d_s], 1), anchors])
    res = np.concatenate([res, np.zeros((len(anchors), 2))])
    d2 = ((np.stack([uu, vv], -1)[:, :, None] - q) ** 2).sum(-1) / (0.2 * len_s) ** 2
    wgt = 1 / (d2 + 1e-3) ** 1.5
    wgt /= wgt.sum(-1, keepdims=True)
    target_xy = target_xy + wgt @ res
    return target_xy.astype(np.float32), source.astype(np.float32)


def _torso_map(
    u: np.ndarray,
    v: np.ndarray,
    s: dict[str, np.ndarray],
    t: dict[str, np.ndarray],
    n_s: np.ndarray,
    d_s: np.ndarray,
    e_s: np.ndarray,
    n_t: np.ndarray,
    d_t: np.ndarray,
    len_s: float,
    len_t: float,
    body: Body,
) -> np.ndarray:
    """Rows and columns of the flat torso to the body: u, v any shape -> (..., 2)."""

    def knots(
        marks: dict[str, np.ndarray], n: np.ndarray, d: np.ndarray, e: np.ndarray
    ) -> tuple[list[float], list[list[float]]]:
        along = [0.0]
        half: list[list[float]] = [[], []]
        for name in ("armpit", "hem"):
            along.append(float(np.mean([(marks[f"{name}_{x}"] - n) @ d for x in SIDES])))
            for i, x in enumerate(SIDES):
                half[i].append(abs(float((marks[f"{name}_{x}"] - n) @ e)))
        return along, half

    e_t = np.array([d_t[1], -d_t[0]], np.float32)
    if e_t @ body.across < 0:
        e_t = -e_t
    va_s, half_s = knots(s, n_s, d_s, e_s)
    va_t, half_t = knots(t, n_t, d_t, e_t)
    va_s[1] = float(np.clip(va_s[1], 0.12 * len_s, 0.75 * len_s))
    va_t[1] = float(np.clip(va_t[1], 0.12 * len_t, 0.75 * len_t))
    top = (va_t[1] - va_t[0]) / (va_s[1] - va_s[0])
    low = (va_t[2] - va_t[1]) / (va_s[2] - va_s[1])
    # C1 blend of the two slopes round the armpit row
    y = v
    k = 0.12 * len_s
    soft = k * np.logaddexp(0, (y - va_s[1]) / k)  # smooth max(0, y - armpit)
    base = k * np.logaddexp(0, (0 - va_s[1]) / k)
    row = va_t[0] + top * y + (low - top) * (soft - base)
    end = top * va_s[2] + (low - top) * (k * np.logaddexp(0, (va_s[2] - va_s[1]) / k) - base)
    row = row * np.where(y > 0, va_t[2] / end, 1.0)
    left = u < 0
    hs = np.where(left, np.interp(v, va_s[1:], half_s[0]), np.interp(v, va_s[1:], half_s[1]))
    ht = np.where(left, np.interp(v, va_s[1:], half_t[0]), np.interp(v, va_s[1:], half_t[1]))
    q = u / np.maximum(hs, 1e-3)
    a = np.clip(np.abs(q), 0, 1)
    bent = 0.5 * a + 0.5 * np.sin(a * np.pi / 2) + 0.5 * np.maximum(np.abs(q) - 1, 0)
    x = np.sign(q) * bent * ht
    return n_t + x[..., None] * e_t + row[..., None] * d_t


def warp(
    garment: Garment,
    marks: dict[str, np.ndarray],
    target: Fit,
    body: Body,
    size: tuple[int, int],
    torso: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[Part]:
    """Warp all parts of a garment.

    Args:
        torso: (target, source) vertices of the part without sleeves, if not that of a top.

    Returns:
        Parts from back to front.
    """
    weights = split_parts(garment, marks, target.sleeve)
    sources = sleeve_sources(garment, marks)
    parts: list[tuple[Part, bool]] = []
    for i, side in enumerate(SIDES):
        name = f"sleeve_{side}"
        if name not in weights or target.sleeve_end[i] <= 0:
            continue
        source = sources.get(side)
        meshes = sleeve_meshes(garment, marks, target, body, i, folded=source is None, source=source)
        weight = weights[name] if source == side else np.ones_like(weights[name])
        pieces = []
        for k, (tgt, src) in enumerate(meshes):
            if source != side:  # the strip is all cloth: its own edges are the sleeve's
                cut = slice(2, -2) if source is None else slice(1, -1)
                last = -2 if k == len(meshes) - 1 else None
                tgt, src = tgt[:last, cut], src[:last, cut]
            grid, covered = rasterize(tgt, src, size)
            pieces.append(Part(name, grid, weight, covered))
        if not body.arm_front[i]:
            pieces.reverse()
        parts += [(piece, body.arm_front[i]) for piece in pieces]
    tgt, src = _torso_mesh(garment, marks, target, body) if torso is None else torso
    grid, covered = rasterize(tgt, src, size)
    behind, front = ([piece for piece, before in parts if before is wanted] for wanted in (False, True))
    return [*behind, Part("torso", grid, weights["torso"], covered), *front]

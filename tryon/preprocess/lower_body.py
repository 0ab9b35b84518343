"""The body below the waist as trousers and skirts need it: waistline, hips and the legs' outlines.

MediaPipe's joints say where the bones lie; the parse says where the outline is. Where the parse shows an outline that
a leg can have, it corrects the joints, so that new legs lie on the old ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..labels import Label
from ..types import LEFT_ANKLE, LEFT_KNEE, RIGHT_ANKLE, RIGHT_KNEE
from .body import Body, leg_stations
from .masks import is_label

#: Stations along a leg, t = 0 hip, 1 knee, 2 ankle.
STATIONS = np.linspace(0.0, 2.2, 45).astype(np.float32)
#: Half breadth of the hips at the hip joints over the shoulder breadth: typical, and the limits.
HIP_HALF, HIP_LEAST, HIP_MOST = 0.52, 0.44, 0.58
#: A lower garment whose upper edge lies above this (torso lengths below the shoulder line) shows its waistband; below,
#: a top hangs over it.
WAISTBAND_SHOWS = 0.9
#: Where the waistband lies if it can't be seen, torso lengths below the shoulder line.
USUAL_WAIST = 0.84
#: No waistband lies above this: what reaches higher is the skirt of a dress.
HIGHEST_WAIST = 0.62
#: The crotch lies this far below the hip joints, torso lengths.
CROTCH_DROP = 0.2


@dataclass(frozen=True)
class LowerBody:
    """Measures below the waist, canvas px; sides as in `Body`.

    Args:
        waist: torso lengths from the shoulder line to the upper edge of the worn lower garment, or to its usual place.
        waist_seen: that edge is the worn garment's own waistband, not the hem of a top over it.
        waist_half, hip_half: (left, right) visible half breadths, px, at the waist and at the hip joints.
        centre: float32 (2, N, 2), the legs' axes at `STATIONS`; half: float32 (2, N), half breadths of bare legs there.
        old: float32 (2, N, 2), half breadth of what the leg wears (outer, inner side), not-a-number where not seen.
        normal: float32 (2, N, 2), unit vectors across the legs, outwards.
        crotch: float32 (2,).
        top_hem: torso lengths to the hem of a top that hangs over the waistband, None if none is seen.
        back_leg: the side whose leg lies farther from the camera.
    """

    waist: float
    waist_seen: bool
    waist_half: tuple[float, float]
    hip_half: tuple[float, float]
    centre: np.ndarray
    half: np.ndarray
    old: np.ndarray
    normal: np.ndarray
    crotch: np.ndarray
    back_leg: int
    top_hem: float | None = None

    def leg(self, side: int, t: np.ndarray | float) -> np.ndarray:
        """Points of a leg's axis: float32 (..., 2)."""
        t = np.asarray(t, np.float32)
        return np.stack([np.interp(t, STATIONS, self.centre[side, :, i]) for i in (0, 1)], -1).astype(np.float32)

    def radius(self, side: int, t: np.ndarray | float) -> np.ndarray:
        """Half breadths of a bare leg, px: float32 (...)."""
        return np.interp(t, STATIONS, self.half[side]).astype(np.float32)

    def across(self, side: int, t: np.ndarray | float) -> np.ndarray:
        """Unit vectors across a leg, outwards: float32 (..., 2)."""
        t = np.asarray(t, np.float32)
        n = np.stack([np.interp(t, STATIONS, self.normal[side, :, i]) for i in (0, 1)], -1)
        return (n / np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-6)).astype(np.float32)

    def moved(self, body: Body) -> Body:
        """`body` with its knees and ankles on these legs' axes."""
        joints = {name: np.stack([self.leg(i, t) for i in (0, 1)]) for name, t in (("knees", 1.0), ("ankles", 2.0))}
        return replace(body, knees=joints["knees"], ankles=joints["ankles"])

    def mask(self, side: int, size: tuple[int, ...], start: float, stop: float, grow: float = 1.0) -> np.ndarray:
        """Silhouette of a bare leg: float32 (H, W) in [0, 1]."""
        out = np.zeros(size, np.uint8)
        if stop <= start:
            return out.astype(np.float32)
        t = np.linspace(start, stop, 24)
        mid, off = self.leg(side, t), self.across(side, t) * (self.radius(side, t) * grow)[:, None]
        poly = np.concatenate([mid + off, (mid - off)[::-1]])
        cv2.fillPoly(out, [np.round(poly * 16 - 8).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return out.astype(np.float32) / 255

    def ankle(self, side: int, shoes: np.ndarray, farthest: float) -> np.ndarray:
        """What of a bare leg lies between its end, the ankle, and the shoe below it: float32 (H, W) in [0, 1].

        Args:
            shoes: bool (H, W); farthest: px below the ankle beyond which no shoe is looked for.
        """
        out = np.zeros(shoes.shape, np.uint8)
        end, run = self.leg(side, 2.1), self.leg(side, 2.1) - self.leg(side, 1.8)
        run = run / max(float(np.linalg.norm(run)), 1e-6)
        across, half = np.array([-run[1], run[0]]), float(self.radius(side, 2.1))
        steps = np.arange(0.0, farthest, 1.0)
        line = end + steps[:, None, None] * run + np.linspace(-0.6, 0.6, 5)[None, :, None] * half * across
        x, y = (np.rint(line[..., i] - 0.5).astype(int) for i in (0, 1))
        inside = (x >= 0) & (y >= 0) & (x < shoes.shape[1]) & (y < shoes.shape[0])
        met = np.zeros(x.shape, bool)
        met[inside] = shoes[y[inside], x[inside]]
        reached = np.flatnonzero(met.mean(1) >= 0.6)
        if not len(reached) or reached[0] == 0:
            return out.astype(np.float32)
        down = end + (steps[reached[0]] + 2) * run
        corners = [end - half * across, end + half * across, down + 0.9 * half * across, down - 0.9 * half * across]
        cv2.fillPoly(out, [np.round(np.stack(corners) * 16 - 8).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return out.astype(np.float32) / 255


def measure(parse: np.ndarray, body: Body, world: np.ndarray) -> LowerBody:
    """Measure the lower body.

    Args:
        parse: uint8 (h, w) of `Label` on the canvas; body: on the same canvas; world: (33, 3) metres, see `Pose`.
    """
    waist, seen, top_hem = _waistline(parse, body)
    hips = tuple(_half_breadth(parse, body, 1.02, side, HIP_HALF, (HIP_LEAST, HIP_MOST)) for side in (0, 1))
    usual = 0.8 * HIP_HALF
    waists = tuple(_half_breadth(parse, body, waist + 0.04, side, usual, (0.33, 0.56)) for side in (0, 1))
    centre, half, old, normal = (np.stack(x) for x in zip(*(_leg(parse, body, s) for s in (0, 1)), strict=True))
    middle = (centre[0, 6] + centre[1, 6]) / 2  # a little below the hips
    crotch = body.pelvis + body.down * CROTCH_DROP * body.length
    lean = float((middle - body.pelvis) @ body.across)
    depth = [float(world[list(joints), 2].mean()) for joints in ((RIGHT_KNEE, RIGHT_ANKLE), (LEFT_KNEE, LEFT_ANKLE))]
    return LowerBody(
        waist,
        seen,
        (waists[0], waists[1]),
        (hips[0], hips[1]),
        centre.astype(np.float32),
        half.astype(np.float32),
        old.astype(np.float32),
        normal.astype(np.float32),
        (crotch + body.across * np.clip(lean, -0.1 * body.length, 0.1 * body.length)).astype(np.float32),
        int(depth[1] > depth[0]),
        top_hem,
    )


def _waistline(parse: np.ndarray, body: Body) -> tuple[float, bool, float | None]:
    """Upper edge of the worn lower garment near the axis, torso lengths, whether it is a waistband that shows, and the
    hem that hangs over it if not."""
    edges = []
    lower = is_label(parse, Label.LOWER)
    for aside in np.linspace(-0.3, 0.3, 13) * body.breadth:
        along = np.arange(0.45, 2.0, 0.01)
        points = np.rint(np.stack([body.at(a, aside) for a in along]) - 0.5).astype(int)
        inside = ((points >= 0) & (points < [parse.shape[1], parse.shape[0]])).all(1)
        hit = np.zeros(len(along), bool)
        hit[inside] = lower[points[inside, 1], points[inside, 0]]
        run = np.convolve(hit, np.ones(4, int), mode="valid") == 4
        if run.any():
            edges.append(float(along[np.argmax(run)]))
    if len(edges) < 4:
        return USUAL_WAIST, False, None
    edge = float(np.median(edges))
    edge = max(edge, HIGHEST_WAIST)
    return (edge, True, None) if edge < WAISTBAND_SHOWS else (min(USUAL_WAIST, edge), False, edge)


def _half_breadth(
    parse: np.ndarray, body: Body, along: float, side: int, usual: float, limits: tuple[float, float]
) -> float:
    """Half breadth of the clothed body near a row, px: measured where the parse ends against the background."""
    cloth = is_label(parse, Label.LOWER, Label.LEGS, Label.DRESS, Label.TOP)
    aside = np.arange(0.2, 0.95, 0.01) * body.breadth
    found = []
    for a in along + np.linspace(-0.04, 0.04, 5):
        points = np.rint(np.stack([body.at(a, x * (1 if side else -1)) for x in aside]) - 0.5).astype(int)
        inside = ((points >= 0) & (points < [parse.shape[1], parse.shape[0]])).all(1)
        labels = np.full(len(aside), int(Label.BAG))
        labels[inside] = parse[points[inside, 1], points[inside, 0]]
        on = cloth[points[inside, 1], points[inside, 0]]
        full = np.zeros(len(aside), bool)
        full[inside] = on
        if not full[0]:
            continue
        end = int(np.argmin(full)) if not full.all() else len(full)
        if end < len(full) and labels[end] == Label.BACKGROUND:
            found.append(float(aside[end]) / body.breadth)
    share = float(np.median(found)) if len(found) >= 2 else usual
    return float(np.clip(share, *limits)) * body.breadth


def _leg(parse: np.ndarray, body: Body, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A leg's axis (N, 2), bare half breadth (N,), worn half breadths (N, 2: outer, inner), normals (N, 2)."""
    n = len(STATIONS)
    axis, radius = leg_stations(body, side, float(STATIONS[0]), float(STATIONS[-1]), n)
    along = np.gradient(axis, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    normal = np.stack([-along[:, 1], along[:, 0]], 1)
    if float((normal @ body.across).mean()) * (1 if side else -1) < 0:
        normal = -normal
    other = leg_stations(body, 1 - side, float(STATIONS[0]), float(STATIONS[-1]), n)[0]
    gap = ((axis - other) * normal).sum(1)  # positive where the other leg lies on the inner side
    cloth = is_label(parse, Label.LOWER, Label.LEGS, Label.DRESS)
    reach = np.arange(0.0, 3.0, 0.06)
    edges, bare = np.full((n, 2), np.nan), np.zeros((n, 2), bool)
    for k in range(n):
        if STATIONS[k] < 0.25 or STATIONS[k] > 2.0:
            continue
        for j, sign in enumerate((1.0, -1.0)):
            points = np.rint(axis[k] + normal[k] * (sign * reach * radius[k])[:, None] - 0.5).astype(int)
            points = np.clip(points, 0, [parse.shape[1] - 1, parse.shape[0] - 1])
            on = cloth[points[:, 1], points[:, 0]]
            if not on[:3].any() or on.all():
                continue
            start = int(np.argmax(on))
            end = start + int(np.argmin(on[start:]))
            if end <= start:
                continue
            if j == 1 and reach[end] * radius[k] > 0.62 * max(float(gap[k]), radius[k]):
                continue  # ran into the other leg: no gap between them
            if parse[points[end, 1], points[end, 0]] in (Label.BACKGROUND, Label.SHOES, Label.LEGS):
                edges[k, j] = reach[end] * radius[k]
                bare[k, j] = parse[points[end - 1, 1], points[end - 1, 0]] == Label.LEGS
    hidden = bare[:, 0] & np.isfinite(edges[:, 0]) & ~np.isfinite(edges[:, 1])  # behind or beside the other leg
    inner = np.where(hidden & (np.abs(edges[:, 0] / radius - 1) < 0.6), 1.94 * radius - edges[:, 0], edges[:, 1])
    return _corrected(axis, radius, np.stack([edges[:, 0], inner], 1), normal, bare.all(1) | hidden)


def _corrected(
    axis: np.ndarray, radius: np.ndarray, edges: np.ndarray, normal: np.ndarray, bare: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Move the axis to the middle of the seen edges, where these are those of a leg, smoothly along it; where enough of
    the leg is bare, that alone decides."""
    width = edges.sum(1) / 2
    sound = np.isfinite(width) & (width > 0.6 * radius) & (width < 1.9 * radius)
    if (sound & bare).sum() >= 4:
        sound &= bare
    shift = np.where(sound, (edges[:, 0] - edges[:, 1]) / 2, 0.0)
    shift = np.clip(shift, -0.9 * radius, 0.9 * radius)
    # the broader the worn leg, the less its middle says about the leg inside
    weight = sound * np.clip((1.9 - width / radius) / 0.6, 0, 1) ** 2 + 0.02
    weight = np.nan_to_num(weight, nan=0.02)
    kernel = np.exp(-(np.arange(-8, 9) ** 2) / (2 * 3.0**2))
    spread = np.convolve(np.pad(weight, 8, mode="edge"), kernel, mode="valid")
    moved = np.convolve(np.pad(shift * weight, 8, mode="edge"), kernel, mode="valid") / spread
    # above a hem the legs go on as they are seen below it
    slim = np.flatnonzero(sound & (width < 1.3 * radius))
    ratio = np.ones(len(radius))
    if len(slim) >= 3:
        median = np.median(np.stack([np.roll(width[slim] / radius[slim], k) for k in (-1, 0, 1)]), axis=0)
        ratio = np.interp(np.arange(len(radius)), slim, median)
        ratio[: slim[0]] = np.median((width / radius)[slim[:3]])  # farther down shoes and feet are broader
    ratio = np.convolve(np.pad(ratio, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    out = np.stack([edges[:, 0] - moved, edges[:, 1] + moved], 1)
    return axis + normal * moved[:, None], radius * np.clip(ratio, 0.75, 1.2), out, normal

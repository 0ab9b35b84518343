"""A sleeve's ribbon laid on an arm: one mesh, or, where the elbow is bent sharply, one round each of its bones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..types import Garment
from .arms import SHARP, elbow_bend
from .body import Body
from .sleeves import SIDES, SLEEVE_TO_ARM, STATIONS, arm_axis, breadths, flank, nearest, outward, sleeve_sides

if TYPE_CHECKING:
    from .skeleton import Fit

Pair = tuple[np.ndarray, np.ndarray]  #: two edges, outer and inner, or target and source vertices


def sleeve_meshes(
    garment: Garment,
    marks: dict[str, np.ndarray],
    target: Fit,
    body: Body,
    side: int,
    n: int = 16,
    *,
    folded: bool = False,
    source: str | None = None,
) -> list[Pair]:
    """(target, source) vertices of a sleeve, each (m, 9, 2) or (m, 7, 2): one ribbon, or, where the elbow is bent
    sharply, one round the upper arm and one round the forearm, both with a round end at the elbow.

    Args:
        folded: take the torso's flank for it.
        source: "left" or "right", whose cloth it shows; None its own.
    """
    name = SIDES[side]
    flat = flank(marks, name, n) if folded else sleeve_sides(marks, source or name, n, garment.mask)
    root_o, root_i = target.points[f"shoulder_{name}"], target.points[f"armpit_{name}"]
    end = target.sleeve_end[side]
    # the outer edge runs from the shoulder, the inner one from the armpit: equal shares of both face each other, so the
    # ribbon turns about the armpit and does not fold
    start = nearest(body, side, root_i, max(end - 0.14, 0.1))
    hang = SLEEVE_TO_ARM * target.scale * breadths(*flat) / 2
    worn = _Worn(body, side, target, hang, ((root_o, 0.1), (root_i, start)), end, folded)
    if end < 1.05 or elbow_bend(body, side) < SHARP:
        return [_lay(flat, worn.edges(), folded, True, True)]
    elbow = ((1 - 0.1) / (end - 0.1) + (1 - start) / (end - start)) / 2  # the share of the sleeve above it
    elbow = float(np.clip(elbow, 0.1, 0.9))
    meshes = []
    for upper in (True, False):
        edges, share = worn.round_edges(upper, elbow)
        meshes.append(_lay((_at(flat[0], share), _at(flat[1], share)), edges, folded, upper, not upper))
    return meshes


@dataclass(frozen=True)
class _Worn:
    """A sleeve as it is worn.

    Args:
        hang: half breadths (n,) as it would hang, px, at stations of equal length.
        runs: for the outer and the inner edge, where they begin: point (2,) and station of the arm.
        end: the station of the arm where it ends.
        folded: the torso's flank stands in for it.
    """

    body: Body
    side: int
    target: Fit
    hang: np.ndarray
    runs: tuple[tuple[np.ndarray, float], tuple[np.ndarray, float]]
    end: float
    folded: bool

    def edges(self) -> Pair:
        """Outer and inner edge along the whole arm: (n, 2) each."""
        share = np.linspace(0, 1, len(self.hang))
        edges = []
        for sign, (root, first) in zip((1.0, -1.0), self.runs, strict=True):
            t = first + (self.end - first) * share
            axis, radius = arm_axis(self.body, self.side, t)
            width = self._half_breadths(self.hang, share, t, radius, sign)
            edge = axis + outward(axis, self.side) * (sign * width)[:, None]
            edges.append(_to_root(edge, root, t))
        return edges[0], edges[1]

    def round_edges(self, upper: bool, elbow: float) -> tuple[Pair, np.ndarray]:
        """Edges, (m, 2) each, round the upper arm or the forearm alone, with a round end about the elbow, and the
        shares of the sleeve's length (m,) that lie there.

        Args:
            elbow: the share above the elbow.
        """
        body, side, end = self.body, self.side, self.end
        a, b = (body.shoulders, body.elbows) if upper else (body.elbows, body.wrists)
        length = max(float(np.linalg.norm(b[side] - a[side])), 1e-3)
        along = (b[side] - a[side]) / length
        normal = np.array([along[1], -along[0]]) * (-1.0 if side == 0 else 1.0)
        span = (0.0, elbow) if upper else (elbow, 1.0)
        share = np.linspace(span[0], span[1], 12)
        hang = np.interp(share, np.linspace(0, 1, len(self.hang)), self.hang)
        reach = np.sin(np.linspace(0, np.pi / 2, 7))[1:] * 0.98  # stations of the round end, in its radii
        edges, ends = [], []
        for sign, (root, first) in zip((1.0, -1.0), self.runs, strict=True):
            t = np.linspace(min(first, 0.9), 1, 12) if upper else np.linspace(1, end, 12)
            width = self._half_breadths(hang, share, t, np.asarray(body.arm_radius(t), np.float64), sign)
            edge = a[side] + along * ((t - (0 if upper else 1)) * length)[:, None] + normal * (sign * width)[:, None]
            edges.append(_to_root(edge, root, t) if upper else edge)
            ends.append(float(width[-1 if upper else 0]))
        r = (ends[0] + ends[1]) / 2
        beyond = along * (reach * r * (1 if upper else -1))[:, None]
        more = reach * r / length * (elbow if upper else 1 - elbow) / (0.8 if upper else end - 1)
        for k, (sign, wide) in enumerate(zip((1.0, -1.0), ends, strict=True)):
            cap = body.elbows[side] + beyond + normal * (sign * wide * np.sqrt(1 - reach**2))[:, None]
            edges[k] = np.concatenate([edges[k], cap] if upper else [cap[::-1], edges[k]])
        share = np.r_[share, elbow + more] if upper else np.r_[(elbow - more)[::-1], share]
        return (edges[0], edges[1]), np.clip(share, 0, 1)

    def _half_breadths(
        self, hang: np.ndarray, share: np.ndarray, t: np.ndarray, radius: np.ndarray, sign: float
    ) -> np.ndarray:
        """Half breadths (m,) as worn, px, from those as it would hang, at shares of its length, stations t of the arm
        and its radii there; sign: 1 of the outer edge, -1 of the inner one."""
        outline = (self.target.outline if sign > 0 else self.target.inline)[self.side]
        most = np.interp(share, (0.3, 1.0), (1.7, 1.3)) if self.folded else 1.7  # the torso's flank does not taper
        width = _widened(np.clip(hang, 1.18 * radius, most * radius), t, outline)
        return np.convolve(np.pad(width, 2, mode="edge"), np.ones(5) / 5, mode="valid")


def _widened(width: np.ndarray, t: np.ndarray, outline: np.ndarray | None) -> np.ndarray:
    """Half breadths (n,) at stations t, at least to the worn sleeve's outline where that is known, px."""
    if outline is None or np.isnan(outline).all():
        return width
    known = ~np.isnan(outline)
    worn = np.interp(t, STATIONS[known], outline[known])
    near = np.min(np.abs(t[:, None] - STATIONS[known]), axis=1) < 0.15
    return np.where(near, np.maximum(width, worn), width)


def _to_root(edge: np.ndarray, root: np.ndarray, t: np.ndarray) -> np.ndarray:
    """A sleeve's edge (n, 2) at stations t, moved so that it begins at the shoulder or the armpit."""
    k = np.clip((t - t[0]) / min(0.3, max(t[-1] - t[0], 0.05)), 0, 1)[:, None]
    return edge + (root - edge[0]) * (1 - k * k * (3 - 2 * k))


def _at(edge: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points of a polyline (n, 2) at shares of its stations (m,): (m, 2)."""
    known = np.linspace(0, 1, len(edge))
    return np.stack([np.interp(share, known, edge[:, k]) for k in (0, 1)], 1).astype(np.float32)


def _lay(flat: Pair, edges: Pair, folded: bool, begins: bool, ends: bool) -> Pair:
    """(target, source) vertices of a ribbon between its edges.

    Args:
        flat: edges in the garment photo, (n, 2) each; edges: the same on the canvas.
        begins: at the torso, which it overlaps; ends: with a cuff.
    """
    mid, half = (edges[0] + edges[1]) / 2, (edges[0] - edges[1]) / 2
    s_mid, s_half = (flat[0] + flat[1]) / 2, (flat[0] - flat[1]) / 2
    cols = (
        np.array([-1.3, -1.1, -1, -0.5, 0, 0.5, 1, 1.1, 1.3])
        if folded
        else np.array([-1.15, -1, -0.5, 0, 0.5, 1, 1.15])
    )
    tgt = mid[:, None] + half[:, None] * cols[None, :, None]
    src = s_mid[:, None] + s_half[:, None] * cols[None, :, None]
    if begins:  # one station before the root
        seam_t, seam_s = (mid[1] - mid[0]) * 0.7, (s_mid[1] - s_mid[0]) * 0.7
        tgt, src = np.concatenate([[tgt[0] - seam_t], tgt]), np.concatenate([[src[0] - seam_s], src])
    if ends:  # two beyond the cuff
        step_t, step_s = tgt[-1] - tgt[-2], src[-1] - src[-2]
        tgt = np.concatenate([tgt, [tgt[-1] + step_t], [tgt[-1] + 2 * step_t]])
        src = np.concatenate([src, [src[-1] + step_s], [src[-1] + 2 * step_s]])
    return tgt.astype(np.float32), src.astype(np.float32)

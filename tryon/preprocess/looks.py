"""What one look of the garment network means: points by name, the turn, the kind of garment."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..types import LANDMARKS, LENGTHS, LOWER_LANDMARKS, Length
from .landmarks import (
    ATTRIBUTES,
    POINTS,
    VIEW,
    decode_heatmaps,
    outline_hip,
    outline_middle,
    prefer_front,
    prefer_garment,
    prefer_sides,
    upright_angle,
)
from .views import View

#: Points between an end and a joint, which are placed by the outline: (point, joint, end), each with a side to come.
MIDDLES = {"elbow": ("shoulder", "sleeve_out"), "knee": ("hip", "hem_out")}


#: Tops and dresses hardly ever give this share of their category to `lower`; of the few skirts of the training, some
#: get little more. They get `LOWER_LEAD` of what either of these gets, at least.
LOWER_FROM, LOWER_LEAD = 0.25, 0.85


@dataclass(frozen=True)
class Look:
    """What the network says about one view: probabilities. `maps` (26, h, w), `matte` (h, w), the rest 1-D."""

    view: View
    matte: np.ndarray
    maps: np.ndarray
    attributes: dict[str, np.ndarray]

    def share(self, attribute: str) -> dict[str, float]:
        """Meaning -> probability of one of `ATTRIBUTES`."""
        return dict(zip(ATTRIBUTES[attribute], self.attributes[attribute].tolist(), strict=True))

    @property
    def lower(self) -> bool:
        """Whether this is to be taken for trousers or a skirt rather than for a top or a dress."""
        share = self.share("category")
        return share["lower"] > max(LOWER_FROM, LOWER_LEAD * share["dress"], LOWER_LEAD * share["upper"])

    @property
    def length(self) -> tuple[Length, float]:
        """The length of trousers or a skirt, and how sure that is."""
        share = self.attributes["length"]
        return LENGTHS[int(share.argmax())], float(share.max())

    @property
    def skirt(self) -> bool:
        """Whether a lower garment has no legs: what its head says, and whether a crotch is present and to be found."""
        crotch = POINTS.index("crotch")
        _, found = decode_heatmaps(self.maps[[crotch]])
        legs = (self.attributes["skirt"][0], self.attributes["presence"][crotch], found[0])
        return bool(np.mean(legs) < 0.5)

    def points(self, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks in view px (K, 2) and their scores (K,).

        Args:
            names: `LANDMARKS` or `LOWER_LANDMARKS`, whole.
        """
        columns = self.matte.sum(0)
        middle = float((columns * (np.arange(len(columns)) + 0.5)).sum() / max(float(columns.sum()), 1e-6))
        maps = self.maps[[POINTS.index(name) for name in names]]
        maps = prefer_sides(prefer_garment(maps, self.matte), middle, names)
        points, mass = decode_heatmaps(prefer_front(maps) if names == LANDMARKS else maps)
        return points * (VIEW / self.maps.shape[2]), mass

    def tilt(self) -> float | None:
        """Degrees by which the garment is still turned clockwise in this view; None where its points are not clear."""
        names = LOWER_LANDMARKS if self.lower else LANDMARKS
        points, mass = self.points(names)
        return upright_angle({name: points[i] for i, name in enumerate(names) if mass[i] > 0.3})


def place_by_outline(points: np.ndarray, scores: np.ndarray, names: tuple[str, ...], mask: np.ndarray) -> None:
    """Put hips, and elbows and knees half-way along their sleeve or leg, onto the garment's outline, in place.

    Args:
        points: (K, 2) photo px; scores: (K,); names: of them, `LANDMARKS`, or `LOWER_LANDMARKS` with or without the
            crotch.
        mask: float32 (H, W), the garment's matte.
    """
    contours, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0].astype(np.float64) + 0.5
    at = {name: i for i, name in enumerate(names)}
    if "hip_left" in at:
        _place_hips(points, scores, at, outline)
    for name, i in at.items():
        kind, _, side = name.rpartition("_")
        if kind in MIDDLES:
            joint, end = (at[f"{part}_{side}"] for part in MIDDLES[kind])
            found = outline_middle(outline, points[joint], points[end])
            points[i] = (points[joint] + points[end]) / 2 if found is None else found
            scores[i] = min(scores[joint], scores[end]) * (0.6 if found is None else 1.0)


def _place_hips(points: np.ndarray, scores: np.ndarray, at: dict[str, int], outline: np.ndarray) -> None:
    """See `place_by_outline`. A hip is as sure as what it was placed by; where that fails, the network's is kept."""
    waists, hems, hips = ([at[f"{kind}_{side}"] for side in ("left", "right")] for kind in ("waist", "hem_out", "hip"))
    crotch = points[at["crotch"]].copy() if "crotch" in at else None
    for side in (0, 1):
        found = outline_hip(outline, points[waists], points[hems], side, crotch)
        if found is not None:
            points[hips[side]] = found
            scores[hips[side]] = scores[at["crotch"]] if "crotch" in at else scores[[waists[side], hems[side]]].mean()

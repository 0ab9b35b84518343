"""A garment's shoulders and sleeves at the outline of what is worn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..labels import TORSO_CLOTHING, Label
from ..types import Garment
from .arms import seen_hand
from .body import Body
from .masks import at_points, is_label
from .skeleton import Fit
from .sleeves import SIDES, worn_outline

#: The outline of the worn clothes is looked for so far inside and outside of a shoulder seam, which moves inward and
#: outward by so much at most; shoulder breadths.
SEAM_INSIDE, SEAM_OUTSIDE, SEAM_LOWER, SEAM_HIGHER = 0.12, 0.3, 0.04, 0.08

#: A shoulder seam is longer by so much at most where the outline goes on; it is looked for so far below. Shoulder
#: breadths.
SEAM_LONGER, BELOW_SEAM = 0.12, 0.05

#: A sleeve that ends beyond this station of the arm goes on to the hand, a little onto it, but not beyond the last.
LONG, OVER_HAND, FARTHEST_END = 1.6, 0.1, 2.35


def on_outline(target: Fit, garment: Garment, marks: dict[str, np.ndarray], parse: np.ndarray, body: Body) -> Fit:
    """The fit with the garment's shoulders moved to the outline of what is worn, where that is near, the outline of the
    worn sleeves, and long sleeves that end at the hands: a strip of the old clothes beside the new ones would have to
    be filled with background or skin.

    Args:
        marks: from `landmarks_of`; parse: uint8 (h, w), of the person.
    """
    worn = is_label(parse, *TORSO_CLOTHING, Label.ARMS, Label.ACCESSORY, Label.BAG)
    hair = is_label(parse, Label.HAIR)
    points, unit = dict(target.points), body.breadth
    for side in SIDES:
        ends = points[f"neck_{side}"], points[f"shoulder_{side}"]
        outward, gaps = _beyond(worn, *ends, body.down, unit, hair)
        _, own = _beyond(
            garment.mask > 0.5, marks[f"neck_{side}"], marks[f"shoulder_{side}"],
            (marks["hem_left"] + marks["hem_right"] - marks["neck_left"] - marks["neck_right"]) / 2,
            unit / max(target.scale, 1e-6),
        )  # fmt: skip
        own = np.clip(own * target.scale, -SEAM_LOWER * unit, SEAM_LOWER * unit)
        gaps = gaps - np.where(np.isnan(own), 0, own)
        inner, outer = (part[~np.isnan(part)] for part in (gaps[:4], gaps[4:]))
        if not len(outer):
            continue
        at_end = float(np.median(outer))
        at_neck = float(np.median(inner)) if len(inner) else at_end
        moved = np.clip([0.7 * at_neck, at_end], -SEAM_LOWER * unit, SEAM_HIGHER * unit)
        for name, end, by in zip(("neck", "shoulder"), ends, moved, strict=True):
            points[f"{name}_{side}"] = (end + by * outward).astype(np.float32)
        if target.sleeve != "none":  # else bare skin would show beside the beginning of the sleeve
            points[f"shoulder_{side}"] += _to_arm(worn, hair, points, side, body)
    old, new = ((p["neck_left"] + p["neck_right"]) / 2 for p in (target.points, points))
    points["neck_front"] = (points["neck_front"] + new - old).astype(np.float32)
    outline = (worn_outline(worn, hair, body, 0), worn_outline(worn, hair, body, 1))
    bare = is_label(parse, Label.ARMS)
    inline = (worn_outline(bare, hair, body, 0, inward=True), worn_outline(bare, hair, body, 1, inward=True))
    target = replace(target, points=points, outline=outline, inline=inline)
    return replace(target, sleeve_end=(_to_hand(target, parse, body, 0), _to_hand(target, parse, body, 1)))


def _to_arm(worn: np.ndarray, unclear: np.ndarray, points: dict[str, np.ndarray], side: str, body: Body) -> np.ndarray:
    """From the end of a shoulder seam on along it to the outline of what is worn: float32 (2,)."""
    neck, shoulder = points[f"neck_{side}"], points[f"shoulder_{side}"]
    along = (shoulder - neck) / max(float(np.linalg.norm(shoulder - neck)), 1e-6)
    steps = np.arange(0, SEAM_LONGER + 0.02, 0.005) * body.breadth
    line = shoulder + BELOW_SEAM * body.breadth * body.down + steps[:, None] * along
    seen = at_points(worn, line[None])[0]
    if not seen[0] or seen.all() or at_points(unclear, line[None]).any():
        return np.zeros(2, np.float32)
    return (min(float(steps[seen.argmin()]), SEAM_LONGER * body.breadth) * along).astype(np.float32)


def _to_hand(target: Fit, parse: np.ndarray, body: Body, side: int) -> float:
    """Where a sleeve ends: a long one at the hand that is seen, for a wrist in a wide sleeve is found less exactly.

    Args:
        parse: uint8 (h, w), of the person.
    """
    end = target.sleeve_end[side]
    if target.sleeve != "long" or end < LONG:
        return end
    y, x = np.nonzero(seen_hand(parse, body, side, 1.7))
    way = body.wrists[side] - body.elbows[side]
    length = float(way @ way)
    if len(x) < (0.1 * body.breadth) ** 2 or length < (0.2 * body.breadth) ** 2:
        return end
    along = 1 + (np.stack([x, y], 1) + 0.5 - body.elbows[side]) @ way / length
    return float(np.clip(np.percentile(along, 5) + OVER_HAND, end, max(end, FARTHEST_END)))


def _beyond(
    region: np.ndarray,
    neck: np.ndarray,
    shoulder: np.ndarray,
    down: np.ndarray,
    unit: float,
    unclear: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """How far a region reaches beyond a shoulder seam, px, at seven stations of it from near the neck to its end.

    Args:
        region: bool (h, w); down: (2,), along the trunk; unit: shoulder breadth, px.
        unclear: bool (h, w), where its outline is not seen.

    Returns:
        The unit vector outward, and float (7,), nan where no outline is found.
    """
    along = shoulder - neck
    outward = np.array([along[1], -along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    outward *= -1.0 if outward @ down > 0 else 1.0
    steps = np.arange(-SEAM_INSIDE, SEAM_OUTSIDE, 0.005) * unit
    line = neck + np.linspace(0.3, 1, 7)[:, None, None] * along + steps[None, :, None] * outward
    seen = at_points(region, line)
    left = np.logical_or.accumulate(seen, axis=1) & ~seen  # beyond its first pixel
    usable = seen[:, :6].any(1) & left.any(1)
    if unclear is not None:
        usable &= ~at_points(unclear, line).any(1)
    return outward, np.where(usable, steps[left.argmax(1)], np.nan)

"""What the garment network says, decoded: heat maps to points, logits to attributes."""

from __future__ import annotations

import cv2
import numpy as np

from ..types import LANDMARKS, LENGTHS, LOWER_LANDMARKS, SLEEVES

#: Side of the square view that the garment network sees, px.
VIEW = 224
#: The heat maps of the garment network, in its order: points of tops and dresses, then points of lower garments.
POINTS: tuple[str, ...] = LANDMARKS + LOWER_LANDMARKS
#: Attribute heads of the garment network and the meaning of their outputs. `presence` is one yes/no for each landmark;
#: `quarter` is the number of quarter turns (counter-clockwise) by which the garment is turned away from upright.
#: `length` and `skirt` speak of lower garments only.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "presence": POINTS,
    "category": ("upper", "lower", "dress", "none", "person"),
    "sleeve": SLEEVES,
    "quarter": ("0", "1", "2", "3"),
    "open_front": ("closed", "open"),
    "length": LENGTHS,
    "skirt": ("legs", "skirt"),
}
#: Index in POINTS of the mirrored point of each landmark.
MIRROR: tuple[int, ...] = tuple(
    POINTS.index(n.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")) for n in POINTS
)

#: A peak that holds less than this share of its map is a blurred answer.
WEAK = 0.35
#: Landmarks that a garment of each sleeve length has.
_SLEEVE_CORNERS = ("sleeve_out_left", "sleeve_out_right", "sleeve_in_left", "sleeve_in_right")
_ELBOWS = ("elbow_left", "elbow_right")
_LEGS = ("crotch", "hem_in_left", "hem_in_right")
_KNEES = ("knee_left", "knee_right")
#: How far points may lie across the garment's middle: the least weight that they keep there.
_STRAY = {**dict.fromkeys(_SLEEVE_CORNERS, 0.12), "hem_in_left": 0.12, "hem_in_right": 0.12}


def decode_heatmaps(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of heat maps at sub-pixel precision.

    The peak is looked for in the smoothed map (so that two half-certain neighbours beat one outlier) and refined by the
    mean position inside a window round it. Where the peak is weak, both are repeated more broadly: of a blurred answer
    the middle is the best guess.

    Args:
        probability: (K, h, w), each map sums to 1.

    Returns:
        points (K, 2) in heat-map px with pixel centres at integer + 0.5, and the probability within 4 px of each (K,).
    """
    points, mass = np.zeros((len(probability), 2), np.float32), np.zeros(len(probability), np.float32)
    for k, single in enumerate(probability):
        points[k], mass[k] = _peak(single, 1.5, 4)
        if mass[k] < WEAK:
            points[k], _ = _peak(single, 4.0, 10)
    return points, mass


def _peak(single: np.ndarray, blur: float, window: int) -> tuple[tuple[float, float], float]:
    """(x, y) and the probability inside the window."""
    height, width = single.shape
    y, x = np.unravel_index(int(cv2.GaussianBlur(single, (0, 0), blur).argmax()), single.shape)
    y0, y1, x0, x1 = max(0, y - window), min(height, y + window + 1), max(0, x - window), min(width, x + window + 1)
    part = single[y0:y1, x0:x1]
    total = float(part.sum())
    if not np.isfinite(total) or total <= 0:
        return (float(x) + 0.5, float(y) + 0.5), 0.0
    mean_x = float((part.sum(0) * (np.arange(x0, x1) + 0.5)).sum()) / total
    mean_y = float((part.sum(1) * (np.arange(y0, y1) + 0.5)).sum()) / total
    return (mean_x, mean_y), min(1.0, total)


def prefer_garment(probability: np.ndarray, matte: np.ndarray, reach: float = 0.03) -> np.ndarray:
    """Weaken what heat maps say off the garment: (K, h, w) and matte (h, w) -> maps, each summing to 1.

    Args:
        reach: how far from the matte points may lie, as a share of the view.
    """
    radius = max(1, round(reach * matte.shape[1]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    support = cv2.dilate((matte > 0.3).astype(np.float32), kernel)
    if not support.any():
        return probability
    out = probability * (0.02 + 0.98 * support)
    return out / np.maximum(out.sum((1, 2), keepdims=True), 1e-12)


def prefer_front(probability: np.ndarray) -> np.ndarray:
    """Expect the lowest point of the neckline between the neck points and not far below: (15, h, w) -> same."""
    left, right, front = (LANDMARKS.index(n) for n in ("neck_left", "neck_right", "neck_front"))
    points, mass = decode_heatmaps(probability[[left, right]])
    breadth = float(np.linalg.norm(points[1] - points[0]))
    if mass.min() < WEAK or breadth < 4:
        return probability
    yy, xx = np.mgrid[0 : probability.shape[1], 0 : probability.shape[2]].astype(np.float32) + 0.5
    middle = points.mean(0)
    dx, dy = (xx - middle[0]) / (0.3 * breadth), (yy - middle[1] - 0.3 * breadth) / (0.8 * breadth)
    out = probability.copy()
    out[front] *= np.exp(-0.5 * (dx**2 + dy**2))
    out[front] /= max(float(out[front].sum()), 1e-12)
    return out


def prefer_sides(probability: np.ndarray, middle: float, names: tuple[str, ...] = LANDMARKS) -> np.ndarray:
    """Weaken what a heat map says on the wrong side of the garment.

    A garment is nearly symmetric, so maps of a pair tend to show both. Sleeve ends and the inner corners of legs may
    lie across the middle, others do not.

    Args:
        probability: (K, h, w) of an upright view, each map sums to 1.
        middle: x of the garment's middle, heat-map px.
        names: of the maps.

    Returns:
        The maps, each summing to 1 again.
    """
    width = probability.shape[2]
    offset = (np.arange(width) + 0.5 - middle) / (0.04 * width)
    right = 1 / (1 + np.exp(-np.clip(offset, -30, 30)))
    out = probability.astype(np.float32).copy()
    for i, name in enumerate(names):
        if "left" in name or "right" in name:
            floor = _STRAY.get(name, 0.01)
            out[i] *= floor + (1 - floor) * (right if "right" in name else 1 - right)
    return out / np.maximum(out.sum((1, 2), keepdims=True), 1e-12)


def expected_landmarks(sleeve: str) -> tuple[str, ...]:
    """Names of the landmarks that a garment with this sleeve length has."""
    absent = {"none": _SLEEVE_CORNERS + _ELBOWS, "short": _ELBOWS, "half": _ELBOWS, "long": ()}[sleeve]
    return tuple(name for name in LANDMARKS if name not in absent)


def expected_lower(length: str, skirt: bool) -> tuple[str, ...]:
    """Names of the landmarks that trousers, shorts or a skirt of this length have."""
    absent = (*(_LEGS if skirt else ()), *(_KNEES if skirt or length != "long" else ()))
    return tuple(name for name in LOWER_LANDMARKS if name not in absent)


_TOPS = ("neck_left", "neck_right", "shoulder_left", "shoulder_right", "waist_left", "waist_right")
_LOWS = ("hem_left", "hem_right", "hem_out_left", "hem_out_right")


def upright_angle(points: dict[str, np.ndarray]) -> float | None:
    """Degrees by which the garment is turned clockwise from upright; None without the points that say so.

    From hem to neck and shoulders, or from the ends of the legs to the waist.

    Args:
        points: by name, (2,) px, of one garment: either some of `LANDMARKS` or some of `LOWER_LANDMARKS`.
    """
    top = [points[n] for n in _TOPS if n in points]
    low = [points[n] for n in _LOWS if n in points]
    if len(top) < 2 or len(low) < 2:
        return None
    up = np.mean(top, 0) - np.mean(low, 0)
    return float(np.degrees(np.arctan2(up[0], -up[1])))


def outline_way(outline: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray | None:
    """The shorter way along an outline.

    Args:
        outline: (N, 2) closed contour of the garment; start, end: (2,), near it; same px.

    Returns:
        (M, 2), from either end, or None where the outline makes a detour (a sleeve that lies on the body).
    """
    i, j = (int(np.linalg.norm(outline - point, axis=1).argmin()) for point in (start, end))
    ways = [
        np.roll(outline, -i, 0)[: (j - i) % len(outline) + 1],
        np.roll(outline, -j, 0)[: (i - j) % len(outline) + 1],
    ]
    way = min(ways, key=_length)
    straight = float(np.linalg.norm(np.subtract(end, start)))
    return way if straight >= 1 and 0.6 * straight < _length(way) < 1.5 * straight else None


def _length(way: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())


def outline_middle(outline: np.ndarray, upper: np.ndarray, end: np.ndarray) -> np.ndarray | None:
    """The point half-way along the outline from a shoulder (hip) to the outer corner of its sleeve (leg): (2,) or None.

    See `outline_way` for the arguments.
    """
    way = outline_way(outline, upper, end)
    if way is None:
        return None
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))]
    return way[int(np.searchsorted(along, along[-1] / 2))]


def outline_hip(
    outline: np.ndarray, waists: np.ndarray, hems: np.ndarray, side: int, crotch: np.ndarray | None
) -> np.ndarray | None:
    """The hip on the outline between an end of the waist and the outer corner of the hem.

    It lies at the height of the crotch, or, without one (skirts), where the garment is widest. "Height" is along the
    line from the middle of the waist to the middle of the hem.

    Args:
        outline: (N, 2) closed contour of the garment, px.
        waists, hems: (2, 2), left and right ends of the waist and outer corners of the hem.
        side: 0 for the left hip, 1 for the right one.
        crotch: (2,).

    Returns:
        (2,), or None where the outline makes a detour.
    """
    way = outline_way(outline, waists[side], hems[side])
    top, down = waists.mean(0), hems.mean(0) - waists.mean(0)
    if way is None or not down.any():
        return None
    down = down / np.linalg.norm(down)
    if crotch is not None:
        return way[int(np.abs((way - crotch) @ down).argmin())]
    out = np.array([down[1], -down[0]]) * (1 if side else -1)
    return way[int(((way - top) @ out).argmax())]

"""Filling of holes: push-pull interpolation and shaded skin."""

from __future__ import annotations

import cv2
import numpy as np

from .arms import arm_stations
from .body import Body, leg_stations


def push_pull(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown pixels smoothly from the known ones.

    Args:
        image: float32 (H, W, C); values where `known` is 0 are ignored.
        known: float32 (H, W), weights in [0, 1].

    Returns:
        float32 (H, W, C), equal to `image` where known is 1.

    Source: Gortler et al., "The Lumigraph", SIGGRAPH 1996 (pull-push algorithm).
    """
    levels = [(image * known[..., None], known.astype(np.float32))]
    while max(levels[-1][1].shape) > 1:  # down to one cell: half a picture may be unknown
        c, k = levels[-1]
        size = (max(k.shape[1] // 2, 1), max(k.shape[0] // 2, 1))
        c2, k2 = cv2.resize(c, size, interpolation=cv2.INTER_AREA), cv2.resize(k, size, interpolation=cv2.INTER_AREA)
        c2 = c2.reshape(size[1], size[0], -1)
        grown = np.minimum(k2 * 2, 1.0)  # a quarter-known cell already counts for half
        c2 = c2 * (grown / np.maximum(k2, 1e-6))[..., None]
        levels.append((c2, grown))
    c, k = levels[-1]
    filled = c / np.maximum(k, 1e-6)[..., None]
    for c, k in reversed(levels[:-1]):
        up = cv2.resize(filled, (k.shape[1], k.shape[0]), interpolation=cv2.INTER_LINEAR).reshape(*k.shape, -1)
        filled = c + up * (1 - k)[..., None]
    return filled


def smooth_fill(photo: np.ndarray, known: np.ndarray) -> np.ndarray:
    """`push_pull` at half size: the fill is smooth anyway."""
    h, w = known.shape
    k = known.astype(np.float32)
    size = (max(w // 2, 1), max(h // 2, 1))
    weight = cv2.resize(k, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(photo * k[..., None], size, interpolation=cv2.INTER_AREA) / np.maximum(weight, 1e-3)[..., None]
    return cv2.resize(push_pull(small, weight), (w, h), interpolation=cv2.INTER_LINEAR)


def wide_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; wide ones are computed on a reduced picture, which is smooth anyway.

    Args:
        image: float32 (H, W[, C]); sigma: px.
    """
    factor = int(sigma / 3)
    if factor < 2:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    h, w = image.shape[:2]
    small = cv2.resize(image, (max(w // factor, 1), max(h // factor, 1)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / factor), (w, h), interpolation=cv2.INTER_LINEAR)


#: With less smoothing of the displacements than this (px), the picture breaks where mirrors meet instead of being drawn
#: out: patterns of cloth are better so.
SHARP = 2.0


def mirror_fill(
    image: np.ndarray, known: np.ndarray, smooth: np.ndarray, reach: float, even: float = 5.0
) -> np.ndarray:
    """Fill unknown pixels with what lies on the other side of the nearest edge, so that a texture goes on.

    An unknown pixel takes the known one that lies mirrored at the edge's nearest pixel, or half or a quarter as far
    beyond it; where none of these is known, and far from the edge, only the fine detail of the nearest pixel's
    surroundings is added to `smooth`.

    Args:
        image: float32 (H, W, 3); known: bool (H, W).
        smooth: float32 (H, W, 3), a smooth filling of the same picture (`push_pull`).
        reach: px from the edge at which the mirrored colours count for a third; beyond, `smooth` and fine detail.
        even: smoothing of the displacements, px: against rays from a ragged outline; it bends prints.

    Returns:
        float32 (H, W, 3), equal to `smooth` where `known`.
    """
    if known.all() or not known.any():
        return smooth.copy()
    h, w = known.shape
    distance, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    where = np.flatnonzero(~known)
    place = np.zeros(int(labels.max()) + 1, np.int64)
    place[labels[known]] = np.flatnonzero(known)
    nearest = place[labels.ravel()[where]]
    y, x = np.divmod(where, w)
    ky, kx = np.divmod(nearest, w)
    source = nearest.copy()
    open_ = np.ones(len(where), bool)
    for share in (1.0, 0.5, 0.25):
        sy, sx = np.rint(ky + share * (ky - y)).astype(int), np.rint(kx + share * (kx - x)).astype(int)
        inside = open_ & (sy >= 0) & (sy < h) & (sx >= 0) & (sx < w)
        hit = np.zeros(len(where), bool)
        hit[inside] = known[sy[inside], sx[inside]]
        source[hit] = sy[hit] * w + sx[hit]
        open_ &= ~hit
    # neighbours look at neighbours: without this, each step of the outline would throw a ray of its own
    shift = np.zeros((h, w, 2), np.float32)
    shift[y, x] = np.stack([source % w - x, source // w - y], 1)
    hole = (~known).astype(np.float32)
    shift = cv2.GaussianBlur(shift, (0, 0), even) / np.maximum(cv2.GaussianBlur(hole, (0, 0), even), 1e-3)[..., None]
    map_x = np.arange(w, dtype=np.float32)[None] + shift[..., 0]
    map_y = np.arange(h, dtype=np.float32)[:, None] + shift[..., 1]
    k = known.astype(np.float32)
    sigma = max(reach / 3, 2.0)
    weight = wide_blur(k, sigma)
    coarse = wide_blur(image * k[..., None], sigma) / np.maximum(weight, 1e-3)[..., None]

    def there(picture: np.ndarray) -> np.ndarray:
        return cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    seen = there(k)
    if even > SHARP:
        seen = seen * _undistorted(map_x, map_y)
    detail, low = there((image - coarse) * k[..., None]) * seen[..., None], there(coarse)
    near = (np.exp(-distance / reach) * seen)[..., None]
    filled = smooth + detail + near * (low - smooth)
    return np.clip(np.where(known[..., None], smooth, filled), 0, 255)


def _undistorted(map_x: np.ndarray, map_y: np.ndarray) -> np.ndarray:
    """Where a map neither stretches nor squeezes a picture much: float32 (H, W), 1 = not at all, 0 = twofold.

    Where two mirrors meet, a picture would be drawn out into swirls.
    """
    worst = np.zeros(map_x.shape, np.float32)
    for dx, dy in ((1, 0), (0, 1)):
        step = np.hypot(*(cv2.Sobel(m, cv2.CV_32F, dx, dy, ksize=3, scale=0.125) for m in (map_x, map_y)))
        worst = np.maximum(worst, np.abs(np.log2(np.maximum(step, 0.25))))
    return cv2.GaussianBlur(np.clip(1.6 - 1.8 * worst, 0, 1), (0, 0), 2.0)


def row_fill(photo: np.ndarray, known: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Fill unknown pixels along their rows from both sides, mirrored at the edges: what lies behind legs (paving,
    walls, shadows) mostly goes on horizontally.

    Args:
        photo: float32 (h, w, 3); known: bool (h, w).
        base: float32 (h, w, 3), shown where neither side has anything.

    Returns:
        float32 (h, w, 3), `photo` where known.
    """
    h, w = known.shape
    x = np.broadcast_to(np.arange(w, dtype=np.float32), (h, w))
    y = np.broadcast_to(np.arange(h, dtype=np.float32)[:, None], (h, w)).copy()
    hole = (~known).astype(np.float32)
    total, weight = np.zeros_like(photo), np.zeros((h, w), np.float32)
    for flip in (False, True):
        edge, room = _edges(known[:, ::-1] if flip else known)
        if flip:
            edge, room = w - 1 - edge[:, ::-1], room[:, ::-1]
        there = (room > 0) & ~known
        smooth = np.maximum(cv2.GaussianBlur((hole * there).astype(np.float32), (1, 0), sigmaX=0.1, sigmaY=4), 1e-3)
        edge, room = (
            cv2.GaussianBlur((v * hole * there).astype(np.float32), (1, 0), sigmaX=0.1, sigmaY=4) / smooth
            for v in (edge, room)
        )
        gone, room = np.abs(x - edge), np.maximum(room, 2.0)
        back = room - np.abs(np.mod(gone, 2 * room) - room)  # to and fro where the known stretch is short
        map_x = (edge + back if flip else edge - back).astype(np.float32)
        seen = cv2.remap(known.astype(np.float32), map_x, y, cv2.INTER_LINEAR, borderValue=0)
        picture = cv2.remap(photo, map_x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        seen = np.clip(cv2.GaussianBlur(seen * there, (0, 0), 4) * 2 - 1, 0, 1)  # no hard change between the sides
        share = seen * np.clip(room / 24, 0.02, 1) / (gone + 2.0) ** 2
        total += picture * share[..., None]
        weight += share
    far = 1 / (np.float32(0.5 * w)) ** 2
    filled = (total + base * far) / (weight + far)[..., None]
    return np.where(known[..., None], photo, filled).astype(np.float32)


def _edges(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the nearest known column to its left (-1: none), and how many known ones follow on it: (h, w)."""
    columns = np.arange(known.shape[1])
    edge = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    start = np.maximum.accumulate(np.where(known, -1, columns), axis=1)  # the last unknown column so far
    room = np.where(edge >= 0, edge - np.take_along_axis(start, np.maximum(edge, 0), axis=1), 0)
    return edge.astype(np.float32), room.astype(np.float32)


def column_fill(photo: np.ndarray, known: np.ndarray, least: int = 12) -> np.ndarray:
    """Cloth carried on up and down from where it is seen, reflected as often as needed: trousers under a long coat.

    Args:
        photo: float32 (h, w, 3); known: bool (h, w).
        least: rows that a column must show to count, px; the others take the nearest one that does.

    Returns:
        float32 (h, w, 3), or `photo` itself where no column shows enough.
    """
    h, w = known.shape
    top = known.argmax(0)
    ends = np.where(known, 0, 1)
    ends[np.arange(h)[:, None] < top[None]] = 0
    bottom = np.where(ends.any(0), ends.argmax(0), h)  # of the first run
    sound = np.flatnonzero(known.any(0) & (bottom - top >= least))
    if len(sound) < 4:
        return photo
    columns = np.arange(w)
    nearest = sound[np.abs(columns[:, None] - sound[None]).argmin(1)]
    kernel = np.ones(9) / 9
    start, length = (
        np.convolve(np.pad(v[nearest].astype(np.float32), 4, mode="edge"), kernel, mode="valid")
        for v in (top + 1, bottom - top - 2)
    )
    y = np.arange(h, dtype=np.float32)[:, None] - start[None]
    span = np.maximum(length, 2.0)[None]
    folded = span - np.abs(np.mod(y, 2 * span) - span)
    map_x = np.broadcast_to(nearest.astype(np.float32), (h, w))
    return cv2.remap(photo, map_x.copy(), (start[None] + folded).astype(np.float32), cv2.INTER_LINEAR)


#: Shadows of skin are redder: green and blue fall faster.
WARM = np.array([1.0, 1.06, 1.1], np.float32)
#: A photo is black and white if most of its pixels' channels differ by less.
COLOURLESS = 16
#: Direction (Lab a*, b*) of the hue of skin.
HUE = np.array([0.62, 0.785], np.float32)
#: How much seen arms count for the colour of newly bare skin, and hands alone, which are redder.
ARMS_TRUST, HANDS_TRUST = 0.7, 0.4
#: Chroma (Lab) below which a colour is hardly that of skin, and up to which it surely can be.
GREY, STRONG = 6.0, 30.0


def skin_colour(
    image: np.ndarray,
    arms: np.ndarray,
    face: np.ndarray,
    cheeks: np.ndarray | None = None,
    trust: float = ARMS_TRUST,
) -> np.ndarray:
    """Typical skin colour: float32 (3,) RGB 0..255, from bare arms where enough are seen and plausible, else from
    the face; never grey, as what shade, gloves and scarfs leave of it may be.

    Args:
        image: uint8 (H, W, 3); arms, face: bool (H, W).
        cheeks: bool (H, W), a part of the head that surely is skin: it decides where what was taken for the face is
            grey, as scarfs and hats are.
        trust: how much the arms count where they are much lighter or darker than the face; less of hands alone.

    A hand that holds something, or a wrongly parsed glove, differs in hue from the face: then the face decides. Arms of
    the same hue that are much lighter or darker stand in another light, which a newly bare arm shares.
    """
    from_arms = _typical(image, arms) if int(arms.sum()) >= 250 else None
    from_face = _typical(image, face, 45, 88) if int(face.sum()) >= 60 else None  # eyes, brows, beards are dark
    if cheeks is not None and cheeks.sum() >= 30 and (from_face is None or _chroma(_lab(from_face)) < GREY):
        from_face = _typical(image, cheeks, 30, 85)
    if from_arms is not None and from_face is not None:
        told = _told_by_both(from_arms, from_face, trust if int(arms.sum()) >= 400 else 0.0)
    else:
        found = from_arms if from_arms is not None else from_face
        told = found if found is not None else np.array([196, 154, 128], np.float32)
    lab = _lab(told)
    if _chroma(lab) >= GREY + 2 or np.percentile(np.ptp(image[::4, ::4], axis=-1), 90) < COLOURLESS:
        return told
    lab[1:] = (GREY + 2) * HUE
    return (cv2.cvtColor(lab[None, None], cv2.COLOR_LAB2RGB)[0, 0] * 255).clip(0, 255).astype(np.float32)


def _told_by_both(arms: np.ndarray, face: np.ndarray, trust: float) -> np.ndarray:
    """The skin's colour by that of arms and face, see `skin_colour`: float32 (3,)."""
    a, f = _lab(arms), _lab(face)
    if arms[2] > arms[0] and face[0] > face[2]:  # gloves: no skin is bluer than red
        return face
    darker = abs(float(a[0] - f[0]))
    if np.linalg.norm(a[1:] - f[1:]) <= 12 and darker <= 18:
        return (0.4 * arms + 0.6 * face).astype(np.float32)
    turn = abs(np.angle(complex(*a[1:]) * np.conj(complex(*f[1:])), deg=True))
    alike = min(_chroma(a), _chroma(f)) > GREY and _chroma(a) < max(STRONG, 1.6 * _chroma(f)) and turn < 25
    if alike and darker < 40 and trust > 0:
        return (trust * arms + (1 - trust) * face).astype(np.float32)
    return face


def limb_colour(image: np.ndarray, seen: np.ndarray, usual: np.ndarray, trust: float = ARMS_TRUST) -> np.ndarray:
    """The colour of newly bare skin on one limb, so that it meets the skin that is seen on it: float32 (3,) RGB 0..255.

    Args:
        image: uint8 (H, W, 3); seen: bool (H, W), skin seen on this limb.
        usual: float32 (3,), the person's skin colour (`skin_colour`), which counts alone where too little is seen, or
            where that differs in hue.
        trust: how much the limb's own colour counts.
    """
    if int(seen.sum()) < 150:
        return usual
    own = _typical(image, seen, 25, 80)
    a, b = _lab(own), _lab(usual)
    turn = abs(np.angle(complex(*a[1:]) * np.conj(complex(*b[1:])), deg=True))
    strange = min(_chroma(a), _chroma(b)) < GREY or _chroma(a) > max(STRONG, 1.6 * _chroma(b)) or turn > 25
    if strange or abs(float(a[0] - b[0])) > 40:
        return usual
    return (trust * own + (1 - trust) * usual).astype(np.float32)


def _lab(rgb: np.ndarray) -> np.ndarray:
    """One RGB colour 0..255 as Lab, float32 (3,)."""
    return cv2.cvtColor((rgb / 255)[None, None].astype(np.float32), cv2.COLOR_RGB2LAB)[0, 0]


def _chroma(lab: np.ndarray) -> float:
    return float(np.linalg.norm(lab[1:]))


def _typical(image: np.ndarray, mask: np.ndarray, low: float = 35, high: float = 85) -> np.ndarray:
    """Median of the pixels that are neither dark nor shining: float32 (3,)."""
    px = image[mask].astype(np.float32)
    lum = px @ np.array([0.299, 0.587, 0.114], np.float32)
    lo, hi = np.percentile(lum, [low, high])
    return np.median(px[(lum >= lo) & (lum <= hi)], axis=0).astype(np.float32)


def mottle(size: tuple[int, ...], unit: float) -> np.ndarray:
    """Uneven tone of skin, about 1: float32 (H, W). Without it painted skin looks like plastic.

    Args:
        unit: shoulder breadth, px.
    """
    rng = np.random.default_rng(1)
    tone = np.zeros(size[:2], np.float32)
    for reach, strength in ((0.16, 0.016), (0.05, 0.012), (0.018, 0.009)):
        step = max(reach * unit, 1.0)
        small = rng.standard_normal((int(size[0] / step) + 3, int(size[1] / step) + 3)).astype(np.float32)
        full = cv2.resize(small, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        tone += strength * full[: size[0], : size[1]]
    return 1 + tone


def shade_arm(body: Body, side: int, size: tuple[int, ...], colour: np.ndarray) -> np.ndarray:
    """A lit arm in skin colour: float32 (H, W, 3), defined everywhere.

    Lambertian falloff across the arm, more towards the trunk, and the relief of biceps, elbow and forearm along it, so
    that a newly bare arm does not look like a flat cut-out.
    """
    out = np.empty((*size[:2], 3), np.float32)
    out[:] = colour
    t = np.linspace(0.0, 2.2, 34)
    pts, radius = arm_stations(body, side, 0.0, 2.2, len(t))
    reach = 1.6 * radius[:, None]
    low = np.clip(np.floor((pts - reach).min(0)), 0, None).astype(int)
    high = np.clip(np.ceil((pts + reach).max(0)), 0, (size[1], size[0])).astype(int)
    w, h = high - low
    if w < 1 or h < 1:
        return out
    s = 4
    x = np.arange((w + s - 1) // s, dtype=np.float32) * s + s / 2 + low[0]
    y = np.arange((h + s - 1) // s, dtype=np.float32) * s + s / 2 + low[1]
    dx, dy = x[None, None] - pts[:, 0, None, None], y[None, :, None] - pts[:, 1, None, None]
    u = (dx**2 + dy**2) / radius[:, None, None] ** 2
    near = u.argmin(0)
    u = np.minimum(np.take_along_axis(u, near[None], 0)[0], 1.2)
    along = np.gradient(pts, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    inward = np.stack([along[:, 1], -along[:, 0]], 1) * (1.0 if side == 0 else -1.0)
    offset = np.stack([x[None] - pts[near, 0], y[:, None] - pts[near, 1]], -1)
    inner = (offset * inward[near]).sum(-1) / radius[near]
    relief = 0.03 * np.exp(-(((t - 0.55) / 0.2) ** 2)) - 0.035 * np.exp(-(((t - 0.98) / 0.07) ** 2))
    relief += 0.025 * np.exp(-(((t - 1.28) / 0.16) ** 2)) - 0.02 * np.exp(-(((t - 1.9) / 0.1) ** 2))
    shade = 1.03 - 0.23 * u - 0.05 * np.clip(inner, -1, 1) + relief[near] * np.clip(1.2 - u, 0, 1)
    shade = cv2.GaussianBlur(shade.astype(np.float32), (0, 0), 1.2)
    shade = cv2.resize(shade, (int(w), int(h)), interpolation=cv2.INTER_LINEAR) * mottle((h, w), body.breadth)
    out[low[1] : high[1], low[0] : high[0]] = colour * shade[..., None] ** WARM
    return out


def chest_relief(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """Light and shadow on a bare neck and chest, about 1: the chin's shadow, collarbones, the hollow between them, the
    turn of the shoulders away from the light. float32 (H, W)."""
    out = np.ones(size[:2], np.float32)
    low = np.clip(body.neck - 0.9 * body.breadth, 0, (size[1], size[0])).astype(int)
    high = np.clip(body.neck + 0.9 * body.breadth, 0, (size[1], size[0])).astype(int)
    if (high <= low).any():
        return out
    yy, xx = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    dx, dy = xx + 0.5 - body.neck[0], yy + 0.5 - body.neck[1]
    u = (dx * body.across[0] + dy * body.across[1]) / (body.breadth / 2)
    v = (dx * body.down[0] + dy * body.down[1]) / (body.breadth / 2)
    a = np.abs(u)
    bone = 0.07 - 0.16 * np.clip(a - 0.1, 0, None)  # rises towards the shoulders
    beside = np.clip((a - 0.08) * 9, 0, 1) * np.clip((0.85 - a) * 4, 0, 1)
    relief = -0.05 * beside * np.exp(-(((v - bone - 0.07) / 0.055) ** 2))
    relief += 0.03 * beside * np.exp(-(((v - bone + 0.02) / 0.05) ** 2))
    relief -= 0.05 * np.exp(-((u / 0.09) ** 2) - ((v - 0.1) / 0.09) ** 2)
    relief -= 0.025 * np.exp(-((u / 0.07) ** 2)) * np.clip((v - 0.3) * 3, 0, 1)
    relief -= 0.1 * np.clip((a - 0.55) / 0.55, 0, 1) ** 2
    chin = float((body.mouth + 0.9 * (body.mouth - body.nose) - body.neck) @ body.down) / (body.breadth / 2)
    relief -= 0.1 * np.exp(-((u / 0.4) ** 2)) * np.clip(1 - (v - chin) / 0.3, 0, 1)
    out[low[1] : high[1], low[0] : high[0]] = (1 + relief) * mottle(relief.shape, body.breadth)
    return out


def leg_colour(image: np.ndarray, legs: np.ndarray, arms: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Typical colour of the legs: float32 (3,) RGB 0..255, from bare or stockinged legs where enough of them is seen,
    else the skin of arms and face.

    Args:
        image: uint8 (H, W, 3); legs, arms, face: bool (H, W).
    """
    skin = skin_colour(image, arms, face)
    if int(legs.sum()) < 200:
        return skin
    seen = _typical(image, legs)
    if int(face.sum()) < 60:
        return seen
    lab = cv2.cvtColor(np.stack([seen, skin])[None] / 255, cv2.COLOR_RGB2LAB)[0]
    bare = float(np.linalg.norm(lab[0, 1:] - lab[1, 1:])) < 12  # stockings have another hue
    if bare and 0.5 * lab[1, 0] < lab[0, 0] < lab[1, 0] - 8:  # bare, but in the shadow of a skirt; darker are tights
        return (0.35 * seen + 0.65 * skin).astype(np.float32)
    return seen


def shade_leg(body: Body, side: int, size: tuple[int, ...], colour: np.ndarray) -> np.ndarray:
    """A lit leg in skin colour: float32 (H, W, 3), defined everywhere.

    Args:
        side: as in `Body`; size: (H, W); colour: float32 (3,) RGB 0..255.

    Lambertian falloff across the leg, more towards the other leg, and the relief of knee and calf along it.
    """
    h, w = size
    s = 4
    pts, radius = leg_stations(body, side, -0.1, 2.1, 34)
    x = np.arange((w + s - 1) // s, dtype=np.float32) * s + s / 2
    y = np.arange((h + s - 1) // s, dtype=np.float32) * s + s / 2
    offset = np.stack(np.broadcast_arrays(x[None], y[:, None]), -1)[None] - pts[:, None, None]
    u = (offset**2).sum(-1) / radius[:, None, None] ** 2
    near = u.argmin(0)
    u = np.minimum(np.take_along_axis(u, near[None], 0)[0], 1.4)
    t = np.linspace(-0.1, 2.1, 34)[near]
    along = np.gradient(pts, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    inward = np.stack([along[:, 1], -along[:, 0]], 1) * (1.0 if side == 0 else -1.0)
    inner = (np.take_along_axis(offset, near[None, ..., None], 0)[0] * inward[near]).sum(-1) / radius[near]
    relief = 0.035 * np.exp(-(((t - 0.94) / 0.08) ** 2)) - 0.05 * np.exp(-(((t - 1.1) / 0.07) ** 2))
    relief += 0.02 * np.exp(-(((t - 0.5) / 0.25) ** 2)) + 0.025 * np.exp(-(((t - 1.35) / 0.15) ** 2))
    shade = 1.03 - 0.27 * u - 0.05 * np.clip(inner, -1, 1) + relief * np.clip(1.2 - u, 0, 1)
    shade = cv2.GaussianBlur(shade.astype(np.float32), (0, 0), 1.2)
    shade = cv2.resize(shade, (w, h), interpolation=cv2.INTER_LINEAR) * mottle(size, body.breadth)
    return (colour * shade[..., None] ** WARM).astype(np.float32)

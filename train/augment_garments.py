"""Random views of garment records: geometry, colours, backgrounds, and pictures that are no garments.

All of it is numpy and OpenCV on small uint8 pictures, a few milliseconds a view.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..preprocess.landmarks import VIEW

PAD = 127  # what lies outside of the photo: 0 in the network's range


def rotation_scale(angle: float, scale_x: float, scale_y: float) -> np.ndarray:
    """3x3 matrix: scale, then turn by `angle` degrees (clockwise on screen)."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([[c * scale_x, -s * scale_y, 0], [s * scale_x, c * scale_y, 0], [0, 0, 1]])


def shift(dx: float, dy: float) -> np.ndarray:
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], dtype=np.float64)


class Warp:
    """A random map from a photo to a view: homography plus a smooth displacement.

    Args:
        box: (x0, y0, x1, y1) of the garment in the photo, px.
        rng: random source.
        strength: 0 shows the garment as it is, at 90 % of the view; 1 is the full augmentation.
    """

    def __init__(self, box: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> None:
        x0, y0, x1, y1 = box
        size = max(x1 - x0, y1 - y0, 8.0)
        low, high = ((0.74, 0.95), (0.4, 0.74), (0.95, 1.12))[int(rng.choice(3, p=(0.6, 0.27, 0.13)))]
        share = rng.uniform(low, high) if strength else 0.88
        angle = strength * float(np.clip(rng.normal(0, 14), -38, 38))
        aspect = math.exp(strength * rng.uniform(-0.12, 0.12))
        scale = share * VIEW / size
        matrix = shift(-(x0 + x1) / 2, -(y0 + y1) / 2)
        matrix = rotation_scale(angle, scale * aspect, scale / aspect) @ matrix
        persp = np.eye(3)
        persp[2, :2] = strength * rng.normal(0, 0.12, 2) / VIEW
        matrix = persp @ matrix
        free = max(0.03, (1 - share) / 2) * VIEW * strength
        matrix = shift(VIEW / 2 + rng.uniform(-free, free), VIEW / 2 + rng.uniform(-free, free)) @ matrix
        self.matrix = matrix
        amplitude = strength * rng.uniform(0, 0.02) * VIEW
        nodes = rng.normal(0, amplitude, (4, 4, 2)).astype(np.float32)
        self.displacement = cv2.resize(nodes, (VIEW, VIEW), interpolation=cv2.INTER_CUBIC)
        gx, gy = np.meshgrid(np.arange(VIEW) + 0.5, np.arange(VIEW) + 0.5)
        moved = np.stack([gx, gy], -1) + self.displacement
        source = cv2.perspectiveTransform(moved.reshape(-1, 1, 2), np.linalg.inv(matrix)).reshape(VIEW, VIEW, 2)
        self.source = (source - 0.5).astype(np.float32)  # cv2 puts pixel centres at integers

    def picture(self, image: np.ndarray, fill: int | tuple[int, int, int] = 0) -> np.ndarray:
        """(H, W[, C]) -> (VIEW, VIEW[, C])."""
        value = (fill,) * 3 if isinstance(fill, int) else fill
        return cv2.remap(image, self.source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=value)

    def points(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) photo px -> view px; not-a-number stays."""
        target = cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), self.matrix).reshape(-1, 2)
        view = target.copy()
        for _ in range(6):
            index = np.clip(np.nan_to_num(view), 0, VIEW - 1).astype(int)
            view = target - self.displacement[index[:, 1], index[:, 0]]
        view[~np.isfinite(points).all(1)] = np.nan  # OpenCV makes them 0
        return view


def background(rng: np.random.Generator, patches: list[np.ndarray]) -> np.ndarray:
    """A surface, uint8 (VIEW, VIEW, 3): a mirrored patch of a real one, a studio white, a plain or a drawn one."""
    kind = rng.random()
    if kind < 0.55 and patches:
        return _tile(patches[rng.integers(len(patches))], rng)
    if kind < 0.72:
        base = np.full((VIEW, VIEW, 3), rng.integers(225, 256), np.float32) + rng.normal(0, 2, 3).astype(np.float32)
    else:
        base = np.tile(rng.uniform(0, 255, 3).astype(np.float32), (VIEW, VIEW, 1))
    yy, xx = np.mgrid[0:VIEW, 0:VIEW].astype(np.float32) / VIEW - 0.5
    angle = rng.uniform(0, 2 * math.pi)
    along = xx * math.cos(angle) + yy * math.sin(angle)
    base += (along * rng.uniform(0, 40))[..., None]
    pattern = rng.random()
    if pattern < 0.15:
        base += _quilt(along, -xx * math.sin(angle) + yy * math.cos(angle), rng)[..., None]
    elif pattern < 0.5:  # boards, stripes, tiles
        wave = np.sign(np.sin(along * rng.uniform(15, 120) + rng.uniform(0, 6)))
        if rng.random() < 0.4:
            across = -xx * math.sin(angle) + yy * math.cos(angle)
            wave = wave * np.sign(np.sin(across * rng.uniform(15, 120)))
        base += wave[..., None] * rng.uniform(-30, 30, 3)
    if rng.random() < 0.6:
        side = int(rng.integers(4, VIEW))
        noise = rng.normal(0, rng.uniform(2, 18), (side, max(2, int(side * rng.uniform(0.1, 1))), 1)).astype(np.float32)
        base += cv2.resize(noise, (VIEW, VIEW), interpolation=cv2.INTER_CUBIC).reshape(VIEW, VIEW, 1)
    return np.clip(base, 0, 255).astype(np.uint8)


def _quilt(along: np.ndarray, across: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light and shade of padded cells between two sets of seams: (h, w), to be added."""
    cells = rng.uniform(8, 45)
    skew = rng.uniform(0.3, 1.0)
    one, two = along * cells + across * cells * skew, along * cells - across * cells * skew
    bumps = np.abs(np.sin(one)) * np.abs(np.sin(two))
    slope = np.cos(one) * np.sign(np.sin(one))  # lit from one side
    return rng.uniform(5, 30) * (np.sqrt(bumps) - 0.6) + rng.uniform(-12, 12) * slope


def camouflage(surface: np.ndarray, view: np.ndarray, matte: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift a surface to (nearly) the colours of a garment, or of some part of it.

    Args:
        surface: uint8 (VIEW, VIEW, 3), what the garment is laid on, or `view` itself.
        view: uint8 (VIEW, VIEW, 3) with the garment; matte: uint8 (VIEW, VIEW), 255 = garment.

    Returns:
        uint8 (VIEW, VIEW, 3), all of the surface.
    """
    inner = matte > 127
    rows, cols = np.nonzero(inner)
    if len(rows) == 0 or inner.all():
        return surface
    part = inner
    if rng.random() < 0.5:  # the colour of a sleeve, a band, a stripe
        i = int(rng.integers(len(rows)))
        disc = np.zeros(matte.shape, np.uint8)
        cv2.circle(disc, (int(cols[i]), int(rows[i])), int(rng.integers(6, 40)), 1, -1)
        part = inner & (disc > 0)
    wanted = cv2.cvtColor(view, cv2.COLOR_RGB2LAB)[part].astype(np.float32)
    lab = cv2.cvtColor(surface, cv2.COLOR_RGB2LAB).astype(np.float32)
    keep = rng.uniform(0.4, 1.0)  # of the surface's own contrast
    offset = rng.normal(0, (7, 3, 3)).astype(np.float32)
    shifted = wanted.mean(0) + offset + keep * (lab - lab[~inner].mean(0))
    return cv2.cvtColor(np.clip(shifted, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def _tile(patch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    zoom = rng.uniform(0.8, 2.2)
    patch = cv2.resize(patch, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
    patch = np.rot90(patch, int(rng.integers(4)))
    top, left = int(rng.integers(patch.shape[0])), int(rng.integers(patch.shape[1]))
    rows = _mirror_index(np.arange(top, top + VIEW), patch.shape[0])
    cols = _mirror_index(np.arange(left, left + VIEW), patch.shape[1])
    return np.ascontiguousarray(patch[rows][:, cols])


def _mirror_index(index: np.ndarray, size: int) -> np.ndarray:
    index = index % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)


def composite(view: np.ndarray, matte: np.ndarray, under: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a garment (colours reach beyond the matte) on a surface, with a soft shadow and sometimes a hanger.

    Args:
        view: uint8 (VIEW, VIEW, 3); matte: uint8 (VIEW, VIEW), 255 = garment; under: uint8 (VIEW, VIEW, 3).
    """
    under = under.astype(np.float32)
    if rng.random() < 0.25:
        _hanger(under, matte, rng)
    if rng.random() < 0.6:
        moved = np.roll(matte, (int(rng.integers(-5, 9)), int(rng.integers(-7, 8))), (0, 1))
        shadow = cv2.GaussianBlur(moved, (0, 0), rng.uniform(1, 9)).astype(np.float32) / 255
        under *= 1 - shadow[..., None] * rng.uniform(0.1, 0.55)
    alpha = cv2.GaussianBlur(matte, (0, 0), rng.uniform(0.4, 0.9)).astype(np.float32)[..., None] / 255
    return np.clip(view * alpha + under * (1 - alpha), 0, 255).astype(np.uint8)


def _hanger(under: np.ndarray, matte: np.ndarray, rng: np.random.Generator) -> None:
    rows, cols = np.nonzero(matte > 127)
    if len(rows) == 0:
        return
    top, centre = int(rows.min()), int(cols[rows < rows.min() + 12].mean())
    colour = tuple(float(v) for v in np.tile(rng.uniform(0, 255), 3) + rng.uniform(-25, 25, 3))
    width = int(rng.integers(1, 5))
    end = (centre, top + int(rng.integers(5, 40)))
    hook = max(0, top - int(rng.integers(8, 40)))
    cv2.line(under, end, (centre, hook), colour, width, cv2.LINE_AA)
    radius = int(rng.integers(4, 12))
    cv2.ellipse(under, (centre + radius, hook), (radius, radius), 0, 180, 400, colour, width, cv2.LINE_AA)
    half = int(rng.integers(20, 70))
    for side in (-half, half):
        cv2.line(under, end, (centre + side, end[1] + half // 3), colour, width + 2, cv2.LINE_AA)


def recolour(view: np.ndarray, matte: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Another colour for the garment (where `matte`) or the whole view (`matte` None)."""
    lab = cv2.cvtColor(view, cv2.COLOR_RGB2LAB).astype(np.float32)
    kind = rng.random()
    if kind < 0.5:  # turn the hue, move the lightness
        angle = rng.uniform(0, 2 * math.pi)
        a, b = lab[..., 1] - 128, lab[..., 2] - 128
        gain = rng.uniform(0.3, 1.5)
        lab[..., 1] = 128 + gain * (a * math.cos(angle) - b * math.sin(angle))
        lab[..., 2] = 128 + gain * (a * math.sin(angle) + b * math.cos(angle))
        lab[..., 0] = lab[..., 0] * rng.uniform(0.6, 1.15) + rng.uniform(-40, 40)
    elif kind < 0.75:  # dye in one colour, keeping (some of) the folds
        where = lab[..., 0][matte > 127] if matte is not None and (matte > 127).any() else lab[..., 0]
        light, keep = rng.uniform(15, 245), rng.uniform(0.1, 1.0)
        lab[..., 0] = light + keep * (lab[..., 0] - float(where.mean()))
        lab[..., 1:] = rng.normal(128, 28, 2) + rng.uniform(0, 0.5) * (lab[..., 1:] - 128)
    else:  # invert
        lab[..., 0] = 255 - lab[..., 0]
    changed = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    if matte is None:
        return changed
    alpha = (matte.astype(np.float32) / 255)[..., None]
    return (changed * alpha + view * (1 - alpha)).astype(np.uint8)


def bleach(view: np.ndarray, matte: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn the cloth (near) white, dark prints stay: the garments that are lost most often on pale surfaces.

    Args:
        view: uint8 (VIEW, VIEW, 3); matte: uint8 (VIEW, VIEW), 255 = garment.
    """
    inside = matte > 127
    if not inside.any():
        return view
    lab = cv2.cvtColor(view, cv2.COLOR_RGB2LAB).astype(np.float32)
    middle = np.median(lab[inside], axis=0)
    away = np.linalg.norm((lab - middle) * (0.6, 1, 1), axis=2, keepdims=True)
    cloth = np.exp(-((away / rng.uniform(25, 50)) ** 2))
    white = np.concatenate([[rng.uniform(195, 240)], rng.normal(128, 4, 2)]) + rng.uniform(0.3, 1.0) * (lab - middle)
    changed = cv2.cvtColor(np.clip(lab + cloth * (white - lab), 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    alpha = (matte.astype(np.float32) / 255)[..., None]
    return (changed * alpha + view * (1 - alpha)).astype(np.uint8)


def photograph(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, white balance, contrast, uneven light, blur, noise."""
    out = view.astype(np.float32)
    gain = rng.uniform(0.7, 1.3) * (1 + rng.normal(0, 0.06, 3))
    out = (out - 128) * rng.uniform(0.75, 1.25) + 128
    out *= gain.astype(np.float32)
    if rng.random() < 0.5:
        light = cv2.resize(
            rng.uniform(0.7, 1.2, (3, 3)).astype(np.float32), (VIEW, VIEW), interpolation=cv2.INTER_CUBIC
        )
        out *= light[..., None]
    if rng.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.6))
    if rng.random() < 0.4:
        out += rng.normal(0, rng.uniform(1, 10), out.shape).astype(np.float32)
    out = np.clip(out, 0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        out = np.repeat(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    return out


def occlude(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A few small things in front of the garment (labels, tags, glare); the matte is not changed."""
    out = view.copy()
    for _ in range(int(rng.integers(1, 4))):
        x, y = (int(v) for v in rng.integers(0, VIEW, 2))
        w, h = (int(v) for v in rng.integers(4, 26, 2))
        cv2.rectangle(out, (x, y), (x + w, y + h), tuple(int(v) for v in rng.integers(0, 256, 3)), -1)
    return out


def drawn_shape(rng: np.random.Generator, patches: list[np.ndarray], texture: np.ndarray | None) -> np.ndarray:
    """Something that is no garment: shapes, text or blobs of cloth on a surface, or the surface alone."""
    view = background(rng, patches)
    for _ in range(int(rng.integers(0, 5))):
        matte = np.zeros((VIEW, VIEW), np.uint8)
        centre = rng.uniform(50, VIEW - 50, 2)
        kind, size = rng.random(), rng.uniform(15, 95)
        if kind < 0.3:
            axes = (int(size), int(size * rng.uniform(0.3, 1)))
            cv2.ellipse(matte, tuple(centre.astype(int).tolist()), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
        elif kind < 0.8:
            count = int(rng.integers(3, 9))
            angles = np.sort(rng.uniform(0, 2 * math.pi, count))
            radius = size * rng.uniform(0.5, 1.2, count)
            points = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
            cv2.fillPoly(matte, [points.astype(np.int32)], 255)
        else:
            text = "".join(chr(int(c)) for c in rng.integers(33, 126, int(rng.integers(3, 14))))
            place = (int(rng.integers(0, 60)), int(rng.integers(30, VIEW)))
            cv2.putText(matte, text, place, int(rng.integers(0, 5)), rng.uniform(0.5, 3), 255, int(rng.integers(1, 5)))
        over = background(rng, patches) if texture is None or rng.random() < 0.5 else _tile(texture, rng)
        view = composite(over, matte, view, rng)
    return view

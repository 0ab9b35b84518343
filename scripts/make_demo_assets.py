"""Draw the demo garments: flat lays with folds, seams, knit, prints and soft shadows. No photo goes in.

    python scripts/make_demo_assets.py assets/demo

Coordinates are pixels of a 900x1000 picture; drawing happens at twice that size. Everything follows from fixed seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tryon import imageio

WIDTH, HEIGHT, S = 900, 1000, 2
SIZE = (HEIGHT * S, WIDTH * S)
LIGHT = np.array([-0.55, -0.85])  # towards the light: from above, a little from the left
Points = list[tuple[float, float]]
#: Creases: path, height, width of the steep side on the left, of the gentle side on the right, all px.
Folds = tuple[tuple[Points, float, float, float], ...]


def curve(points: Points, n: int = 24) -> np.ndarray:
    """Catmull-Rom spline through the points: (k, 2) px."""
    p = np.array(points, float)
    if len(p) == 2:
        return p[0] + (p[1] - p[0]) * np.linspace(0, 1, n)[:, None]
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, n, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack([*parts, p[-2:-1]])


def outline(*pieces: Points) -> np.ndarray:
    """A closed outline of smooth pieces that meet in corners."""
    return np.vstack([curve(piece) for piece in pieces])


def fill(polygon: np.ndarray) -> np.ndarray:
    """float32 mask of a polygon at drawing size."""
    mask = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * S * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def stroke(path: np.ndarray, width: float, closed: bool = False) -> np.ndarray:
    """float32 mask of a line at drawing size."""
    mask = np.zeros(SIZE, np.uint8)
    points = [np.round(path * S * 16).astype(np.int32)]
    cv2.polylines(mask, points, closed, 255, max(1, round(width * S)), cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def blur(array: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, sigma in px; wide ones at reduced size."""
    array = array.astype(np.float32, copy=False)
    factor = max(1, int(sigma * S / 6))
    if factor == 1:
        return cv2.GaussianBlur(array, (0, 0), sigma * S)
    small = cv2.resize(array, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma * S / factor)
    return cv2.resize(small, array.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def noise(rng: np.random.Generator, sx: float, sy: float) -> np.ndarray:
    """Smooth noise of unit deviation, correlation lengths in px."""
    factor = max(1.0, min(sx, sy) * S / 3)
    size = (int(SIZE[0] / factor) + 8, int(SIZE[1] / factor) + 8)
    field_ = cv2.GaussianBlur(
        rng.standard_normal(size).astype(np.float32), (0, 0), sx * S / factor, None, sy * S / factor
    )
    field_ = cv2.resize(field_, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return (field_ - field_.mean()) / field_.std()


def crease(points: Points, height: float, sharp: float, soft: float) -> np.ndarray:
    """A fold along a curve: steep on its left (width `sharp` px), gentle on its right (`soft`), fading at both ends."""
    path = curve(points, 14)
    ys, xs = np.mgrid[0:HEIGHT:4, 0:WIDTH:4].astype(np.float32)
    best = np.zeros_like(xs)
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True) + 1e-9
    for (x, y), (tx, ty), w in zip(
        path, tangents, np.sin(np.linspace(0.15, np.pi - 0.1, len(path))) ** 0.8, strict=True
    ):
        along, across = (xs - x) * tx + (ys - y) * ty, (xs - x) * -ty + (ys - y) * tx
        reach = np.exp(-((along / 16) ** 2)) * np.exp(-(np.abs(across / np.where(across > 0, sharp, soft)) ** 1.5))
        best = np.maximum(best, w * reach)
    return cv2.resize(cv2.GaussianBlur(best, (0, 0), 1.2), SIZE[::-1], interpolation=cv2.INTER_CUBIC) * height


def folded(folds: Folds) -> np.ndarray:
    """The height field of all creases together, px."""
    return sum(crease(points, h, left, right) for points, h, left, right in folds)


def grid() -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel, px."""
    ys, xs = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    return xs / S, ys / S


def along(a: tuple[float, float], b: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Distance along and across the axis a -> b of every pixel, px."""
    xs, ys = grid()
    d = np.array(b, float) - a
    d /= np.linalg.norm(d)
    return (xs - a[0]) * d[0] + (ys - a[1]) * d[1], -(xs - a[0]) * d[1] + (ys - a[1]) * d[0]


@dataclass
class Layer:
    """A piece of cloth.

    Args:
        mask: where it is.
        albedo: (H, W, 3) reflectance, linear 0..1.
        height: fold height field, px.
        puff: thickness of the rounded border, px.
        depth: shadow that it throws on what lies below, 0..1.
        dim: factor of light (insides are darker).
        wrinkle: height of small random wrinkles, px.
    """

    mask: np.ndarray
    albedo: np.ndarray
    height: np.ndarray | float = 0.0
    puff: float = 5.0
    depth: float = 0.3
    dim: float = 1.0
    wrinkle: float = 1.6


@dataclass
class Scene:
    """Layers from below to above, and lines (seams) drawn on them."""

    seed: int
    layers: list[Layer] = field(default_factory=list)
    lines: list[tuple[np.ndarray, float]] = field(default_factory=list)

    def seam(self, points: Points | np.ndarray, dark: float = 0.35, width: float = 1.6) -> None:
        """A seam: a dark groove beside a light lip."""
        path = curve(points) if isinstance(points, list) else points
        self.lines.append((blur(stroke(path, width), 0.7), -dark))
        self.lines.append((blur(stroke(path + [1.6, 2.0], width), 0.9), dark * 0.35))

    def stitches(self, points: Points | np.ndarray, amount: float = 0.25, length: float = 4.0) -> None:
        """A row of stitches."""
        path = curve(points) if isinstance(points, list) else points
        steps = np.r_[0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))]
        mask = np.zeros(SIZE, np.float32)
        for start in np.arange(0, steps[-1] - length, length * 1.6):
            ends = [[np.interp(s, steps, path[:, i]) for i in (0, 1)] for s in (start, start + length)]
            cv2.line(mask, *[tuple(int(v * S * 16) for v in e) for e in ends], 1.0, S, cv2.LINE_AA, 4)
        self.lines.append((blur(mask, 0.35), amount))
        self.lines.append((blur(np.roll(mask, S, axis=0), 0.6), -amount * 0.8))

    def render(self, background: np.ndarray) -> np.ndarray:
        """uint8 (HEIGHT, WIDTH, 3) sRGB."""
        rng = np.random.default_rng(self.seed)
        picture = background.copy()
        for layer in self.layers:
            offset = np.array([[1, 0, 12 * S * layer.depth], [0, 1, 22 * S * layer.depth]])
            moved = cv2.warpAffine(layer.mask, offset, SIZE[::-1])
            shadow = 0.7 * blur(moved, 2 + 16 * layer.depth) + 0.5 * blur(layer.mask, 1.5 + 5 * layer.depth)
            picture *= 1 - (layer.depth * np.clip(shadow, 0, 1))[..., None]
            light = self._light(layer, rng)
            a = layer.mask[..., None]
            sheen = 0.024 * np.clip(light - 0.75, 0, 1)[..., None]
            picture = picture * (1 - a) + (layer.albedo * light[..., None] + sheen) * a
        for mask, amount in self.lines:
            picture *= 1 + amount * mask[..., None]
        picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        grain = rng.standard_normal(picture.shape[:2]).astype(np.float32)[..., None] * 0.004
        srgb = (
            np.clip(picture, 0, 1) ** (1 / 2.2) + grain + rng.standard_normal(picture.shape).astype(np.float32) * 0.003
        )
        return np.rint(np.clip(srgb, 0, 1) * 255).astype(np.uint8)

    def _light(self, layer: Layer, rng: np.random.Generator) -> np.ndarray:
        inside = cv2.distanceTransform((layer.mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / S
        height = layer.puff * (1 - np.exp(-inside / (1.6 * layer.puff + 1e-3))) + layer.height
        height = height + 2.2 * noise(rng, 36, 52) + 0.5 * noise(rng, 13, 16)
        ridges = np.clip(1 - np.abs(noise(rng, 40, 110) + 0.2 * noise(rng, 20, 20)) * 1.2, 0, 1) ** 2
        height = height + layer.wrinkle * ridges * np.clip(noise(rng, 70, 90) + 0.4, 0, 1.6)
        height = blur(height.astype(np.float32), 1.6)
        gx, gy = cv2.Sobel(height, cv2.CV_32F, 1, 0) / 8 * S, cv2.Sobel(height, cv2.CV_32F, 0, 1) / 8 * S
        light = 1 + np.tanh(-1.3 * (gx * LIGHT[0] + gy * LIGHT[1])) * 0.66
        light *= 1 - 0.07 * np.clip(blur(height, 9) - height, -3, 3)
        light *= 1 - 0.28 * np.exp(-inside / 2.2)
        return layer.dim * np.clip(light * (1 + 0.04 * noise(rng, 120, 120)), 0.12, 1.8)


def linear(r: int, g: int, b: int) -> np.ndarray:
    """sRGB 0..255 to linear reflectance."""
    return (np.array([r, g, b], np.float32) / 255) ** 2.2


def cloth(
    rng: np.random.Generator,
    colour: np.ndarray,
    angle: float,
    heather: float = 0.0,
    rib: float = 0.0,
    centre: tuple[float, float] | None = None,
) -> np.ndarray:
    """A knit of one colour: wales at an angle (radians), uneven yarn, heather, ribs of `rib` px round `centre`."""
    xs, ys = grid()
    u, v = xs * np.cos(angle) + ys * np.sin(angle), -xs * np.sin(angle) + ys * np.cos(angle)
    wobble = noise(rng, 5, 5) * 0.25
    knit = 0.5 * np.sin(2 * np.pi * (u / 2.6 + wobble * 0.3)) + 0.35 * np.sin(
        2 * np.pi * (v / 2.2 + 0.25 * np.sin(u * 2.4))
    )
    texture = 1 + 0.055 * knit + 0.03 * noise(rng, 0.8, 0.8) + 0.02 * noise(rng, 6, 6)
    if heather:
        fibre = noise(rng, 0.6, 1.8) + 0.5 * noise(rng, 1.2, 0.6) + 0.5 * noise(rng, 2.2, 3.5)
        texture = texture * (1 + heather * np.clip(fibre, -2.2, 2.2))
    if rib:
        around = u if centre is None else np.arctan2(xs - centre[0], ys - centre[1]) * 110
        texture = texture * (1 + 0.17 * np.sin(2 * np.pi * around / rib))
    return colour * np.clip(texture, 0.2, 2)[..., None].astype(np.float32)


def mirrored(points: Points, amount: float = 4.0) -> Points:
    """The points on the other side, a little different: nothing lies quite symmetrically."""
    return [(WIDTH - x + amount * np.sin(y / 71 + 1), y + amount * np.cos(x / 53)) for x, y in points][::-1]


def plaster(rng: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    """A matt surface, lit unevenly."""
    xs, ys = grid()
    fall = 1.04 - 0.10 * ((xs / WIDTH - 0.35) ** 2 + (ys / HEIGHT - 0.25) ** 2)
    rough = 1 + 0.012 * noise(rng, 1.0, 1.0) + 0.012 * noise(rng, 25, 25)
    return linear(*colour) * (fall * rough)[..., None].astype(np.float32)


def wood(rng: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    """Pale boards."""
    xs, ys = grid()
    board = np.floor((xs + 30) / 190)
    shift = rng.uniform(-1, 1, 16)[board.astype(int)]
    rings = noise(rng, 5, 240) * 0.5 + noise(rng, 1.2, 60) * 0.3 + shift.astype(np.float32) * 0.9
    joint = np.minimum((xs + 30) % 190, 190 - (xs + 30) % 190)
    value = 1 + 0.055 * rings - 0.45 * np.exp(-((joint / 1.3) ** 2))
    return linear(*colour) * np.clip(value, 0.3, 1.3)[..., None].astype(np.float32)


def linen(rng: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    """A woven sheet with faint waves."""
    xs, ys = grid()
    weave = 0.5 * np.sin(xs * 2.1 + noise(rng, 8, 8) * 0.4) + 0.5 * np.sin(ys * 2.1 + noise(rng, 8, 8) * 0.4)
    value = 1 + 0.03 * weave + 0.025 * noise(rng, 0.8, 6) + 0.025 * noise(rng, 6, 0.8) + 0.035 * noise(rng, 90, 60)
    return linear(*colour) * value[..., None].astype(np.float32)


def printed(
    albedo: np.ndarray, draw: Callable[[ImageDraw.ImageDraw], None], height: np.ndarray, ink: float = 0.93
) -> np.ndarray:
    """Put a print on cloth; it follows the folds and lets a little of the knit through."""
    sheet = Image.new("RGBA", SIZE[::-1], (0, 0, 0, 0))
    draw(ImageDraw.Draw(sheet))
    gx, gy = cv2.Sobel(blur(height, 2), cv2.CV_32F, 1, 0), cv2.Sobel(blur(height, 2), cv2.CV_32F, 0, 1)
    xs, ys = grid()
    layer = np.asarray(sheet, np.float32) / 255
    layer[..., :3] *= layer[..., 3:]  # premultiplied, so that edges do not darken
    layer = cv2.remap(layer, xs * S + gx * 3, ys * S + gy * 3, cv2.INTER_LINEAR)
    colour = (layer[..., :3] / np.maximum(layer[..., 3:], 1e-4)) ** 2.2
    grain = albedo / np.maximum(albedo.mean(axis=(0, 1)), 1e-4)
    alpha = layer[..., 3:] * ink
    return albedo * (1 - alpha) + colour * (0.75 + 0.25 * np.clip(grain, 0.4, 1.6)) * alpha


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface that Pillow brings along."""
    return ImageFont.load_default(size * S)


TEE_FOLDS: Folds = (
    ([(252, 408), (300, 470), (338, 590)], 13, 10, 30),
    ([(248, 430), (274, 520), (280, 640)], 9, 10, 26),
    ([(648, 404), (606, 460), (578, 590)], 13, 30, 10),
    ([(650, 440), (628, 540), (612, 660)], 8, 26, 10),
    ([(640, 500), (560, 600), (470, 660)], 7, 24, 12),
    ([(262, 640), (320, 720), (352, 880)], 12, 13, 36),
    ([(640, 620), (596, 740), (575, 890)], 12, 34, 13),
    ([(420, 690), (452, 790), (438, 905)], 8, 14, 30),
    ([(510, 690), (528, 780), (508, 880)], 6, 12, 26),
    ([(290, 230), (322, 320), (330, 420)], 6, 14, 34),
    ([(606, 240), (582, 320), (570, 420)], 6, 32, 14),
    ([(215, 220), (160, 320), (130, 420)], 9, 10, 26),
    ([(690, 230), (746, 330), (778, 430)], 9, 26, 10),
    ([(244, 330), (206, 370), (150, 400)], 7, 9, 18),
    ([(660, 330), (700, 372), (750, 396)], 7, 18, 9),
)
STRIPED_FOLDS: Folds = (
    ([(266, 360), (310, 430), (350, 540)], 11, 10, 30),
    ([(634, 360), (590, 430), (556, 540)], 11, 30, 10),
    ([(280, 560), (340, 660), (372, 800)], 9, 13, 36),
    ([(628, 540), (580, 660), (560, 850)], 9, 34, 13),
    ([(440, 640), (462, 740), (448, 880)], 7, 13, 30),
    ([(520, 200), (530, 300), (500, 420)], 6, 14, 34),
    ([(330, 180), (352, 280), (350, 360)], 5, 14, 34),
    ([(212, 240), (192, 330), (190, 420)], 9, 10, 24),
    ([(160, 420), (180, 470), (212, 500)], 9, 10, 18),
    ([(130, 520), (160, 560), (196, 580)], 8, 9, 18),
    ([(110, 640), (140, 690), (160, 720)], 7, 9, 18),
    ([(690, 250), (716, 340), (722, 430)], 9, 24, 10),
    ([(742, 430), (720, 480), (690, 520)], 9, 18, 10),
    ([(772, 560), (744, 600), (712, 620)], 8, 18, 9),
    ([(790, 660), (766, 700), (748, 740)], 7, 18, 9),
)
HOODIE_FOLDS: Folds = (
    ([(272, 486), (320, 560), (350, 640)], 14, 12, 34),
    ([(632, 490), (580, 560), (552, 640)], 14, 34, 12),
    ([(284, 330), (320, 420), (330, 520)], 8, 16, 40),
    ([(614, 330), (586, 420), (580, 500)], 8, 40, 16),
    ([(290, 700), (300, 780), (284, 846)], 9, 12, 26),
    ([(622, 700), (606, 780), (620, 846)], 9, 26, 12),
    ([(216, 380), (196, 470), (196, 560)], 11, 12, 26),
    ([(150, 560), (182, 610), (218, 640)], 12, 11, 20),
    ([(118, 660), (150, 710), (192, 730)], 11, 10, 20),
    ([(98, 760), (130, 796), (172, 806)], 10, 9, 18),
    ([(690, 380), (706, 470), (708, 560)], 11, 26, 12),
    ([(752, 570), (722, 620), (690, 650)], 12, 20, 11),
    ([(784, 670), (752, 720), (714, 742)], 11, 20, 10),
    ([(800, 770), (770, 802), (734, 812)], 10, 18, 9),
    ([(352, 110), (344, 170), (366, 232)], 10, 10, 22),
    ([(556, 110), (562, 170), (540, 236)], 10, 22, 10),
    ([(430, 420), (446, 500), (440, 580)], 5, 16, 36),
)


def tee() -> np.ndarray:
    """A navy T-shirt with a printed badge, on plaster."""
    rng = np.random.default_rng(11)
    shoulder = [(358, 140), (290, 163), (217, 192)]
    sleeve = [(217, 192), (160, 258), (108, 334), (66, 410)]
    cuff = [(66, 410), (116, 446), (178, 466)]
    under = [(178, 466), (214, 434), (250, 400)]
    side = [(250, 400), (246, 500), (254, 600), (243, 730), (238, 830), (246, 904)]
    left = [shoulder, sleeve, cuff, under, side]
    hem = [(246, 904), (340, 921), (455, 917), (560, 922), mirrored([(246, 904)])[0]]
    back, front = [(358, 140), (452, 158), (546, 138)], [(546, 138), (528, 188), (452, 224), (376, 190), (358, 140)]
    collar = [(556, 142), (537, 206), (452, 249), (364, 206), (346, 144)]
    right = [mirrored(piece) for piece in left]
    mask = fill(outline(*left, hem, *right[:0:-1], right[0][:-1] + [(546, 138)], front))
    navy = linear(37, 45, 76)
    seam = [(221, 191), (232, 270), (246, 340), (250, 400)]
    folds = folded(TEE_FOLDS)

    def badge(pen: ImageDraw.ImageDraw) -> None:
        cx, cy, r = 452 * S, 412 * S, 92 * S
        pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=(232, 188, 96, 255))
        for i, y in enumerate((424, 448, 472, 494)):
            wave = [((452 + x) * S, (y + 7 * np.sin(x / 17 + i)) * S) for x in range(-100, 101, 3)]
            pen.line(wave, fill=(37, 45, 76, 255), width=(5 + 2 * i) * S, joint="curve")
        pen.polygon([(452 * S, 342 * S), (400 * S, 416 * S), (504 * S, 416 * S)], fill=(206, 98, 68, 255))
        pen.polygon(
            [(c * S, y * S) for c, y in ((452, 342), (434, 368), (450, 376), (470, 368))], fill=(240, 232, 218, 255)
        )
        pen.text((cx, 550 * S), "NORTH SHORE", font=font(46), fill=(234, 228, 214, 255), anchor="mm")
        pen.text((cx, 590 * S), "SWIM CLUB  1974", font=font(21), fill=(232, 188, 96, 255), anchor="mm")

    body = printed(cloth(rng, navy, 0.02), badge, folds)
    for angle, outer in ((0.9, outline(sleeve, cuff, under, seam[::-1])), (-0.9, None)):
        part = fill(outer) if outer is not None else fill(outline(right[1], mirrored(seam)[::-1], right[3], right[2]))
        body = np.where(part[..., None] > 0.5, cloth(rng, navy, angle), body)
    neck = (452.0, 120.0)
    scene = Scene(3)
    scene.layers.append(Layer(fill(outline(back, front)), cloth(rng, navy * 1.05, 0.0), 0.0, 2, 0.3, 0.6))
    band = fill(outline(back, [(546, 138), (534, 160), (452, 182), (368, 162), (358, 140)]))
    scene.layers.append(Layer(band, cloth(rng, navy, 0, rib=5, centre=neck), 0.0, 2.5, 0.15, 0.85, 0))
    tag = fill(np.array([(430.0, 180), (476, 179), (477, 207), (431, 208)]))
    scene.layers.append(Layer(tag, cloth(rng, linear(226, 224, 218), 0), 0.0, 1, 0.2, 0.7, 0))
    scene.layers.append(Layer(mask, body, folds, 5, 0.5))
    ring = fill(outline(collar, [(346, 144), (358, 140)], front[::-1], [(546, 138), (556, 142)]))
    scene.layers.append(Layer(ring, cloth(rng, navy, 0.0, rib=5, centre=neck), 0.0, 4, 0.16, 1, 0))
    scene.seam(seam, 0.4)
    scene.seam(mirrored(seam), 0.4)
    scene.seam(collar, 0.3)
    for inset in (15, 20):
        scene.stitches([(x + (4 if i == 0 else -4 if i == 4 else 0), y - inset) for i, (x, y) in enumerate(hem)], 0.3)
    scene.stitches([(78, 392), (128, 427), (192, 449)], 0.28)
    scene.stitches(mirrored([(78, 392), (128, 427), (192, 449)]), 0.28)
    return scene.render(plaster(rng, (222, 219, 213)))


def striped() -> np.ndarray:
    """A long-sleeved Breton shirt, on pale boards."""
    rng = np.random.default_rng(23)
    shoulder = [(352, 96), (290, 120), (232, 146)]
    sleeve = [(232, 146), (176, 280), (138, 450), (96, 640), (72, 782)]
    cuff = [(72, 782), (106, 797), (146, 799)]
    under = [(146, 799), (184, 640), (226, 480), (262, 352)]
    side = [(262, 352), (270, 470), (264, 620), (256, 760), (250, 886)]
    left = [shoulder, sleeve, cuff, under, side]
    right = [mirrored(piece) for piece in left]
    hem = [(250, 886), (350, 903), (450, 906), (556, 904), mirrored([(250, 886)])[0]]
    back, front = [(352, 96), (450, 112), (552, 94)], [(552, 94), (520, 134), (450, 154), (380, 136), (352, 96)]
    collar = [(562, 98), (528, 148), (450, 172), (372, 150), (342, 100)]
    mask = fill(outline(*left, hem, *right[:0:-1], right[0][:-1] + [(552, 94)], front))
    seam = [(236, 145), (246, 220), (258, 290), (262, 352)]
    folds = folded(STRIPED_FOLDS)
    cream, ink = linear(228, 220, 204), linear(46, 58, 92)

    def stripes(coordinate: np.ndarray, first: float, last: float, angle: float) -> np.ndarray:
        wave = (coordinate - first + 3 * noise(rng, 90, 60) + 0.25 * folds) % 34
        share = np.clip((6.2 - np.abs(wave - 17)) / 0.8 + 0.5, 0, 1)[..., None].astype(np.float32)
        share = np.where(((coordinate > first) & (coordinate < last))[..., None], share, 0)
        return cloth(rng, cream, angle) * (1 - share) + cloth(rng, ink, angle) * share

    xs, ys = grid()
    body = stripes(ys + 4e-4 * (xs - 450) ** 2, 210, 876, 0.0)
    for start, end, piece in (
        ((250, 150), (110, 790), outline(sleeve, cuff, under, seam[::-1])),
        ((652, 150), (792, 790), outline(right[1], mirrored(seam)[::-1], right[3], right[2])),
    ):
        distance, _ = along(start, end)
        body = np.where(fill(piece)[..., None] > 0.5, stripes(distance, 62, 640, 0.2), body)
    neck = (450.0, 60.0)
    scene = Scene(5)
    scene.layers.append(Layer(fill(outline(back, front)), cloth(rng, cream, 0), 0.0, 2, 0.3, 0.66))
    band = fill(outline(back, [(552, 94), (528, 118), (450, 132), (372, 118), (352, 96)]))
    scene.layers.append(Layer(band, cloth(rng, cream, 0, rib=5, centre=neck), 0.0, 2.5, 0.15, 0.85, 0))
    scene.layers.append(Layer(mask, body, folds, 5, 0.5))
    ring = fill(outline(collar, [(342, 100), (352, 96)], front[::-1], [(552, 94), (562, 98)]))
    scene.layers.append(Layer(ring, cloth(rng, cream, 0.0, rib=5, centre=neck), 0.0, 4, 0.16, 1, 0))
    for line in (seam, mirrored(seam), collar):
        scene.seam(line, 0.3)
    scene.stitches([(x + (4 if i == 0 else -4 if i == 4 else 0), y - 18) for i, (x, y) in enumerate(hem)], -0.22)
    for edge in ([(78, 764), (110, 778), (149, 780)],):
        scene.stitches(edge, -0.22)
        scene.stitches(mirrored(edge), -0.22)
    return scene.render(wood(rng, (206, 190, 168)))


def hoodie() -> np.ndarray:
    """A heather grey hoodie with the hood up, on linen."""
    rng = np.random.default_rng(37)
    shoulder = [(340, 232), (290, 250), (240, 276)]
    sleeve = [(240, 276), (178, 400), (124, 560), (92, 700), (76, 806)]
    wrist = [(76, 806), (88, 850), (96, 882)]
    cuff = [(96, 882), (128, 892), (166, 890)]
    under = [(166, 890), (180, 846), (206, 740), (240, 600), (268, 478)]
    side = [(268, 478), (270, 600), (262, 720), (256, 850)]
    band_side = [(256, 850), (268, 890), (274, 934)]
    left = [shoulder, sleeve, wrist, cuff, under, side, band_side]
    right = [mirrored(piece) for piece in left]
    hem = [(274, 934), (360, 944), (450, 946), (540, 945), mirrored([(274, 934)])[0]]
    hood = [(340, 232), (318, 160), (344, 86), (400, 48), (452, 38), (506, 50), (558, 90), (582, 160), right[0][-1]]
    opening = [
        (452, 316),
        (398, 262),
        (372, 190),
        (388, 120),
        (452, 88),
        (516, 120),
        (530, 190),
        (506, 262),
        (452, 316),
    ]
    neck = [(340, 232), (384, 290), (452, 322), (520, 290), right[0][-1]]
    folds = folded(HOODIE_FOLDS)
    grey = linear(148, 150, 154)
    body = cloth(rng, grey, 0.02, heather=0.055)
    inner_sleeve = [(246, 274), (262, 350), (270, 420), (268, 478)]
    for angle, piece in (
        (0.25, outline(sleeve, wrist, cuff, under, inner_sleeve[::-1])),
        (-0.25, outline(right[1], mirrored(inner_sleeve)[::-1], right[4], right[3], right[2])),
    ):
        body = np.where(fill(piece)[..., None] > 0.5, cloth(rng, grey, angle, heather=0.055), body)
    cuff_line = [(76, 806), (124, 838), (180, 846)]
    hem_line = [(256, 850), (350, 864), (450, 866), (550, 866), mirrored([(256, 850)])[0]]
    for piece, angle in (
        (outline(wrist, cuff, [(166, 890), (180, 846)], cuff_line[::-1]), 0.2),
        (
            outline(right[2], mirrored(cuff_line), [mirrored([(180, 846)])[0], mirrored([(166, 890)])[0]], right[3]),
            -0.2,
        ),
        (outline(band_side, hem, right[6], hem_line[::-1]), 0.0),
    ):
        body = np.where(fill(piece)[..., None] > 0.5, cloth(rng, grey * 0.94, angle, heather=0.06, rib=6), body)
    mask = fill(outline(*left, hem, *right[:0:-1], right[0][:-1] + [right[0][-1]], neck[::-1]))
    scene = Scene(8)
    hood_mask = np.maximum(fill(outline(hood, neck[::-1])), 0)
    scene.layers.append(Layer(hood_mask, cloth(rng, grey, 0.1, heather=0.055), folds, 9, 0.5))
    scene.layers.append(Layer(mask, body, folds, 8, 0.5))
    scene.layers.append(Layer(fill(outline(hood, neck[::-1])), cloth(rng, grey, 0.1, heather=0.055), folds, 8, 0.22))
    scene.layers.append(Layer(fill(curve(opening)), cloth(rng, grey * 0.9, 0, heather=0.055), 0.0, 1, 0.1, 0.42, 2.5))
    pocket = [(342, 660), (300, 750), (298, 838), (610, 840), (608, 752), (566, 662)]
    pocket_mask = fill(np.array(pocket, float))
    scene.layers.append(Layer(pocket_mask, cloth(rng, grey, 0.0, heather=0.055), folds, 4, 0.2))
    for line in (inner_sleeve, mirrored(inner_sleeve), cuff_line, mirrored(cuff_line), hem_line, neck):
        scene.seam(line, 0.32)
    rim = np.array(opening)
    centre = np.array([452, 196.0])
    scene.seam(curve([tuple(p) for p in centre + (rim - centre) * 1.13]), 0.2)
    scene.stitches([(350, 666), (308, 752), (306, 832)], -0.25)
    scene.stitches([(558, 668), (600, 754), (602, 832)], -0.25)
    for cord in ([(424, 296), (418, 380), (428, 452), (422, 500)], [(482, 296), (492, 370), (484, 430), (490, 478)]):
        path = curve(cord)
        line = stroke(path, 7)
        scene.layers.append(Layer(line, cloth(rng, linear(226, 224, 220), 0.7, rib=4), 0.0, 3, 0.3, 1, 0))
        tip = stroke(path[-7:] + [0, 4], 8)
        scene.layers.append(Layer(tip, cloth(rng, linear(120, 122, 126), 0.0), 0.0, 3, 0.2, 1, 0))
        eyelet = stroke(curve([cord[0], (cord[0][0], cord[0][1] + 1)]), 12)
        scene.layers.append(Layer(eyelet, cloth(rng, linear(92, 92, 96), 0.0), 0.0, 3, 0.2, 1, 0))
    return scene.render(linen(rng, (214, 204, 190)))


GARMENTS: dict[str, Callable[[], np.ndarray]] = {
    "garment": tee,
    "garment_striped": striped,
    "garment_hoodie": hoodie,
}


def main() -> None:
    """Draw all garments into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=sorted(GARMENTS))
    options = parser.parse_args()
    for name, draw in GARMENTS.items():
        if options.only in (None, name):
            imageio.save(options.folder / f"{name}.jpg", draw(), quality=92)
            print(options.folder / f"{name}.jpg")


if __name__ == "__main__":
    main()

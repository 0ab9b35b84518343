"""Materials that the program draws: seamless tiles, made by code, no pictures.

A tile's side stands for a share of the garment's breadth (`Material.repeat`). Threads are drawn a little coarser than
real ones, so that photos of usual size show them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ..errors import UsageError
from .colours import parse_colour

RGB = tuple[int, int, int]
_SIDE = 768


@dataclass(frozen=True)
class Material:
    """A tile to lay onto garments.

    Args:
        name: for labels and file names.
        tile: uint8 (h, w, 3), seamless.
        repeat: breadth of the tile as a share of the garment's breadth.
        gloss: 0 (matt) to 1 (satin).
    """

    name: str
    tile: np.ndarray
    repeat: float = 0.5
    gloss: float = 0.0


def make_material(text: str) -> Material:
    """A built-in material: "denim", or with colours "stripes:navy/white".

    Raises:
        UsageError: there is no such material or colour, or it takes fewer colours.
    """
    name, _, rest = text.strip().lower().partition(":")
    if name not in FABRICS:
        raise UsageError(f"There is no material {name[:40]!r}.", f"Choose {', '.join(FABRICS)}, or give a picture.")
    _, usual, repeat, gloss = FABRICS[name]
    wished = [parse_colour(part) for part in rest.split("/")] if rest else []
    if len(wished) > len(usual):
        raise UsageError(f"{name} takes {len(usual)} colours, not {len(wished)}.", f"Say {name}:{'/'.join(usual)}.")
    colours = wished + [parse_colour(n) for n in usual[len(wished) :]]
    return Material(text.strip().lower(), _drawn(name, tuple(colours)), repeat, gloss)


@lru_cache(maxsize=32)
def _drawn(name: str, colours: tuple[RGB, ...]) -> np.ndarray:
    """The tile of a built-in material, uint8, not to be written to."""
    tile = FABRICS[name][0](*(np.array(c, np.float32) for c in colours))
    done = np.clip(np.rint(tile), 0, 255).astype(np.uint8)
    done.flags.writeable = False
    return done


def _noise(seed: int, sigma: float, side: int = _SIDE, along: float | None = None) -> np.ndarray:
    """Periodic noise (side, side) of standard deviation 1, smooth over `sigma` px (x) and `along` px (y)."""
    white = np.random.default_rng(seed).standard_normal((side, side)).astype(np.float32)
    f = np.fft.fftfreq(side)
    keep = np.exp(-2 * (np.pi * np.hypot(f[None, :] * sigma, f[:, None] * (sigma if along is None else along))) ** 2)
    smooth = np.fft.ifft2(np.fft.fft2(white) * keep).real
    return (smooth / max(float(smooth.std()), 1e-9)).astype(np.float32)


def _wave(count: int, side: int = _SIDE) -> np.ndarray:
    """(side,): `count` cosine waves, 0..1."""
    return ((1 - np.cos(2 * np.pi * count * (np.arange(side) + 0.5) / side)) / 2).astype(np.float32)


def _mixed(share: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return share[..., None] * second + (1 - share[..., None]) * first


def _shaded(colour: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return colour * factor[..., None]


def _denim(warp: np.ndarray, weft: np.ndarray) -> np.ndarray:
    x, y = np.meshgrid(np.arange(_SIDE), np.arange(_SIDE))
    twill = (1 - np.cos(2 * np.pi * 96 * (x + y) / _SIDE)) / 2  # lines at 45 degrees
    threads = 0.5 + 0.5 * np.tanh(_noise(1, 1.2, along=18.0))
    share = np.clip(0.03 + 0.3 * twill * threads + 0.025 * _noise(2, 40), 0, 0.75)
    return _shaded(np.ones(3, np.float32), 1 + 0.025 * _noise(3, 8, along=20)) * _mixed(share, warp, weft)


def _linen(colour: np.ndarray) -> np.ndarray:
    down, over = _noise(4, 1.1, along=60.0), _noise(5, 60.0, along=1.1)
    weave = _wave(128)[None, :] + _wave(128)[:, None] - 1
    return _shaded(colour, 1 + 0.035 * down + 0.04 * over + 0.05 * weave + 0.015 * _noise(6, 1))


def _rib(colour: np.ndarray) -> np.ndarray:
    rib = _wave(24)
    loops = _wave(72)[:, None]
    slope = np.sin(2 * np.pi * 24 * np.arange(_SIDE) / _SIDE)[None, :]
    stitch = (loops - 0.5) * (0.35 + 0.65 * rib[None, :])
    return _shaded(colour, 0.72 + 0.32 * np.sqrt(rib)[None, :] + 0.07 * stitch + 0.03 * slope)


def _melange(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    yarn = _noise(7, 7.0, along=1.4) + 0.6 * _noise(8, 1.5, along=1.0)
    return _mixed(0.5 + 0.5 * np.tanh(0.8 * yarn), first, second)


def _stripes(ground: np.ndarray, stripe: np.ndarray) -> np.ndarray:
    level = _soft(np.cos(2 * np.pi * 4 * np.arange(_SIDE) / _SIDE) - 0.35, 0.06)
    return _knitted(_mixed(np.repeat(level[:, None], _SIDE, 1), ground, stripe))


def _pinstripes(ground: np.ndarray, stripe: np.ndarray) -> np.ndarray:
    level = 0.8 * _soft(np.cos(2 * np.pi * 12 * np.arange(_SIDE) / _SIDE) - 0.955, 0.02)
    return _knitted(_mixed(np.repeat(level[None, :], _SIDE, 0), ground, stripe))


def _checks(ground: np.ndarray, check: np.ndarray) -> np.ndarray:
    line = _soft(np.cos(2 * np.pi * 6 * np.arange(_SIDE) / _SIDE), 0.06)
    return _knitted(_mixed((line[None, :] + line[:, None]) / 2, ground, check))


def _tartan(ground: np.ndarray, dark: np.ndarray, line: np.ndarray) -> np.ndarray:
    phase = np.arange(_SIDE) * 3 / _SIDE % 1.0
    wide = _soft(0.17 - np.abs(phase - 0.5), 0.01)
    thin = _soft(0.018 - np.abs(phase - 0.06), 0.006) + _soft(0.018 - np.abs(phase - 0.94), 0.006)
    cloth = _mixed((wide[None, :] + wide[:, None]) / 2, ground, dark)
    return _knitted(_mixed((thin[None, :] + thin[:, None]) * 0.5, cloth, np.broadcast_to(line, cloth.shape)))


def _dots(ground: np.ndarray, dot: np.ndarray) -> np.ndarray:
    x, y = np.meshgrid(np.arange(_SIDE) + 0.5, np.arange(_SIDE) + 0.5)
    cell = _SIDE / 5
    distance = np.full((_SIDE, _SIDE), np.inf)
    for shift in (0.0, cell / 2):
        dx, dy = ((v + shift) % cell - cell / 2 for v in (x, y))
        distance = np.minimum(distance, np.hypot(dx, dy))
    return _knitted(_mixed(_soft(cell * 0.17 - distance, 2.0), ground, dot))


def _satin(colour: np.ndarray) -> np.ndarray:
    return _shaded(colour, 1 + 0.012 * _noise(9, 2.0, along=40.0))


def _soft(level: np.ndarray, width: float) -> np.ndarray:
    return np.clip(level / (2 * width) + 0.5, 0, 1).astype(np.float32)


def _knitted(tile: np.ndarray) -> np.ndarray:
    """A trace of yarn, so that flat colours look like cloth."""
    return tile * (1 + 0.02 * _noise(10, 1.3, along=2.2))[..., None]


#: name -> (drawing, colours, repeat, gloss)
FABRICS: dict[str, tuple[Callable[..., np.ndarray], tuple[str, ...], float, float]] = {
    "denim": (_denim, ("#2b3f66", "#b9c4d6"), 0.5, 0.0),
    "linen": (_linen, ("#d9cdb4",), 0.4, 0.0),
    "rib": (_rib, ("#7d2a35",), 0.5, 0.0),
    "melange": (_melange, ("#6e7176", "#a9abae"), 0.35, 0.0),
    "stripes": (_stripes, ("#f3f1ea", "navy"), 0.42, 0.0),
    "pinstripes": (_pinstripes, ("#2c313c", "#c9ccd2"), 0.62, 0.0),
    "checks": (_checks, ("#f4f2ee", "#b3313c"), 0.42, 0.0),
    "tartan": (_tartan, ("#9c2631", "#1d3a34", "#e2c46a"), 0.75, 0.0),
    "dots": (_dots, ("#22305a", "#f3f1ea"), 0.5, 0.0),
    "satin": (_satin, ("#8d1f3c",), 0.5, 1.0),
}


def seamless(picture: np.ndarray, overlap: float = 0.14) -> np.ndarray:
    """A tile from a swatch: as it is if its edges fit already, else with opposite edges faded into each other.

    Args:
        picture: uint8 (H, W, 3).

    Returns:
        uint8 (h, w, 3), smaller by the overlap where edges were faded.
    """
    tile = picture
    for axis in (0, 1):
        rows = np.moveaxis(tile, axis, 0).astype(np.float32)
        seam = float(np.abs(rows[0] - rows[-1]).mean())
        steps = np.abs(np.diff(rows, axis=0)).mean(axis=(1, 2))
        if seam <= 1.5 * float(np.percentile(steps, 90)) + 1.5:
            continue
        n = max(2, round(len(rows) * overlap))
        share = ((np.arange(n) + 0.5) / n)[:, None, None]
        faded = rows[:-n].copy()
        faded[:n] = share * rows[:n] + (1 - share) * rows[-n:]
        tile = np.moveaxis(np.rint(faded).astype(np.uint8), 0, axis)
    return np.ascontiguousarray(tile)


def reduced(tile: np.ndarray, width: int) -> np.ndarray:
    """The tile at most `width` px broad: finer detail than the garment photo has would flicker."""
    if tile.shape[1] <= width:
        return tile
    height = max(2, round(tile.shape[0] * width / tile.shape[1]))
    again = np.tile(tile, (3, 3, 1)) if max(tile.shape) <= 1024 else tile  # averages across the seam as inside
    size = (width * (3 if again is not tile else 1), height * (3 if again is not tile else 1))
    small = cv2.resize(again, size, interpolation=cv2.INTER_AREA)
    return small[height : 2 * height, width : 2 * width] if again is not tile else small

"""Hair, hands and bags in front of the old clothes: how much of each pixel is theirs, and in which colour.

A label map cuts hair off like paper, with the old clothes between its strands, and leaves a rim of them round hands.
Here colours decide at the border: those of the hair farther up against those of the clothes around, and where they
can't, the label map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .body import Body
from .fill import push_pull
from .guided import GuidedFilter
from .masks import dilate, patch, sizeable

#: How far into the hair and into the clothes their border is looked for, shoulder breadths.
INSIDE, OUTSIDE = 0.3, 0.12
#: The same for hands, bags and what else lies in front of clothes.
RIM_INSIDE, RIM_OUTSIDE = 0.05, 0.03
#: Torso lengths from the shoulder line above which no hair lies on clothes.
HIGHEST = -0.3
#: Bins of each Lab channel, and the share of a bin below which its colour is rare.
BINS, RARE = 24, 1e-3
#: Colours never speak more strongly than this, in nats, before `GAIN`; the label map speaks so strongly at the zone's
#: ends.
LOUDEST, SURE, GAIN = 3.0, 3.0, 1.5
#: Where the mean odds of hair and clothes differ by less than the second, colours count less, by the first at least:
#: black hair on a black coat.
LEAST, APART = 0.2, 1.5
#: Sides of the smallest areas of hair, and of hands and bags, that say something, shoulder breadths.
HAIR_LEAST, RIM_LEAST = 0.15, 0.06
#: Skin so near (shoulder breadths) to clothes of at least this chroma has their hue if it is so much nearer to that
#: than the skin farther off (Lab a*, b*).
TINTED, COLOURED, TINT = 0.1, 25.0, 4.0
#: Colours are counted so far round the border, shoulder breadths.
SEEN = 0.8
#: So much round the zone is looked at, too, shoulder breadths.
BESIDE = 0.15
#: Radius (px) and epsilon (colours 0..1) of the guided filter.
RADIUS, EPSILON = 2, 1e-4
#: Where so much of the clothes would be hair, they have its colours: fur.
FUR = 0.3
#: Shares below this are none, and above the rest whole.
FAINT = 0.2

_BIN = (np.arange(256) * BINS // 256).astype(np.uint8)


@dataclass(frozen=True)
class Border:
    """What lies in front of clothes, pixel by pixel, in a part of the canvas.

    Args:
        part: rows and columns of it; all else has its size (h, w).
        zone: bool (h, w), where the border was looked for.
        alpha: float32 (h, w), the share of what lies in front, 0 outside of the zone.
        colour: float32 (h, w, 3) in 0..255, of it alone.
        cleaned: bool (h, w), where that is not the photo's although it is seen whole; None nowhere.
    """

    part: tuple[slice, slice]
    zone: np.ndarray
    alpha: np.ndarray
    colour: np.ndarray
    cleaned: np.ndarray | None = None

    def apart(self, drawn: np.ndarray, unit: float) -> Border:
        """The same, but for where painted arms, bool (H, W), go on in those that are seen; unit: shoulder breadth."""
        near = dilate(drawn[self.part].astype(np.uint8), 2 * RIM_INSIDE * unit) > 0
        near = near if self.cleaned is None else near & ~self.cleaned
        return replace(self, zone=self.zone & ~near, alpha=self.alpha * ~near)

    def lay(
        self,
        plate: np.ndarray,
        filled: np.ndarray,
        keep: np.ndarray,
        edit: np.ndarray,
        skin: np.ndarray,
        garment: np.ndarray,
    ) -> None:
        """Lay it over a filled plate; changes `plate`, `keep`, `edit` and `skin`, in place.

        Args:
            plate: float32 (H, W, 3), with soft edges; filled: the same without what lies in front, defined everywhere.
            keep, edit, skin: float32 (H, W), see `Agnostic`; garment: coverage of the new garment.
        """
        alpha, covered = self.alpha[..., None], garment[self.part][..., None]
        seen = alpha * self.colour + (1 - alpha) * (1 - covered) * filled[self.part]
        shown = 1 - covered * (1 - alpha)  # the garment comes over it by the rest
        under = np.where(shown < 0.01, self.colour, seen / np.maximum(shown, 1e-3))
        changed = self.zone & (self.alpha < 0.98)
        if self.cleaned is not None:
            changed |= self.zone & self.cleaned
        # and beside it, where the garment covers all: what is drawn there would show when the canvas is resampled
        beside = cv2.dilate(self.zone.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        beside &= ~self.zone & (garment[self.part] > 0.98) & (keep[self.part] == 0)
        drawn = np.where(beside[..., None], self.colour, np.clip(under, 0, 255))
        plate[self.part] = np.where((self.zone | beside)[..., None], drawn, plate[self.part])
        keep[self.part] = np.where(self.zone, self.alpha, keep[self.part])
        edit[self.part] = np.maximum(edit[self.part], changed)
        skin[self.part] *= 1 - self.alpha


class Borders:
    """Looks for the borders of what lies in front of clothes that go.

    Args:
        image: uint8 (H, W, 3); clothes: bool (H, W), those that go.
    """

    def __init__(self, image: np.ndarray, clothes: np.ndarray, body: Body) -> None:
        self.image, self.clothes, self.body = image, clothes, body
        self._away = cv2.distanceTransform((~clothes).astype(np.uint8), cv2.DIST_L2, 3)
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        first, second, third = (cv2.LUT(c, _BIN) for c in cv2.split(lab))
        self._bins = (first.astype(np.int32) * BINS + second) * BINS + third

    def hair(self, hair: np.ndarray) -> Border | None:
        """Of hair, bool (H, W), strand by strand; None where it lies on no clothes."""
        first_row = max(round(float(self.body.at(HIGHEST)[1])), 0)
        return self._border(hair, first_row, (INSIDE, OUTSIDE), HAIR_LEAST, 2.0)

    def rim(self, front: np.ndarray) -> Border | None:
        """Of hands or bags, bool (H, W): a label map leaves a rim of the old clothes round them; None where they lie on
        none."""
        return self._border(front, 0, (RIM_INSIDE, RIM_OUTSIDE), RIM_LEAST, 1.0)

    def skin(self, front: np.ndarray) -> Border | None:
        """As `rim`, of arms and hands, bool (H, W): near coloured clothes that go, without what these threw on them."""
        border = self.rim(front)
        if border is None:
            return None
        around = self.image[border.part].astype(np.float32)
        front, away = front[border.part], self._away[border.part]
        reach = TINTED * self.body.breadth
        inner = front & (away > reach)
        if inner.sum() < (RIM_LEAST * self.body.breadth) ** 2:
            return border
        cloth = cv2.cvtColor(around / 255, cv2.COLOR_RGB2LAB)[self.clothes[border.part]]
        hue = np.median(cloth, axis=0)[1:] if len(cloth) else np.zeros(2, np.float32)
        if np.linalg.norm(hue) < COLOURED:
            return border
        lab = cv2.cvtColor(border.colour.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        usual = cv2.cvtColor(push_pull(around, inner.astype(np.float32)) / 255, cv2.COLOR_RGB2LAB)
        towards = hue - np.median(usual[inner], axis=0)[1:]
        towards /= max(float(np.linalg.norm(towards)), 1e-6)
        thrown = np.clip((lab - usual)[..., 1:] @ towards, 0, None) * np.clip(1.5 - away / reach, 0, 1)
        tinted = ((front & (away < reach)) | border.zone) & (thrown > TINT)
        lab[..., 1:] -= thrown[..., None] * towards
        clean = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255)
        colour = np.where(tinted[..., None], clean, border.colour).astype(np.float32)
        alpha = np.where(tinted & ~border.zone, 1, border.alpha).astype(np.float32)
        return replace(border, zone=border.zone | tinted, alpha=alpha, colour=colour, cleaned=tinted)

    def _border(
        self, front: np.ndarray, first_row: int, reach: tuple[float, float], least: float, doubt: float
    ) -> Border | None:
        """The border of what lies in front.

        Args:
            first_row: above it none is looked for.
            reach: how far into the front and into the clothes, and `least` the side of the smallest areas that say
                something, shoulder breadths.
            doubt: how much rather what has the colours of neither is no part of the front; a hand may hold something.
        """
        unit = self.body.breadth
        inward, outward, few = reach[0] * unit, reach[1] * unit, (least * unit) ** 2
        touching = front & (self._away < inward)
        touching[:first_row] = False
        if touching.sum() < 4:
            return None
        around = patch(touching, round(SEEN * unit))
        front, clothes, away, bins = (a[around] for a in (front, self.clothes, self._away, self._bins))
        to_front = cv2.distanceTransform((~front).astype(np.uint8), cv2.DIST_L2, 3)
        zone = (front & (away < inward)) | (clothes & (to_front < outward))
        zone[: max(first_row - around[0].start, 0)] = False
        known = front & ~zone
        if known.sum() < few:  # short hair
            known = front & (away > 0.5 * inward)
        other = clothes & ~zone & (to_front < SEEN * unit)
        if min(zone.sum(), known.sum(), other.sum()) < few:
            return None
        table, seen = _odds(bins[known], bins[other], doubt)
        odds = GAIN * float(np.clip(1 - (APART - seen), LEAST, 1)) * table
        part = patch(zone, round(BESIDE * unit) + 4)
        front, clothes, zone, away, to_front, bins = (a[part] for a in (front, clothes, zone, away, to_front, bins))
        prior = SURE * np.where(front, np.minimum(away / inward, 1), -np.minimum(to_front / outward, 1))
        # what lies beside front and clothes, such as the face, must not draw a line round the front
        alpha = np.where(zone, 1 / (1 + np.exp(-(odds.take(bins) + prior))), ~clothes).astype(np.float32)
        photo = self.image[around][part].astype(np.float32)
        alpha = GuidedFilter(photo / 255, RADIUS, EPSILON)(alpha)
        alpha = np.clip((alpha - FAINT) / (1 - 2 * FAINT), 0, 1) * zone
        if alpha[clothes & zone].sum() > FUR * max(int((clothes & zone).sum()), 1):
            return None
        inner = front & ~zone
        solid = sizeable((alpha > 0.3) | inner, (0.1 * unit) ** 2)  # no crumbs
        alpha *= cv2.dilate(solid.astype(np.uint8), np.ones((3, 3), np.uint8))
        sure = cv2.erode(((alpha > 0.9) | inner).astype(np.uint8), np.ones((3, 3), np.uint8))
        usual = push_pull(photo, sure.astype(np.float32))
        y, x = (cut.start + inside.start for cut, inside in zip(around, part, strict=True))
        whole = (slice(y, y + len(front)), slice(x, x + front.shape[1]))
        return Border(whole, zone, alpha, usual + (photo - usual) * alpha[..., None])


def _odds(front: np.ndarray, other: np.ndarray, doubt: float) -> tuple[np.ndarray, float]:
    """Log odds of each bin's colour being that of the front, minus the log of `doubt` where neither has it: float32
    (BINS ** 3,); and by how much their mean differs between both.

    Args:
        front, other: int (n,), bins of their pixels.
    """
    shares = []
    for bins, floor in ((front, RARE), (other, RARE * doubt)):
        table = np.bincount(bins, minlength=BINS**3).astype(np.float32).reshape(BINS, BINS, BINS)
        for axis in range(3):
            table = 0.5 * table + 0.25 * (np.roll(table, 1, axis) + np.roll(table, -1, axis))
        shares.append(np.log(table.ravel() / max(len(bins), 1) + floor))
    odds = np.clip(shares[0] - shares[1], -LOUDEST, LOUDEST).astype(np.float32)
    return odds, float(odds.take(front).mean() - odds.take(other).mean())

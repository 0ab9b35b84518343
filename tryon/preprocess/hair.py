"""Hair that falls over the old clothes: how much of each pixel is hair, and in which colour.

A label map cuts hair off like paper, with the old clothes between its strands. Here colours decide at its border: those
of the hair farther up against those of the clothes around, and where they can't, the label map.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .body import Body, torso_rows
from .fill import push_pull
from .masks import dilate, patch, sizeable

#: How far into the hair and into the clothes their border is looked for, shoulder breadths.
INSIDE, OUTSIDE = 0.3, 0.12
#: The same for hands, bags and what else lies in front of clothes.
RIM_INSIDE, RIM_OUTSIDE = 0.05, 0.03
#: Torso lengths from the shoulder line above which no hair lies on clothes.
HIGHEST = -0.3
#: Bins of each Lab channel.
BINS = 24
#: Colours never speak more strongly than this, in nats, before `GAIN`; the label map speaks so strongly at the zone's
#: ends.
LOUDEST, SURE, GAIN = 3.0, 3.0, 1.5
#: Where the mean odds of hair and clothes differ by less than the second, colours count less, by the first at least:
#: black hair on a black coat.
LEAST, APART = 0.2, 1.5
#: Radius (px) and epsilon (colours 0..1) of the guided filter.
RADIUS, EPSILON = 2, 1e-4
#: Where so much of the clothes would be hair, they have its colours: fur.
FUR = 0.3
#: Shares below this are none, and above the rest whole.
FAINT = 0.2


@dataclass(frozen=True)
class Strands:
    """Hair over clothes.

    Args:
        zone: bool (h, w), where the hair's border was looked for.
        alpha: float32 (h, w), the share of hair, 0 outside of the zone.
        colour: float32 (h, w, 3) in 0..255, of the hair alone; the photo's outside of the zone.
    """

    zone: np.ndarray
    alpha: np.ndarray
    colour: np.ndarray

    def over(
        self, plate: np.ndarray, filled: np.ndarray, keep: np.ndarray, garment: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lay the strands over a filled plate.

        Args:
            plate: float32 (h, w, 3), with its soft edges; filled: the same without hair, defined everywhere.
            keep: float32 (h, w), see `Agnostic`; garment: float32 (h, w), coverage of the new garment.

        Returns:
            plate, keep, and where the plate was changed, float32 (h, w).
        """
        alpha, covered = self.alpha[..., None], garment[..., None]
        seen = alpha * self.colour + (1 - alpha) * (1 - covered) * filled
        under = seen / np.maximum(1 - covered * (1 - alpha), 1e-3)  # the garment comes over it by 1 - alpha
        under = np.where(covered * (1 - alpha) > 0.99, self.colour, under)
        changed = self.zone & (self.alpha < 0.98)
        plate = np.where(changed[..., None], np.clip(under, 0, 255), plate)
        return plate.astype(np.float32), np.where(self.zone, self.alpha, keep), changed.astype(np.float32)


def _odds(lab: np.ndarray, hair: np.ndarray, clothes: np.ndarray) -> np.ndarray:
    """Log odds of each pixel's colour being the hair's: float32 (h, w). What neither has is rather not."""
    bins = lab.astype(np.intp) * BINS // 256
    flat = (bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2]
    shares = []
    for region, floor in ((hair, 1e-3), (clothes, 2e-3)):
        table = np.bincount(flat[region], minlength=BINS**3).astype(np.float32).reshape(BINS, BINS, BINS)
        for axis in range(3):
            table = 0.5 * table + 0.25 * (np.roll(table, 1, axis) + np.roll(table, -1, axis))
        shares.append(np.log(table.ravel() / max(int(region.sum()), 1) + floor))
    return (shares[0] - shares[1]).take(flat).astype(np.float32)


def _guided(share: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """A guided filter of one map: float32 (h, w).

    Args:
        share: float32 (h, w); picture: float32 (h, w, 3) in [0, 1].

    Source: He et al., "Guided Image Filtering", ECCV 2010.
    """

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (2 * RADIUS + 1,) * 2)

    means, level = mean(picture), mean(share)
    products = mean((picture[..., :, None] * picture[..., None, :]).reshape(*share.shape, 9))
    spread = products.reshape(*share.shape, 3, 3) - means[..., :, None] * means[..., None, :]
    spread += EPSILON * np.eye(3, dtype=np.float32)
    together = mean(picture * share[..., None]) - means * level[..., None]
    slopes = np.linalg.solve(spread, together[..., None])[..., 0]
    offset = level - (slopes * means).sum(-1)
    return (mean(slopes) * picture).sum(-1) + mean(offset)


def strands(image: np.ndarray, hair: np.ndarray, clothes: np.ndarray, body: Body) -> Strands | None:
    """The border of hair on clothes, strand by strand; None where hair lies on none.

    Args:
        image: uint8 (h, w, 3).
        hair: bool (h, w), by the parse; clothes: those that go.
    """
    low = torso_rows(body, hair.shape) > HIGHEST
    return _border(image, hair, clothes, low, body.breadth, (INSIDE, OUTSIDE), 0.15)


def clean_rim(
    image: np.ndarray, front: np.ndarray, clothes: np.ndarray, drawn: np.ndarray, body: Body
) -> Strands | None:
    """The border of hands or bags on clothes, as for `strands`: a label map leaves a rim of the old clothes.

    Args:
        front: bool (h, w), what lies in front of the clothes; drawn: bool (h, w), arms that are painted: where they go on in those that are seen there is no border.
    """
    where = dilate(drawn.astype(np.uint8), 2 * RIM_INSIDE * body.breadth) == 0
    return _border(image, front, clothes, where, body.breadth, (RIM_INSIDE, RIM_OUTSIDE), 0.06)


def _border(
    image: np.ndarray,
    front: np.ndarray,
    clothes: np.ndarray,
    where: np.ndarray,
    unit: float,
    reach: tuple[float, float],
    least: float,
) -> Strands | None:
    """The border of what lies in front of clothes.

    Args:
        front, clothes: bool (h, w); where: bool (h, w), in which it is looked for.
        unit: shoulder breadth, px; reach: into the front and into the clothes, in these.
        least: side of the smallest areas that say something, in these.
    """
    inward, outward = reach[0] * unit, reach[1] * unit
    few = (least * unit) ** 2
    if (front & where).sum() < few or not clothes.any():
        return None
    to_clothes = cv2.distanceTransform((~clothes).astype(np.uint8), cv2.DIST_L2, 5)
    to_front = cv2.distanceTransform((~front).astype(np.uint8), cv2.DIST_L2, 5)
    zone = where & ((front & (to_clothes < inward)) | (clothes & (to_front < outward)))
    known = front & ~zone
    if known.sum() < few:  # short hair
        known = front & (to_clothes > 0.5 * inward)
    other = clothes & ~zone & (to_front < 0.8 * unit)
    if min(zone.sum(), known.sum(), other.sum()) < few:
        return None
    part = patch(zone, 4)
    odds = np.clip(_odds(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), known, other), -LOUDEST, LOUDEST)
    apart = float(odds[known].mean() - odds[other].mean())
    odds = GAIN * float(np.clip(1 - (APART - apart), LEAST, 1)) * odds[part]
    inside, outside = to_clothes[part] / inward, to_front[part] / outward
    prior = SURE * np.where(front[part], np.clip(inside, 0, 1), -np.clip(outside, 0, 1))
    alpha = 1 / (1 + np.exp(-(odds + prior)))
    # what lies beside front and clothes, such as the face, must not draw a line round the front
    alpha = np.where(zone[part], alpha, ~clothes[part]).astype(np.float32)
    photo = image.astype(np.float32)
    alpha = _guided(alpha, photo[part] / 255)
    share = np.zeros(front.shape, np.float32)
    share[part] = np.clip((alpha - FAINT) / (1 - 2 * FAINT), 0, 1)
    share *= zone
    if share[clothes & zone].sum() > FUR * max(int((clothes & zone).sum()), 1):
        return None
    solid = sizeable((share > 0.3) | (front & ~zone), (0.1 * unit) ** 2)  # no crumbs
    share *= cv2.dilate(solid.astype(np.uint8), np.ones((3, 3), np.uint8))
    sure = cv2.erode(((share > 0.9) | (front & ~zone))[part].astype(np.uint8), np.ones((3, 3), np.uint8))
    usual = push_pull(photo[part], sure.astype(np.float32))
    mixed = usual + (photo[part] - usual) * share[part][..., None]
    photo[part] = np.where(zone[part][..., None], mixed, photo[part])
    return Strands(zone, share, photo)

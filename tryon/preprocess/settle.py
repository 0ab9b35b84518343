"""What a parse can't mean: decisions about whole pieces of clothing that the network takes pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np

from ..labels import NUM_LABELS, TORSO_CLOTHING, Label
from ..types import (
    LEFT_ANKLE,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    RIGHT_ANKLE,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
)
from .colours import colour_odds, common_colours, histogram, lab_of
from .masks import is_label, likeliest

#: Pieces of one label smaller than this share of the canvas are noise.
SPECK = 3e-4
#: How much likelier than a dress what shows above the waist must be a top for there to be no dress, and how large a
#: part of the clothing there it must be.
NO_DRESS, SHOWS = 2.5, 0.2
#: Colours in common beyond which tails of a coat can't be told from the clothing below it; see `settle_tails`.
TAILS_ALIKE = 0.9
#: How broad their edge may be, trunk lengths.
TAILS_EDGE = 0.06
#: Of what is said of a bag's piece, clothing must have this share for it to be clothing (a dark piece, for black bags
#: go with black coats), and so many colours in common with the clothing within so many canvas px.
BAG_DOUBT, BAG_DOUBT_DARK, BAG_ALIKE, BAG_BESIDE = 0.2, 0.35, 0.68, 15
#: Mean lightness (0 to 255) of a dark piece.
DARK = 60
#: A dress that is less than this share of the torso's clothing is none.
SCRAPS = 0.15


def settle_skirt(shares: np.ndarray, keypoints: np.ndarray, canvas: np.ndarray | None = None) -> np.ndarray:
    """Decide between the skirt of a dress and a garment of its own once for all below the waist.

    Pixel by pixel the two look the same, so a parse wavers between them. Two things vote: the probabilities, and
    whether the clothing goes on in the same colours above the waist, as it does in nine of ten dresses and one of four
    skirts and trousers. Where what shows above the waist is surely a top, there is no dress.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities on the canvas.
        keypoints: (33, 3), canvas px.
        canvas: uint8 (h, w, 3), for the colours; None lets the probabilities decide alone.

    Returns:
        float32 (NUM_LABELS, h, w): below the waist, DRESS or LOWER has the probability of both.
    """
    shoulders = keypoints[[LEFT_SHOULDER, RIGHT_SHOULDER], 1].mean()
    trunk = keypoints[[LEFT_HIP, RIGHT_HIP], 1].mean() - shoulders
    rows = np.arange(shares.shape[1])[:, None] + 0.5
    below = rows > shoulders + 0.7 * trunk
    labels = likeliest(shares)
    cloth = below & is_label(labels, Label.DRESS, Label.LOWER)
    if not cloth.any():
        return shares
    dress, lower = float(shares[Label.DRESS][cloth].sum()), float(shares[Label.LOWER][cloth].sum())
    vote = float(np.clip(np.log((dress + 1) / (lower + 1)), -3, 3))
    if canvas is not None:
        above = is_label(labels, Label.TOP, Label.DRESS) & (rows > shoulders + 0.1 * trunk)
        above &= rows < shoulders + 0.62 * trunk
        skirt = cloth & (rows > shoulders + 0.85 * trunk) & (rows < shoulders + 1.9 * trunk)
        coat = (labels == Label.OUTERWEAR) & (rows < shoulders + 0.7 * trunk)
        if min(above.sum(), skirt.sum()) >= 60 and above.sum() > 0.12 * coat.sum():
            lab = lab_of(canvas)
            alike = common_colours(histogram(lab, above), histogram(lab, skirt))
            vote += float(np.clip(8 * (alike - 0.86), -2.5, 0.8))
    front = is_label(labels, *TORSO_CLOTHING) & (rows > shoulders + 0.1 * trunk) & (rows < shoulders + 0.62 * trunk)
    top, coat, gown = (float(shares[label][front].sum()) for label in TORSO_CLOTHING)
    if top > NO_DRESS * gown and top > SHOWS * (top + coat):
        vote = -1.0
    wins, yields = (Label.DRESS, Label.LOWER) if vote > 0 else (Label.LOWER, Label.DRESS)
    out = shares.copy()
    out[wins] += below * out[yields]
    out[yields] *= ~below
    return out


def settle_tails(
    shares: np.ndarray, keypoints: np.ndarray, canvas: np.ndarray, upper: Label = Label.OUTERWEAR
) -> np.ndarray:
    """Tails and fronts of a coat that were taken for the garment beside or below them become outerwear.

    What is joined to outerwear, and has the colours of that rather than those of the clothing between the legs farther
    down, is a part of it.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities on the canvas.
        keypoints: (33, 3), canvas px.
        canvas: uint8 (h, w, 3).
        upper: whose tails: OUTERWEAR, or TOP for long shirts.

    Returns:
        float32 (NUM_LABELS, h, w).
    """
    labels = likeliest(shares)
    outer, lower = labels == upper, is_label(labels, Label.LOWER, Label.DRESS)
    shoulders = keypoints[[LEFT_SHOULDER, RIGHT_SHOULDER], 1].mean()
    hips = keypoints[[LEFT_HIP, RIGHT_HIP], 1].mean()
    trunk = float(hips - shoulders)
    rows = np.arange(shares.shape[1])[:, None] + 0.5
    lower &= rows > shoulders + 0.7 * trunk
    near = cv2.dilate(outer.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    dress = (labels == Label.DRESS) & (rows < shoulders + 0.65 * trunk)
    if trunk < 12 or not (lower & near).any():
        return shares
    if upper == Label.TOP and dress.sum() > outer.sum():  # a spot of a dress that looks like a top has no tails
        return shares
    found = np.flatnonzero(lower.any(1))
    legs = np.zeros(outer.shape, np.uint8)
    points = keypoints[[LEFT_HIP, RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE, LEFT_ANKLE, LEFT_KNEE], :2]
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    cv2.fillConvexPoly(legs, np.clip(hull, -4000, 4000), 1)
    coat = cv2.erode(outer.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    coat &= rows > shoulders + 0.35 * trunk
    sure = lower & (legs > 0) & (rows > found[-1] - 0.4 * (found[-1] - found[0]))
    if min(coat.sum(), sure.sum()) < 80:
        return shares
    lab = lab_of(canvas)
    coats, others = histogram(lab, coat), histogram(lab, sure)
    if common_colours(coats, others) > TAILS_ALIKE:
        return shares
    odds = colour_odds(lab, coats, others)
    sharp = np.clip(odds, -3, 3)
    odds = cv2.GaussianBlur(sharp, (0, 0), max(0.04 * trunk, 0.8))
    doubtful = lower | ((labels == Label.DRESS) & (rows > shoulders))  # also the fronts of an open coat
    tails = cv2.morphologyEx((doubtful & (odds > 1)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, pieces = cv2.connectedComponents(tails)
    size = np.bincount(pieces.ravel(), minlength=count)
    joined = np.bincount(pieces[near], minlength=count)
    take = (size > (0.12 * trunk) ** 2) & (joined > 0)
    take[0] = False
    here = take[pieces]
    if here.any():  # and their edge, which the smoothed colours miss
        r = max(round(TAILS_EDGE * trunk), 1)
        beside = cv2.dilate(here.astype(np.uint8), np.ones((2 * r + 1,) * 2, np.uint8)) > 0
        here |= doubtful & beside & (cv2.blur(sharp, (3, 3)) > 0.5)
    out = shares.copy()
    out[upper] += here * (out[Label.LOWER] + out[Label.DRESS])
    out[[Label.LOWER, Label.DRESS]] *= ~here
    return out


def without_islands(shares: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Pieces of the lower garment above the hips that end on clothing of the torso become what is next likely there.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities.
        keypoints: (33, 3), canvas px.

    Returns:
        float32 (NUM_LABELS, h, w).
    """
    hips = float(keypoints[[LEFT_HIP, RIGHT_HIP], 1].mean())
    labels = likeliest(shares)
    high = (labels == Label.LOWER) & (np.arange(labels.shape[0])[:, None] < hips)
    count, pieces = cv2.connectedComponents(high.astype(np.uint8), connectivity=8)
    if count < 2:
        return shares
    above = np.zeros_like(pieces)
    above[2:] = pieces[:-2]
    above[pieces > 0] = 0  # what lies right under a piece
    under = np.bincount(above.ravel(), minlength=count)
    cloth = np.bincount(above[is_label(labels, *TORSO_CLOTHING)], minlength=count)
    islands = cloth > 0.6 * np.maximum(under, 1)
    islands[0] = False
    if not islands.any():
        return shares
    out = shares.copy()
    out[Label.LOWER][islands[pieces]] = 0
    return out


def without_scraps(shares: np.ndarray) -> np.ndarray:
    """Scraps of a dress on other clothes become a top or outerwear, whichever is likelier round them.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities.

    Returns:
        float32 (NUM_LABELS, h, w).
    """
    areas = np.bincount(likeliest(shares).ravel(), minlength=NUM_LABELS)
    if not 0 < areas[Label.DRESS] < SCRAPS * areas[list(TORSO_CLOTHING)].sum():
        return shares
    out = shares.copy()
    side = 2 * round(0.02 * shares.shape[1]) + 1
    outer = cv2.blur(shares[Label.OUTERWEAR], (side, side)) > cv2.blur(shares[Label.TOP], (side, side))
    out[Label.OUTERWEAR] += outer * shares[Label.DRESS]
    out[Label.TOP] += ~outer * shares[Label.DRESS]
    out[Label.DRESS] = 0
    return out


def without_false_bags(shares: np.ndarray, before: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """Pieces of a bag that have the colours of the torso clothing beside them, and of which the network was not sure,
    become a part of it: flaps, cuffs and tails of coats.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities; before: the network's own, the same shape.
        canvas: uint8 (h, w, 3) RGB.

    Returns:
        float32 (NUM_LABELS, h, w).
    """
    labels = likeliest(shares)
    cloth = is_label(labels, *TORSO_CLOTHING)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((labels == Label.BAG).astype(np.uint8))
    if count < 2 or not cloth.any():
        return shares
    torso = before[list(TORSO_CLOTHING)].sum(0)
    bag, worn = (np.bincount(pieces.ravel(), share.ravel(), count) for share in (before[Label.BAG], torso))
    lab, out = lab_of(canvas), shares
    dark = np.bincount(pieces.ravel(), lab[..., 0].ravel(), count) < DARK * np.bincount(pieces.ravel(), minlength=count)
    doubtful = worn > np.where(dark, BAG_DOUBT_DARK, BAG_DOUBT) * (bag + worn)
    for piece in 1 + np.flatnonzero(doubtful[1:]):
        x, y, w, h = stats[piece, :4]
        here = (
            slice(max(y - BAG_BESIDE, 0), y + h + BAG_BESIDE),
            slice(max(x - BAG_BESIDE, 0), x + w + BAG_BESIDE),
        )
        inside = pieces[here] == piece
        near = cv2.dilate(inside.astype(np.uint8), np.ones((2 * BAG_BESIDE + 1,) * 2, np.uint8)) > 0
        near &= cloth[here]
        if near.sum() < 50:
            continue
        if common_colours(histogram(lab[here], inside), histogram(lab[here], near)) > BAG_ALIKE:
            out = out.copy() if out is shares else out
            label = np.bincount(labels[here][near], minlength=NUM_LABELS).argmax()
            part = out[:, *here]
            part[label] += inside * part[Label.BAG]
            part[Label.BAG] *= ~inside
    return out


def suppress_noise(shares: np.ndarray, mask: np.ndarray, larger: float = 1.0) -> np.ndarray:
    """Take away what can't belong to the person: far pieces outside of the person mask, and specks.

    Args:
        shares: float32 (NUM_LABELS, h, w), class probabilities.
        mask: float32 (h, w), the person mask.
        larger: by how much the canvas shows areas larger than one round the whole person.

    Returns:
        float32 (NUM_LABELS, h, w): where something was taken away, the next likely label leads.
    """
    out = shares.copy()
    height, width = mask.shape
    labels = likeliest(shares)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((labels > 0).astype(np.uint8), connectivity=8)
    if count > 2:
        area = stats[:, cv2.CC_STAT_AREA]
        main = 1 + int(np.argmax(area[1:]))
        reach = max(1, round(0.02 * height))
        near = cv2.dilate((pieces == main).astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))
        far = np.bincount(pieces.ravel(), near.ravel(), count) == 0
        far &= np.bincount(pieces.ravel(), mask.ravel(), count) < 0.25 * area
        far[[0, main]] = False
        if far.any():
            here = far[pieces]
            out[:, here] = 0
            out[Label.BACKGROUND, here] = 1
            labels[here] = Label.BACKGROUND
    smallest = SPECK * height * width * larger
    for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=NUM_LABELS)):
        fewest = smallest / 4 if label in (Label.ACCESSORY, Label.SHOES, Label.ARMS) else smallest
        count, pieces, stats, _ = cv2.connectedComponentsWithStats((labels == label).astype(np.uint8), connectivity=8)
        small = stats[:, cv2.CC_STAT_AREA] < fewest
        small[0] = False
        if small.any():
            out[label][small[pieces]] = 0
    return out

"""Which pixels of a photo are the garment that is to be taken, and what hides it.

The parser errs in ways that colours can tell: bare arms called clothing and sleeves called skin, straps of bags called
clothing, a shirt's tail called trousers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from ..errors import GarmentError
from ..geometry import Placement
from ..inputs import edit_window
from ..labels import TORSO_CLOTHING, Label
from ..types import Category, Person
from .arms import arm_mask, hand_mask
from .body import Body, body_from_pose, trunk_mask
from .fill import wide_blur

Layering = Literal["auto", "top", "outer"]

#: Longer side of the canvas on which a garment is measured and sampled, px.
LEAST_SIDE, MOST_SIDE = 512, 1536
#: Log odds of skin against cloth from which on a pixel of an arm changes its label.
SKIN_ODDS, CLOTH_ODDS = 1.0, 1.5
#: Standard deviation of a patterned garment's 8-bit Lab hues.
PATTERNED = 10.0
#: Distance in 8-bit Lab (lightness counts less) beyond which a pixel is no part of a plain garment.
STRANGE = 30.0
_IN_FRONT = (Label.HAIR, Label.ARMS, Label.BAG, Label.ACCESSORY)


class GarmentHidden(GarmentError):
    """Too little of the worn garment is in sight."""

    code = "garment_hidden"


@dataclass(frozen=True)
class Scene:
    """The person on a canvas as fine as the photo.

    Args:
        placement: of the canvas; image: uint8 (h, w, 3); parse: uint8 (h, w); body: in canvas px.
    """

    placement: Placement
    image: np.ndarray
    parse: np.ndarray
    body: Body

    def along(self) -> np.ndarray:
        """Torso lengths below the shoulder line, for each pixel: float32 (h, w)."""
        h, w = self.parse.shape
        yy, xx = np.mgrid[0:h, 0:w].astype(np.float32) + 0.5
        return self.body.along(np.dstack([xx, yy]))

    def shows(self, *labels: Label) -> np.ndarray:
        """Pixels of these labels: bool (h, w)."""
        return is_label(self.parse, labels)


def is_label(parse: np.ndarray, labels: tuple[Label, ...]) -> np.ndarray:
    """Pixels of a label map that have one of the labels: bool, same shape."""
    table = np.zeros(256, bool)
    table[[int(x) for x in labels]] = True
    return table[parse]


def scene_of(person: Person, category: Category = "upper") -> Scene:
    """The canvas round the person's garment, the parse's errors repaired."""
    window = edit_window(person.pose, person.parse, category=category)
    height = int(np.clip(window.height / window.scale, LEAST_SIDE, MOST_SIDE))
    placement = window.resized(height, max(round(height * window.width / window.height), 1))
    image = placement.crop(person.image)
    parse = placement.crop(person.parse, nearest=True, border="zero")
    body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
    scene = Scene(placement, image, parse, body)
    for repair in (arms_by_colour, straps, tails):
        scene = replace(scene, parse=repair(scene))
    return scene


def arms_by_colour(scene: Scene) -> np.ndarray:
    """The parse, uint8 (h, w), with bare arms that were parsed as clothing, and sleeves that were parsed as skin, put
    right by their colours."""
    parse, size = scene.parse, scene.parse.shape
    arms = np.maximum(arm_mask(scene.body, 0, size, 1.4, 0.1), arm_mask(scene.body, 1, size, 1.4, 0.1)) > 0.5
    cloth, skin = scene.shows(*TORSO_CLOTHING), scene.shows(Label.FACE, Label.ARMS)
    trunk = trunk_mask(scene.body, size, 0.75, 0.15, 1.1) > 0.5
    sure = cloth & trunk & ~arms
    sure = sure if sure.sum() > 200 else cloth & trunk
    if skin.sum() < 200 or sure.sum() < 200:
        return parse
    lab = cv2.cvtColor(cv2.GaussianBlur(scene.image, (0, 0), 1.0), cv2.COLOR_RGB2LAB)
    bins = (lab // 16).astype(np.int32) @ np.array([256, 16, 1])
    odds = []
    for known in (scene.shows(Label.FACE) if scene.shows(Label.FACE).sum() > 200 else skin, sure):
        count = np.bincount(bins[known], minlength=4096).reshape(16, 16, 16).astype(np.float32)
        for k in range(3):
            count = 0.5 * count + 0.25 * (np.roll(count, 1, k) + np.roll(count, -1, k))
        odds.append(np.log(count.ravel() / count.sum() + 2e-4)[bins])
    ratio = cv2.GaussianBlur((odds[0] - odds[1]).astype(np.float32), (0, 0), 0.02 * scene.body.breadth)
    out = parse.copy()
    out[cloth & arms & ~trunk & (ratio > SKIN_ODDS)] = int(Label.ARMS)
    sleeve = scene.shows(Label.ARMS) & arms & (ratio < -CLOTH_ODDS) & (odds[1] > np.log(0.005))
    if lab[sure][:, 1:].std(axis=0).max() > PATTERNED:  # which may have the colour of skin
        return out
    for side in (0, 1):
        sleeve &= hand_mask(scene.body, side, size, 1.6) < 0.5
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(sleeve.astype(np.uint8))
    near = cv2.dilate(cloth.astype(np.uint8), np.ones((5, 5))) > 0
    least = (0.15 * scene.body.breadth) ** 2
    for k in np.unique(pieces[near & sleeve]):
        if stats[k, cv2.CC_STAT_AREA] > least:
            labels = parse[cv2.dilate((pieces == k).astype(np.uint8), np.ones((7, 7))).astype(bool) & cloth]
            out[pieces == k] = np.bincount(labels).argmax()
    return out


def straps(scene: Scene) -> np.ndarray:
    """The parse, uint8 (h, w), in which straps and other parts of bags before a plain garment are bag.

    They touch what was parsed as bag and have another colour than the cloth about them.
    """
    bag, breadth = scene.shows(Label.BAG), scene.body.breadth
    out = scene.parse.copy()
    if bag.sum() < (0.15 * breadth) ** 2:
        return out
    lab = cv2.cvtColor(scene.image, cv2.COLOR_RGB2LAB).astype(np.float32)
    r = max(round(0.06 * breadth), 1)
    touch = cv2.dilate(bag.astype(np.uint8), np.ones((2 * r + 1, 2 * r + 1))) > 0
    for labels in (TORSO_CLOTHING, (Label.LOWER,)):
        cloth = scene.shows(*labels)
        weight = wide_blur(cloth.astype(np.float32), 0.3 * breadth)
        local = wide_blur(lab * cloth[..., None], 0.3 * breadth) / np.maximum(weight, 1e-3)[..., None]
        strange = cloth & (np.linalg.norm((lab - local) * [0.35, 1, 1], axis=-1) > STRANGE)
        if not strange.any() or strange.sum() > 0.2 * cloth.sum():  # a pattern
            continue
        joined = cv2.morphologyEx(strange.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5))) > 0
        _, pieces = cv2.connectedComponents(joined.astype(np.uint8))
        mine = np.isin(pieces, np.unique(pieces[touch & joined])) & joined
        out[(cv2.dilate(mine.astype(np.uint8), np.ones((3, 3))) > 0) & cloth] = int(Label.BAG)
    return out


def tails(scene: Scene) -> np.ndarray:
    """The parse, uint8 (h, w), in which what hangs over plain trousers in another colour is a top, not trousers."""
    lower, along = scene.shows(Label.LOWER), scene.along()
    legs = lower & (along > 1.35)
    if legs.sum() < 0.1 * scene.body.length**2:
        return scene.parse
    lab = cv2.cvtColor(cv2.GaussianBlur(scene.image, (0, 0), 1.5), cv2.COLOR_RGB2LAB).astype(np.float32)
    typical = np.median(lab[legs], axis=0)
    apart = np.linalg.norm((lab - typical) * [0.6, 1, 1], axis=-1)
    spread = float(np.percentile(apart[legs], 80))
    if spread > 0.5 * STRANGE:  # a pattern, or hard light
        return scene.parse
    other = (lower & (along < 1.35) & (apart > 1.6 * STRANGE)).astype(np.uint8)
    other = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((5, 5)))
    top = cv2.dilate(scene.shows(Label.TOP, Label.OUTERWEAR).astype(np.uint8), np.ones((9, 9))) > 0
    _, pieces = cv2.connectedComponents(other)
    tail = np.isin(pieces, np.unique(pieces[top & (other > 0)])) & (other > 0)
    if tail.sum() < 0.03 * scene.body.length**2:
        return scene.parse
    tail = cv2.dilate(tail.astype(np.uint8), np.ones((7, 7))) > 0
    return np.where(tail & lower, np.uint8(Label.TOP), scene.parse).astype(np.uint8)


def worn_category(person: Person) -> Category:
    """What covers the torso: "dress" or "upper"."""
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    yy, xx = np.nonzero(is_label(person.parse, TORSO_CLOTHING))
    along = body.along(np.stack([xx, yy], 1).astype(np.float32) + 0.5)
    labels = person.parse[yy, xx][along < 0.9]
    return "dress" if (labels == Label.DRESS).sum() > (labels != Label.DRESS).sum() else "upper"


def _needed(scene: Scene, cloth: np.ndarray, what: str) -> None:
    if cloth.sum() < 0.12 * scene.body.length**2:
        raise GarmentHidden(
            f"The person wears no {what} that could be taken, or hardly any of it is in sight.",
            "Use a photo in which it is seen from the front, or name another category.",
        )


def lower_cloth(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """(cloth, what hides it), bool (h, w), of trousers or a skirt."""
    cloth = is_label(scene.parse, (Label.LOWER,))
    _needed(scene, cloth, "trousers or skirt")
    hides = is_label(scene.parse, (Label.HAIR, Label.ARMS, Label.BAG, Label.ACCESSORY, Label.TOP, Label.OUTERWEAR))
    return cloth, hides


def dress_cloth(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """(cloth, what hides it), bool (h, w), of a dress. Parts of its colour that were parsed as top or skirt belong to
    it."""
    parse = scene.parse
    cloth = is_label(parse, (Label.DRESS,))
    _needed(scene, cloth, "dress")
    lab = cv2.cvtColor(scene.image, cv2.COLOR_RGB2LAB).astype(np.float32)
    typical = np.median(lab[cloth], axis=0)
    along = scene.along()
    for label, low, high in ((Label.TOP, 0.15, 0.6), (Label.LOWER, 1.0, 1.4)):
        part = is_label(parse, (label,))
        if not part.any():
            continue
        rows = (along > low) & (along < high)
        alone = (part & rows).sum() > 1.2 * (cloth & rows).sum()  # a dress has a bodice and a skirt
        like = np.linalg.norm((np.median(lab[part], axis=0) - typical) * [0.4, 1, 1]) < 20
        if like or alone or part.sum() < 0.1 * cloth.sum() or _seamless(lab, part, cloth, scene.body.breadth):
            cloth = cloth | part
    hides = is_label(parse, (Label.HAIR, Label.ARMS, Label.BAG, Label.ACCESSORY, Label.OUTERWEAR)) & ~cloth
    return cloth, hides


def _seamless(lab: np.ndarray, one: np.ndarray, other: np.ndarray, breadth: float) -> bool:
    """Whether two regions have the same colour where they meet, and meet along a good part of the trunk's breadth.

    Args:
        lab: float32 (h, w, 3), 8-bit Lab; one, other: bool (h, w).
    """
    r = max(round(0.06 * breadth), 1)
    disc = np.ones((2 * r + 1, 2 * r + 1), np.uint8)
    here = one & (cv2.dilate(other.astype(np.uint8), disc) > 0)
    there = other & (cv2.dilate(one.astype(np.uint8), disc) > 0)
    if min(here.sum(), there.sum()) < r * 0.4 * breadth:
        return False
    apart = np.abs(np.median(lab[here], axis=0) - np.median(lab[there], axis=0))
    return bool(apart[0] < 30 and np.hypot(apart[1], apart[2]) < 5)  # folds and light differ in lightness


def upper_cloth(scene: Scene, layer: Layering) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """(cloth, what hides it, what an open front shows or None), bool (h, w): of a layer of the torso."""
    parse = scene.parse
    outer, top = is_label(parse, (Label.OUTERWEAR,)), is_label(parse, (Label.TOP,))
    hides = is_label(parse, (Label.HAIR, Label.ARMS, Label.BAG, Label.ACCESSORY))
    dress = is_label(parse, (Label.DRESS,)) & (scene.along() < 0.75)
    if layer == "auto":
        look = outer | top
        _needed(scene, look, "top")
        if outer.sum() > top.sum():  # a jacket, with what it shows of the shirt
            under = is_label(parse, (Label.LOWER, Label.LEGS, Label.FACE)) & ~look
            return look | (dress & _framed(outer)), hides, under
        if outer.sum() < 0.15 * top.sum():  # one garment, parsed as two
            top = look
        return (top | dress if dress.sum() < 0.5 * top.sum() else top), hides | (outer & ~top), None
    cloth, other = (outer, top) if layer == "outer" else (top, outer)
    _needed(scene, cloth, "top" if layer == "top" else "jacket or coat")
    if layer == "top":
        return cloth, hides | other, None
    return cloth, hides, is_label(parse, (Label.TOP, Label.DRESS, Label.LOWER, Label.LEGS, Label.FACE))


def _framed(outer: np.ndarray) -> np.ndarray:
    """Pixels between the left and right end of a row of `outer`: bool (h, w)."""
    left = np.maximum.accumulate(outer, axis=1)
    return np.asarray(left & np.maximum.accumulate(outer[:, ::-1], axis=1)[:, ::-1])

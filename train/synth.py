"""Generator samples, without pairs and with them.

Three kinds, all passed through the very functions that inference uses:

`worn`        the person keeps the own garment. Its texture, shading taken out and outline disturbed, plays the warped
              garment; the photo is the target. An *old* garment is simulated over it (longer sleeves, longer hem,
              wider, higher neck), so the photo gives true supervision for what an old garment would have hidden: bare
              arms, neck, lower garment, background.
`transplant`  a real flat garment is warped onto the person; the target shows it in the light of the worn one. What the
              worn garment really hid has no truth and is marked invalid.
`paired`      the flat garment that the person wears is warped onto them; the photo is the target everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..geometry import Placement
from ..inputs import build_inputs, edit_window, network_input
from ..labels import SKIN, TORSO_CLOTHING, Label
from ..preprocess import agnostic as agnostic_stage
from ..preprocess.arms import arm_mask, arm_stations, hand_mask
from ..preprocess.body import Body, body_from_pose, neck_mask, torso_rows
from ..preprocess.fill import push_pull
from ..preprocess.layers import ROUND
from ..types import Garment, Person

#: Share of the `worn` samples whose old garment is also painted into the photo.
_PAINTED = 0.7


@dataclass(frozen=True)
class Sample:
    """What `samples.encode` takes.

    Args:
        inputs: float32 (C, h, w); target: float32 (3, h, w) in [-1, 1].
        valid, garment_true, skin_true: float32 (h, w) in [0, 1].
        kind: "worn", "transplant" or "paired".
    """

    inputs: np.ndarray
    target: np.ndarray
    valid: np.ndarray
    garment_true: np.ndarray
    skin_true: np.ndarray
    kind: str


@dataclass(frozen=True)
class Ingredients:
    """What goes into samples; taken out for ablations only.

    Args:
        old: a larger old garment is simulated (`simulate_old`); without it the worn one's own outline is erased.
        painted: in `worn` samples most old garments are also painted into the photo, so that remains along their
            outlines get into what the plate is filled with, as they do where a parse errs.
        jitter: joints, colours and window are disturbed, and in `worn` samples the outline of the warped garment.
    """

    old: bool = True
    painted: bool = True
    jitter: bool = True


ALL = Ingredients()


def _labels(parse: np.ndarray, *labels: Label) -> np.ndarray:
    return np.isin(parse, [int(x) for x in labels])


def jitter_person(person: Person, rng: np.random.Generator, light: bool = True) -> Person:
    """Joints disturbed by 1-2 % of the torso; with `light`, colours of the whole photo changed a little."""
    pose = person.pose
    body = body_from_pose(pose.keypoints, pose.world)
    keypoints = pose.keypoints.copy()
    keypoints[:, :2] += rng.normal(0, 0.012 * body.length, (33, 2))
    pose = replace(pose, keypoints=keypoints)
    if not light:
        return replace(person, pose=pose)
    image = person.image.astype(np.float32)
    gain = np.exp(rng.normal(0, 0.09)) * np.exp(rng.normal(0, 0.035, 3))
    image = 255 * (np.clip(image * gain / 255, 0, 1) ** np.exp(rng.normal(0, 0.1)))
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.9))
    return replace(person, image=np.rint(image).astype(np.uint8), pose=pose)


def jitter_window(person: Person, rng: np.random.Generator) -> Placement:
    """The canvas of inference, moved and scaled a little."""
    p = edit_window(person.pose, person.parse if rng.random() < 0.7 else None)
    zoom = float(np.exp(rng.uniform(-0.15, 0.15)))
    w, h = p.width / p.scale, p.height / p.scale
    cx, cy = p.x0 + w / 2 + rng.normal(0, 0.03 * w), p.y0 + h / 2 + rng.normal(0, 0.03 * h)
    return replace(p, x0=cx - w / zoom / 2, y0=cy - h / zoom / 2, scale=p.scale * zoom)


def simulate_old(parse: np.ndarray, body: Body, rng: np.random.Generator) -> np.ndarray:
    """Put another garment's silhouette over what is worn: a parse in which the old garment is larger than the true
    one."""
    size = parse.shape
    old = np.zeros(size, np.float32)
    if rng.random() < 0.75:  # sleeves
        end = float(rng.choice([0.7, 1.3, 2.0, 2.05], p=[0.15, 0.15, 0.35, 0.35]))
        grow = rng.uniform(1.1, 1.9)
        for side in (0, 1):
            if rng.random() < 0.93:
                old = np.maximum(old, arm_mask(body, side, size, grow * rng.uniform(0.9, 1.1), 0.0, end))
    if rng.random() < 0.75:  # body of the garment
        hem = rng.uniform(0.85, 1.75) if rng.random() < 0.8 else rng.uniform(1.7, 2.6)
        top, low = body.chest * rng.uniform(1.0, 1.3), body.chest * rng.uniform(1.0, 1.75)
        v = np.linspace(0.02, hem, 8)
        half = np.interp(v, [0.02, 0.4, hem], [body.chest * 1.05, top, low])
        wave = rng.normal(0, 0.03 * body.chest, (2, 8))
        poly = [body.at(a, -h + n) for a, h, n in zip(v, half, wave[0], strict=True)]
        poly += [body.at(a, h + n) for a, h, n in zip(v, half, wave[1], strict=True)][::-1]
        mask = np.zeros(size, np.uint8)
        cv2.fillPoly(mask, [np.round(np.stack(poly) * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        if rng.random() < 0.3:  # an open front: the middle stays
            middle = np.zeros(size, np.uint8)
            gap = body.chest * rng.uniform(0.1, 0.5)
            strip = np.stack([body.at(0.0, -gap), body.at(0.0, gap), body.at(hem, gap), body.at(hem, -gap)])
            cv2.fillPoly(middle, [np.round(strip * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
            mask[middle > 0] = 0
        old = np.maximum(old, mask)
    if rng.random() < 0.5:  # a collar
        collar = neck_mask(body, size, rng.uniform(1.0, 1.4))
        along = torso_rows(body, size)
        old = np.maximum(old, collar * (along > rng.uniform(-0.3, -0.05)))
    hide = old > 0.5
    hide &= ~_labels(parse, Label.HAIR, Label.BAG, Label.ACCESSORY)
    yy, xx = np.mgrid[0 : size[0], 0 : size[1]]
    chin = body.mouth + (body.mouth - body.nose) * 0.8
    above = ((yy - chin[1]) * body.down[1] + (xx - chin[0]) * body.down[0]) < 0
    hide &= ~(_labels(parse, Label.FACE) & above)
    for side in (0, 1):
        hide &= ~(_labels(parse, Label.ARMS) & (hand_mask(body, side, size, 1.1) > 0.5))
    out = parse.copy()
    out[hide] = int(Label.OUTERWEAR)
    return out


def paint_old(image: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The photo with a simulated old garment of a random colour in it, its outline a little off.

    Args:
        image: uint8 (h, w, 3) canvas; where: bool (h, w), the garment's pixels in the parse.

    Returns:
        uint8 (h, w, 3).
    """
    height, width = where.shape
    size = (height, width)
    shape = _grow(where.astype(np.float32), float(rng.normal(1.5, 2.2)))
    ys, xs = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    amount = float(rng.uniform(4, 8) if rng.random() < 0.12 else rng.uniform(0.3, 2.5))
    field = _smooth_noise(rng, size, float(rng.uniform(12, 40)), amount)
    shape = cv2.remap(shape, xs + field[..., 0], ys + field[..., 1], cv2.INTER_LINEAR)
    alpha = cv2.GaussianBlur(shape, (0, 0), float(rng.uniform(0.6, 1.4)))[..., None]
    lab = np.array([rng.uniform(8, 95), *rng.normal(0, 14, 2)], np.float32)
    folds = _smooth_noise(rng, size, float(rng.uniform(20, 60)), float(rng.uniform(2, 9)))[..., 0]
    folds += _smooth_noise(rng, size, float(rng.uniform(3, 9)), float(rng.uniform(0, 5)))[..., 0]
    cloth = np.empty((*size, 3), np.float32)
    cloth[...] = lab
    cloth[..., 0] = np.clip(cloth[..., 0] + folds, 2, 100)
    cloth = cv2.cvtColor(cloth, cv2.COLOR_LAB2RGB) * 255
    return np.clip(np.rint(image + (cloth - image) * alpha), 0, 255).astype(np.uint8)


def _smooth_noise(rng: np.random.Generator, size: tuple[int, int], cell: float, amount: float) -> np.ndarray:
    """A smooth random field: float32 (h, w, 2)."""
    small = (max(int(size[1] / cell), 2), max(int(size[0] / cell), 2))
    noise = rng.normal(0, amount, (small[1], small[0], 2)).astype(np.float32)
    return cv2.resize(noise, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def _light(image: np.ndarray, mask: np.ndarray, sigma: float) -> np.ndarray:
    """Low-frequency brightness inside a mask relative to its mean: float32 (h, w), 1 outside."""
    lum = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    weight = cv2.GaussianBlur(mask, (0, 0), sigma)
    low = cv2.GaussianBlur(lum * mask, (0, 0), sigma) / np.maximum(weight, 1e-3)
    mean = float((lum * mask).sum() / max(mask.sum(), 1.0))
    rel = np.clip((low + 12) / (mean + 12), 0.4, 2.0)
    return np.where(weight > 0.02, rel, 1.0).astype(np.float32)


def sleeve_ends(mask: np.ndarray, body: Body) -> tuple[float, float]:
    """Where the sleeves of a worn garment end: (left, right), 0 none, 1 elbow, 2 wrist.

    Args:
        mask: float32 (h, w), the garment on the canvas.
    """
    ends, t = [], np.linspace(0.1, 2.1, 41)
    for side in (0, 1):
        points = np.rint(arm_stations(body, side, float(t[0]), float(t[-1]), len(t))[0] - 0.5).astype(int)
        x, y = np.clip(points, 0, [mask.shape[1] - 1, mask.shape[0] - 1]).T
        bare = np.flatnonzero(np.convolve(mask[y, x] < 0.5, np.ones(4, int), mode="valid") == 4)
        end = float(t[bare[0]]) if len(bare) else 2.0
        ends.append(0.0 if end < 0.25 else min(end, 2.0))
    return ends[0], ends[1]


def _placed(person: Person, rng: np.random.Generator, use: Ingredients) -> tuple[Person, Placement]:
    """Person and canvas, disturbed if that is wanted."""
    if not use.jitter:
        return person, edit_window(person.pose, person.parse)
    person = jitter_person(person, rng)
    return person, jitter_window(person, rng)


def _disturbed(
    true: np.ndarray, texture: np.ndarray, rng: np.random.Generator, use: Ingredients
) -> tuple[np.ndarray, np.ndarray]:
    """Mask and texture of a worn garment with the outline that the geometry would give them."""
    if not use.jitter:
        return true, texture
    height, width = true.shape
    size = (height, width)
    grow = float(rng.normal(0, 1.3))
    mask = true if abs(grow) < 0.5 else _grow(true, grow)
    ys, xs = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    field = _smooth_noise(rng, size, float(rng.uniform(14, 40)), float(rng.uniform(0.3, 2.2)))
    mask = cv2.remap(mask, xs + field[..., 0], ys + field[..., 1], cv2.INTER_LINEAR)
    texture = cv2.remap(texture, xs + 0.5 * field[..., 0], ys + 0.5 * field[..., 1], cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        texture = cv2.GaussianBlur(texture, (0, 0), float(rng.uniform(0.3, 0.8)))
    return mask, texture


def worn_sample(person: Person, rng: np.random.Generator, use: Ingredients = ALL) -> Sample | None:
    """A `worn` sample, or None if too little of a torso garment is visible."""
    person, placement = _placed(person, rng, use)
    size = (placement.height, placement.width)
    image = placement.crop(person.image)
    parse = placement.crop(person.parse, nearest=True, border="zero")
    body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
    along = torso_rows(body, size)
    worn = _labels(parse, *TORSO_CLOTHING)
    hem = agnostic_stage.worn_extent(parse, body)[0]
    if _labels(parse, Label.DRESS).any():
        hem = float(rng.uniform(0.8, 1.25)) if hem is None else hem
        worn &= ~(_labels(parse, Label.DRESS) & (along > hem))
        below = _labels(parse, Label.DRESS) & (along > hem)
        parse = np.where(below, np.uint8(Label.LOWER), parse)
    if hem is None or worn.sum() < 0.04 * worn.size:
        return None
    true = cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 1.0)
    core = cv2.erode(worn.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    texture = push_pull(image.astype(np.float32), core)
    flat = _light(image, worn.astype(np.float32), float(rng.uniform(6, 22))) ** float(rng.uniform(0.1, 0.95))
    texture = texture / flat[..., None] * float(np.exp(rng.normal(0, 0.03)))
    mask, texture = _disturbed(true, texture, rng, use)
    depth = cv2.GaussianBlur(mask, (0, 0), max(0.07 * body.breadth, 0.8))
    texture = texture * (1 - ROUND * np.clip(1.0 - depth, 0, 0.5) * 2)[..., None]
    old = simulate_old(parse, body, rng) if use.old else parse
    sleeves = mask * np.maximum(arm_mask(body, 0, size, 1.5), arm_mask(body, 1, size, 1.5))
    ends = sleeve_ends(mask, body)
    shown = paint_old(image, old != parse, rng) if use.painted and rng.random() < _PAINTED else image
    a = agnostic_stage.build(shown, old, body, mask, sleeves, hem, sleeve_end=ends)
    coverage = mask * (1 - a.keep)
    inputs = network_input(a.plate, a.edit, np.clip(texture, 0, 255), coverage, body, a.layout, a.skin)
    target = np.moveaxis(image.astype(np.float32), -1, 0) / 127.5 - 1
    skin = _labels(parse, *SKIN).astype(np.float32)
    return Sample(inputs, target, np.ones(size, np.float32), true * (1 - a.keep), skin, "worn")


def _grow(mask: np.ndarray, px: float) -> np.ndarray:
    r = max(round(abs(px)), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    return cv2.dilate(mask, kernel) if px > 0 else cv2.erode(mask, kernel)


def transplant_sample(
    person: Person, garment: Garment, rng: np.random.Generator, use: Ingredients = ALL
) -> Sample | None:
    """A `transplant` sample: `garment` as it shows when worn (see `preprocess.worn.as_worn`)."""
    person, placement = _placed(person, rng, use)
    parse = placement.crop(person.parse, nearest=True, border="zero")
    body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
    # the photo is true where only the simulated garment lies
    shown = _disguise(person, placement, parse, body, rng) if use.old and rng.random() < 0.7 else person
    x = build_inputs(shown, garment, placement)
    if x.coverage.sum() < 0.03 * x.coverage.size:
        return None
    worn = agnostic_stage.old_garment(parse, body, x.fit.hem)
    light = _light(x.image, worn.astype(np.float32), float(rng.uniform(7, 16))) ** float(rng.uniform(0.4, 0.8))
    light = 1 + (light - 1) * cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 5)
    lit = np.clip(x.warped * light[..., None], 0, 255)
    c = x.coverage[..., None]
    target = x.image * (1 - c) + lit * c
    hidden = cv2.dilate(worn.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    valid = (~hidden | (x.coverage > 0.9)).astype(np.float32)
    skin = _labels(parse, *SKIN) & (x.coverage < 0.1)
    return Sample(
        x.network(), np.moveaxis(target, -1, 0).astype(np.float32) / 127.5 - 1, valid, x.coverage,
        skin.astype(np.float32), "transplant",
    )  # fmt: skip


def _disguise(person: Person, placement: Placement, parse: np.ndarray, body: Body, rng: np.random.Generator) -> Person:
    """The person as if a larger garment were worn (`simulate_old`): only the parse changes."""
    simulated = simulate_old(parse, body, rng)
    height, width = person.image.shape[:2]
    whole = placement.paste_back(simulated, (height, width), nearest=True)
    inside = placement.paste_back(np.ones_like(simulated), (height, width), nearest=True) > 0
    return replace(person, parse=np.where(inside, whole, person.parse))


def paired_sample(person: Person, garment: Garment, rng: np.random.Generator) -> Sample | None:
    """A `paired` sample: `garment`, as it shows when worn, is what the person wears. None if it can't be seen.

    The light is not changed: it would have to change in both photos alike.
    """
    person = jitter_person(person, rng, light=False)
    placement = jitter_window(person, rng)
    parse = placement.crop(person.parse, nearest=True, border="zero")
    body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
    worn = _labels(parse, *TORSO_CLOTHING)
    if worn.sum() < 0.04 * worn.size:
        return None
    shown = _disguise(person, placement, parse, body, rng) if rng.random() < 0.7 else person
    x = build_inputs(shown, garment, placement)
    if x.coverage.sum() < 0.03 * x.coverage.size:
        return None
    target = np.moveaxis(x.image.astype(np.float32), -1, 0) / 127.5 - 1
    shows = cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 1.0) * (1 - x.agnostic.keep)
    skin = _labels(parse, *SKIN).astype(np.float32)
    return Sample(x.network(), target, np.ones(parse.shape, np.float32), shows, skin, "paired")

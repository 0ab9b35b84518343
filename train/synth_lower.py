"""Generator samples of trousers, shorts and skirts, made as `synth` makes those of tops.

`worn`        the person keeps the own lower garment; an *old* one is simulated over it (longer, broader, a skirt over
              trousers), so the photo gives true supervision for legs, shoes and ground that an old garment would hide.
`transplant`  a real flat lower garment is warped onto the person; what the worn one really hid is marked invalid.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from .. import imageio
from ..geometry import Placement
from ..inputs import build_inputs, network_input
from ..labels import SKIN, Label
from ..preprocess import agnostic_lower, legs, lower_body
from ..preprocess.body import Body, body_from_pose
from ..preprocess.fill import push_pull
from ..preprocess.layers import ROUND
from ..preprocess.lower_body import STATIONS, LowerBody
from ..preprocess.worn import as_worn
from ..types import LOWER_LANDMARKS, Garment, Person
from .data_garments import senders
from .synth import Sample, _grow, _labels, _light, _smooth_noise, jitter_person

#: What a simulated old garment may hide.
_UNDER = (Label.BACKGROUND, Label.LEGS, Label.LOWER, Label.DRESS)


def load_lower_garments(data: Path, held_out: set[str], validation: bool = False) -> list[Garment]:
    """The annotated lower garments of senders that are not held out (for validation: that are), as worn."""
    who = senders(data / "garments")
    found = []
    for note in json.loads((data / "garments" / "annotations.json").read_text()):
        if "length" not in note or (who[note["id"]][0] in held_out) != validation:
            continue
        image = imageio.load(data / "garments" / "images" / f"{note['id']}.jpg").image
        mask = imageio.load(data / "garments" / "masks" / f"{note['id']}.png").image[..., 0].astype(np.float32) / 255
        mask = np.clip((cv2.GaussianBlur(mask, (0, 0), 0.8) - 0.55) / 0.4, 0, 1)
        marks = {k: tuple(p) if (p := note["landmarks"].get(k)) else None for k in LOWER_LANDMARKS}
        scores = dict.fromkeys(LOWER_LANDMARKS, 1.0)
        found.append(as_worn(Garment(image, mask, "lower", None, marks, scores, 1.0, length=note["length"])))
    return found


def jitter_window(person: Person, rng: np.random.Generator) -> Placement:
    """The canvas of inference, moved and scaled a little."""
    p = legs.window(person.pose, person.parse if rng.random() < 0.7 else None)
    zoom = float(np.exp(rng.uniform(-0.15, 0.15)))
    w, h = p.width / p.scale, p.height / p.scale
    cx, cy = p.x0 + w / 2 + rng.normal(0, 0.03 * w), p.y0 + h / 2 + rng.normal(0, 0.03 * h)
    return replace(p, x0=cx - w / zoom / 2, y0=cy - h / zoom / 2, scale=p.scale * zoom)


def simulate_old(parse: np.ndarray, body: Body, lower: LowerBody, rng: np.random.Generator) -> np.ndarray:
    """Put another lower garment's silhouette over what is worn: a parse in which the old one is larger than the true
    one: a skirt, or legs that are longer and broader."""
    size = parse.shape
    old = np.zeros(size, np.float32)
    end = float(rng.choice([0.6, 1.0, 1.6, 2.0], p=[0.2, 0.3, 0.15, 0.35]) + rng.uniform(-0.15, 0.08))
    if rng.random() < 0.55:
        hem = float(np.mean([body.along(lower.leg(i, end)) for i in (0, 1)]))
        v = np.linspace(lower.waist, hem, 8)
        low = rng.uniform(1.0, 1.9)
        sides = []
        for i, sign in ((0, -1.0), (1, 1.0)):
            half = np.interp(
                v, [lower.waist, 1.02, hem], [lower.waist_half[i], lower.hip_half[i], low * lower.hip_half[i]]
            )
            half = half * rng.uniform(1.0, 1.12) + rng.normal(0, 0.015 * body.breadth, 8)
            sides.append([body.at(a, sign * x) for a, x in zip(v, half, strict=True)])
        mask = np.zeros(size, np.uint8)
        outline = np.stack([*sides[0], *sides[1][::-1]])
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        old = mask.astype(np.float32)
    else:
        grow = rng.uniform(1.1, 2.0)
        for side in (0, 1):
            old = np.maximum(old, lower.mask(side, size, 0.05, end, grow * rng.uniform(0.93, 1.07)))
    out = parse.copy()
    out[(old > 0.5) & _labels(parse, *_UNDER)] = int(Label.LOWER)
    return out


def _worn_fit(worn: np.ndarray, parse: np.ndarray, body: Body, lower: LowerBody) -> legs.LegFit:
    """Where the worn lower garment lies, in the terms of `legs.fit`.

    Args:
        worn: bool (h, w), its pixels.
    """
    ends = []
    for i in (0, 1):
        x, y = np.clip(np.rint(lower.leg(i, STATIONS) - 0.5).astype(int), 0, [worn.shape[1] - 1, worn.shape[0] - 1]).T
        on = np.flatnonzero(worn[y, x])
        ends.append(float(STATIONS[on[-1]]) if len(on) else 0.3)
    hem = float(np.mean([body.along(lower.leg(i, ends[i])) for i in (0, 1)]))
    middle = np.rint((lower.leg(0, 0.6) + lower.leg(1, 0.6)) / 2 - 0.5).astype(int)
    x, y = np.clip(middle, 0, [worn.shape[1] - 1, worn.shape[0] - 1])
    return legs.LegFit({}, 1.0, hem, (0.0, 0.0), "none", (ends[0], ends[1]), lower.waist, bool(worn[y, x]))


def worn_sample(person: Person, rng: np.random.Generator) -> Sample | None:
    """A `worn` sample, or None if too little of a lower garment is visible."""
    person = jitter_person(person, rng)
    placement = jitter_window(person, rng)
    size = (placement.height, placement.width)
    image = placement.crop(person.image)
    parse = placement.crop(person.parse, nearest=True, border="zero")
    body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
    parse = agnostic_lower.repair(parse, body, placement.crop(person.pose.mask, border="zero"))
    lower = lower_body.measure(parse, body, person.pose.world)
    worn = agnostic_lower.old_garment(parse, body, lower.waist) & ~_labels(parse, Label.ACCESSORY)
    if worn.sum() < 0.03 * worn.size:
        return None
    parse = np.where(worn, np.uint8(Label.LOWER), parse)
    fit = _worn_fit(worn, parse, body, lower)
    texture, mask = _disturbed(image, worn, body, rng)
    old = simulate_old(parse, body, lower, rng)
    colour = agnostic_lower.skin_of_legs(person)
    a = agnostic_lower.build(image, old, body, lower, mask, fit, colour)
    coverage = mask * (1 - a.keep)
    inputs = network_input(a.plate, a.edit, texture, coverage, body, a.layout, a.skin)
    target = np.moveaxis(image.astype(np.float32), -1, 0) / 127.5 - 1
    true = cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 1.0)
    skin = _labels(parse, *SKIN).astype(np.float32)
    return Sample(inputs, target, np.ones(size, np.float32), true * (1 - a.keep), skin, "worn")


def _disturbed(
    image: np.ndarray, worn: np.ndarray, body: Body, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The worn garment as the geometry would give it: texture with its light taken out, in 0..255, and a mask with a
    disturbed outline."""
    true = cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 1.0)
    core = cv2.erode(worn.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    texture = push_pull(image.astype(np.float32), core)
    flat = _light(image, worn.astype(np.float32), float(rng.uniform(6, 22))) ** float(rng.uniform(0.1, 0.95))
    texture = texture / flat[..., None] * float(np.exp(rng.normal(0, 0.03)))
    grow = float(rng.normal(0, 1.3))
    mask = true if abs(grow) < 0.5 else _grow(true, grow)
    height, width = worn.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    field = _smooth_noise(rng, (height, width), float(rng.uniform(14, 40)), float(rng.uniform(0.3, 2.2)))
    mask = cv2.remap(mask, xs + field[..., 0], ys + field[..., 1], cv2.INTER_LINEAR)
    texture = cv2.remap(texture, xs + 0.5 * field[..., 0], ys + 0.5 * field[..., 1], cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        texture = cv2.GaussianBlur(texture, (0, 0), float(rng.uniform(0.3, 0.8)))
    depth = cv2.GaussianBlur(mask, (0, 0), max(0.07 * body.breadth, 0.8))
    texture = texture * (1 - ROUND * np.clip(1.0 - depth, 0, 0.5) * 2)[..., None]
    return np.clip(texture, 0, 255), mask


def transplant_sample(person: Person, garment: Garment, rng: np.random.Generator) -> Sample | None:
    """A `transplant` sample: `garment`, a lower one, as it shows when worn (see `preprocess.worn.as_worn`)."""
    person = jitter_person(person, rng)
    placement = jitter_window(person, rng)
    parse = placement.crop(person.parse, nearest=True, border="zero")
    body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
    shown = person
    if rng.random() < 0.7:  # the photo is true where only the simulated garment lies
        simulated = simulate_old(parse, body, lower_body.measure(parse, body, person.pose.world), rng)
        height, width = person.image.shape[:2]
        size = (height, width)
        whole = placement.paste_back(simulated, size, nearest=True)
        inside = placement.paste_back(np.ones_like(simulated), size, nearest=True) > 0
        shown = replace(person, parse=np.where(inside, whole, person.parse))
    x = build_inputs(shown, garment, placement)
    if x.coverage.sum() < 0.03 * x.coverage.size:
        return None
    worn = agnostic_lower.old_garment(parse, body, getattr(x.fit, "waist", 0.84))
    light = _light(x.image, worn.astype(np.float32), float(rng.uniform(7, 16))) ** float(rng.uniform(0.4, 0.8))
    light = 1 + (light - 1) * cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 5)
    c = x.coverage[..., None]
    target = x.image * (1 - c) + np.clip(x.warped * light[..., None], 0, 255) * c
    hidden = cv2.dilate(worn.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    valid = (~hidden | (x.coverage > 0.9)).astype(np.float32)
    skin = (_labels(parse, *SKIN) & (x.coverage < 0.1)).astype(np.float32)
    target = np.moveaxis(target, -1, 0).astype(np.float32) / 127.5 - 1
    return Sample(x.network(), target, valid, x.coverage, skin, "transplant")

"""Other surroundings behind people and things in front of them, before a sample is rendered.

Both change photo and parse alike and in the truth as well as in the inputs, so nothing about a sample becomes false.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..labels import Label
from ..preprocess.body import body_from_pose
from ..preprocess.fill import push_pull
from ..types import Person

#: Surroundings are filled at this length of the longer side, px: where the other person stood they are smooth anyway.
_FILL_SIDE = 256


def surroundings(person: Person, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A photo without its person: a random part of it, mirrored or not.

    Args:
        size: (H, W) px of the result.

    Returns:
        uint8 (H, W, 3).
    """
    return without(person.image, (person.parse != Label.BACKGROUND) | (person.pose.mask > 0.3), size, rng)


def without(image: np.ndarray, person: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random part of a photo whose person is filled with what surrounds it, mirrored or not.

    Args:
        image: uint8 (h, w, 3).
        person: bool (h, w), where it is.
        size: (H, W) px of the result.

    Returns:
        uint8 (H, W, 3).
    """
    scale = min(1.0, _FILL_SIDE / max(person.shape))
    small = (max(round(person.shape[1] * scale), 1), max(round(person.shape[0] * scale), 1))
    taken = cv2.resize(person.astype(np.uint8), small, interpolation=cv2.INTER_AREA)
    taken = cv2.dilate(taken, np.ones((9, 9), np.uint8)) > 0
    filled = cv2.resize(image, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    filled = push_pull(filled, (~taken).astype(np.float32))
    picture = image.astype(np.float32)
    whole = (picture.shape[1], picture.shape[0])
    share = cv2.resize(cv2.GaussianBlur(taken.astype(np.float32), (0, 0), 2.0), whole)[..., None]
    picture += (cv2.resize(filled, whole) - picture) * np.clip(share * 1.5, 0, 1)
    h, w = picture.shape[:2]
    part = float(rng.uniform(0.6, 1.0)) * min(h / size[0], w / size[1])
    ch, cw = max(int(size[0] * part), 1), max(int(size[1] * part), 1)
    y, x = int(rng.integers(0, h - ch + 1)), int(rng.integers(0, w - cw + 1))
    cut = cv2.resize(picture[y : y + ch, x : x + cw], (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(cut[:, ::-1] if rng.random() < 0.5 else cut), 0, 255).astype(np.uint8)


def swap_background(person: Person, behind: np.ndarray) -> Person:
    """The person in front of `behind`, uint8 (H, W, 3) of the photo's size."""
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    rim = max(0.012 * body.breadth, 0.6)
    inside = ((person.parse != Label.BACKGROUND) | (person.pose.mask > 0.6)).astype(np.float32)
    # half a rim inwards: the old surroundings must not follow the person
    alpha = np.clip((cv2.GaussianBlur(inside, (0, 0), rim) - 0.55) * 3 + 0.4, 0, 1)[..., None]
    image = person.image * alpha + behind * (1 - alpha)
    return replace(person, image=np.rint(image).astype(np.uint8))


def put_in_front(person: Person, texture: np.ndarray, rng: np.random.Generator) -> Person:
    """A bag, a strap or a sheet in front of the torso; its label is BAG, which stays in front of a new garment.

    Args:
        texture: uint8 (h, w, 3), what it is made of; any size.
    """
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    size = person.parse.shape
    shape = np.zeros(size, np.uint8)
    kind = rng.random()
    if kind < 0.4:  # a strap from a shoulder to the other hip
        side = int(rng.integers(2))
        start, end = body.shoulders[side], body.hips[1 - side] + body.down * body.length * rng.uniform(0.0, 0.3)
        width = max(round(body.breadth * float(rng.uniform(0.05, 0.16))), 1)
        cv2.line(shape, _point(start), _point(end), 1, width, cv2.LINE_8)
    else:
        along, aside = rng.uniform(0.3, 1.1), body.breadth * rng.uniform(-0.6, 0.6)
        centre = _point(body.at(float(along), float(aside)))
        half = body.breadth * rng.uniform(0.12, 0.4, 2)
        angle = float(np.degrees(np.arctan2(body.down[0], body.down[1])) + rng.normal(0, 12))
        if kind < 0.7:
            axes = (max(round(float(half[0])), 1), max(round(float(half[1])), 1))
            cv2.ellipse(shape, centre, axes, angle, 0, 360, 1, -1)
        else:
            box = cv2.boxPoints((centre, (2 * float(half[0]), 2 * float(half[1])), angle))
            cv2.fillConvexPoly(shape, np.rint(box).astype(np.int32), 1)
    cloth = cv2.resize(texture, (size[1], size[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    alpha = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), 0.7)[..., None]
    image = person.image * (1 - alpha) + cloth * float(rng.uniform(0.6, 1.1)) * alpha
    parse = np.where(shape > 0, np.uint8(Label.BAG), person.parse)
    return replace(person, image=np.clip(np.rint(image), 0, 255).astype(np.uint8), parse=parse)


def _point(xy: np.ndarray) -> tuple[int, int]:
    return round(float(xy[0])), round(float(xy[1]))

"""Drawn trousers, shorts and skirts for tests, with exact landmarks, and a person who wears a dress or shows half."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from tests import drawn_person
from tryon.labels import Label
from tryon.types import LOWER_LANDMARKS, Garment, Length, Person


def flat_trousers(length: Length = "long", size: int = 300) -> Garment:
    """Trousers or shorts with horizontal stripes 12 px high (blue and red), on a light table."""
    f = size / 300
    end = {"long": 285.0, "knee": 190.0, "short": 150.0}[length]

    def edge(top: float, low: float) -> float:  # straight edges from the crotch (y = 105) to y = 285
        return top + (low - top) * (end - 105) / 180

    out_l, in_l, in_r, out_r = edge(92, 88), edge(150, 138), edge(150, 162), edge(208, 212)
    marks = {
        "waist_left": (105, 20), "waist_right": (195, 20), "hip_left": (92, 105), "hip_right": (208, 105),
        "crotch": (150, 105), "knee_left": (edge(92, 90), (105 + end) / 2),
        "knee_right": (edge(208, 210), (105 + end) / 2), "hem_out_left": (out_l, end), "hem_in_left": (in_l, end),
        "hem_in_right": (in_r, end), "hem_out_right": (out_r, end),
    }  # fmt: skip
    outline = ["waist_left", "hip_left", "hem_out_left", "hem_in_left", "crotch", "hem_in_right", "hem_out_right",
               "hip_right", "waist_right"]  # fmt: skip
    return _drawn(marks, outline, size, f, length)


def flat_skirt(length: Length = "knee", flare: float = 1.6, size: int = 300) -> Garment:
    """A skirt whose hem is `flare` times as broad as its waist; stripes as on the trousers."""
    f = size / 300
    end = {"long": 280.0, "knee": 200.0, "short": 130.0}[length]
    half = 55 * flare
    marks = {
        "waist_left": (95, 20), "waist_right": (205, 20), "hip_left": (150 - half, end), "hip_right": (150 + half, end),
        "hem_out_left": (150 - half, end), "hem_out_right": (150 + half, end),
    }  # fmt: skip
    return _drawn(marks, ["waist_left", "hem_out_left", "hem_out_right", "waist_right"], size, f, length)


def _drawn(marks: dict[str, tuple[float, float]], outline: list[str], size: int, f: float, length: Length) -> Garment:
    mask = np.zeros((size, size), np.uint8)
    points = np.array([marks[k] for k in outline]) * f
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255, cv2.LINE_AA)
    stripes = np.where(
        (np.arange(size) // (12 * f) % 2)[:, None, None] == 0, np.array([30, 60, 160]), np.array([200, 60, 40])
    )
    image = np.where(mask[..., None] > 127, np.broadcast_to(stripes, (size, size, 3)), 225).astype(np.uint8)
    named = {k: (marks[k][0] * f, marks[k][1] * f) if k in marks else None for k in LOWER_LANDMARKS}
    scores = dict.fromkeys(LOWER_LANDMARKS, 1.0)
    return Garment(image, mask.astype(np.float32) / 255, "lower", None, named, scores, 0.95, length=length)


def in_dress(scale: float = 1.0) -> Person:
    """The drawn person in a dress to the knees: top and trousers down to there become one garment, legs are bare."""
    person = drawn_person.person(scale)
    rows = np.arange(person.parse.shape[0])[:, None]
    clothes = np.isin(person.parse, [int(Label.TOP), int(Label.LOWER)])
    parse = np.where(clothes & (rows < 420 * scale), np.uint8(Label.DRESS), person.parse)
    return replace(person, parse=np.where(parse == Label.LOWER, np.uint8(Label.LEGS), parse).astype(np.uint8))


def cropped(person: Person, height: int) -> Person:
    """The upper `height` rows of a photo; the pose goes on below."""
    pose = replace(person.pose, mask=person.pose.mask[:height])
    return replace(person, image=person.image[:height].copy(), parse=person.parse[:height].copy(), pose=pose)

"""Records that pass between the stages. They are validated when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Category = Literal["upper", "lower", "dress"]
Sleeve = Literal["none", "short", "half", "long"]
Length = Literal["short", "knee", "long"]

CATEGORIES: tuple[Category, ...] = ("upper", "lower", "dress")
SLEEVES: tuple[Sleeve, ...] = ("none", "short", "half", "long")
LENGTHS: tuple[Length, ...] = ("short", "knee", "long")

#: Named points of a flat top, dress or coat; "left" is left in the image of the upright garment.
LANDMARKS: tuple[str, ...] = (
    "neck_left",
    "neck_right",
    "neck_front",
    "shoulder_left",
    "shoulder_right",
    "elbow_left",
    "elbow_right",
    "sleeve_out_left",
    "sleeve_out_right",
    "sleeve_in_left",
    "sleeve_in_right",
    "armpit_left",
    "armpit_right",
    "hem_left",
    "hem_right",
)
#: Named points of flat trousers, shorts and skirts. The hips lie on the outline at the height of the crotch (at the
#: widest point of skirts); `crotch` is the top of the gap between the legs and absent on skirts; knees lie on the outer
#: outline at half of the leg; `hem_out` and `hem_in` are the corners of a leg's end (skirts have `hem_out` only).
LOWER_LANDMARKS: tuple[str, ...] = (
    "waist_left",
    "waist_right",
    "hip_left",
    "hip_right",
    "crotch",
    "knee_left",
    "knee_right",
    "hem_out_left",
    "hem_out_right",
    "hem_in_left",
    "hem_in_right",
)

#: MediaPipe pose landmark indices that the project uses. Left/right are the person's own.
NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR, MOUTH_LEFT, MOUTH_RIGHT = 0, 2, 5, 7, 8, 9, 10
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = 11, 12, 13, 14, 15, 16
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = 23, 24, 25, 26, 27, 28


def _check_image(name: str, image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"{name} must be uint8 (H, W, 3) RGB, got {image.dtype} {image.shape}")


@dataclass(frozen=True)
class Pose:
    """One person found in a photo.

    Args:
        keypoints: float32 (33, 3): x px, y px (photo), visibility 0..1, MediaPipe's order.
        world: float32 (33, 3): MediaPipe's metric x, y, z in metres, hips at the origin; z grows away from the camera.
        mask: float32 (H, W) in [0, 1], MediaPipe's person segmentation at photo size.
        box: (x0, y0, x1, y1) photo px, round the visible person (keypoints and mask).
    """

    keypoints: np.ndarray
    world: np.ndarray
    mask: np.ndarray
    box: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        if self.keypoints.shape != (33, 3) or self.world.shape != (33, 3):
            raise ValueError(f"keypoints and world must be (33, 3), got {self.keypoints.shape}, {self.world.shape}")
        if self.mask.ndim != 2:
            raise ValueError(f"mask must be (H, W), got {self.mask.shape}")


@dataclass(frozen=True)
class Notice:
    """Something the user should know about a result. `code` is stable, `message` is for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Person:
    """A person photo, analysed.

    Args:
        image: uint8 (H, W, 3).
        pose: the chosen person.
        parse: uint8 (H, W) at photo size, values of `Label`.
        warnings: what was noticed.
        bare_neck: nothing round the neck is kept, neither a scarf nor what is worn under the garment that goes.
    """

    image: np.ndarray
    pose: Pose
    parse: np.ndarray
    warnings: tuple[Notice, ...] = ()
    bare_neck: bool = False

    def __post_init__(self) -> None:
        _check_image("image", self.image)
        if self.parse.shape != self.image.shape[:2]:
            raise ValueError(f"parse {self.parse.shape} must have the image's size {self.image.shape[:2]}")


@dataclass(frozen=True)
class Garment:
    """A garment photo, analysed.

    Args:
        image: uint8 (H, W, 3).
        mask: float32 (H, W) in [0, 1], the matte (inner collar and hood included, hanger not).
        category: what it is.
        sleeve: its sleeve length (None for `lower`).
        landmarks: name -> (x, y) px in the garment photo, or None where absent. Keys are all of `LANDMARKS`, or of
            `LOWER_LANDMARKS` where the category is `lower`.
        scores: name -> confidence 0..1 of each landmark.
        confidence: 0..1, of the whole analysis.
        open_front: worn open (unbuttoned).
        length: of `lower` (None for the others): ends above, at or below the knee.
        warnings: what was noticed.
        hood: float32 (H, W), the matte of a hood that hangs back; only of garments as worn (`preprocess.worn.as_worn`),
            whose `mask` is without it.
    """

    image: np.ndarray
    mask: np.ndarray
    category: Category
    sleeve: Sleeve | None
    landmarks: dict[str, tuple[float, float] | None]
    scores: dict[str, float]
    confidence: float
    open_front: bool = False
    warnings: tuple[Notice, ...] = field(default=())
    length: Length | None = None
    hood: np.ndarray | None = None

    @property
    def is_skirt(self) -> bool:
        """Whether a `lower` garment has no legs."""
        return self.category == "lower" and self.landmarks.get("crotch") is None

    def __post_init__(self) -> None:
        _check_image("image", self.image)
        if self.mask.shape != self.image.shape[:2]:
            raise ValueError(f"mask {self.mask.shape} must have the image's size {self.image.shape[:2]}")
        if self.category not in CATEGORIES:
            raise ValueError(f"category must be one of {CATEGORIES}, got {self.category!r}")
        unknown = set(self.landmarks) - {*LANDMARKS, *LOWER_LANDMARKS}
        if unknown:
            raise ValueError(f"unknown landmarks {sorted(unknown)}; known are {LANDMARKS + LOWER_LANDMARKS}")

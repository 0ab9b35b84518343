"""Given OpenPose keypoints as a `Pose`: COCO (18) or BODY-25 joints in MediaPipe's order.

What OpenPose does not have is put where it is on average: the mouth between nose and neck, palms and feet beyond wrists
and ankles. Depth is unknown, so the body counts as seen from the front.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..preprocess.pose import person_box
from ..types import Pose

#: MediaPipe index -> name of the joint in `_COCO` and `_BODY25`.
_NAMES = {
    0: "nose", 2: "l_eye", 5: "r_eye", 7: "l_ear", 8: "r_ear", 11: "l_sho", 12: "r_sho", 13: "l_elb", 14: "r_elb",
    15: "l_wri", 16: "r_wri", 23: "l_hip", 24: "r_hip", 25: "l_kne", 26: "r_kne", 27: "l_ank", 28: "r_ank",
}  # fmt: skip
_COCO = "nose neck r_sho r_elb r_wri l_sho l_elb l_wri r_hip r_kne r_ank l_hip l_kne l_ank r_eye l_eye r_ear l_ear"
_BODY25 = (
    "nose neck r_sho r_elb r_wri l_sho l_elb l_wri mid r_hip r_kne r_ank l_hip l_kne l_ank r_eye l_eye r_ear l_ear"
)
_NEEDED = ("nose", "l_sho", "r_sho", "l_elb", "r_elb", "l_wri", "r_wri", "l_hip", "r_hip")
#: DressCode's keypoints are given for a photo of this (height, width).
_DRESS_CODE_SIZE = (512, 384)
_TORSO_METRES = 0.5


def read_joints(path: Path, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Seen joints by name: (3,) x px, y px, confidence. Empty where the file holds no person or can't be read.

    Args:
        path: OpenPose's JSON, or DressCode's ({"keypoints": [[x, y, ?, ?], ...]}).
        size: (H, W) of the photo.
    """
    try:
        record = json.loads(path.read_text())
        if "keypoints" in record:
            table = np.asarray(record["keypoints"], np.float32).reshape(-1, 4)[:, :2]
            scale = np.array([size[1] / _DRESS_CODE_SIZE[1], size[0] / _DRESS_CODE_SIZE[0]], np.float32)
            seen = (table > 0).all(1, keepdims=True).astype(np.float32)
            table = np.concatenate([table * scale, seen], 1)
        else:
            person = record["people"][0]
            flat = person.get("pose_keypoints_2d") or person["pose_keypoints"]
            table = np.asarray(flat, np.float32).reshape(-1, 3)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return {}
    names = (_BODY25 if len(table) > 18 else _COCO).split()
    return {name: row for name, row in zip(names, table, strict=False) if row[2] > 0.05 and np.isfinite(row).all()}


def pose_from_joints(joints: dict[str, np.ndarray], silhouette: np.ndarray) -> Pose | None:
    """A `Pose`, or None where a joint is missing that try-on needs.

    Args:
        joints: see `read_joints`.
        silhouette: float32 (H, W), 1 = the person.
    """
    if any(name not in joints for name in _NEEDED):
        return None
    neck, pelvis = (joints["l_sho"] + joints["r_sho"]) / 2, (joints["l_hip"] + joints["r_hip"]) / 2
    down = (pelvis - neck)[:2]
    if np.linalg.norm(down) < 4:
        return None
    full = dict(joints)
    for side in ("l", "r"):  # legs hang down, eyes and ears sit round the nose
        full.setdefault(f"{side}_kne", _at(full[f"{side}_hip"][:2] + 0.9 * down))
        full.setdefault(f"{side}_ank", _at(full[f"{side}_kne"][:2] + 0.85 * down))
        aside = full[f"{side}_sho"][:2] - neck[:2]
        full.setdefault(f"{side}_eye", _at(full["nose"][:2] + 0.18 * aside - 0.08 * down))
        full.setdefault(f"{side}_ear", _at(full["nose"][:2] + 0.4 * aside - 0.05 * down))
    points = np.zeros((33, 3), np.float32)
    for index, name in _NAMES.items():
        points[index] = full[name]
    for eye, row in (("l_eye", (1, 3)), ("r_eye", (4, 6))):
        points[list(row)] = full[eye]
    for side, mouth in (("l", 9), ("r", 10)):
        points[mouth] = _at(0.72 * full["nose"][:2] + 0.28 * neck[:2] + 0.1 * (full[f"{side}_sho"][:2] - neck[:2]))
    for side, palm, foot in (("l", (17, 19, 21), (29, 31)), ("r", (18, 20, 22), (30, 32))):
        wrist, elbow, ankle = full[f"{side}_wri"], full[f"{side}_elb"], full[f"{side}_ank"]
        points[list(palm)] = _at(wrist[:2] + 0.35 * (wrist - elbow)[:2], float(wrist[2]))
        points[list(foot)] = _at(ankle[:2] + 0.12 * down, float(ankle[2]))
    world = np.zeros((33, 3), np.float32)
    world[:, :2] = (points[:, :2] - pelvis[:2]) * (_TORSO_METRES / float(np.linalg.norm(down)))
    return Pose(points, world, silhouette.astype(np.float32), person_box(points, silhouette))


def _at(point: np.ndarray, confidence: float = 0.3) -> np.ndarray:
    """A guessed joint."""
    return np.array([point[0], point[1], confidence], np.float32)

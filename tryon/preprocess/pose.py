"""Body keypoints and person mask from MediaPipe, behind the only adapter that imports it.

Only the "full" network (`model_complexity=1`) travels inside MediaPipe's wheel; the others would be downloaded at run
time, so they are not offered.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from ..errors import DependencyError
from ..types import Pose

#: Photos are reduced to this longer side, px, before detection: MediaPipe's networks see 224 or 256 px anyway.
MAX_SIDE = 1280
#: Keypoints less visible than this do not count for the box.
VISIBLE = 0.5


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 to the void: MediaPipe's C++ code writes start-up messages that no option turns off."""
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, ValueError, AttributeError):  # no stderr at all
        yield
        return
    void = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(void, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(void)


def _load_mediapipe(solution: str) -> Any:
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        return importlib.import_module(f"mediapipe.python.solutions.{solution}")
    except Exception as error:  # a broken wheel raises ImportError, AttributeError or OSError
        raise DependencyError(
            f"mediapipe can't be imported ({error}).", "Install it with: pip install 'mediapipe>=0.10.14,<0.11'."
        ) from error


class PoseEstimator:
    """Finds the keypoints of one person in a photo. Close it, or use it as a context manager.

    Detection is stateless: the same picture gives the same pose, whatever came before. Calls from several threads are
    served one after the other.

    Args:
        min_confidence: MediaPipe's detection threshold, 0..1.

    Raises:
        DependencyError: mediapipe is missing or broken.
    """

    def __init__(self, min_confidence: float = 0.5) -> None:
        self._lock = threading.Lock()
        self._warm = False
        with _quiet_stderr():
            self._graph: Any = _load_mediapipe("pose").Pose(
                static_image_mode=True,
                model_complexity=1,
                smooth_landmarks=False,
                enable_segmentation=True,
                smooth_segmentation=False,
                min_detection_confidence=min_confidence,
            )

    def detect(self, image: np.ndarray, box: tuple[float, float, float, float] | None = None) -> Pose | None:
        """Find a person.

        Args:
            image: uint8 (H, W, 3) RGB.
            box: look only here, (x0, y0, x1, y1) photo px; None means the whole photo.

        Returns:
            The pose in photo coordinates, or None where no person was found.
        """
        height, width = image.shape[:2]
        x0, y0, x1, y1 = (0, 0, width, height) if box is None else _clip_box(box, width, height)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        window = image[y0:y1, x0:x1]
        reduction = min(1.0, MAX_SIDE / max(window.shape[:2]))
        if reduction < 1.0:
            size = (max(2, round(window.shape[1] * reduction)), max(2, round(window.shape[0] * reduction)))
            window = cv2.resize(window, size, interpolation=cv2.INTER_AREA)
        result = self._process(np.ascontiguousarray(window))
        if result.pose_landmarks is None or result.segmentation_mask is None:
            return None
        scale = np.array([x1 - x0, y1 - y0, 1.0], dtype=np.float32)
        points = np.array([[p.x, p.y, p.visibility] for p in result.pose_landmarks.landmark], dtype=np.float32)
        points = points * scale + np.array([x0, y0, 0.0], dtype=np.float32)
        world = np.array([[p.x, p.y, p.z] for p in result.pose_world_landmarks.landmark], dtype=np.float32)
        if not (np.isfinite(points).all() and np.isfinite(world).all()):
            return None
        small = np.clip(np.nan_to_num(result.segmentation_mask), 0.0, 1.0).astype(np.float32)
        mask = np.zeros((height, width), dtype=np.float32)
        mask[y0:y1, x0:x1] = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        return Pose(points, world, mask, person_box(points, mask))

    def sees_face(self, image: np.ndarray, pose: Pose) -> bool:
        """Whether MediaPipe's face detector finds a face at the head of `pose`: tells people from behind.

        Args:
            image: uint8 (H, W, 3) RGB, the photo of the pose.
        """
        height, width = image.shape[:2]
        points = pose.keypoints[:, :2]
        head = points[:11].mean(axis=0)
        reach = 0.6 * max(
            float(np.linalg.norm(points[11] - points[12])), float(np.linalg.norm(head - points[11:13].mean(0)))
        )
        x0, y0, x1, y1 = _clip_box((head[0] - reach, head[1] - reach, head[0] + reach, head[1] + reach), width, height)
        if x1 - x0 < 8 or y1 - y0 < 8:
            return False
        window = cv2.resize(
            image[y0:y1, x0:x1], (256, round(256 * (y1 - y0) / (x1 - x0))), interpolation=cv2.INTER_AREA
        )
        with self._lock, _quiet_stderr():
            faces = _load_mediapipe("face_detection").FaceDetection(model_selection=0, min_detection_confidence=0.5)
            found = faces.process(np.ascontiguousarray(window)).detections
            faces.close()
        return bool(found)

    def _process(self, window: np.ndarray) -> Any:
        with self._lock:
            if self._graph is None:
                raise RuntimeError("PoseEstimator is closed")
            if self._warm:
                return self._graph.process(window)
            with _quiet_stderr():  # the networks announce themselves on their first use
                result = self._graph.process(window)
            self._warm = result.pose_landmarks is not None
            return result

    def close(self) -> None:
        """Free the networks. Idempotent."""
        with self._lock:
            graph, self._graph = self._graph, None
        if graph is not None:
            graph.close()

    def __enter__(self) -> PoseEstimator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _clip_box(box: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
    x0, x1 = (int(round(min(max(v, 0), width))) for v in (box[0], box[2]))
    y0, y1 = (int(round(min(max(v, 0), height))) for v in (box[1], box[3]))
    return x0, y0, x1, y1


def person_box(keypoints: np.ndarray, mask: np.ndarray) -> tuple[float, float, float, float]:
    """The box round the visible keypoints and the largest piece of the mask, inside of the photo.

    Args:
        keypoints: (33, 3), px and visibility.
        mask: (H, W) in [0, 1].

    Returns:
        (x0, y0, x1, y1) photo px.
    """
    height, width = mask.shape
    corners = []
    seen = keypoints[keypoints[:, 2] > VISIBLE, :2]
    if len(seen):
        corners.append((*seen.min(axis=0), *seen.max(axis=0)))
    count, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8), connectivity=4)
    if count > 1:
        best = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
        corners.append((best[0], best[1], best[0] + best[2], best[1] + best[3]))
    if not corners:
        corners.append((*keypoints[:, :2].min(axis=0), *keypoints[:, :2].max(axis=0)))
    table = np.array(corners, dtype=np.float64)
    x0, y0 = np.clip(table[:, :2].min(axis=0), 0, (width, height))
    x1, y1 = np.clip(table[:, 2:].max(axis=0), 0, (width, height))
    return float(x0), float(y0), float(x1), float(y1)

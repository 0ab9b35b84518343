"""The MediaPipe adapter, on the bundled demo person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tryon.imageio import load
from tryon.preprocess.pose import PoseEstimator, person_box
from tryon.types import LEFT_SHOULDER, NOSE, RIGHT_SHOULDER

PERSON = Path(__file__).resolve().parents[2] / "assets/demo/person.png"


@pytest.fixture(scope="module")
def estimator() -> Iterator[PoseEstimator]:
    with PoseEstimator() as made:
        yield made


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return load(PERSON).image


def test_finds_the_person(estimator: PoseEstimator, image: np.ndarray) -> None:
    before = image.copy()
    pose = estimator.detect(image)
    assert pose is not None
    assert pose.mask.shape == image.shape[:2] and pose.mask.min() >= 0 and pose.mask.max() <= 1
    assert pose.keypoints[LEFT_SHOULDER, 0] > pose.keypoints[RIGHT_SHOULDER, 0], "faces the camera"
    assert pose.keypoints[NOSE, 1] < pose.keypoints[LEFT_SHOULDER, 1]
    x0, y0, x1, y1 = pose.box
    assert 0 <= x0 < x1 <= image.shape[1] and 0 <= y0 < y1 <= image.shape[0]
    assert np.array_equal(image, before)


def test_sees_the_face_and_not_where_there_is_none(estimator: PoseEstimator, image: np.ndarray) -> None:
    pose = estimator.detect(image)
    assert pose is not None
    assert estimator.sees_face(image, pose)
    assert not estimator.sees_face(np.full_like(image, 120), pose)


def test_same_picture_same_pose(estimator: PoseEstimator, image: np.ndarray) -> None:
    first = estimator.detect(image)
    estimator.detect(np.ascontiguousarray(image[:, ::-1]))
    second = estimator.detect(image)
    assert first is not None and second is not None
    assert np.array_equal(first.keypoints, second.keypoints) and np.array_equal(first.mask, second.mask)


def test_a_window_gives_photo_coordinates(estimator: PoseEstimator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    large = np.full((height + 100, width + 300, 3), 128, np.uint8)
    large[60 : 60 + height, 250 : 250 + width] = image
    alone, inside = estimator.detect(image), estimator.detect(large, (250, 60, 250 + width, 60 + height))
    assert alone is not None and inside is not None
    np.testing.assert_allclose(inside.keypoints[:, :2], alone.keypoints[:, :2] + (250, 60), atol=1.0)
    assert inside.mask.shape == large.shape[:2] and inside.mask[:, :250].max() == 0


def test_nobody(estimator: PoseEstimator) -> None:
    assert estimator.detect(np.full((200, 300, 3), 90, np.uint8)) is None
    assert estimator.detect(np.zeros((1, 1, 3), np.uint8)) is None
    assert estimator.detect(np.zeros((64, 64, 3), np.uint8), (70, 70, 80, 80)) is None


def test_silent(capfd: pytest.CaptureFixture[str], image: np.ndarray) -> None:
    with PoseEstimator() as estimator:
        estimator.detect(image)
    assert capfd.readouterr() == ("", "")


def test_closed_estimators_say_so(image: np.ndarray) -> None:
    estimator = PoseEstimator()
    estimator.close()
    estimator.close()
    with pytest.raises(RuntimeError, match="closed"):
        estimator.detect(image)


def test_box_holds_visible_keypoints_and_the_largest_piece() -> None:
    points = np.zeros((33, 3), np.float32)
    points[:2] = [[40, 30, 0.9], [60, 90, 0.9]]
    points[2] = [5, 5, 0.1]  # not seen
    mask = np.zeros((120, 100), np.float32)
    mask[20:100, 50:70] = 1
    mask[0:4, 90:94] = 1  # a crumb elsewhere
    assert person_box(points, mask) == (40, 20, 70, 100)

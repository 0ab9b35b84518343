"""Choice of the person and the typed refusals, with scripted poses and parses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tryon import weights
from tryon.errors import BackView, NoPerson, PersonTooSmall, TorsoOutOfFrame, UsageError
from tryon.imageio import load
from tryon.labels import Label
from tryon.preprocess.person import PersonAnalyser, measure, swap_sides
from tryon.types import LEFT_ELBOW, LEFT_SHOULDER, NOSE, RIGHT_ELBOW, RIGHT_SHOULDER, Pose

SIZE = (400, 300)
PERSON = Path(__file__).resolve().parents[2] / "assets/demo/person.png"

#: Joints of a standing person in shares of a 100 x 300 box: x, y.
_STANDING = {
    0: (0.5, 0.08),
    7: (0.6, 0.08),
    8: (0.4, 0.08),
    11: (0.75, 0.2),
    12: (0.25, 0.2),
    13: (0.85, 0.35),
    14: (0.15, 0.35),
    15: (0.85, 0.48),
    16: (0.15, 0.48),
    23: (0.66, 0.5),
    24: (0.34, 0.5),
    25: (0.64, 0.73),
    26: (0.36, 0.73),
    27: (0.62, 0.95),
    28: (0.38, 0.95),
}


def make_pose(
    x: float = 100, y: float = 50, height: float = 300, *, yaw: float = 0.0, size: tuple[int, int] = SIZE
) -> Pose:
    """A standing person of `height` px whose box begins at (x, y)."""
    width = height / 3
    points = np.zeros((33, 3), np.float32)
    points[:, :2] = (x + 0.5 * width, y + 0.5 * height)
    points[:, 2] = 0.99
    for index, (across, down) in _STANDING.items():
        points[index, :2] = x + across * width, y + down * height
    world = np.zeros((33, 3), np.float32)
    turn = np.radians(yaw)
    for index, sign in ((LEFT_SHOULDER, 1), (RIGHT_SHOULDER, -1)):
        world[index] = 0.17 * sign * np.array([np.cos(turn), 0, np.sin(turn)])
    mask = np.zeros(size, np.float32)
    mask[max(0, int(y)) : int(y + height), max(0, int(x)) : int(x + width)] = 1
    return Pose(points, world, mask, (x, y, x + width, y + height))


class ScriptedPose:
    """Finds the first of its people whose box centre has not been covered by a plain rectangle."""

    def __init__(self, *people: Pose, face: bool = True) -> None:
        self.people, self.face = people, face

    def sees_face(self, image: np.ndarray, pose: Pose) -> bool:
        return self.face

    def detect(self, image: np.ndarray, box: tuple[float, float, float, float] | None = None) -> Pose | None:
        for pose in self.people:
            x, y = int((pose.box[0] + pose.box[2]) / 2), int((pose.box[1] + pose.box[3]) / 2)
            x, y = min(max(x, 0), image.shape[1] - 1), min(max(y, 0), image.shape[0] - 1)
            shown = box is None or (box[0] <= x <= box[2] and box[1] <= y <= box[3])
            if shown and (image[y, x] == 255).all():
                return pose
        return None


class ScriptedParser:
    """A face over hair over a top, where the pose has them."""

    def __init__(self, *, face: bool = True, body: bool = True) -> None:
        self.face, self.body = face, body

    def __call__(self, image: np.ndarray, pose: Pose) -> np.ndarray:
        parse = np.zeros(image.shape[:2], np.uint8)
        if not self.body:
            return parse
        unit = measure(pose).torso
        x, y = pose.keypoints[NOSE, :2]
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        parse[np.hypot(rows - y, columns - x) < 0.25 * unit] = Label.HAIR
        if self.face:
            parse[np.hypot(rows - y, columns - x) < 0.15 * unit] = Label.FACE
        parse[(pose.mask > 0) & (rows > pose.keypoints[LEFT_SHOULDER, 1])] = Label.TOP
        return parse


def picture(*people: Pose, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Grey, with white people."""
    image = np.full((*size, 3), 100, np.uint8)
    for pose in people:
        image[pose.mask > 0] = 255
    return image


def analyser(*people: Pose, face: bool = True, body: bool = True) -> PersonAnalyser:
    return PersonAnalyser(ScriptedPose(*people, face=face), ScriptedParser(face=face, body=body))  # type: ignore[arg-type]


def test_a_plain_person() -> None:
    pose = make_pose()
    image = picture(pose)
    before = image.copy()
    person = analyser(pose)(image)
    assert person.pose is pose and person.warnings == ()
    assert np.array_equal(image, before)


def test_the_larger_person_wins_whoever_was_found_first() -> None:
    passer_by, subject = make_pose(10, 200, 150), make_pose(120, 20, 360)
    image = picture(passer_by, subject)
    person = analyser(passer_by, subject)(image)
    assert person.pose is subject
    assert [notice.code for notice in person.warnings] == ["several_people"]


def test_person_box_chooses_another() -> None:
    passer_by, subject = make_pose(10, 100, 240), make_pose(160, 20, 360)
    image = picture(passer_by, subject)
    assert analyser(subject, passer_by)(image, person_box=(5, 90, 95, 345)).pose is passer_by


@pytest.mark.parametrize("box", [(500, 0, 600, 100), (10, 10, 10, 50), (50, 50, 20, 90), (float("nan"), 0, 9, 9)])
def test_bad_boxes_are_usage_errors(box: tuple[float, float, float, float]) -> None:
    pose = make_pose()
    with pytest.raises(UsageError):
        analyser(pose)(picture(pose), person_box=box)


def test_nobody_in_the_box() -> None:
    pose = make_pose()
    with pytest.raises(NoPerson, match="box"):
        analyser(pose)(picture(pose), person_box=(220, 10, 290, 390))


def test_nobody() -> None:
    with pytest.raises(NoPerson):
        analyser()(picture())


def test_a_pose_without_a_body_is_nobody() -> None:
    pose = make_pose()
    with pytest.raises(NoPerson):
        analyser(pose, body=False)(picture(pose))


def test_a_head_that_the_parse_takes_for_a_hat_is_a_person_if_it_has_a_face() -> None:
    pose = make_pose()
    parser = ScriptedParser()

    def hatted(image: np.ndarray, pose: Pose) -> np.ndarray:
        parse = parser(image, pose)
        return np.where(np.isin(parse, (Label.HAIR, Label.FACE)), np.uint8(Label.ACCESSORY), parse).astype(np.uint8)

    assert PersonAnalyser(ScriptedPose(pose), hatted)(picture(pose)).pose is pose  # type: ignore[arg-type]
    with pytest.raises(NoPerson):
        PersonAnalyser(ScriptedPose(pose, face=False), hatted)(picture(pose))  # type: ignore[arg-type]


def test_too_small() -> None:
    pose = make_pose(100, 100, 80)
    with pytest.raises(PersonTooSmall, match="px"):
        analyser(pose)(picture(pose))


@pytest.mark.parametrize("yaw", [180.0, -170.0, 140.0])
def test_back_view(yaw: float) -> None:
    pose = make_pose(yaw=yaw)
    with pytest.raises(BackView):
        analyser(pose, face=False)(picture(pose))


def test_hair_without_a_face_is_a_back_view() -> None:
    pose = make_pose()
    with pytest.raises(BackView):
        analyser(pose, face=False)(picture(pose))


def test_a_face_on_a_back_means_a_mirrored_pose() -> None:
    pose = make_pose(yaw=180.0)
    person = analyser(pose)(picture(pose))
    assert np.array_equal(person.pose.keypoints[LEFT_ELBOW], pose.keypoints[RIGHT_ELBOW])
    assert [notice.code for notice in person.warnings] == ["pose_uncertain"]


def test_side_views_are_only_noted() -> None:
    pose = make_pose(yaw=85.0)
    assert [notice.code for notice in analyser(pose)(picture(pose)).warnings] == ["side_view"]


@pytest.mark.parametrize(("x", "y", "height"), [(-60, 50, 300), (100, 330, 300), (100, -80, 300), (250, 50, 300)])
def test_torso_out_of_frame(x: float, y: float, height: float) -> None:
    pose = make_pose(x, y, height)
    with pytest.raises(TorsoOutOfFrame):
        analyser(pose)(picture(pose))


def test_half_bodies_are_accepted() -> None:
    pose = make_pose(30, 40, 780)  # the photo ends between waist and hips
    codes = [notice.code for notice in analyser(pose)(picture(pose)).warnings]
    assert codes == ["hips_out_of_frame"]


def test_swapping_sides_twice_is_nothing() -> None:
    pose = make_pose()
    twice = swap_sides(swap_sides(pose))
    assert np.array_equal(twice.keypoints, pose.keypoints) and np.array_equal(twice.world, pose.world)


@pytest.fixture(scope="module")
def whole() -> PersonAnalyser:
    """The real thing: MediaPipe and the shipped parser."""
    return PersonAnalyser()


@pytest.mark.skipif("parser" not in weights.names(), reason="SKIPPED, NOT CHECKED: no parser weights")
class TestDemoPerson:
    def test_the_demo_person_is_accepted(self, whole: PersonAnalyser) -> None:
        person = whole(load(PERSON).image)
        assert [notice.code for notice in person.warnings] == ["hips_out_of_frame"]
        parse = person.parse
        assert np.isin(parse, (Label.TOP, Label.OUTERWEAR, Label.DRESS)).mean() > 0.15
        x, y = person.pose.keypoints[NOSE, :2].astype(int)
        assert parse[y, x] == Label.FACE

    def test_upside_down_is_refused(self, whole: PersonAnalyser) -> None:
        image = np.ascontiguousarray(load(PERSON).image[::-1])
        with pytest.raises((NoPerson, TorsoOutOfFrame, BackView)):
            whole(image)

    def test_noise_is_nobody(self, whole: PersonAnalyser, rng: np.random.Generator) -> None:
        with pytest.raises(NoPerson):
            whole(rng.integers(0, 256, (300, 200, 3), dtype=np.uint8))

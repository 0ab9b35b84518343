"""The person side of a try-on: choose the person in a photo, label it, and refuse what can't be worked with.

MediaPipe finds one person a look. The found person is hidden behind a plain rectangle and the photo looked at again, so
that passers-by are noticed, and so that a passer-by who was found first does not win.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np

from ..errors import BackView, NoPerson, PersonTooSmall, TorsoOutOfFrame, UsageError
from ..labels import TORSO_CLOTHING, Label
from ..types import (
    LEFT_EAR,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NOSE,
    RIGHT_EAR,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Notice,
    Person,
    Pose,
)
from .masks import is_label
from .others import without_others
from .parsing import Parser
from .pose import VISIBLE, PoseEstimator

Box = tuple[float, float, float, float]

#: Neck to pelvis, px: below the first a person can't be dressed, below the second the result will be coarse.
TORSO_TOO_SMALL, TORSO_SMALL = 36.0, 70.0
#: Turn of the shoulders against the camera, degrees.
BACK_YAW, SIDE_YAW = 125.0, 60.0
#: Lean of the trunk against upright, degrees.
LYING = 65.0
#: Share of the trunk's length (from the neck) that must be in the photo.
TRUNK_NEEDED = 0.5
#: Second people as prominent as this share of the first are worth a notice.
RIVAL = 0.3
#: Head pixels that must be face, when the head is in the photo.
FACE_SHARE = 0.05

_BONES = (
    (LEFT_SHOULDER, RIGHT_SHOULDER),
    (LEFT_SHOULDER, LEFT_HIP),
    (RIGHT_SHOULDER, RIGHT_HIP),
    (LEFT_HIP, RIGHT_HIP),
    (LEFT_SHOULDER, LEFT_ELBOW),
    (LEFT_ELBOW, LEFT_WRIST),
    (RIGHT_SHOULDER, RIGHT_ELBOW),
    (RIGHT_ELBOW, RIGHT_WRIST),
    (LEFT_HIP, LEFT_KNEE),
    (RIGHT_HIP, RIGHT_KNEE),
)
_SWAPPED = [i + 1 if i % 2 else i - 1 for i in range(11, 33)]


@dataclass(frozen=True)
class Build:
    """Measures of a pose that the decisions need.

    Args:
        neck, pelvis: (2,) photo px.
        torso: neck to pelvis, px; at least the shoulder breadth (leaning towards the camera foreshortens it).
        yaw: degrees, 0 = facing the camera, 180 = seen from behind.
        lean: degrees between the trunk and image-down.
        on_mask: share of the skeleton inside of the photo that lies on the person mask.
    """

    neck: np.ndarray
    pelvis: np.ndarray
    torso: float
    yaw: float
    lean: float
    on_mask: float


def measure(pose: Pose) -> Build:
    """Measure a pose. Angles come from MediaPipe's metric landmarks, lengths from the photo."""
    points = pose.keypoints[:, :2].astype(np.float64)
    neck = points[[LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=0)
    pelvis = points[[LEFT_HIP, RIGHT_HIP]].mean(axis=0)
    trunk = pelvis - neck
    length = float(np.linalg.norm(trunk))
    breadth = float(np.linalg.norm(points[LEFT_SHOULDER] - points[RIGHT_SHOULDER]))
    across = pose.world[LEFT_SHOULDER] - pose.world[RIGHT_SHOULDER]
    yaw = abs(float(np.degrees(np.arctan2(across[2], across[0]))))
    lean = abs(float(np.degrees(np.arctan2(trunk[0], trunk[1]))))
    return Build(neck, pelvis, max(length, breadth), yaw, lean, _on_mask(pose))


def _on_mask(pose: Pose) -> float:
    """Share of points along the bones, as far as they lie in the photo, that are on the person mask."""
    height, width = pose.mask.shape
    steps = np.linspace(0, 1, 9)[:, None]
    points = np.concatenate(
        [(1 - steps) * pose.keypoints[a, :2] + steps * pose.keypoints[b, :2] for a, b in _BONES]
    ).astype(int)
    inside = (points >= 0).all(axis=1) & (points[:, 0] < width) & (points[:, 1] < height)
    points = points[inside]
    return float((pose.mask[points[:, 1], points[:, 0]] > 0.5).mean()) if len(points) else 0.0


def _plausible(pose: Pose | None) -> bool:
    """Whether a pose may be a person at all: its skeleton lies on its own mask."""
    if pose is None:
        return False
    build = measure(pose)
    return build.on_mask > 0.5 and build.torso > 8


class PersonAnalyser:
    """Person photo -> `Person`. Holds the pose estimator and the parser; they are made on first use.

    Args:
        pose, parser: to share instances; None makes them.
    """

    def __init__(self, pose: PoseEstimator | None = None, parser: Parser | None = None) -> None:
        self._pose, self._parser = pose, parser
        self._lock = threading.Lock()

    @property
    def pose(self) -> PoseEstimator:
        with self._lock:
            if self._pose is None:
                self._pose = PoseEstimator()
            return self._pose

    @property
    def parser(self) -> Parser:
        with self._lock:
            if self._parser is None:
                self._parser = Parser()
            return self._parser

    def __call__(self, image: np.ndarray, *, person_box: Box | None = None) -> Person:
        """Analyse a photo.

        Args:
            image: uint8 (H, W, 3) RGB, upright.
            person_box: (x0, y0, x1, y1) photo px round the person to dress; None takes the most prominent one.

        Raises:
            NoPerson, BackView, TorsoOutOfFrame, PersonTooSmall: the photo can't be used.
            UsageError: `person_box` lies outside of the photo.
        """
        pose, others, notices = self._choose(image, person_box)
        build = measure(pose)
        _check_size_and_frame(build, pose, _size(image))
        parse = without_others(self.parser(image, pose), pose, others)
        if build.yaw > BACK_YAW:
            if self.pose.sees_face(image, pose):  # a face and a back to the camera at once: the pose is mirrored
                pose = swap_sides(pose)
                build = measure(pose)
                notices.append(Notice("pose_uncertain", "The pose was hard to read; check the sleeves."))
            elif (parse != Label.BACKGROUND).sum() > 0.3 * build.torso**2:
                raise _back_view()
        if not _has_clothes(parse, build) or not (_has_skin(parse, build) or self.pose.sees_face(image, pose)):
            raise _nobody()
        if build.torso < TORSO_SMALL and build.yaw < SIDE_YAW and not self.pose.sees_face(image, pose):
            raise _nobody()  # few pixels fool the parser; a front view of a person has a face
        face = face_share(parse, build, pose)
        if build.yaw > BACK_YAW or (face is not None and face < FACE_SHARE):
            raise _back_view()
        notices += _notices(build, pose, _size(image))
        return Person(image, pose, parse, tuple(notices))

    def _choose(self, image: np.ndarray, person_box: Box | None) -> tuple[Pose, list[Pose], list[Notice]]:
        """The person to dress, the other people, and what is worth saying about them."""
        if person_box is not None:
            pose = self.pose.detect(image, _grow(_checked_box(person_box, _size(image)), 0.1))
            if pose is None or not _plausible(pose):
                raise NoPerson("No person found in the given box.", "Give a box round one whole person.")
            others = [p for p in self.find_people(image) if _overlap(p.box, pose.box) < 0.5]
            return pose, others, []
        people = self.find_people(image)
        if not people:
            raise _nobody()
        rivals = [p for p in people[1:] if prominence(p, _size(image)) > RIVAL * prominence(people[0], _size(image))]
        notices = []
        if rivals:
            count = len(rivals) + 1
            notices.append(
                Notice(
                    "several_people", f"{count} people found; dressing the most prominent. Choose with --person-box."
                )
            )
        return people[0], people[1:], notices

    def find_people(self, image: np.ndarray, most: int = 3) -> list[Pose]:
        """Up to `most` people, the most prominent first."""
        people: list[Pose] = []
        rest = image
        for _ in range(most):
            pose = self.pose.detect(rest)
            if pose is None and not people:
                pose = self._look_closer(image)
            if pose is None:
                break
            if rest is not image:  # look again without the rectangles, which may cut the person
                fresh = self.pose.detect(image, _grow(pose.box, 0.15))
                if fresh is not None and _plausible(fresh) and _overlap(fresh.box, pose.box) > 0.5:
                    pose = fresh
            if _plausible(pose) and all(_overlap(pose.box, other.box) < 0.6 for other in people):
                people.append(pose)
            rest = _hide(rest, pose.box)
        return sorted(people, key=lambda p: -prominence(p, _size(image)))

    def _look_closer(self, image: np.ndarray) -> Pose | None:
        """Where the whole photo shows nobody: three overlapping windows along the longer side, then the middle."""
        height, width = _size(image)
        boxes: list[Box] = []
        for start in (0.2, 0.0, 0.4):
            if width > height:
                boxes.append((start * width, 0, (start + 0.6) * width, height))
            else:
                boxes.append((0, start * height, width, (start + 0.6) * height))
        boxes.append((0.15 * width, 0.0, 0.85 * width, height))
        for box in boxes:
            pose = self.pose.detect(image, box)
            if pose is not None and _plausible(pose):
                # Look once more round what was found: the window may have cut the person.
                wider = self.pose.detect(image, _grow(pose.box, 0.3))
                return wider if wider is not None and _plausible(wider) else pose
        return None


def prominence(pose: Pose, photo_size: tuple[int, int]) -> float:
    """How much a person is the subject: size of the trunk, less for the margins of the photo."""
    height, width = photo_size
    build = measure(pose)
    centre = (build.neck + build.pelvis) / 2
    aside = abs(centre[0] / width - 0.5) * 2
    return build.torso / max(height, width) * (1 - 0.4 * min(aside, 1.0))


def swap_sides(pose: Pose) -> Pose:
    """The same pose with the body's left and right exchanged (the face keeps its sides)."""
    keypoints, world = pose.keypoints.copy(), pose.world.copy()
    keypoints[11:], world[11:] = pose.keypoints[_SWAPPED], pose.world[_SWAPPED]
    return replace(pose, keypoints=keypoints, world=world)


def face_share(parse: np.ndarray, build: Build, pose: Pose) -> float | None:
    """FACE among the FACE and HAIR pixels of the head, or None where the head is not (wholly) in the photo."""
    height, width = parse.shape
    head = pose.keypoints[[NOSE, LEFT_EAR, RIGHT_EAR], :2].mean(axis=0)
    if not (0 <= head[0] < width and 0 <= head[1] < height):
        return None
    reach = 0.45 * build.torso
    x0, x1 = int(max(0, head[0] - reach)), int(min(width, head[0] + reach + 1))
    y0, y1 = int(max(0, head[1] - reach)), int(min(height, head[1] + 0.5 * reach + 1))
    window = parse[y0:y1, x0:x1]
    face, hair = int((window == Label.FACE).sum()), int((window == Label.HAIR).sum())
    if face + hair < 0.01 * build.torso**2:
        return None
    return face / (face + hair)


def _nobody() -> NoPerson:
    return NoPerson("No person found in the photo.", "Use a photo of one person, upright, from head to hips.")


def _back_view() -> BackView:
    return BackView("The person is seen from behind.", "Use a photo taken from the front.")


def _check_size_and_frame(build: Build, pose: Pose, photo_size: tuple[int, int]) -> None:
    height, width = photo_size
    if build.torso < TORSO_TOO_SMALL:
        raise PersonTooSmall(
            f"The person is too small (trunk {build.torso:.0f} px high, at least {TORSO_TOO_SMALL:.0f} needed).",
            "Use a larger photo, or one taken from nearer.",
        )
    if build.lean > LYING:
        raise NoPerson("No upright person found in the photo.", "Turn the photo so that the person stands upright.")
    slack = 0.06 * build.torso
    shoulders = pose.keypoints[[LEFT_SHOULDER, RIGHT_SHOULDER], :2]
    middle = build.neck + TRUNK_NEEDED * (build.pelvis - build.neck)
    points = np.concatenate([shoulders, middle[None]])
    low, high = points.min(axis=0), points.max(axis=0)
    if low[0] < -slack or low[1] < -slack or high[0] > width + slack or high[1] > height + slack:
        raise TorsoOutOfFrame(
            "The shoulders or the waist of the person are outside of the photo.",
            "Use a photo that shows the person from the head to the hips.",
        )


def _has_skin(parse: np.ndarray, build: Build) -> bool:
    """Whether the parse shows skin or hair of somebody of this size."""
    return int(is_label(parse, Label.FACE, Label.ARMS, Label.HAIR).sum()) >= 0.03 * build.torso**2


def _has_clothes(parse: np.ndarray, build: Build) -> bool:
    """Whether the parse shows clothes on the trunk of somebody of this size."""
    return int(is_label(parse, *TORSO_CLOTHING).sum()) >= 0.05 * build.torso**2


def _notices(build: Build, pose: Pose, photo_size: tuple[int, int]) -> list[Notice]:
    height, _ = photo_size
    out = []
    if build.torso < TORSO_SMALL:
        out.append(Notice("small_person", "The person is small in the photo; the result will be coarse."))
    if build.yaw > SIDE_YAW:
        out.append(Notice("side_view", "The person is seen from the side; front views work best."))
    if pose.keypoints[[LEFT_HIP, RIGHT_HIP], 1].max() > height:
        out.append(Notice("hips_out_of_frame", "The hips are outside of the photo; the garment ends at its edge."))
    if pose.keypoints[NOSE, 1] < 0:
        out.append(Notice("head_out_of_frame", "The head is outside of the photo."))
    if build.lean > 35:
        out.append(Notice("leaning", "The person leans strongly; upright people work best."))
    if pose.keypoints[[LEFT_SHOULDER, RIGHT_SHOULDER], 2].min() < VISIBLE:
        out.append(Notice("pose_uncertain", "A shoulder is hidden; check the sleeves."))
    return out


def _checked_box(box: Box, photo_size: tuple[int, int]) -> Box:
    height, width = photo_size
    values = np.asarray(box, dtype=np.float64)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise UsageError("The person box must be four numbers: x0,y0,x1,y1.", "They are pixels of the photo.")
    x0, y0, x1, y1 = (float(v) for v in values)
    if x1 - x0 < 8 or y1 - y0 < 8 or x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
        raise UsageError(
            f"The person box {x0:.0f},{y0:.0f},{x1:.0f},{y1:.0f} lies outside of the photo or is empty.",
            f"Give x0,y0,x1,y1 inside of 0,0,{width},{height}.",
        )
    return x0, y0, x1, y1


def _size(image: np.ndarray) -> tuple[int, int]:
    return int(image.shape[0]), int(image.shape[1])


def _grow(box: Box, share: float) -> Box:
    dx, dy = share * (box[2] - box[0]), share * (box[3] - box[1])
    return box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / union if union > 0 else 0.0


def _hide(image: np.ndarray, box: Box) -> np.ndarray:
    """A copy with `box` covered from top to bottom by the photo's mean colour."""
    out = image.copy()
    grown = _grow(box, 0.08)
    columns = slice(max(0, int(grown[0])), max(0, int(np.ceil(grown[2]))))
    out[:, columns] = image[::4, ::4].reshape(-1, 3).mean(axis=0).astype(np.uint8)
    return out


_shared = PersonAnalyser()


def analyse_person(image: np.ndarray, *, person_box: Box | None = None) -> Person:
    """`PersonAnalyser` with one instance shared by the process."""
    return _shared(image, person_box=person_box)

"""Human parsing at run time: photo + pose -> label map, by ONNX Runtime.

Training draws its inputs by the same function, `input_planes`, on the same canvas, `person_canvas`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .. import weights
from ..geometry import Placement
from ..labels import NUM_LABELS, Label
from ..types import (
    LEFT_ANKLE,
    LEFT_EAR,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NOSE,
    RIGHT_ANKLE,
    RIGHT_EAR,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Pose,
)
from .refine import refine
from .settle import (
    settle_skirt,
    settle_tails,
    suppress_noise,
    without_false_bags,
    without_islands,
    without_scraps,
)

if TYPE_CHECKING:
    import onnxruntime

#: Input channels of the parser, in order. Values are 0..255.
PLANES = ("red", "green", "blue", "head", "torso", "arms", "hands", "legs", "feet", "person")
#: Canvas of the parser, (height, width) px.
PARSE_CANVAS = (384, 288)
#: Share of the person's box added on each side.
MARGIN = 0.06

_LINES: dict[str, tuple[tuple[int, int], ...]] = {
    "head": ((LEFT_EAR, NOSE), (NOSE, RIGHT_EAR), (9, 10)),
    "torso": (
        (LEFT_SHOULDER, RIGHT_SHOULDER),
        (RIGHT_SHOULDER, RIGHT_HIP),
        (RIGHT_HIP, LEFT_HIP),
        (LEFT_HIP, LEFT_SHOULDER),
    ),
    "arms": (
        (LEFT_SHOULDER, LEFT_ELBOW),
        (LEFT_ELBOW, LEFT_WRIST),
        (RIGHT_SHOULDER, RIGHT_ELBOW),
        (RIGHT_ELBOW, RIGHT_WRIST),
    ),
    "hands": ((LEFT_WRIST, 19), (LEFT_WRIST, 21), (RIGHT_WRIST, 20), (RIGHT_WRIST, 22)),
    "legs": ((LEFT_HIP, LEFT_KNEE), (LEFT_KNEE, LEFT_ANKLE), (RIGHT_HIP, RIGHT_KNEE), (RIGHT_KNEE, RIGHT_ANKLE)),
    "feet": ((29, 31), (30, 32)),
}
#: The canvas reaches at least this many trunk lengths down from the top of the person. Half bodies would otherwise be
#: shown twice as large as the whole ones that the network learned from, and lose clothes to the background.
REACH = 2.8
#: The label map is computed at this many pixels at most and then enlarged: there is no finer detail in it.
MAX_PIXELS = 1_500_000
#: Borders of labels are smoothed over so many canvas px to both sides.
SMOOTH = 1.8
#: A closer look is worth its time where it shows the trunk at least this much larger.
CLOSER = 1.25
#: Share of its height over which the closer look fades at its border.
BORDER = 0.12
#: Weight of the closer look against the one at the whole person.
CLOSE_WEIGHT = 0.6
_SHIFT = 3  # cv2's fixed-point bits, for sub-pixel lines


def person_canvas(box: tuple[float, float, float, float], size: tuple[int, int] = PARSE_CANVAS) -> Placement:
    """The window round a person that the parser sees.

    Args:
        box: (x0, y0, x1, y1) of the person.
        size: (height, width) of the canvas, px.
    """
    return Placement.around(box, size, MARGIN)


def run_time_box(pose: Pose) -> tuple[float, float, float, float]:
    """The box that the parser's canvas is laid round: the person's, and for half bodies the room below them."""
    points = pose.keypoints[:, :2].astype(np.float64)
    shoulders, hips = points[[LEFT_SHOULDER, RIGHT_SHOULDER]], points[[LEFT_HIP, RIGHT_HIP]]
    breadth, length = np.linalg.norm(shoulders[0] - shoulders[1]), np.linalg.norm(shoulders.mean(0) - hips.mean(0))
    x0, y0, x1, y1 = pose.box
    trunk = max(float(breadth), float(length))
    reach = REACH * min(trunk, 2.0 * max(pose.mask.shape))
    return x0, y0, x1, max(y1, y0 + reach)


def close_box(keypoints: np.ndarray) -> tuple[float, float, float, float] | None:
    """What the parser's closer look shows: from the head to the thighs, arms included as far as they are near.

    Args:
        keypoints: (33, 3) px.

    Returns:
        (x0, y0, x1, y1) px, or None where shoulders and hips (nearly) coincide.
    """
    points = np.asarray(keypoints, np.float64)[:, :2]
    shoulders, hips = points[[LEFT_SHOULDER, RIGHT_SHOULDER]], points[[LEFT_HIP, RIGHT_HIP]]
    neck, pelvis = shoulders.mean(0), hips.mean(0)
    unit = max(float(np.linalg.norm(pelvis - neck)), float(np.linalg.norm(shoulders[0] - shoulders[1])))
    if unit < 8:
        return None
    limbs = np.concatenate([shoulders, hips, points[[LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST]]])
    limbs = limbs[np.abs(limbs[:, 0] - neck[0]) < 1.5 * unit]
    x0, x1 = limbs[:, 0].min() - 0.25 * unit, limbs[:, 0].max() + 0.25 * unit
    return float(x0), float(neck[1] - 0.8 * unit), float(x1), float(pelvis[1] + 0.7 * unit)


def pose_planes(keypoints: np.ndarray, height: int, width: int) -> np.ndarray:
    """Draw the skeleton, one plane a body part.

    Args:
        keypoints: (33, 3) canvas px and visibility; a line is as bright as its less visible end (at least a fifth).

    Returns:
        uint8 (height, width, 6).
    """
    thickness = max(1, round(height / 64))
    blur = 2 * max(1, round(height / 96)) + 1
    limit = 4 * max(height, width)
    points = np.clip(keypoints[:, :2], -limit, limit)
    fixed = np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int64)
    light = 51 + np.rint(204 * np.clip(keypoints[:, 2], 0, 1)).astype(int)
    planes = np.zeros((height, width, len(_LINES)), np.uint8)
    for number, lines in enumerate(_LINES.values()):
        plane = np.zeros((height, width), np.uint8)
        for a, b in sorted(lines, key=lambda line: min(light[line[0]], light[line[1]])):
            start, end = (int(fixed[a, 0]), int(fixed[a, 1])), (int(fixed[b, 0]), int(fixed[b, 1]))
            cv2.line(plane, start, end, int(min(light[a], light[b])), thickness, cv2.LINE_8, _SHIFT)
        planes[..., number] = cv2.blur(plane, (blur, blur))
    return planes


def input_planes(canvas: np.ndarray, keypoints: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Everything the parser sees, for training and for run time alike.

    Args:
        canvas: uint8 (h, w, 3) RGB, the person canvas.
        keypoints: (33, 3) canvas px and visibility.
        mask: uint8 (h, w), the person mask * 255 on the canvas.

    Returns:
        uint8 (h, w, 10), channels as in `PLANES`.
    """
    height, width = canvas.shape[:2]
    return np.concatenate([canvas, pose_planes(keypoints, height, width), mask[..., None]], axis=2)


class Parser:
    """Labels the pixels of one person.

    Args:
        session: an ONNX Runtime session of the parser; None loads the shipped weights.
        close: the network of the closer look; None takes the shipped one where `session` is None, or else `session`.
            Two networks that were trained apart err in different places.
        mirror: average with the parse of the mirrored photo: .002 more IoU for twice the time.
        closer: look a second time, at trunk and arms, where that shows them larger.

    Raises:
        WeightsError: the shipped weights are missing or damaged.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession | None = None,
        close: onnxruntime.InferenceSession | None = None,
        *,
        mirror: bool = False,
        closer: bool = True,
    ) -> None:
        self._session = weights.session("parser") if session is None else session
        if close is None and session is None and closer and weights.together("parser", "parser_close"):
            close = weights.session("parser_close")
        self._close = self._session if close is None else close
        entry = self._session.get_inputs()[0]
        self._input: str = entry.name
        self.canvas: tuple[int, int] = (int(entry.shape[2]), int(entry.shape[3]))
        self._mirror, self.closer = mirror, closer

    def shares(self, image: np.ndarray, pose: Pose) -> tuple[np.ndarray, Placement]:
        """Class probabilities on the person canvas.

        Args:
            image: uint8 (H, W, 3) RGB photo.
            pose: the person, photo px.

        Returns:
            float32 (NUM_LABELS, h, w) and the canvas' placement in the photo.
        """
        place = person_canvas(run_time_box(pose), self.canvas)
        return self._look(image, pose, place, self._session), place

    def _look(
        self, image: np.ndarray, pose: Pose, place: Placement, network: onnxruntime.InferenceSession
    ) -> np.ndarray:
        """Class probabilities on a canvas: float32 (NUM_LABELS, h, w)."""
        mask = np.rint(place.crop(pose.mask, border="zero") * 255).astype(np.uint8)
        planes = input_planes(place.crop(image), place.to_canvas(pose.keypoints), mask)
        batch = np.ascontiguousarray(planes.transpose(2, 0, 1)[None], dtype=np.float32)
        out = network.run(None, {self._input: batch})[0]
        if self._mirror:  # the planes know no left or right, so mirroring them is enough
            mirrored = network.run(None, {self._input: np.ascontiguousarray(batch[..., ::-1])})[0]
            out = 0.5 * (out + mirrored[..., ::-1])
        return out[0]

    def __call__(self, image: np.ndarray, pose: Pose) -> np.ndarray:
        """Label map of the person at photo size.

        Args:
            image: uint8 (H, W, 3) RGB photo.
            pose: the person, photo px.

        Returns:
            uint8 (H, W), values of `Label`; other people are background.
        """
        shares, place = self.shares(image, pose)
        size = (image.shape[0], image.shape[1])
        keypoints, canvas = place.to_canvas(pose.keypoints), place.crop(image)
        whole = settle_tails(settle_skirt(shares, keypoints, canvas), keypoints, canvas)
        whole = settle_tails(whole, keypoints, canvas, Label.TOP)
        mask = place.crop(pose.mask, border="zero")
        whole = suppress_noise(without_islands(whole, keypoints), mask)
        closer = self._closer(pose, place)
        below = 0 if closer is None else int(place.to_canvas(np.array(closer.box)[None, 2:])[0, 1])
        fitted = without_scraps(refine(whole, canvas, int(np.clip(below, 0, place.height))))
        fitted = without_false_bags(fitted, whole, canvas)
        parse = spread_labels(suppress_noise(fitted, mask), place, size)
        if closer is not None:
            keypoints, canvas = closer.to_canvas(pose.keypoints), closer.crop(image)
            mask, larger = closer.crop(pose.mask, border="zero"), (closer.scale / place.scale) ** 2
            fine = join_looks(whole, shares, place, self._look(image, pose, closer, self._close), closer)
            fine = suppress_noise(settle_tails(fine, keypoints, canvas), mask, larger)
            fine = without_islands(fine, keypoints)
            fine = without_false_bags(without_scraps(refine(fine, canvas)), fine, canvas)
            fine = suppress_noise(without_islands(fine, keypoints), mask, larger)  # the colours make some of their own
            parse = spread_labels(fine, closer, size, parse)
        return parse

    def _closer(self, pose: Pose, place: Placement) -> Placement | None:
        """Where a second look shows more, or None."""
        box = close_box(pose.keypoints) if self.closer else None
        if box is None:
            return None
        found = person_canvas(box, self.canvas)
        return found if found.scale > CLOSER * place.scale else None


def join_looks(
    whole: np.ndarray, seen: np.ndarray, place: Placement, close: np.ndarray, closer: Placement
) -> np.ndarray:
    """One opinion from the look at the whole person and the closer one.

    The closer one knows outlines better, the other one what is what: a skirt from a dress, the tails of a coat.

    Args:
        whole: float32 (NUM_LABELS, h, w) on the canvas `place`, with its decisions (`settle_skirt`, `settle_tails`);
            seen: the same before these.
        close: float32 (NUM_LABELS, h, w) on the canvas `closer`.

    Returns:
        float32 (NUM_LABELS, h, w) on the canvas `closer`.
    """
    ratio = closer.scale / place.scale
    x0, y0 = (closer.x0 - place.x0) * place.scale, (closer.y0 - place.y0) * place.scale
    window = Placement(x0, y0, ratio, closer.height, closer.width)

    def there(share: np.ndarray) -> np.ndarray:
        return window.crop(share)

    far = np.stack([there(share) for share in whole])
    tails = {u: there(np.maximum(whole[u] - seen[u], 0)) > 0.2 for u in (Label.OUTERWEAR, Label.TOP)}
    weight = CLOSE_WEIGHT * _inner(closer.height, closer.width)
    out = weight * close + (1 - weight) * far
    cloth = out[Label.DRESS] + out[Label.LOWER]
    decided = far[Label.DRESS] + far[Label.LOWER]
    dress = np.where(
        decided > 0.05, far[Label.DRESS] / np.maximum(decided, 1e-6), out[Label.DRESS] / np.maximum(cloth, 1e-6)
    )
    out[Label.DRESS], out[Label.LOWER] = cloth * dress, cloth * (1 - dress)
    for upper, here in tails.items():
        out[upper] += here * (out[Label.DRESS] + out[Label.LOWER])
        out[[Label.DRESS, Label.LOWER]] *= ~here
    return out


def _inner(height: int, width: int) -> np.ndarray:
    """How much the closer look counts: 1 inside, falling to 0 towards its border, where it lacks what lies beyond:
    float32 (height, width)."""
    y, x = (np.minimum(np.arange(n) + 0.5, n - 0.5 - np.arange(n)) for n in (height, width))
    return np.clip(np.minimum(y[:, None], x[None]) / (BORDER * height), 0, 1).astype(np.float32)


def spread_labels(
    shares: np.ndarray, place: Placement, photo_size: tuple[int, int], under: np.ndarray | None = None
) -> np.ndarray:
    """Most likely label at photo size.

    Args:
        shares: float32 (NUM_LABELS, h, w) on the canvas `place`.
        photo_size: (H, W).
        under: uint8 (H, W), the labels outside of the canvas; None = background.
    """
    height, width = photo_size
    parse = np.full(photo_size, Label.BACKGROUND, np.uint8) if under is None else under.copy()
    # only the part of the photo that the canvas shows, and at most MAX_PIXELS of it
    x0, y0, x1, y1 = place.box
    left, top = max(0, round(x0)), max(0, round(y0))
    w, h = min(width, round(x1)) - left, min(height, round(y1)) - top
    if w < 1 or h < 1:
        return parse
    factor = min(1.0, (MAX_PIXELS / (height * width)) ** 0.5)
    size = (max(1, round(h * factor)), max(1, round(w * factor)))
    inner = Placement(
        (place.x0 - left) * factor, (place.y0 - top) * factor, place.scale / factor, place.height, place.width
    )
    best = inner.paste_back(shares[Label.BACKGROUND], size, linear=True)
    labels = np.full(size, Label.BACKGROUND, np.uint8)
    for label in range(1, NUM_LABELS):
        if shares[label].max() * NUM_LABELS < 1:  # is nowhere the likeliest
            continue
        share = inner.paste_back(shares[label], size, linear=True)
        higher = cv2.compare(share, best, cv2.CMP_GT)
        cv2.max(labels, cv2.bitwise_and(higher, label), dst=labels)
        cv2.max(best, share, dst=best)
    labels = cv2.medianBlur(labels, 2 * int(np.clip(round(SMOOTH / inner.scale), 1, 3)) + 1)
    if size != (h, w):
        labels = cv2.resize(labels, (w, h), interpolation=cv2.INTER_NEAREST)
    parse[top : top + h, left : left + w] = labels
    return parse

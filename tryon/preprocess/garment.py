"""From a photo of a flat or hanging garment to a `Garment`: matte, landmarks, category, lengths.

The network looks twice: at the whole photo, to find the garment and which way up it lies, and at a view cut to the
garment and turned upright. Points and mattes are always given in the photo's own pixels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast

import cv2
import numpy as np

from .. import weights
from ..errors import NotAGarment, UnsupportedCategory, UsageError
from ..types import CATEGORIES, LANDMARKS, LOWER_LANDMARKS, SLEEVES, Category, Garment, Length, Notice, Sleeve
from .gaps import open_gaps
from .landmarks import ATTRIBUTES, MIRROR, expected_landmarks, expected_lower
from .looks import Look, place_by_outline
from .matte import largest_part, part_sizes, refine_matte, settle_matte
from .sleeves import measured, measured_class
from .turtleneck import settle_turtleneck
from .views import PAD, View, frame_points

#: The matte is fitted to the edges at this length of the photo's longer side at most, px.
WORK_SIDE = 800
#: Free share of the second view on each side of the garment.
MARGIN = 0.06
#: Turns beyond this are undone before the last look, degrees.
DESKEW = 7.0
#: A share of the category probabilities that real garments hardly ever give to anything else.
MAYBE = 0.3
#: Confidence below which a photo is refused: always, and if the thing runs over the photo's edge.
REFUSE, REFUSE_CUT_OFF = 0.28, 0.42
#: Tops are shorter than this many breadths (96 of 100 annotated ones), dresses longer (31 of 32). How much that counts
#: in the log odds of a dress against a top.
DRESS_RATIO, LENGTH_WEIGHT = 1.8, 4.0
#: Probability of a length below which it is called uncertain.
UNSURE = 0.55
_LOOKS = ("a top or a dress", "trousers or a skirt")  # by "is lower"
_FLAT = "Photograph one garment from above, lying flat or on a hanger, whole in the picture."


class ShowsPerson(NotAGarment):
    """The photo shows somebody, perhaps wearing the garment (see `unwarp.taken_from`)."""


def _shows_person() -> ShowsPerson:
    return ShowsPerson("The garment photo shows a person, not a single garment.", _FLAT)


class GarmentAnalyser:
    """Analyses garment photos; holds the network, so make it once.

    Args:
        session: an ONNX Runtime session of the garment network; by default the shipped one.
        threads: of the shipped one.
    """

    def __init__(self, session: Any = None, threads: int | None = None) -> None:
        self._session = session
        self._threads = threads

    @property
    def session(self) -> Any:
        if self._session is None:
            self._session = weights.session("garment", threads=self._threads)
        return self._session

    def __call__(
        self,
        image: np.ndarray,
        alpha: np.ndarray | None = None,
        category: Literal["auto"] | Category = "auto",
        *,
        alone: bool = False,
    ) -> Garment:
        """Analyse a photo.

        Args:
            image: uint8 (H, W, 3).
            alpha: float32 (H, W) in [0, 1] of a picture with transparency; a real cut-out is taken as the matte.
            category: "auto", or what the caller knows it to be.
            alone: nobody is in the photo, whatever the first look says.

        Raises:
            NotAGarment: the photo can't be used; the message says what to do.
            UnsupportedCategory: it shows something else than the given category, and can't pass for that.
        """
        if category != "auto" and category not in CATEGORIES:
            raise UsageError(f"Unknown category {category!r}.", f"Choose one of: auto, {', '.join(CATEGORIES)}.")
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"image must be uint8 (H, W, 3) RGB, got {image.dtype} {image.shape}")
        cut_out = cut_out_mask(alpha, (image.shape[0], image.shape[1]))
        work, scale = _reduce(image)
        _check_not_blank(work, cut_out)
        first = self._first_look(work, cut_out, scale)
        if cut_out is None and not alone and first.attributes["category"][ATTRIBUTES["category"].index("person")] > 0.5:
            raise _shows_person()
        look, probability = self._second_look(work, first)
        if alone:
            first, look = _without_person(first), _without_person(look)
        found = _check_category(first, look, category)
        mask_work = probability if cut_out is not None else refine_matte(work, settle_matte(work, probability))
        if cut_out is not None:
            mask = cut_out
        else:
            size = (image.shape[1], image.shape[0])
            mask = (
                mask_work if scale == 1 else np.clip(cv2.resize(mask_work, size, interpolation=cv2.INTER_LINEAR), 0, 1)
            )
        if not (mask > 0.5).any():
            raise NotAGarment("No garment was found in the garment photo.", _FLAT)
        return _assemble(image, mask, look, first, found, scale, category, cut_out)

    def look(self, images: list[np.ndarray], views: list[View], mirror: bool = False) -> list[Look]:
        """Run the network on views (uint8, VIEW square); with `mirror`, on their mirror images too, averaged."""
        stack = list(images) + ([image[:, ::-1] for image in images] if mirror else [])
        batch = np.stack(stack).astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
        matte, maps, *rest = self.session.run(None, {"image": np.ascontiguousarray(batch)})
        looks, count = [], len(images)
        for i, view in enumerate(views):
            m, h, attributes = matte[i, 0], maps[i], dict(zip(ATTRIBUTES, [r[i] for r in rest], strict=True))
            if mirror:
                j = count + i
                m = (m + matte[j, 0][:, ::-1]) / 2
                h = (h + maps[j][list(MIRROR)][:, :, ::-1]) / 2
                attributes = {name: (attributes[name] + r[j]) / 2 for name, r in zip(ATTRIBUTES, rest, strict=True)}
            looks.append(Look(view, m, h, attributes))
        return looks

    def _first_look(self, work: np.ndarray, cut_out: np.ndarray | None, scale: float) -> Look:
        """The whole photo (or the cut-out's box), turned by quarters until the network calls it upright."""
        points = frame_points(*work.shape[:2])
        if cut_out is not None:
            rows, cols = np.nonzero(cut_out > 0.5)
            x0, x1, y0, y1 = cols.min() * scale, (cols.max() + 1) * scale, rows.min() * scale, (rows.max() + 1) * scale
            points = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
        margin = 0.02 if cut_out is None else MARGIN
        view = View.of(points, 0.0, margin)
        look = self.look([view.cut(work)], [view])[0]
        quarter = look.attributes["quarter"]
        if quarter[0] > 0.7:
            return look
        views = [View.of(points, -90.0 * turns, margin) for turns in range(4)]
        looks = self.look([v.cut(work) for v in views], views)
        # A turn is right if the network calls the turned view upright, and called the others turned accordingly.
        score = [sum(np.log(looks[t].attributes["quarter"][(k - t) % 4] + 1e-3) for t in range(4)) for k in range(4)]
        return looks[int(np.argmax(score))]

    def _second_look(self, work: np.ndarray, first: Look) -> tuple[Look, np.ndarray]:
        """Cut to the garment and turned upright. Returns the look and both looks' matte, (H, W) of `work`."""
        size = (work.shape[0], work.shape[1])
        seen = first.view.spread(first.matte, size)
        coarse, both = largest_part(seen), seen
        if not (coarse > 0.5).any():
            raise NotAGarment("No garment was found in the garment photo.", _FLAT)
        base = _view_angle(first.view)
        angle = base
        look = first
        for _ in range(2):
            points = _outline(coarse)
            view = View.of(points, angle, MARGIN)
            look = self.look([view.cut(work)], [view], mirror=True)[0]
            both = 0.35 * seen + 0.65 * view.spread(look.matte, size)
            if not (both > 0.5).any():
                break
            coarse = largest_part(both)
            tilt = look.tilt()
            if tilt is None or abs(tilt) < DESKEW or abs(angle - base) > 0:
                break
            angle = base + tilt
        return look, both


def cut_out_mask(alpha: np.ndarray | None, size: tuple[int, int]) -> np.ndarray | None:
    """The alpha of a real cut-out: partly clear, partly opaque, and the opaque part not simply the frame; else None."""
    if alpha is None:
        return None
    if alpha.shape != size:
        raise ValueError(f"alpha {alpha.shape} must have the image's size {size}")
    clear, solid = float((alpha < 0.05).mean()), float((alpha > 0.95).mean())
    if clear < 0.02 or solid < 0.01 or clear + solid < 0.7:
        return None
    rows, cols = np.nonzero(alpha > 0.5)
    box = (np.ptp(rows) + 1) * (np.ptp(cols) + 1)
    if (alpha > 0.5).sum() > 0.985 * box:  # a rectangle: rounded corners or padding, not an outline
        return None
    return alpha.astype(np.float32)


def _reduce(image: np.ndarray) -> tuple[np.ndarray, float]:
    scale = min(1.0, WORK_SIDE / max(image.shape[:2]))
    if scale == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def _check_not_blank(work: np.ndarray, cut_out: np.ndarray | None) -> None:
    if min(work.shape[:2]) < 24:
        raise NotAGarment("The garment photo is too small to show a garment.", "Use a photo of at least 256 px.")
    if cut_out is None and float(cv2.meanStdDev(work)[1].max()) < 2.5:
        raise NotAGarment("The garment photo is a plain surface without a garment.", _FLAT)


def _outline(mask: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.convexHull(np.concatenate(contours))
    return hull.reshape(-1, 2).astype(np.float64) + 0.5


def _view_angle(view: View) -> float:
    """The garment's turn that the view undoes, degrees clockwise."""
    return float(-np.degrees(np.arctan2(view.matrix[1, 0], view.matrix[0, 0])))


def _without_person(look: Look) -> Look:
    """The look with the probability of a person given to all else: dresses on a hanger look like somebody."""
    share = look.attributes["category"].copy()
    share[ATTRIBUTES["category"].index("person")] = 0
    return replace(look, attributes={**look.attributes, "category": share / max(float(share.sum()), 1e-6)})


def _check_category(first: Look, look: Look, wanted: str) -> Category:
    """The category, or the error that says why the photo can't be used."""
    share = 0.35 * first.attributes["category"] + 0.65 * look.attributes["category"]
    p = dict(zip(ATTRIBUTES["category"], share.tolist(), strict=True))
    solid = float((look.matte > 0.5).mean())
    nothing = p["none"] + p["person"] > 0.5
    if nothing and p["person"] > p["none"]:
        raise _shows_person()
    if nothing or p["none"] > MAYBE or solid < 0.02:
        raise NotAGarment("The garment photo does not seem to show a garment.", _FLAT)
    if wanted != "auto":
        return cast(Category, wanted)
    if look.lower:
        return "lower"
    long = float(np.clip(LENGTH_WEIGHT * (_length_ratio(look) - DRESS_RATIO), -LENGTH_WEIGHT / 2, LENGTH_WEIGHT / 2))
    return "dress" if np.log((p["dress"] + 1e-3) / (p["upper"] + 1e-3)) + long > 0 else "upper"


def _length_ratio(look: Look) -> float:
    """Length from the neck to the hem over the breadth between the armpits."""
    points, _ = look.points(LANDMARKS)
    at = dict(zip(LANDMARKS, points, strict=True))
    middle = {name: (at[f"{name}_left"] + at[f"{name}_right"]) / 2 for name in ("neck", "hem")}
    breadth = float(np.linalg.norm(at["armpit_right"] - at["armpit_left"]))
    return float(np.linalg.norm(middle["hem"] - middle["neck"])) / max(breadth, 1.0)


def _assemble(
    image: np.ndarray,
    mask: np.ndarray,
    look: Look,
    first: Look,
    category: Category,
    scale: float,
    wanted: str,
    cut_out: np.ndarray | None,
) -> Garment:
    lower = category == "lower"
    sleeve: Sleeve | None = None if lower else SLEEVES[int(look.attributes["sleeve"].argmax())]
    length: Length | None = look.length[0] if lower else None
    present = expected_landmarks(sleeve) if sleeve else expected_lower(look.length[0], look.skirt)
    names = LOWER_LANDMARKS if lower else LANDMARKS
    points, mass = look.points(names)
    kept = [names.index(name) for name in present]
    photo, mass = look.view.to_photo(points[kept]) / scale, mass[kept]
    if lower or "elbow_left" in present:
        place_by_outline(photo, mass, present, mask)
    landmarks: dict[str, tuple[float, float] | None] = dict.fromkeys(names)
    landmarks |= {name: (float(x), float(y)) for name, (x, y) in zip(present, photo, strict=True)}
    scores = dict.fromkeys(names, 0.0) | dict(zip(present, mass.tolist(), strict=True))
    share = look.share("category")
    certainty = float(np.abs(2 * look.matte[(look.matte > 0.02)] - 1).mean()) if (look.matte > 0.02).any() else 0.0
    wearable = min(1.0, sum(share[name] for name in CATEGORIES))
    confidence = float(mass.mean() * certainty * wearable)
    _check_confidence(confidence, mask, look, category)
    if not lower and cut_out is None:
        mask = open_gaps(image, mask, landmarks)
    open_front = not lower and bool(look.attributes["open_front"][1] > 0.5)
    found = Garment(
        image=image,
        mask=mask,
        category=category,
        sleeve=sleeve,
        landmarks=landmarks,
        scores=scores,
        confidence=confidence,
        open_front=open_front,
        warnings=tuple(_notices(first, look, mask, confidence, open_front, category, wanted)),
        length=length,
    )
    return _settle_sleeve(found if lower else settle_turtleneck(found))


def _settle_sleeve(garment: Garment) -> Garment:
    """The garment, its sleeve class corrected where its own corners contradict it, see `sleeves.measured_class`."""
    if garment.sleeve is None:
        return garment
    known = {name: np.array(point, np.float32) for name, point in garment.landmarks.items() if point is not None}
    sleeve = measured_class(garment.sleeve, measured(garment, known))
    if sleeve == garment.sleeve:
        return garment
    gone = {name: None for name in LANDMARKS if name not in expected_landmarks(sleeve)}
    return replace(garment, sleeve=sleeve, landmarks={**garment.landmarks, **gone})


def _check_confidence(confidence: float, mask: np.ndarray, look: Look, category: Category) -> None:
    if confidence >= REFUSE_CUT_OFF or (confidence >= REFUSE and _edge_share(mask) <= 0.12):
        return
    if look.lower != (category == "lower"):
        raise UnsupportedCategory(
            f"The garment looks like {_LOOKS[look.lower]} and can't be used as {category}.",
            f"Say --category {'lower' if look.lower else 'upper'}, or leave it out.",
        )
    raise NotAGarment("The garment photo does not clearly show a garment.", _FLAT)


def _edge_share(mask: np.ndarray) -> float:
    """How much of the matte's extent lies on the photo's edge."""
    binary = mask > 0.5
    rows, cols = np.nonzero(binary)
    edges = (binary[0], binary[-1], binary[:, 0], binary[:, -1])
    return float(sum(int(e.sum()) for e in edges) / (2 * (np.ptp(rows) + np.ptp(cols)) + 1))


def _notices(
    first: Look,
    look: Look,
    mask: np.ndarray,
    confidence: float,
    open_front: bool,
    category: Category,
    wanted: str,
) -> list[Notice]:
    out = []
    share, lower = look.share("category"), category == "lower"
    other = share["upper"] + share["dress"] if lower else share["lower"]
    if confidence < 0.5:
        out.append(Notice("garment_uncertain", "The garment was hard to make out; a plainer background helps."))
    if not lower and float(look.attributes["sleeve"].max()) < UNSURE:
        out.append(Notice("sleeve_uncertain", "The sleeve length is not clear: lay the sleeves beside the body."))
    if lower and look.length[1] < UNSURE:
        out.append(Notice("length_uncertain", "The length of the legs or the skirt is not clear: show it whole."))
    if wanted != "auto" and other > 0.5:
        out.append(Notice("category_mismatch", f"The garment looks like {_LOOKS[not lower]}, used as {wanted}."))
    if lower and wanted == "auto" and share["lower"] < UNSURE:
        out.append(Notice("category_uncertain", "The garment may also be a top: --category upper or dress says so."))
    if open_front:
        out.append(Notice("open_front", "The garment is worn open; closing it gives a better result."))
    if _edge_share(mask) > 0.03:
        out.append(Notice("garment_cut_off", "The garment reaches over the edge of its photo; show it whole."))
    parts = part_sizes(first.matte)
    if len(parts) > 1 and parts[1] > 0.35 * parts[0]:
        out.append(Notice("several_garments", "Several garments seem to be in the photo; the largest was taken."))
    return out


__all__ = ["PAD", "GarmentAnalyser", "Look", "cut_out_mask"]

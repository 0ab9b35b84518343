"""What an engine needs to render a pair: built by one function, for training and for inference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .geometry import CANVAS, Placement
from .labels import Label
from .preprocess import agnostic as agnostic_stage
from .preprocess import (
    agnostic_dress,
    agnostic_lower,
    agnostic_open,
    legs,
    lower_body,
    outline,
    panels,
    pockets,
    repair,
    skeleton,
    skirt,
)
from .preprocess.agnostic import Agnostic
from .preprocess.arms import arm_mask, reaching_out
from .preprocess.body import Body, body_from_pose, torso_rows, trunk_mask
from .preprocess.hood import hood_parts
from .preprocess.layers import assemble
from .preprocess.masks import is_label
from .preprocess.missed import missed_sleeves
from .preprocess.overlooked import clothing_by_colour, lower_by_colour, sleeve_rims
from .preprocess.plate import is_bare
from .preprocess.skeleton import Fit, Part
from .types import Category, Garment, Person, Pose

#: Groups of labels in the generator's layout channels, in order.
LAYOUT_GROUPS: tuple[tuple[Label, ...], ...] = (
    (Label.BACKGROUND,),
    (Label.HAIR,),
    (Label.FACE,),
    (Label.ARMS,),
    (Label.LOWER, Label.LEGS, Label.SHOES, Label.DRESS, Label.TOP, Label.OUTERWEAR),
    (Label.BAG, Label.ACCESSORY),
)
_GROUP_OF = np.zeros(len(Label), np.uint8)
for _i, _labels in enumerate(LAYOUT_GROUPS):
    for _label in _labels:
        _GROUP_OF[int(_label)] = _i


@dataclass(frozen=True)
class TryOnInputs:
    """One pair on the canvas.

    Args:
        placement: canvas in the photo.
        image: uint8 (h, w, 3); parse: uint8 (h, w) of `Label`.
        body: measures in canvas px; fit: where the garment goes.
        worn: the garment as it shows when worn.
        parts: the warped parts, back to front.
        warped: float32 (h, w, 3) in 0..255; coverage: float32 (h, w) without what occluders hide.
        agnostic: the canvas without the worn garment.
    """

    placement: Placement
    image: np.ndarray
    parse: np.ndarray
    body: Body
    fit: Fit
    worn: Garment
    parts: list[Part]
    warped: np.ndarray
    coverage: np.ndarray
    agnostic: Agnostic

    def network(self) -> np.ndarray:
        """The generator's input, float32 (C, h, w), channels as named in `tryon.models.generator.INPUT_CHANNELS`."""
        return network_input(
            self.agnostic.plate, self.agnostic.edit, self.warped, self.coverage, self.body, self.agnostic.layout,
            self.agnostic.skin,
        )  # fmt: skip


def network_input(
    plate: np.ndarray,
    edit: np.ndarray,
    warped: np.ndarray,
    coverage: np.ndarray,
    body: Body,
    layout: np.ndarray,
    skin: np.ndarray,
) -> np.ndarray:
    """Stack the generator's channels: float32 (21, h, w); pictures 0..255 become [-1, 1], masks stay [0, 1]."""
    size = edit.shape
    out = np.empty((21, *size), np.float32)
    out[0:3] = np.moveaxis(plate, -1, 0) / 127.5 - 1
    out[3] = edit
    out[4:7] = np.where(coverage[None] > 0.004, np.moveaxis(warped, -1, 0) / 127.5 - 1, 0)
    out[7] = coverage
    out[8:14] = limb_maps(body, size)
    out[14:20] = _GROUP_OF[layout][None] == np.arange(6)[:, None, None]
    out[20] = skin
    return out


def limb_maps(body: Body, size: tuple[int, ...]) -> np.ndarray:
    """Torso, left and right upper arm, left and right forearm, head: float32 (6, h, w); left/right are the person's
    own."""
    factor = 4
    small = (size[0] // factor, size[1] // factor)
    body = body.scaled(1 / factor)
    out = np.zeros((*small, 6), np.float32)
    out[..., 0] = trunk_mask(body, small, 1.0, 0.0, 1.0)
    for side, (upper, fore) in enumerate(((2, 4), (1, 3))):
        out[..., upper] = arm_mask(body, side, small, 1.0, 0.0, 1.0)
        out[..., fore] = arm_mask(body, side, small, 1.0, 1.0, 2.0)
    radius = max(float(np.linalg.norm(body.mouth - body.nose)) * 2.6, 1.0)
    head = np.zeros(small, np.uint8)
    centre = (round(float(body.nose[0]) * 16), round(float(body.nose[1]) * 16))
    cv2.circle(head, centre, round(radius * 16), 255, -1, cv2.LINE_AA, 4)
    out[..., 5] = head / 255.0
    out = np.concatenate(
        [cv2.resize(out[..., i : i + 3], (size[1], size[0]), interpolation=cv2.INTER_LINEAR) for i in (0, 3)], -1
    )
    return out.transpose(2, 0, 1)


def edit_window(
    pose: Pose, parse: np.ndarray | None = None, size: tuple[int, int] = CANVAS, category: Category = "upper"
) -> Placement:
    """The canvas for tops: from above the head to the thighs, arms included, or to the end of a long coat; for lower
    garments see `legs.window`, for dresses `skirt.window`.

    Args:
        parse: uint8 (H, W) at photo size; if given, all of the worn top or coat is on the canvas.

    Raises:
        ValueError: if the pose has no torso.
    """
    if category == "lower":
        return legs.window(pose, parse, size)
    if category == "dress":
        return skirt.window(pose, parse, size)
    body = body_from_pose(pose.keypoints, pose.world)
    points = np.concatenate([body.shoulders, body.elbows, body.wrists, body.hands, body.hips])
    pad = 0.25 * body.length
    top = min(pose.box[1], float(body.nose[1] - 0.5 * body.length))
    top = max(top, float(body.nose[1] - 0.75 * body.length)) - 0.06 * body.length
    bottom = max(float(body.at(1.75)[1]), top + 1.5 * body.length)
    if parse is not None:
        rows = np.flatnonzero(is_label(parse, Label.TOP, Label.OUTERWEAR).any(axis=1))
        if len(rows):
            bottom = min(max(bottom, float(rows[-1]) + 0.08 * body.length), float(body.at(3.2)[1]))
    # arms far out do not shrink the canvas without limit
    reach = 1.5 * body.length
    x0 = max(float(points[:, 0].min()) - pad, float(body.neck[0]) - reach)
    x1 = min(float(points[:, 0].max()) + pad, float(body.neck[0]) + reach)
    return Placement.around((x0, top, x1, bottom), size)


class PersonView:
    """A person on the canvas: what every category begins and ends with. It needs no garment."""

    def __init__(self, person: Person, placement: Placement) -> None:
        self.person, self.placement = person, placement
        self.size = (placement.height, placement.width)
        self.image = placement.crop(person.image)
        self.parse = placement.crop(person.parse, nearest=True, border="zero")
        body = body_from_pose(placement.to_canvas(person.pose.keypoints), person.pose.world)
        self.body = reaching_out(body, self.parse, placement.to_canvas(np.array([[0, 0], person.image.shape[1::-1]])))
        self.parse = repair.bridged_wrists(self.parse, self.body)
        self.silhouette = placement.crop(person.pose.mask, border="zero")
        self._parses: dict[str, np.ndarray] = {}

    def parse_for(self, category: Category) -> np.ndarray:
        """The parse, put right as far as a garment of this category needs it: uint8 (h, w). It is kept."""
        if category not in self._parses:
            self._parses[category] = self._put_right(category)
        return self._parses[category]

    def _put_right(self, category: Category) -> np.ndarray:
        image, body = self.image, self.body
        if category == "lower":
            parse = agnostic_lower.skirts(lower_by_colour(image, self.parse, body), body)
            parse = agnostic_lower.repair(parse, body, self.silhouette)
            strays = agnostic_lower.strays(image, parse, body)
            return agnostic_lower.overlooked(image, strays, body, person=self.silhouette)
        if category == "dress":
            parse = agnostic_lower.repair(self.repaired(), body, self.silhouette)
            return agnostic_dress.overlooked(image, agnostic_dress.repair_legs(parse), body, self.silhouette)
        parse = agnostic_dress.overlooked_tops(image, self.repaired(), body)
        return repair.worn_as_dress(image, parse, body, is_bare(image, parse, body))

    def repaired(self) -> np.ndarray:
        """The parse with the clothing that it missed beside and on the arms: uint8 (h, w)."""
        parse = missed_sleeves(self.image, self.parse, self.body)
        parse = repair.overlooked_sleeves(parse, self.body, self.silhouette)
        return sleeve_rims(clothing_by_colour(self.image, parse, self.body), self.body)

    def erased(
        self,
        parse: np.ndarray,
        body: Body,
        coverage: np.ndarray,
        sleeves: np.ndarray,
        fit: Fit,
        gap: np.ndarray | None = None,
    ) -> Agnostic:
        """`agnostic.build`, or with `gap` `agnostic_open.build`. Where a long coat goes, the picture is continued below
        the canvas meanwhile: what the coat hid is guessed from what shows under it."""
        rows = self._rows_below(parse, fit.hem)
        image = self.image
        if rows:
            tall = replace(self.placement, height=self.size[0] + rows)
            image = tall.crop(self.person.image)
            parse = np.vstack([parse, tall.crop(self.person.parse, nearest=True, border="zero")[self.size[0] :]])
            coverage, sleeves = (np.pad(a, ((0, rows), (0, 0))) for a in (coverage, sleeves))
            gap = gap if gap is None else np.pad(gap, ((0, rows), (0, 0)))
        if gap is None:
            out = agnostic_stage.build(image, parse, body, coverage, sleeves, fit.hem, sleeve_end=fit.sleeve_end)
        else:
            out = agnostic_open.build(image, parse, body, coverage, sleeves, gap, fit.hem, sleeve_end=fit.sleeve_end)
        if not rows:
            return out
        cut = {name: getattr(out, name)[: self.size[0]] for name in ("plate", "edit", "keep", "skin", "layout")}
        return replace(out, **cut)

    def _rows_below(self, parse: np.ndarray, hem: float) -> int:
        """How many rows below the canvas help to guess what a long coat hid, 0 where there is none."""
        body, height = self.body, self.size[0]
        worn = is_label(parse, Label.TOP, Label.OUTERWEAR) & (torso_rows(body, self.size) > hem + 0.15)
        if worn.sum() < (0.3 * body.breadth) ** 2:
            return 0
        y0 = self.placement.y0
        end = min(float(body.ankles[:, 1].max()), (self.person.image.shape[0] - y0) * self.placement.scale)
        return int(np.clip(end - height, 0, 0.5 * height))

    def inputs(
        self,
        parse: np.ndarray,
        body: Body,
        fit: Fit,
        worn: Garment,
        parts: list[Part],
        warped: np.ndarray,
        coverage: np.ndarray,
        agnostic: Agnostic,
    ) -> TryOnInputs:
        """The record, the garment's coverage without what occluders hide."""
        shown = coverage * (1 - agnostic.keep)
        return TryOnInputs(self.placement, self.image, parse, body, fit, worn, parts, warped, shown, agnostic)


def build_inputs(
    person: Person,
    worn: Garment,
    placement: Placement | None = None,
    fit: Fit | None = None,
    view: PersonView | None = None,
) -> TryOnInputs:
    """Everything between the analysed photos and the engine.

    Args:
        worn: the garment as it shows when worn: `Garment.mask` without the inner back collar, `Garment.image` with
            colours extended over the outline (see `preprocess.garment.as_worn`).
        placement: the canvas; default `edit_window`.
        fit: where the garment goes; default `skeleton.fit`.
        view: the person on that canvas, if it was made before.
    """
    placement = placement or edit_window(person.pose, person.parse, category=worn.category)
    view = view or PersonView(person, placement)
    if worn.category == "lower":
        return _build_lower(view, worn, fit)
    if worn.category == "dress":
        return _build_dress(view, worn, fit)
    size, image, body = view.size, view.image, view.body
    parse = view.parse_for("upper")
    marks = skeleton.landmarks_of(worn)
    if fit is None:
        fit = skeleton.fit(worn, marks, body, *agnostic_stage.worn_extent(parse, body))
        fit = outline.on_outline(fit, worn, marks, parse, body)
    body = pockets.under_the_garment(body, parse, fit)
    opening = panels.find_opening(worn, marks) if worn.open_front else None
    if opening is not None:
        parse = agnostic_open.overlooked_coat(image, parse, body)
        parts = _hooded(panels.warp(worn, marks, fit, body, size, opening), hood_parts(worn, fit, body, parse, True))
        warped, coverage, sleeves = assemble(worn.image, parts, body.breadth, fit.scale, worn.sleeve == "none")
        gap = panels.between(parts, coverage)
        if agnostic_open.shows_top(parse, gap, body):
            agnostic = view.erased(parse, body, coverage, sleeves, fit, gap)
            return view.inputs(parse, body, fit, worn, parts, warped, coverage, agnostic)
    parse = repair.one_tail(image, parse, body)
    parts = _hooded(skeleton.warp(worn, marks, fit, body, size), hood_parts(worn, fit, body, parse))
    warped, coverage, sleeves = assemble(worn.image, parts, body.breadth, fit.scale, worn.sleeve == "none")
    over = (worn.hood is not None or worn.open_front) and min(fit.sleeve_end) > 1.6  # bare arms wear nothing under it
    neck = skeleton.neck_opening(fit, coverage) if over and not view.person.bare_neck else None
    if neck is not None and agnostic_open.shows_top(parse, neck, body, (0.15 * body.breadth) ** 2):
        agnostic = view.erased(parse, body, coverage, sleeves, fit, neck)
    else:
        agnostic = view.erased(parse, body, coverage, sleeves, fit)
    return view.inputs(parse, body, fit, worn, parts, warped, coverage, agnostic)


def _hooded(parts: list[Part], hood: list[Part]) -> list[Part]:
    """The parts between those of the hood."""
    return [*hood[:1], *parts, *hood[1:]]


def _build_lower(view: PersonView, worn: Garment, fit: Fit | None) -> TryOnInputs:
    """`build_inputs` for trousers, shorts and skirts."""
    person, size, image, body = view.person, view.size, view.image, view.body
    parse = view.parse_for("lower")
    lower = lower_body.measure(parse, body, person.pose.world)
    marks = legs.landmarks_of(worn)
    if not isinstance(fit, legs.LegFit):
        fit = legs.fit(worn, marks, body, lower)
    parts = legs.warp(worn, marks, fit, body, lower, size)
    warped, coverage, _ = assemble(worn.image, parts, body.breadth, fit.scale, worn.sleeve == "none")
    colour = agnostic_lower.skin_of_legs(person)
    agnostic = agnostic_lower.build(image, parse, body, lower, coverage, fit, colour)
    return view.inputs(parse, body, fit, worn, parts, warped, coverage, agnostic)


def _build_dress(view: PersonView, worn: Garment, fit: Fit | None) -> TryOnInputs:
    """`build_inputs` for dresses."""
    person, size, image, body = view.person, view.size, view.image, view.body
    parse = view.parse_for("dress")
    body = agnostic_dress.lengthened(body, parse)
    lower = lower_body.measure(parse, body, person.pose.world)
    marks = skirt.landmarks_of(worn)
    if fit is None:
        fit = skirt.fit(worn, marks, body, lower, agnostic_dress.feet_hidden(parse, body))
        fit = outline.on_outline(fit, worn, marks, parse, body)
    body = pockets.under_the_garment(body, parse, fit)
    parts = skirt.warp(worn, marks, fit, body, lower, size)
    warped, coverage, sleeves = assemble(worn.image, parts, body.breadth, fit.scale, worn.sleeve == "none")
    colour = agnostic_lower.skin_of_legs(person)
    agnostic = agnostic_dress.build(image, parse, body, lower, coverage, sleeves, fit, colour, view.silhouette)
    return view.inputs(parse, body, fit, worn, parts, warped, coverage, agnostic)

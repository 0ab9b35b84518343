"""A contact sheet: rows of pictures with labels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

#: px: height of a cell at most, and pixels of the whole sheet at most.
CELL, MAX_PIXELS = 360, 24_000_000
_GAP, _PAPER, _INK, _QUIET = 8, (255, 255, 255), (30, 30, 30), (130, 130, 130)
_NONE = (240, 240, 240)

#: A cell: a picture uint8 (h, w, 3) or (h, w, 4), or a sentence that says why there is none.
Cell = np.ndarray | str


def contact_sheet(cells: Sequence[Sequence[Cell]], rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    """Lay pictures out in a grid.

    Args:
        cells: rows of the same length.
        rows, columns: their labels; long ones are cut.

    Returns:
        uint8 (H, W, 3).
    """
    if not cells or any(len(row) != len(columns) for row in cells) or len(rows) != len(cells):
        raise ValueError("cells must be rows of as many pictures as there are columns, and have a label each")
    height = CELL
    widths = _widths(cells, height)
    while height > 48 and (sum(widths) + _GAP * len(widths)) * (height + _GAP) * len(cells) > MAX_PIXELS:
        height = round(height * 0.85)
        widths = _widths(cells, height)
    font = _font(max(10, round(height / 22)))
    head, side = round(height / 12) + _GAP, _label_width(rows, font, height)
    sheet = Image.new(
        "RGB", (side + sum(w + _GAP for w in widths) + _GAP, head + len(cells) * (height + _GAP) + _GAP), _PAPER
    )
    draw = ImageDraw.Draw(sheet)
    x = side + _GAP
    for j, (label, width) in enumerate(zip(columns, widths, strict=True)):
        draw.text((x, head / 2), _cut(label, font, width), fill=_INK, font=font, anchor="lm")
        for i, row in enumerate(cells):
            y = head + i * (height + _GAP)
            _place(sheet, draw, row[j], (x, y, width, height), font)
        x += width + _GAP
    for i, label in enumerate(rows):
        middle = head + i * (height + _GAP) + height / 2
        draw.text((_GAP, middle), _cut(label, font, side - _GAP), fill=_INK, font=font, anchor="lm")
    return np.array(sheet)


def _widths(cells: Sequence[Sequence[Cell]], height: int) -> list[int]:
    """A column is as broad as its broadest picture, from half to twice its height."""
    out = []
    for column in zip(*cells, strict=True):
        shares = [c.shape[1] / c.shape[0] for c in column if isinstance(c, np.ndarray)]
        out.append(round(height * float(np.clip(max(shares, default=0.75), 0.5, 1.6))))
    return out


def _place(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    cell: Cell,
    box: tuple[int, int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    x, y, width, height = box
    if isinstance(cell, str):
        draw.rectangle((x, y, x + width, y + height), fill=_NONE)
        words = _wrapped(cell, font, width - 2 * _GAP)
        draw.multiline_text((x + width / 2, y + height / 2), words, fill=_QUIET, font=font, anchor="mm", align="center")
        return
    scale = min(width / cell.shape[1], height / cell.shape[0])
    size = (max(1, round(cell.shape[1] * scale)), max(1, round(cell.shape[0] * scale)))
    picture = cell.astype(np.float32)
    if picture.shape[2] == 4:
        alpha = picture[..., 3:] / 255
        picture = picture[..., :3] * alpha + 255 * (1 - alpha)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.clip(np.rint(cv2.resize(picture, size, interpolation=method)), 0, 255).astype(np.uint8)
    sheet.paste(Image.fromarray(small), (x + (width - size[0]) // 2, y + (height - size[1]) // 2))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _label_width(labels: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, height: int) -> int:
    longest = max(font.getlength(label) for label in labels)
    return round(min(longest, 0.6 * height)) + 2 * _GAP


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(_cut(line, font, width) for line in lines)

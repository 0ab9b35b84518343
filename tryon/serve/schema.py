"""The parts of the OpenAPI description that can't be derived: forms and pictures."""

from __future__ import annotations

from typing import Any

from ..console import CATEGORIES
from .options import JSON, MEDIA
from .settings import MAX_GARMENTS

_FILE = {"type": "string", "format": "binary"}
_VALUES: dict[str, Any] = {
    "category": {"type": "string", "enum": list(CATEGORIES), "default": "auto"},
    "person_box": {"type": "string", "description": "x0,y0,x1,y1 in pixels of the upright photo: which person"},
    "hue": {"type": "number", "minimum": 0, "maximum": 360, "description": "another colour for the garment, degrees"},
    "lightness": {"type": "number", "minimum": -100, "maximum": 100, "default": 0},
    "bare_neck": {"type": "boolean", "default": False, "description": "take off what lies round the neck"},
    "format": {"type": "string", "enum": ["png", "jpeg", "webp"], "default": "png"},
}
_EXPLAIN = {"type": "boolean", "default": False, "description": "with JSON: also the intermediate pictures"}
_PROBLEM = {
    "description": "Refused or failed",
    "content": {
        JSON: {
            "schema": {
                "type": "object",
                "required": ["code", "message", "remedy"],
                "properties": {
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "remedy": {"type": "string"},
                    "picture": {"type": "string", "enum": ["person", "garment"]},
                },
            }
        }
    },
}


def _form(pictures: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": list(pictures), "properties": {**pictures, **values}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


TRY_ON = _form({"person": _FILE, "garment": _FILE}, {**_VALUES, "explain": _EXPLAIN})
JOB = _form({"person": _FILE, "garment": {"type": "array", "maxItems": MAX_GARMENTS, "items": _FILE}}, _VALUES)
PICTURES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": {media: {"schema": _FILE} for media in MEDIA.values()}},
    "default": _PROBLEM,
}
TRY_ON_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture, or JSON with the report",
        "content": {**PICTURES[200]["content"], JSON: {"schema": {"type": "object"}}},
    },
    "default": _PROBLEM,
}

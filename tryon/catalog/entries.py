"""Analysed people and garments as bytes, to be kept on disk: a zip of plain arrays and JSON, sealed with a hash.

A picture that equals the decoded photo is not stored but taken from the photo again. Nothing in an entry is run: only
the records of `tryon.types` are made, by their own checks.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .. import types

RECORDS = {name: kind for name, kind in vars(types).items() if isinstance(kind, type) and is_dataclass(kind)}
_PHOTO = "photo"


class Damaged(Exception):
    """An entry that can't be used any more."""


def seal(record: Any, photo: np.ndarray, preview: bytes) -> bytes:
    """An entry.

    Args:
        record: `Person` or `Garment`.
        photo: uint8 (H, W, 3), the decoded photo that it was made from.
        preview: a small JPEG of the photo.
    """
    arrays: list[np.ndarray] = []
    tree = _to_tree(record, photo, arrays)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _put(archive, "record.json", json.dumps(tree).encode())
        _put(archive, "preview.jpg", preview)
        for i, array in enumerate(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            _put(archive, f"{i}.npy", member.getvalue())
    data = stream.getvalue()
    return data + hashlib.sha256(data).digest()


def preview_of(entry: bytes) -> bytes:
    """The preview of a whole entry. Raises Damaged."""
    return _open(entry).read("preview.jpg")


def unseal(entry: bytes, photo: np.ndarray) -> Any:
    """The record. Raises Damaged."""
    archive = _open(entry)
    try:
        return _from_tree(json.loads(archive.read("record.json")), photo, archive)
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise Damaged from error


def _open(entry: bytes) -> zipfile.ZipFile:
    data, digest = entry[:-32], entry[-32:]
    if hashlib.sha256(data).digest() != digest:
        raise Damaged
    return zipfile.ZipFile(io.BytesIO(data))


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name)  # its date is fixed: equal records give equal bytes
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def _to_tree(value: Any, photo: np.ndarray, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype == photo.dtype and value.shape == photo.shape and np.array_equal(value, photo):
            return {"array": _PHOTO}
        arrays.append(np.ascontiguousarray(value))
        return {"array": len(arrays) - 1}
    if is_dataclass(value) and type(value).__name__ in RECORDS:
        parts = {f.name: _to_tree(getattr(value, f.name), photo, arrays) for f in fields(value)}
        return {"record": type(value).__name__, "fields": parts}
    if isinstance(value, dict):
        return {"dict": [[_to_tree(k, photo, arrays), _to_tree(v, photo, arrays)] for k, v in value.items()]}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [_to_tree(item, photo, arrays) for item in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"a {type(value).__name__} can't be kept in an entry")


def _from_tree(tree: Any, photo: np.ndarray, archive: zipfile.ZipFile) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        if tree["array"] == _PHOTO:
            return photo
        return np.lib.format.read_array(io.BytesIO(archive.read(f"{int(tree['array'])}.npy")), allow_pickle=False)
    if "record" in tree:
        parts = {name: _from_tree(part, photo, archive) for name, part in tree["fields"].items()}
        return RECORDS[tree["record"]](**parts)
    if "dict" in tree:
        return {_from_tree(k, photo, archive): _from_tree(v, photo, archive) for k, v in tree["dict"]}
    if "tuple" in tree:
        return tuple(_from_tree(item, photo, archive) for item in tree["tuple"])
    return [_from_tree(item, photo, archive) for item in tree["list"]]

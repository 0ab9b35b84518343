"""Multipart bodies, read as they arrive: caps while reading, everything in memory, nothing spooled to disk."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from .model import Picture
from .problems import Problem, too_many_bytes
from .settings import BODY_TIME, MAX_PICTURE

#: Bytes of one value that is not a file.
MAX_VALUE = 200
#: Hashes mean nothing outside of this process.
_KEY = secrets.token_bytes(32)


@dataclass
class Form:
    """What was sent: pictures by field, in order, and the other fields."""

    pictures: dict[str, list[Picture]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


async def read_form(request: Request, pictures: dict[str, int], values: set[str], max_body: int) -> Form:
    """Read and take apart a body.

    Args:
        pictures: field -> how many files it may have; each field needs at least one.
        values: fields that are not files.
        max_body: bytes.

    Raises:
        Problem: too much, too slow, not a form, or not the form that is expected.
        ClientDisconnect: the client is gone.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not parameters.get(b"boundary"):
        raise Problem(
            415, "not_a_form", "The request is not multipart/form-data.", "Send the pictures as files of a form."
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_body:
        raise too_many_bytes(max_body)
    reader = _Reader(parameters[b"boundary"], pictures, values)
    try:
        async with asyncio.timeout(BODY_TIME):
            async for chunk in _stream(request, max_body):
                reader.write(chunk)
    except TimeoutError:
        raise Problem(
            408,
            "too_slow",
            "The request took too long to arrive.",
            "Send smaller pictures or use a faster connection.",
            headers={"Connection": "close"},
        ) from None
    except Problem as problem:
        problem.headers.setdefault("Connection", "close")
        raise
    return reader.finish()


async def _stream(request: Request, max_body: int) -> AsyncIterator[bytes]:
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > max_body:
            raise too_many_bytes(max_body)
        yield chunk


class _Reader:
    """Takes a multipart body apart, chunk by chunk."""

    def __init__(self, boundary: bytes, pictures: dict[str, int], values: set[str]) -> None:
        self.expected, self.values = pictures, values
        self.form = Form()
        self._headers: dict[bytes, bytearray] = {}
        self._name, self._value = bytearray(), bytearray()
        self._field = ""
        self._data = bytearray()
        self._hash: Any = None
        self._parts = 0
        self._ended = False
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._open,
            "on_part_data": self._more,
            "on_part_end": self._close,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError:
            raise _malformed() from None

    def write(self, chunk: bytes) -> None:
        if self._ended or not chunk:
            return
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _malformed() from None

    def finish(self) -> Form:
        if not self._ended:
            raise _malformed()
        for name in self.expected:
            if name not in self.form.pictures:
                raise Problem(
                    400, "missing_picture", f"There is no {name} picture.", "Send it as a file.", picture=name
                )
        return self.form

    def _begin(self) -> None:
        self._headers, self._data = {}, bytearray()
        self._parts += 1
        if self._parts > sum(self.expected.values()) + len(self.values):
            raise _malformed()

    def _header(self) -> None:
        self._headers[bytes(self._name).lower()] = self._value
        self._name, self._value = bytearray(), bytearray()

    def _open(self) -> None:
        _, parameters = parse_options_header(bytes(self._headers.get(b"content-disposition", b"")))
        self._field = parameters.get(b"name", b"").decode("ascii", "replace")
        if self._field in self.expected:
            if b"filename" not in parameters:
                raise Problem(
                    400,
                    "not_a_file",
                    f"The {self._field} is not a file; web addresses are not fetched.",
                    "Send the picture itself as a file.",
                    picture=self._field,
                )
            if len(self.form.pictures.get(self._field, ())) >= self.expected[self._field]:
                raise Problem(
                    400,
                    "too_many_pictures",
                    f"There are more than {self.expected[self._field]} {self._field} pictures.",
                    "Send fewer.",
                    picture=self._field,
                )
            self._hash = hashlib.blake2b(key=_KEY, digest_size=16)
        elif self._field not in self.values:
            known = ", ".join([*self.expected, *sorted(self.values)])
            raise Problem(400, "unknown_field", "The form has a field that is not known.", f"Known are: {known}.")

    def _more(self, data: bytes, start: int, end: int) -> None:
        is_picture = self._field in self.expected
        if len(self._data) + end - start > (MAX_PICTURE if is_picture else MAX_VALUE):
            raise too_many_bytes(MAX_PICTURE, self._field) if is_picture else _malformed()
        self._data += memoryview(data)[start:end]
        if is_picture:
            self._hash.update(memoryview(data)[start:end])

    def _close(self) -> None:
        if self._field in self.expected:
            picture = Picture(bytes(self._data), self._hash.hexdigest())
            self.form.pictures.setdefault(self._field, []).append(picture)
        else:
            self.form.values[self._field] = self._data.decode("utf-8", "replace").strip()
        self._data = bytearray()

    def _end(self) -> None:
        self._ended = True


def _malformed() -> Problem:
    return Problem(400, "bad_form", "The form is incomplete or damaged.", "Send multipart/form-data as curl -F does.")


__all__ = ["ClientDisconnect", "Form", "read_form"]

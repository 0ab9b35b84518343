"""Frames between the processes: a JSON header and binary parts. Nothing that is read can run code.

Layout
    uint32 (big endian) length of the header; the header, a JSON object whose "parts" are the lengths of the binary
    parts; the parts one after the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")
Bytes = bytes | bytearray | memoryview
Frame = tuple[dict[str, Any], list[Bytes]]


def _head(header: dict[str, Any], parts: Sequence[Bytes]) -> bytes:
    sizes = [memoryview(part).nbytes for part in parts]
    text = json.dumps({**header, "parts": sizes}, allow_nan=False).encode()
    return _LENGTH.pack(len(text)) + text


def write(stream: BinaryIO, header: dict[str, Any], parts: Sequence[Bytes] = ()) -> None:
    """Send a frame on a blocking stream."""
    stream.write(_head(header, parts))
    for part in parts:
        stream.write(memoryview(part).cast("B"))
    stream.flush()


def read(stream: BinaryIO) -> Frame | None:
    """The next frame of a blocking stream; None at its end, also in the middle of a frame."""
    start = _exactly(stream, _LENGTH.size)
    text = start and _exactly(stream, _LENGTH.unpack(start)[0])
    if not text:
        return None
    header = json.loads(bytes(text))
    parts: list[Bytes] = []
    for size in header.pop("parts"):
        part = _exactly(stream, size)
        if part is None:
            return None
        parts.append(part)
    return header, parts


def _exactly(stream: BinaryIO, size: int) -> Bytes | None:
    data = stream.read(size)
    return data if len(data) == size else None


async def send(stream: asyncio.StreamWriter, header: dict[str, Any], parts: Sequence[Bytes] = ()) -> None:
    """Send a frame without blocking the event loop. Raises ConnectionError when the other side is gone."""
    stream.write(_head(header, parts))
    for part in parts:
        stream.write(part)
        await stream.drain()
    await stream.drain()


async def receive(stream: asyncio.StreamReader) -> Frame:
    """The next frame. Raises asyncio.IncompleteReadError at the end of the stream."""
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    header = json.loads(await stream.readexactly(length))
    return header, [await stream.readexactly(size) for size in header.pop("parts")]


def take_standard_streams(debug: bool) -> tuple[BinaryIO, BinaryIO]:
    """Keep this process's stdin and stdout for frames: what libraries print goes to stderr, or nowhere."""
    source, sink = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    if not debug:
        os.dup2(nowhere, 2)
    os.dup2(2, 1)
    os.close(nowhere)
    sys.stdout.flush()
    return _Unbuffered(source), sink  # type: ignore[return-value]


class _Unbuffered:
    """Whole reads without read-ahead, so that `select` on the descriptor tells the truth."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def fileno(self) -> int:
        return int(self.raw.fileno())

    def read(self, size: int) -> bytearray:
        data, done = bytearray(size), 0
        with memoryview(data) as view:
            while done < size:
                count = self.raw.readinto(view[done:])
                if not count:
                    break
                done += count
        del data[done:]
        return data

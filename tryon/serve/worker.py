"""The model process: one request after the other from stdin, answers on stdout. It ends when stdin ends."""

from __future__ import annotations

import argparse
import importlib
import select
import signal
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import imageio
from ..errors import GarmentError, PersonError, TryOnError
from ..explain import plain, viewable
from ..labels import PALETTE
from . import wire
from .decoder import Decoder
from .problems import described
from .recolour import recolour

#: Seconds between looks for what is to be forgotten.
SWEEP = 30.0


@dataclass
class _Entry:
    value: Any
    size: int
    used: float


class Cache:
    """What was analysed, by key: the least recently used goes first, and all goes some time after its last use.

    Args:
        limit: bytes; 0 keeps nothing beyond `forget`.
        seconds: after the last use.
    """

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.seconds, self.clock = limit, seconds, clock
        self.entries: OrderedDict[str, _Entry] = OrderedDict()

    def get(self, key: str) -> Any:
        """The value, or None."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        self.entries.move_to_end(key)
        entry.used = self.clock()
        return entry.value

    def put(self, key: str, value: Any) -> None:
        self.entries[key] = _Entry(value, _bytes_of(value), self.clock())

    def trim(self, keep: int) -> None:
        """Forget the least recent until the rest fits; the `keep` most recent stay whatever their size."""
        total = sum(entry.size for entry in self.entries.values())
        while total > self.limit and len(self.entries) > keep:
            total -= self.entries.popitem(last=False)[1].size

    def sweep(self) -> None:
        """Forget what was not used for long."""
        late = self.clock() - self.seconds
        for key in [key for key, entry in self.entries.items() if entry.used < late]:
            del self.entries[key]


def _bytes_of(value: Any) -> int:
    """Bytes of the arrays of a record, nested records included."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(map(_bytes_of, vars(value).values())) if hasattr(value, "__dict__") else 0


class _Unusable(Exception):
    """An error about the picture in a role."""

    def __init__(self, role: str, error: TryOnError) -> None:
        super().__init__(role)
        self.role, self.error = role, error


class Worker:
    """Does requests: decode, analyse (or remember), dress, encode."""

    def __init__(self, try_on: Any, decode: Callable[[bytes], imageio.Loaded], cache: Cache) -> None:
        self.try_on, self.decode, self.cache = try_on, decode, cache

    def __call__(self, request: dict[str, Any], parts: list[wire.Bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer one request.

        Args:
            request: person, garment: content hashes; options; more: the next request shares a picture with this one.
            parts: the person's and the garment's file.

        Returns:
            A header {report, hits, pictures: names} or {problem}, and the encoded pictures.
        """
        options = request["options"]
        hits: list[str] = []
        try:
            box = options["person_box"] and tuple(options["person_box"])
            person = self._analysed("person", request["person"], box, parts[0], hits)
            garment = self._analysed("garment", request["garment"], options["category"], parts[1], hits)
            what = recolour(garment, options["hue"], options["lightness"])
            asked = {name: options[name] for name in ("category", "explain", "bare_neck")}
            result = self.try_on(person, what, **asked)
            pictures = {"picture": imageio.encode(result.image, options["format"])}
            pictures |= {name: _viewable(name, value) for name, value in result.explain.items() if _is_picture(value)}
        except _Unusable as unusable:
            return {"problem": described(unusable.error, unusable.role)}, []
        except TryOnError as error:
            roles = {"garment": GarmentError, "person": PersonError}
            blamed = next((role for role, kind in roles.items() if isinstance(error, kind)), None)
            return {"problem": described(error, blamed)}, []
        except Exception as error:  # whatever it was, the next request deserves an answer
            traceback.print_exc()
            return {"problem": described(error)}, []
        finally:
            self.cache.trim(keep=2 if request["more"] else 0)
            self.cache.sweep()
        size = list(result.image.shape[1::-1])
        header = {"report": plain(result.report), "hits": hits, "pictures": list(pictures), "size": size}
        return header, list(pictures.values())

    def _analysed(self, role: str, digest: str, option: Any, data: wire.Bytes, hits: list[str]) -> Any:
        key = f"{role} {digest} {option}"
        value = self.cache.get(key)
        if value is not None:
            hits.append(role)
            return value
        analyse = self.try_on.analyse_person if role == "person" else self.try_on.analyse_garment
        try:
            value = analyse(self.decode(bytes(data)), option)
        except TryOnError as error:
            raise _Unusable(role, error) from error
        self.cache.put(key, value)
        return value


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim in (2, 3)


def _viewable(name: str, value: np.ndarray) -> bytes:
    """An intermediate picture as PNG; the parse in colours."""
    return imageio.encode_index(value, PALETTE) if name == "parse" else imageio.encode(viewable(value), "PNG")


def main() -> None:
    """Load the model, say so, work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--cache-bytes", type=int, required=True)
    parser.add_argument("--cache-time", type=float, required=True)
    parser.add_argument("--debug", action="store_true")
    options = parser.parse_args()
    source, sink = wire.take_standard_streams(options.debug)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    try:
        module, name = options.pipeline.split(":")
        try_on = getattr(importlib.import_module(module), name)(engine=options.engine, threads=options.threads)
    except TryOnError as error:
        wire.write(sink, {"failed": {"code": error.code, "message": error.message, "remedy": error.remedy}})
        return
    decode = Decoder()
    decode.start()
    worker = Worker(try_on, decode, Cache(options.cache_bytes, options.cache_time))
    wire.write(sink, {"ready": True})
    while True:
        while not select.select([source], [], [], SWEEP)[0]:
            worker.cache.sweep()
        frame = wire.read(source)
        if frame is None:
            break
        wire.write(sink, *worker(*frame))
    decode.close()


if __name__ == "__main__":
    main()

"""A worker process: tasks come in through a private socket, replies go back. It writes no file, so that it may be
killed, or outlive the run that started it, without harm.

Started as `python -m tryon.catalog.worker FD ENGINE THREADS MAKER CACHE`.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from .. import imageio
from ..errors import TryOnError
from .bench import Bench
from .tasks import Broken, Photo, Ready


@dataclass(frozen=True)
class LocalFiles:
    """Photos where they lie, entries from the folder of the cache."""

    cache: Path

    def photo(self, photo: Photo) -> bytes:
        return imageio.read_bytes(photo.path)

    def entry(self, key: str) -> bytes:
        return entry_path(self.cache, key).read_bytes()


def entry_path(cache: Path, key: str) -> Path:
    """Where an entry lies."""
    return cache / key[:2] / f"{key}.zip"


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides
    descriptor, engine, threads, maker, cache = arguments
    channel = Connection(int(descriptor))
    with contextlib.suppress(EOFError, OSError):  # the run is gone
        try:
            bench = Bench(engine, int(threads), maker)
        except TryOnError as error:
            channel.send(Broken(error.code, error.message, error.remedy))
            return 1
        except ImportError as error:
            channel.send(Broken("dependency", f"A library can't be imported: {error}.", "Run: tryon doctor"))
            return 1
        channel.send(Ready())
        files = LocalFiles(Path(cache))
        while True:
            channel.send(bench.do(channel.recv(), files))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

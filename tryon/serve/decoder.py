"""A process of its own for decoding: whatever a file makes a decoder do, it costs that request and nothing else."""

from __future__ import annotations

import contextlib
import resource
import select
import subprocess
import sys
from math import ceil

import numpy as np

from .. import imageio
from ..errors import BadImage, TryOnError
from . import wire

#: Address space, CPU time of a picture, and the time after which nobody waits for it any more.
MEMORY, CPU_SECONDS, SECONDS = 2 * 2**30, 10, 20.0


class Decoder:
    """Decodes in a child process, which is replaced when it dies. Not for several threads."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __call__(self, data: bytes) -> imageio.Loaded:
        """As `imageio.load`. Raises BadImage also for what kills the child."""
        reply = self._ask(data)
        if reply is None:
            self.close()
            raise BadImage("The picture can't be decoded with the time and memory there is.", "Export it again.")
        header, parts = reply
        if "error" in header:
            raise _raised(header["error"])
        height, width = header["size"]
        image = np.frombuffer(parts[0], np.uint8).reshape(height, width, 3)
        alpha = None
        if len(parts) > 1:
            alpha = np.frombuffer(parts[1], np.uint8).reshape(height, width).astype(np.float32) / 255
        return imageio.Loaded(image, alpha, header["format"])

    def _ask(self, data: bytes) -> wire.Frame | None:
        for _ in range(2):  # a child that died while idle (somebody killed it) is no fault of this picture
            child = self._child or self.start()
            assert child.stdin is not None and child.stdout is not None
            try:
                wire.write(child.stdin, {}, [data])  # type: ignore[arg-type]
            except OSError:
                self.close()
                continue
            if not select.select([child.stdout], [], [], SECONDS)[0]:
                return None
            return wire.read(child.stdout)  # type: ignore[arg-type]
        return None

    def start(self) -> subprocess.Popen[bytes]:
        """Start the child, which the first call would do otherwise."""
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tryon.serve.decoder"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self._child

    def close(self) -> None:
        """End the child; the next call starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            with contextlib.suppress(OSError):
                child.communicate()


def _raised(record: dict[str, str]) -> TryOnError:
    """The error that the child met, as an instance of its class."""
    kinds = {kind.__name__: kind for kind in _subclasses(TryOnError)}
    return kinds.get(record["kind"], BadImage)(record["message"], record["remedy"])


def _subclasses(kind: type[TryOnError]) -> list[type[TryOnError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _subclasses(child))]


def main() -> None:
    """Decode frame after frame until stdin ends."""
    source, sink = wire.take_standard_streams(debug=False)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while (frame := wire.read(source)) is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = ceil(usage.ru_utime + usage.ru_stime) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        try:
            loaded = imageio.load(frame[1][0])
        except TryOnError as error:
            kind = type(error).__name__
            wire.write(sink, {"error": {"kind": kind, "message": error.message, "remedy": error.remedy}})
            continue
        parts: list[wire.Bytes] = [np.ascontiguousarray(loaded.image).data.cast("B")]
        if loaded.alpha is not None:
            parts.append(np.rint(loaded.alpha * 255).astype(np.uint8).data.cast("B"))
        wire.write(sink, {"size": loaded.image.shape[:2], "format": loaded.format}, parts)


if __name__ == "__main__":
    main()

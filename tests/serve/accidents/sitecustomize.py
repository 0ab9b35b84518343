"""Decoders with a bug: in a process of `tryon.serve.decoder`, a file that contains one of `WORDS` sets it off.

Python imports this by itself when the folder is on its path.
"""

import os
import signal
import sys
import time

WORDS = {
    b"ACCIDENT-SIGSEGV": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    b"ACCIDENT-MEMORY": lambda: bytearray(3 * 2**30),
    b"ACCIDENT-CPU": lambda: [None for _ in iter(int, 1)],
    b"ACCIDENT-HANG": lambda: time.sleep(60),
}


def _plant() -> None:
    from tryon import imageio

    load = imageio.load

    def careless(data: bytes) -> imageio.Loaded:
        for word, accident in WORDS.items():
            if word in data:
                accident()
        return load(data)

    imageio.load = careless


if "tryon.serve.decoder" in getattr(sys, "orig_argv", ()):
    _plant()

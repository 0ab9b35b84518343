"""What the commands share: the argument parser, one-line messages, argument types, quiet libraries.

A command's module has `add_command(commands)`, imports nothing heavy at its top, and sets `run(options) -> exit code`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from .errors import UsageError

ENGINES = ("auto", "onnx", "torch", "geometric")
CATEGORIES = ("auto", "upper", "lower", "dress")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See: {self.prog} --help")


def say(text: str, stream: Any) -> None:
    """Print one line, whatever the text contains and the terminal can show."""
    line = " ".join(text.split())
    with contextlib.suppress(OSError, ValueError, AttributeError):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def box(text: str) -> tuple[float, float, float, float]:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not x0,y0,x1,y1") from None
    if not (0 <= x0 < x1 < 1e6 and 0 <= y0 < y1 < 1e6):
        raise argparse.ArgumentTypeError(f"{text!r} is not a box: 0 <= x0 < x1 and 0 <= y0 < y1 must hold")
    return x0, y0, x1, y1


def categories(text: str) -> str | list[str]:
    names = text.split(",")
    for name in names:
        if name not in CATEGORIES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(CATEGORIES)}")
    return names[0] if len(names) == 1 else names


def threads(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 256")
    return int(text)


def to_json(record: dict[str, Any]) -> bytes:
    from .explain import plain

    return (json.dumps(plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


@contextlib.contextmanager
def quiet(debug: bool) -> Iterator[None]:
    """Keep the libraries' start-up messages off stderr, also those of C++ code; Python warnings too."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if debug:
        yield
        return
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        with contextlib.suppress(OSError):
            saved = os.dup(2)
            void = os.open(os.devnull, os.O_WRONLY)
            os.dup2(void, 2)
            os.close(void)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, 2)
        yield


def identity(path: Path) -> object:
    """Equal for two names of one file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return os.path.abspath(path)
    return status.st_dev, status.st_ino

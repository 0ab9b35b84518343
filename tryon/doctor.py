"""`tryon doctor`: is everything there that a try-on needs?"""

from __future__ import annotations

import importlib
import platform
import sys
from dataclasses import dataclass

from . import __version__, weights
from .errors import TryOnError

#: Weights without which the default engine can't work.
REQUIRED_WEIGHTS = (*weights.ANALYSIS, "generator")


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Args:
        text: what was looked at and found, with a remedy where it is broken.
        broken: the core can't work like this.
        optional: absent, and that is fine.
    """

    text: str
    broken: bool = False
    optional: bool = False

    @property
    def mark(self) -> str:
        return "FAIL" if self.broken else "--" if self.optional else "ok"


def examine() -> list[Finding]:
    """Look at Python, the libraries, the weights and the extras, in this order; raises nothing."""
    findings = [Finding(f"tryon {__version__}"), _python()]
    findings += [
        _library("numpy", "pip install 'numpy>=1.26,<2'"),
        _library("PIL", "pip install 'pillow>=11'"),
        _opencv(),
        _library("mediapipe.python.solutions.pose", "pip install mediapipe==0.10.21", show="mediapipe"),
        _library("onnxruntime", "pip install onnxruntime"),
    ]
    findings += [_weights(name) for name in REQUIRED_WEIGHTS]
    findings += [
        _library("torch", "pip install 'tryon[torch]'", optional=True),
        _library("pillow_heif", "pip install 'tryon[heif]'", optional=True),
    ]
    return findings


def _python() -> Finding:
    fine = (3, 11) <= sys.version_info[:2] <= (3, 12)
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding(text if fine else f"{text}: use Python 3.11 or 3.12", broken=not fine)


def _library(module: str, remedy: str, *, show: str | None = None, optional: bool = False) -> Finding:
    name = show or module
    try:
        importlib.import_module(module)
        version = getattr(sys.modules[module.partition(".")[0]], "__version__", "")
        return Finding(f"{name} {version}".strip())
    except ModuleNotFoundError as error:
        if optional and error.name == module:
            return Finding(f"{name} is not installed (optional; {remedy})", optional=True)
        return Finding(f"{name}: {error}; run: {remedy}", broken=not optional, optional=optional)
    except Exception as error:  # broken wheels raise anything
        return Finding(f"{name}: {error}; run: {remedy}", broken=not optional, optional=optional)


def _opencv() -> Finding:
    finding = _library("cv2", "pip install 'opencv-contrib-python>=4.10,<4.12'", show="OpenCV")
    if finding.broken and "libGL" in finding.text:
        version = "4.11.0.86"
        return Finding(
            "OpenCV needs the system library libGL; run: apt-get install libgl1, or"
            f" pip install --force-reinstall --no-deps opencv-contrib-python-headless=={version}",
            broken=True,
        )
    return finding


def _weights(name: str) -> Finding:
    try:
        data = weights.read(name)
        return Finding(f"weights {name}: {len(data) / 1e6:.1f} MB, sha256 {weights.info(name)['sha256'][:12]}")
    except TryOnError as error:
        return Finding(f"weights {name}: {error}", broken=True)

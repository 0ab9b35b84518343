"""Engines: how a pair becomes a picture on the canvas."""

from __future__ import annotations

from ..errors import UsageError
from .base import Engine, Render
from .geometric import GeometricEngine

ENGINES = ("auto", "onnx", "torch", "geometric")


def make_engine(name: str = "auto", threads: int | None = None) -> Engine:
    """The engine called `name`; "auto" is ONNX Runtime on the CPU.

    Raises:
        UsageError: unknown name; WeightsError, DependencyError: the engine can't start.
    """
    if name == "geometric":
        return GeometricEngine()
    if name in ("auto", "onnx"):
        from .onnx import OnnxEngine

        return OnnxEngine(threads)
    if name == "torch":
        from .torch import TorchEngine

        return TorchEngine(threads)
    raise UsageError(f"There is no engine {name!r}.", f"Choose one of: {', '.join(ENGINES)}.")


__all__ = ["ENGINES", "Engine", "GeometricEngine", "Render", "make_engine"]

"""Torch weights on disk: safetensors with the numbers that the module was built with."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import safe_open

from .generator import Generator


def load_generator(path: str | Path) -> Generator:
    """A generator in eval mode, float32.

    Args:
        path: `.safetensors` whose metadata hold `settings`, the arguments of `Generator`, as JSON.

    Raises:
        ValueError: the file has no settings, or they do not fit its tensors.
        OSError, safetensors.SafetensorError: the file can't be read.
    """
    with safe_open(str(path), framework="pt") as file:
        settings = (file.metadata() or {}).get("settings")
        if settings is None:
            raise ValueError(f"{Path(path).name} holds no generator settings")
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a dict
    try:
        net = Generator(**{"confined": False, **json.loads(settings)})
        net.load_state_dict(tensors)
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"{Path(path).name} does not fit the generator") from error
    return net.eval()

"""Pieces of a training loop that know nothing of the task: time, averaged weights, checkpoints, metrics.

Checkpoints hold no pickle: tensors are safetensors (optimizer moments too), numbers are JSON.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .settings import PRECISIONS


@functools.cache
def fast_bf16(device: str = "cpu") -> bool:
    """Whether `device` has units for bf16 matrices (AMX, AVX512-BF16, Arm BF16, GPU), or else emulates them."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if hasattr(torch.cpu, "get_capabilities"):
        able = torch.cpu.get_capabilities()
        return any(bool(able.get(name)) for name in ("amx_bf16", "avx512_bf16", "bf16", "sve_bf16"))
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in names)


def autocast(precision: str = "auto", device: str = "cpu") -> torch.autocast:
    """The autocast of a forward pass.

    Args:
        precision: "bf16", "float32" (autocast is off), or "auto": bf16 where `fast_bf16`. Emulated bf16 is slower than
            float32.
        device: where the networks are, `cpu` or `cuda`.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    bf16 = precision == "bf16" or (precision == "auto" and fast_bf16(device))
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16)


class Clock:
    """Training time that survives a restart.

    Args:
        minutes: planned length.
        spent: seconds of earlier runs.
    """

    def __init__(self, minutes: float, spent: float = 0.0) -> None:
        self.total = minutes * 60
        self._start = time.monotonic() - spent

    @property
    def spent(self) -> float:
        """Seconds so far, earlier runs included."""
        return time.monotonic() - self._start

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the planned end."""
        return min(self.spent / self.total, 1.0) if self.total > 0 else 1.0


def learning_rate(base: float, progress: float, images: int, *, warmup: int = 400, hold: float = 0.5) -> float:
    """Linear warm-up over `warmup` images, constant until `hold` of the time, then half a cosine down to 4 %."""
    scale = min(1.0, (images + 1) / warmup) if warmup else 1.0
    if progress > hold:
        scale *= 0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * (progress - hold) / (1 - hold)))
    return base * scale


class Alarm:
    """Rings every few minutes of training time, and at the end.

    Args:
        minutes: between two rings, of `clock`'s time.
    """

    def __init__(self, minutes: float, clock: Clock) -> None:
        self._seconds, self._clock = minutes * 60, clock
        self._next = clock.spent + self._seconds

    def rings(self, over: bool) -> bool:
        """Whether it is time (again); `over`: the training has ended."""
        if self._clock.spent < self._next and not over:
            return False
        self._next = self._clock.spent + self._seconds
        return True


class Ema:
    """Exponential moving average of a module's parameters and running statistics; whole numbers are copied.

    Args:
        half_life: images after which an old value counts half.
        young: share of the images so far that bounds the half-life: early on the average is shorter.
    """

    def __init__(self, module: nn.Module, half_life: float = 2000.0, young: float = 0.25) -> None:
        self.half_life, self.young = half_life, young
        self.values = {name: p.detach().clone() for name, p in module.state_dict().items()}

    def update(self, module: nn.Module, batch: int, images: int) -> None:
        half_life = min(self.half_life, max(images, batch) * self.young)
        self.blend(module, 1 - 0.5 ** (batch / half_life))

    @torch.no_grad()
    def blend(self, module: nn.Module, new: float) -> None:
        """Move by the share `new` towards the module."""
        current = module.state_dict()
        moving = [name for name, value in self.values.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.values[name] for name in moving], [current[name] for name in moving], new)
        for name in self.values.keys() - set(moving):
            self.values[name].copy_(current[name])

    def restore(self, values: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        for name, value in self.values.items():
            value.copy_(values[name])


def flat_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's tensors as one flat dict (`<parameter number>.<name>`)."""
    state = optimizer.state_dict()["state"]
    return {
        f"{k}.{name}": value for k, entry in state.items() for name, value in entry.items() if torch.is_tensor(value)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Inverse of `flat_optimizer`, for an optimizer over the same parameters.

    Moments get the memory order of their parameters: fused optimizers go through both side by side.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for key, value in flat.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        if value.shape == parameter.shape:
            value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        state[int(number)][name] = value
    optimizer.load_state_dict({"state": dict(state), "param_groups": optimizer.state_dict()["param_groups"]})


def save_module(path: Path, tensors: dict[str, Tensor], settings: Mapping[str, Any], **about: Any) -> None:
    """Write weights with the numbers that the module was built with; the file appears whole or not at all.

    Args:
        about: what else the file should say of itself, JSON values: `training` (settings), `metrics`, `licence`.
    """
    part = path.with_suffix(".part")
    contiguous = {name: value.detach().contiguous() for name, value in tensors.items()}
    save_file(contiguous, str(part), metadata={k: json.dumps(v) for k, v in ({"settings": settings} | about).items()})
    os.replace(part, path)


def as_json(settings: Any) -> dict[str, Any]:
    """A settings record (dataclass) as JSON values."""
    return dict(json.loads(json.dumps(dataclasses.asdict(settings), default=str)))


def load_about(path: Path) -> dict[str, Any]:
    """What a weights file says of itself, see `save_module`; empty where it says nothing."""
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as file:
        return {name: json.loads(text) for name, text in (file.metadata() or {}).items() if name != "format"}


def load_settings(path: Path) -> dict[str, Any]:
    """The numbers stored beside the weights by `save_module`."""
    return dict(load_about(path)["settings"])


class Checkpoint:
    """A folder with everything that a training needs to go on. Replaced as a whole.

    Args:
        folder: where; `folder.new` and `folder.old` are used while writing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        self._recover()
        return (self.folder / "state.json").exists()

    def _recover(self) -> None:
        old = self.folder.with_suffix(".old")
        if not self.folder.exists() and old.exists():
            old.rename(self.folder)

    def save(self, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
        """Args: tensors: file name -> name -> tensor; state: JSON numbers."""
        new, old = self.folder.with_suffix(".new"), self.folder.with_suffix(".old")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for name, values in tensors.items():
            save_file({k: v.detach().contiguous() for k, v in values.items()}, str(new / f"{name}.safetensors"))
        (new / "state.json").write_text(json.dumps(state))
        shutil.rmtree(old, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(old)
        new.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)

    def load(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        files = {path.stem: load_file(str(path)) for path in self.folder.glob("*.safetensors")}
        return files, json.loads((self.folder / "state.json").read_text())


class Metrics:
    """Running means, written as rows of a JSON-lines file.

    `sums` and `counts` hold what was added since the last row; they belong into a checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sums: dict[str, float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)

    def add(self, **values: float | Tensor) -> None:
        for name, value in values.items():
            self.sums[name] += value.item() if isinstance(value, Tensor) else float(value)
            self.counts[name] += 1

    def write(self, **more: Any) -> dict[str, Any]:
        """Append a row with the means since the last call."""
        row = {**more, **{name: round(self.sums[name] / self.counts[name], 5) for name in self.sums}}
        self.sums.clear()
        self.counts.clear()
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        return row

    def restore(self, sums: dict[str, float], counts: dict[str, int]) -> None:
        """Go on from a checkpoint."""
        self.sums.update(sums)
        self.counts.update(counts)


class Deck:
    """Which of `count` samples comes next: rounds, each shuffled anew. Seed and `dealt` decide all that follows.

    Args:
        dealt: how many were given out before.
    """

    def __init__(self, count: int, seed: int, dealt: int = 0) -> None:
        self.count, self.seed, self.dealt = count, seed, dealt
        self._round = -1
        self._order: list[int] = []

    def deal(self) -> int:
        """The next one's number, 0 to count - 1."""
        turn, place = divmod(self.dealt, self.count)
        if turn != self._round:
            self._round, self._order = turn, chance(self.seed, "round", turn).sample(range(self.count), self.count)
        self.dealt += 1
        return self._order[place]


def chance(*what: int | str) -> random.Random:
    """Random numbers that follow from `what` alone, on every machine."""
    return random.Random(" ".join(map(str, what)))


def seed_step(seed: int, images: int, rank: int = 0) -> None:
    """torch's random numbers of one step follow from how far the run is: nothing has to be kept for resuming."""
    torch.manual_seed((seed * 1_000_003 + images) * 1_009 + rank)


def forget_after(path: Path, images: int) -> None:
    """Drop the rows of a JSON-lines file that were written after `images`: the run goes on from there."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["images"] <= images:
                kept.append(line)
        except (ValueError, KeyError, TypeError):  # torn by a kill
            continue
    part = path.with_suffix(".part")
    part.write_text("".join(kept), encoding="utf-8")
    os.replace(part, path)


def go_on(out: Path, restore: Callable[[], dict[str, Any]] | None) -> tuple[Metrics, dict[str, Any]]:
    """The metrics of a run, from its checkpoint on if it has one. Rows behind it are dropped: they will come again.

    Args:
        out: folder of the run.
        restore: loads the checkpoint and returns its state (`images`, `sums`, `counts` among it); None begins anew.

    Returns:
        The metrics and the state, empty at the beginning.
    """
    metrics = Metrics(out / "metrics.jsonl")
    if restore is None or not Checkpoint(out / "checkpoint").exists():
        return metrics, {}
    state = restore()
    metrics.restore(state["sums"], state["counts"])
    for name in ("metrics.jsonl", "validation.jsonl"):
        forget_after(out / name, state["images"])
    return metrics, state

"""The processes of one training. `torchrun` starts several of them; without it there is one.

    torchrun --nproc-per-node 2 -m tryon train tryon run.toml

Every process takes its own samples; gradients are averaged before each step, so all of them hold the same weights. The
first process alone logs and saves. One call per backward pass is easier to follow than a wrapper round the networks,
which would have to be told about the discriminator's two passes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Team:
    """One process among `size`.

    Args:
        rank: number of this process; 0 leads.
        device: where its networks are.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @classmethod
    def join(cls, device: str = "auto") -> Team:
        """The team that `torchrun` has started, or a team of one.

        Args:
            device: "auto" (CUDA where there is one), "cpu" or "cuda".

        Raises:
            ValueError: CUDA is asked for and not there.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError("device is cuda, but torch sees no GPU: set device = 'cpu'")
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size < 2:
            return cls(device=torch.device(device))
        place = torch.device(device)
        if place.type == "cuda":
            place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(place)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
        return cls(dist.get_rank(), size, place)

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Replace the gradients by their means over the processes."""
        if self.size == 1:
            return
        slopes = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([slope.reshape(-1) for slope in slopes])
        dist.all_reduce(flat)
        for slope, part in zip(slopes, (flat / self.size).split([s.numel() for s in slopes]), strict=True):
            slope.copy_(part.view(slope.shape))

    def agree(self, value: float) -> float:
        """The first process's `value`."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return float(shared)

    def check_same(self, tensors: Iterable[Tensor]) -> None:
        """Make sure that all processes hold the same values.

        Raises:
            RuntimeError: they differ; their weights have drifted apart.
        """
        if self.size == 1:
            return
        sums = torch.stack([t.detach().double().abs().sum() for t in tensors]).sum().reshape(1)
        highest, lowest = sums.clone(), sums.clone()
        dist.all_reduce(highest, dist.ReduceOp.MAX)
        dist.all_reduce(lowest, dist.ReduceOp.MIN)
        if float(highest) != float(lowest):
            raise RuntimeError(f"the processes hold different weights (sums {float(lowest)} to {float(highest)})")

    def leave(self) -> None:
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

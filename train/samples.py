"""A generator sample: what is stored in a shard, and the batch that training sees.

Batch (all float32, canvas crops of one size)
    inputs        (B, C, H, W)  in the order of `tryon.models.generator.INPUT_CHANNELS`
    target        (B, 3, H, W)  [-1, 1], the photo as it should come out
    edit          (B, 1, H, W)  1 = may change
    warp_mask     (B, 1, H, W)  1 = the warped garment covers this pixel
    valid         (B, 1, H, W)  1 = the target is true here
    garment_true  (B, 1, H, W)  1 = the target shows the new garment here
    skin_true     (B, 1, H, W)  1 = the target shows skin of arms, neck or midriff here
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..models.generator import EDIT, IN_CHANNELS, INPUT_CHANNELS, LAYOUT, LIMBS, PLATE, SKIN_PRIOR, WARP, WARP_MASK
from .shards import ShardReader

Batch = dict[str, Tensor]

#: What a shard stores per sample, name -> uint8 channels. `layout` is the index of the one-hot channel.
SAMPLE_FIELDS: dict[str, int] = {
    "target": 3,
    "plate": 3,
    "warp": 3,
    "edit": 1,
    "warp_mask": 1,
    "limbs": 6,
    "layout": 1,
    "skin_prior": 1,
    "valid": 1,
    "garment_true": 1,
    "skin_true": 1,
}
_TRUTHS = ("valid", "garment_true", "skin_true")
_LAYOUTS = LAYOUT.stop - LAYOUT.start


def _byte(values: np.ndarray, low: float) -> np.ndarray:
    """(C, H, W) in [low, 1] -> uint8 (H, W, C)."""
    scaled = (np.moveaxis(np.asarray(values, np.float32), 0, -1) - low) * (255 / (1 - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def encode(
    inputs: np.ndarray, target: np.ndarray, valid: np.ndarray, garment_true: np.ndarray, skin_true: np.ndarray
) -> dict[str, np.ndarray]:
    """One sample in the network's terms -> the fields of a shard.

    Args:
        inputs: float (C, H, W) in the order of `INPUT_CHANNELS`; the very array that the engine would be given.
        target: float (3, H, W) in [-1, 1].
        valid, garment_true, skin_true: (H, W) in [0, 1].
    """
    if inputs.shape[0] != IN_CHANNELS:
        raise ValueError(f"inputs must have the {IN_CHANNELS} channels of INPUT_CHANNELS, got {inputs.shape[0]}")
    masks = {"edit": EDIT, "warp_mask": WARP_MASK, "limbs": LIMBS, "skin_prior": SKIN_PRIOR}
    out = {name: _byte(inputs[where], 0.0) for name, where in masks.items()}
    out["target"], out["plate"], out["warp"] = (_byte(v, -1.0) for v in (target, inputs[PLATE], inputs[WARP]))
    out["layout"] = inputs[LAYOUT].argmax(0).astype(np.uint8)[..., None]
    for name, values in zip(_TRUTHS, (valid, garment_true, skin_true), strict=True):
        out[name] = _byte(values[None], 0.0)
    return out


def decode(packed: Tensor, fields: Mapping[str, int] = SAMPLE_FIELDS) -> Batch:
    """uint8 (B, H, W, channels) -> a batch on the same device. Tensors are channels-last in memory."""
    parts, start = {}, 0
    planes = packed.permute(0, 3, 1, 2)
    for name, channels in fields.items():
        parts[name] = planes[:, start : start + channels]
        start += channels
    b, _, h, w = planes.shape
    inputs = torch.empty((b, IN_CHANNELS, h, w), memory_format=torch.channels_last, device=packed.device)
    inputs[:, PLATE] = parts["plate"] / 127.5 - 1
    inputs[:, WARP] = (parts["warp"] / 127.5 - 1) * (parts["warp_mask"] > 0)
    for name, where in (("edit", EDIT), ("warp_mask", WARP_MASK), ("limbs", LIMBS), ("skin_prior", SKIN_PRIOR)):
        inputs[:, where] = parts[name] / 255.0
    inputs[:, LAYOUT] = parts["layout"] == torch.arange(_LAYOUTS, device=packed.device).view(1, -1, 1, 1)
    batch = {"inputs": inputs, "target": parts["target"] / 127.5 - 1}
    batch["edit"], batch["warp_mask"] = inputs[:, EDIT], inputs[:, WARP_MASK]
    batch.update({name: parts[name] / 255.0 for name in _TRUTHS})
    return batch


def _mirror_order() -> list[int]:
    """Channel order after mirroring: left and right limbs change places."""
    order = []
    for name in INPUT_CHANNELS:
        other = name.replace("_left_", "_?_").replace("_right_", "_left_").replace("_?_", "_right_")
        order.append(INPUT_CHANNELS.index(other))
    return order


MIRROR_ORDER = _mirror_order()


def mirror(batch: Batch) -> Batch:
    """The batch as seen in a mirror."""
    out = {name: values.flip(-1) for name, values in batch.items()}
    out["inputs"] = out["inputs"][:, MIRROR_ORDER].contiguous(memory_format=torch.channels_last)
    return out


@dataclass(frozen=True)
class Place:
    """How far a sampler has come. With the seed it decides everything that will be drawn next.

    Args:
        round: how often the samples have been gone through before.
        taken: samples taken from the round, by all processes together.
        count: samples in the round; those that are written meanwhile belong to the next one.
    """

    round: int
    taken: int
    count: int

    def state(self) -> dict[str, int]:
        """JSON numbers; `Place(**numbers)` is the inverse."""
        return asdict(self)


@dataclass(frozen=True)
class Draw:
    """Which crops make a batch.

    Args:
        samples: indices; corners: (y, x) px of each crop; mirrored: the whole batch is shown in a mirror.
        after: the sampler's place behind these.
    """

    samples: tuple[int, ...]
    corners: tuple[tuple[int, int], ...]
    mirrored: bool
    after: Place


class CropSampler:
    """Random crops of stored samples. What comes n-th depends on the seed and n alone, so a run can be continued.

    Args:
        reader: the shards.
        size: (height, width) of the crops, px, multiples of 32.
        seed: of the random choice.
        skin_focus: share of the crops that are moved to hold a pixel of true skin, where the sample has any.
        place: where to go on; default the beginning.
        share: (number of this process, number of processes): each takes its own samples.
        device: where batches are made.
        resident: keep every sample on the device once it was used; crops are cut there.
    """

    def __init__(
        self,
        reader: ShardReader,
        size: tuple[int, int],
        *,
        seed: int = 0,
        skin_focus: float = 0.5,
        place: Place | None = None,
        share: tuple[int, int] = (0, 1),
        device: str | torch.device = "cpu",
        resident: bool = False,
    ) -> None:
        self.reader, self.size, self.skin_focus, self.seed, self.share = reader, size, skin_focus, seed, share
        self.device, self.resident = torch.device(device), resident
        #: Behind the last batch that `batches` gave out (drawing itself is ahead of it).
        self.reached = place or Place(0, 0, len(reader))
        self._place = self.reached
        self._order = self._shuffled(self._place)
        self._kept: dict[int, Tensor] = {}
        names = list(reader.fields)
        self._start = {name: sum(list(reader.fields.values())[:k]) for k, name in enumerate(names)}

    def _shuffled(self, place: Place) -> np.ndarray:
        return np.random.default_rng((self.seed, place.round)).permutation(place.count)

    def _next(self) -> tuple[int, np.random.Generator]:
        """A sample of this process and the randomness of its crop."""
        if self._place.taken >= self._place.count:
            self._place = Place(self._place.round + 1, 0, self.reader.refresh())
            self._order = self._shuffled(self._place)
        place, (rank, processes) = self._place, self.share
        mine = place.taken + rank
        self._place = Place(place.round, place.taken + processes, place.count)
        return int(self._order[mine % place.count]), np.random.default_rng((self.seed, place.round, mine))

    def _corner(self, sample: np.ndarray, random: np.random.Generator) -> tuple[int, int]:
        room = [sample.shape[k] - self.size[k] for k in (0, 1)]
        if min(room) < 0:
            raise ValueError(
                f"crops of {self.size} do not fit a stored sample of {sample.shape[:2]}: use smaller crops"
            )
        corner = [int(random.integers(0, r + 1)) for r in room]
        if random.random() < self.skin_focus and max(room) > 0:
            hits = np.argwhere(sample[::16, ::16, self._start["skin_true"]] > 127)
            if len(hits):
                point = hits[random.integers(len(hits))] * 16
                shift = [int(point[k]) - int(random.integers(16, self.size[k] - 16)) for k in (0, 1)]
                corner = [int(np.clip(shift[k], 0, room[k])) for k in (0, 1)]
        return corner[0], corner[1]

    def draw(self, count: int) -> Draw:
        """Choose the next `count` crops."""
        samples, corners = [], []
        mirrored = False
        for k in range(count):
            i, random = self._next()
            samples.append(i)
            corners.append(self._corner(self.reader[i], random))
            mirrored = bool(random.random() < 0.5) if k == 0 else mirrored
        return Draw(tuple(samples), tuple(corners), mirrored, self._place)

    def packed(self, draw: Draw) -> np.ndarray:
        """uint8 (count, height, width, channels), read from the shards."""
        out = np.empty((len(draw.samples), *self.size, self.reader.channels), np.uint8)
        for k, (i, (y, x)) in enumerate(zip(draw.samples, draw.corners, strict=True)):
            out[k] = self.reader[i][y : y + self.size[0], x : x + self.size[1]]
        return out

    def _cut(self, draw: Draw) -> Tensor:
        """The same, on the device, from samples that are kept there."""
        crops = []
        for i, (y, x) in zip(draw.samples, draw.corners, strict=True):
            if i not in self._kept:
                self._kept[i] = torch.from_numpy(self.reader[i].copy()).to(self.device)
            crops.append(self._kept[i][y : y + self.size[0], x : x + self.size[1]])
        return torch.stack(crops)

    def batches(self, count: int, depth: int = 3) -> Generator[Batch, None, None]:
        """Endless batches; crops are copied ahead of time by one thread, conversion to float happens here.

        (Only numpy copies run in the thread: torch operators there would open a second pool of threads.)
        """
        ready: queue.Queue[tuple[Draw, np.ndarray | None] | BaseException] = queue.Queue(depth)
        stop = threading.Event()

        def put(item: Any) -> None:
            while not stop.is_set():
                try:
                    ready.put(item, timeout=0.5)
                    return
                except queue.Full:
                    continue

        def work() -> None:
            try:
                while not stop.is_set():
                    draw = self.draw(count)
                    put((draw, None if self.resident else self.packed(draw)))
            except BaseException as error:
                put(error)

        threading.Thread(target=work, daemon=True, name="prefetch").start()
        try:
            while True:
                item = ready.get()
                if isinstance(item, BaseException):
                    raise item
                draw, packed = item
                on_device = self._cut(draw) if packed is None else torch.from_numpy(packed).to(self.device)
                batch = decode(on_device, self.reader.fields)
                self.reached = draw.after
                yield mirror(batch) if draw.mirrored else batch
        finally:
            stop.set()

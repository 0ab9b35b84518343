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
from collections.abc import Iterator, Mapping

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
    """uint8 (B, H, W, channels) -> a batch. Tensors are channels-last in memory."""
    parts, start = {}, 0
    planes = packed.permute(0, 3, 1, 2)
    for name, channels in fields.items():
        parts[name] = planes[:, start : start + channels]
        start += channels
    b, _, h, w = planes.shape
    inputs = torch.empty((b, IN_CHANNELS, h, w), memory_format=torch.channels_last)
    inputs[:, PLATE] = parts["plate"] / 127.5 - 1
    inputs[:, WARP] = (parts["warp"] / 127.5 - 1) * (parts["warp_mask"] > 0)
    for name, where in (("edit", EDIT), ("warp_mask", WARP_MASK), ("limbs", LIMBS), ("skin_prior", SKIN_PRIOR)):
        inputs[:, where] = parts[name] / 255.0
    inputs[:, LAYOUT] = parts["layout"] == torch.arange(_LAYOUTS).view(1, -1, 1, 1)
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


class CropSampler:
    """Random crops of stored samples.

    Args:
        reader: the shards.
        size: (height, width) of the crops, px, multiples of 32.
        seed: of the random choice.
        skin_focus: share of the crops that are moved to hold a pixel of true skin, where the sample has any.
    """

    def __init__(self, reader: ShardReader, size: tuple[int, int], *, seed: int = 0, skin_focus: float = 0.5) -> None:
        self.reader, self.size, self.skin_focus = reader, size, skin_focus
        self.random = np.random.default_rng(seed)
        self._order = np.empty(0, np.int64)
        names = list(reader.fields)
        self._start = {name: sum(list(reader.fields.values())[:k]) for k, name in enumerate(names)}

    def _next(self) -> int:
        if len(self._order) == 0:
            self.reader.refresh()
            self._order = self.random.permutation(len(self.reader))
        i, self._order = int(self._order[0]), self._order[1:]
        return i

    def _corner(self, sample: np.ndarray) -> tuple[int, int]:
        room = [sample.shape[k] - self.size[k] for k in (0, 1)]
        if min(room) < 0:
            raise ValueError(
                f"crops of {self.size} do not fit a stored sample of {sample.shape[:2]}: use smaller crops"
            )
        corner = [int(self.random.integers(0, r + 1)) for r in room]
        if self.random.random() < self.skin_focus and max(room) > 0:
            hits = np.argwhere(sample[::16, ::16, self._start["skin_true"]] > 127)
            if len(hits):
                point = hits[self.random.integers(len(hits))] * 16
                shift = [int(point[k]) - int(self.random.integers(16, self.size[k] - 16)) for k in (0, 1)]
                corner = [int(np.clip(shift[k], 0, room[k])) for k in (0, 1)]
        return corner[0], corner[1]

    def packed(self, count: int) -> np.ndarray:
        """uint8 (count, height, width, channels)."""
        out = np.empty((count, *self.size, self.reader.channels), np.uint8)
        for k in range(count):
            sample = self.reader[self._next()]
            y, x = self._corner(sample)
            out[k] = sample[y : y + self.size[0], x : x + self.size[1]]
        return out

    def batches(self, count: int, depth: int = 3) -> Iterator[Batch]:
        """Endless batches; crops are copied ahead of time by one thread, conversion to float happens here.

        (Only numpy copies run in the thread: torch operators there would open a second pool of threads.)
        """
        ready: queue.Queue[np.ndarray | BaseException] = queue.Queue(depth)
        stop = threading.Event()

        def put(item: np.ndarray | BaseException) -> None:
            while not stop.is_set():
                try:
                    ready.put(item, timeout=0.5)
                    return
                except queue.Full:
                    continue

        def work() -> None:
            try:
                while not stop.is_set():
                    put(self.packed(count))
            except BaseException as error:
                put(error)

        threading.Thread(target=work, daemon=True, name="prefetch").start()
        flips = np.random.default_rng(int(self.random.integers(1 << 31)))
        try:
            while True:
                item = ready.get()
                if isinstance(item, BaseException):
                    raise item
                batch = decode(torch.from_numpy(item), self.reader.fields)
                yield mirror(batch) if flips.random() < 0.5 else batch
        finally:
            stop.set()

"""What a training would do: everything is built, one batch is run for its time, nothing is written."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .settings import GarmentSettings, ParserSettings, TryOnSettings

Lines = Iterable[tuple[str, str]]


def millions(*nets: nn.Module) -> str:
    return " + ".join(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M" for net in nets)


def precision(s: Any) -> str:
    """What the precision of the settings comes to on this machine."""
    from .loop import fast_bf16

    return s.precision if s.precision != "auto" else ("bf16" if fast_bf16() else "float32")


def images_per_second(step: Callable[[], object], batch: int) -> float:
    """Speed of the second call: the first one warms up."""
    step()
    start = time.perf_counter()
    step()
    return batch / max(time.perf_counter() - start, 1e-9)


def _length(minutes: float, rate: float, samples: int) -> str:
    images = minutes * 60 * rate
    return f"{minutes:g} minutes, about {images:,.0f} images, {images / max(samples, 1):.1f} rounds of the samples"


def plan_tryon(s: TryOnSettings) -> Lines:
    """The generator's training. Its step is timed without and with the discriminator."""
    from . import preview
    from .loop import Metrics
    from .samples import CropSampler
    from .shards import ShardReader
    from .team import Team
    from .tryon import Trainer

    torch.set_num_threads(s.threads)
    reader = ShardReader(list(s.shards))
    kinds = Counter(str(row["meta"].get("kind", "unnamed")) for row in reader.rows)
    yield "samples", f"{len(reader)} ({', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))})"
    if s.val:
        yield "held out", f"{len(preview.held_out(ShardReader(list(s.val)), s.crop, s.sheet_count)['target'])} crops"
    team = Team.join(s.device)
    trainer = Trainer(s, team)
    yield "parameters", f"generator + discriminator {millions(trainer.generator, trainer.discriminator)}"
    yield "crops", f"{s.crop[0]}x{s.crop[1]}, batch {s.batch}, {precision(s)}, {s.threads} threads"
    batches = CropSampler(reader, s.crop, seed=s.seed, skin_focus=s.skin_focus, device=team.device).batches(s.batch)
    metrics = Metrics(Path("unwritten"))
    rate = images_per_second(lambda: trainer.step(next(batches), 0.0, metrics), s.batch)
    yield "speed", f"{rate:.2f} images/s before the discriminator"
    mean = rate
    if s.gan_start < 1:
        trainer.judged = s.gan_pretrain
        judged = images_per_second(lambda: trainer.step(next(batches), 1.0, metrics), s.batch)
        yield "speed", f"{judged:.2f} images/s with it"
        mean = s.gan_start * rate + (1 - s.gan_start) * judged
    batches.close()
    yield "length", f"{s.max_images:,} images" if s.max_images else _length(s.minutes, mean, len(reader))


def plan_parser(s: ParserSettings) -> Lines:
    """The parser's training; the last stage's size is timed."""
    from . import parser

    torch.set_num_threads(s.threads)
    photos = parser.load_photos(s)
    yield "photos", str(photos)
    run = parser.Training(s, photos)
    yield "parameters", millions(run.net)
    size, batch = run.stage(1.0)

    def step() -> None:
        parser.step(run.net, run.optimizer, run.batch(1.0), run.weights, 0.0, s.precision)

    rate = images_per_second(step, batch)
    yield "canvas", f"{size[0]}x{size[1]}, batch {batch}, {precision(s)}, {s.threads} threads"
    yield "speed", f"{rate:.2f} images/s"
    yield "length", f"{s.max_images:,} images" if s.max_images else _length(s.minutes, rate, len(photos.train))


def plan_garment(s: GarmentSettings) -> Lines:
    """The garment network's training; full views are timed."""
    from . import garment

    torch.set_num_threads(s.threads)
    photos = garment.load_photos(s)
    yield "photos", str(photos)
    run = garment.Training(s, photos)
    yield "parameters", millions(run.net)
    rate = images_per_second(lambda: run.step(run.batch(1.0), 1.0), s.batch)
    yield "view", f"{garment.VIEW}x{garment.VIEW}, batch {s.batch}, {precision(s)}, {s.threads} threads"
    yield "speed", f"{rate:.2f} images/s"
    yield "length", f"{s.max_images:,} images" if s.max_images else _length(s.minutes, rate, len(photos.annotated))

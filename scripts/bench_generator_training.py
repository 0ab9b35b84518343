"""How many crops per second the generator's training does on this machine: a table in Markdown.

    python scripts/bench_generator_training.py --perceptual MOBILENET.safetensors --threads 2

Wall time is what counts on an idle machine; processor seconds per crop can be compared on a busy one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from tryon.train import toy
from tryon.train.loop import Metrics
from tryon.train.samples import CropSampler
from tryon.train.shards import ShardReader
from tryon.train.tryon import Settings, Trainer

STEPS = ("G", "G + perceptual", "G + perceptual + D")


def measure(
    step: str, width: int, crop: tuple[int, int], args: argparse.Namespace, folder: Path
) -> tuple[float, float]:
    """Best wall crops/s and processor seconds per crop over a few steps of one kind."""
    settings = Settings(
        shards=[folder],
        out=folder,
        perceptual=None if step == "G" else args.perceptual,
        width=width,
        crop=crop,
        batch=args.batch,
        gan_start=0.0 if step.endswith("D") else 1.0,
        gan_pretrain=0,
        minutes=1.0,
    )
    trainer, metrics = Trainer(settings), Metrics(folder / "metrics.jsonl")
    batches = CropSampler(ShardReader(folder), crop).batches(args.batch)
    walls, cpus = [], []
    for _ in range(args.repeat + 1):
        batch = next(batches)
        wall, cpu = time.perf_counter(), time.process_time()
        trainer.step(batch, 0.5, metrics)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    batches.close()
    return args.batch / min(walls[1:]), min(cpus[1:]) / args.batch


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--perceptual", type=Path, required=True, help="MobileNetV2 weights (safetensors)")
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 40, 48])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"| width | crop | step | crops/s ({args.threads} threads) | processor ms per crop |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        toy.write(folder, 2, (256, 256))
        for width in args.widths:
            for crop in ((256, 192), (256, 256)):
                for step in STEPS:
                    rate, cpu = measure(step, width, crop, args, folder)
                    print(f"| {width} | {crop[0]}x{crop[1]} | {step} | {rate:.1f} | {cpu * 1000:.0f} |", flush=True)


if __name__ == "__main__":
    main()

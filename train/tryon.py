"""Training of the generator: reconstruction first, the discriminator joins later.

    python -m tryon.train.tryon --shards SAMPLES --val HELD_OUT --perceptual MOBILENET.safetensors --out RUN

Samples come pre-rendered (`shards`, `samples`). Time rules: learning rate and the discriminator's start follow the
share of `--minutes` that has passed, counts are in images (crops). Stop it at any moment; the same command with
`--resume` goes on from the last checkpoint. With other work on the same cores, set OMP_WAIT_POLICY=passive.

RUN holds generator.safetensors (averaged weights with their settings), checkpoint/, metrics.jsonl, sheets/.

Throughput
    See `train/throughput.md`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..models.discriminator import Discriminator, conditions
from ..models.generator import Generator, Layers, composite
from . import losses, preview
from .loop import (
    Checkpoint,
    Clock,
    Ema,
    Metrics,
    autocast,
    flat_optimizer,
    learning_rate,
    restore_optimizer,
    save_module,
)
from .samples import Batch, CropSampler
from .settings import PRECISIONS
from .settings import TryOnSettings as Settings
from .shards import ShardReader


class Reconstruction:
    """The supervised part of the loss.

    Args:
        settings: the weights.
    """

    def __init__(self, settings: Settings) -> None:
        self.s = settings
        self.perceptual = losses.PerceptualLoss(settings.perceptual) if settings.perceptual else None

    def picture(self, mixed: Tensor, batch: Batch, weights: Tensor) -> dict[str, Tensor]:
        """Terms that depend on the composite alone; `mixed` is the target where nothing changed."""
        s, target = self.s, batch["target"]
        terms = {
            "l1": s.w_l1 * losses.l1(mixed, target, weights),
            "gradient": s.w_gradient * losses.gradient(mixed, target, weights),
        }
        if self.perceptual is not None and s.w_perceptual:
            with autocast(s.precision):
                terms["perceptual"] = s.w_perceptual * self.perceptual(mixed, target, weights)
        return terms

    def layers(self, layers: Layers, batch: Batch, weights: Tensor, changed: Tensor) -> dict[str, Tensor]:
        """Terms on what lies inside the composite."""
        s = self.s
        below = weights * (1 - 0.9 * batch["garment_true"] * batch["warp_mask"])  # rgb is hardly seen under the garment
        return {
            "rgb": s.w_rgb * losses.l1(layers.rgb, batch["target"], below),
            "alpha": s.w_alpha * losses.alpha_bce(layers.alpha, batch["garment_true"], batch["warp_mask"], changed),
            "gain": s.w_gain * losses.gain_smoothness(layers.gain, batch["warp_mask"]),
        }


class Trainer:
    """Networks, optimizers and averages of one training, and the two kinds of step."""

    def __init__(self, settings: Settings) -> None:
        s = self.s = settings
        torch.manual_seed(s.seed)
        self.generator = Generator(width=s.width, bottleneck=s.bottleneck, gain_channels=s.gain_channels)
        self.discriminator = Discriminator(width=s.d_width, scales=s.d_scales, norm=s.d_norm)
        for net in (self.generator, self.discriminator):
            net.to(memory_format=torch.channels_last)
        if s.init:
            from safetensors.torch import load_file

            self.generator.load_state_dict(load_file(str(s.init)))
        self.ema = Ema(self.generator, s.ema_half_life)
        self.opt_g = torch.optim.Adam(self.generator.parameters(), s.lr, betas=(0.5, 0.99), fused=True)
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), s.lr_d, betas=(0.5, 0.99), fused=True)
        self.reconstruction = Reconstruction(s)
        self.images = 0
        self.judged = 0  # images that the discriminator has been trained on

    def step(self, batch: Batch, progress: float, metrics: Metrics) -> None:
        """One optimisation step of the generator and, once its time has come, of the discriminator."""
        s, inputs, target = self.s, batch["inputs"], batch["target"]
        count = len(inputs)
        with autocast(s.precision):
            layers = self.generator(inputs)
        picture = composite(inputs, layers)
        changed = batch["edit"] * batch["valid"]
        weights = losses.region_weights(
            batch["edit"], batch["valid"], batch["skin_true"], skin=s.skin_weight, edge=batch["warp_mask"],
            edge_gain=s.edge_weight,
        )  # fmt: skip
        leaf = picture.detach().requires_grad_()
        mixed = changed * leaf + (1 - changed) * target
        terms = self.reconstruction.picture(mixed, batch, weights)
        (slope,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), leaf)
        if progress >= s.gan_start:
            slope = slope + self._judge(leaf, slope, batch, changed, progress, metrics)
        inner = self.reconstruction.layers(layers, batch, weights, changed)
        self.opt_g.zero_grad(set_to_none=True)
        torch.autograd.backward([picture, torch.stack(list(inner.values())).sum()], [slope, None])
        norm = torch.nn.utils.clip_grad_norm_(self.generator.parameters(), s.clip)
        rate = learning_rate(s.lr, progress, self.images)
        self._apply(self.opt_g, rate)
        self.images += count
        self.ema.update(self.generator, count, self.images)
        values = {name: value.item() for name, value in (terms | inner).items()}
        metrics.add(loss=sum(values.values()), norm=norm, **values)

    def _judge(
        self, leaf: Tensor, slope: Tensor, batch: Batch, changed: Tensor, progress: float, metrics: Metrics
    ) -> Tensor:
        """Train the discriminator; returns what it adds to the picture's gradient (zero while it is new)."""
        s, target = self.s, batch["target"]
        condition = conditions(batch["inputs"])
        mixed = changed * leaf + (1 - changed) * target
        with autocast(s.precision):
            real, fake = self.discriminator(target, condition), self.discriminator(mixed, condition)
        loss_d = losses.discriminator_loss(real, fake, changed, s.gan_kind)
        ready = self.judged >= s.gan_pretrain
        self.opt_d.zero_grad(set_to_none=True)
        torch.autograd.backward(loss_d, inputs=list(self.discriminator.parameters()), retain_graph=ready)
        added = torch.zeros_like(leaf)
        if ready:
            adversarial = losses.generator_adversarial(fake, changed, s.gan_kind)
            match = losses.feature_matching(real, fake, changed)
            (pull,) = torch.autograd.grad(adversarial, leaf, retain_graph=True)
            (pair,) = torch.autograd.grad(match, leaf)
            weight = losses.adaptive_weight(slope, pull, share=s.gan_share, cap=s.gan_cap)
            added = weight * pull + s.w_match * pair
            whole = slope.norm().clamp_min(1e-12)  # shares of the reconstruction's gradient, to see who leads
            metrics.add(gan=adversarial, gan_weight=weight, gan_part=weight * pull.norm() / whole)
            metrics.add(match=match, match_part=s.w_match * pair.norm() / whole)
        self._apply(self.opt_d, learning_rate(s.lr_d, progress, self.judged))
        self.judged += len(leaf)
        metrics.add(d=loss_d, d_right=losses.patch_accuracy(real, fake, changed))
        return added

    @staticmethod
    def _apply(optimizer: torch.optim.Optimizer, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()

    def averaged(self) -> Generator:
        """A generator with the averaged weights."""
        net = Generator(**self.generator.settings).eval()
        net.load_state_dict(self.ema.values)
        return net.to(memory_format=torch.channels_last)

    def save(self, folder: Path, spent: float) -> None:
        tensors = {
            "generator": self.generator.state_dict(),
            "ema": self.ema.values,
            "discriminator": self.discriminator.state_dict(),
            "opt_g": flat_optimizer(self.opt_g),
            "opt_d": flat_optimizer(self.opt_d),
        }
        Checkpoint(folder / "checkpoint").save(tensors, {"images": self.images, "judged": self.judged, "spent": spent})
        save_module(folder / "generator.safetensors", self.ema.values, self.generator.settings)

    def restore(self, folder: Path) -> float:
        """Continue from a checkpoint; returns the seconds that were spent."""
        tensors, state = Checkpoint(folder / "checkpoint").load()
        self.generator.load_state_dict(tensors["generator"])
        self.discriminator.load_state_dict(tensors["discriminator"])
        self.ema.values = tensors["ema"]
        restore_optimizer(self.opt_g, tensors["opt_g"])
        restore_optimizer(self.opt_d, tensors["opt_d"])
        self.images, self.judged = state["images"], state["judged"]
        return float(state["spent"])


def report(trainer: Trainer, held: Batch | None, out: Path, minutes: float) -> None:
    """Figures and a contact sheet of the held-out samples with the averaged weights."""
    if held is None:
        return
    picture, layers = preview.predict(trainer.averaged(), held, precision=trainer.s.precision)
    row = preview.figures(picture, layers, held, trainer.reconstruction.perceptual, trainer.s.precision)
    row = {"minutes": round(minutes, 2), "images": trainer.images, **row}
    with open(out / "validation.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print("held out", row, flush=True)
    preview.sheet(out / "sheets" / f"{trainer.images:07d}.png", picture, layers, held)


def train(s: Settings) -> Path:
    """Run a training to its end; returns the file of the averaged generator."""
    torch.set_num_threads(s.threads)
    out = Path(s.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "settings.json").write_text(json.dumps(dataclasses.asdict(s), default=str, indent=1))
    trainer = Trainer(s)
    resumed = s.resume and Checkpoint(out / "checkpoint").exists()
    clock = Clock(s.minutes, trainer.restore(out) if resumed else 0.0)
    sampler = CropSampler(ShardReader(list(s.shards)), s.crop, seed=s.seed + trainer.images, skin_focus=s.skin_focus)
    held = preview.held_out(ShardReader(list(s.val)), s.crop, s.sheet_count) if s.val else None
    metrics = Metrics(out / "metrics.jsonl")
    if held is not None and not resumed:
        start = preview.figures(
            preview.untrained(held["inputs"]), None, held, trainer.reconstruction.perceptual, s.precision
        )
        print("geometric", start, flush=True)
        (out / "geometric.json").write_text(json.dumps(start))
    next_save, next_report = clock.spent + s.save_minutes * 60, clock.spent + s.report_minutes * 60
    mark, marked = time.monotonic(), trainer.images
    for batch in sampler.batches(s.batch):
        trainer.step(batch, clock.progress, metrics)
        done = clock.progress >= 1 or bool(s.max_images and trainer.images >= s.max_images)
        if trainer.images // s.log_images != (trainer.images - s.batch) // s.log_images or done:
            pace = (trainer.images - marked) / max(time.monotonic() - mark, 1e-9)
            mark, marked = time.monotonic(), trainer.images
            row = metrics.write(images=trainer.images, minutes=round(clock.spent / 60, 2), per_second=round(pace, 2))
            print(row, flush=True)
        if clock.spent >= next_save or done:
            trainer.save(out, clock.spent)
            next_save = clock.spent + s.save_minutes * 60
        if clock.spent >= next_report or done:
            report(trainer, held, out, clock.spent / 60)
            next_report = clock.spent + s.report_minutes * 60
        if done:
            break
    return out / "generator.safetensors"


def parser() -> argparse.ArgumentParser:
    """Options are the fields of `Settings`."""
    options = argparse.ArgumentParser(description="Train the generator on pre-rendered samples.")
    for field in dataclasses.fields(Settings):
        flag = "--" + field.name.replace("_", "-")
        default = None if field.default is dataclasses.MISSING else field.default
        if field.name in ("shards", "val"):
            options.add_argument(flag, nargs="+", required=field.name == "shards", default=default)
        elif field.name == "crop":
            options.add_argument(flag, nargs=2, type=int, default=default, metavar=("HEIGHT", "WIDTH"))
        elif isinstance(default, bool):
            options.add_argument(flag, action=argparse.BooleanOptionalAction, default=default)
        elif field.name == "precision":
            options.add_argument(flag, choices=PRECISIONS, default=default)
        elif isinstance(default, (int, float)):
            options.add_argument(flag, type=type(default), default=default)
        else:
            options.add_argument(flag, required=field.name == "out", default=default)
    return options


def main(argv: Sequence[str] | None = None) -> None:
    values = vars(parser().parse_args(argv))
    values["crop"] = tuple(values["crop"])
    print("written", train(Settings(**values)), flush=True)


if __name__ == "__main__":
    main()

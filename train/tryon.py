"""Training of the generator: reconstruction first, the discriminator joins later.

    python -m tryon.train.tryon --shards SAMPLES --val HELD_OUT --perceptual MOBILENET.safetensors --out RUN

Samples come pre-rendered (`shards`, `samples`). Learning rate and the discriminator's start follow the share of
`--max-images` that was seen, or else of `--minutes` that has passed; counts are in images (crops). Stop it at any
moment; the same command with `--resume` goes on from the last checkpoint. All that is random in a step follows from
the seed and the number of images before it, so in float32 on one CPU a resumed run ends with the very weights of an
uninterrupted one. With other work on the same cores, set OMP_WAIT_POLICY=passive.

RUN holds generator.safetensors (averaged weights with their settings, figures and licence), checkpoint/,
metrics.jsonl, validation.jsonl, sheets/, tensorboard/.

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
from typing import Any

import torch
from torch import Tensor

from ..models.discriminator import Discriminator, conditions
from ..models.generator import Generator, Layers, composite
from . import losses, preview
from .augment import DiffAugment, Recolour
from .loop import (
    Checkpoint,
    Clock,
    Ema,
    Metrics,
    as_json,
    autocast,
    flat_optimizer,
    learning_rate,
    restore_optimizer,
    save_module,
    seed_step,
)
from .reporting import Reporter, Stopwatch
from .samples import Batch, CropSampler, Place
from .settings import PRECISIONS
from .settings import TryOnSettings as Settings
from .shards import ShardReader
from .team import Team


class Reconstruction:
    """The supervised part of the loss.

    Args:
        settings: the weights.
        device: where the pictures are.
    """

    def __init__(self, settings: Settings, device: torch.device) -> None:
        self.s, self.device = settings, device
        self.perceptual = losses.PerceptualLoss(settings.perceptual).to(device) if settings.perceptual else None

    def picture(self, mixed: Tensor, batch: Batch, weights: Tensor) -> dict[str, Tensor]:
        """Terms that depend on the composite alone; `mixed` is the target where nothing changed."""
        s, target = self.s, batch["target"]
        terms = {
            "l1": s.w_l1 * losses.l1(mixed, target, weights),
            "gradient": s.w_gradient * losses.gradient(mixed, target, weights),
        }
        if self.perceptual is not None and s.w_perceptual:
            with autocast(s.precision, self.device.type):
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

    network: type[Generator] = Generator

    def __init__(self, settings: Settings, team: Team | None = None) -> None:
        s = self.s = settings
        self.team = team or Team()
        torch.manual_seed(s.seed)
        self.generator = self.network(
            width=s.width, bottleneck=s.bottleneck, gain_channels=s.gain_channels, confined=s.confined
        )
        self.discriminator = Discriminator(width=s.d_width, scales=s.d_scales, norm=s.d_norm)
        for net in (self.generator, self.discriminator):
            net.to(self.team.device, memory_format=torch.channels_last)
        if s.init:
            from safetensors.torch import load_file

            self.generator.load_state_dict(load_file(str(s.init)))
        self.ema = Ema(self.generator, s.ema_half_life)
        self.opt_g = torch.optim.Adam(self.generator.parameters(), s.lr, betas=(0.5, 0.99), fused=True)
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), s.lr_d, betas=(0.5, 0.99), fused=True)
        self.reconstruction = Reconstruction(s, self.team.device)
        self.recolour = Recolour(s.augment) if s.augment else None
        self.d_augment = DiffAugment(s.d_policy) if s.d_policy else None
        self.images = 0
        self.judged = 0  # images that the discriminator has been trained on

    def step(self, batch: Batch, progress: float, metrics: Metrics) -> None:
        """One optimisation step of the generator and, once its time has come, of the discriminator."""
        s = self.s
        seed_step(s.seed, self.images, self.team.rank)
        batch = self.recolour(batch) if self.recolour else batch
        inputs, target = batch["inputs"], batch["target"]
        count = len(inputs) * self.team.size
        with autocast(s.precision, self.team.device.type):
            layers = self.generator(inputs)
        picture = composite(inputs, layers)
        changed = batch["edit"] * batch["valid"]
        weights = losses.region_weights(
            batch["edit"], batch["valid"], batch["skin_true"], skin=s.skin_weight, edge=batch["warp_mask"],
            edge_gain=s.edge_weight, elsewhere=s.elsewhere_weight,
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
        self.team.average(self.generator.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.generator.parameters(), s.clip)
        self._apply(self.opt_g, learning_rate(s.lr, progress, self.images))
        self.images += count
        self.ema.update(self.generator, count, self.images)
        values = {name: value.item() for name, value in (terms | inner).items()}
        metrics.add(loss=sum(values.values()), norm=norm, **values)

    def _judge(
        self, leaf: Tensor, slope: Tensor, batch: Batch, changed: Tensor, progress: float, metrics: Metrics
    ) -> Tensor:
        """Train the discriminator; returns what it adds to the picture's gradient (zero while it is new)."""
        s = self.s
        mixed = changed * leaf + (1 - changed) * batch["target"]
        pictures, maps = [batch["target"], mixed], [conditions(batch["inputs"]), changed]
        if self.d_augment:
            pictures, maps = self.d_augment(pictures, maps)
        (true, made), (condition, changed) = pictures, maps
        with autocast(s.precision, self.team.device.type):
            real, fake = self.discriminator(true, condition), self.discriminator(made, condition)
        loss_d = losses.discriminator_loss(real, fake, changed, s.gan_kind)
        if s.gan_kind == "wgan-gp":
            penalty = losses.gradient_penalty(lambda x: self.discriminator(x, condition), true, made, changed)
            metrics.add(penalty=penalty)
            loss_d = loss_d + s.gp_weight * penalty
        ready = self.judged >= s.gan_pretrain
        self.opt_d.zero_grad(set_to_none=True)
        torch.autograd.backward(loss_d, inputs=list(self.discriminator.parameters()), retain_graph=ready)
        self.team.average(self.discriminator.parameters())
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
        self.judged += len(leaf) * self.team.size
        metrics.add(d=loss_d, d_right=losses.patch_accuracy(real, fake, changed))
        return added

    @staticmethod
    def _apply(optimizer: torch.optim.Optimizer, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()

    def averaged(self) -> Generator:
        """A generator with the averaged weights."""
        net = self.network(**self.generator.settings).eval()
        net.load_state_dict(self.ema.values)
        return net.to(self.team.device, memory_format=torch.channels_last)

    def save(self, folder: Path, state: dict[str, Any], figures: dict[str, Any]) -> None:
        """Write the checkpoint, and the averaged generator as one file that says what it is.

        Args:
            state: what else the run needs to go on, JSON values.
            figures: the last held-out figures.
        """
        tensors = {
            "generator": self.generator.state_dict(),
            "ema": self.ema.values,
            "discriminator": self.discriminator.state_dict(),
            "opt_g": flat_optimizer(self.opt_g),
            "opt_d": flat_optimizer(self.opt_d),
        }
        counts = {"images": self.images, "judged": self.judged, "figures": figures}
        Checkpoint(folder / "checkpoint").save(tensors, {**counts, **state})
        save_module(
            folder / "generator.safetensors",
            self.ema.values,
            self.generator.settings,
            training={**as_json(self.s), "images": self.images},
            metrics=figures,
            licence=self.s.licence,
        )

    def restore(self, folder: Path) -> dict[str, Any]:
        """Continue from a checkpoint; returns the `state` that was saved.

        Raises:
            ValueError: the checkpoint belongs to other settings.
        """
        tensors, state = Checkpoint(folder / "checkpoint").load()
        try:
            self.generator.load_state_dict(tensors["generator"])
            self.discriminator.load_state_dict(tensors["discriminator"])
        except RuntimeError as error:
            raise ValueError(f"the checkpoint in {folder} is of other networks: use its settings.json") from error
        self.ema.restore(tensors["ema"])
        restore_optimizer(self.opt_g, tensors["opt_g"])
        restore_optimizer(self.opt_d, tensors["opt_d"])
        self.images, self.judged = state["images"], state["judged"]
        return state


def train(s: Settings) -> Path:
    """Run a training to its end; returns the file of the averaged generator."""
    torch.set_num_threads(s.threads)
    team = Team.join(s.device)
    try:
        return _run(s, team)
    finally:
        team.leave()


def _run(s: Settings, team: Team) -> Path:
    out = Path(s.out)
    resumed = bool(team.agree(float(team.leads and s.resume and Checkpoint(out / "checkpoint").exists())))
    trainer = Trainer(s, team)
    state: dict[str, Any] = trainer.restore(out) if resumed else {}
    reader = ShardReader(list(s.shards))
    sampler = CropSampler(
        reader, s.crop, seed=s.seed, skin_focus=s.skin_focus, place=Place(**state["place"]) if resumed else None,
        share=(team.rank, team.size), device=team.device, resident=s.resident,
    )  # fmt: skip
    held = preview.held_out(ShardReader(list(s.val)), s.crop, s.sheet_count, team.device) if s.val else None
    if team.leads:
        out.mkdir(parents=True, exist_ok=True)
        (out / "settings.json").write_text(json.dumps(as_json(s), indent=1))
    clock = Clock(s.minutes, state.get("spent", 0.0))
    reporter = Reporter(s, held, resumed_at=trainer.images if resumed else None, leads=team.leads)
    metrics, perceptual = reporter.metrics, trainer.reconstruction.perceptual
    if resumed:
        metrics.restore(state["sums"], state["counts"])
        reporter.figures = state["figures"]
    else:
        reporter.geometric(perceptual)

    def progress() -> float:
        return min(trainer.images / s.max_images, 1.0) if s.max_images else team.agree(clock.progress)

    def save() -> None:
        kept = {"sums": metrics.sums, "counts": metrics.counts, "place": sampler.reached.state(), "spent": clock.spent}
        trainer.save(out, kept, reporter.figures)

    next_save, next_report = clock.spent + s.save_minutes * 60, clock.spent + s.report_minutes * 60
    watch, now = Stopwatch(trainer.images), progress()
    batches = sampler.batches(s.batch)
    while now < 1:
        start = time.monotonic()
        batch = next(batches)
        watch.waited(time.monotonic() - start)
        before = trainer.images
        trainer.step(batch, now, metrics)
        reporter.step(trainer.images)
        now = progress()
        if trainer.images // s.log_images != before // s.log_images or now >= 1:
            team.check_same(trainer.generator.parameters())
            reporter.row(trainer.images, clock, watch)
        if clock.spent >= next_report or now >= 1:
            reporter.validate(trainer.averaged(), perceptual, trainer.images, clock.spent / 60)
            next_report = clock.spent + s.report_minutes * 60
        if team.leads and (clock.spent >= next_save or now >= 1):
            save()
            next_save = clock.spent + s.save_minutes * 60
    batches.close()
    reporter.close()
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

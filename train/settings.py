"""What decides a training: typed settings, from a TOML file with `key=value` overrides or options. Imports no torch.

A file holds `key = value` lines, one per field of the stage's class; tables (`[optimisation]`) are headings only.
Paths are relative to the current folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UsageError

ADVERSARIAL_KINDS: tuple[str, ...] = ("lsgan", "hinge", "bce", "wgan-gp")
PRECISIONS: tuple[str, ...] = ("auto", "bf16", "float32")
D_AUGMENTATIONS: tuple[str, ...] = ("colour", "translation", "cutout")
DISCRIMINATOR_NORMS: tuple[str, ...] = ("spectral", "instance", "none")
#: Sides of the generator's crops are multiples of this (`tryon.models.generator.Generator.multiple`).
CROP_MULTIPLE = 32


@dataclass
class TryOnSettings:
    """Training of the generator. Times in minutes or shares of the whole, counts in images (crops).

    With `max_images` the run's length and everything that follows it (learning rate, the discriminator's start) are
    counted in images, and `minutes` does not matter: the same settings then give the same weights on any machine that
    computes the same.
    """

    shards: Sequence[str | Path]
    out: str | Path
    val: Sequence[str | Path] = ()
    perceptual: str | Path | None = None  #: MobileNetV2 weights; None leaves the perceptual loss out
    minutes: float = 60.0
    max_images: int = 0  #: length in images; 0 = the length is `minutes`
    resume: bool = False
    init: str | Path | None = None  #: generator weights to start from (same settings)
    threads: int = 2
    seed: int = 0
    device: str = "auto"  #: "cpu", "cuda", or "auto": CUDA where there is one
    licence: str = "Apache-2.0"  #: of the weights; written into their file
    # model
    width: int = 32
    bottleneck: int = 2
    gain_channels: int = 1
    confined: bool = True  #: the plate is corrected near skin and garment only; False: wherever it was filled
    # data
    batch: int = 4  #: per process
    resident: bool = False  #: keep the samples on the device (in its memory) and cut crops there
    augment: float = 0.0  #: strength of recolouring on the device, 0 to 1
    crop: tuple[int, int] = (256, 256)
    skin_focus: float = 0.5
    # optimisation
    lr: float = 8e-4
    lr_d: float = 4e-4
    clip: float = 1.0
    ema_half_life: float = 2000.0
    precision: str = "auto"  #: "bf16", "float32", or "auto": bf16 where the processor has units for it
    # reconstruction
    w_l1: float = 5.0
    w_rgb: float = 1.5
    w_gradient: float = 2.0
    w_perceptual: float = 0.6
    w_alpha: float = 1.0
    w_gain: float = 0.2
    skin_weight: float = 6.0
    edge_weight: float = 2.0
    #: Of what is neither garment nor skin: many pictures would be right there, of which a loss of pixels asks the mean.
    elsewhere_weight: float = 1.0
    # adversarial
    gan_start: float = 0.55  #: share of the time; 1 = never
    gan_kind: str = "hinge"
    gan_pretrain: int = 2000  #: images that the discriminator sees before it counts
    gan_share: float = 0.3  #: adversarial gradient as a share of the reconstruction's
    gan_cap: float = 2.0
    w_match: float = 1.0
    d_width: int = 24
    d_scales: int = 2
    d_norm: str = "spectral"
    d_augment: str = ""  #: what the discriminator's pictures go through: of "colour, translation, cutout"
    gp_weight: float = 10.0  #: gradient penalty of wgan-gp
    # reports
    log_images: int = 400
    report_minutes: float = 5.0
    save_minutes: float = 5.0
    sheet_count: int = 16
    tensorboard: bool = True  #: also write scalars and sheets for TensorBoard

    def __post_init__(self) -> None:
        self.crop = (int(self.crop[0]), int(self.crop[1]))
        if self.crop[0] % CROP_MULTIPLE or self.crop[1] % CROP_MULTIPLE or min(self.crop) <= 0:
            raise ValueError(f"crop {self.crop} must be multiples of {CROP_MULTIPLE}")
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("gan_kind", self.gan_kind, ADVERSARIAL_KINDS)
        _one_of("d_norm", self.d_norm, DISCRIMINATOR_NORMS)
        if self.gan_kind == "wgan-gp" and self.d_norm == "spectral":
            raise ValueError("gan_kind wgan-gp bounds the slope by itself: set d_norm to instance or none")
        for name in self.d_policy:
            _one_of("d_augment", name, D_AUGMENTATIONS)
        if not 0 <= self.augment <= 1:
            raise ValueError(f"augment must be from 0 to 1, got {self.augment}")
        _one_of("gain_channels", self.gain_channels, (1, 3))
        _positive(self, "minutes", "batch", "threads", "width", "lr", "lr_d", "log_images", "d_width", "d_scales")
        if min(self.seed, self.max_images) < 0:
            raise ValueError("seed and max_images must not be negative")

    @property
    def d_policy(self) -> tuple[str, ...]:
        """`d_augment`, split."""
        return tuple(name for name in self.d_augment.replace(",", " ").split() if name)


@dataclass
class ParserSettings:
    """Training of the human parser."""

    data: Path  #: folder with photos/ and tags.json
    cache: Path  #: written by `tryon.train.data_people`
    val: Path  #: ids that are kept out of training, one a line
    imagenet: Path  #: MobileNetV2 weights, safetensors
    out: Path
    labels: str = "labels_raw"  #: folder of the cache that training learns from
    negatives: Path | None = None  #: photos of the cache's negatives
    tagged: str = ""  #: folder of the cache with label maps of tagged photos; "" = the run labels them by itself
    corrected: str = ""  #: folder of the cache with maps from `tryon.train.corrections`; they count as labels
    init: Path | None = None  #: parser weights to start from; then at the final size throughout
    frozen: int = 0  #: blocks of the encoder, from the first on, that stay as they are: less time on a CPU
    close_share: float = 0.5  #: share of views that look closer, at the trunk and the arms
    minutes: float = 65.0
    max_images: int = 0  #: length in images; 0 = the length is `minutes`
    resume: bool = False  #: go on from the run's last checkpoint
    log_images: int = 480
    report_minutes: float = 6.0
    save_minutes: float = 5.0
    lr: float = 1e-3
    batch: int = 0  #: 0 = 12 on the small canvas, 8 on the large one
    ema_half_life: float = 2000.0
    workers: int = 0  #: processes that make views; 0 = the training's own does
    device: str = "auto"  #: "cpu", "cuda", or "auto": CUDA where there is one
    threads: int = 1
    precision: str = "auto"  #: "bf16", "float32", or "auto": bf16 where the processor has units for it
    seed: int = 0
    licence: str = "Apache-2.0"  #: of the weights; written into their file

    def __post_init__(self) -> None:
        _one_of("precision", self.precision, PRECISIONS)
        _positive(self, "minutes", "report_minutes", "threads", "log_images", "lr", "ema_half_life")
        if min(self.seed, self.max_images, self.batch, self.workers, self.frozen) < 0:
            raise ValueError("seed, max_images, batch, workers and frozen must not be negative")
        if not 0 <= self.close_share <= 1:
            raise ValueError(f"close_share must be from 0 to 1, got {self.close_share}")


@dataclass
class GarmentSettings:
    """Training of the garment network."""

    data: Path  #: folder with garments.csv, images/, annotations.json, masks/
    out: Path
    people: Path | None = None  #: folder of street photos, as pictures that are no flat garments
    labels: Path | None = None  #: folder of machine labels: annotations.json and masks
    labelled_share: float = 0.5  #: share of machine-labelled garments
    imagenet: Path | None = None  #: MobileNetV2 weights to start the encoder from
    init: Path | None = None  #: weights of an earlier run to start from
    minutes: float = 50.0
    max_images: int = 0  #: length in images; 0 = the length is `minutes`
    resume: bool = False  #: go on from the run's last checkpoint
    log_images: int = 480
    log_minutes: float = 4.0  #: between held-out figures
    save_minutes: float = 5.0
    small_share: float = 0.5  #: share of the run on small views
    lr: float = 1e-3
    batch: int = 12
    threads: int = 1
    precision: str = "auto"  #: "bf16", "float32", or "auto": bf16 where the processor has units for it
    seed: int = 0
    licence: str = "Apache-2.0"  #: of the weights; written into their file

    def __post_init__(self) -> None:
        _one_of("precision", self.precision, PRECISIONS)
        _positive(self, "minutes", "log_minutes", "log_images", "lr", "batch", "threads")
        if min(self.seed, self.max_images) < 0:
            raise ValueError("seed and max_images must not be negative")


STAGES: dict[str, type[ParserSettings] | type[GarmentSettings] | type[TryOnSettings]] = {
    "parser": ParserSettings,
    "garment": GarmentSettings,
    "tryon": TryOnSettings,
}
S = TypeVar("S")


def _one_of(name: str, value: Any, allowed: Sequence[Any]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")


def _positive(settings: Any, *names: str) -> None:
    for name in names:
        if getattr(settings, name) <= 0:
            raise ValueError(f"{name} must be above 0, got {getattr(settings, name)}")


def read(kind: type[S], file: str | Path | None = None, overrides: Sequence[str] = ()) -> S:
    """Settings of class `kind` from a TOML file, with `key=value` overrides on top.

    Raises:
        UsageError: a file that can't be read, a key that doesn't exist, a value of the wrong kind or out of range.
    """
    values: dict[str, Any] = {}
    if file is not None:
        values |= {k: _typed(kind, k, v, str(file)) for k, v in _flat(_toml(Path(file))).items()}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text} has no '='.", "Write it as: --set key=value")
        values[key.strip()] = _typed(kind, key.strip(), _parse(value.strip()), f"--set {text}")
    needed = [
        f.name
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
        if f.default is dataclasses.MISSING and f.name not in values
    ]
    if needed:
        raise UsageError(f"The settings lack: {', '.join(needed)}.", f"Add them to the file, or --set {needed[0]}=...")
    try:
        return kind(**values)
    except ValueError as error:
        raise UsageError(f"The settings are wrong: {error}.", "Correct the file or the --set.") from error


def from_command_line(kind: type[S], description: str | None, arguments: Sequence[str] | None = None) -> S:
    """Settings of class `kind` from options: one per field, `--like-this`; switches are `--resume`, `--no-resume`."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        flag, needed = "--" + field.name.replace("_", "-"), field.default is dataclasses.MISSING
        more: dict[str, Any] = {} if needed else {"help": f"default: {field.default}"}
        if hints[field.name] is bool:
            more["action"] = argparse.BooleanOptionalAction
        options.add_argument(flag, required=needed, default=argparse.SUPPRESS, **more)
    given = vars(options.parse_args(arguments))
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
    try:
        return read(kind, None, [f"{name}={value}" for name, value in texts.items()])
    except UsageError as error:
        options.error(str(error))


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The settings file {file} can't be read ({error.strerror}).", "Give a TOML file.") from error
    except ValueError as error:  # TOML and UTF-8 errors
        raise UsageError(f"The settings file {file} is not TOML ({error}).", "See assets/configs/.") from error


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """Keys of all tables; a key that stands twice is refused."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        for name, entry in _flat(value).items() if isinstance(value, dict) else [(key, value)]:
            if name in flat:
                raise UsageError(f"The setting {name} is given twice.", "Keep one of them.")
            flat[name] = entry
    return flat


def _parse(text: str) -> Any:
    """A TOML value, or else the text itself (paths and names need no quotes)."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _typed(kind: type, name: str, value: Any, where: str) -> Any:
    """`value` as the field `name` wants it."""
    hints = typing.get_type_hints(kind)
    if name not in hints:
        near = difflib.get_close_matches(name, hints, 1)
        remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(hints)}."
        raise UsageError(f"{where}: there is no setting {name}.", remedy)
    hint = hints[name]
    wanted = {a for a in typing.get_args(hint) if isinstance(a, type)} or {hint}
    numbers = bool not in wanted and not isinstance(value, bool)
    if hint is bool and isinstance(value, bool) or hint is int and isinstance(value, int) and numbers:
        return value
    if hint is float and isinstance(value, int | float) and numbers:
        return float(value)
    if hint is str and isinstance(value, str):
        return value
    if Path in wanted and isinstance(value, str):
        return Path(value) if value else None
    if typing.get_origin(hint) is tuple and isinstance(value, list) and len(value) == 2:
        if all(isinstance(v, int) and not isinstance(v, bool) for v in value):
            return tuple(value)
    elif typing.get_origin(hint) is Sequence:
        entries = value if isinstance(value, list) else [value]
        if all(isinstance(v, str) for v in entries):
            return [Path(v) for v in entries]
    raise UsageError(f"{where}: {name} can't be {value!r}.", f"It must be {_describe(hint)}.")


def _describe(hint: Any) -> str:
    simple = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}
    if hint in simple:
        return simple[hint]
    if typing.get_origin(hint) is tuple:
        return "[height, width]"
    return "a list of paths" if typing.get_origin(hint) is Sequence else "a path in quotes"

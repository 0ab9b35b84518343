"""The training loop on drawn samples: it learns, it resumes, it writes what it promises."""

import json
import math

import pytest

torch = pytest.importorskip("torch")

from tryon.train import toy  # noqa: E402
from tryon.train.loop import (  # noqa: E402
    Checkpoint,
    Clock,
    Ema,
    Metrics,
    autocast,
    fast_bf16,
    flat_optimizer,
    learning_rate,
    load_about,
    load_settings,
    restore_optimizer,
    save_module,
)
from tryon.train.tryon import Settings, Trainer, parser, train  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    toy.write(folder, 4, (64, 64))
    return folder


def _settings(shards, out, **more) -> Settings:
    return Settings(
        shards=[shards],
        out=out,
        val=[shards],
        **(
            {
                "width": 8,
                "d_width": 8,
                "crop": (64, 64),
                "batch": 4,
                "threads": 1,
                "lr": 2e-3,
                "log_images": 40,
                "sheet_count": 2,
                "gan_start": 1.0,
                "minutes": 100.0,
            }
            | more
        ),
    )


def _rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_learns_four_samples_by_heart(shards, tmp_path):
    weights = train(_settings(shards, tmp_path / "run", max_images=480))
    start = json.loads((tmp_path / "run" / "geometric.json").read_text())
    end = _rows(tmp_path / "run" / "validation.jsonl")[-1]
    assert end["l1"] < start["l1"] / 2
    rows = _rows(tmp_path / "run" / "metrics.jsonl")
    assert rows[-1]["loss"] < rows[0]["loss"] / 2
    assert load_settings(weights)["width"] == 8
    assert list((tmp_path / "run" / "sheets").glob("*.png"))


def test_stops_and_goes_on(shards, tmp_path):
    out = tmp_path / "run"
    train(_settings(shards, out, max_images=80))
    before = Trainer(_settings(shards, out))
    before.restore(out)
    assert before.images == 80
    train(_settings(shards, out, max_images=160, resume=True))
    rows = _rows(out / "metrics.jsonl")
    assert [row["images"] for row in rows] == [40, 80, 120, 160]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["minutes"] >= rows[1]["minutes"]


def test_discriminator_joins_after_its_own_training(shards, tmp_path):
    train(_settings(shards, tmp_path / "run", max_images=80, gan_start=0.0, gan_pretrain=40))
    rows = _rows(tmp_path / "run" / "metrics.jsonl")
    assert "d" in rows[0] and "gan" not in rows[0]
    assert rows[-1]["gan_weight"] <= 2.0 and "match" in rows[-1]
    assert all(abs(value) < 1e4 for row in rows for value in row.values())


@pytest.mark.parametrize("kind", ["lsgan", "bce", "wgan-gp"])
def test_adversarial_kinds_train_at_two_rates(shards, tmp_path, kind, monkeypatch):
    rates = []
    monkeypatch.setattr(Trainer, "_apply", staticmethod(lambda optimizer, rate: rates.append(rate) or optimizer.step()))
    norm = "instance" if kind == "wgan-gp" else "spectral"
    options = {"max_images": 16, "log_images": 8, "gan_start": 0.0, "gan_pretrain": 4, "lr_d": 5e-3}
    train(_settings(shards, tmp_path / "run", gan_kind=kind, d_norm=norm, tensorboard=False, **options))
    rows = _rows(tmp_path / "run" / "metrics.jsonl")
    assert {"gan", "match", "d", "d_right"} <= set(rows[-1]) and ("penalty" in rows[-1]) == (kind == "wgan-gp")
    assert all(math.isfinite(value) for row in rows for value in row.values())
    assert rates[0] == pytest.approx(rates[1] * 2.5)  # the discriminator steps first, at a rate of its own


def test_tensorboard_holds_the_scalars_and_the_sheets(shards, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = {"max_images": 8, "log_images": 4, "gan_start": 1.0, "licence": "CC0-1.0"}
    weights = train(_settings(shards, tmp_path / "run", **options))
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [event.step for event in board.Scalars("train/loss")] == [4, 8]
    rows = _rows(tmp_path / "run" / "metrics.jsonl")
    assert [event.value for event in board.Scalars("train/loss")] == pytest.approx([row["loss"] for row in rows])
    assert 0 <= rows[-1]["waiting"] <= 1
    assert board.Images("held_out")[0].width > 64
    about = load_about(weights)
    assert about["licence"] == "CC0-1.0" and about["training"]["batch"] == 4 and about["training"]["images"] == 8
    assert about["metrics"] == _rows(tmp_path / "run" / "validation.jsonl")[-1]


def test_restored_optimizer_takes_the_same_step(tmp_path):
    torch.manual_seed(0)
    like = {"memory_format": torch.channels_last}
    nets = [torch.nn.Conv2d(3, 2, 3).to(**like) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    a, b = (torch.optim.Adam(net.parameters(), 0.1, fused=True) for net in nets)
    picture = torch.rand(1, 3, 4, 4).to(**like)
    nets[0](picture).sum().backward()
    a.step()
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save({"net": nets[0].state_dict(), "opt": flat_optimizer(a)}, {"images": 1})
    tensors, state = checkpoint.load()
    nets[1].load_state_dict(tensors["net"])
    restore_optimizer(b, tensors["opt"])
    for net, optimizer in zip(nets, (a, b), strict=True):
        optimizer.zero_grad()
        net(picture).square().sum().backward()
        optimizer.step()
    assert state == {"images": 1}
    assert torch.equal(nets[0].weight, nets[1].weight)


def test_checkpoint_survives_a_kill_between_the_renames(tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save({"net": {"a": torch.ones(1)}}, {"images": 1})
    checkpoint.folder.rename(tmp_path / "checkpoint.old")
    assert checkpoint.exists()
    assert checkpoint.load()[1] == {"images": 1}


def test_learning_rate_rises_holds_and_falls():
    assert learning_rate(1.0, 0.0, 0, warmup=100) == pytest.approx(0.01)
    assert learning_rate(1.0, 0.3, 500, warmup=100, hold=0.5) == 1.0
    assert learning_rate(1.0, 1.0, 500, warmup=100) == pytest.approx(0.04)


def test_clock_counts_earlier_runs():
    clock = Clock(1.0, spent=30.0)
    assert 0.5 <= clock.progress < 0.6
    assert Clock(0.0).progress == 1.0


def test_ema_follows(tmp_path):
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(net.weight)
    ema = Ema(net, half_life=100)
    torch.nn.init.ones_(net.weight)
    ema.update(net, batch=100, images=10_000)
    torch.testing.assert_close(ema.values["weight"], torch.tensor([[0.5]]))
    save_module(tmp_path / "m.safetensors", ema.values, {"n": 1})
    assert load_settings(tmp_path / "m.safetensors") == {"n": 1}


def test_metrics_are_means(tmp_path):
    metrics = Metrics(tmp_path / "m.jsonl")
    metrics.add(a=1.0)
    metrics.add(a=3.0, b=torch.tensor(2.0))
    assert metrics.write(images=2) == {"images": 2, "a": 2.0, "b": 2.0}
    assert _rows(tmp_path / "m.jsonl") == [{"images": 2, "a": 2.0, "b": 2.0}]


def test_options_are_the_settings(tmp_path):
    values = vars(parser().parse_args(["--shards", "a", "--out", "b", "--crop", "96", "64", "--precision", "float32"]))
    settings = Settings(**(values | {"crop": tuple(values["crop"])}))
    assert settings.crop == (96, 64) and settings.precision == "float32" and settings.lr == Settings(["a"], "b").lr


def test_wrong_settings_name_the_remedy():
    with pytest.raises(ValueError, match="multiples of 32"):
        Settings(["a"], "b", crop=(100, 64))
    with pytest.raises(ValueError, match="lsgan"):
        Settings(["a"], "b", gan_kind="x")
    with pytest.raises(ValueError, match="d_norm"):
        Settings(["a"], "b", gan_kind="wgan-gp")
    with pytest.raises(ValueError, match="cutout"):
        Settings(["a"], "b", d_augment="colour,mixup")
    with pytest.raises(ValueError, match="from 0 to 1"):
        Settings(["a"], "b", augment=2.0)


@pytest.mark.parametrize(("able", "bf16"), [({"avx2": True}, False), ({"avx512_bf16": True}, True), ({}, False)])
def test_auto_precision_asks_the_processor(monkeypatch, able, bf16):
    fast_bf16.cache_clear()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    seen = {}
    for precision in ("auto", "bf16", "float32"):
        with autocast(precision):
            seen[precision] = torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype
    fast_bf16.cache_clear()
    automatic = torch.bfloat16 if bf16 else torch.float32
    assert seen == {"auto": automatic, "bf16": torch.bfloat16, "float32": torch.float32}
    with pytest.raises(ValueError, match="auto, bf16, float32"):
        autocast("fp16")

"""A run that is killed and resumed ends with the weights of one that was not."""

import json
import signal
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from tryon.train import toy  # noqa: E402
from tryon.train.loop import forget_after  # noqa: E402
from tryon.train.samples import CropSampler, Place  # noqa: E402
from tryon.train.shards import ShardReader  # noqa: E402
from tryon.train.tryon import Settings, train  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(600)]
#: A short run with everything on: a discriminator that joins, its augmentation, and crops smaller than the samples.
OPTIONS = {
    "width": 8, "d_width": 8, "crop": (64, 64), "batch": 2, "threads": 1, "lr": 2e-3, "max_images": 48, "log_images": 4,
    "gan_start": 0.3, "gan_pretrain": 4, "d_augment": "colour,translation,cutout", "d_scales": 1,
    "precision": "float32", "save_minutes": 0.0, "seed": 3, "device": "cpu",
}  # fmt: skip
KILLS = 10
#: Starts the training again and again and kills it at some moment after the next checkpoint, or in the middle of one.
#: Forks, because importing torch takes longer than the training.
SCRIPT = r"""
import json, os, random, signal, sys, time
from pathlib import Path
import torch._dynamo
from tryon.train.tryon import Settings, train

options, kills = json.loads(sys.argv[1]), int(sys.argv[2])
state = Path(options["out"]) / "checkpoint" / "state.json"
moments = random.Random(0)

def images():
    try:
        return json.loads(state.read_text())["images"]
    except (OSError, ValueError):  # none yet, or one is being replaced
        return None

for number in range(kills):
    start = images() or 0
    job = os.fork()
    if job == 0:
        train(Settings(**options | {"crop": tuple(options["crop"])}))
        os._exit(0)
    while (images() or 0) <= start and os.waitpid(job, os.WNOHANG) == (0, 0):
        time.sleep(0.002)
    time.sleep(moments.choice([0.0, 0.002, 0.03, 0.1]))
    os.kill(job, signal.SIGKILL)
    # a line of its own: the training may have been killed in the middle of one
    print("\nkilled", os.waitpid(job, 0)[1], images(), flush=True)
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    toy.write(folder, 5, (96, 64))
    return folder


def _assert_same(one, other):
    names = {path.name for path in (one / "checkpoint").glob("*.safetensors")}
    assert names == {f"{n}.safetensors" for n in ("generator", "ema", "discriminator", "opt_g", "opt_d")}
    for name in names:
        a, b = (load_file(run / "checkpoint" / name) for run in (one, other))
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a), name
    curves = []
    for run in (one, other):
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        curves.append([{k: v for k, v in r.items() if k not in ("minutes", "per_second", "waiting")} for r in rows])
    assert curves[0] == curves[1]
    assert [row["images"] for row in curves[0]] == list(range(4, 49, 4))


def test_killed_and_resumed_is_as_if_nothing_had_happened(shards, tmp_path):
    whole = tmp_path / "whole"
    train(Settings(shards=[shards], out=whole, tensorboard=False, **OPTIONS))
    killed = tmp_path / "killed"
    options = OPTIONS | {"shards": [str(shards)], "out": str(killed), "resume": True, "tensorboard": False}
    command = [sys.executable, "-c", SCRIPT, json.dumps(options), str(KILLS)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    ends = [line.split()[1] for line in lines if line.startswith("killed ")]
    assert ends == [str(int(signal.SIGKILL))] * KILLS
    train(Settings(shards=[shards], out=killed, resume=True, tensorboard=False, **OPTIONS))
    _assert_same(whole, killed)


def test_sampler_goes_on_where_it_was(shards):
    def sampler(place=None, **more):
        return CropSampler(ShardReader(shards), (64, 64), seed=1, place=place, **more)

    first = sampler()
    batches = first.batches(2)
    for _ in range(4):  # past the end of a round
        next(batches)
    place = Place(**json.loads(json.dumps(first.reached.state())))
    assert place == Place(1, 3, 5)
    ahead = sampler(place).batches(2)
    resident = sampler(place, resident=True).batches(2)
    for _ in range(4):
        wanted, got, kept = next(batches), next(ahead), next(resident)
        assert all(torch.equal(wanted[name], got[name]) for name in wanted)
        assert all(torch.equal(wanted[name], kept[name]) for name in wanted)
    for stream in (batches, ahead, resident):
        stream.close()


def test_processes_share_a_round(shards):
    taken = []
    for rank in range(2):
        draw = CropSampler(ShardReader(shards), (64, 64), seed=1, share=(rank, 2)).draw(3)
        assert draw.after == Place(0, 6, 5)
        taken += draw.samples
    assert set(taken) == set(range(5)) and len(taken) == 6


def test_a_checkpoint_of_other_networks_is_refused(shards, tmp_path):
    options = OPTIONS | {"max_images": 2, "gan_start": 1.0}
    train(Settings(shards=[shards], out=tmp_path, tensorboard=False, **options))
    with pytest.raises(ValueError, match="other networks"):
        train(Settings(shards=[shards], out=tmp_path, resume=True, **options | {"width": 16}))


def test_rows_after_the_checkpoint_are_dropped(tmp_path):
    log = tmp_path / "m.jsonl"
    log.write_text('{"images": 1}\n{"images": 2}\n{"images": 3}\n{"imag')
    forget_after(log, 2)
    assert log.read_text() == '{"images": 1}\n{"images": 2}\n'
    forget_after(tmp_path / "none.jsonl", 2)

"""Two processes train together: `torchrun` on the CPU, gloo."""

import json
import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from tryon.train import toy  # noqa: E402
from tryon.train.team import Team  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(600)]

SCRIPT = """
import json, sys
import torch
from tryon.train.team import Team
from tryon.train.tryon import Settings, train

team = Team.join("cpu")
weight = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
slopes = [torch.nn.Parameter(weight), torch.nn.Parameter(torch.zeros(3))]
for k, p in enumerate(slopes):
    p.grad = torch.full_like(p, 1.0 + 10 * k + team.rank) * torch.arange(p.numel()).view(p.shape)
team.average(slopes)
for k, p in enumerate(slopes):
    assert torch.equal(p.grad, (1.5 + 10 * k) * torch.arange(p.numel()).view(p.shape)), p.grad
assert team.agree(7.0 + team.rank) == 7.0
team.check_same([torch.ones(2)])
try:
    team.check_same([torch.ones(2) * team.rank])
except RuntimeError as error:
    assert "different weights" in str(error)
else:
    raise AssertionError("processes with different weights were taken for equal")
options = json.loads(sys.argv[1])
train(Settings(**options | {"crop": tuple(options["crop"])}))
"""


def test_alone_without_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    team = Team.join("cpu")
    assert (team.rank, team.size, team.leads) == (0, 1, True)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    team.average([parameter])
    assert torch.equal(parameter.grad, torch.ones(2)) and team.agree(3.0) == 3.0
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device = 'cpu'"):
            Team.join("cuda")


def test_two_processes_train_one_network(tmp_path):
    toy.write(tmp_path / "shards", 5, (64, 64))
    options = {
        "shards": [str(tmp_path / "shards")], "val": [str(tmp_path / "shards")], "out": str(tmp_path / "run"),
        "width": 8, "d_width": 8, "d_scales": 1, "crop": (64, 64), "batch": 2, "threads": 1,
        "max_images": 32, "log_images": 8,
        "gan_start": 0.3, "gan_pretrain": 4, "precision": "float32", "sheet_count": 2, "device": "cpu",
    }  # fmt: skip
    (tmp_path / "job.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    job = subprocess.run(
        [*command, str(tmp_path / "job.py"), json.dumps(options)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert job.returncode == 0, job.stderr[-3000:]
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows] == [8, 16, 24, 32]  # written once, by the leader; both processes' images
    assert "gan" in rows[-1]
    state = json.loads((tmp_path / "run" / "checkpoint" / "state.json").read_text())
    assert state["place"] == {"round": 5, "taken": 2, "count": 5}  # a round of five samples takes six: 5 * 6 + 2
    assert len((tmp_path / "run" / "validation.jsonl").read_text().splitlines()) == 1

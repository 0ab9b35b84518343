"""The same catalog on a Ray cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fake_try_on
import pytest

pytest.importorskip("ray", reason="SKIPPED, NOT CHECKED: ray is not installed (pip install 'tryon[ray]')")

#: A process of its own: Ray opens sockets, which tests in this process may not.
DRIVER = """
import json, sys, time
from pathlib import Path
import fake_try_on
from ray.cluster_utils import Cluster
from tryon.catalog import run

folder = Path(sys.argv[1])


def start():
    for left in (2, 1, 0):  # Ray gives a node up after 15 seconds, which a busy machine may need
        cluster = Cluster()
        try:
            nodes = [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
            cluster.wait_for_nodes()
            return cluster, nodes
        except Exception:
            cluster.shutdown()
            if not left:
                raise


cluster, nodes = start()
killed = []

def progress(made, failed, total):
    if made >= total // 4 and not killed:
        cluster.remove_node(nodes[1], allow_graceful=False)
        killed.append(made)

summary = run(
    folder / "ray", persons=[str(folder / "p")], garments=[str(folder / "g")], ray=cluster.address,
    try_on=fake_try_on.MAKER, progress=progress,
)
print(json.dumps({"nodes": len(nodes), "killed_at": killed, "made": summary.made, "failed": summary.failed}))
cluster.shutdown()
"""


def _environment(delay: str) -> dict[str, str]:
    return {
        **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), fake_try_on.DELAY: delay,
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_node_that_dies_costs_no_row_and_the_result_is_that_of_one_machine(tmp_path: Path) -> None:
    for kind, count in (("p", 4), ("g", 10)):
        (tmp_path / kind).mkdir()
        for seed in range(count):
            data = fake_try_on.photo(seed + (100 if kind == "g" else 0))
            (tmp_path / kind / f"{kind}{seed}.png").write_bytes(data)
    (tmp_path / "p" / "p9.png").write_bytes(fake_try_on.photo(1, fake_try_on.BLACK))
    (tmp_path / "driver.py").write_text(DRIVER)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "driver.py"), str(tmp_path)],
        env=_environment("0.1"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["nodes"] == 2 and 10 <= result["killed_at"][0] < 40
    assert (result["made"], result["failed"]) == (40, 10)
    here = ["--persons", str(tmp_path / "p"), "--garments", str(tmp_path / "g"), "--try-on", fake_try_on.MAKER]
    command = [sys.executable, "-m", "tryon", "catalog", "--out", str(tmp_path / "here"), "--workers", "1", *here]
    assert subprocess.run(command, env=_environment("0"), capture_output=True, check=False).returncode == 5
    for name in ("manifest.jsonl", "failures.jsonl", "index.html"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    for path in (tmp_path / "here" / "pictures").iterdir():
        assert path.read_bytes() == (tmp_path / "ray" / "pictures" / path.name).read_bytes()
    journal = (tmp_path / "ray" / ".tryon" / "journal.jsonl").read_bytes().splitlines()
    assert len(journal) == 40, "each row was done once"


@pytest.mark.timeout(120)
def test_no_cluster_is_one_line(tmp_path: Path) -> None:
    for name in ("p.png", "g.png"):
        (tmp_path / name).write_bytes(fake_try_on.photo(1))
    done = subprocess.run(
        [sys.executable, "-m", "tryon", "catalog", "--out", "out", "--persons", "p.png", "--garments", "g.png",
         "--ray", "127.0.0.1:1"],
        cwd=tmp_path, env=_environment("0"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "no Ray cluster at '127.0.0.1:1'" in done.stderr

"""Runs a small training twice: once without interruption, once killed again and again and resumed.

A program, so that torch is imported once and every training is a fork of it (importing takes longer than training):

    python kill_training.py '{"stage": ..., "settings": {...}, "constants": {...}, "kills": 4, "out": FOLDER}'

`settings` are those of the stage without `out` and `resume`; `constants` replace names of the stage's module. Writes
FOLDER/whole and FOLDER/killed and prints, for each kill, the exit status and the images of the last checkpoint.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any


def _images(run: Path) -> int:
    """Images of the last checkpoint; 0 where there is none, or one is being replaced."""
    try:
        return int(json.loads((run / "checkpoint" / "state.json").read_text())["images"])
    except (OSError, ValueError):
        return 0


def _start(module: Any, stage: str, settings: dict[str, Any]) -> int:
    from tryon.train.settings import STAGES, read

    job = os.fork()
    if job == 0:
        status = 1
        try:
            module.train(read(STAGES[stage], None, [f"{k}={json.dumps(v)}" for k, v in settings.items()]))
            status = 0
        finally:
            os._exit(status)
    return job


def main(spec: dict[str, Any]) -> None:
    module = importlib.import_module(f"tryon.train.{spec['stage']}")
    for name, value in spec["constants"].items():
        setattr(module, name, value)
    out, moments = Path(spec["out"]), random.Random(0)
    whole, killed = (spec["settings"] | {"out": str(out / name), "resume": True} for name in ("whole", "killed"))
    whole["resume"] = False
    job = _start(module, spec["stage"], whole)
    assert os.waitpid(job, 0)[1] == 0, "the uninterrupted run failed"
    for _ in range(spec["kills"]):
        before = _images(out / "killed")
        job = _start(module, spec["stage"], killed)
        ended = False
        while _images(out / "killed") <= before and not ended:
            time.sleep(0.002)
            ended = os.waitpid(job, os.WNOHANG) != (0, 0)
        time.sleep(moments.choice([0.0, 0.003, 0.05, 0.2]))  # between checkpoints, or in the middle of one
        if not ended:
            os.kill(job, signal.SIGKILL)
            print(os.waitpid(job, 0)[1], _images(out / "killed"))
    job = _start(module, spec["stage"], killed)
    print(os.waitpid(job, 0)[1], _images(out / "killed"))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

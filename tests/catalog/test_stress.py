"""Kills, long lists, locks, in small; `scripts/stress_catalog.py` has the large counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "stress_catalog.py"


def _stress(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    result = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(result, dict)
    assert result["problems"] == [] and done.returncode == 0, result
    return result


@pytest.mark.timeout(900)
def test_kills_at_random_moments_lose_tear_and_double_nothing() -> None:
    result = _stress("kills", "--kills", "4", "--delay", "0.02", "--seed", "3")
    assert result["kills"] == 4 and result["rows"] == 60


@pytest.mark.timeout(900)
def test_a_list_with_bad_rows() -> None:
    result = _stress("rows", "--rows", "240", "--bad", "0.05")
    assert result["made"] == 228 and sum(result["failures"].values()) == 12
    assert len(result["failures"]) == 8, "every kind of trouble was there"

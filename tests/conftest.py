"""Shared fixtures. No test reaches the network; tests marked `needs_data` skip loudly without the photo collections."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import browser  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parent.parent


def _data_folder() -> Path | None:
    for candidate in (os.environ.get("TRYON_DATA"), ROOT.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    return None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The photo collections."""
    folder = _data_folder()
    if folder is None:
        pytest.skip("the photo collections are not there: set TRYON_DATA")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _data_folder() is None:
        missing = pytest.mark.skip(reason="SKIPPED, NOT CHECKED: no photo collections (set TRYON_DATA)")
        for item in items:
            if item.get_closest_marker("needs_data"):
                item.add_marker(missing)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections to anything but local sockets fail."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX:
            raise AssertionError(f"a test tried to connect to {address!r}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(20240607)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: (exit code, stdout, stderr)."""
    from tryon import cli

    def runner(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = cli.main(list(arguments))
        return (code, *capfd.readouterr())

    return runner

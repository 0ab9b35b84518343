"""Servers with a fake model; sockets to this machine are allowed here, and to nowhere else."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from pictures import encoded, scene

pytest.importorskip("fastapi", reason="needs the serve extra")
sys.path.insert(0, str(Path(__file__).resolve().parent))

from live import Live  # noqa: E402


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that leave this machine fail."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and not (isinstance(address, tuple) and address[0] == "127.0.0.1"):
            raise AssertionError(f"a test tried to connect to {address!r}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


def picture(seed: int = 0, corner: tuple[int, int, int] | None = None, format: str = "PNG") -> bytes:
    """A file; the colour of its corner tells the fake model what to do."""
    pixels = scene(160, 120, seed)
    pixels[:12, :12] = (200, 200, 200) if corner is None else corner
    return encoded(np.ascontiguousarray(pixels), format)


def files(person: bytes, *garments: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """A form for httpx. The names are such as nobody should ever see again."""
    form = [("person", ("Erika-Mustermann-am-Strand.jpg", person))]
    return form + [("garment", (f"../../geheim-{n}.png", data)) for n, data in enumerate(garments)]


@pytest.fixture(scope="package")
def live() -> Iterator[Live]:
    """A server for tests that leave it as it is."""
    server = Live()
    yield server
    server.stop()


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, timeout=150) as session:
        yield session

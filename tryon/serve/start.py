"""Running the server until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket

import uvicorn

from ..errors import DependencyError
from .app import make_app
from .settings import STOP_TIME, Settings

log = logging.getLogger("tryon.serve")


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve on a bound socket until SIGINT or SIGTERM; then finish the work in hand.

    Raises:
        DependencyError: the model can't start.
    """
    failures: list[dict[str, str]] = []

    def failed(failure: dict[str, str]) -> None:
        failures.append(failure)
        server.should_exit = True

    config = uvicorn.Config(
        make_app(settings, failed),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=STOP_TIME,
    )
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)  # uvicorn puts its own in front, and raises the signal again at its end
    host, port = listener.getsockname()[:2]
    log.info("listening at http://%s:%d", f"[{host}]" if ":" in host else host, port)
    server.run(sockets=[listener])
    if failures:
        raise DependencyError(failures[0]["message"], failures[0]["remedy"])

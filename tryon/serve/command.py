"""`tryon serve`: the server and its page."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any

from ..console import ENGINES, say, threads
from ..errors import DependencyError, OutputError, UsageError


def add_command(commands: Any) -> None:
    """Add `serve` to the command line."""
    serve = commands.add_parser("serve", help="serve try-ons over HTTP, with a page", allow_abbrev=False)
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1, this machine only)"
    )
    serve.add_argument("--port", type=_port, default=8000, help="port (default: 8000; 0 takes a free one)")
    serve.add_argument(
        "--token-file", metavar="FILE", help="file with the token that clients must send (or the variable TRYON_TOKEN)"
    )
    serve.add_argument("--queue", type=_count, default=8, metavar="N", help="requests that may wait (default: 8)")
    serve.add_argument(
        "--cache", type=_count, default=256, metavar="MB", help="memory for analysed pictures; 0: none (default: 256)"
    )
    serve.add_argument("--engine", choices=ENGINES, default="auto", help="how to render (default: auto)")
    serve.add_argument("--weights", metavar="DIR", help="own networks, as 'tryon export' wrote them")
    serve.add_argument(
        "--threads", type=threads, metavar="N", help="threads to use (default: the usable cores, at most 8)"
    )
    serve.add_argument(
        "--docs",
        action=argparse.BooleanOptionalAction,
        help="describe the API at /docs and /openapi.json (default: where only this machine can see it)",
    )
    serve.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    serve.set_defaults(run=_serve)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    try:
        from .settings import Settings
        from .start import run
    except ImportError as error:
        raise DependencyError(
            f"The server needs {error.name or 'more libraries'}.", "Run: pip install 'tryon[serve]'"
        ) from error
    token = _token(options.token_file)
    if options.weights is not None:
        os.environ["TRYON_WEIGHTS"] = options.weights  # the model process sees it too
    listener = _listen(options.host, options.port)
    local = _is_loopback(listener.getsockname()[0])
    settings = Settings(
        token=token,
        engine=options.engine,
        threads=options.threads,
        queue=options.queue,
        cache_bytes=options.cache * 1_000_000,
        docs=local if options.docs is None else options.docs,
        debug=options.debug,
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    if not local:
        others = "everybody who reaches this machine" if token is None else "everybody who knows the token"
        say(f"tryon: warning: {others} can use this server; pictures travel unencrypted without a proxy", sys.stderr)
    run(settings, listener)
    return 0


def _token(path: str | None) -> str | None:
    token: str | None = os.environ.get("TRYON_TOKEN")
    if path is not None:
        try:
            token = Path(path).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise UsageError("The token file can't be read.", "Give a text file with one line.") from error
    if token is None:
        return None
    token = token.strip()
    if len(token) < 16 or not token.isascii() or not token.isprintable():
        raise UsageError("The token is too short.", "Use at least 16 letters and digits: openssl rand -hex 16")
    return token


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not an address"
        raise OutputError(
            f"Can't listen at {host}, port {port}: {reason}.", "Choose another --host or --port."
        ) from error
    return listener


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.split("%")[0]).is_loopback

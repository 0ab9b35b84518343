"""What every request passes: an id, the token, headers for browsers, a count and a line in the log."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import Metrics
from .problems import Problem
from .settings import LINGER_BYTES, LINGER_TIME, MAX_BODY

log = logging.getLogger("tryon.serve")

#: Routes that programs ask for every few seconds: counted, not logged.
QUIET = ("/healthz", "/readyz", "/metrics", "/v1/jobs/{job_id}")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Gate:
    """ASGI middleware.

    Args:
        token: what a client must know for everything under /v1 and for /metrics, or None.
    """

    def __init__(self, app: ASGIApp, token: str | None, metrics: Metrics) -> None:
        self.app, self.token, self.metrics = app, token, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        headers = {name.lower(): value for name, value in scope["headers"]}
        status, closing, read_all = 0, False, scope["method"] in ("GET", "HEAD")

        async def listen() -> Message:
            nonlocal read_all
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                read_all = True
            return message

        async def answer(message: Message) -> None:
            nonlocal status, closing
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = {**_HEADERS, "X-Request-Id": request_id}
                if not read_all and _endless(headers):
                    extra["Connection"] = "close"
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *_encoded(extra, present)]
                closing = (b"connection", b"close") in message["headers"]
            elif closing and not read_all and not message.get("more_body"):
                # a connection that is closed while its client writes is reset, and the client never sees the answer
                await send({**message, "more_body": True})
                await _discard(receive)
                message = {"type": "http.response.body"}
            await send(message)

        problem = self._refusal(scope, headers)
        try:
            if problem is not None:
                await respond(problem, answer)
            else:
                await self.app(scope, listen, answer)
        except Exception:
            log.exception("id=%s", request_id)
            if status:
                raise  # the answer has begun; the connection ends with it
            await respond(Problem(500, "internal", "Something unexpected went wrong.", "Try again."), answer)
        seconds = time.perf_counter() - started
        route = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(route, str(status)).inc()
        self.metrics.time.labels(route).observe(seconds)
        if route not in QUIET:
            details = scope["state"].get("details", "")
            log.info("id=%s route=%s status=%d ms=%.0f%s", request_id, route, status, seconds * 1000, details)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> Problem | None:
        if scope["method"] not in ("GET", "HEAD") and headers.get(b"sec-fetch-site") == b"cross-site":
            return Problem(403, "cross_site", "Pages of other sites can't use this server.", "Use its own page.")
        if self.token is None or not (scope["path"].startswith("/v1") or scope["path"] == "/metrics"):
            return None
        sent = headers.get(b"authorization", b"")
        if sent[:7].lower() == b"bearer " and hmac.compare_digest(sent[7:].strip(), self.token.encode()):
            return None
        return Problem(
            401,
            "token",
            "A token is needed.",
            "Send it as Authorization: Bearer TOKEN.",
            headers={"WWW-Authenticate": "Bearer"},
        )


async def _discard(receive: Receive) -> None:
    """Throw away what still arrives of a body, within limits."""
    left = LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_TIME):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))


def _endless(headers: dict[bytes, bytes]) -> bool:
    """Whether the rest of a body is not worth reading to keep its connection."""
    length = headers.get(b"content-length", b"")
    if not length:
        return b"transfer-encoding" in headers
    return not length.isdigit() or int(length) > MAX_BODY


def _encoded(headers: dict[str, str], present: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return [(name, value) for name, value in pairs if name not in present]


async def respond(problem: Problem, send: Send) -> None:
    """A problem as a plain ASGI answer."""
    body = json.dumps(problem.body()).encode()
    basic = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    headers = _encoded({**basic, **problem.headers}, ())
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

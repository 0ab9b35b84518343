"""The page at `/` and what belongs to it: fixed files, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from importlib import resources

from fastapi import Request
from fastapi.responses import Response

#: Path -> (file, media type).
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/pictures.js": ("pictures.js", "text/javascript; charset=utf-8"),
    "/compare.js": ("compare.js", "text/javascript; charset=utf-8"),
    "/server.js": ("server.js", "text/javascript; charset=utf-8"),
    "/demo/person.jpg": ("demo_person.jpg", "image/jpeg"),
    "/demo/shirt.jpg": ("demo_shirt.jpg", "image/jpeg"),
    "/demo/striped.jpg": ("demo_striped.jpg", "image/jpeg"),
    "/demo/hoodie.jpg": ("demo_hoodie.jpg", "image/jpeg"),
}


def pages(docs: bool = True) -> dict[str, Callable[[Request], Awaitable[Response]]]:
    """Path -> handler; `docs`: with the description of the API."""
    return {path: _handler(name, media) for path, (name, media) in FILES.items() if docs or path != "/docs"}


def _handler(name: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    data = (resources.files(__name__) / name).read_bytes()
    headers = {"Cache-Control": "no-cache", "ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"'}

    async def page(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=media, headers=headers)

    return page

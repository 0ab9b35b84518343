"""Talking to a server that runs `tryon serve`. Needs httpx: pip install 'tryon[client]'; no networks, no cv2.

from tryon.client import Client

with Client("http://127.0.0.1:8000") as client:
    made = client.try_on("me.jpg", "shirt.jpg")
    made.save("me_in_shirt.png")
    for made in client.try_on_all("me.jpg", ["a.jpg", "b.jpg"]):
        print(made.number, made.error or made.report["quality"])
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import imageio
from .errors import DependencyError, TryOnError

try:
    import httpx
except ImportError as error:
    raise DependencyError("The client needs httpx.", "Run: pip install 'tryon[client]'") from error

#: Statuses after which the same request may work: busy, model starting anew.
_AGAIN = (429, 503)


class ServerError(TryOnError):
    """The server refused, or can't be reached.

    Args:
        code: the server's word for it ("no_person", "overloaded", ...), "unreachable" without an answer.
        status: HTTP status, 0 without an answer.
        picture: "person" or "garment" if one of them is to blame.
    """

    def __init__(self, message: str, remedy: str, code: str, status: int = 0, picture: str | None = None) -> None:
        super().__init__(message, remedy)
        self.code, self.status, self.picture = code, status, picture


@dataclass(frozen=True)
class Made:
    """What came back for one garment.

    Args:
        data: the picture's file; empty if there is an error.
        report: as of `tryon infer --report`.
        number: which garment of those given.
        error: why there is no picture (in `try_on_all` only; `try_on` raises it).
        explain: intermediate pictures by name, PNG files.
    """

    data: bytes
    report: dict[str, Any]
    number: int = 0
    error: ServerError | None = None
    explain: dict[str, bytes] = field(default_factory=dict)

    def save(self, path: str) -> None:
        """Write the file, whole or not at all."""
        imageio.atomic_write(path, self.data)


class Client:
    """A connection to a server.

    Args:
        url: where it listens.
        token: if it asks for one.
        timeout: seconds to wait for an answer.
        patience: seconds to come back to a busy server before giving up.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8000", token: str | None = None, timeout: float = 90, patience: float = 120
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        self._patience = patience

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def try_on(self, person: Any, garment: Any, *, explain: bool = False, **options: Any) -> Made:
        """Put a garment on a person.

        Args:
            person, garment: file names, bytes or binary streams.
            explain: also fetch the intermediate pictures.
            options: category, person_box (x0, y0, x1, y1), hue, lightness, bare_neck, format ("png", "jpeg", "webp").

        Raises:
            ServerError: refused, or not reached in time.
            BadImage: a file can't be read here.
        """
        form = _form(person, [garment])
        values = _values(options) | ({"explain": "true"} if explain else {})
        record = self._ask("POST", "/v1/tryon", files=form, data=values, headers={"Accept": "application/json"}).json()
        pictures = {name: base64.b64decode(entry["base64"]) for name, entry in record.get("explain", {}).items()}
        return Made(base64.b64decode(record["picture"]["base64"]), record["report"], explain=pictures)

    def try_on_all(self, person: Any, garments: Sequence[Any], *, poll: float = 0.5, **options: Any) -> Iterator[Made]:
        """Put many garments on one person, as jobs of 50; yields each when it is done, in the order given.

        Raises:
            ServerError: the job as a whole is refused. What fails for one garment is in its `Made.error`.
        """
        values = _values(options)
        for start in range(0, len(garments), 50):
            form = _form(person, garments[start : start + 50])
            place = self._ask("POST", "/v1/jobs", files=form, data=values).headers["Location"]
            try:
                yield from self._results(place, start, poll)
            finally:
                self._ask("DELETE", place)

    def _results(self, place: str, start: int, poll: float) -> Iterator[Made]:
        following = 0
        while True:
            job = self._ask("GET", place).json()
            for item in job["items"][following:]:
                if item["status"] == "waiting":
                    break
                yield self._made(item, start + following)
                following += 1
            if following == job["total"]:
                return
            time.sleep(poll)

    def _made(self, item: dict[str, Any], number: int) -> Made:
        if "error" in item:
            return Made(b"", {}, number, _error(200, item["error"]))
        return Made(self._ask("GET", item["picture"]).content, item["report"], number)

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """An answer that is a success; comes back when the server is busy."""
        until = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, path, **request)
            except httpx.HTTPError as error:
                raise ServerError(
                    f"The server at {self._http.base_url} can't be reached.", "Check that it runs.", "unreachable"
                ) from error
            if answer.is_success:
                return answer
            wait = _seconds(answer.headers.get("Retry-After"))
            if answer.status_code not in _AGAIN or time.monotonic() + wait > until:
                raise _error(answer.status_code, _body(answer))
            time.sleep(wait)


def _form(person: Any, garments: Sequence[Any]) -> list[tuple[str, tuple[str, bytes]]]:
    """The names of files stay here."""
    read = imageio.read_bytes
    return [("person", ("person", read(person))), *(("garment", ("garment", read(each))) for each in garments)]


def _values(options: dict[str, Any]) -> dict[str, str]:
    known = {name: value for name, value in options.items() if value is not None}
    if "person_box" in known:
        known["person_box"] = ",".join(map(str, known["person_box"]))
    return {name: str(value) for name, value in known.items()}


def _seconds(text: str | None) -> float:
    return min(30.0, float(text)) if text and text.isdecimal() else 2.0


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}


def _error(status: int, body: dict[str, Any]) -> ServerError:
    message = body.get("message", f"The server answered with status {status}.")
    remedy = body.get("remedy", "Check the address.")
    return ServerError(message, remedy, body.get("code", "http"), status, body.get("picture"))

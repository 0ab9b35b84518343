"""Errors as HTTP answers: a status and {code, message, remedy[, picture]}, nothing about the machine."""

from __future__ import annotations

from typing import Any

from ..errors import TryOnError

#: Error code of the library -> HTTP status; 422 for the others.
STATUS = {
    "usage": 400,
    "image_too_large": 413,
    "unsupported_image": 415,
    "dependency": 503,
    "weights": 503,
    "error": 500,
    "output": 500,
}
#: Remedies that make sense to somebody who has no command line.
REMEDIES = {
    "unsupported_category": "Send the garment's real category, or leave it out.",
    "several_people": "Send person_box=x0,y0,x1,y1 to choose one.",
    "dependency": "Send a JPEG, PNG or WebP file.",
    "weights": "Whoever runs the server should run: tryon doctor",
}


class Problem(Exception):
    """An answer that is not a picture.

    Args:
        status: HTTP status.
        code: stable word for programs; message, remedy: one line each, for people.
        picture: which input it is about ("person", "garment"), if any.
        headers: to add to the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        remedy: str,
        *,
        picture: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.remedy = status, code, message, remedy
        self.picture = picture
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        record = {"code": self.code, "message": self.message, "remedy": self.remedy}
        return record | ({"picture": self.picture} if self.picture else {})


def described(error: Exception, picture: str | None = None) -> dict[str, Any]:
    """An exception of the model process as what `Problem` is made of: {status, code, message, remedy, picture}."""
    if not isinstance(error, TryOnError):
        return {
            "status": 500,
            "code": "internal",
            "message": "Something unexpected went wrong.",
            "remedy": "Try again; if it happens again, try other pictures.",
            "picture": None,
        }
    message = error.message if error.code not in ("dependency", "weights") else "The server can't do this now."
    if error.code == "dependency" and picture:
        return _record(415, "unsupported_image", "HEIC files can't be read by this server.", error, picture)
    return _record(STATUS.get(error.code, 422), error.code, message, error, picture)


def _record(status: int, code: str, message: str, error: TryOnError, picture: str | None) -> dict[str, Any]:
    remedy = REMEDIES.get(error.code, error.remedy)
    return {"status": status, "code": code, "message": message, "remedy": remedy, "picture": picture}


def from_record(record: dict[str, Any]) -> Problem:
    return Problem(record["status"], record["code"], record["message"], record["remedy"], picture=record.get("picture"))


def overloaded(seconds: int) -> Problem:
    return Problem(
        429, "overloaded", "The server is busy.", f"Try again in {seconds} s.", headers={"Retry-After": str(seconds)}
    )


def model_died() -> Problem:
    return Problem(
        503,
        "model_died",
        "The model stopped while it worked on this request.",
        "Send it again; the model is starting anew.",
        headers={"Retry-After": "5"},
    )


def too_late() -> Problem:
    return Problem(
        504, "deadline", "The request could not be finished in time.", "Try again later.", headers={"Retry-After": "10"}
    )


def too_many_bytes(limit: int, picture: str | None = None) -> Problem:
    return Problem(
        413,
        "image_too_large",
        f"The {'picture' if picture else 'request'} has more than {limit / 1e6:g} MB.",
        "Save it smaller or with more compression." if picture else "Send fewer or smaller pictures.",
        picture=picture,
        headers={"Connection": "close"},
    )

"""Typed errors. Each message is one line: what is wrong and what to do about it.

The command line maps `exit_code` to the process exit status.
"""

from __future__ import annotations


class TryOnError(Exception):
    """Base of all errors that the library raises on purpose.

    Args:
        message: one line, in plain words: what is wrong.
        remedy: one line: what the user can do.
    """

    code = "error"
    exit_code = 3

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} {remedy}".strip())


class UsageError(TryOnError):
    """Wrong arguments."""

    code = "usage"
    exit_code = 2


class BadImage(TryOnError):
    """The file is not a readable picture, or is damaged."""

    code = "bad_image"


class UnsupportedImage(BadImage):
    """A picture in a format or mode outside the allow-list."""

    code = "unsupported_image"


class ImageTooLarge(BadImage):
    """More bytes or pixels than the limits allow."""

    code = "image_too_large"


class ImageTooSmall(BadImage):
    """Fewer pixels than can be worked with."""

    code = "image_too_small"


class PersonError(TryOnError):
    """The person photo can't be used."""

    code = "person"


class NoPerson(PersonError):
    code = "no_person"


class BackView(PersonError):
    code = "back_view"


class TorsoOutOfFrame(PersonError):
    code = "torso_out_of_frame"


class HipsOutOfFrame(PersonError):
    """A lower garment has no place in the photo."""

    code = "hips_out_of_frame"


class PersonTooSmall(PersonError):
    code = "person_too_small"


class GarmentError(TryOnError):
    """The garment photo can't be used."""

    code = "garment"


class NotAGarment(GarmentError):
    code = "not_a_garment"


class UnsupportedCategory(GarmentError):
    """The garment can't be of the category that the caller gives."""

    code = "unsupported_category"


class WeightsError(TryOnError):
    """Weights missing, damaged or of another version."""

    code = "weights"
    exit_code = 4


class DependencyError(TryOnError):
    """A library that is needed is missing or broken."""

    code = "dependency"
    exit_code = 4


class DecoderMissing(DependencyError):
    """One picture's format needs a library that is not installed; other pictures do not."""


class OutputError(TryOnError):
    """The result can't be written."""

    code = "output"
    exit_code = 3


class ManifestError(TryOnError):
    """The list of a catalog's rows can't be used."""

    code = "manifest"


class FolderInUse(OutputError):
    """Another run works in the output folder."""

    code = "folder_in_use"

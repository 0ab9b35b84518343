"""A wheel holds every package, and the files that the code reads. An editable install hides what is missing."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def _folder(package: str) -> Path:
    for name, place in sorted(SETUPTOOLS["package-dir"].items(), key=lambda item: -len(item[0])):
        if package == name or package.startswith(name + "."):
            return ROOT / place / Path(*package.removeprefix(name).strip(".").split("."))
    raise AssertionError(package)


def test_every_package_of_the_checkout_is_installed():
    found = set()
    for top in ("tryon", "train", "eval"):
        prefix = "" if top == "tryon" else "tryon."
        for file in (ROOT / top).rglob("__init__.py"):
            found.add(prefix + ".".join(file.parent.relative_to(ROOT).parts))
    assert found == set(SETUPTOOLS["packages"])


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_every_file_of_a_package_is_installed(package):
    folder, globs = _folder(package), SETUPTOOLS["package-data"].get(package, [])
    assert (folder / "__init__.py").exists()
    others = {_folder(other) for other in SETUPTOOLS["packages"]}
    for file in folder.rglob("*"):
        own = next(place for place in file.parents if place in others) == folder
        if own and file.is_file() and file.suffix not in (".py", ".pyc", ".md"):
            assert any(fnmatch(str(file.relative_to(folder)), glob) for glob in globs), file

"""A headless Chromium for tests of the pages, driven through pipes: no socket is opened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """The browser's path: CHROMIUM, or the first one found."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Playwright `Browser`; the test is skipped when the machine has none.

    Of a module, not of the session: while it lives the thread has a running event loop, which other tests may not want.
    """
    executable = chromium()
    if executable is None:
        pytest.skip("SKIPPED, NOT CHECKED: no Chromium (install chromium, or set CHROMIUM)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="SKIPPED, NOT CHECKED: playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
        yield instance
        instance.close()

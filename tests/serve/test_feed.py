"""The example for a shop's product feed, run as a program against a server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fake_tryon
import pytest
from live import Live
from serve.conftest import picture

from tryon import imageio

pytestmark = pytest.mark.timeout(240)  # for busy machines
SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "shop_feed.py"


def entry(handle: str, kind: str, *names: str) -> dict[str, object]:
    images = [{"src": f"https://cdn.shop.test/files/{name}?v=17"} for name in names]
    return {"handle": handle, "title": handle.title(), "product_type": kind, "images": images}


def test_a_feed(live: Live, tmp_path: Path) -> None:
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    for name, corner in (("red.png", fake_tryon.RED), ("good one.png", None), ("other.png", None)):
        (images / name).write_bytes(picture(len(name), corner))
    feed = [
        entry("second-picture", "T-Shirts", "red.png", "good%20one.png"),
        entry("plain", "Hoodie", "other.png"),
        entry("hopeless", "Shirt", "red.png"),
        entry("not-there", "Shirt", "missing.png"),
        entry("mug", "Kitchen", "other.png"),
        entry("../../evil", "Shirt", "other.png"),
    ]
    (tmp_path / "products.json").write_text(json.dumps({"products": feed}))
    (tmp_path / "model.png").write_bytes(picture(1))
    command = [sys.executable, str(SCRIPT), "--feed", str(tmp_path / "products.json"), "--images", str(images)]
    command += ["--model", str(tmp_path / "model.png"), "--out", str(out), "--url", live.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "2 shown, 1 can't be shown, 1 without a picture, of 4 tops" in done.stdout
    assert sorted(path.name for path in out.iterdir()) == ["feed.json", "plain.jpg", "second-picture.jpg"]
    index = json.loads((out / "feed.json").read_text())
    assert index["second-picture"]["source"] == "good one.png" and index["plain"]["quality"] == 0.75
    assert index["hopeless"]["code"] == "not_a_garment"
    assert imageio.load(out / "plain.jpg").format == "JPEG"
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "0 shown, 1 can't be shown" in done.stdout

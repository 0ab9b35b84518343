"""Show the tops of a shop's product feed on a model, with a running server.

    tryon serve &
    python scripts/shop_feed.py --feed products.json --images images/ --model model.jpg --out try-ons/

The feed is what many shops offer as /products.json: {"products": [{"handle", "title", "product_type", "images":
[{"src"}, ...]}, ...]}. Pictures are not fetched: --images holds them by the last part of their address (docs/server.md
has the line that downloads them). Of each product the first picture that the server can use counts, so a product whose
first picture shows a model or a detail is shown by a later one.

Writes HANDLE.jpg for each product that works and feed.json: per handle the title, the file, the picture that was used,
quality and warnings, or why there is none. Run again after a change: what is already there is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tryon import TryOnError, imageio
from tryon.client import Client, Made

#: Product types that are tops, in any case and number.
TOPS = re.compile(r"t-?shirt|tee|top|shirt|blouse|sweater|pullover|jumper|hoodie|sweatshirt|polo|cardigan|jacket", re.I)
#: Pictures of a product that are tried, one after the other.
MOST = 4


@dataclass
class Product:
    """What the feed says of a product that is a top."""

    handle: str
    title: str
    pictures: list[Path]


def products(feed: dict[str, Any], folder: Path) -> Iterator[Product]:
    """The tops of a feed with the pictures that are there."""
    for entry in feed.get("products", []):
        handle = str(entry.get("handle", ""))
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,150}", handle):
            continue  # it becomes a file name
        if not TOPS.search(f"{entry.get('product_type', '')} {entry.get('title', '')}"):
            continue
        names = [Path(unquote(urlsplit(str(image.get("src", ""))).path)).name for image in entry.get("images", [])]
        pictures = [folder / name for name in names if name and (folder / name).is_file()]
        yield Product(handle, str(entry.get("title", handle)), pictures[:MOST])


def show(client: Client, model: Path, wanted: list[Product], out: Path) -> Iterator[tuple[Product, dict[str, Any]]]:
    """Try all first pictures, then the second ones of what did not work, and so on."""
    waiting = [(product, 0) for product in wanted]
    while waiting:
        garments = [product.pictures[turn] for product, turn in waiting]
        following = []
        for made in client.try_on_all(model, garments, category="upper", format="jpeg"):
            product, turn = waiting[made.number]
            if made.error is None:
                yield product, keep(made, product, turn, out)
            elif turn + 1 < len(product.pictures):
                following.append((product, turn + 1))
            else:
                yield product, {"title": product.title, "error": str(made.error), "code": made.error.code}
        waiting = following


def keep(made: Made, product: Product, turn: int, out: Path) -> dict[str, Any]:
    made.save(str(out / f"{product.handle}.jpg"))
    return {
        "title": product.title,
        "file": f"{product.handle}.jpg",
        "source": product.pictures[turn].name,
        "quality": made.report["quality"],
        "warnings": [warning["code"] for warning in made.report["warnings"]],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feed", type=Path, required=True, help="products.json")
    parser.add_argument("--images", type=Path, required=True, help="folder of the products' pictures")
    parser.add_argument("--model", type=Path, required=True, help="photo of the person who shows the clothes")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    index = options.out / "feed.json"
    known: dict[str, Any] = json.loads(index.read_text()) if index.exists() else {}
    feed = json.loads(options.feed.read_text(encoding="utf-8"))
    every = list(products(feed, options.images))
    wanted = [p for p in every if p.pictures and not (p.handle in known and (options.out / f"{p.handle}.jpg").exists())]
    failed = 0
    try:
        with Client(options.url, token=os.environ.get("TRYON_TOKEN")) as client:
            for product, record in show(client, options.model, wanted, options.out):
                known[product.handle] = record
                imageio.atomic_write(index, json.dumps(known, indent=2, ensure_ascii=False).encode())
                failed += "error" in record
                print(f"{product.handle}: {record.get('error') or record['quality']}")
    except TryOnError as error:
        print(f"shop_feed: error: {error}", file=sys.stderr)
        return error.exit_code
    without = sum(not product.pictures for product in every)
    print(f"{len(wanted) - failed} shown, {failed} can't be shown, {without} without a picture, of {len(every)} tops")
    return 0


if __name__ == "__main__":
    sys.exit(main())

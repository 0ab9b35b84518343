"""Treat a server badly and print what happens, as JSON: overload, kills of the model process, metadata, bad files.

    python scripts/load_serve.py overload --seconds 60
    python scripts/load_serve.py kills --count 20 [--real]
    python scripts/load_serve.py privacy --count 200
    python scripts/load_serve.py decoder --count 100

The server runs as a process of its own; its model is the fake one of the tests (real decoding, no networks), which
sleeps for a try-on, or with --real the shipped one. The load comes from this process, so both share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "serve")]
from live import Live, children  # noqa: E402
from pictures import encoded, scene  # noqa: E402
from planted import SECRET, planted  # noqa: E402


def photo(seed: int, side: int = 240) -> bytes:
    return encoded(scene(side, side * 3 // 4, seed), "JPEG", quality=90)


def form(person: bytes, garment: bytes) -> dict[str, Any]:
    return {"person": ("p", person), "garment": ("g", garment)}


def percentile(values: list[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else float("nan")


def in_ms(values: list[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(1000 * percentile(values, share), 1) for name, share in shares.items()}


def until_ready(url: str, seconds: float = 60) -> float:
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        if httpx.get(f"{url}/readyz").status_code == 200:
            return time.monotonic() - start
        time.sleep(0.02)
    raise TimeoutError("the server does not become ready")


# --- overload -------------------------------------------------------------------------------------------------------


class Requests:
    """Sends one kind of request and keeps what came back."""

    def __init__(self, client: httpx.AsyncClient, body: bytes, kind: str) -> None:
        self.client, self.body, self.headers = client, body, {"Content-Type": kind, "Accept": "image/jpeg"}
        self.seconds: dict[int, list[float]] = collections.defaultdict(list)
        self.answers: set[bytes] = set()
        self.without_wait = 0

    async def one(self) -> None:
        start = time.perf_counter()
        try:
            answer = await self.client.post("/v1/tryon", content=self.body, headers=self.headers)
        except httpx.HTTPError:
            self.seconds[0].append(time.perf_counter() - start)
            return
        self.seconds[answer.status_code].append(time.perf_counter() - start)
        if answer.status_code == 200:
            self.answers.add(answer.content)
        self.without_wait += answer.status_code == 429 and "retry-after" not in answer.headers

    async def closed(self, clients: int, seconds: float) -> float:
        """So many clients, each at once again; returns successes per second."""
        until = time.monotonic() + seconds

        async def loop() -> None:
            while time.monotonic() < until:
                await self.one()

        start = time.monotonic()
        await asyncio.gather(*(loop() for _ in range(clients)))
        return len(self.seconds[200]) / (time.monotonic() - start)

    async def open(self, rate: float, seconds: float, watch: Any) -> float:
        """A fixed rate, whatever comes back; returns successes per second."""
        start = time.monotonic()
        tasks = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self.one()))
            watch(time.monotonic() - start)
        sent = time.monotonic() - start
        await asyncio.gather(*tasks)
        return len(self.seconds[200]) / sent


def overload(options: argparse.Namespace) -> dict[str, Any]:
    server = Live(environment={"FAKE_SECONDS": str(options.work)}, queue=2)
    until_ready(server.url)
    memory: list[tuple[float, int]] = []

    def watch(now: float) -> None:
        if not memory or now - memory[-1][0] >= 1:
            memory.append((now, server.memory()))

    async def drive() -> tuple[Requests, float, Requests, float]:
        request = httpx.Request("POST", "http://x", files=form(photo(1), photo(2)))
        body, kind = request.read(), request.headers["content-type"]
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as client:
            calm, hard = Requests(client, body, kind), Requests(client, body, kind)
            capacity = await calm.closed(2, 10)
            return calm, capacity, hard, await hard.open(10 / options.work, options.seconds, watch)

    try:
        calm, capacity, hard, rate = asyncio.run(drive())
    finally:
        server.stop()
    early = statistics.median(bytes for now, bytes in memory if options.seconds / 6 <= now < options.seconds / 3)
    late = statistics.median(bytes for now, bytes in memory if now >= options.seconds * 5 / 6)
    return {
        "offered_per_s": 10 / options.work,
        "capacity_per_s": round(capacity, 2),
        "accepted_per_s": round(rate, 2),
        "statuses": {status: len(times) for status, times in sorted(hard.seconds.items())},
        "refused_ms": in_ms(hard.seconds[429]),
        "refused_without_retry_after": hard.without_wait,
        "accepted_ms": in_ms(hard.seconds[200]),
        "accepted_at_capacity_ms": in_ms(calm.seconds[200]),
        "different_answers": len(hard.answers | calm.answers),
        "memory_mb": [round(early / 1e6, 1), round(late / 1e6, 1)],
        "memory_change_percent": round(100 * (late / early - 1), 2),
    }


# --- kills ----------------------------------------------------------------------------------------------------------


def kills(options: argparse.Namespace) -> dict[str, Any]:
    """Three clients without a pause; the model process is killed at random moments while it works."""
    if options.real:
        server = Live(pipeline="tryon.pipeline:TryOn", threads=options.threads)
        pair = [(ROOT / "assets" / "demo" / name).read_bytes() for name in ("person.png", "garment.jpg")]
    else:
        server = Live(environment={"FAKE_SECONDS": "0.2"})
        pair = [photo(1), photo(2)]
    until_ready(server.url)
    events: list[tuple[float, float, int]] = []  # sent, answered, status
    ready: list[tuple[float, int]] = []
    chance = random.Random(options.seed)

    async def drive() -> list[dict[str, Any]]:
        stop = asyncio.Event()
        async with httpx.AsyncClient(base_url=server.url, timeout=120) as client:

            async def loop() -> None:
                while not stop.is_set():
                    sent = time.monotonic()
                    answer = await client.post("/v1/tryon", files=form(*pair), headers={"Accept": "image/jpeg"})
                    events.append((sent, time.monotonic(), answer.status_code))

            async def look() -> None:
                while not stop.is_set():
                    ready.append((time.monotonic(), (await client.get("/readyz")).status_code))
                    await asyncio.sleep(0.05)

            tasks = [asyncio.create_task(task) for task in (loop(), loop(), loop(), look())]
            rounds = []
            while not any(status == 200 for *_, status in events):
                await asyncio.sleep(0.05)
            for _ in range(options.count):
                await asyncio.sleep(chance.uniform(0.2, 1.2))
                killed = time.monotonic()
                os.kill(server.worker(), signal.SIGKILL)
                while not any(sent > killed and status == 200 for sent, _, status in events):
                    await asyncio.sleep(0.02)
                back = min(done for sent, done, status in events if sent > killed and status == 200)
                failed = [status for _, done, status in events if done > killed and status != 200]
                said_no = any(status == 503 for now, status in ready if killed <= now <= back)
                rounds.append({"failed": failed, "back_s": back - killed, "readyz_said_503": said_no})
            stop.set()
            await asyncio.gather(*tasks)
        return rounds

    try:
        rounds = asyncio.run(drive())
    finally:
        server.stop()
    return {
        "kills": len(rounds),
        "failed_requests_per_kill": collections.Counter(len(each["failed"]) for each in rounds),
        "statuses_of_failures": collections.Counter(status for each in rounds for status in each["failed"]),
        "answered": sum(status == 200 for *_, status in events),
        "back_s": {"median": statistics.median(r["back_s"] for r in rounds), "max": max(r["back_s"] for r in rounds)},
        "readyz_told_the_truth": sum(each["readyz_said_503"] for each in rounds),
    }


# --- privacy --------------------------------------------------------------------------------------------------------


def privacy(options: argparse.Namespace) -> dict[str, Any]:
    """Photos with planted metadata; looks into answers, folders, the processes' counters of written bytes, the log."""
    found: dict[str, int] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        places = {"TMPDIR": folder, "HOME": folder, "XDG_CACHE_HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        started = time.time()
        server = Live(environment=places)
        until_ready(server.url)
        try:
            with httpx.Client(base_url=server.url, timeout=60) as client:
                for number in range(options.count):
                    kind = ("JPEG", "PNG", "WEBP")[number % 3]
                    accept = ("image/png", "image/jpeg", "image/webp")[number // 3 % 3]
                    pair = planted(photo(number), kind), planted(photo(1000 + number), kind)
                    answer = client.post("/v1/tryon", files=form(*pair), headers={"Accept": accept})
                    found["answers"] += answer.status_code == 200
                    found["answers_with_the_secret"] += SECRET in answer.content
            model = server.worker()
            found["files_in_the_servers_temporary_and_home_folder"] = len(list(Path(folder).rglob("*")))
            found["bytes_written_to_disk_by_model_and_decoder"] = sum(map(_written, [model, *children(model)]))
            found["new_files_elsewhere_with_the_secret"] = sum(map(_has_secret, _changed_since(started)))
            log = server.log()
            found["lines_in_the_log"] = log.count("route=/v1/tryon")
            found["log_has_the_secret"] = int(SECRET.decode() in log)
        finally:
            server.stop()
    return dict(found)


def _written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _changed_since(start: float) -> list[Path]:
    """Files of the usual places for temporary files that are younger than `start`."""
    found = []
    for place in {"/tmp", "/var/tmp", "/dev/shm", os.getcwd()}:
        for path in Path(place).rglob("*"):
            try:
                if path.is_file() and path.stat().st_mtime >= start and path.stat().st_size < 100_000_000:
                    found.append(path)
            except OSError:
                continue
    return found


def _has_secret(path: Path) -> bool:
    try:
        return SECRET in path.read_bytes()
    except OSError:
        return False


# --- files that kill decoders ---------------------------------------------------------------------------------------


def decoder(options: argparse.Namespace) -> dict[str, Any]:
    """Files that make the decoder crash (planted bugs); every second request is a good one."""
    server = Live(path=(ROOT / "tests" / "serve" / "accidents",))
    until_ready(server.url)
    model = server.worker()
    statuses: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    words = {"SIGSEGV": options.count, "MEMORY": 1, "CPU": 1}
    spent: dict[str, float] = {}
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            for word, count in words.items():
                for number in range(count):
                    start = time.monotonic()
                    bad = photo(number) + b"ACCIDENT-" + word.encode()
                    statuses[word][client.post("/v1/tryon", files=form(bad, photo(1))).status_code] += 1
                    spent[word] = max(spent.get(word, 0), round(time.monotonic() - start, 2))
                    statuses["good"][client.post("/v1/tryon", files=form(photo(2), photo(3))).status_code] += 1
                    statuses["healthz"][client.get("/healthz").status_code] += 1
        same = server.worker() == model
    finally:
        server.stop()
    return {"statuses": statuses, "slowest_s": spent, "model_process_survived": same}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("overload", "kills", "privacy", "decoder"))
    parser.add_argument("--seconds", type=float, default=60, help="of overload")
    parser.add_argument("--work", type=float, default=0.2, help="seconds of a fake try-on, for overload")
    parser.add_argument("--count", type=int, default=20, help="kills, photos or files")
    parser.add_argument("--real", action="store_true", help="kills: with the shipped model")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = {"overload": overload, "kills": kills, "privacy": privacy, "decoder": decoder}[options.what](options)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

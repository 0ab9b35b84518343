"""A server in a process of its own, with the fake model; also runs alone: `python live.py '{"queue": 2}'`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FAKE = "fake_tryon:TryOn"


class Live:
    """Start it, use `url`, stop it.

    Args:
        environment: variables for the server, `FAKE_SECONDS` for instance.
        path: folders before the others on the server's import path.
        settings: of `tryon.serve.settings.Settings`.
    """

    def __init__(self, *, environment: dict[str, str] | None = None, path: tuple[Path, ...] = (), **settings: Any):
        search = os.pathsep.join(map(str, (*path, HERE)))
        env = os.environ | {"PYTHONPATH": search} | (environment or {})
        self.home = tempfile.TemporaryDirectory(prefix="tryon-live-")
        self._log = open(Path(self.home.name) / "log", "w+", encoding="utf-8")  # noqa: SIM115 - closed by stop
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "live.py"), json.dumps({"pipeline": FAKE, **settings})],
            env=env,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        port = self.process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"the server did not start: {self.log()}")
        self.url = f"http://127.0.0.1:{port}"

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(encoding="utf-8")

    def worker(self, timeout: float = 90) -> int:
        """The model process; waits until there is one."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            found = children(self.process.pid)
            if found:
                return found[0]
            time.sleep(0.02)
        raise TimeoutError("there is no model process")

    def memory(self) -> int:
        """Resident bytes of the front, the model process and the decoder."""
        family = [self.process.pid, *children(self.process.pid)]
        family += [pid for parent in family[1:] for pid in children(parent)]
        return sum(map(_resident, family))

    def stop(self, how: int = signal.SIGTERM, timeout: float = 90) -> int:
        """Ask it to stop, and wait; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self._log.close()
            self.home.cleanup()


def children(pid: int) -> list[int]:
    """Of its first thread, which is the one that makes processes."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main() -> None:
    import logging

    from tryon.serve.settings import Settings
    from tryon.serve.start import run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    run(Settings(**json.loads(sys.argv[1])), listener)


if __name__ == "__main__":
    main()

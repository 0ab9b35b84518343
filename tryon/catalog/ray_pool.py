"""The same work as tasks on a Ray cluster.

Ray schedules the tasks, repeats those whose node or process died, and moves the bytes; every write stays with the run
that was started here. So the nodes need the same tryon and no common disk, and a node that dies can't harm the output.
"""

from __future__ import annotations

import functools
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import imageio
from ..errors import DependencyError, TryOnError, UsageError, WeightsError
from .bench import Bench, versions
from .rows import Failure
from .tasks import Analyse, Broken, Photo, Reply, Task
from .worker import entry_path

#: Photos and entries that stay in Ray's object store beside those of running tasks, bytes.
STORED = 500_000_000
#: How often Ray repeats a task whose node or process died, before the run counts it as one of its own tries.
RETRIES = 3
#: Tasks for each core of the cluster: one runs, one waits.
DEPTH = 2


class RayPool:
    """Args:
    address: of the cluster: "auto", "HOST:PORT" or "ray://HOST:PORT".
    engine, maker: see `bench.Bench`; they must be there on all nodes. cache: where the entries lie, on this machine.
    row_timeout: seconds after which a task is given up, not counting an equal time in Ray's queue.

    Raises:
        DependencyError: Ray is not installed. UsageError: there is no such cluster.
    """

    def __init__(self, address: str, engine: str, maker: str, cache: Path, row_timeout: float) -> None:
        try:
            import ray
        except ImportError as error:
            raise DependencyError("--ray needs Ray.", "Run: pip install 'tryon[ray]'") from error
        self._ray = ray
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"There is no Ray cluster at {address!r} that can be used.", "Start one with ray start --head."
            ) from error
        self._work = ray.remote(num_cpus=1, max_retries=RETRIES)(_work)
        self._arguments = (engine, maker, versions())
        self._cache, self._timeout = cache, row_timeout * 2
        self._tasks: dict[Any, tuple[Any, float]] = {}
        self._stored: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._cores, self._asked = 1, float("-inf")

    @property
    def free(self) -> int:
        if time.monotonic() - self._asked > 2:  # nodes come and go
            self._cores = max(1, int(self._ray.cluster_resources().get("CPU", 0)))
            self._asked = time.monotonic()
        return max(0, DEPTH * self._cores - self.busy)

    @property
    def busy(self) -> int:
        return len(self._tasks)

    def submit(self, token: Any, task: Task) -> None:
        try:
            objects = self._objects(task)
        except (TryOnError, OSError) as error:  # a photo that went away
            text = error.message if isinstance(error, TryOnError) else "A file of the cache went away."
            failed = self._ray.put(Failure("bad_image", text, "Run again."))
            self._tasks[failed] = (token, float("inf"))
            return
        # the references stand inside of a dictionary: bytes travel only where a worker asks for them
        reference = self._work.remote(*self._arguments, task, objects)
        self._tasks[reference] = (token, time.monotonic() + self._timeout)

    def replies(self) -> list[tuple[Any, Reply]]:
        while True:
            ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=1.0)
            done = [(self._tasks.pop(reference)[0], self._reply(reference)) for reference in ready]
            now = time.monotonic()
            late = [reference for reference, (_, deadline) in self._tasks.items() if deadline < now]
            for reference in late:
                self._ray.cancel(reference, force=True)
                message = f"The row took longer than {self._timeout:g} seconds, with its wait in the queue."
                failure = Failure("timeout", message, "Try this pair with tryon infer.")
                done.append((self._tasks.pop(reference)[0], failure))
            if done:
                return done

    def close(self) -> None:
        for reference in self._tasks:
            self._ray.cancel(reference, force=True)
        self._tasks.clear()
        self._stored.clear()
        self._ray.shutdown()

    def _reply(self, reference: Any) -> Reply:
        errors = self._ray.exceptions
        try:
            reply = self._ray.get(reference)
        except errors.RayTaskError as error:  # what the task raised; `_work` raises nothing of its own
            cause = type(error.cause).__name__ if getattr(error, "cause", None) else "unknown"
            return Failure("internal", f"Something unexpected went wrong ({cause}).", "Try this pair with tryon infer.")
        except errors.RayError as error:
            message = f"The worker or node that did this row died ({type(error).__name__})."
            return Failure("worker_died", message, "Look at the cluster: ray status.")
        if isinstance(reply, Broken):
            kind = WeightsError if reply.code == WeightsError.code else DependencyError
            raise kind(reply.message, reply.remedy)
        return reply

    def _objects(self, task: Task) -> dict[str, Any]:
        """References to all that the task may read: photos by sha256, entries by key."""
        parts = [task] if isinstance(task, Analyse) else [task.person, task.garment]
        found = {
            part.photo.sha256: self._object(part.photo.sha256, functools.partial(imageio.read_bytes, part.photo.path))
            for part in parts
        }
        if not isinstance(task, Analyse):
            for part in parts:
                path = entry_path(self._cache, part.key)
                found[part.key] = self._object(part.key, path.read_bytes)
        return found

    def _object(self, name: str, read: Callable[[], bytes]) -> Any:
        if name in self._stored:
            self._stored.move_to_end(name)
            return self._stored[name][0]
        data = read()
        self._stored[name] = (self._ray.put(data), len(data))
        while sum(size for _, size in self._stored.values()) > STORED and len(self._stored) > 4:
            self._stored.popitem(last=False)
        return self._stored[name][0]


def _knock(address: str) -> None:
    """Raise OSError or ValueError at once where Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class _ObjectFiles:
    """Photos and entries from Ray's object store."""

    def __init__(self, objects: dict[str, Any]) -> None:
        self._objects = objects

    def photo(self, photo: Photo) -> bytes:
        return self._get(photo.sha256)

    def entry(self, key: str) -> bytes:
        return self._get(key)

    def _get(self, name: str) -> bytes:
        import ray

        data: bytes = ray.get(self._objects[name])
        return data


@functools.lru_cache(maxsize=1)
def _bench(engine: str, maker: str) -> Bench:
    """One for each worker process of Ray, which does one task at a time on one core."""
    return Bench(engine, 1, maker)


def _work(engine: str, maker: str, expected: list[Any], task: Task, objects: dict[str, Any]) -> Reply:
    try:
        if versions() != expected:
            return Broken(
                "weights", "A node has another version of tryon or other weights.", "Install the same on all."
            )
        bench = _bench(engine, maker)
    except TryOnError as error:
        return Broken(error.code, error.message, error.remedy)
    except ImportError as error:
        return Broken("dependency", f"A library can't be imported on a node: {error}.", "Install tryon on all nodes.")
    return bench.do(task, _ObjectFiles(objects))

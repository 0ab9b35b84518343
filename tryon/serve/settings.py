"""What can be set, and the limits."""

from __future__ import annotations

from dataclasses import dataclass

from ..imageio import MAX_BYTES

#: Bytes of one picture, of all of a request to /v1/tryon, and of all of a job.
MAX_PICTURE = MAX_BYTES
MAX_BODY = 2 * MAX_PICTURE + 65536
MAX_JOB_BODY = 100_000_000
MAX_GARMENTS = 50
#: Seconds that a body may take to arrive.
BODY_TIME = 30.0
#: Bytes and seconds of a refused body that are still received, to be thrown away.
LINGER_BYTES, LINGER_TIME = 64_000_000, 3.0
#: Seconds that a model process may take to load.
LOAD_TIME = 120.0
#: Seconds that the work in hand may take to finish when the server stops.
STOP_TIME = 30


@dataclass(frozen=True)
class Settings:
    """How to serve.

    Args:
        token: if given, what `Authorization: Bearer` must carry for everything under /v1 and for /metrics.
        engine, threads: as for `TryOn`.
        queue: requests that may wait for the model; further ones are refused.
        deadline: seconds from the arrival of a request to its answer.
        run_time: seconds after which a model process that does not answer is replaced.
        cache_bytes: memory for analysed pictures, 0 = each request is analysed anew.
        cache_time: seconds after its last use that an analysed picture is forgotten.
        jobs: unfinished jobs that are accepted.
        results_bytes, results_time: memory for the pictures of jobs, and how long (s) they are kept.
        pipeline: "module:name" of what the model process makes its `TryOn` with.
        docs: serve the description of the API at /docs and /openapi.json.
        debug: let the model process print.
    """

    token: str | None = None
    engine: str = "auto"
    threads: int | None = None
    queue: int = 8
    deadline: float = 60.0
    run_time: float = 60.0
    cache_bytes: int = 256_000_000
    cache_time: float = 600.0
    jobs: int = 4
    results_bytes: int = 256_000_000
    results_time: float = 600.0
    pipeline: str = "tryon.pipeline:TryOn"
    docs: bool = True
    debug: bool = False

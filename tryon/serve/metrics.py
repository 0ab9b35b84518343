"""What Prometheus may read: counts and times, nothing about anybody's pictures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The figures of one server, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "tryon_requests", "Answers by route and status.", ["route", "status"], registry=registry
        )
        self.time = Histogram(
            "tryon_request_seconds", "Arrival to answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.run = Histogram("tryon_run_seconds", "Time in the model process.", buckets=_SECONDS, registry=registry)
        self.admitted = Gauge("tryon_requests_admitted", "Requests that are read, wait or run.", registry=registry)
        self.refused = Counter("tryon_refused", "Requests refused at once.", ["reason"], registry=registry)
        self.gone = Counter("tryon_clients_gone", "Clients that left before the answer.", registry=registry)
        self.up = Gauge("tryon_model_up", "1 while the model process can work.", registry=registry)
        self.restarts = Counter("tryon_model_restarts", "Model processes replaced.", registry=registry)
        self.lost = Counter("tryon_requests_lost", "Requests that failed with their model process.", registry=registry)
        self.analyses = Counter(
            "tryon_analyses", "Pictures analysed or remembered.", ["picture", "how"], registry=registry
        )
        self.jobs = Gauge("tryon_jobs_unfinished", "Jobs that wait or run.", registry=registry)
        self.results = Gauge("tryon_job_results_bytes", "Memory held by the pictures of jobs.", registry=registry)

    def text(self) -> bytes:
        return generate_latest(self.registry)

"""The routes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from . import schema
from .forms import ClientDisconnect, Form, read_form
from .gate import Gate
from .jobs import Jobs
from .metrics import Metrics
from .model import Answer, Model, Work
from .options import FIELDS, MEDIA, accepted, parse_options
from .page import pages
from .problems import Problem, too_late
from .settings import MAX_BODY, MAX_GARMENTS, MAX_JOB_BODY, Settings

_PRIVATE = {"Cache-Control": "no-store"}


def make_app(settings: Settings, on_failure: Any = None) -> FastAPI:
    """The ASGI application; its lifespan starts and stops the model process.

    Args:
        on_failure: called with {code, message, remedy} when the model says that it can't start.
    """
    metrics = Metrics()
    model = Model(settings, metrics)
    jobs = Jobs(settings, metrics, model)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await model.start()
        chores = [asyncio.create_task(_sweep(jobs)), asyncio.create_task(_watch(model, on_failure))]
        yield
        for chore in chores:
            chore.cancel()
        await model.stop()

    app = FastAPI(
        title="tryon",
        version="1",
        description="Virtual try-on: a person photo and a garment photo in, the person wearing the garment out.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
    )
    app.add_middleware(Gate, token=settings.token, metrics=metrics)
    _add_handlers(app)
    _add_try_on(app, settings, model)
    _add_jobs(app, jobs)
    _add_health(app, model, metrics)
    for path, page in pages(settings.docs).items():
        app.add_api_route(path, page, methods=["GET"], include_in_schema=False)
    app.state.model, app.state.jobs = model, jobs
    return app


async def _sweep(jobs: Jobs) -> None:
    while True:
        await asyncio.sleep(15)
        jobs.sweep()


async def _watch(model: Model, on_failure: Any) -> None:
    await model.failed.wait()
    if on_failure is not None:
        on_failure(model.failure)


def _add_handlers(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return JSONResponse(error.body(), error.status, {**_PRIVATE, **error.headers})

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it; it is for the log

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        known = {
            404: Problem(404, "not_found", "There is nothing here.", "See /docs for what there is."),
            405: Problem(405, "method", "This can't be done here.", "See /docs for the methods."),
        }
        found = known.get(error.status_code) or Problem(error.status_code, "http", "Refused.", "See /docs.")
        return JSONResponse(found.body(), found.status, {**_PRIVATE, **dict(error.headers or {})})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return JSONResponse(Problem(400, "usage", "The request makes no sense.", "See /docs.").body(), 400)


def _add_try_on(app: FastAPI, settings: Settings, model: Model) -> None:
    @app.post("/v1/tryon", openapi_extra=schema.TRY_ON, responses=schema.TRY_ON_ANSWERS, response_class=Response)
    async def try_on(request: Request) -> Response:
        """Put a garment on a person. The Accept header chooses a picture (PNG, WebP, JPEG) or JSON with the report."""
        deadline = time.monotonic() + settings.deadline
        kind = accepted(request.headers.get("accept"))
        with model.admit():
            form = await read_form(request, {"person": 1, "garment": 1}, FIELDS, MAX_BODY)
            options = parse_options(form.values, "PNG" if kind == "JSON" else kind)
            if kind != "JSON":  # the Accept header chose the format, and there is a place for one picture
                options |= {"explain": False, "format": kind}
            person, garment = form.pictures["person"][0], form.pictures["garment"][0]
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            work = Work(person, garment, options, deadline, future)
            del form
            answer = await _await(request, model.submit(work), deadline, app)
        request.state.details = (
            f" person={len(person.data)}B garment={len(garment.data)}B size={answer.size[0]}x{answer.size[1]}"
            f" format={options['format']} waited_ms={answer.waited * 1000:.0f} run_ms={answer.took * 1000:.0f}"
        )
        return _as_json(request, answer, options) if kind == "JSON" else _as_picture(answer, kind)


async def _await(request: Request, future: asyncio.Future[Answer], deadline: float, app: FastAPI) -> Answer:
    """The answer, unless the deadline passes or the client leaves first."""
    gone = asyncio.create_task(_left(request))
    try:
        awaited: set[asyncio.Future[Any]] = {future, gone}
        await asyncio.wait(awaited, timeout=deadline - time.monotonic(), return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        if gone.done():
            app.state.model.metrics.gone.inc()
            raise ClientDisconnect
        raise too_late()
    finally:
        gone.cancel()
        future.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _as_picture(answer: Answer, kind: str) -> Response:
    warnings = ",".join(notice["code"] for notice in answer.report.get("warnings", []))
    headers = _PRIVATE | {"X-Tryon-Quality": str(answer.report.get("quality")), "X-Tryon-Warnings": warnings}
    return Response(answer.pictures["picture"], media_type=MEDIA[kind], headers=headers)


def _as_json(request: Request, answer: Answer, options: dict[str, Any]) -> Response:
    def packed(name: str, media: str) -> dict[str, str]:
        return {"media_type": media, "base64": base64.b64encode(answer.pictures[name]).decode()}

    picture: dict[str, Any] = packed("picture", MEDIA[options["format"]])
    picture |= {"width": answer.size[0], "height": answer.size[1]}
    explain = {name: packed(name, "image/png") for name in answer.pictures if name != "picture"}
    record = {"id": request.state.request_id, "report": answer.report, "picture": picture}
    return JSONResponse(record | ({"explain": explain} if options["explain"] else {}), headers=_PRIVATE)


def _add_jobs(app: FastAPI, jobs: Jobs) -> None:
    @app.post("/v1/jobs", status_code=202, openapi_extra=schema.JOB, response_class=JSONResponse)
    async def create_job(request: Request) -> Response:
        """Put several garments on one person; the answer tells where to look for the results."""
        with jobs.admit():
            pictures = {"person": 1, "garment": MAX_GARMENTS}
            form: Form = await read_form(request, pictures, FIELDS - {"explain"}, MAX_JOB_BODY)
            options = parse_options(form.values)
            job = jobs.start(form.pictures["person"][0], form.pictures["garment"], options)
        return JSONResponse(jobs.describe(job), 202, {**_PRIVATE, "Location": f"/v1/jobs/{job.id}"})

    @app.get("/v1/jobs/{job_id}", response_class=JSONResponse)
    async def read_job(job_id: str) -> Response:
        """How far a job is; reports and the addresses of the pictures that are done."""
        return JSONResponse(jobs.describe(jobs.get(job_id)), headers=_PRIVATE)

    @app.delete("/v1/jobs/{job_id}", status_code=204, response_class=Response)
    async def delete_job(job_id: str) -> Response:
        """Forget a job and its pictures; what has not begun is not done."""
        jobs.forget(job_id)
        return Response(status_code=204)

    @app.get("/v1/jobs/{job_id}/pictures/{number}", responses=schema.PICTURES, response_class=Response)
    async def read_picture(job_id: str, number: int) -> Response:
        """A picture of a job."""
        job = jobs.get(job_id)
        if not 0 <= number < len(job.items) or job.items[number].picture is None:
            raise Problem(404, "no_picture", "There is no such picture.", "See the job's items for what is done.")
        return Response(job.items[number].picture, media_type=job.media, headers=_PRIVATE)


def _add_health(app: FastAPI, model: Model, metrics: Metrics) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The server runs."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        """The model is loaded and can work; 503 while it is not."""
        if not model.ready:
            raise Problem(503, "not_ready", "The model is starting.", "Ask again in a moment.")
        return {"status": "ready"}

    @app.get("/metrics", response_class=Response)
    async def read_metrics() -> Response:
        """Counts and times for Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

"""GET /health, /ready and /metrics: whether the process lives, whether it has read the log, and its metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from api.symbols import LISTED_SYMBOLS
from api.view import View
from volcast.metrics.exposition import Exposition

from .problems import Problem, ProblemKind, ProblemResponse, problem_answers


class Readiness(BaseModel):
    """How much of the log the API has read."""

    ready: bool = Field(description="Whether every signal that was on the log when the API started has been read.")
    signals: int = Field(description="Number of signals read so far.")
    unreadable: int = Field(description="Number of records of the topic signals that could not be read.")
    unreadable_symbols: list[str] = Field(
        description=f"The first {LISTED_SYMBOLS} symbols whose newest record could not be read, sorted."
    )


class NotReadyProblem(Problem, Readiness):
    """The API has not read the log yet. The members are those of the answer 200, and those of a problem."""


def process_routes(view: View, all_metrics: Exposition) -> APIRouter:
    """Return the routes over `view` and the metrics of the process."""
    router = APIRouter()

    @router.get("/health", summary="Liveness of the process", response_class=PlainTextResponse)
    async def health() -> str:
        """Answer 200 as long as the process can answer. Whether it has read the log is the subject of /ready."""
        return "alive\n"

    @router.get(
        "/ready",
        summary="Readiness to serve",
        response_model=Readiness,
        responses=problem_answers({503: "The API is still reading signals that were on the log before."}, "NotReadyProblem"),
    )
    async def ready() -> Readiness | Response:
        """Answer 200 once the API has read every signal that was on the log when it started, and 503 before."""
        readiness = Readiness(
            ready=view.caught_up,
            signals=view.signals,
            unreadable=view.unreadable,
            unreadable_symbols=view.unreadable_symbols[:LISTED_SYMBOLS],
        )
        if readiness.ready:
            return readiness
        detail = f"{readiness.signals} signals of the log have been read so far; ask again in some seconds"
        return ProblemResponse(503, detail, ProblemKind.NOT_READY, **readiness.model_dump())

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Return all metrics in Prometheus' text format, or in OpenMetrics if the header Accept names it."""
        return await all_metrics.response(request.headers.get("accept", ""))

    return router

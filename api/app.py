"""The HTTP application: the latest signal of each symbol, health, readiness and metrics."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from fastapi import Depends, FastAPI
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send

from volcast.metrics.exposition import Exposition
from volcast.metrics.process import process_registry
from volcast.metrics.request_id import RequestIds
from volcast.metrics.requests import CountedApp, RequestCollector

from .clock import read_clocks
from .page.document import openapi_document
from .page.files import page_routes
from .routes.config import PlainSetting, config_routes
from .routes.drift import drift_routes
from .routes.history import history_routes
from .routes.latest import latest_routes
from .routes.models import models_routes
from .routes.predict.route import predict_routes
from .routes.probability import probability_routes
from .routes.problems import check_parameters, handle_errors
from .routes.process import process_routes
from .routes.quality import ConsumerCounts, quality_routes
from .routes.rendered import LatestAnswers, LatestShortcut
from .routes.stream import stream_routes
from .routes.symbols import symbols_routes
from .security.guard import secured
from .security.policy import Security
from .security.sessions import Sessions, session_routes
from .statistics.metrics import ViewCollector
from .status import Now
from .stream.broadcast import Broadcast
from .stream.metrics import StreamCollector
from .view import View

_NO_SECURITY = Security()
_DESCRIPTION = """
Volatility forecasts that are updated with each closed one-minute candle.

`GET /latest/{symbol}` answers with the latest signal of a symbol. Read its `status` first: it says whether the numbers can be
used, and `valid_until` says how long. `GET /history/{symbol}` has the signals before, `GET /stream` those that come.
"""


class Api(FastAPI):
    """The application behind its security."""

    def __init__(self, security: Security, requests: RequestCollector, answers: LatestAnswers) -> None:
        super().__init__(title="volcast", description=_DESCRIPTION, docs_url=None, redoc_url=None, redirect_slashes=False)
        self._security, self._requests, self._answers = security, requests, answers
        self._sessions = Sessions(security.tokens)
        handle_errors(self)
        self.add_middleware(_HeadAsGet)
        if security.tokens:
            self.include_router(session_routes(self._sessions))

    def build_middleware_stack(self) -> ASGIApp:
        """Return the application in its middleware; failures are within the security, so that they have its headers, too."""
        app = LatestShortcut(super().build_middleware_stack(), self._answers)
        counted = CountedApp(secured(app, self._security, self._sessions), self._requests)
        return RequestIds(counted, Random())  # noqa: S311  # no secret

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi_document(self, tokens_needed=bool(self._security.tokens))
        return self.openapi_schema


def create_app(
    view: View,
    collectors: tuple[Collector, ...] = (),
    now: Callable[[], Now] = read_clocks,
    *,
    security: Security = _NO_SECURITY,
    settings: Sequence[PlainSetting] = (),
    consumer_counts: ConsumerCounts = lambda _: None,
) -> FastAPI:
    """Return the ASGI application over `view`, which another thread may be writing.

    `collectors` add the metrics of other parts of this process to /metrics. `now` reads the two clocks of the view. `security`
    says who may ask. `settings` are those that this process uses, with secrets masked, for /config. `consumer_counts` returns
    what a consumer in this process has counted of a symbol's records, for /quality.
    """
    requests, broadcast = RequestCollector(), Broadcast(view.rows)
    all_metrics = Exposition(process_registry(ViewCollector(view, now), StreamCollector(broadcast), requests, *collectors))
    answers = LatestAnswers(view, now)
    app = Api(security, requests, answers)
    for router in (
        latest_routes(view, now, answers),
        symbols_routes(view, now),
        probability_routes(view, now),
        drift_routes(view, now),
        models_routes(view, now),
        predict_routes(now, view.stale_after_s),
        quality_routes(view, now, consumer_counts),
        config_routes(settings),
        history_routes(view),
        stream_routes(view, broadcast),
    ):
        app.include_router(router, dependencies=[Depends(check_parameters)])
    app.include_router(process_routes(view, all_metrics))
    app.include_router(page_routes())
    return app


class _HeadAsGet:
    """Middleware that routes HEAD as GET, which FastAPI does not do by itself; the server leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope["is_head"] = True
            scope["method"] = "GET"  # in place: the middleware around this one finds the route in the same scope
        await self._app(scope, receive, send)

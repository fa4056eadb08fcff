"""GET /latest and GET /latest/{symbol}: the latest signal, with its age, its status and how long it may be used."""

import json
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Header, Response

from api.responses import LatestResponse, response_of
from api.status import Now
from api.symbols import UNKNOWN_SYMBOL, SymbolInPath, unknown_symbol
from api.view import View
from volcast.metrics.shared_body import SharedBody

from .rendered import LATEST_PATH, LatestAnswers


def latest_routes(view: View, now: Callable[[], Now], answers: LatestAnswers) -> APIRouter:
    """Return the routes over `view`; `now` reads its two clocks. `answers` are those of its symbols.

    A LatestShortcut answers before the route of one symbol does, unless the symbol has no signal.
    """
    router = APIRouter()
    all_latest = SharedBody(lambda: _latest_of_all(view, now()), "application/json")

    @router.get("/latest", summary="Latest signal of every symbol", response_model=dict[str, LatestResponse])
    async def latest_of_all() -> Response:
        """Return the latest signal of every symbol, by symbol. The object is empty before the first signal."""
        response = await all_latest.response()
        response.headers["cache-control"] = "no-cache"
        return response

    @router.get(
        LATEST_PATH,
        summary="Latest signal of one symbol",
        response_model=LatestResponse,
        responses={
            304: {"description": "The answer has the ETag of If-None-Match: nothing has changed but the age."},
            **UNKNOWN_SYMBOL,
        },
    )
    async def latest_of_one(
        symbol: SymbolInPath,
        if_none_match: Annotated[str, Header(description="ETags of answers that the client has.")] = "",
    ) -> Response:
        """Return the latest signal of one symbol. Its ETag changes with everything but the age."""
        answer = answers.answer(symbol, lambda: if_none_match)
        if answer is None:
            return unknown_symbol(view, symbol)
        code, headers, body = answer
        return Response(body, code, {name.decode(): value.decode() for name, value in headers})

    return router


def _latest_of_all(view: View, now: Now) -> Iterator[bytes]:
    """Yield the JSON object with the latest signal of every symbol, symbol by symbol."""
    before = "{"
    for symbol in view.symbols:
        if latest := view.get(symbol):
            yield f"{before}{json.dumps(symbol)}:{response_of(latest, view, now).model_dump_json()}".encode()
            before = ","
    yield b"{}" if before == "{" else b"}"

"""GET /latest and GET /latest/{symbol}: the latest signal, with its age, its status and how long it may be used."""

import json
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Header, Response

from api.responses import LatestResponse, response_of
from api.status import Now
from api.symbols import UNKNOWN_SYMBOL, SymbolInPath, find_latest, unknown_symbol
from api.view import View
from volcast.metrics.shared_body import SharedBody


def latest_routes(view: View, now: Callable[[], Now]) -> APIRouter:
    """Return the routes over `view`; `now` reads its two clocks."""
    router = APIRouter()
    all_latest = SharedBody(lambda: _latest_of_all(view, now()), "application/json")

    @router.get("/latest", summary="Latest signal of every symbol", response_model=dict[str, LatestResponse])
    async def latest_of_all() -> Response:
        """Return the latest signal of every symbol, by symbol. The object is empty before the first signal."""
        response = await all_latest.response()
        response.headers["cache-control"] = "no-cache"
        return response

    @router.get(
        "/latest/{symbol}",
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
        latest = find_latest(view, symbol)
        if latest is None:
            return unknown_symbol(view, symbol)
        answer = response_of(latest, view, now())
        headers = {"cache-control": "no-cache", "etag": _etag(answer)}
        if _matches(if_none_match, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return Response(answer.model_dump_json(), media_type="application/json", headers=headers)

    return router


def _etag(answer: LatestResponse) -> str:
    """Return a weak ETag: it stands for all that depends on more than the time since the answer."""
    over = "".join(str(int(each)) for each in (answer.horizon_over, *(each.horizon_over for each in answer.other_horizons)))
    return f'W/"{answer.sequence}-{answer.status.value}-{over}"'


def _matches(if_none_match: str, etag: str) -> bool:
    """Return whether a header If-None-Match names the ETag; by the weak comparison, as RFC 9110 has it for this header."""
    named = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in named or etag.removeprefix("W/") in named


def _latest_of_all(view: View, now: Now) -> Iterator[bytes]:
    """Yield the JSON object with the latest signal of every symbol, symbol by symbol."""
    before = "{"
    for symbol in view.symbols:
        if latest := view.get(symbol):
            yield f"{before}{json.dumps(symbol)}:{response_of(latest, view, now).model_dump_json()}".encode()
            before = ","
    yield b"{}" if before == "{" else b"}"

"""GET /stream: each new row of the wanted symbols as a Server-Sent Event, from the first one that the client has not seen."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from api.stream.broadcast import Broadcast
from api.stream.response import RowStream
from api.symbols import find_latest, unknown_symbol
from api.view import View

from .problems import invalid_request, problem_answers

_NO_POSITION = -1
"""Before all positions: whoever comes with it begins again."""
_DESCRIPTION = """
Events `signal`: `id` is the row's sequence, `data` a row as in /history. The stream begins after the row of `Last-Event-ID`,
which a browser sends when it connects again, or of `after`; without them with the newest row of each symbol.

An event `reset` says that rows are missing between the last event and the next one: load /history again. An event `dropped` is
the last one for a client that reads too slowly, and says so. Comments keep the connection alive.
"""
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["signal", "reset", "dropped"]},
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}


def stream_routes(view: View, broadcast: Broadcast) -> APIRouter:
    """Return the route over `view`, whose rows `broadcast` sends."""
    router = APIRouter()

    @router.get(
        "/stream",
        summary="Rows as they come",
        description=_DESCRIPTION,
        response_class=Response,
        responses={
            200: {"content": {"text/event-stream": {"itemSchema": _EVENT}}},
            **problem_answers({404: "A symbol has no signal, and the log has been read to its end."}, "UnknownSymbolProblem"),
            **problem_answers({503: "Too many streams are open."}),
        },
    )
    async def stream(
        request: Request,
        symbols: Annotated[
            str | None,
            Query(description="Symbols, separated by commas; all by default.", json_schema_extra={"pattern": "[A-Za-z0-9]"}),
        ] = None,
        after: Annotated[int | None, Query(description="Begin after the row of this sequence.")] = None,
        last_event_id: Annotated[str | None, Header(description="As `after`, which it overrules.")] = None,
    ) -> Response:
        """Return a stream that ends when the client goes."""
        wanted = None
        if symbols is not None:
            names = [name.strip() for name in symbols.split(",") if name.strip()]
            if not names:
                return invalid_request("symbols names no symbol; leave it out for all", "symbols")
            latests = {name: find_latest(view, name) for name in names}
            unknown = [name for name, latest in latests.items() if latest is None]
            # Before the log has been read the symbol may well be on it, and a browser never asks again after a 404.
            if unknown and view.caught_up:
                return unknown_symbol(view, unknown[0])
            wanted = frozenset(latest.signal.symbol if latest else name.upper() for name, latest in latests.items())
        position = after
        if last_event_id:
            is_number = last_event_id.isascii() and last_event_id.isdecimal()
            position = int(last_event_id[:19]) if is_number else _NO_POSITION
        return RowStream(broadcast, wanted, position, head_only="is_head" in request.scope)

    return router

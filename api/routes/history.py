"""GET /history/{symbol}: the last rows of a symbol, page by page, as JSON, CSV, Arrow or Parquet."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from msgspec import json
from pydantic import BaseModel, Field, WithJsonSchema

from api.fields import described_as
from api.stream.history import ROWS_OF_A_SYMBOL, PositionLost
from api.stream.row import Row, RowHorizon
from api.symbols import UNKNOWN_SYMBOL, SymbolInPath, find_latest, unknown_symbol
from api.view import View
from volcast.candle_files.timestamps import parse_open_time_ms
from volcast.core.codec import MAX_TIME_MS, MIN_TIME_MS
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.forecast.results import Outcome, Shadow

from .formats import FORMAT_NAMES, RowFormat, encode_rows, preferred_format
from .problems import ProblemKind, ProblemResponse, invalid_request, problem_answers

_SECONDS = range(MIN_TIME_MS // 1_000, MAX_TIME_MS // 1_000)
"""Times of candles in seconds. As milliseconds they would be days of early 1970, which have none."""
_Time = Annotated[
    str | None, WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}]})
]
_FIRST_MS, _LAST_MS = -(2**62), 2**62
_FORMS = "json, csv, arrow or parquet"
_BYTES = {"type": "string", "format": "binary"}
_SCHEMAS = {RowFormat.CSV: {"type": "string"}, RowFormat.ARROW: _BYTES, RowFormat.PARQUET: _BYTES}


@described_as(Outcome)
class RowOutcomeResponse(BaseModel):
    """The result of the forecast that came due with the candle."""

    open_time_ms: int
    realized_volatility: float
    volatility: float
    qlike: float
    qlike_ewma: float
    covered: bool
    price_covered: bool


@described_as(RowHorizon)
class RowHorizonResponse(BaseModel):
    """The forecast for another horizon."""

    horizon_minutes: int
    volatility: float
    volatility_lower: float
    volatility_upper: float
    price_lower: float
    price_upper: float
    outcome: RowOutcomeResponse | None


@described_as(Shadow)
class RowShadowResponse(BaseModel):
    """A challenger's forecast for the signal's own horizon."""

    model: str
    volatility: float
    qlike: float | None


@described_as(DriftAlarm)
class RowAlarmResponse(BaseModel):
    """A drift alarm that is on."""

    detector: str
    tier: Tier
    open_time_ms: int
    what: str


@described_as(Row)
class RowResponse(BaseModel):
    """The row of one signal."""

    sequence: int
    symbol: str
    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    rolling_mean: float | None
    signal: int
    signal_rate: float | None
    signal_rate_window: float | None
    model: str
    horizon_minutes: int
    interval_level: float
    volatility: float
    volatility_median: float
    volatility_lower: float
    volatility_upper: float
    price_lower: float
    price_upper: float
    usual_volatility: float | None
    outcome: RowOutcomeResponse | None
    gaps: int
    missing_minutes: int
    suspect: bool
    warm: bool
    data_drift_ratio: float
    other_horizons: list[RowHorizonResponse]
    shadows: list[RowShadowResponse]
    drift_alarms: list[RowAlarmResponse]


class HistoryResponse(BaseModel):
    """A page of rows."""

    symbol: str = Field(description="The symbol.")
    rows: list[RowResponse] = Field(description="The rows, oldest first.")
    next: int | None = Field(description="`after` of the next page; null if this one is the last.")


def history_routes(view: View) -> APIRouter:
    """Return the route over `view`."""
    router = APIRouter()

    @router.get(
        "/history/{symbol}",
        summary="Last rows of one symbol",
        response_model=HistoryResponse,
        responses={
            200: {"content": {form.value: {"schema": _SCHEMAS[form]} for form in list(RowFormat)[1:]}},
            **UNKNOWN_SYMBOL,
            **problem_answers(
                {
                    406: "The header Accept names none of the forms, and neither does `format`.",
                    409: "The rows that follow `after` are not kept any more.",
                }
            ),
        },
    )
    async def history(  # noqa: PLR0917  # FastAPI passes them by name
        request: Request,
        symbol: SymbolInPath,
        begin: Annotated[
            _Time, Query(alias="from", description="Candles that open from then on: ISO 8601, UTC unless it says so, or ms.")
        ] = None,
        end: Annotated[_Time, Query(alias="to", description="Candles that open before then, as `from`.")] = None,
        limit: Annotated[int, Query(ge=1, le=ROWS_OF_A_SYMBOL, description="At most so many rows.")] = ROWS_OF_A_SYMBOL,
        after: Annotated[int | None, Query(description="Rows after this sequence: `next` of the page before.")] = None,
        format: Annotated[  # noqa: A002
            Literal["json", "csv", "arrow", "parquet"] | None, Query(description=f"{_FORMS}; by default what Accept prefers.")
        ] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """Return rows of a symbol, oldest first: one per signal, as many as are kept."""
        latest = find_latest(view, symbol)
        if latest is None:
            return unknown_symbol(view, symbol)
        form = preferred_format(accept) if format is None else FORMAT_NAMES[format]
        if form is None:
            return ProblemResponse(406, f"Accept names none of the forms {', '.join(RowFormat)}; or use the parameter format")
        name = latest.signal.symbol
        try:
            from_ms, to_ms = _time_ms("from", begin, _FIRST_MS), _time_ms("to", end, _LAST_MS)
            stored, has_more = view.rows.page(name, from_ms, to_ms, after, limit)
        except ValueError as error:
            return invalid_request(*error.args)
        except PositionLost as error:
            return ProblemResponse(409, f"{error}: begin again without after", ProblemKind.ROWS_GONE)
        rows = [each.row() for each in stored]
        following = rows[-1].sequence if has_more else None
        headers = {"cache-control": "no-cache", "vary": "Accept"}
        if following is not None:
            url = request.url.include_query_params(after=following)
            headers["link"] = f'<{url.path}?{url.query}>; rel="next"'  # relative: the host may be that of a proxy
        if form is RowFormat.JSON:
            body = json.encode({"symbol": name, "rows": rows, "next": following})
        else:
            body = await asyncio.to_thread(encode_rows, rows, form)
        return Response(body, media_type=form.value, headers=headers)

    return router


def _time_ms(name: str, text: str | None, default_ms: int) -> int:
    """Return a time in milliseconds since 1970. Raises ValueError with a sentence and the name."""
    if text is None:
        return default_ms
    if text.isascii() and text.isdecimal():
        if (number := int(text[:19])) in _SECONDS:
            raise ValueError(f"{name} is {number}, which is a time in seconds; multiply it by 1000", name)
        return number
    try:
        return parse_open_time_ms(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        sentence = f"{name} is a time such as 2024-01-31T23:59:00Z, or milliseconds since 1970; got {text!r:.60}"
        raise ValueError(sentence, name) from None

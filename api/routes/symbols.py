"""GET /symbols: all symbols with what a list of them shows, small enough for hundreds of them."""

from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.responses import HorizonEnd, HorizonOver, SymbolStateResponse, iso8601, symbol_state
from api.status import Latest, Now
from api.view import View
from volcast.metrics.shared_body import SharedBody

UNUSUAL_RATIO = 2.0
"""A forecast of so many times the usual volatility is marked as unusual."""
SPARKLINE_CLOSES = 60


class SymbolResponse(SymbolStateResponse):
    """What a list of symbols shows of one of them."""

    close: float = Field(description="The candle's close.")
    horizon_minutes: int = Field(description="H: the number of minutes that the forecast covers.")
    horizon_end: HorizonEnd
    horizon_over: HorizonOver
    interval_level: float = Field(description="As in /latest.")
    price_lower: float = Field(description="As in /latest.")
    price_upper: float = Field(description="As in /latest.")
    volatility: float = Field(description="As in /latest.")
    usual_volatility: float | None = Field(description="As in /latest.")
    unusual: bool | None = Field(
        description=f"Whether volatility is at least {UNUSUAL_RATIO:g} times usual_volatility; null while that is not known."
    )
    drift_alarms: int = Field(description="Number of drift alarms that are on; /drift says which.")
    closes: list[float] | None = Field(
        description=f"The last {SPARKLINE_CLOSES} closes that are kept, oldest first, if asked for, else null; gaps do not show."
    )


class SymbolsResponse(BaseModel):
    """All symbols that have a signal."""

    count: int = Field(description="Number of symbols.")
    symbols: list[SymbolResponse] = Field(description="The symbols, sorted by name.")


def symbols_routes(view: View, now: Callable[[], Now]) -> APIRouter:
    """Return the route over `view`; `now` reads its two clocks."""
    router = APIRouter()
    plain = SharedBody(lambda: _symbols(view, now(), closes=False), "application/json")
    with_closes = SharedBody(lambda: _symbols(view, now(), closes=True), "application/json")

    @router.get("/symbols", summary="All symbols", response_model=SymbolsResponse)
    async def symbols(
        closes: Annotated[bool, Query(description=f"Add the last {SPARKLINE_CLOSES} closes of each.")] = False,  # noqa: FBT002
    ) -> Response:
        """Return all symbols with state, close and forecast."""
        response = await (with_closes if closes else plain).response()
        response.headers["cache-control"] = "no-cache"
        return response

    return router


def _symbols(view: View, now: Now, *, closes: bool) -> Iterator[bytes]:
    """Yield a SymbolsResponse as JSON, symbol by symbol."""
    latests = [latest for symbol in view.symbols if (latest := view.get(symbol))]
    yield f'{{"count":{len(latests)},"symbols":['.encode()
    for number, latest in enumerate(latests):
        yield f"{',' if number else ''}{_symbol(latest, view, now, closes=closes).model_dump_json()}".encode()
    yield b"]}"


def _symbol(latest: Latest, view: View, now: Now, *, closes: bool) -> SymbolResponse:
    signal, usual = latest.signal, latest.row.usual_volatility
    return SymbolResponse(
        **symbol_state(latest, view, now),
        close=signal.close,
        horizon_minutes=signal.horizon_minutes,
        horizon_end=iso8601(latest.horizon_end_ms(signal.horizon_minutes)),
        horizon_over=latest.is_horizon_over(signal.horizon_minutes, now),
        interval_level=signal.interval_level,
        price_lower=signal.price_lower,
        price_upper=signal.price_upper,
        volatility=signal.volatility,
        usual_volatility=usual,
        unusual=signal.volatility >= UNUSUAL_RATIO * usual if usual else None,
        drift_alarms=len(signal.drift_alarms),
        closes=[each.row().close for each in view.rows.last(signal.symbol, SPARKLINE_CLOSES)] if closes else None,
    )

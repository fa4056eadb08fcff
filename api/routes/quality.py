"""GET /quality/{symbol}: what is known of the quality of a symbol's candles, and what is not."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.responses import SymbolStateResponse, iso8601, symbol_state
from api.statistics.candle_quality import GAPS_OF_A_SYMBOL, SeenCandles
from api.status import Latest, Now
from api.symbols import UNKNOWN_SYMBOL, SymbolInPath, find_latest, unknown_symbol
from api.view import View

ConsumerCounts = Callable[[str], Mapping[str, int] | None]
"""Returns what the consumer has counted of a symbol's records by verdict; None if this process does not know."""
_ELSEWHERE = "null where the consumer is another process, whose /metrics has it"


class SeenGapResponse(BaseModel):
    """Minutes without a candle."""

    begin: str = Field(description="Start of the first missing minute, ISO 8601, UTC.")
    end: str = Field(description="Start of the candle that ended the gap, ISO 8601, UTC.")
    missing_minutes: int = Field(description="Number of missing minutes.")


class QualityResponse(SymbolStateResponse):
    """The quality of one symbol's candles."""

    source: str = Field(description="Where the latest candle comes from: a venue or the name of a file.")
    live: bool = Field(description="Whether it was sent live by a venue, not replayed.")
    warm: bool = Field(description="As in /latest.")
    counted_since: str | None = Field(
        description="Start of the first candle of the log, with which the counts up to suspect_candles began, ISO 8601, UTC; "
        "null if its signal is not kept on the log any more."
    )
    candles: int = Field(description="Number of candles accepted.")
    gaps: int = Field(description="Number of gaps, each of one or more missing minutes.")
    missing_minutes: int = Field(description="Number of minutes missing in these gaps.")
    missing_share: float = Field(description="Share of the minutes of the last day, or since the first candle, without a candle.")
    suspect: bool = Field(description="Whether a price of the latest candle is far outside the market's scale.")
    suspect_candles: int = Field(description="Number of candles with such a price.")
    seen_since: str = Field(
        description="Start of the first candle whose signal the API has read, with which the next counts began, ISO 8601, UTC."
    )
    seen_candles: int = Field(description="Number of candles whose signals the API has read.")
    flat_candles: int = Field(description="Of the seen candles, those whose four prices are the close before.")
    repeated_candles: int = Field(description="Of these, those with the prices and the volume of the one before, above 0.")
    candles_without_volume: int = Field(description="Of these, those with volume 0.")
    recent_gaps: list[SeenGapResponse] = Field(description=f"The last gaps seen, the newest first, at most {GAPS_OF_A_SYMBOL}.")
    duplicates: int | None = Field(description=f"Records of a minute that had a candle already; {_ELSEWHERE}.")
    late: int | None = Field(description=f"Candles that came after a later one; {_ELSEWHERE}.")
    unconfirmed_dates: int | None = Field(description=f"Candles whose date no other candle confirmed; {_ELSEWHERE}.")
    revisions: int | None = Field(description=f"Corrections by the venue, which change no signal; {_ELSEWHERE}.")
    synthetic_candles: int | None = Field(
        description="Candles that a producer made for minutes without a trade: always null, because a signal does not tell; they "
        "are among flat_candles and candles_without_volume."
    )


def quality_routes(view: View, now: Callable[[], Now], consumer_counts: ConsumerCounts) -> APIRouter:
    """Return the route over `view`; `now` reads its two clocks."""
    router = APIRouter()

    @router.get(
        "/quality/{symbol}", summary="Quality of one symbol's candles", response_model=QualityResponse, responses=UNKNOWN_SYMBOL
    )
    async def quality(symbol: SymbolInPath) -> QualityResponse | Response:
        """Return gaps, suspect, flat and repeated candles and what was refused; null where this process cannot know."""
        latest = find_latest(view, symbol)
        if latest is None:
            return unknown_symbol(view, symbol)
        name = latest.signal.symbol
        state = symbol_state(latest, view, now())
        return QualityResponse(**state, **_of_signal(latest), **_seen(view.quality.of(name)), **_counted(consumer_counts(name)))

    return router


def _of_signal(latest: Latest) -> dict[str, object]:
    names = ("source", "live", "warm", "candles", "gaps", "missing_minutes", "missing_share", "suspect", "suspect_candles")
    return {name: getattr(latest.signal, name) for name in names}


def _seen(seen: SeenCandles) -> dict[str, object]:
    gaps = [
        SeenGapResponse(begin=iso8601(each.from_ms), end=iso8601(each.to_ms), missing_minutes=each.missing_minutes)
        for each in seen.gaps
    ]
    return {
        "counted_since": iso8601(seen.first_ms) if seen.first_count == 1 else None,
        "seen_since": iso8601(seen.first_ms),
        "seen_candles": seen.candles,
        "flat_candles": seen.flat,
        "repeated_candles": seen.repeated,
        "candles_without_volume": seen.without_volume,
        "recent_gaps": gaps,
        "synthetic_candles": None,
    }


def _counted(counts: Mapping[str, int] | None) -> dict[str, int | None]:
    verdicts = {
        "duplicates": "duplicate",
        "late": "late",
        "unconfirmed_dates": "unconfirmed_date",
        "revisions": "revision",
    }
    return {name: None if counts is None else counts.get(verdict, 0) for name, verdict in verdicts.items()}

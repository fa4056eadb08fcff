"""What each tool does: ask the API by the client, and put the answer into the form of results.py. The client's errors pass."""

from collections import deque
from datetime import datetime
from typing import Any, Literal

from volcast.client.answers import CheckableAnswer, LatestForecast, PriceProbability
from volcast.client.asynchronous import AsyncClient
from volcast.client.rows import ForecastRow

from .results import (
    DriftAnswer,
    DriftItem,
    ForecastNumbers,
    HistoryAnswer,
    LatestAnswer,
    ListedSymbol,
    PastForecast,
    ProbabilityAnswer,
    ProbabilityNumbers,
    SymbolsAnswer,
)
from .verdict import utc, verdict

MAX_PAST_ROWS = 200
MAX_LISTED = 100
PriceQuestion = Literal["above", "below", "between", "touch"]


async def latest_answer(client: AsyncClient, symbol: str) -> LatestAnswer:
    """Return the latest forecast of a symbol."""
    found = await client.latest(symbol, allow_stale=True)
    said, numbers = _said(found), _numbers(found)
    if said["usable_now"]:
        said["summary"] += (
            f" Last price {found.close:,}; in {found.horizon_minutes} minutes it is between {found.price_lower:,.6g} and "
            f"{found.price_upper:,.6g} with a probability of {found.interval_level:.0%}."
        )
    return LatestAnswer(**said, **_where(numbers, is_usable=said["usable_now"]))


async def probability_answer(
    client: AsyncClient, symbol: str, question: PriceQuestion, prices: tuple[float, float | None], horizon_minutes: int | None
) -> ProbabilityAnswer:
    """Return how likely a price is; the second of `prices` is the upper one of between, else None."""
    price, upper_price = prices
    if (upper_price is None) == (question == "between"):
        raise ValueError("the question between needs price and upper_price, and no other question has an upper_price")
    asked: dict[str, Any] = {question: price if upper_price is None else (price, upper_price)}
    found = await client.probability(symbol, **asked, horizon_minutes=horizon_minutes, allow_stale=True)
    said = _said(found)
    if said["usable_now"]:
        said["summary"] += f" {_in_words(found)}."
    numbers = ProbabilityNumbers(
        **{name: getattr(found, name) for name in ProbabilityNumbers.model_fields if name != "horizon_end"},
        horizon_end=_iso(found.horizon_end),
    )
    return ProbabilityAnswer(**said, **_where(numbers, is_usable=said["usable_now"]))


async def drift_answer(client: AsyncClient, symbol: str) -> DriftAnswer:
    """Return the drift alarms of a symbol that are on."""
    found = await client.drift(symbol, allow_stale=True)
    said = _said(found)
    alarms = [
        DriftItem(**{name: getattr(each, name) for name in DriftItem.model_fields if name != "since"}, since=_iso(each.timestamp))
        for each in found.alarms
    ]
    is_or_was = "are" if said["usable_now"] else "were"
    said["summary"] += f" {len(alarms) or 'No'} drift alarm{'' if len(alarms) == 1 else 's'} {is_or_was} on."
    return DriftAnswer(**said, alarms=alarms, data_drift_ratio=found.data_drift_ratio)


async def history_answer(client: AsyncClient, symbol: str, rows: int, before: str | None) -> HistoryAnswer:
    """Return the last rows of a symbol, or those before a time."""
    latest = await client.latest(symbol, allow_stale=True)
    kept = deque[ForecastRow](maxlen=rows + 1)
    async for row in client.history(symbol, to=before):
        kept.append(row)
    has_more = len(kept) > rows
    if has_more:
        kept.popleft()
    said = _said(latest)
    rows_of = f"{len(kept)} rows of {latest.symbol}" if kept else f"{latest.symbol} has no rows that old"
    is_now = "" if said["usable_now"] else ", so that there is no forecast of now"
    said["summary"] = (
        f"FORECASTS OF THE PAST: none of these may be given as the forecast of now; `latest` has that. {rows_of}; its newest "
        f"candle began at {utc(latest.timestamp)}, and its status is {latest.status}{is_now}."
    )
    said["usable_now"] = False
    return HistoryAnswer(
        **said,
        horizon_minutes=kept[-1].horizon_minutes if kept else None,
        rows=[_past(row) for row in kept],
        before=_iso(kept[0].timestamp) if has_more else None,
    )


async def symbols_answer(client: AsyncClient, after: str | None) -> SymbolsAnswer:
    """Return all symbols with their state, page by page."""
    found = await client.symbols()
    verdicts = {each.symbol: verdict(each).usable_now for each in found}
    page = [each for each in found if each.symbol > (after or "").upper()]
    listed = [
        ListedSymbol(
            symbol=each.symbol,
            usable_now=verdicts[each.symbol],
            status=each.status,
            age_seconds=each.age_now_s,
            valid_until=each.valid_until and _iso(each.valid_until),
        )
        for each in page[:MAX_LISTED]
    ]
    summary = f"{sum(verdicts.values())} of {len(found)} symbols have a forecast that may be used now; ask `latest` for it."
    return SymbolsAnswer(summary=summary, symbols=listed, after=listed[-1].symbol if len(page) > MAX_LISTED else None)


def _said(answer: CheckableAnswer) -> dict[str, Any]:
    said = verdict(answer)
    return {
        "summary": said.sentence,
        "symbol": answer.symbol,
        "usable_now": said.usable_now,
        "status": answer.status,
        "age_seconds": answer.age_now_s,
        "valid_until": answer.valid_until and _iso(answer.valid_until),
        "candle_open_time": _iso(answer.timestamp),
    }


def _where(numbers: object, *, is_usable: bool) -> dict[str, Any]:
    """Return under which key numbers are: never under `current` if they must not be used."""
    return {"current": numbers if is_usable else None, "not_for_use": None if is_usable else numbers}


def _numbers(found: LatestForecast) -> ForecastNumbers:
    same = {name: getattr(found, name) for name in ForecastNumbers.model_fields if name not in {"horizon_end", "drift_alarms"}}
    alarms = [each.detector for each in found.drift_alarms]
    return ForecastNumbers(**same, horizon_end=_iso(found.horizon_end), drift_alarms=alarms)


def _past(row: ForecastRow) -> PastForecast:
    came = row.outcome
    return PastForecast(
        open_time=_iso(row.timestamp),
        close=row.close,
        volatility=row.volatility,
        price_lower=row.price_lower,
        price_upper=row.price_upper,
        realized_volatility=came and came.realized_volatility,
        forecast_volatility=came and came.volatility,
        price_covered=came and came.price_covered,
    )


def _in_words(found: PriceProbability) -> str:
    price = f"{found.price:,}" if found.upper_price is None else f"{found.price:,} and {found.upper_price:,}"
    event = f"touches {price} within" if found.question == "touch" else f"is {found.question} {price} after"
    bound = {"less": "less than ", "more": "more than "}.get(found.relation, "")
    return f"The price {event} {found.horizon_minutes} minutes with a probability of {bound}{found.probability:.4g}"


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

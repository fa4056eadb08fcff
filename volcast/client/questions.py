"""What can be asked of the API, one function for each question; its answer is read and checked here, too. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, TypeVar

from msgspec import Struct

from .answers import CheckableAnswer, DriftAlarms, LatestForecast, PriceProbability, SymbolSummary, received
from .errors import StaleForecastError
from .freshness import check_accepted, require_current
from .wire import Question, Received, decoded

_symbol_name = re.compile(r"[A-Za-z0-9._-]+")
_Answer = TypeVar("_Answer", bound=CheckableAnswer)


class AllForecasts(NamedTuple):
    """The latest forecast of every symbol: those that may be used now, and for each of the others why not."""

    current: dict[str, LatestForecast]
    refused: dict[str, StaleForecastError]


def accepted_statuses(accept: Collection[str], *, allow_stale: bool) -> frozenset[str] | None:
    """Return the statuses that are accepted; None for everything."""
    accepted = check_accepted(accept)
    return None if allow_stale else accepted


def latest_question(symbol: str, accepted: frozenset[str] | None) -> Question[LatestForecast]:
    """Ask for the latest signal of a symbol."""
    return Question(f"/latest/{symbol_in_path(symbol)}", _checked(LatestForecast, accepted), {})


def latest_all_question(accepted: frozenset[str] | None) -> Question[AllForecasts]:
    """Ask for the latest signal of every symbol."""

    def read(answer: Received) -> AllForecasts:
        found = AllForecasts({}, {})
        for symbol, forecast in decoded(answer, dict[str, LatestForecast]).items():
            try:
                found.current[symbol] = _check(forecast, answer, accepted)
            except StaleForecastError as error:
                found.refused[symbol] = error
        return found

    return Question("/latest", read, {})


class _Symbols(Struct):
    symbols: list[SymbolSummary]


def symbols_question() -> Question[list[SymbolSummary]]:
    """Ask for the list of all symbols."""

    def read(answer: Received) -> list[SymbolSummary]:
        return [received(each, answer.receipt) for each in decoded(answer, _Symbols).symbols]

    return Question("/symbols", read, {})


def probability_question(
    symbol: str,
    asked: Mapping[str, float | tuple[float, float] | None],
    horizon_minutes: int | None,
    accepted: frozenset[str] | None,
) -> Question[PriceProbability]:
    """Ask how likely a price is; `asked` has one question that is not None. Raises ValueError if it has none or several.

    The API is asked to answer from an old forecast, too, because what may be used is judged here, by one rule for all answers.
    """
    questions = {name: prices for name, prices in asked.items() if prices is not None}
    if len(questions) != 1:
        raise ValueError("ask one question: above=PRICE, below=PRICE, between=(PRICE, PRICE) or touch=PRICE")
    [(name, prices)] = questions.items()
    text = ",".join(repr(float(each)) for each in (prices if isinstance(prices, tuple) else (prices,)))
    params: dict[str, str | int] = {name: text, "stale_ok": "true"}
    if horizon_minutes is not None:
        params["horizon"] = horizon_minutes
    return Question(f"/probability/{symbol_in_path(symbol)}", _checked(PriceProbability, accepted), params)


def drift_question(symbol: str, accepted: frozenset[str] | None) -> Question[DriftAlarms]:
    """Ask for the drift alarms of a symbol."""
    return Question(f"/drift/{symbol_in_path(symbol)}", _checked(DriftAlarms, accepted), {})


def _checked(kind: type[_Answer], accepted: frozenset[str] | None) -> Callable[[Received], _Answer]:
    return lambda answer: _check(decoded(answer, kind), answer, accepted)


def _check(answer: _Answer, came: Received, accepted: frozenset[str] | None) -> _Answer:
    if accepted is not None:
        require_current(answer, came.receipt, came.came, accepted)
    return received(answer, came.receipt)


def symbol_in_path(symbol: str) -> str:
    """Return the symbol. Raises ValueError if it cannot stand in a path."""
    if not _symbol_name.fullmatch(symbol):  # a slash would make another path of it
        raise ValueError(f"a symbol is a name such as BTCUSDT or BTCUSDT.BINANCE; got {symbol!r:.60}")
    return symbol

"""The answers of `volcast ask`, as sentences for a trader and as JSON. Pure: numbers in, text out."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import floor, log10
from typing import Any, NamedTuple

from api.outlook import Outlook
from api.responses import iso8601
from api.status import Status
from volcast.core.forecast.distribution.questions import Loss, PositionSide, PriceRange, Probability, Relation
from volcast.core.types import Signal

_CAUTIONS = {
    Status.WARMING: "the forecaster has seen few candles of this symbol, so this rests on what other markets do",
    Status.SPARSE: "most minutes of the last day have no candle",
}
_EXTRAPOLATED = "rarer than the outermost quantile of the forecast, so it rests on the usual shape of a tail"
_MINUTE_S = 60
_DIGITS = 6


class Questions(NamedTuple):
    """What is asked; None or empty for what is not."""

    above: tuple[float, ...] = ()
    below: tuple[float, ...] = ()
    between: tuple[tuple[float, float], ...] = ()
    touch: tuple[float, ...] = ()
    value_at_risk: tuple[float, ...] = ()
    interval: tuple[float, ...] = ()


class Answer(NamedTuple):
    """One answer: a sentence, and the same as fields."""

    sentence: str
    fields: dict[str, Any]


def answers(questions: Questions, signal: Signal, outlook: Outlook) -> list[Answer]:
    """Return the answers in the order of the questions. Raises QuestionError if one of them has none."""
    prices, symbol, end, sides = outlook.prices, signal.symbol, _clock(outlook.horizon_end_ms), tuple(PositionSide)

    def likely(question: str, event: str, price: float, ask: Callable[[float], Probability]) -> Answer:
        return _likely(f"{symbol} {event}", question, [price], ask(price))

    return [
        *(likely("above", f"closes above {price:.12g} at {end}", price, prices.above) for price in questions.above),
        *(likely("below", f"closes below {price:.12g} at {end}", price, prices.below) for price in questions.below),
        *(
            _likely(f"{symbol} closes between {a:.12g} and {b:.12g} at {end}", "between", [a, b], prices.between(a, b))
            for a, b in questions.between
        ),
        *(likely("touch", f"touches {price:.12g} before {end}", price, prices.touched) for price in questions.touch),
        *(_loss(level, side, prices.loss(level, side), signal, end) for level in questions.value_at_risk for side in sides),
        *(_interval(level, prices.price_range(level), signal, end) for level in questions.interval),
    ]


def circumstances(signal: Signal, outlook: Outlook) -> list[str]:
    """Return the lines that say how far the answers can be trusted: price, age, status, and until when they hold."""
    close = _clock(signal.open_time_ms + _MINUTE_S * 1_000)
    made = f"by the forecast of {close}, {_age(outlook.age_s)}, when {signal.symbol} was at {signal.close:.12g}"
    lines = [f"{made}; status {outlook.status.value}; it holds until {_clock(outlook.horizon_end_ms)}"]
    if outlook.is_over:
        lines.append("caution: that time has passed, so this says nothing about now")
    if caution := _CAUTIONS.get(outlook.status):
        lines.append(f"caution: {caution}")
    return lines


def as_object(found: Sequence[Answer], signal: Signal, outlook: Outlook) -> dict[str, Any]:
    """Return the answers with their circumstances, for JSON."""
    return {
        "symbol": signal.symbol,
        "timestamp": iso8601(signal.open_time_ms),
        "status": outlook.status.value,
        "age_seconds": outlook.age_s,
        "close": signal.close,
        "horizon_minutes": outlook.horizon_minutes,
        "horizon_end": iso8601(outlook.horizon_end_ms),
        "horizon_over": outlook.is_over,
        "answers": [each.fields for each in found],
    }


def _likely(event: str, question: str, prices: list[float], answer: Probability) -> Answer:
    words = {Relation.EQUAL: "", Relation.LESS: "less than ", Relation.MORE: "more than "}[answer.relation]
    note = f" ({_EXTRAPOLATED})" if answer.extrapolated and answer.relation is Relation.EQUAL else ""
    fields = {
        "question": question,
        "prices": prices,
        "probability": answer.value,
        "relation": answer.relation.value,
        "extrapolated": answer.extrapolated,
    }
    return Answer(f"{event} with a probability of {words}{_percent(answer.value)}{note}", fields)


def _loss(level: float, side: PositionSide, loss: Loss, signal: Signal, end: str) -> Answer:
    sign = -1.0 if side is PositionSide.LONG else 1.0
    price = signal.close * (1.0 + sign * loss.value_at_risk)
    note = f" ({_EXTRAPOLATED})" if loss.extrapolated else ""
    where = f"price {'below' if side is PositionSide.LONG else 'above'} {_price(price, signal)}"
    sentence = (
        f"a {side.value} position in {signal.symbol} loses more than {_two_digits(loss.value_at_risk)} of its value by {end} "
        f"({where}) with a probability of {_percent(1.0 - level)}{note}; if it does, it loses "
        f"{_two_digits(loss.expected_shortfall)} on average"
    )
    fields = {
        "question": "var",
        "level": level,
        "side": side.value,
        "value_at_risk": loss.value_at_risk,
        "expected_shortfall": loss.expected_shortfall,
        "price": price,
        "extrapolated": loss.extrapolated,
    }
    return Answer(sentence, fields)


def _interval(level: float, found: PriceRange, signal: Signal, end: str) -> Answer:
    note = f" (the bounds are {_EXTRAPOLATED})" if found.extrapolated else ""
    sentence = (
        f"{signal.symbol} closes between {_price(found.lower, signal)} and {_price(found.upper, signal)} at {end} with a "
        f"probability of {_percent(level)}{note}"
    )
    fields = {
        "question": "interval",
        "level": level,
        "lower": found.lower,
        "upper": found.upper,
        "extrapolated": found.extrapolated,
    }
    return Answer(sentence, fields)


def _percent(share: float) -> str:
    """Return a share as a percentage, with one digit more where it is near 0 or 1.

    >>> [_percent(share) for share in (0.5, 0.031, 0.0034, 0.999)]
    ['50.0 %', '3.1 %', '0.34 %', '99.90 %']
    """
    near = min(share, 1.0 - share) < 0.01  # noqa: PLR2004  # one percent
    return f"{100 * share:.{2 if near else 1}f} %"


def _price(price: float, signal: Signal) -> str:
    """Return a price with the decimals of the close, and with at least six digits."""
    exponent = Decimal(repr(signal.close)).normalize().as_tuple().exponent
    decimals = max(-int(exponent), _DIGITS - 1 - floor(log10(signal.close)), 0)
    return f"{price:.{decimals}f}"


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _age(age_s: float) -> str:
    if age_s < 2 * _MINUTE_S:
        return f"{age_s:.0f} s old"
    if age_s < 120 * _MINUTE_S:
        return f"{age_s / _MINUTE_S:.0f} min old"
    return f"{age_s / 3_600:.1f} h old" if age_s < 48 * 3_600 else f"{age_s / 86_400:.0f} days old"


def _two_digits(share: float) -> str:
    return f"{100 * share:.2f} %"

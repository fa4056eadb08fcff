"""The body of POST /predict: decoding and checking. Pure. What is wrong is said in one sentence, with the candle."""

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from api.responses import iso8601
from api.stream.row import Row
from volcast.core.codec import MAX_PRICE_DIGITS, MAX_TIME_MS
from volcast.core.decoder import MAX_VOLUME_DIGITS
from volcast.core.forecast.forecaster import MAX_HORIZON_MINUTES, MIN_HORIZON_MINUTES
from volcast.core.forecast.intake import CandleInput
from volcast.core.types import MINUTE_MS

MIN_REQUEST_CANDLES, MAX_REQUEST_CANDLES = 2, 10_080
"""From two candles, the least with a return, to a week of minutes."""
MIN_LEVEL, MAX_LEVEL = 0.5, 0.99
LEAST_PRICE, PRICE_LIMIT, VOLUME_LIMIT = 1e-12, 10.0**MAX_PRICE_DIGITS, 10.0**MAX_VOLUME_DIGITS
EARLIEST_MS = 100_000_000_000
"""1973: a smaller number is a time in seconds."""
_NO_NUMBER = re.compile(rb"[:\[,]\s*(-?Infinity|NaN)")
_TYPES = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class RequestError(Exception):
    """The request cannot be used; the message is a sentence that says what is wrong, and where."""

    def __init__(self, sentence: str, parameter: str | None = None) -> None:
        super().__init__(sentence)
        self.parameter = parameter
        """The field that is wrong; None if none is to blame alone."""


class PredictCandle(Struct, frozen=True, forbid_unknown_fields=True):
    """A candle as the rows of /history have it. Their other fields may be there, and are not used."""

    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float | None = None
    symbol: str = ""


_USED = set(PredictCandle.__struct_fields__)
_UNUSED = [(name, Any, None) for name in Row.__struct_fields__ if name not in _USED]
if TYPE_CHECKING:
    _AnyRow = PredictCandle
else:
    _AnyRow = msgspec.defstruct("_AnyRow", _UNUSED, bases=(PredictCandle,), frozen=True, forbid_unknown_fields=True)


class PredictBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked."""

    candles: list[_AnyRow]
    horizon_minutes: Annotated[int, Meta(ge=MIN_HORIZON_MINUTES, le=MAX_HORIZON_MINUTES)] = 60
    interval_level: Annotated[float, Meta(ge=MIN_LEVEL, le=MAX_LEVEL)] = 0.9
    quantiles: bool = False
    allow_gaps: bool = False


class PredictRequest(Struct, frozen=True):
    """A request that has passed every check."""

    candles: list[CandleInput]
    horizon_minutes: int
    interval_level: float
    quantiles: bool


_decode = msgspec.json.Decoder(PredictBody).decode


def read_request(raw: bytes) -> PredictRequest:
    """Return the request in a body. Raises RequestError with a sentence."""
    try:
        body = _decode(raw)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if found := _NO_NUMBER.search(raw):
            word = found[1].decode()
            raise RequestError(f"the body contains {word}, which is no JSON: leave such a candle out, or fill it") from None
        raise RequestError(f"the body is not JSON: {str(error).partition(': ')[2] or error}") from None
    if not MIN_REQUEST_CANDLES <= len(body.candles) <= MAX_REQUEST_CANDLES:
        expected = f"{MIN_REQUEST_CANDLES} to {MAX_REQUEST_CANDLES} are expected"
        raise RequestError(f"candles has {len(body.candles)} rows; {expected}", "candles")
    numbers = [_checked(at, row) for at, row in enumerate(body.candles)]
    _check_order(numbers, allow_gaps=body.allow_gaps)
    _check_step(numbers)
    symbols = {each.symbol for each in body.candles}
    if len(symbols) > 1:
        one, other = sorted(symbols)[:2]
        raise RequestError(f"the candles are of several symbols, {one!r:.40} and {other!r:.40}: send those of one", "candles")
    return PredictRequest(numbers, body.horizon_minutes, body.interval_level, body.quantiles)


def _checked(at: int, row: PredictCandle) -> CandleInput:
    quote_volume = row.volume * row.close if row.quote_volume is None else row.quote_volume
    usual = (
        EARLIEST_MS <= row.open_time_ms < MAX_TIME_MS
        and row.open_time_ms % MINUTE_MS == 0
        and LEAST_PRICE <= row.low <= row.open <= row.high < PRICE_LIMIT
        and row.low <= row.close <= row.high
        and 0 <= row.volume < VOLUME_LIMIT
        and 0 <= quote_volume < VOLUME_LIMIT
    )
    if not usual:
        raise _wrong_candle(at, row)
    return CandleInput(row.open_time_ms, row.open, row.high, row.low, row.close, quote_volume)


def _wrong_candle(at: int, row: PredictCandle) -> RequestError:
    """Return what is wrong with a candle by itself."""
    where, time_ms = f"candles[{at}]", row.open_time_ms
    if not EARLIEST_MS <= time_ms < MAX_TIME_MS:
        is_in_seconds = 0 < time_ms < EARLIEST_MS
        advice = "it looks like seconds: multiply it by 1000" if is_in_seconds else "milliseconds since 1970 are expected"
        return RequestError(f"{where}.open_time_ms is {time_ms}: {advice}", f"{where}.open_time_ms")
    if time_ms % MINUTE_MS:
        sentence = f"{where}.open_time_ms is {time_ms}, which is not the start of a minute: a multiple of {MINUTE_MS} is expected"
        return RequestError(sentence, f"{where}.open_time_ms")
    for name in ("open", "high", "low", "close"):
        price = getattr(row, name)
        if not LEAST_PRICE <= price < PRICE_LIMIT:
            expected = f"a price from {LEAST_PRICE:g} to below 10^{MAX_PRICE_DIGITS} is expected"
            return RequestError(f"{where}.{name} is {price:g}: {expected}", f"{where}.{name}")
    if row.high < row.low:
        return RequestError(f"{where}.high is {row.high}, below its low {row.low}", f"{where}.high")
    for name in ("open", "close"):
        if not row.low <= getattr(row, name) <= row.high:
            sentence = f"{where}.{name} is {getattr(row, name)}, outside its low {row.low} and high {row.high}"
            return RequestError(sentence, f"{where}.{name}")
    name = "volume" if not 0 <= row.volume < VOLUME_LIMIT else "quote_volume"
    expected = f"a number from 0 to below 10^{MAX_VOLUME_DIGITS} is expected"
    return RequestError(f"{where}.{name} is {getattr(row, name)}: {expected}", f"{where}.{name}")


def _check_order(candles: list[CandleInput], *, allow_gaps: bool) -> None:
    """Raise RequestError where a candle does not follow the one before."""
    before = candles[0].open_time_ms
    for at, candle in enumerate(candles[1:], start=1):
        time_ms, missing = candle.open_time_ms, (candle.open_time_ms - before) // MINUTE_MS - 1
        if missing and not (allow_gaps and missing > 0):
            pair = f"candles[{at - 1}] and candles[{at}]"
            if missing > 0:
                what = f"{missing} minutes are missing" if missing > 1 else "a minute is missing"
                sentence = (
                    f"{what} between {pair}, after {iso8601(before)}: send all, or allow_gaps as true, "
                    "which learns from no forecast across a gap"
                )
            elif time_ms == before:
                sentence = f"{pair} are of the same minute, {iso8601(time_ms)}: send each minute once"
            else:
                sentence = f"candles[{at}] is of {iso8601(time_ms)}, before candles[{at - 1}]: send the oldest first"
            raise RequestError(sentence, f"candles[{at}].open_time_ms")
        before = time_ms


def _check_step(candles: list[CandleInput]) -> None:
    """Raise RequestError for candles of another length than a minute, which look like minutes with gaps."""
    steps = Counter((after.open_time_ms - before.open_time_ms) // MINUTE_MS for before, after in pairwise(candles))
    minutes, count = steps.most_common(1)[0]
    if minutes > 1 and 1 < count > len(candles) / 2:
        raise RequestError(f"the candles lie {minutes} minutes apart: candles of one minute are expected", "candles")


def _wrong_type(message: str) -> RequestError:
    """Return the sentence for a ValidationError of msgspec, whose message ends in the path of the field."""
    problem, _, path = message.partition(" - at `$")
    where = path.removesuffix("`").lstrip(".") or "the body"
    problem = re.sub(r"`(\w+(?: \| \w+)*)`", lambda found: _in_words(found[1]), problem).replace("Expected", "expected")
    if missing := re.search(r"missing required field `?(.+?)`?$", problem):
        name = f"{where}.{missing[1]}" if path else missing[1]
        return RequestError(f"{name} is missing", name)
    if unknown := re.search(r"contains unknown field `?(.+?)`?$", problem):
        name = f"{where}.{unknown[1]}" if path else unknown[1]
        return RequestError(f"{name:.80} is not a field that /predict knows; a typing error?", f"{name:.80}")
    return RequestError(f"{where}: {problem}", where if path else None)


def _in_words(types: str) -> str:
    return " or ".join(_TYPES.get(each, each) for each in types.split(" | "))

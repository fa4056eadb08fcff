"""CoinCap's API, version 3: what is asked, and what an answer means. Pure.

    GET /candles?exchange=binance&interval=m1&baseId=bitcoin&quoteId=tether&start=1762347600000&end=1762351200000
    {"timestamp":1762351300123,"data":[{"open":"84739.050000000002910383","high":…,"low":…,"close":…,"volume":…,"period":…}]}

Its numbers are floats that were written with up to 21 decimals. Each is rounded, half to even, to 15 significant digits, which
removes what the float added, and to the decimals that prices of the symbol may have. `IngestedHour.rounded` counts where that
changed more than a float's noise. CoinCap has no quote volume: it is volume × close. `/assets/{id}/history` is not used: it has
prices at moments, and a candle with high = low = close would say that the price did not move within its minute.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import NamedTuple

import msgspec
from msgspec import Struct

from volcast.core.codec import MAX_PRICE_DIGITS
from volcast.core.types import MINUTE_MS

from .interval import DataInterval
from .raw import CandleCells

COINCAP = "coincap"
COINCAP_URL = "https://rest.coincap.io/v3"
COINCAP_IDS = {
    "ADA": "cardano",
    "AVAX": "avalanche",
    "BCH": "bitcoin-cash",
    "BNB": "binance-coin",
    "BTC": "bitcoin",
    "DOGE": "dogecoin",
    "DOT": "polkadot",
    "ETH": "ethereum",
    "LINK": "chainlink",
    "LTC": "litecoin",
    "SOL": "solana",
    "TRX": "tron",
    "USDC": "usd-coin",
    "USDT": "tether",
    "XLM": "stellar",
    "XRP": "xrp",
}
"""CoinCap's ids of currencies; others are given as options."""
_FLOAT_NOISE = Decimal("1e-14")
"""Relative; to round to 15 digits changes a number by half of this at the most."""
_FLOAT_DIGITS = Context(prec=MAX_PRICE_DIGITS)
_MAX_VOLUME_DECIMALS = 12
_slug = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)


class CoinCapMarket(NamedTuple):
    """A market as CoinCap names it."""

    exchange: str
    base_id: str
    quote_id: str

    @property
    def text(self) -> str:
        """The market for people: `bitcoin/tether on binance`."""
        return f"{self.base_id}/{self.quote_id} on {self.exchange}"


class CoinCapPage(NamedTuple):
    """What an answer says of an hour."""

    made_ms: int
    """When CoinCap made the answer, by its clock."""
    candles: tuple[CandleCells, ...]
    odd: int
    odd_reason: str
    rounded: int


class UnreadableAnswerError(Exception):
    """An answer is not what CoinCap answers: a phrase that says why."""


class _Row(Struct):
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    period: int


class _Body(Struct):
    timestamp: int
    data: list[msgspec.Raw]


class _OddRowError(Exception):
    """A row is no candle of a minute."""


def is_slug(text: str) -> bool:
    """Return whether the text may be CoinCap's id of an exchange or a currency."""
    return _slug.fullmatch(text) is not None


def candles_request(market: CoinCapMarket, interval: DataInterval) -> tuple[str, dict[str, str]]:
    """Return the path and the parameters that ask for the candles of an hour."""
    exchange, base, quote = market
    span = {"start": str(interval.from_ms), "end": str(interval.to_ms)}
    return "/candles", {"exchange": exchange, "interval": "m1", "baseId": base, "quoteId": quote, **span}


def read_candles_page(body: bytes, interval: DataInterval, decimals: int) -> CoinCapPage:
    """Return the candles of the hour in order. Rows of other hours are left out.

    `decimals` is how many decimals a price may have. Raises UnreadableAnswerError if the body as a whole is something else.
    """
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAnswerError(f"{error}") from None
    by_time: dict[int, set[tuple[str, ...]]] = {}
    reasons: list[str] = []
    rounded = 0
    for raw in found.data:
        try:
            row = _decoded(raw)
            if interval.from_ms <= row.period < interval.to_ms:
                prices, changed = _cells(row, decimals)
                by_time.setdefault(row.period, set()).add(prices)
                rounded += changed
        except _OddRowError as error:
            reasons.append(str(error))
    doubled = [at for at, cells in by_time.items() if len(cells) > 1]
    reasons += [f"the minute {at} has two different candles" for at in doubled]
    candles = [(at, *cells.pop()) for at, cells in sorted(by_time.items()) if at not in doubled]
    return CoinCapPage(found.timestamp, _typed(candles), len(reasons), reasons[0] if reasons else "", rounded)


def rounded_number(number: Decimal, decimals: int) -> Decimal:
    """Return the number with at most 15 significant digits and these decimals, rounded half to even.

    >>> rounded_number(Decimal("84739.050000000002910383"), 8)
    Decimal('84739.05')
    """
    exact = _FLOAT_DIGITS.plus(number)
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -decimals:
        exact = exact.quantize(Decimal(1).scaleb(-decimals))
    return exact.normalize()


def _decoded(raw: msgspec.Raw) -> _Row:
    try:
        return msgspec.json.decode(raw, type=_Row, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _OddRowError(f"{error}") from None


def _cells(row: _Row, decimals: int) -> tuple[tuple[str, ...], int]:
    """Return the cells of a candle file and how many numbers were rounded. Raise _OddRowError if the row is no candle."""
    if row.period % MINUTE_MS:
        raise _OddRowError(f"period is {row.period}, which is not on the minute")
    given = (row.open, row.high, row.low, row.close)
    for number in (*given, row.volume):
        if not number.is_finite() or abs(number.adjusted()) > MAX_PRICE_DIGITS:
            raise _OddRowError(f"a number of the minute {row.period} is {number!s:.40}")
    prices = [rounded_number(price, decimals) for price in given]
    volume = rounded_number(row.volume, _MAX_VOLUME_DECIMALS)
    open_, high, low, close = prices
    if low <= 0 or volume < 0:
        raise _OddRowError(f"the minute {row.period} has a price that is not above 0 or a volume below 0")
    if not low <= min(open_, close) <= max(open_, close) <= high:
        raise _OddRowError(f"in the minute {row.period} the open or close is not between low and high")
    changed = sum(map(_is_coarser, (*given, row.volume), (*prices, volume)))
    return _texts((*prices, volume, rounded_number(volume * close, _MAX_VOLUME_DECIMALS))), changed


def _is_coarser(given: Decimal, used: Decimal) -> bool:
    """Return whether the rounding changed more than the last digits of a float."""
    return abs(given - used) > abs(given) * _FLOAT_NOISE


def _texts(numbers: Iterable[Decimal]) -> tuple[str, ...]:
    return tuple(f"{number:f}" for number in numbers)


def _typed(candles: Sequence[tuple[object, ...]]) -> tuple[CandleCells, ...]:
    return msgspec.convert(candles, type=tuple[CandleCells, ...])

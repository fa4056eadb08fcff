"""What is kept of an ingested hour: the answers as they came, and the candles that were made of them. Pure.

Both are one object, which is written once: so the candle file, which is made of it, can be made again at any time, and always has
the same bytes. The names of both objects begin with the source or the symbol, so that one listing finds the hours of a market:

    raw/coincap/BTCUSDT.COINCAP/2026-11-05T13.json.gz
    ingested/BTCUSDT.COINCAP/btcusdt.coincap-1m-2026-11-05T1300.csv.gz
"""

import csv
import gzip
from io import StringIO

import msgspec
from msgspec import Struct

from volcast.candle_files.contract import CANDLE_COLUMNS
from volcast.candle_files.timestamps import format_open_time

from .interval import DataInterval

_VERSION = 1
CandleCells = tuple[int, str, str, str, str, str, str]
"""Of a candle: open_time_ms, then open, high, low, close, volume and quote volume as text."""


class IngestionError(Exception):
    """An hour can't be ingested: one sentence for the user. A later attempt may succeed."""


class UnusableSourceError(IngestionError):
    """A source refuses the key or the market, or what is stored is damaged: no later attempt succeeds without a change."""


class RawAnswer(Struct, frozen=True):
    """One answer of a source, and what was asked. No secret is in either."""

    request: str
    """Path and query."""
    date: str
    """The header `Date` of the answer; empty if there was none."""
    body: str


class IngestedHour(Struct, frozen=True):
    """The candles of one hour, and the answers that they were made of."""

    source: str
    symbol: str
    market: str
    """The market as the source spells it."""
    from_ms: int
    to_ms: int
    candles: tuple[CandleCells, ...]
    """In order of time, each minute at most once."""
    answers: tuple[RawAnswer, ...]
    odd: int = 0
    """The number of rows in the answers that are no candle of a minute."""
    odd_reason: str = ""
    """Why the first of them is none."""
    rounded: int = 0
    """The number of prices and volumes that were rounded, beyond the digits that a float adds."""
    v: int = _VERSION

    @property
    def missing(self) -> int:
        """The number of minutes without a candle."""
        return (self.to_ms - self.from_ms) // 60_000 - len(self.candles)


def raw_name(source: str, symbol: str, interval: DataInterval) -> str:
    """Return the name of the object that holds the answers."""
    return f"raw/{source}/{symbol}/{interval.name}.json.gz"


def file_name(symbol: str, interval: DataInterval) -> str:
    """Return the name of the candle file, from which `volcast produce` can tell the market."""
    return f"ingested/{symbol}/{symbol.lower()}-1m-{interval.name}00.csv.gz"


def encode_hour(hour: IngestedHour) -> bytes:
    """Return the hour as gzipped JSON. The same hour gives the same bytes on one version of zlib."""
    return gzip.compress(msgspec.json.encode(hour), mtime=0)


def decode_hour(data: bytes, name: str) -> IngestedHour:
    """Return what `encode_hour` has encoded; `name` is the object's. Raise UnusableSourceError if it is something else."""
    try:
        hour = msgspec.json.decode(gzip.decompress(data), type=IngestedHour)
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError, EOFError) as error:
        raise UnusableSourceError(f"{name} is damaged ({error}); remove it to ask for its hour again.") from None
    if hour.v != _VERSION:
        raise UnusableSourceError(f"{name} is of version {hour.v}, and this volcast reads {_VERSION}; use a newer one.")
    return hour


def candle_file(hour: IngestedHour) -> bytes:
    """Return the hour's candles as a gzipped CSV file in the format of `volcast download`."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CANDLE_COLUMNS)
    writer.writerows((format_open_time(open_time_ms), *cells) for open_time_ms, *cells in hour.candles)
    return gzip.compress(text.getvalue().encode(), mtime=0)

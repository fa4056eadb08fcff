"""Counts the facts of a day of candles: what is missing, impossible, doubled, late, or other than in the month before."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np
import polars as pl
from numpy.typing import NDArray

from volcast.backtest.periods import DAY_MS
from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS

from .gate import GateFacts, ShiftFacts, SymbolFacts
from .schemas import JUDGED_COLUMNS, check_schema
from .shift import shift_of

REFERENCE_DAYS = 30


def interval_ms(day: str) -> tuple[int, int]:
    """Return the beginning and the end of a day like 2026-11-05, UTC, in milliseconds since 1970. Raises ValueError."""
    begin = int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1_000
    return begin, begin + DAY_MS


def utc_day(time_ms: int) -> str:
    """Return the day of a time, UTC.

    >>> utc_day(1_704_067_199_999)
    '2023-12-31'
    """
    return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%d}"


def count_facts(frame: pl.DataFrame, day: str, refused: Mapping[str, int] | None = None) -> GateFacts:
    """Return the facts of a day.

    Args:
        frame: Rows as `FRAME_SCHEMA` has them, of the day and of the month before it, in any order; others are left out.
        day: The data interval.
        refused: By symbol: rows of the day that the pipeline has refused; None if nobody has judged them.
    """
    begin, end = interval_ms(day)
    failures, impossible = check_schema(frame)
    if failures:
        return GateFacts(interval=day, from_ms=begin, to_ms=end, symbols=(), schema_failures=tuple(failures))
    marked = frame.with_columns(
        pl.Series("impossible", np.isin(np.arange(frame.height), list(impossible)), dtype=pl.Boolean),
    ).filter(pl.col("open_time_ms").is_between(begin - REFERENCE_DAYS * DAY_MS, end, closed="left"))
    rows = marked.sort("symbol", "open_time_ms", *JUDGED_COLUMNS)
    known = {str(name): part for (name,), part in rows.partition_by("symbol", as_dict=True).items()}
    nobody = rows.clear()
    names = sorted({*known, *(refused or {})})
    symbols = tuple(_symbol(name, known.get(name, nobody), (begin, end), refused) for name in names)
    return GateFacts(interval=day, from_ms=begin, to_ms=end, symbols=symbols, data_hash=frame_hash(_within(rows, begin, end)))


def frame_hash(rows: pl.DataFrame) -> str:
    """Return the SHA-256 of candles, whatever the order of their rows and however they are stored."""
    digest = sha256()
    ordered = rows.select("symbol", "open_time_ms", *JUDGED_COLUMNS).sort("symbol", "open_time_ms", *JUDGED_COLUMNS)
    for (symbol,), part in ordered.partition_by("symbol", as_dict=True, maintain_order=True).items():
        digest.update(f"{symbol} {part.height}\n".encode())
        digest.update(part["open_time_ms"].to_numpy().astype("<i8").tobytes())
        for name in JUDGED_COLUMNS:
            values = part[name].fill_null(np.nan).to_numpy().astype("<f8")
            digest.update(np.where(np.isnan(values), np.nan, values).tobytes())
    return digest.hexdigest()


def _within(rows: pl.DataFrame, begin: int, end: int) -> pl.DataFrame:
    return rows.filter(pl.col("open_time_ms").is_between(begin, end, closed="left"))


def _symbol(name: str, rows: pl.DataFrame, interval: tuple[int, int], refused: Mapping[str, int] | None) -> SymbolFacts:
    begin, end = interval
    day, month = _within(rows, begin, end), _within(rows, 0, begin)
    minutes = day["open_time_ms"].unique().sort().to_numpy()
    distinct = day.select("open_time_ms", *JUDGED_COLUMNS).unique()
    shares = {column: day[column].null_count() / max(day.height, 1) for column in JUDGED_COLUMNS}
    if refused is not None:
        shares["refused"] = refused.get(name, 0) / max(day.height + refused.get(name, 0), 1)
    frozen = _frozen(rows, begin)
    edges = np.concatenate([[begin - MINUTE_MS], minutes, [end]])
    return SymbolFacts(
        symbol=name,
        rows=day.height,
        expected_minutes=(end - begin) // MINUTE_MS,
        null_shares=shares,
        out_of_range=int(day["impossible"].sum()),
        duplicates=day.height - distinct.height,
        conflicts=distinct.height - minutes.size,
        missing_minutes=(end - begin) // MINUTE_MS - minutes.size,
        longest_gap_minutes=int(np.diff(edges).max()) // MINUTE_MS - 1,
        stale_minutes=(end - int(minutes[-1])) / MINUTE_MS - 1.0 if minutes.size else None,
        reference_minutes=month.height,
        frozen_minutes=int(frozen.sum()),
        longest_frozen_minutes=int(np.diff(np.flatnonzero(np.concatenate([[True], ~frozen, [True]]))).max()) - 1,
        minute_ratio=_minute_ratio(rows, begin),
        level_ratio=_level_ratio(day, month),
        shifts=tuple(_shifts(day, month)),
    )


def _sound(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each minute, without the impossible ones."""
    return rows.unique("open_time_ms", keep="first", maintain_order=True).filter(~pl.col("impossible"))


def _minute_ratio(rows: pl.DataFrame, begin: int) -> float | None:
    before = pl.when(pl.col("open_time_ms").diff() == MINUTE_MS).then(pl.col("close").shift())
    ratio = pl.max_horizontal("high", before) / pl.min_horizontal("low", before)
    ratios = _sound(rows).select("open_time_ms", ratio=ratio).filter(pl.col("open_time_ms") >= begin)["ratio"]
    found = ratios.to_numpy().astype(np.float64)
    found = found[np.isfinite(found)]
    return float(found.max()) if found.size else None


def _frozen(rows: pl.DataFrame, begin: int) -> NDArray[np.bool_]:
    """Return for each minute of the day with a candle (n,) whether its price has not moved since the candle before."""
    before = pl.col("close").shift()
    still = (pl.col("high") == before) & (pl.col("low") == before) & (pl.col("close") == before)
    marked = rows.unique("open_time_ms", keep="first", maintain_order=True).select(
        "open_time_ms", still=still.fill_null(value=False)
    )
    found: NDArray[np.bool_] = marked.filter(pl.col("open_time_ms") >= begin)["still"].to_numpy().astype(np.bool_)
    return found


def _level_ratio(day: pl.DataFrame, month: pl.DataFrame) -> float | None:
    closes, before = (_sound(rows)["close"].drop_nulls().drop_nans().to_numpy() for rows in (day, month))
    return float(np.median(closes) / before[-1]) if closes.size and before.size else None


def _shifts(day: pl.DataFrame, month: pl.DataFrame) -> Iterator[ShiftFacts]:
    for quantity, values, usual in zip(("range", "return", "volume"), _quantities(day), _quantities(month), strict=True):
        if month.height:
            yield shift_of(quantity, values, usual)


def _quantities(rows: pl.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return range and absolute return of each minute, both of the logarithm, and its volume; NaN where unknown."""
    minutes = _sound(rows)
    high, low, close, volume = (minutes[name].to_numpy().astype(np.float64) for name in ("high", "low", "close", "volume"))
    time_ms = minutes["open_time_ms"].to_numpy()
    returns = np.abs(np.diff(np.log(close)))
    follows = np.diff(time_ms) == MINUTE_MS
    return np.log(high / low), np.where(follows, returns, np.nan), volume

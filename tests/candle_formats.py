"""The same candles as files of each format in which they are found, made by ourselves."""

import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple
from zipfile import ZipFile

import polars as pl

from tests.market import CSV_HEADER, at, prices

BITSTAMP = "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price"
CRYPTODATADOWNLOAD = "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount"
_CRYPTODATADOWNLOAD = "time from 'unix', quote volume from 'Volume USDT', market BTC/USDT from 'symbol'"
BANNER = "https://www.CryptoDataDownload.com"


class Row(NamedTuple):
    """A candle: its opening in milliseconds since 1970, and numbers as text."""

    time_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str


def make_rows(count: int, seed: int = 1) -> list[Row]:
    """Return a random walk from 2024-01-01 on, with the quote volume volume × close, exactly."""
    random = Random(seed)  # the same rows each time
    closes = list(prices(count + 1, seed))
    rows = []
    for minute, (open_, close) in enumerate(pairwise(closes)):
        high, low = max(Decimal(open_), Decimal(close)) + random.randint(0, 9), min(Decimal(open_), Decimal(close)) - 1
        volume = f"{random.uniform(0.1, 9):.4f}"
        rows.append(Row(at(minute), open_, f"{high}", f"{low}", close, volume, f"{Decimal(volume) * Decimal(close)}"))
    return rows


def date(time_ms: int) -> str:
    """Return a time as text, UTC."""
    return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S}"


def _lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(line + "\n" for line in lines))


def own(path: Path, rows: Sequence[Row]) -> None:
    """This project's columns."""
    _lines(path, [CSV_HEADER, *(",".join([date(row.time_ms), *row[1:]]) for row in rows)])


def own_in_quotes(path: Path, rows: Sequence[Row]) -> None:
    """This project's columns, each line in quotes as a whole."""
    own(path, rows)
    _lines(path, [f'"{line}"' for line in path.read_text().splitlines()])


def semicolons(path: Path, rows: Sequence[Row]) -> None:
    """Other names and another delimiter."""
    header = "Open Time;Open;High;Low;Close;Volume;Quote Volume"
    _lines(path, [header, *(";".join([date(row.time_ms), *row[1:]]) for row in rows)])


def _binance(rows: Sequence[Row]) -> list[str]:
    def line(row: Row) -> str:
        unit = 1_000 if row.time_ms >= at(366 * 1_440) else 1  # microseconds since 2025
        begin, end = row.time_ms * unit, (row.time_ms + 60_000) * unit - 1
        return ",".join([f"{begin}", *row[1:6], f"{end}", row.quote_volume, "17", "1.5", "60000.5", "0"])

    return [line(row) for row in rows]


def binance(path: Path, rows: Sequence[Row]) -> None:
    """Binance's archive: no names."""
    _lines(path, _binance(rows))


def binance_zip(path: Path, rows: Sequence[Row]) -> None:
    """Binance's archive as it is downloaded."""
    with ZipFile(path, "w") as archive:
        archive.writestr(path.with_suffix(".csv").name, "\n".join(_binance(rows)))


def binance_names(path: Path, rows: Sequence[Row]) -> None:
    """Binance's archive of contracts: with names."""
    header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
    _lines(path, [header, *_binance(rows)])


def cryptodatadownload(path: Path, rows: Sequence[Row]) -> None:
    """A banner, then the newest row first."""

    def line(row: Row) -> str:
        return ",".join([f"{row.time_ms}", date(row.time_ms), "BTC/USDT", *row[1:], "17"])

    _lines(path, [BANNER, CRYPTODATADOWNLOAD, *map(line, reversed(rows))])


def bitstamp(path: Path, rows: Sequence[Row]) -> None:
    """Kaggle's Bitstamp data, with a minute without trades at the end."""
    lines = [",".join([f"{row.time_ms // 1_000}.0", *row[1:], row.close]) for row in rows]
    _lines(path, [BITSTAMP, *lines, ",".join([f"{rows[-1].time_ms // 1_000 + 60}.0", *["NaN"] * 7])])


def bitstamp_new(path: Path, rows: Sequence[Row]) -> None:
    """The newer edition: lower case, no quote volume."""
    header = "timestamp,open,high,low,close,volume"
    _lines(path, [header, *(",".join([f"{row.time_ms // 1_000}.0", *row[1:6]]) for row in rows)])


def kraken(path: Path, rows: Sequence[Row]) -> None:
    """Kraken's OHLCVT: no names, seconds, trades at the end."""
    _lines(path, [",".join([f"{row.time_ms // 1_000}", *row[1:6], "17"]) for row in rows])


def freqtrade_json(path: Path, rows: Sequence[Row]) -> None:
    """A list of lists."""
    path.write_text(json.dumps([[row.time_ms, *map(float, row[1:6])] for row in rows]))


def objects(path: Path, rows: Sequence[Row]) -> None:
    """A JSON object a line, gzipped."""
    names = ("time", "open", "high", "low", "close", "volume", "quoteVolume")
    text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()))


def frame(rows: Sequence[Row], kind: type[pl.DataType] | pl.DataType = pl.Float64) -> pl.DataFrame:
    """Return the rows with the columns date, open, high, low, close, volume."""
    table = pl.DataFrame([row[:6] for row in rows], schema=["date", "open", "high", "low", "close", "volume"], orient="row")
    return table.with_columns(pl.from_epoch("date", time_unit="ms"), pl.exclude("date").cast(kind))


def feather(path: Path, rows: Sequence[Row]) -> None:
    """What freqtrade writes: times of a zone, floats."""
    frame(rows).with_columns(pl.col("date").dt.replace_time_zone("UTC")).write_ipc(path, compression="lz4")


def parquet(path: Path, rows: Sequence[Row]) -> None:
    """What Polars writes."""
    frame(rows).write_parquet(path)


def pandas_parquet(path: Path, rows: Sequence[Row]) -> None:
    """What pandas writes of a table whose index, the time, has no name."""
    frame(rows).select(pl.exclude("date"), pl.col("date").alias("__index_level_0__")).write_parquet(path)


_BITSTAMP_VOLUME = "quote volume from 'Volume_(Currency)'"
FORMATS: dict[str, tuple[str, Callable[[Path, Sequence[Row]], None], str]] = {
    "own": (".csv", own, "this project's columns, {n} candles"),
    "own in quotes": (".csv", own_in_quotes, "this project's columns, {n} candles"),
    "semicolons": (".txt", semicolons, "columns by name, {n} candles, time from 'Open Time', quote volume from 'Quote Volume'"),
    "binance": (".csv", binance, "Binance's archive, {n} candles"),
    "binance zip": (".zip", binance_zip, "Binance's archive, {n} candles"),
    "binance names": (
        ".csv",
        binance_names,
        "Binance's columns, {n} candles, time from 'open_time', quote volume from 'quote_volume'",
    ),
    "cryptodatadownload": (
        ".csv",
        cryptodatadownload,
        f"CryptoDataDownload, {{n}} candles, newest first (sorted), {_CRYPTODATADOWNLOAD}",
    ),
    "bitstamp": (
        ".csv",
        bitstamp,
        "Kaggle's Bitstamp data, {n} candles, 1 minute without a price left out, time from 'Timestamp', " + _BITSTAMP_VOLUME,
    ),
    "bitstamp, new": (
        ".csv",
        bitstamp_new,
        "columns by name, {n} candles, time from 'timestamp', quote volume estimated as volume × close",
    ),
    "kraken": (".csv", kraken, "Kraken's OHLCVT, {n} candles, quote volume estimated as volume × close"),
    "freqtrade json": (
        ".json",
        freqtrade_json,
        "JSON, no names, time, open, high, low, close, volume, {n} candles, quote volume estimated as volume × close",
    ),
    "objects": (".jsonl.gz", objects, "JSON, columns by name, {n} candles, time from 'time', quote volume from 'quoteVolume'"),
    "feather": (
        ".feather",
        feather,
        "Feather, columns by name, {n} candles, time from 'date', quote volume estimated as volume × close",
    ),
    "parquet": (
        ".parquet",
        parquet,
        "Parquet, columns by name, {n} candles, time from 'date', quote volume estimated as volume × close",
    ),
    "pandas parquet": (
        ".parquet",
        pandas_parquet,
        "Parquet, columns by name, {n} candles, time from '__index_level_0__', quote volume estimated as volume × close",
    ),
}
"""By name: the ending, what writes the file, and the line by which it is recognized."""

"""The files that a backtest writes of each candle: forecasts, quantiles, signals and features, as text or as Parquet.

All are written from the results on the disk, block by block, in constant memory. The same results give the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TextIO, Union, get_args, get_origin, get_type_hints

import numpy as np
from msgspec import Struct

from volcast.atomic_file import writing_bytes
from volcast.backtest.evaluation.distribution.forecasts import quantile_columns
from volcast.backtest.evaluation.outcome_table import outcome_columns
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.outputs import output
from volcast.core.arrays import Floats
from volcast.core.types import Signal

from .series import Series

if TYPE_CHECKING:
    import polars as pl

PARQUET = ".parquet"
_BLOCK_ROWS = 50_000
"""Rows of a block, and of a row group in Parquet."""
_WIDE = 10
"""A row of quantiles has about so many times the numbers of one of forecasts, so its blocks are smaller."""
_FORECAST_COLUMNS = ("forecast", "median", "lower", "upper")
_Blocks = Iterator[tuple[list[int], Floats]]
"""Open times, and numbers (rows, columns)."""


def write_forecasts(path: Path, found: Sequence[Series]) -> None:
    """Write the forecasts after each candle as CSV, or as Parquet if the name ends so.

    The columns of the champion's first horizon have no suffix, others that of their horizon or model. With several symbols there
    is a column `symbol`.
    """
    _write_table(path, [(series, _forecast_blocks(series)) for series in found], _forecast_names(found[0]))


def write_quantiles(path: Path, found: Sequence[Series]) -> None:
    """Write the champion's quantiles as CSV, or as Parquet if the name ends so: a row for each candle after which they were kept.

    The columns are `quantile_columns`. With several symbols there is a column `symbol`. Each must have a row.
    """
    names = quantile_columns(found[0].quantiles.levels, found[0].horizons)
    _write_table(path, [(series, _quantile_blocks(series)) for series in found], names)


def write_signals(path: Path, found: Sequence[Series]) -> None:
    """Write the records of `signals` as lines of JSON, byte for byte as the log has them, or as Parquet."""
    if path.suffix.lower() == PARQUET:
        _write_parquet(path, _signal_frames(found))
        return
    with output(path) as file:
        for series in found:
            for lines in series.signals():
                file.write(lines.decode())


def write_features(path: Path, found: Sequence[Series]) -> None:
    """Write the features of the champion after each candle as CSV."""
    several = len(found) > 1
    with output(path) as file:
        header: list[str] | None = None
        for series in found:
            prefix = f"{series.symbol}," if several else ""
            for names, lines in series.features():
                if header is None:
                    header = names
                    file.write(",".join((*(["symbol"] if several else []), "timestamp", *names)) + "\n")
                for line in lines.decode().splitlines():
                    file.write(f"{prefix}{line}\n")


def write_outcomes(path: Path, found: Sequence[Series], models: Sequence[str], share: float) -> int:
    """Write the outcomes that are scored, with each model's forecast, as CSV, or as Parquet if the name ends so.

    There is always a column `symbol`, and NaN where a model has no such forecast. Returns the number of rows.
    """
    import polars as pl  # noqa: PLC0415  # slow to import

    frames = []
    for series in found:
        columns = outcome_columns(series.truth(), series.tracks(models), share)
        time = pl.Series(columns.pop("open_time_ms"), dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
        frames.append(pl.DataFrame({"timestamp": time, "symbol": [series.symbol] * len(time), **columns}))
    table = pl.concat(frames)
    if path.suffix.lower() == PARQUET:
        with writing_bytes(path) as raw:
            table.write_parquet(raw)
    else:
        with output(path) as file:
            file.write(table.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d %H:%M:%S")).write_csv())
    return table.height


def _write_table(path: Path, found: Sequence[tuple[Series, _Blocks]], names: Sequence[str]) -> None:
    """Write the rows of all symbols as CSV, or as Parquet if the name ends so; several symbols have a column `symbol`."""
    several = len(found) > 1
    if path.suffix.lower() == PARQUET:
        _write_parquet(path, _frames(found, names, several=several))
        return
    with output(path) as file:
        _write_csv(file, found, names, several=several)


def _write_csv(file: TextIO, found: Iterable[tuple[Series, _Blocks]], names: Sequence[str], *, several: bool) -> None:
    """Write a header, and the rows of all symbols."""
    file.write(",".join(("timestamp", *(["symbol"] if several else []), *names)) + "\n")
    for series, blocks in found:
        prefix = f",{series.symbol}" if several else ""
        for times, numbers in blocks:
            rows = zip(times, numbers.tolist(), strict=True)
            file.writelines(f"{format_open_time(time_ms)}{prefix},{','.join(map(repr, row))}\n" for time_ms, row in rows)


def _forecast_names(series: Series) -> list[str]:
    """Return the columns; the first key is the champion's first horizon, which has no suffix."""
    (champion, _), *others = series.predictions
    suffixes = ["", *(f"_{horizon}" if name == champion else f"_{name}" for name, horizon in others)]
    return [f"{column}{suffix}" for suffix in suffixes for column in _FORECAST_COLUMNS]


def _forecast_blocks(series: Series) -> _Blocks:
    """Yield open times, and numbers (rows, columns): for each key root of the expected variance, median, lower and upper."""
    for at in range(0, len(series.open_time_ms), _BLOCK_ROWS):
        where = slice(at, at + _BLOCK_ROWS)
        parts = []
        for predictions in series.predictions.values():
            part = predictions[where, : len(_FORECAST_COLUMNS)].copy()
            part[:, 0] = np.sqrt(part[:, 0])
            parts.append(part)
        yield series.open_time_ms[where].tolist(), np.concatenate(parts, axis=1)


def _quantile_blocks(series: Series) -> _Blocks:
    """Yield open times, and the quantiles (rows, columns)."""
    found, rows = series.quantiles, _BLOCK_ROWS // _WIDE
    for at in range(0, found.open_time_ms.size, rows):
        where = slice(at, at + rows)
        times = found.open_time_ms[where]
        yield times.tolist(), found.values[where].reshape(times.size, -1)


def _frames(found: Iterable[tuple[Series, _Blocks]], names: Sequence[str], *, several: bool) -> "Iterator[pl.DataFrame]":
    import polars as pl  # noqa: PLC0415  # only for Parquet

    time = pl.Datetime("ms", "UTC")
    for series, blocks in found:
        for times, numbers in blocks:
            columns: dict[str, Any] = {"timestamp": pl.Series(times, dtype=pl.Int64).cast(time)}
            if several:
                columns["symbol"] = pl.repeat(series.symbol, len(times), dtype=pl.String, eager=True)
            yield pl.DataFrame(columns | {name: numbers[:, i] for i, name in enumerate(names)})
    columns = {"timestamp": pl.Series([], dtype=time)} | ({"symbol": pl.Series([], dtype=pl.String)} if several else {})
    yield pl.DataFrame(columns | {name: pl.Series([], dtype=pl.Float64) for name in names})


def _signal_frames(found: Sequence[Series]) -> "Iterator[pl.DataFrame]":
    import polars as pl  # noqa: PLC0415  # as above

    schema = _polars_type(Signal).to_schema()
    lines: list[bytes] = []
    for series in found:
        for chunk in series.signals():
            lines += chunk.splitlines(keepends=True)
            while len(lines) >= _BLOCK_ROWS:
                yield pl.read_ndjson(BytesIO(b"".join(lines[:_BLOCK_ROWS])), schema=schema)
                del lines[:_BLOCK_ROWS]
    yield pl.read_ndjson(BytesIO(b"".join(lines)), schema=schema) if lines else pl.DataFrame(schema=schema)


def _polars_type(hint: Any) -> Any:
    """Return the type of a column for a type of a field: a struct becomes a struct."""
    import polars as pl  # noqa: PLC0415  # as above

    if get_origin(hint) in {UnionType, Union}:
        return _polars_type(next(each for each in get_args(hint) if each is not type(None)))
    if get_origin(hint) is tuple:
        return pl.List(_polars_type(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, Struct):
        return pl.Struct({name: _polars_type(each) for name, each in get_type_hints(hint).items()})
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return pl.String
    return {float: pl.Float64, int: pl.Int64, bool: pl.Boolean, str: pl.String}[hint]


def _write_parquet(path: Path, frames: "Iterator[pl.DataFrame]") -> None:
    """Write frames of one schema. Polars asks for one after another, and writes row groups as they come."""
    import polars as pl  # noqa: PLC0415  # as above
    from polars.io.plugins import register_io_source  # noqa: PLC0415

    first = next(frames)

    def source(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,  # noqa: ARG001  # the signature is that of Polars
    ) -> Iterator[pl.DataFrame]:
        if (with_columns, predicate, n_rows) != (None, None, None):
            raise ValueError("all rows and columns are written")
        yield first
        yield from frames

    with writing_bytes(path) as file:
        register_io_source(source, schema=first.schema).sink_parquet(file, row_group_size=_BLOCK_ROWS, engine="streaming")

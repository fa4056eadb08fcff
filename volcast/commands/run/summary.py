"""The summary of a replay on standard output: a line per symbol, and the number of rejects by reason."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import floor, log10
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from api.view import View
from volcast.cli.tables import counted, print_table
from volcast.core.timeline import MAX_MISSING_SHARE

if TYPE_CHECKING:
    from consumer.worker import Worker
    from producer.csv_replay import CsvReplay
    from volcast.core.engine import Engine
    from volcast.core.types import EngineConfig, Signal

_WIDTH = 200
"""Width of the table in characters where the output is no terminal."""
_MAX_SUSPECT_SHARE = 0.05
"""Share of candles with a suspect price above which a file is not one market's: real years have one in a hundred thousand."""
_FEW = 20
"""Among so few candles one bad tick is a large share."""
_COUNTED = ("candles", "gaps", "missing", "duplicates", "late", "signal ones", "signal rate")


def print_summary(view: View, worker: "Worker") -> None:
    """Print counts, signal rate and forecast of each symbol; then what limits a forecast, and rejects by reason."""
    from api.clock import read_clocks  # noqa: PLC0415  # not needed by --help
    from consumer.stats import rejects_by_reason  # noqa: PLC0415  # River takes a second to import

    now, notes = read_clocks(), list[str]()
    table = Table(box=None, pad_edge=False)
    for shard in worker.shards.values():
        for symbol, engine in sorted(shard.engines.items()):
            latest, counts = view.get(symbol), shard.counts[symbol]
            notes += [
                f"waiting: {symbol} has a candle of {date} that the next one must confirm" for date in waiting_dates(engine)
            ]
            if latest is None:
                continue
            notes += signal_notes(latest.signal)
            if not table.columns:
                _add_columns(table, engine.config)
            signal = latest.signal
            table.add_row(
                symbol,
                view.status(latest, now).value,
                str(signal.candles),
                str(signal.gaps),
                str(signal.missing_minutes),
                str(counts["duplicate"]),
                str(counts["late"]),
                str(signal.signal_ones),
                "" if signal.signal_rate is None else f"{signal.signal_rate:.6f}",
                f"{signal.volatility:.3%}",
                f"{signal.volatility_annualized:.1%}",
                price_range(signal),
            )
    if table.row_count:
        print_table(table, console if (console := Console()).is_terminal else Console(width=_WIDTH))
    for note in notes:
        click.echo(note)
    for reason, count in sorted(rejects_by_reason(worker.shards.values()).items()):
        click.echo(f"rejected: {count} {reason}")


def signal_notes(signal: "Signal") -> Iterator[str]:
    """Yield what must be known before the forecast of a symbol is used, a sentence each."""
    symbol = signal.symbol
    if signal.missing_share > MAX_MISSING_SHARE:
        yield f"sparse: {symbol} lacks {signal.missing_share:.0%} of the last day's minutes; do not rely on its forecast"
    elif not signal.warm:
        seen = counted(signal.candles, "candle")
        yield f"warming: {symbol} has {seen}, and needs more than a day of them; its forecast is a first guess"
    if suspects := signal.suspect_candles:
        yield f"suspect: {symbol} has {counted(suspects, 'candle')} with a price that the forecast ignores"
    for alarm in signal.drift_alarms:
        yield f"drift: {symbol} has the alarm {alarm.detector} since {_minute(alarm.open_time_ms)}: {alarm.what}"


def waiting_dates(engine: "Engine") -> list[str]:
    """Return the dates of the candles of a symbol that wait for the next one."""
    return [_minute(each.candle.open_time_ms) for each in engine.dates.waiting]


def unusable_symbols(sources: "Sequence[CsvReplay]", worker: "Worker") -> Iterator[str]:
    """Yield a sentence for each symbol of which most rows were rejected or skipped, or many prices are suspect."""
    from producer.csv_replay import by_symbol  # noqa: PLC0415  # not needed by --help

    for replay in by_symbol(sources):
        rows = sum(source.rows_read for source in replay.sources)
        shards = [shard for shard in worker.shards.values() if replay.symbol in shard.engines]
        engines = [shard.engines[replay.symbol] for shard in shards]
        accepted = sum(engine.candles + len(engine.dates.waiting) for engine in engines)
        skipped = sum(shard.counts[replay.symbol].total() for shard in shards)
        if 2 * accepted < rows or skipped > accepted:
            yield (
                f"{replay.symbol}: only {accepted} of {max(rows, accepted + skipped)} rows became candles, "
                f"the others were skipped or rejected; check {replay.names}"
            )
        elif (suspects := sum(engine.prices.candles for engine in engines)) > _MAX_SUSPECT_SHARE * accepted and accepted > _FEW:
            yield (
                f"{replay.symbol}: {suspects} of {accepted} candles have a price far outside the market's scale; "
                f"check whether {replay.names} has two markets, or prices in two scales"
            )


def price_range(signal: "Signal") -> str:
    """Return the forecast range of the price, as in `42311–42852`, with three significant digits of its width."""
    width = max(signal.price_upper - signal.price_lower, signal.close * 1e-9)
    decimals = max(0, 2 - floor(log10(width)))
    return f"{signal.price_lower:.{decimals}f}–{signal.price_upper:.{decimals}f}"


def _minute(open_time_ms: int) -> str:
    return f"{datetime.fromtimestamp(open_time_ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC"


def _add_columns(table: Table, config: "EngineConfig") -> None:
    """Add the columns; their titles name the horizon and the probability of the interval, which are settings."""
    horizon = "hour" if config.horizons[0] == 60 else f"{config.horizons[0]} min"  # noqa: PLR2004  # minutes per hour
    table.add_column("symbol")
    table.add_column("status")
    for column in (*_COUNTED, f"σ next {horizon}", "σ a year", f"{config.interval_level * 100:g} % price range"):
        table.add_column(column, justify="right", no_wrap=True)

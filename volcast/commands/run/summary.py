"""What a replay came to, a line a symbol: on standard output, for people and for pipes."""

from math import floor, log10
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from api.view import View

if TYPE_CHECKING:
    from consumer.worker import Worker
    from volcast.core.types import EngineConfig, Signal

_WIDE = 200
"""Characters; a terminal may break a line, yet a number is never cut short."""
_COUNTED = ("candles", "gaps", "missing", "duplicates", "late", "signal ones", "signal rate")


def print_summary(view: View, worker: "Worker") -> None:
    """Candles by verdict, ones, signal rate and forecast of each symbol; then the rejects by reason."""
    from consumer.stats import rejects_by_reason  # noqa: PLC0415  # River takes a second to import

    table = Table(box=None, pad_edge=False)
    for shard in worker.shards.values():
        for symbol, engine in sorted(shard.engines.items()):
            latest, counts = view.get(symbol), shard.counts[symbol]
            if latest is None:
                continue
            if not table.columns:
                _add_columns(table, engine.config)
            s = latest.signal
            table.add_row(
                symbol,
                str(s.candles),
                str(s.gaps),
                str(s.missing_minutes),
                str(counts["duplicate"]),
                str(counts["late"]),
                str(s.signal_ones),
                "" if s.signal_rate is None else f"{s.signal_rate:.6f}",
                f"{s.volatility:.3%}",
                f"{s.volatility_annualized:.1%}",
                price_range(s),
            )
    if table.row_count:
        Console(width=_WIDE).print(table)
    for reason, count in sorted(rejects_by_reason(worker.shards.values()).items()):
        click.echo(f"rejected: {count} {reason}")


def price_range(signal: "Signal") -> str:
    """`42311–42852`: where the price will be after the horizon, with as many decimals as tell three digits of the width."""
    width = max(signal.price_upper - signal.price_lower, signal.close * 1e-9)
    decimals = max(0, 2 - floor(log10(width)))
    return f"{signal.price_lower:.{decimals}f}–{signal.price_upper:.{decimals}f}"


def _add_columns(table: Table, config: "EngineConfig") -> None:
    """They say how long the horizon is, and how probable the interval: both are settings."""
    horizon = "hour" if config.horizons[0] == 60 else f"{config.horizons[0]} min"  # noqa: PLR2004  # minutes of an hour
    table.add_column("symbol")
    for column in (*_COUNTED, f"σ next {horizon}", "σ a year", f"{config.interval_level * 100:g} % price range"):
        table.add_column(column, justify="right")

"""What a replay came to, a line a symbol: on standard output, for people and for pipes."""

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from api.view import View

if TYPE_CHECKING:
    from consumer.worker import Worker

_WIDE = 200
"""Characters; a terminal may break a line, yet a number is never cut short."""


def print_summary(view: View, worker: "Worker") -> None:
    """Candles by verdict, ones, signal rate and forecast of each symbol; then the rejects by reason."""
    table = Table(box=None, pad_edge=False)
    table.add_column("symbol")
    for column in ("candles", "gaps", "missing", "duplicates", "late", "ones", "signal rate", "σ next hour", "σ a year"):
        table.add_column(column, justify="right")
    for shard in worker.shards.values():
        for symbol in sorted(shard.engines):
            latest, counts = view.get(symbol), shard.counts[symbol]
            if latest is None:
                continue
            s = latest.signal
            table.add_row(
                symbol,
                str(s.candles),
                str(s.gaps),
                str(s.missing_minutes),
                str(counts["duplicate"]),
                str(counts["late"]),
                str(s.ones),
                "" if s.signal_rate is None else f"{s.signal_rate:.6f}",
                f"{s.volatility:.3%}",
                f"{s.volatility_annualized:.1%}",
            )
    Console(width=_WIDE).print(table)
    for reason, count in sorted(worker.rejected().items()):
        click.echo(f"rejected: {count} {reason}")

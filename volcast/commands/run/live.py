"""`volcast run --live`: a venue's streams, and a line on the terminal for each new signal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING

import click

from volcast.cli.wiring_live import live_of
from volcast.settings.schema import Settings

from .pipeline import Opening, RunPipeline, Source

if TYPE_CHECKING:
    from api.view import View
    from producer.feeds.contract import Feed
    from volcast.core.types import Signal

_LOOK_S = 0.25
_NEWS_S = 240.0
"""An older candle's signal is told by nobody's terminal."""


def streaming(feed: "Feed", symbols: dict[str, str], settings: Settings) -> Opening:
    """Stream until told to stop."""

    @asynccontextmanager
    async def opening(stage: RunPipeline) -> AsyncIterator[Source]:
        from producer.live.metrics import LiveCollector  # noqa: PLC0415  # not needed by --help

        async with live_of(stage.log, feed, symbols, settings) as producer:

            async def work() -> None:
                async with asyncio.TaskGroup() as group:
                    group.create_task(producer.run())
                    group.create_task(show_live(stage.view, set(symbols)))

            click.echo(f"live {feed.name}: {', '.join(symbols)}; a line for each new minute, until Ctrl-C")
            yield Source(work(), (LiveCollector(producer),))

    return opening


async def show_live(view: "View", symbols: set[str], wall: Callable[[], float] = time) -> None:
    """The newest signal of each symbol whenever there is one; those of the backfill are no news."""
    shown: dict[str, int] = {}
    while True:
        await asyncio.sleep(_LOOK_S)
        for symbol in sorted(symbols.intersection(view.symbols)):
            latest = view.get(symbol)
            if latest and shown.get(symbol) != latest.signal.open_time_ms > (wall() - _NEWS_S) * 1_000:
                shown[symbol] = latest.signal.open_time_ms
                click.echo(live_line_of(latest.signal))


def live_line_of(signal: "Signal") -> str:
    """When the candle closed, what it said, and how far the price may move within the horizon."""
    closed = datetime.fromtimestamp(signal.open_time_ms / 1_000 + 60, UTC)
    percent = 100 * signal.volatility
    bounds = f"{signal.price_lower:.8g} to {signal.price_upper:.8g}"
    warm = "" if signal.warm else "  (warming up)"
    return (
        f"{closed:%H:%M} UTC  {signal.symbol}  {signal.close:.10g}  signal {signal.signal}"
        f"  next {signal.horizon_minutes} min ±{percent:.2f} %  {bounds}{warm}"
    )

"""`volcast run --live`: the streams of a venue as the source of candles, and a line of output for each new signal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING

import click

from volcast.cli.wiring.live import open_live_producer, venue_names
from volcast.settings.schema import Settings

from .pipeline import OpenSource, RunPipeline, Source

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from api.view import View
    from producer.feeds.contract import Feed
    from volcast.core.types import Signal

    from .notify.notifier import Notifier, NotifyPlan

_POLL_S = 0.25
_MAX_AGE_S = 240.0
"""Signals of older candles are not printed: they come from the backfill."""


def live_source(feed: "Feed", symbols: dict[str, str], settings: Settings, plan: "NotifyPlan | None" = None) -> OpenSource:
    """Return a source that streams the venue's candles until it is cancelled, and notifies of what the plan says."""

    @asynccontextmanager
    async def open_source(pipeline: RunPipeline) -> AsyncIterator[Source]:
        from producer.live.metrics import LiveCollector  # noqa: PLC0415  # not needed by --help

        async with AsyncExitStack() as stack:
            source = venue_names(feed, settings).source
            notifier = await stack.enter_async_context(_notifier(plan, pipeline, source)) if plan else None
            producer = await stack.enter_async_context(open_live_producer(pipeline.log, feed, symbols, settings))

            async def work() -> None:
                async with asyncio.TaskGroup() as group:
                    group.create_task(producer.run())
                    group.create_task(
                        print_new_signals(pipeline.view, set(symbols), lambda: producer.rest.clock.now_ms() / 1_000)
                    )
                    if notifier:
                        from .notify.wiring import pipeline_parts  # noqa: PLC0415  # as above

                        parts = pipeline_parts(pipeline, producer, tuple(symbols), settings.stale_after_s)
                        group.create_task(notifier.run(parts))

            click.echo(f"streaming {', '.join(symbols)} from {source}, until Ctrl-C")
            yield Source(work(), (LiveCollector(producer), *_collectors(notifier)))

    return open_source


def _notifier(plan: "NotifyPlan", pipeline: RunPipeline, venue: str) -> "AbstractAsyncContextManager[Notifier]":
    from .notify.notifier import open_notifier  # noqa: PLC0415  # only if there is something to notify of
    from .notify.wiring import described  # noqa: PLC0415

    click.echo(described(plan))
    return open_notifier(plan, pipeline.path.with_name(pipeline.path.name + "-notify"), venue)


def _collectors(notifier: "Notifier | None") -> "tuple[Collector, ...]":
    if notifier is None:
        return ()
    from .notify.metrics import NotifyCollector  # noqa: PLC0415  # as above

    return (NotifyCollector(notifier.outbox, notifier.alarms),)


async def print_new_signals(view: "View", symbols: set[str], wall: Callable[[], float] = time) -> None:
    """Print a line for each new signal of each symbol, until cancelled; those of the backfill are left out."""
    shown: dict[str, int] = {}
    while True:
        await asyncio.sleep(_POLL_S)
        for symbol in sorted(symbols.intersection(view.symbols)):
            latest = view.get(symbol)
            if latest and shown.get(symbol) != latest.signal.open_time_ms > (wall() - _MAX_AGE_S) * 1_000:
                shown[symbol] = latest.signal.open_time_ms
                click.echo(signal_line(latest.signal))


def signal_line(signal: "Signal") -> str:
    """Return a line with the candle's close, its signal, and how far the price may move within the horizon."""
    closed = datetime.fromtimestamp(signal.open_time_ms / 1_000 + 60, UTC)
    percent = 100 * signal.volatility
    bounds = f"{signal.price_lower:.8g} to {signal.price_upper:.8g}"
    warm = "" if signal.warm else "  (warming up)"
    return (
        f"{closed:%H:%M} UTC  {signal.symbol}  {signal.close:.10g}  signal {signal.signal}"
        f"  next {signal.horizon_minutes} min ±{percent:.2f} %  {bounds}{warm}"
    )

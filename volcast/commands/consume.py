"""`volcast consume`: candles from the log through the engines, signals onto the log."""

import asyncio
from contextlib import nullcontext

import click

from volcast.cli.options import settings_options
from volcast.cli.wiring import ENGINE_SETTINGS, LOG_SETTINGS, log_of, worker_of
from volcast.settings.schema import Settings


@click.command("consume")
@settings_options(
    *ENGINE_SETTINGS, *LOG_SETTINGS, "batch_records", "snapshot_records", "max_symbols", "host", "metrics_port", "log_level"
)
def command(settings: Settings) -> None:
    """Candles from the log to signals on the log, each accepted candle exactly once.

    Any number may run on Kafka, where they share the partitions; on one SQLite file one works and the others stand by.
    """
    log = log_of(settings)

    from consumer.metrics import worker_monitor  # noqa: PLC0415  # not needed by --help, nor by a refusal
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets())
    worker = worker_of(log, settings)

    async def work() -> None:
        async with log:
            await worker.run()

    async def consume() -> None:
        port = settings.metrics_port
        with bind(settings.host, port, "--metrics-port") if port is not None else nullcontext() as listening:
            services = [work()]
            if listening:
                click.echo(f"metrics on {address(listening)}/metrics")
                services.append(serve(worker_monitor(worker), listening))
            await run_services(*services)

    asyncio.run(consume())

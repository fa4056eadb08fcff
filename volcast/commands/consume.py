"""`volcast consume`: read candles from the log, run them through the engines, and write the signals to the log."""

import asyncio
from contextlib import nullcontext

import click

from volcast.cli.options import settings_options
from volcast.cli.wiring import ENGINE_SETTINGS, LOG_SETTINGS, create_log, create_worker
from volcast.settings.schema import Settings


@click.command("consume")
@settings_options(
    *ENGINE_SETTINGS, *LOG_SETTINGS, "batch_records", "snapshot_records", "max_symbols", "host", "metrics_port", "log_level"
)
def command(settings: Settings) -> None:
    """Read candles from the log and write signals to it, processing each accepted candle exactly once.

    Any number of consumers can run. On Kafka they share the partitions; on an SQLite file one is active and the others stand by.
    """
    log = create_log(settings)

    from consumer.metrics import worker_monitor  # noqa: PLC0415  # not needed by --help, nor for a usage error
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets())
    worker = create_worker(log, settings)

    async def work() -> None:
        async with log:
            await worker.run()

    async def consume() -> None:
        port = settings.metrics_port
        with bind(settings.host, port, "--metrics-port") if port is not None else nullcontext() as listening:
            services = [work()]
            if listening:
                click.echo(f"metrics at {address(listening)}/metrics")
                services.append(serve(worker_monitor(worker), listening))
            await run_services(*services)

    asyncio.run(consume())

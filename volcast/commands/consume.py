"""`volcast consume`: read candles from the log, run them through the engines, and write the signals to the log."""

import asyncio
import logging
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from random import Random
from time import time
from typing import TYPE_CHECKING

import click

from volcast.cli.options import settings_options
from volcast.cli.wiring.pipeline import ENGINE_SETTINGS, LOG_SETTINGS, create_log, create_worker, disk_collectors
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from consumer.worker import Worker

_LOOK_S = 1.0
_PROGRESS_S = 10.0
_log = logging.getLogger("consumer.progress")


@click.command("consume")
@settings_options(
    *ENGINE_SETTINGS,
    *LOG_SETTINGS,
    "standby",
    "batch_records",
    "snapshot_records",
    "rebuild_from_earliest",
    "max_symbols",
    "allowed_symbols",
    "workers",
    "host",
    "metrics_port",
    "log_level",
    "log_format",
    "traces_endpoint",
)
def command(settings: Settings) -> None:
    """Read candles from the log and write signals to it, processing each accepted candle exactly once.

    Any number of consumers can run. On Kafka they share the partitions; on an SQLite file one is active and the others stand by.
    With --standby, each also follows what it does not own, so that it goes on at once when another one ends.
    """
    if settings.workers > 1:
        _run_workers(settings)
        return
    log = create_log(settings)

    from consumer.metrics import worker_monitor  # noqa: PLC0415  # not needed by --help, nor for a usage error
    from consumer.standby.metrics import standby_collectors  # noqa: PLC0415
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.cli.wiring.tracing import tracing  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)

    async def work() -> None:
        async with log:
            await worker.run()

    async def consume() -> None:
        port = settings.metrics_port
        with bind(settings.host, port, "--metrics-port") if port is not None else nullcontext() as listening:
            services = [work(), log_progress(worker)]
            if listening:
                click.echo(f"metrics at {address(listening)}/metrics")
                services.append(
                    serve(worker_monitor(worker, *standby_collectors(worker, time), *disk_collectors(settings)), listening)
                )
            await run_services(*services)

    with tracing(settings, "consume") as traces:
        worker = create_worker(traces.log(log), settings)
        asyncio.run(consume())


def _run_workers(settings: Settings) -> None:
    """Run as many consumers as `workers` says, each in a process of its own, until SIGTERM or SIGINT."""
    from volcast.cli.log_format import configure  # noqa: PLC0415  # as above
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.cli.wiring.workers import WorkersEndedError, supervise, worker_commands  # noqa: PLC0415

    create_log(settings)  # raises what is wrong with the settings
    commands = worker_commands(settings, sys.argv[1:])
    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)
    if settings.workers > settings.partitions:
        _log.warning("%d workers for %d partitions: some of them stand by", settings.workers, settings.partitions)
    try:
        asyncio.run(run_services(supervise(commands, Random())))  # noqa: S311  # no secret: jitter
    except WorkersEndedError as ended:
        click.echo(f"volcast: {ended}", err=True)
        raise click.exceptions.Exit(ended.exit_code) from None


async def log_progress(worker: "Worker", look_s: float = _LOOK_S, progress_s: float = _PROGRESS_S) -> None:
    """Log which partitions the worker holds when that changes, and how far it has come while there is work; until cancelled."""
    from consumer.stats import records_processed  # noqa: PLC0415  # River takes a second to import

    now_s = asyncio.get_running_loop().time
    held: list[int] | None = None
    logged, logged_s = 0, now_s()
    while True:
        await asyncio.sleep(look_s)
        if worker.stats.last_iteration_s is None:  # the log is not available yet; the worker logs that itself
            continue
        records = records_processed(worker.shards.values())
        if held != sorted(worker.shards):
            held = sorted(worker.shards)
            _log.info("consuming" if held else "standing by: other consumers have all partitions", extra={"partitions": held})
            logged, logged_s = records, now_s()
        elif now_s() - logged_s >= progress_s:
            if records > logged:
                rate = (records - logged) / (now_s() - logged_s)
                _log.info("progress: %d records, %.0f a second", records, rate, extra={"newest_candle": _newest(worker)})
            logged, logged_s = records, now_s()


def _newest(worker: "Worker") -> str | None:
    from consumer.stats import newest_open_time_ms  # noqa: PLC0415  # as above

    times_ms = [at_ms for shard in tuple(worker.shards.values()) if (at_ms := newest_open_time_ms(shard)) is not None]
    return datetime.fromtimestamp(max(times_ms) / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if times_ms else None

"""What `volcast run` sets up around its source of candles: log, consumer, API, in one process."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from volcast.cli.wiring import sqlite_log, worker_of
from volcast.log.contract import Busy, Log
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from api.follower import Follower
    from api.view import View
    from consumer.worker import Worker
    from volcast.log.sqlite.lease import Lease


@dataclass(frozen=True, slots=True)
class RunPipeline:
    """What a source of candles works on."""

    log: Log
    worker: "Worker"
    view: "View"
    follower: "Follower"
    address: str
    """Of the API."""


class Source(NamedTuple):
    """Where candles come from: what it does until the run is over, and what it shows on /metrics."""

    work: Coroutine[Any, Any, None]
    collectors: "tuple[Collector, ...]" = ()


Opening = Callable[[RunPipeline], AbstractAsyncContextManager[Source]]


async def run_around(opening: Opening, path: Path, settings: Settings) -> bool:
    """Run consumer and API on the log in `path` until the source's work is done; -> whether a signal ended it."""
    from api.app import create_app  # noqa: PLC0415  # not needed by --help
    from api.follower import Follower  # noqa: PLC0415
    from api.view import View  # noqa: PLC0415
    from consumer.metrics import WorkerCollector  # noqa: PLC0415
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    with bind(settings.host, settings.port, "--port") as listening, _only_run_on(path) as alone:
        async with sqlite_log(path, settings) as log:
            async with log.consumer() as consumer:
                if not (await consumer.assignment() and alone.take()):
                    raise Busy(f"another volcast is working on {path}: stop it, or choose another file with --db")
            worker = worker_of(log, settings)
            view = View(settings.stale_after_s)
            follower = Follower(log, view)
            click.echo(f"log  {path}")
            click.echo(f"open {address(listening)}/latest")
            async with opening(RunPipeline(log, worker, view, follower, address(listening))) as source:
                app = create_app(view, (WorkerCollector(worker), *source.collectors))
                return await run_services(worker.run(), follower.run(), serve(app, listening), until=source.work)


def _only_run_on(path: Path) -> "Lease":
    """Of two runs that start together on one file, under whatever name, one must go before it touches anything."""
    from volcast.log.sqlite.lease import Lease  # noqa: PLC0415  # not needed by --help

    return Lease(f"{path.resolve()}-run")

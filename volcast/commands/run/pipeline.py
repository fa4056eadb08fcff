"""The pipeline of `volcast run`: log, consumer and API in one process, around a source of candles."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from volcast.cli.wiring import create_sqlite_log, create_worker
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
    """The parts of the pipeline that a source of candles uses."""

    log: Log
    worker: "Worker"
    view: "View"
    follower: "Follower"
    address: str
    """URL of the API."""


class Source(NamedTuple):
    """A source of candles: the coroutine that runs until the source is exhausted, and its collectors for /metrics."""

    work: Coroutine[Any, Any, None]
    collectors: "tuple[Collector, ...]" = ()


OpenSource = Callable[[RunPipeline], AbstractAsyncContextManager[Source]]
"""Opens a source of candles on the pipeline that it will feed."""


async def run_pipeline(open_source: OpenSource, path: Path, settings: Settings) -> bool:
    """Run consumer and API on the log in `path` until the source is exhausted; return whether a stop signal ended it.

    Raises UserError if the port is not available, and Busy if another process uses the file.
    """
    from api.app import create_app  # noqa: PLC0415  # not needed by --help
    from api.follower import Follower  # noqa: PLC0415
    from api.view import View  # noqa: PLC0415
    from consumer.metrics import WorkerCollector  # noqa: PLC0415
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    with bind(settings.host, settings.port, "--port") as listening, _exclusive_lease(path) as lease:
        async with create_sqlite_log(path, settings) as log:
            async with log.consumer() as consumer:
                if not (await consumer.assignment() and lease.take()):
                    raise Busy(f"another volcast process is using {path}: stop it, or choose another file with --db")
            worker = create_worker(log, settings)
            view = View(settings.stale_after_s)
            follower = Follower(log, view)
            click.echo(f"log: {path}")
            click.echo(f"serving {address(listening)}/latest")
            async with open_source(RunPipeline(log, worker, view, follower, address(listening))) as source:
                app = create_app(view, (WorkerCollector(worker), *source.collectors))
                return await run_services(worker.run(), follower.run(), serve(app, listening), until=source.work)


def _exclusive_lease(path: Path) -> "Lease":
    """Return the lease of which only one run on this file, whatever its path is called, can have; taken before any write."""
    from volcast.log.sqlite.lease import Lease  # noqa: PLC0415  # not needed by --help

    return Lease(f"{path.resolve()}-run")

"""The pipeline of `volcast run`: log, consumer and API in one process, around a source of candles."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from volcast.cli.wiring.api import create_security, create_server_tls, warn_of_strangers
from volcast.cli.wiring.pipeline import create_sqlite_log, create_worker
from volcast.log.contract import Busy, Log, Topic
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from api.follower import Follower
    from api.view import View
    from consumer.worker import Worker
    from volcast.log.sqlite.lease import Lease
    from volcast.settings.effective import EffectiveSetting


@dataclass(frozen=True, slots=True)
class RunPipeline:
    """The parts of the pipeline that a source of candles uses."""

    log: Log
    worker: "Worker"
    view: "View"
    follower: "Follower"
    address: str
    """URL of the API."""
    path: Path
    """The file of the log."""


class Source(NamedTuple):
    """A source of candles: the coroutine that runs until the source is exhausted, and its collectors for /metrics."""

    work: Coroutine[Any, Any, None]
    collectors: "tuple[Collector, ...]" = ()


OpenSource = Callable[[RunPipeline], AbstractAsyncContextManager[Source]]
"""Opens a source of candles on the pipeline that it will feed."""


async def run_pipeline(open_source: OpenSource, path: Path, settings: Settings, shown: "Sequence[EffectiveSetting]" = ()) -> bool:
    """Run consumer and API on the log in `path` until the source is exhausted; return whether a stop signal ended it.

    `shown` are the settings that the API shows under /config.
    Raises UserError if the port is not available, and Busy if another process uses the file.
    """
    from api.app import create_app  # noqa: PLC0415  # not needed by --help
    from api.follower import Follower  # noqa: PLC0415
    from api.stream.history import start_at_random  # noqa: PLC0415
    from api.view import View  # noqa: PLC0415
    from consumer.metrics import WorkerCollector  # noqa: PLC0415
    from consumer.stats import counts_of_symbol  # noqa: PLC0415
    from volcast.cli.http import address, bind, invitation, serve  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.metrics.process import DiskCollector  # noqa: PLC0415

    security, tls = create_security(settings), create_server_tls(settings)
    log = create_sqlite_log(path, settings)
    worker = create_worker(log, settings)  # before the file is created: the settings may be unusable
    with bind(settings.host, settings.port, "--port") as listening, _exclusive_lease(path) as lease:
        async with _removed_if_empty(log, path) as opened:
            async with log.consumer() as consumer:
                if not (await consumer.assignment() and lease.take()):
                    raise Busy(f"another volcast process is using {path}: stop it, or choose another file with --db")
            opened.is_ours = True
            view = View(settings.stale_after_s, start_at_random())
            follower = Follower(log, view)
            base = address(listening, "https" if tls else "http")
            click.echo(invitation(base))
            click.echo(f"log: {path}")
            warn_of_strangers(settings)
            async with open_source(RunPipeline(log, worker, view, follower, base, path)) as source:
                app = create_app(
                    view,
                    (WorkerCollector(worker), DiskCollector(path), *source.collectors),
                    security=security,
                    settings=shown,
                    consumer_counts=partial(counts_of_symbol, worker.shards),
                )
                return await run_services(worker.run(), follower.run(), serve(app, listening, tls=tls), until=source.work)


@dataclass(slots=True)
class _Opened:
    is_ours: bool = False
    """True once no other process can use the log."""


@asynccontextmanager
async def _removed_if_empty(log: Log, path: Path) -> AsyncIterator[_Opened]:
    """Open the log. If it is new and ours, and no candle has come into it, remove its files at the end."""
    is_new, opened, is_empty = not path.exists(), _Opened(), False  # noqa: ASYNC240  # a look at a name waits for nothing
    try:
        async with log:
            try:
                yield opened
            finally:
                if is_new and opened.is_ours:
                    async with log.reader(Topic.CANDLES) as reader:
                        is_empty = not await reader.read(1, 0.0)
    finally:
        if is_empty:
            for ending in ("", "-wal", "-shm", "-consumer", "-run", "-notify"):
                path.with_name(path.name + ending).unlink(missing_ok=True)


def _exclusive_lease(path: Path) -> "Lease":
    """Return the lease of which only one run on this file, whatever its path is called, can have; taken before any write."""
    from volcast.log.sqlite.lease import Lease  # noqa: PLC0415  # not needed by --help

    return Lease(f"{path.resolve()}-run")

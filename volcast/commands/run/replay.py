"""`volcast run` on files: a replay as the source of candles, with its progress bar and summary."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from .pipeline import OpenSource, RunPipeline, Source

if TYPE_CHECKING:
    from producer.replay import CsvReplay, Pump


def replay_source(sources: "list[CsvReplay]", speed: float, append_records: int, *, exit_when_done: bool) -> OpenSource:
    """Return a source that replays the files; then it ends, or waits so that the API stays up."""

    @asynccontextmanager
    async def open_source(pipeline: RunPipeline) -> AsyncIterator[Source]:
        from consumer.stats import records_processed  # noqa: PLC0415  # not needed by --help
        from producer.replay import Pace, Pump  # noqa: PLC0415
        from volcast.cli.progress import progress  # noqa: PLC0415

        from .summary import print_summary  # noqa: PLC0415

        pump = Pump(pipeline.log, sources, Pace(speed), append_records)

        async def replay() -> None:
            rows = sum(source.summary.rows for source in sources)
            with progress("candles", rows, lambda: records_processed(pipeline.worker.shards.values())):
                await pump.run()
                await pipeline.worker.drained()
                await pipeline.follower.drained()
            pipeline.view.finish_replays()
            _print_resumes(pump)
            print_summary(pipeline.view, pipeline.worker)
            if not exit_when_done:
                click.echo(f"replay finished; serving {pipeline.address}/latest until Ctrl-C")
                await asyncio.Event().wait()

        yield Source(replay())

    return open_source


def _print_resumes(pump: "Pump") -> None:
    """Print what was left out because the log already had candles of these symbols."""
    from api.responses import iso8601  # noqa: PLC0415  # as above

    if not pump.sent:
        click.echo("nothing to send: the log already has all rows")
    for symbol, resume in pump.resumes.items():
        if resume.other_source is not None and resume.after_open_time_ms is not None:
            until = iso8601(resume.after_open_time_ms)
            found = f"the log already had candles from {resume.other_source} up to {until}"
            click.echo(f"{symbol}: {found}; only later rows were sent", err=True)

"""`volcast run` on files: the replay, its progress and its summary."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from .pipeline import Opening, RunPipeline, Source

if TYPE_CHECKING:
    from producer.replay import CsvReplay, Pump


def replaying(sources: "list[CsvReplay]", speed: float, append_records: int, *, exit_when_done: bool) -> Opening:
    """Replay the files; then end, or stay with the API."""

    @asynccontextmanager
    async def opening(stage: RunPipeline) -> AsyncIterator[Source]:
        from consumer.stats import records_processed  # noqa: PLC0415  # not needed by --help
        from producer.replay import Pace, Pump  # noqa: PLC0415
        from volcast.cli.progress import progress  # noqa: PLC0415

        from .summary import print_summary  # noqa: PLC0415

        pump = Pump(stage.log, sources, Pace(speed), append_records)

        async def replay() -> None:
            rows = sum(source.summary.rows for source in sources)
            with progress("candles", rows, lambda: records_processed(stage.worker.shards.values())):
                await pump.run()
                await stage.worker.drained()
                await stage.follower.drained()
            _tell_what_was_there(pump)
            print_summary(stage.view, stage.worker)
            if not exit_when_done:
                click.echo(f"The replay is done; {stage.address}/latest stays until Ctrl-C.")
                await asyncio.Event().wait()

        yield Source(replay())

    return opening


def _tell_what_was_there(pump: "Pump") -> None:
    """A log that already had candles of these symbols: what that meant."""
    from api.responses import iso8601  # noqa: PLC0415  # as above

    if not pump.sent:
        click.echo("Nothing new: the log had all rows already.")
    for symbol, resume in pump.resumes.items():
        if resume.other_source is not None and resume.after_open_time_ms is not None:
            until = iso8601(resume.after_open_time_ms)
            click.echo(
                f"{symbol}: the log had candles of {resume.other_source} up to {until}; only later rows were sent.", err=True
            )

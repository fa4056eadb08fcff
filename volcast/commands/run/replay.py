"""`volcast run` on files: a replay as the source of candles, with its progress bar and summary."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from .pipeline import OpenSource, RunPipeline, Source

if TYPE_CHECKING:
    from producer.csv_replay import CsvReplay
    from producer.replay import Pump


def replay_source(
    sources: "list[CsvReplay]", speed: float, append_records: int, problems: list[str], *, is_sample: bool, exit_when_done: bool
) -> OpenSource:
    """Return a source that replays the files; then it ends, or waits so that the API stays up.

    A sentence for each symbol of which most rows were not accepted is printed, and added to `problems`.
    """

    @asynccontextmanager
    async def open_source(pipeline: RunPipeline) -> AsyncIterator[Source]:
        from consumer.stats import records_processed  # noqa: PLC0415  # not needed by --help
        from producer.replay import Pace, Pump  # noqa: PLC0415
        from volcast.cli.progress import progress  # noqa: PLC0415

        from .summary import print_summary, unusable_symbols  # noqa: PLC0415

        if is_sample:
            click.echo("replaying the bundled sample: simulated candles, not market data")
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
            problems.extend(unusable_symbols(sources, pipeline.worker))
            for sentence in problems:
                click.echo(f"volcast: {sentence}", err=True)
            if not exit_when_done:
                click.echo(f"replay finished; serving {pipeline.address}/ until Ctrl-C")
                await asyncio.Event().wait()

        yield Source(replay())

    return open_source


def _print_resumes(pump: "Pump") -> None:
    """Print which rows the log already had, and what other rows continue."""
    from api.responses import iso8601  # noqa: PLC0415  # as above

    if not pump.sent:
        click.echo("nothing to send: the log already has all rows")
    for symbol, resume in pump.resumes.items():
        if resume.follows is not None and resume.follows_open_time_ms is not None:
            until = iso8601(resume.follows_open_time_ms)
            click.echo(f"{symbol}: continues the candles from {resume.follows} that the log already had up to {until}", err=True)

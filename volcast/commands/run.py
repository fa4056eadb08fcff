"""`volcast run`: the whole path in one process, on a log in one file."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.settings import Settings, text

from .main import INTERRUPTED
from .options import loaded_options
from .replay_options import replay_options
from .settings_sources import Loaded
from .wiring import ENGINE_SETTINGS, replays_of, sample, sqlite_log, worker_of

if TYPE_CHECKING:
    from producer.pump import Pump
    from producer.sources import CsvReplay
    from volcast.log.lease import Lease


@click.command("run")
@replay_options
@click.option("--exit-when-done", is_flag=True, help="End when the last candle's signal can be read; without it the API stays.")
@loaded_options(
    *("db", "host", "port", *ENGINE_SETTINGS, "sqlite_synchronous", "poll_s"),
    *("batch_records", "snapshot_records", "append_records", "max_symbols", "stale_after_s", "log_level"),
)
def command(files: tuple[Path, ...], symbols: tuple[str, ...], speed: float, exit_when_done: bool, loaded: Loaded) -> None:  # noqa: FBT001  # click's
    """Replay CSV files of candles (without any: the bundled, simulated sample) through the whole pipeline, and serve the result.

    Killed and started again with the same --db, it goes on where it was.
    """
    from .logs import configure  # noqa: PLC0415  # not needed by --help

    settings = loaded.settings
    quiet = loaded.origins["log_level"] == "default"  # a person is looking: unless asked for, no news is good news
    configure("warning" if quiet else settings.log_level, secrets=settings.secrets())
    sources = replays_of(files, symbols)
    path = settings.db or _default_path(sources, settings)
    if not files:
        click.echo("Replaying the bundled sample: simulated candles, not market data.")
    asyncio.run(_run(sources, path, speed, exit_when_done=exit_when_done, settings=settings))


async def _run(sources: "list[CsvReplay]", path: Path, speed: float, *, exit_when_done: bool, settings: Settings) -> None:
    from api.app import create_app  # noqa: PLC0415  # not needed by --help
    from api.follow import Follower  # noqa: PLC0415
    from api.view import View  # noqa: PLC0415
    from consumer.monitor import WorkerCollector  # noqa: PLC0415
    from producer.pump import Pace, Pump  # noqa: PLC0415
    from volcast.log.contract import Busy  # noqa: PLC0415

    from .http import address, bind, serve  # noqa: PLC0415
    from .process import run_services  # noqa: PLC0415
    from .progress import progress  # noqa: PLC0415
    from .summary import print_summary  # noqa: PLC0415

    with bind(settings.host, settings.port, "--port") as listening, _only_run_on(path) as alone:
        async with sqlite_log(path, settings) as log:
            async with log.consumer() as consumer:
                if not (await consumer.assignment() and alone.take()):
                    raise Busy(f"another volcast is working on {path}: stop it, or choose another file with --db")
            worker = worker_of(log, settings)
            view = View(settings.stale_after_s)
            follower = Follower(log, view)
            pump = Pump(log, sources, Pace(speed), settings.append_records)

            async def replay() -> None:
                rows = sum(source.summary.rows for source in sources)
                with progress("candles", rows, worker.handled):
                    await pump.run()
                    await worker.drained()
                    await follower.drained()
                _tell_what_was_there(pump)
                print_summary(view, worker)
                if not exit_when_done:
                    click.echo(f"The replay is done; {address(listening)}/latest stays until Ctrl-C.")
                    await asyncio.Event().wait()

            click.echo(f"log  {path}")
            click.echo(f"open {address(listening)}/latest")
            app = create_app(view, (WorkerCollector(worker),))
            stopped = await run_services(worker.run(), follower.run(), serve(app, listening), until=replay())
    if stopped and exit_when_done:
        raise click.exceptions.Exit(INTERRUPTED)


def _only_run_on(path: Path) -> "Lease":
    """Of two runs that start together on one file, under whatever name, one must go before it touches anything."""
    from volcast.log.lease import Lease  # noqa: PLC0415  # not needed by --help

    return Lease(f"{path.resolve()}-run")


def _tell_what_was_there(pump: "Pump") -> None:
    """A log that already had candles of these symbols: what that meant."""
    from api.answer import iso8601  # noqa: PLC0415

    if not pump.sent:
        click.echo("Nothing new: the log had all rows already.")
    for symbol, resume in pump.resumes.items():
        if resume.other_source is not None and resume.after_open_time_ms is not None:
            until = iso8601(resume.after_open_time_ms)
            click.echo(
                f"{symbol}: the log had candles of {resume.other_source} up to {until}; only later rows were sent.", err=True
            )


def _default_path(sources: "list[CsvReplay]", settings: Settings) -> Path:
    """A file of its own for each set of files and engine settings, so that no run meets another's state."""
    import platformdirs  # noqa: PLC0415  # not needed by --help

    names = "+".join(source.path.name.removesuffix(".gz").removesuffix(".csv") for source in sources)
    if [source.path for source in sources] == list(sample()):
        names = "sample"
    changed = [
        f"{name}={re.sub('[^A-Za-z0-9.,=]', '-', text(getattr(settings, name)))}"
        for name in ENGINE_SETTINGS
        if getattr(settings, name) != getattr(Settings(), name)
    ]
    return platformdirs.user_data_path("volcast") / f"{'_'.join([names[:100], *changed])}.db"

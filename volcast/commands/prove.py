"""`volcast prove`: kill the pipeline in every way, on this machine, and compare every committed signal with the expected one."""

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from volcast.cli.main import INTERRUPTED, UserError
from volcast.cli.params import VenueParam

if TYPE_CHECKING:
    from producer.feeds.contract import Feed
    from volcast.proof.processes.backends import Backend
    from volcast.proof.processes.report import ProofReport
    from volcast.proof.simulated_venue.run import VenueProofTotals

ReportProgress = Callable[[float, str], None]
"""Called with the share that is done, from 0 to 1, and a description of the current step."""

DEFAULT_WORKERS = {"sqlite": 2, "kafka": 3}
DEFAULT_SEEDS = 2_000
DEFAULT_DAYS = 20
MAX_SHOWN = 5
"""How many failing seeds are printed."""


@click.command("prove")
@click.option(
    "--bus",
    type=click.Choice(["sqlite", "kafka", "simulated"]),
    default="sqlite",
    show_default=True,
    help="Log: an SQLite file; Kafka (KAFKA_BOOTSTRAP, or a broker of its own); or memory, in virtual time.",
)
@click.option(
    "--kills",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Total number of times that a worker is killed.",
)
@click.option(
    "--promotions",
    type=click.IntRange(0, 1_000),
    default=0,
    show_default=True,
    help="Number of times that another model is promoted, or taken back, meanwhile.",
)
@click.option("--minutes", type=click.IntRange(10, 1_000_000), help="Candles of each symbol.  [default: enough for the kills]")
@click.option("--workers", type=click.IntRange(1, 16), help="Concurrent consumers.  [default: 2 on sqlite, 3 on kafka]")
@click.option("--partitions", type=click.IntRange(1, 64), default=4, show_default=True, help="Partitions, on kafka.")
@click.option(
    "--live", "feed", metavar="VENUE", type=VenueParam(), help="Prove the live producer of this venue instead (see above)."
)
@click.option(
    "--hours", type=click.FloatRange(1, 240), default=24.0, show_default=True, help="Hours of each simulated day, with --live."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the faults and the candles.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 10_000_000),
    help="Number of seeds, from --seed on.  [default: 2000 on simulated, 20 with --live]",
)
def command(
    *,
    bus: str,
    kills: int,
    promotions: int,
    minutes: int | None,
    workers: int | None,
    partitions: int,
    feed: "Feed | None",
    hours: float,
    seed: int,
    seeds: int | None,
) -> None:
    """Test that every accepted candle is processed exactly once and that every signal equals that of a plain loop.

    Simulated candles flow through separate processes on a temporary log. Meanwhile the processes are stopped, killed, paused
    beyond their session and disconnected from the log, and the broker is killed. Then everything that was committed is compared,
    byte for byte. Your own logs are not touched. The output ends with EXACT (exit code 0) or NOT EXACT (exit code 1).

    With --live, the live producer streams simulated days from a scripted exchange that shows every fault the venue is known for,
    on real sockets in virtual time. It is killed and replaced during the day; in the end the log must have exactly the candles of
    the exchange, each once, in order. A day takes half a minute of CPU time.
    """
    if feed is not None:
        with _progress() as report_progress:
            prove_live(feed.name, range(seed, seed + (seeds or DEFAULT_DAYS)), hours, report_progress, MAX_SHOWN)
        return
    if bus == "simulated":
        _simulate(seed, seeds or DEFAULT_SEEDS)
        return
    count = workers or DEFAULT_WORKERS[bus]
    repeat = f"volcast prove --bus {bus} --kills {kills} --workers {count} --seed {seed}"
    repeat += f" --partitions {partitions}" if bus == "kafka" else ""
    repeat += f" --minutes {minutes}" if minutes else ""
    repeat += f" --promotions {promotions}" if promotions else ""
    folder = Path(tempfile.mkdtemp(prefix="volcast-proof-"))
    try:
        report = asyncio.run(_prove(bus, partitions, folder, ProofRequest(minutes, kills, count, seed, repeat, promotions)))
    except (click.ClickException, click.exceptions.Exit):  # no broker, or interrupted: there is nothing to inspect
        shutil.rmtree(folder)
        raise
    except BaseException:
        click.echo(f"the logs of all processes are in {folder}", err=True)
        raise
    for line in report.lines():
        click.echo(line)
    if report.difference:
        click.echo(f"the logs of all processes are in {folder}", err=True)
        raise click.exceptions.Exit(1)
    shutil.rmtree(folder)


class ProofRequest(NamedTuple):
    """What the user asked for, and the command that repeats it."""

    minutes: int | None
    kills: int
    workers: int
    seed: int
    command: str
    promotions: int


async def _prove(bus: str, partitions: int, folder: Path, request: ProofRequest) -> "ProofReport":
    """Run the proof on processes and return its report. Raises UserError without a broker; a stop signal ends all processes."""
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.proof.processes.run import ProcessProofConfig, prove  # noqa: PLC0415  # River takes a second to import

    logging.basicConfig(filename=folder / "prove.log", level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))  # closing the terminal ends all processes, too
    reports = []

    async def work() -> None:
        with _progress() as report_progress:
            report_progress(0.0, "starting")
            async with _backend(bus, partitions, folder) as backend:
                reports.append(report := await prove(ProcessProofConfig(*request), backend, folder, report_progress))
                if not report.difference:
                    await backend.clean_up()

    if await run_services(until=work()):
        raise click.exceptions.Exit(INTERRUPTED)
    return reports[0]


@asynccontextmanager
async def _backend(bus: str, partitions: int, folder: Path) -> "AsyncIterator[Backend]":
    from volcast.proof.processes.backends import SqliteBackend, kafka_backend  # noqa: PLC0415
    from volcast.proof.processes.runtime import BrokerError  # noqa: PLC0415  # as above

    if bus == "sqlite":
        yield SqliteBackend(folder)
        return
    try:
        async with kafka_backend(folder, partitions, os.environ.get("KAFKA_BOOTSTRAP")) as backend:
            yield backend
    except BrokerError as error:
        raise UserError(str(error)) from error


def _simulate(first: int, count: int) -> None:
    from volcast.proof.simulated_log.run import LogProofTotals, run_seeds  # noqa: PLC0415  # as above

    with _progress() as report_progress:

        def on_seed(totals: LogProofTotals) -> None:
            report_progress(totals.seeds / count, f"{totals.seeds} seeds")

        totals = run_seeds(first, count, on_seed)
    click.echo(f"seeds      {first} to {first + count - 1}")
    click.echo(f"events     {', '.join(f'{number} × {what}' for what, number in sorted(totals.counts.items()))}")
    for result in totals.failed[:MAX_SHOWN]:
        repeat = f"volcast prove --bus simulated --seed {result.seed} --seeds 1"
        click.echo(f"seed {result.seed}: {result.difference}  (repeat with: {repeat})")
    if totals.failed:
        click.echo(f"NOT EXACT: {len(totals.failed)} of {count} seeds")
        raise click.exceptions.Exit(1)
    click.echo("EXACT")


@contextmanager
def _progress() -> Iterator[ReportProgress]:
    """Show a progress bar on standard error if that is a terminal; yield the function that updates it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _share, _what: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=console
    ) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, what: bar.update(task, completed=share, description=what)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def prove_live(venue: str, seeds: range, hours: float, report_progress: ReportProgress, max_shown: int) -> None:
    """Run a simulated day for each seed and print the result: EXACT, or NOT EXACT and exit code 1."""
    from volcast.proof.simulated_venue.day import VenueProofConfig  # noqa: PLC0415  # not needed by --help
    from volcast.proof.simulated_venue.run import run_days  # noqa: PLC0415

    count = len(seeds)

    def on_day(totals: "VenueProofTotals") -> None:
        report_progress(totals.days / count, f"{totals.days} of {count} days")

    signal.signal(signal.SIGTERM, _interrupt)  # or the processes that run the days would outlive this one
    report_progress(0.0, f"0 of {count} days")
    totals = run_days([VenueProofConfig(venue, seed, hours) for seed in seeds], on_day)
    click.echo(f"venue      {venue}, seeds {seeds[0]} to {seeds[-1]}, {hours:g} hours each")
    for line in totals.lines():
        click.echo(line)
    for result in totals.failed[:max_shown]:
        repeat = f"volcast prove --live {venue} --seed {result.seed} --seeds 1 --hours {hours:g}"
        click.echo(f"seed {result.seed}: {result.difference}  (repeat with: {repeat})")
    if totals.failed:
        click.echo(f"NOT EXACT: {len(totals.failed)} of {count} days")
        raise click.exceptions.Exit(1)
    click.echo("EXACT")

"""`volcast prove`: kills the pipeline in every way, on this machine, and compares every committed signal."""

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
    from volcast.proof.processes.places import Backend
    from volcast.proof.processes.report import ProofReport
    from volcast.proof.processes.run import Told

DEFAULT_WORKERS = {"sqlite": 2, "kafka": 3}
DEFAULT_SEEDS = 2_000
DEFAULT_DAYS = 20
MAX_SHOWN = 5
"""Failing seeds."""


@click.command("prove")
@click.option(
    "--bus",
    type=click.Choice(["sqlite", "kafka", "simulated"]),
    default="sqlite",
    show_default=True,
    help="A file; the broker of KAFKA_BOOTSTRAP or one that is started here; or a log in memory, in virtual time.",
)
@click.option("--kills", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Of workers, in all.")
@click.option(
    "--minutes", type=click.IntRange(10, 1_000_000), help="Candles of each symbol.  [default: as many as the kills need]"
)
@click.option("--workers", type=click.IntRange(1, 16), help="Consumers at a time.  [default: 2 on sqlite, 3 on kafka]")
@click.option("--partitions", type=click.IntRange(1, 64), default=4, show_default=True, help="On kafka.")
@click.option(
    "--live", "feed", metavar="VENUE", type=VenueParam(), help="Prove the live producer of this venue instead, see below."
)
@click.option(
    "--hours", type=click.FloatRange(1, 240), default=24.0, show_default=True, help="With --live: of each simulated day."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, other faults and candles.")
@click.option("--seeds", type=click.IntRange(1, 10_000_000), help="From --seed on.  [default: 2000 on simulated, 20 with --live]")
def command(
    *,
    bus: str,
    kills: int,
    minutes: int | None,
    workers: int | None,
    partitions: int,
    feed: "Feed | None",
    hours: float,
    seed: int,
    seeds: int | None,
) -> None:
    """Prove that every accepted candle is processed exactly once, whatever dies, and every signal is that of a plain loop.

    Simulated candles flow through processes of their own, on a log of their own, while they are ended, killed, paused past
    their session, cut off from the log, and the broker dies. Then all that was committed is compared, byte for byte. Nothing of
    yours is touched. Ends with EXACT (code 0) or NOT EXACT (code 1).

    With --live, the live producer streams simulated days of a venue from a scripted exchange that plays every fault a venue is
    known for, on real sockets in virtual time, and is killed and taken over from on the way; then the log must have exactly the
    exchange's candles, each once, in order. A day takes half a minute of a processor.
    """
    if feed is not None:
        with _progress() as told:
            prove_live(feed.name, range(seed, seed + (seeds or DEFAULT_DAYS)), hours, told, MAX_SHOWN)
        return
    if bus == "simulated":
        _simulate(seed, seeds or DEFAULT_SEEDS)
        return
    count = workers or DEFAULT_WORKERS[bus]
    again = f"volcast prove --bus {bus} --kills {kills} --workers {count} --seed {seed}"
    again += f" --partitions {partitions}" if bus == "kafka" else ""
    again += f" --minutes {minutes}" if minutes else ""
    folder = Path(tempfile.mkdtemp(prefix="volcast-proof-"))
    try:
        report = asyncio.run(_prove(bus, partitions, folder, ProofRequest(minutes, kills, count, seed, again)))
    except (click.ClickException, click.exceptions.Exit):  # no broker, or interrupted: nothing to look for
        shutil.rmtree(folder)
        raise
    except BaseException:
        click.echo(f"The logs of all processes are in {folder}", err=True)
        raise
    for line in report.lines():
        click.echo(line)
    if report.difference:
        click.echo(f"The logs of all processes are in {folder}", err=True)
        raise click.exceptions.Exit(1)
    shutil.rmtree(folder)


class ProofRequest(NamedTuple):
    """What the user asked for: minutes, kills, workers, seed, and the command that asks for it again."""

    minutes: int | None
    kills: int
    workers: int
    seed: int
    command: str


async def _prove(bus: str, partitions: int, folder: Path, demand: ProofRequest) -> "ProofReport":
    """Raises UserError where there is no broker to be had. TERM and Ctrl-C end it, and all that it started."""
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.proof.processes.run import ProcessProofConfig, prove  # noqa: PLC0415  # River takes a second to import

    logging.basicConfig(filename=folder / "prove.log", level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))  # of a terminal that is closed: end all, too
    reports = []

    async def work() -> None:
        with _progress() as told:
            told(0.0, "starting")
            async with _place(bus, partitions, folder) as place:
                reports.append(report := await prove(ProcessProofConfig(*demand), place, folder, told))
                if not report.difference:
                    await place.tidy()

    if await run_services(until=work()):
        raise click.exceptions.Exit(INTERRUPTED)
    return reports[0]


@asynccontextmanager
async def _place(bus: str, partitions: int, folder: Path) -> "AsyncIterator[Backend]":
    from volcast.proof.processes.broker import BrokerError  # noqa: PLC0415  # as above
    from volcast.proof.processes.places import SqliteBackend, kafka_backend  # noqa: PLC0415

    if bus == "sqlite":
        yield SqliteBackend(folder)
        return
    try:
        async with kafka_backend(folder, partitions, os.environ.get("KAFKA_BOOTSTRAP")) as place:
            yield place
    except BrokerError as error:
        raise UserError(str(error)) from error


def _simulate(first: int, count: int) -> None:
    from volcast.proof.simulated_log.run import LogProofTotals, run_seeds  # noqa: PLC0415  # as above

    with _progress() as told:

        def tell(summary: LogProofTotals) -> None:
            told(summary.seeds / count, f"{summary.seeds} seeds")

        summary = run_seeds(first, count, tell)
    click.echo(f"seeds      {first} to {first + count - 1}")
    click.echo(f"happened   {', '.join(f'{number} × {what}' for what, number in sorted(summary.counts.items()))}")
    for verdict in summary.failed[:MAX_SHOWN]:
        click.echo(
            f"seed {verdict.seed}: {verdict.difference}  (again: volcast prove --bus simulated --seed {verdict.seed} --seeds 1)"
        )
    if summary.failed:
        click.echo(f"NOT EXACT: {len(summary.failed)} of {count} seeds")
        raise click.exceptions.Exit(1)
    click.echo("EXACT")


@contextmanager
def _progress() -> "Iterator[Told]":
    """A bar on standard error, where somebody looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _share, _what: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=console
    ) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, what: bar.update(task, completed=share, description=what)


if TYPE_CHECKING:
    from volcast.proof.simulated_venue.run import VenueProofTotals

Share = Callable[[float, str], None]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def prove_live(venue: str, seeds: range, hours: float, told: Share, max_shown: int) -> None:
    """Ends with EXACT, or with NOT EXACT and exit code 1."""
    count = len(seeds)
    from volcast.proof.simulated_venue.day import VenueProofConfig  # noqa: PLC0415  # not needed by --help
    from volcast.proof.simulated_venue.run import run_days  # noqa: PLC0415

    def tell(summary: "VenueProofTotals") -> None:
        told(summary.days / count, f"{summary.days} of {count} days")

    signal.signal(signal.SIGTERM, _interrupt)  # or the days would go on without us
    told(0.0, f"0 of {count} days")
    summary = run_days([VenueProofConfig(venue, seed, hours) for seed in seeds], tell)
    click.echo(f"venue      {venue}, seeds {seeds[0]} to {seeds[-1]}, {hours:g} hours each")
    for line in summary.lines():
        click.echo(line)
    for verdict in summary.failed[:max_shown]:
        again = f"volcast prove --live {venue} --seed {verdict.seed} --seeds 1 --hours {hours:g}"
        click.echo(f"seed {verdict.seed}: {verdict.difference}  (again: {again})")
    if summary.failed:
        click.echo(f"NOT EXACT: {len(summary.failed)} of {count} days")
        raise click.exceptions.Exit(1)
    click.echo("EXACT")

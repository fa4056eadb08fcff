"""`volcast archive`: copy the log into Parquet files, on a disk or on S3; keep the files few; say which there are."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from random import Random
from time import time
from typing import Literal

import click

from volcast.cli.main import INTERRUPTED, UserError
from volcast.cli.options import settings_options
from volcast.cli.tables import counted
from volcast.cli.wiring.pipeline import LOG_SETTINGS, create_log, disk_collectors
from volcast.log.retry import patience
from volcast.settings.schema import Settings
from volcast.settings.values import parse_bus

from .extra import extra_required

_RUN = "run"
_WRITING_MS = 86_400_000
"""No writer takes so long for one object."""
_TABLES = ("candles", "signals", "outcomes", "rejects", "drift_events")


class _WithDefault(click.Group):
    """A group whose options without a subcommand are those of `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] != "--help":
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


_ROOT_SENTENCE = "Root of the archive: file:///PATH or s3://BUCKET/PREFIX, with the keys in AWS_… or MINIO_… variables."
_to_option = click.option("--to", "root", metavar="ROOT", required=True, help=_ROOT_SENTENCE)
_archive_option = click.option("--archive", "root", metavar="ROOT", required=True, help=_ROOT_SENTENCE)


@click.group("archive", cls=_WithDefault)
def command() -> None:
    """Copy the log into an archive of Parquet files, and look after it.

    `volcast archive --bus … --to …` is `volcast archive run --bus … --to …`. On s3:// it needs the extra `lifecycle`.
    """


@command.command(_RUN, short_help="Archive what is on the log, and what comes.")
@_to_option
@click.option(
    "--rows",
    type=click.IntRange(1, 1_000_000),
    default=50_000,
    show_default=True,
    help="Records after which a commit is written.",
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0.1, 86_400),
    default=60.0,
    show_default=True,
    help="Seconds between the first record of a commit and the commit, at most; never more than half of the shortest horizon.",
)
@click.option("--once", is_flag=True, help="End when all is archived that was on the log at the start.")
@click.option(
    "--patience",
    "patience_s",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    help="With --once: seconds for which it waits for a log or store that does not answer, then it ends with exit code 3.",
)
@click.option("--accept-loss", is_flag=True, help="Go on if the log has deleted records before they were archived; it is noted.")
@settings_options(*LOG_SETTINGS, "host", "metrics_port", "log_level", "log_format")
def run_command(
    *, root: str, rows: int, every_s: float, once: bool, patience_s: float, accept_loss: bool, settings: Settings
) -> None:
    """Archive candles, signals, outcomes, rejects and drift events from the log, each record exactly once.

    It can be stopped and killed at any time; the next start goes on after the last commit. A second archiver of the same log and
    root does no harm: each commit is written by one of them. Without --once it waits for as long as log and store do not answer.
    """
    log = create_log(settings)
    bus = parse_bus(str(settings.bus))
    if once and bus.kind == "sqlite" and not Path(bus.path).exists():  # a service may be the first to start
        raise UserError(f"log {bus.path} does not exist; check --bus")
    with extra_required("volcast archive"):
        from volcast.lifecycle.archive.commits import Identity  # noqa: PLC0415  # Polars is slow to import
        from volcast.lifecycle.archive.metrics import archiver_monitor  # noqa: PLC0415
        from volcast.lifecycle.archive.run import Archiver, ArchiverConfig  # noqa: PLC0415
        from volcast.lifecycle.archive.store import open_store  # noqa: PLC0415

        store = open_store(root)
        if once:  # a service waits for a store that does not answer; this one is started again, as by cron
            store.list_after("commits", "commits/999999999999")
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)
    kind: Literal["kafka", "sqlite"] = "sqlite" if bus.kind == "sqlite" else "kafka"
    prefix = settings.topic_prefix if kind == "kafka" else ""

    def identity(partitions: int) -> Identity:
        return Identity(kind, prefix, partitions, int(time() * 1_000))

    config = ArchiverConfig(rows, every_s, accept_loss=accept_loss, once=once)
    archiver = Archiver(log, store, identity, config, random=Random(), wall_clock=time)  # noqa: S311  # no secret: a nonce

    async def archive() -> None:
        async with log:
            await archiver.run()

    async def run() -> bool:
        port = settings.metrics_port
        with bind(settings.host, port, "--metrics-port") if port is not None else nullcontext() as listening:
            services = [archive()]
            if listening:
                click.echo(f"metrics at {address(listening)}/metrics")
                services.append(serve(archiver_monitor(archiver, *disk_collectors(settings)), listening))
            return await run_services(*services)

    with patience(patience_s) if once else nullcontext():
        is_interrupted = asyncio.run(run())
    if once and is_interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if once:
        stats = archiver.stats
        records = sum(stats.records.values())
        click.echo(f"archived {counted(records, 'record')} in {counted(stats.files, 'file')}, {counted(stats.commits, 'commit')}")


@command.command("compact", short_help="Make one file of the many of a day.")
@_archive_option
@click.option(
    "--settle",
    "settle_s",
    type=click.FloatRange(0, 604_800),
    default=3_600.0,
    show_default=True,
    help="Seconds for which nothing was added to a day before it is compacted.",
)
def compact_command(*, root: str, settle_s: float) -> None:
    """Replace the files of each closed day of a symbol by one with the same rows.

    A day is closed once its symbol has a later one. The old objects stay until `volcast archive clean` deletes them. It may run
    beside an archiver.
    """
    with extra_required("volcast archive"):
        from volcast.lifecycle.archive.store import open_store  # noqa: PLC0415
        from volcast.lifecycle.archive.upkeep.compaction import compact  # noqa: PLC0415  # as above

        store = open_store(root)
    done = compact(store, settled_before_ms=_now_ms() - int(settle_s * 1_000), nonce=_nonce, now_ms=_now_ms)
    sizes = f", {done.size / 1e6:.1f} MB became {done.new_size / 1e6:.1f} MB" if done.days else ""
    click.echo(f"compacted {counted(done.days, 'day')} of {counted(done.files, 'file')}{sizes}")


@command.command("expire", short_help="Remove days that are old.")
@_archive_option
@click.option(
    "--keep-days",
    "kept",
    metavar="[TABLE=]DAYS",
    multiple=True,
    required=True,
    help="Days that are kept, of all tables or of one; may be repeated. The last one for a table counts.",
)
def expire_command(*, root: str, kept: tuple[str, ...]) -> None:
    """Remove the files of days that ended longer ago than they are kept.

    A commit says which ones; `volcast archive clean` deletes them later. The seals of removed signals stay in the chain, but
    `volcast audit` can no longer verify what they seal.
    """
    keep_days = _keep_days(kept)
    with extra_required("volcast archive"):
        from volcast.lifecycle.archive.store import open_store  # noqa: PLC0415
        from volcast.lifecycle.archive.upkeep.retention import expire  # noqa: PLC0415  # as above

        store = open_store(root)
    files = expire(store, keep_days, now_ms=_now_ms(), nonce=_nonce)
    click.echo(f"removed {counted(len(files), 'file')} with {counted(sum(each.rows for each in files), 'row')}")


@command.command("clean", short_help="Delete objects that no commit names.")
@_archive_option
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(0, 31_536_000),
    default=86_400.0,
    show_default=True,
    help="Seconds for which a removed file stays, for readers that have an older list of files.",
)
@click.option("--dry-run", is_flag=True, help="Print the names of the objects and delete none.")
def clean_command(*, root: str, grace_s: float, dry_run: bool) -> None:
    """Delete data objects that no commit names: compacted and expired ones, and those of commits that were never written.

    Of the checkpoints the last three stay; the commits stay for ever. What an archiver is writing at the moment stays.
    """
    with extra_required("volcast archive"):
        from volcast.lifecycle.archive.store import open_store  # noqa: PLC0415
        from volcast.lifecycle.archive.upkeep.retention import clean, old_checkpoints, unnamed  # noqa: PLC0415  # as above

        store = open_store(root)
    before_ms = _now_ms() - int(grace_s * 1_000)
    if dry_run:
        for name in (*unnamed(store, removed_before_ms=before_ms), *old_checkpoints(store, before_ms)):
            click.echo(name)
        return
    click.echo(f"deleted {counted(clean(store, removed_before_ms=before_ms, begun_before_ms=_now_ms() - _WRITING_MS), 'object')}")


@command.command("files", short_help="List the files of a table.")
@_archive_option
@click.option(
    "--table",
    type=click.Choice(_TABLES),
    required=True,
    help="The table whose files are listed.",
)
@click.option("--symbol", "symbols", multiple=True, metavar="SYMBOL", help="Only files of this symbol; may be repeated.")
def files_command(
    *, root: str, table: Literal["candles", "signals", "outcomes", "rejects", "drift_events"], symbols: tuple[str, ...]
) -> None:
    """Print the names of the files that belong to a table now, one a line, for DuckDB, pandas and others.

    A folder may have more files than these: those that compaction has replaced, and those of a commit that was never written.
    """
    with extra_required("volcast archive"):
        from volcast.lifecycle.archive.read import Archive  # noqa: PLC0415  # as above

        archive = Archive(root)
    for each in archive.files(table, symbols or None):
        click.echo(archive.store.url(each.name))


def _keep_days(texts: tuple[str, ...]) -> dict[str, int]:
    """Parse the values of --keep-days. Raises UserError."""
    found: dict[str, int] = {}
    for text in texts:
        table, _, days = text.rpartition("=")
        if (table and table not in _TABLES) or not days.isascii() or not days.isdigit():
            raise UserError(f"--keep-days {text}: expected DAYS or TABLE=DAYS, as in signals=90; tables: {', '.join(_TABLES)}")
        found |= dict.fromkeys([table] if table else _TABLES, int(days))
    return found


def _now_ms() -> int:
    return int(time() * 1_000)


def _nonce() -> str:
    return f"{Random().getrandbits(64):016x}"  # noqa: S311  # no secret

"""`volcast state show`, `export` and `import`: what the engines know, on the log and on the way to another one."""

import asyncio
from pathlib import Path

import click
from rich.console import Console

from volcast.cli.options import loaded_options
from volcast.cli.wiring import LOG_SETTINGS, quiet_log_of
from volcast.settings.sources import Loaded

_REBALANCE_S = 5
"""What a group takes to give partitions, beside finding out that a former member is dead."""


@click.group("state")
def command() -> None:
    """The engines' state on the log: show, export, import."""


@command.command("show", short_help="By partition and symbol, as it stands on the log.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, an object for each partition.")
@loaded_options(*LOG_SETTINGS, "log_level")
def show_command(*, as_json: bool, loaded: Loaded) -> None:
    """Show the state on the log, by partition and symbol; a consumer that runs is not disturbed.

    `position` is the offset of the next candle to answer, `replay from` where a consumer that starts must begin to read, `behind`
    how many records of its partition a symbol's snapshot may lack. A symbol without a line has no snapshot yet. On a terminal it
    is a table; elsewhere a line for each symbol, with tabs between the columns.
    """
    from . import show as state_show  # noqa: PLC0415  # River takes a second to import

    log = quiet_log_of(loaded)

    async def look() -> None:
        async with log:
            partitions = state_show.read_state(await log.peek())
        if as_json:
            click.echo(state_show.state_as_json(partitions))
        else:
            state_show.show_state(partitions, Console())

    asyncio.run(look())


@command.command("export", short_help="All of it into one file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@loaded_options(*LOG_SETTINGS, "log_level")
def export(*, file: Path, force: bool, loaded: Loaded) -> None:
    """Write the state of all symbols into FILE, as it was after the last commit: what the snapshots lack is replayed.

    A consumer that runs is not disturbed; to move to another log, stop it first: what it does afterwards is not in the file.
    """
    from volcast.cli.main import UserError  # noqa: PLC0415

    from . import file as state_file  # noqa: PLC0415
    from .transfer import snapshots_of, whole_shards  # noqa: PLC0415

    state_file.check_target(file, force=force)
    log = quiet_log_of(loaded)

    async def look() -> list[bytes]:
        async with log:
            shards = await whole_shards(log)
        for partition, shard in shards.items():
            for symbol, why in shard.state.unusable.items():
                cut = ", as far as the log goes back" if shard.is_cut else ""
                click.echo(f"{symbol}, partition {partition}: rebuilt from the log{cut}: {why}", err=True)
        return snapshots_of(shards)

    snapshots = asyncio.run(look())
    if not snapshots:
        raise UserError("there is no state to export: nothing has been consumed from this log")
    size = state_file.write_state_file(file, snapshots)
    click.echo(f"{file}: the state of {len(snapshots)} symbols, {size} bytes")


@command.command("import", short_help="From such a file onto another log.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Put it in the place of state that is there.")
@loaded_options(*LOG_SETTINGS, "log_level")
def import_(*, file: Path, force: bool, loaded: Loaded) -> None:
    """Put the state in FILE onto the log: SQLite or Kafka, of any number of partitions.

    Each symbol goes on from there with whatever comes next; candles that it has taken in already are skipped. No consumer may run
    meanwhile; one that does is noticed. Symbols of which the log has other state already are refused. Twice is the same as once:
    where it was broken off, do it again. A consumer with other engine settings can't use it.
    """
    from . import file as state_file  # noqa: PLC0415  # River takes a second to import
    from .transfer import Import  # noqa: PLC0415

    states = state_file.read_state_file(file)
    log = quiet_log_of(loaded, must_exist=False)
    task = Import(states, loaded.settings.session_timeout_s + _REBALANCE_S, force=force)

    async def put() -> int:
        async with log:
            return await task.run(log)

    partitions = asyncio.run(put())
    click.echo(f"the state of {len(states)} symbols is there, in {partitions} of the log's partitions")

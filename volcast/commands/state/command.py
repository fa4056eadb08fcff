"""`volcast state show`, `export` and `import`: the state of the engines on a log, and its transfer to another log."""

import asyncio
from pathlib import Path

import click
from rich.console import Console

from volcast.cli.options import loaded_options
from volcast.cli.outputs import STANDARD_OUTPUT
from volcast.cli.tables import counted
from volcast.cli.wiring.pipeline import LOG_SETTINGS, create_quiet_log
from volcast.settings.sources import Loaded

_REBALANCE_S = 5
"""Time that a consumer group needs to assign partitions, on top of the session timeout of a dead member."""


@click.group("state")
def command() -> None:
    """Show, export or import the state of the engines."""


@command.command("show", short_help="Show the state by partition and symbol.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object for each partition.")
@loaded_options(*LOG_SETTINGS, "log_level", "log_format")
def show_command(*, as_json: bool, loaded: Loaded) -> None:
    """Show the state on the log by partition and symbol; a running consumer is not disturbed.

    `position` is the offset of the next candle to process, `replay from` the offset at which a starting consumer begins to read,
    and `behind` the number of records that a symbol's snapshot may lack. A symbol without a line has no snapshot yet. The output
    is a table on a terminal, and tab-separated lines elsewhere.
    """
    from . import show as state_show  # noqa: PLC0415  # River takes a second to import

    log = create_quiet_log(loaded)

    async def show() -> None:
        async with log:
            partitions = state_show.report_state(await log.peek())
        if as_json:
            click.echo(state_show.state_as_json(partitions))
        else:
            state_show.show_state(partitions, Console())

    asyncio.run(show())


@command.command("export", short_help="Write the state to a file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@loaded_options(*LOG_SETTINGS, "log_level", "log_format")
def export(*, file: Path, force: bool, loaded: Loaded) -> None:
    """Write the state of all symbols, as of the last commit, to FILE; `-` is standard output.

    Candles that are newer than a snapshot are replayed to complete it. A running consumer is not disturbed; to move to another
    log, stop it first, because FILE does not contain what it does later.
    """
    from volcast.cli.main import UserError  # noqa: PLC0415

    from . import file as state_file  # noqa: PLC0415
    from .transfer import current_shards, encode_snapshots  # noqa: PLC0415

    state_file.check_target(file, force=force)
    log = create_quiet_log(loaded)

    async def read() -> list[bytes]:
        async with log:
            shards = await current_shards(log)
        for partition, shard in shards.items():
            for symbol, why in shard.state.unusable.items():
                extent = "what is left of the log" if shard.is_cut else "the log"
                click.echo(f"{symbol}, partition {partition}: rebuilt from {extent}; its snapshot is unusable: {why}", err=True)
        return encode_snapshots(shards)

    snapshots = asyncio.run(read())
    if not snapshots:
        raise UserError("no state to export: nothing has been consumed from this log")
    size = state_file.write_state_file(file, snapshots)
    click.echo(f"{file}: state of {counted(len(snapshots), 'symbol')}, {size} bytes", err=file == STANDARD_OUTPUT)


@command.command("import", short_help="Write the state in a file to a log.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite existing state of the same symbols.")
@loaded_options(*LOG_SETTINGS, "log_level", "log_format")
def import_(*, file: Path, force: bool, loaded: Loaded) -> None:
    """Write the state in FILE, `-` for standard input, to the log: SQLite, or Kafka with any number of partitions.

    Each symbol continues from there with the next candle; candles that its state already contains are skipped. The import fails
    if a consumer is running, or if the log has other state of a symbol. An import that was interrupted can be repeated. A
    consumer with other engine settings cannot use the state.
    """
    from . import file as state_file  # noqa: PLC0415  # River takes a second to import
    from .transfer import StateImport  # noqa: PLC0415

    states = state_file.read_state_file(file)
    log = create_quiet_log(loaded, must_exist=False)
    state_import = StateImport(states, loaded.settings.session_timeout_s + _REBALANCE_S, force=force)

    async def write() -> int:
        async with log:
            return await state_import.run(log)

    partitions = asyncio.run(write())
    click.echo(f"imported the state of {counted(len(states), 'symbol')} into {counted(partitions, 'partition')}")

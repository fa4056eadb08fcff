"""`volcast logs list` and `volcast logs delete`: the logs in the user's data folder, where `volcast run` keeps them."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.cli.tables import counted, print_rows
from volcast.settings.sources import Loaded

if TYPE_CHECKING:
    from .folder import LogReport

_COLUMNS = ("log", "symbols", "candles", "last candle", "bytes", "changed", "in use", "problem")
_MAX_SYMBOLS = 3


@click.group("logs")
def command() -> None:
    """List or delete the logs in the data folder."""


@command.command("list", short_help="List the logs with what they contain.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object for each log.")
@loaded_options("log_level", "log_format")
def list_logs(*, as_json: bool, loaded: Loaded) -> None:
    """List the logs that `volcast run` has left in the user's data folder: one for each source and set of engine settings.

    The output is a table on a terminal, and tab-separated lines elsewhere. `volcast serve --bus sqlite:////PATH` serves what a
    log contains; `volcast logs delete` deletes it.
    """
    import msgspec  # noqa: PLC0415  # not needed by --help

    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # as above

    from .folder import describe_log, find_logs  # noqa: PLC0415  # River takes a second to import

    configure_quietly(loaded)
    folder = data_folder()

    async def describe() -> "list[LogReport]":
        return [await describe_log(path, loaded.settings) for path in find_logs(folder)]

    reports = asyncio.run(describe())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(reports), indent=2).decode())
        return
    if reports:
        print_rows(_COLUMNS, map(_cells, reports), Console())
    total = sum(report.bytes for report in reports)
    click.echo(f"{counted(len(reports), 'log')} in {folder}, {counted(total, 'byte')}", err=True)


@command.command("delete", short_help="Delete logs.")
@click.argument("names", metavar="[LOG]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Delete all logs in the data folder.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete(*, names: tuple[str, ...], every: bool, yes: bool) -> None:
    """Delete logs in the user's data folder by their names, as `volcast logs list` prints them.

    The candles, signals and state in them are lost; files of candles are not touched. A log that a process is using is not
    deleted, nor are the others then.
    """
    if every == bool(names):
        raise UserError("give the names of logs, or --all")

    from .folder import delete_logs, find_logs, named_logs, size_of  # noqa: PLC0415  # River takes a second to import

    folder = data_folder()
    paths = find_logs(folder) if every else named_logs(folder, names)
    if not paths:
        click.echo(f"no logs in {folder}")
        return
    for path in paths:
        click.echo(f"{path}: {counted(size_of(path), 'byte')}")
    if not yes:
        if not sys.stdin.isatty():
            raise UserError("standard input is not a terminal: use --yes to delete without confirmation")
        if not click.confirm(f"Delete {counted(len(paths), 'log')}?"):
            click.echo("nothing was deleted")
            return
    delete_logs(paths)
    click.echo(f"deleted {counted(len(paths), 'log')}")


def data_folder() -> Path:
    """Return the folder of the logs of `volcast run` without --db."""
    import platformdirs  # noqa: PLC0415  # not needed by --help

    return platformdirs.user_data_path("volcast")


def _cells(report: "LogReport") -> tuple[str, ...]:
    symbols = report.symbols or []
    others = f" and {len(symbols) - _MAX_SYMBOLS} more" if len(symbols) > _MAX_SYMBOLS else ""
    cells = (
        report.name,
        " ".join(symbols[:_MAX_SYMBOLS]) + others,
        report.candles,
        report.last_candle,
        report.bytes,
        report.changed,
        "yes" if report.in_use else "no",
        report.problem,
    )
    return tuple("" if cell is None else str(cell) for cell in cells)

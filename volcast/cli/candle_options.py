"""Options of all commands that read candle files, for what cannot be told from the files: --columns, --timezone, --time-unit."""

import functools
from typing import TYPE_CHECKING, Any, get_args

import click

from volcast.candle_files.contract import ROLES, FileOptions, TimeUnit

if TYPE_CHECKING:
    from .options import Command  # the settings, which that module reads, take longer to import than a small file to read


class ColumnsParam(click.ParamType[tuple[tuple[str, str], ...]]):
    """Pairs of a role and a column's name or number, separated by commas; a name with a comma can't be given, its number can."""

    name = "time=NAME,close=NAME,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[tuple[str, str], ...]:
        """Return the pairs."""
        if isinstance(value, tuple):
            return value
        pairs: dict[str, str] = {}
        for part in str(value).split(","):
            role, equals, name = part.partition("=")
            role = role.strip().lower()
            if not equals or role not in ROLES or not name.strip():
                expected = f"ROLE=NAME is expected, with a role out of {', '.join(ROLES)}, as in time=Date,volume=7"
                self.fail(f"{part!r} does not name a column: {expected}.", param, ctx)
            if role in pairs:
                self.fail(f"{role} is given twice.", param, ctx)
            pairs[role] = name.strip()
        if len(set(pairs.values())) < len(pairs):
            self.fail(f"{value!r} gives one column two roles.", param, ctx)
        return tuple(pairs.items())


def candle_options(command: "Command") -> "Command":
    """Add --columns, --timezone and --time-unit; the command receives them as `options: FileOptions`."""

    @functools.wraps(command)
    def with_options(*, columns: tuple[tuple[str, str], ...], timezone: str, time_unit: TimeUnit | None, **given: Any) -> Any:
        return command(options=FileOptions(columns, timezone, time_unit), **given)

    decorated: Command = with_options
    for option in (
        click.option(
            "--time-unit",
            type=click.Choice(get_args(TimeUnit)),
            help="Unit of times that are numbers since 1970.  [default: by the number of their digits]",
        ),
        click.option(
            "--timezone",
            metavar="ZONE",
            default="",
            help="Zone of the times, for files that do not name it, as in Europe/Berlin.  [default: UTC]",
        ),
        click.option(
            "--columns",
            type=ColumnsParam(),
            default=(),
            help="Columns of files that are not recognized, by name, or by number from 1; roles: " + ", ".join(ROLES) + ".",
        ),
    ):
        decorated = option(decorated)
    return decorated

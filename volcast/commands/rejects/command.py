"""`volcast rejects list` and `replay_command`: what was not taken, and why; and to send it again once that has been changed."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.cli.wiring import LOG_SETTINGS, quiet_log_of
from volcast.core.codec import Reason
from volcast.settings.sources import Loaded

MAX_LIMIT = 10_000
_ON_A_TERMINAL = 100


@click.group("rejects")
def command() -> None:
    """What was not taken, and why; list it, or send it again."""


def _which(command: Callable[..., Any]) -> Callable[..., Any]:
    """--symbol and --reason."""
    reasons = click.Choice([reason.value for reason in Reason])
    command = click.option("--reason", type=reasons, metavar="REASON", help=f"Only these: {', '.join(Reason)}.")(command)
    return click.option("--symbol", metavar="SYMBOL", help="Only those of this symbol, or under its key.")(command)


@command.command("list", short_help="What was not taken, and why.")
@_which
@click.option(
    "--limit", type=click.IntRange(1, MAX_LIMIT), help=f"The last N of each partition; on a terminal {_ON_A_TERMINAL}, else all."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, with the original bytes.")
@loaded_options(*LOG_SETTINGS, "log_level")
def list_(*, symbol: str | None, reason: str | None, limit: int | None, as_json: bool, loaded: Loaded) -> None:
    """List the records of candles that were not taken: where they stand there, whose they are, the reason, where they come from.

    On a terminal it is a table; elsewhere a line for each, with tabs between the columns. The newest of a partition comes last.
    With --json, `key` and `value` are the original bytes in base64, and `text` is the value where it can be printed.
    """
    from .list import Listing  # noqa: PLC0415  # not needed by --help
    from .read import RejectFilter  # noqa: PLC0415

    log = quiet_log_of(loaded)
    console = Console()
    if console.is_terminal and not as_json:
        limit = limit or _ON_A_TERMINAL
    listing = Listing(RejectFilter(symbol, reason), limit, console, as_json=as_json)

    async def show() -> None:
        async with log:
            await listing.show(log)

    asyncio.run(show())


@command.command("replay", short_help="Append it to candles again.")
@_which
@click.option("--partition", type=click.IntRange(0), help="Only those of this partition of candles.")
@click.option("--offset", type=click.IntRange(0), help="Only the one at this offset; goes with --partition.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@loaded_options(*LOG_SETTINGS, "append_records", "log_level")
def replay_command(
    *, symbol: str | None, reason: str | None, partition: int | None, offset: int | None, yes: bool, loaded: Loaded
) -> None:
    """Append what was not taken to candles again, key and value as they were, after price_decimals or max_symbols was changed.

    It says first how many of which reason, and asks. What stands there several times is sent once; what was too large to be
    kept whole is left out. A candle that is older than the last one taken of its symbol is skipped as late, or as a duplicate;
    what is still no good is rejected again. So to replay twice does no harm.
    """
    from .read import RejectFilter  # noqa: PLC0415  # not needed by --help
    from .replay import RejectReplay  # noqa: PLC0415

    if offset is not None and partition is None:
        raise UserError("--offset goes with --partition: an offset is one of a partition")
    log = quiet_log_of(loaded)
    replay_command = RejectReplay(RejectFilter(symbol, reason, partition, offset), loaded.settings.append_records)

    async def send() -> None:
        async with log:
            await replay_command.look(log)
            if not replay_command.wanted:
                return
            if not yes and not _confirmed():
                click.echo("nothing was sent")
                return
            await replay_command.send(log)

    asyncio.run(send())


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise UserError("nobody is there to be asked: say --yes to send them")
    return click.confirm("Send them?")

"""`volcast rejects list` and `replay`: list the records that the consumer rejected, or append them to `candles` again."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.cli.wiring.pipeline import LOG_SETTINGS, create_quiet_log
from volcast.core.codec import Reason
from volcast.settings.sources import Loaded

MAX_LIMIT = 10_000
_TERMINAL_LIMIT = 100


@click.group("rejects")
def command() -> None:
    """List rejected candles, or replay them."""


def _filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options --symbol and --reason."""
    reasons = click.Choice([reason.value for reason in Reason])
    command = click.option(
        "--reason", type=reasons, metavar="REASON", help=f"Only rejects with this reason: {', '.join(Reason)}."
    )(command)
    return click.option("--symbol", metavar="SYMBOL", help="Only rejects of this symbol, or with it as the key.")(command)


@command.command("list", short_help="List the rejects with their reasons.")
@_filter_options
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    help=f"Only the last N of each partition.  [default: {_TERMINAL_LIMIT} on a terminal, else all]",
    metavar="N",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, with the original bytes.")
@loaded_options(*LOG_SETTINGS, "log_level", "log_format")
def list_rejects(*, symbol: str | None, reason: str | None, limit: int | None, as_json: bool, loaded: Loaded) -> None:
    """List the records of the topic `candles` that were rejected: partition, offset, symbol, reason and source.

    The output is a table on a terminal, and tab-separated lines elsewhere; the newest reject of a partition comes last. With
    --json, `key` and `value` are the original bytes in base64, and `text` is the value if it is printable.
    """
    from .list import RejectListing  # noqa: PLC0415  # not needed by --help
    from .read import RejectFilter  # noqa: PLC0415

    log = create_quiet_log(loaded)
    console = Console()
    if console.is_terminal and not as_json:
        limit = limit or _TERMINAL_LIMIT
    listing = RejectListing(RejectFilter(symbol, reason), limit, console, as_json=as_json)

    async def show() -> None:
        async with log:
            await listing.show(log)

    asyncio.run(show())


@command.command("replay", short_help="Append rejects to the topic `candles` again.")
@_filter_options
@click.option("--partition", type=click.IntRange(0), help="Only rejects of this partition.")
@click.option("--offset", type=click.IntRange(0), help="Only the reject at this offset; requires --partition.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@loaded_options(*LOG_SETTINGS, "append_records", "log_level", "log_format")
def replay_rejects(
    *, symbol: str | None, reason: str | None, partition: int | None, offset: int | None, yes: bool, loaded: Loaded
) -> None:
    """Append rejects to the topic `candles` again, for example after price_decimals or max_symbols was changed.

    Keys and values are unchanged. The command prints how many rejects it will send, by reason, and asks for confirmation. A
    record that was rejected several times is sent once; one that was too large to be stored completely is not sent. The consumer
    skips a candle that is older than the last one of its symbol and rejects what is still invalid, so replaying twice is safe.
    """
    from .read import RejectFilter  # noqa: PLC0415  # not needed by --help
    from .replay import RejectReplay  # noqa: PLC0415

    if offset is not None and partition is None:
        raise UserError("--offset requires --partition")
    log = create_quiet_log(loaded)
    replay = RejectReplay(RejectFilter(symbol, reason, partition, offset), loaded.settings.append_records)

    async def send() -> None:
        async with log:
            await replay.scan(log)
            if not replay.pending:
                return
            if not yes and not _confirmed():
                click.echo("nothing was sent")
                return
            await replay.send(log)

    asyncio.run(send())


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise UserError("standard input is not a terminal: use --yes to send without confirmation")
    return click.confirm("Send them?")

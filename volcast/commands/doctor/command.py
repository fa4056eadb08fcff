"""`volcast doctor`: check whether a venue can be streamed from this machine, with a line of output for each check."""

import asyncio
import sys
from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.cli.params import VenueParam
from volcast.cli.tables import counted, printable
from volcast.cli.wiring.live import ENDPOINT_SETTINGS, open_venue
from volcast.settings.sources import Loaded

if TYPE_CHECKING:
    from producer.doctor.check import CheckResult
    from producer.feeds.contract import Feed, Pair
    from volcast.settings.schema import Settings

_FAILED = 1
_USD_VENUES = ("coinbase", "kraken", "bitstamp")
"""Venues whose busiest market is BTC-USD; at the others it is BTC-USDT."""
_COLORS = {"ok": "green", "warning": "yellow", "FAILED": "red"}


@click.command("doctor")
@click.option("--live", "feed", metavar="VENUE", type=VenueParam(), help="Venue to check.")
@click.argument("symbol", metavar="[SYMBOL]", required=False)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait for a minute to close, and compare its candle with the one over REST.",
)
@loaded_options(*ENDPOINT_SETTINGS, "log_level", "log_format")
def command(*, feed: "Feed | None", symbol: str | None, wait: bool, loaded: Loaded) -> None:
    """Check whether a venue can be streamed from this machine: DNS, TLS, REST, clock, past candles, and the stream itself.

    It takes up to three minutes, writes nothing, and exits with code 1 if a check failed. Without SYMBOL it checks the busiest
    market of the venue.
    """
    if feed is None:
        raise UserError("no venue given: use --live VENUE, as in `volcast doctor --live binance BTCUSDT`")
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help

    configure_quietly(loaded)
    results = asyncio.run(_examine(feed, _pair(feed, symbol), loaded.settings, wait=wait))
    failures = [result for result in results if result.status.value == "FAILED"]
    if failures:
        failed = f"{len(failures)} of {counted(len(results), 'check')} failed"
        click.echo(f"{failed}; `volcast produce live {feed.name}` would not work well from here")
        raise click.exceptions.Exit(_FAILED)
    click.echo(f"no check failed; `volcast produce live {feed.name} SYMBOL...` should work from here")


async def _examine(
    feed: "Feed", pair: "Pair", settings: "Settings", *, wait: bool, wall: Callable[[], float] = time
) -> "list[CheckResult]":
    from producer.doctor.examine import Target, examine  # noqa: PLC0415  # not needed by --help

    results: list[CheckResult] = []
    spinner = _Spinner()

    def report(result: "CheckResult") -> None:
        results.append(result)
        spinner.hide()
        _print(result)

    click.echo(f"{feed.name}, {feed.spelling(pair)} (by the venue's documentation of {feed.limits.verified_on})")
    async with open_venue(feed, settings, wall) as (endpoint, rest):
        target = Target(feed, pair, endpoint, rest, settings.rest_url or feed.rest_url)
        try:
            await examine(target, report, wait=wait, progress=spinner.show)
        finally:
            spinner.hide()
    return results


def _pair(feed: "Feed", symbol: str | None) -> "Pair":
    """Return the pair to check. Raises UserError if the venue cannot have it."""
    from producer.symbols import parse_pair  # noqa: PLC0415  # not needed by --help

    try:
        pair = parse_pair(symbol or ("BTC-USD" if feed.name in _USD_VENUES else "BTC-USDT"))
        feed.spelling(pair)
    except ValueError as error:
        raise UserError(str(error)) from None
    return pair


def _print(result: "CheckResult") -> None:
    status = click.style(f"{result.status.value:<8}", fg=_COLORS[result.status.value])
    click.echo(f"{status} {result.check:<14} {printable(result.found)}")
    if result.advice:
        click.echo(f"{'':23} → {result.advice}")


class _Spinner:
    """A spinner with a text that says what is being waited for, on a terminal only."""

    def __init__(self) -> None:
        console = Console(file=sys.stderr)
        self._status = console.status("") if console.is_terminal and sys.stdout.isatty() else None

    def show(self, text: str) -> None:
        """Show the spinner with this text."""
        if self._status:
            self._status.update(Text(text))
            self._status.start()

    def hide(self) -> None:
        """Remove the spinner."""
        if self._status:
            self._status.stop()

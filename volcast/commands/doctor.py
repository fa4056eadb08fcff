"""`volcast doctor`: whether the live mode will work from here, a line for each thing that was looked at."""

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
from volcast.cli.tables import printable
from volcast.cli.wiring_live import PLACE_SETTINGS, reach
from volcast.settings.sources import Loaded

if TYPE_CHECKING:
    from producer.doctor.check import CheckResult
    from producer.feeds.contract import Feed, Pair
    from volcast.settings.schema import Settings

_FAILED = 1
_IN_DOLLARS = ("coinbase", "kraken", "bitstamp")
"""Their busiest market is BTC-USD; the others' is BTC-USDT."""
_COLORS = {"ok": "green", "warning": "yellow", "FAILED": "red"}


@click.command("doctor")
@click.option("--live", "feed", metavar="VENUE", type=VenueParam(), help="The venue whose live candles are wanted.")
@click.argument("symbol", metavar="[SYMBOL]", required=False)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait for a minute to close, and compare its candle with the venue's own.",
)
@loaded_options(*PLACE_SETTINGS, "log_level")
def command(*, feed: "Feed | None", symbol: str | None, wait: bool, loaded: Loaded) -> None:
    """See whether a venue's live candles can be had from here: names, addresses, clock, candles of the past, the stream.

    It takes three minutes, writes nothing anywhere, and ends with code 1 if anything failed. Without a SYMBOL it looks at the
    venue's busiest market.
    """
    if feed is None:
        raise UserError("which venue? Say --live VENUE, as in `volcast doctor --live binance BTCUSDT`")
    from volcast.cli.log_format import configure  # noqa: PLC0415  # not needed by --help

    settings = loaded.settings
    quiet = loaded.origins["log_level"] == "default"
    configure("warning" if quiet else settings.log_level, secrets=settings.secrets())
    findings = asyncio.run(_examine(feed, _pair(feed, symbol), settings, wait=wait))
    failures = [finding for finding in findings if finding.verdict.value == "FAILED"]
    if failures:
        click.echo(f"{len(failures)} of {len(findings)} checks failed: `volcast produce live {feed.name}` would not work well.")
        raise click.exceptions.Exit(_FAILED)
    click.echo(f"Nothing failed: `volcast produce live {feed.name} SYMBOL…` should work from here.")


async def _examine(
    feed: "Feed", pair: "Pair", settings: "Settings", *, wait: bool, wall: Callable[[], float] = time
) -> "list[CheckResult]":
    from producer.doctor.examine import Target, examine  # noqa: PLC0415  # not needed by --help

    findings: list[CheckResult] = []
    spinner = _Spinner()

    def tell(finding: "CheckResult") -> None:
        findings.append(finding)
        spinner.hush()
        _print(finding)

    click.echo(
        f"{feed.name}, {feed.spelling(pair)}: what is known of it is from its documents, read on {feed.limits.verified_on}."
    )
    async with reach(feed, settings, wall) as (place, rest):
        patient = Target(feed, pair, place, rest, settings.rest_url or feed.rest_url)
        try:
            await examine(patient, tell, wait=wait, say=spinner.say)
        finally:
            spinner.hush()
    return findings


def _pair(feed: "Feed", symbol: str | None) -> "Pair":
    """Raises UserError for one that the venue can't have."""
    from producer.symbols import parse_pair  # noqa: PLC0415  # not needed by --help

    try:
        pair = parse_pair(symbol or ("BTC-USD" if feed.name in _IN_DOLLARS else "BTC-USDT"))
        feed.spelling(pair)
    except ValueError as error:
        raise UserError(str(error)) from None
    return pair


def _print(finding: "CheckResult") -> None:
    verdict = click.style(f"{finding.verdict.value:<8}", fg=_COLORS[finding.verdict.value])
    click.echo(f"{verdict} {finding.check:<14} {printable(finding.seen)}")
    if finding.advice:
        click.echo(f"{'':23} → {finding.advice}")


class _Spinner:
    """What is being waited for: on a terminal, and only while nothing is said."""

    def __init__(self) -> None:
        console = Console(file=sys.stderr)
        self._status = console.status("") if console.is_terminal and sys.stdout.isatty() else None

    def say(self, text: str) -> None:
        """Begin to wait for something."""
        if self._status:
            self._status.update(Text(text))
            self._status.start()

    def hush(self) -> None:
        """The waiting is over."""
        if self._status:
            self._status.stop()

"""`volcast doctor`: check what the pipeline needs, or whether a venue can be streamed from here; a line for each check."""

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
from volcast.cli.tables import counted
from volcast.cli.wiring.api import API_SETTINGS
from volcast.cli.wiring.live import ENDPOINT_SETTINGS, open_venue
from volcast.cli.wiring.pipeline import LOG_SETTINGS
from volcast.settings.sources import Loaded

from .output import FAILED_STATUS, print_result, results_as_json, summary

if TYPE_CHECKING:
    from producer.doctor.check import CheckResult, Report
    from producer.feeds.contract import Feed, Pair
    from volcast.settings.schema import Settings

_FAILED = 1
_USD_VENUES = ("coinbase", "kraken", "bitstamp")
"""Venues whose busiest market is BTC-USD; at the others it is BTC-USDT."""
DOCTOR_SETTINGS = (*LOG_SETTINGS, *API_SETTINGS, "metrics_port", "workers", *ENDPOINT_SETTINGS, "log_level", "log_format")


@click.command("doctor")
@click.option("--live", "feed", metavar="VENUE", type=VenueParam(), help="Venue to check, instead of the pipeline.")
@click.argument("symbol", metavar="[SYMBOL]", required=False)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="With --live: wait for a minute to close, and compare its candle with the one over REST.",
)
@click.option("--prometheus", metavar="URL", help="Prometheus to ask for its targets, rules and clock.")
@click.option(
    "--timeout-s", type=click.FloatRange(0.5, 300), default=10.0, show_default=True, help="Seconds to wait for an answer."
)
@click.option("--json", "json_output", is_flag=True, help="Print JSON, for programs.")
@loaded_options(*DOCTOR_SETTINGS)
def command(
    *,
    feed: "Feed | None",
    symbol: str | None,
    wait: bool,
    prometheus: str | None,
    timeout_s: float,
    json_output: bool,
    loaded: Loaded,
) -> None:
    """Check what the pipeline needs: Python, libraries, ports, disk, clock, the log and its state, and Prometheus' targets.

    Each line is green, yellow or red, and says what to do. With --live it checks instead whether a venue can be streamed from
    here: DNS, TLS, REST, clock, past candles, and the stream itself, which takes up to three minutes; without SYMBOL on the
    busiest market. Nothing is changed. The exit code is 1 if a check failed.
    """
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help

    configure_quietly(loaded)
    results: list[CheckResult] = []

    def report(result: "CheckResult") -> None:
        results.append(result)
        if not json_output:
            print_result(result)

    if feed is None:
        if symbol is not None:
            raise UserError("a symbol needs a venue: use --live VENUE, as in `volcast doctor --live binance BTCUSDT`")
        from .pipeline import examine_pipeline  # noqa: PLC0415  # as above

        asyncio.run(examine_pipeline(loaded.settings, prometheus, timeout_s, report))
        works, works_not = "the pipeline can run", "the pipeline would not work well like this"
    else:
        asyncio.run(_examine(feed, _pair(feed, symbol), loaded.settings, report, wait=wait, quiet=json_output))
        works = f"`volcast produce live {feed.name} SYMBOL...` should work from here"
        works_not = f"`volcast produce live {feed.name}` would not work well from here"
    failures = [result for result in results if result.status.value == FAILED_STATUS]
    if json_output:
        click.echo(results_as_json(results))
    elif failures:
        click.echo(f"{len(failures)} of {counted(len(results), 'check')} failed; {works_not}")
    else:
        click.echo(summary(results, works))
    if failures:
        raise click.exceptions.Exit(_FAILED)


async def _examine(
    feed: "Feed",
    pair: "Pair",
    settings: "Settings",
    report: "Report",
    *,
    wait: bool,
    quiet: bool = False,
    wall: Callable[[], float] = time,
) -> None:
    """Report the results for a venue, with a spinner while it waits unless it is to be `quiet`."""
    from producer.doctor.examine import Target, examine  # noqa: PLC0415  # not needed by --help

    spinner = _Spinner(hidden=quiet)

    def report_below(result: "CheckResult") -> None:
        spinner.hide()
        report(result)

    if not quiet:
        click.echo(f"{feed.name}, {feed.spelling(pair)} (by the venue's documentation of {feed.limits.verified_on})")
    async with open_venue(feed, settings, wall) as (endpoint, rest):
        target = Target(feed, pair, endpoint, rest, settings.rest_url or feed.rest_url)
        try:
            await examine(target, report_below, wait=wait, progress=spinner.show)
        finally:
            spinner.hide()


def _pair(feed: "Feed", symbol: str | None) -> "Pair":
    """Return the pair to check. Raises UserError if the venue cannot have it."""
    from producer.symbols import parse_pair  # noqa: PLC0415  # not needed by --help

    try:
        pair = parse_pair(symbol or ("BTC-USD" if feed.name in _USD_VENUES else "BTC-USDT"))
        feed.spelling(pair)
    except ValueError as error:
        raise UserError(str(error)) from None
    return pair


class _Spinner:
    """A spinner with a text that says what is being waited for, on a terminal only."""

    def __init__(self, *, hidden: bool = False) -> None:
        console = Console(file=sys.stderr)
        self._status = console.status("") if console.is_terminal and sys.stdout.isatty() and not hidden else None

    def show(self, text: str) -> None:
        """Show the spinner with this text."""
        if self._status:
            self._status.update(Text(text))
            self._status.start()

    def hide(self) -> None:
        """Remove the spinner."""
        if self._status:
            self._status.stop()

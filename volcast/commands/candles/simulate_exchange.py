"""`volcast simulate-exchange`: run an exchange on this machine, to try the live mode without the internet."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import click

from volcast.cli.main import UserError
from volcast.core.types import MINUTE_MS

if TYPE_CHECKING:
    from volcast.simulation.exchange.faults import ExchangeFault

_VENUES = ("binance", "coinbase", "kraken", "bybit", "okx", "bitstamp")
_FAULTS_PER_HOUR = 30.0
_FAULTS_FOR_S = 30 * 86_400.0
"""For how long the exchange has faults: the length of the script."""
CA_FILE = Path("simulated-exchange-ca.pem")


@click.command("simulate-exchange")
@click.argument("venue", metavar="VENUE", type=click.Choice(_VENUES, case_sensitive=False))
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all addresses of the machine."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=9300, show_default=True, help="Port to listen on; 0 takes a free one."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the simulated market.")
@click.option(
    "--history-minutes",
    type=click.IntRange(0, 20_160),
    default=2_880,
    show_default=True,
    help="Minutes of candles before the start.",
)
@click.option(
    "--trades-per-minute",
    type=click.FloatRange(0.0, 10_000.0),
    default=12.0,
    show_default=True,
    help="Trades per minute of each symbol, on average.",
)
@click.option(
    "--faults/--no-faults",
    default=False,
    show_default=True,
    help="Disconnects, silence, garbage and more, about every two minutes.",
)
@click.option(
    "--tls", is_flag=True, help=f"Use wss and https, with a certificate authority of its own, which is written to {CA_FILE}."
)
def command(  # noqa: PLR0917  # click passes them by name
    venue: str,
    symbols: tuple[str, ...],
    host: str,
    port: int,
    seed: int,
    history_minutes: int,
    trades_per_minute: float,
    *,
    faults: bool,
    tls: bool,
) -> None:
    """Run a simulated exchange until Ctrl-C: the streams and the REST API of VENUE, with an invented market of these pairs.

    VENUE is binance, coinbase, kraken, bybit, okx or bitstamp. The command prints how to connect to the exchange and, with
    --faults, a line for each fault that affects a client.
    """
    from producer.symbols import parse_pair  # noqa: PLC0415  # not needed by --help
    from volcast.cli.services import run_services  # noqa: PLC0415  # as above
    from volcast.simulation.exchange.faults import make_script  # noqa: PLC0415  # as above
    from volcast.simulation.exchange.server import Exchange  # noqa: PLC0415  # as above

    try:
        pairs = list(dict.fromkeys(parse_pair(symbol) for symbol in symbols))
    except ValueError as error:
        raise UserError(str(error)) from None
    now_s = time.time()
    start_ms = (int(now_s * 1_000) // MINUTE_MS - history_minutes) * MINUTE_MS
    random = Random(seed)  # noqa: S311  # a seeded simulation
    script = make_script(venue, random, now_s, now_s + _FAULTS_FOR_S, _FAULTS_PER_HOUR, tls=tls) if faults else ()

    async def serve() -> None:
        exchange = Exchange(
            venue,
            pairs,
            seed=seed,
            start_ms=start_ms,
            script=script,
            trades_per_minute=trades_per_minute,
            tls=tls,
            host=host,
            port=port,
            on_fault=_print_fault,
        )
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(exchange)
            except OSError as error:
                reason = str(error.strerror).partition(" (")[0]
                raise UserError(f"cannot listen on {host}:{port}: {reason}; choose another with --port or --host") from error
            if tls:
                _write_ca_file(exchange.ca_pem)
            click.echo(f"simulated {venue} at {exchange.socket_url} and {exchange.rest_url}, until Ctrl-C; connect with:")
            authority = f" --ca-file {CA_FILE}" if tls else ""
            names = " ".join(base + quote for base, quote in pairs)
            urls = f"--socket-url {exchange.socket_url} --rest-url {exchange.rest_url}{authority}"
            click.echo(f"volcast run --live {venue} {names} {urls}")
            await run_services()

    asyncio.run(serve())


def _print_fault(fault: "ExchangeFault") -> None:
    duration = f" for {fault.for_s:.0f} s" if fault.for_s else ""
    click.echo(f"{time.strftime('%H:%M:%S', time.gmtime())} fault: {fault.kind.description}{duration}")


def _write_ca_file(ca_pem: bytes) -> None:
    try:
        CA_FILE.write_bytes(ca_pem)
    except OSError as error:
        raise UserError(f"cannot write {CA_FILE} to the current folder: {error.strerror}") from None

"""`volcast ask`: how likely is a price, is it touched, how much is at risk, by the latest forecast on the log."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import click

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.cli.wiring.pipeline import LOG_SETTINGS, create_quiet_log
from volcast.settings.sources import Loaded

NO_FORECAST = 1
_LISTED_SYMBOLS = 10


def _asks(name: str, metavar: str, text: str, **extra: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(f"--{name}", multiple=True, type=float, metavar=metavar, help=text, **extra)


@click.command("ask")
@click.argument("symbol")
@_asks("above", "PRICE", "How likely is a close above this price at the end of the horizon?")
@_asks("below", "PRICE", "How likely is a close below it?")
@_asks("between", "PRICE PRICE", "How likely is a close between these prices?", nargs=2)
@_asks("touch", "PRICE", "How likely is this price reached within the horizon, as by a stop or a take-profit?")
@_asks("var", "LEVEL", "Value at risk and expected shortfall at this level, as 0.99, of a long and of a short position.")
@_asks("interval", "LEVEL", "Between which prices is the close with this probability?")
@click.option(
    "--horizon", type=click.IntRange(1), metavar="MINUTES", help="A horizon of the setting horizons.  [default: the first]"
)
@click.option("--stale-ok", is_flag=True, help="Answer even if the forecast is not of now.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@loaded_options(*LOG_SETTINGS, "stale_after_s", "log_level", "log_format")
def command(
    *,
    symbol: str,
    above: tuple[float, ...],
    below: tuple[float, ...],
    between: tuple[tuple[float, float], ...],
    touch: tuple[float, ...],
    var: tuple[float, ...],
    interval: tuple[float, ...],
    horizon: int | None,
    stale_ok: bool,
    as_json: bool,
    loaded: Loaded,
) -> int:
    """Answer questions about the price of SYMBOL over the next hour, by the latest forecast on the log.

    Each option can be given several times. The answers say until when they hold. If the last candle is too old, or its horizon is
    over, there is no answer and the exit code is 1; --stale-ok answers nevertheless.
    """
    from api.clock import read_clocks  # noqa: PLC0415  # not needed by --help
    from api.outlook import NoOutlookError, StaleOutlookError, current_outlook  # noqa: PLC0415
    from volcast.core.forecast.distribution.questions import QuestionError  # noqa: PLC0415

    from .latest import Found, find_latest_signal  # noqa: PLC0415
    from .sentences import Questions, answers, as_object, circumstances  # noqa: PLC0415

    questions = Questions(above, below, between, touch, var, interval)
    if not any(questions):
        raise UserError("ask something: --above, --below, --between, --touch, --var or --interval")
    symbol = symbol.upper()
    log = create_quiet_log(loaded)

    async def read() -> Found:
        async with log:
            return await find_latest_signal(log, symbol, loaded.settings.stale_after_s, read_clocks())

    found = asyncio.run(read())
    if found.latest is None or found.status is None:
        raise UserError(_unknown(symbol, found.known))
    try:
        outlook = current_outlook(found.latest, found.status, read_clocks(), horizon, stale_ok=stale_ok)
        answered = answers(questions, found.latest.signal, outlook)
    except StaleOutlookError as error:
        click.echo(f"volcast: no answer: {error}; use --stale-ok to get one nevertheless", err=True)
        return NO_FORECAST
    except (NoOutlookError, QuestionError) as error:
        raise UserError(str(error)) from None
    signal = found.latest.signal
    if as_json:
        click.echo(json.dumps(as_object(answered, signal, outlook), indent=2))
        return 0
    for answer in answered:
        click.echo(answer.sentence)
    for line in circumstances(signal, outlook):
        click.echo(line)
    return 0


def _unknown(symbol: str, known: list[str]) -> str:
    listed = ", ".join(known[:_LISTED_SYMBOLS]) + (
        f" and {len(known) - _LISTED_SYMBOLS} more" if len(known) > _LISTED_SYMBOLS else ""
    )
    return f"no signal for {symbol!r:.60}; symbols with a signal: {listed or 'none yet'}"

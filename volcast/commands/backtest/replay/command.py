"""`volcast replay`: what would another model, or would other settings, have said about the candles on a log?"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.cli.outputs import check_ending, check_writable
from volcast.cli.params import TimeParam
from volcast.cli.streams import tell
from volcast.cli.wiring.pipeline import ENGINE_SETTINGS, LOG_SETTINGS, create_quiet_log, engine_config, load_prior
from volcast.log.contract import Log
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded

if TYPE_CHECKING:
    from consumer.rules import Rules

    from .read import Span

_DAY_MS = 86_400_000
_FOREVER_MS = 2**53


@click.command("replay")
@click.option("--symbol", "symbols", multiple=True, metavar="SYMBOL", help="Only this symbol; may be repeated.  [default: all]")
@click.option("--from", "from_ms", type=TimeParam(), metavar="TIME", help="Compare signals from this time on, UTC.")
@click.option("--to", "to_ms", type=TimeParam(), metavar="TIME", help="Compare signals before this time, UTC.")
@click.option(
    "--history-days",
    type=click.FloatRange(0),
    metavar="NUMBER",
    help="Days of candles before --from with which the engines warm up.  [default: all that the log has]",
)
@click.option("--json", "json_file", metavar="OUT.json", type=click.Path(path_type=Path), help="Write the comparison as JSON.")
@loaded_options(*ENGINE_SETTINGS, *LOG_SETTINGS, "max_symbols", "allowed_symbols", "log_level", "log_format")
def command(
    *,
    symbols: tuple[str, ...],
    from_ms: int | None,
    to_ms: int | None,
    history_days: float | None,
    json_file: Path | None,
    loaded: Loaded,
) -> None:
    """Run the candles on the log through fresh engines, with other settings or another model, and compare with the live signals.

    What would version B have said last week? Candles are read from the topic `candles`, the live signals from `signals`. Nothing
    is written to the log: no state, no consumer group, no transaction, and live consumers go on undisturbed. With the settings of
    the live consumer and all its candles, every signal comes out the same, byte for byte.
    """
    from .read import Span  # noqa: PLC0415  # River takes a second to import

    check_ending("--json", json_file, ".json")
    check_writable(json_file)
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise UserError("--to must be later than --from")
    if history_days is not None and from_ms is None:
        raise UserError("--history-days counts from --from: give --from, too")
    start_ms = from_ms or 0
    history_ms = 0 if history_days is None else max(start_ms - int(history_days * _DAY_MS), 0)
    horizon = max(loaded.settings.horizons)
    span = Span(tuple(map(str.upper, symbols)), history_ms, start_ms, _FOREVER_MS if to_ms is None else to_ms, horizon)
    log = create_quiet_log(loaded)
    asyncio.run(_run(log, _rules(loaded.settings), span, json_file))


def _rules(settings: Settings) -> "Rules":
    """Return the consumer's rules by the settings; a model needs no state here, because no snapshot falls due."""
    from consumer.rules import Rules  # noqa: PLC0415  # as above
    from volcast.core.decoder import Decoder  # noqa: PLC0415

    from .read import NEVER  # noqa: PLC0415

    prior = load_prior(settings)
    decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
    allowed = tuple(sorted(settings.allowed_symbols))
    return Rules(engine_config(settings, prior), decoder, settings.max_symbols, NEVER, prior, allowed)


async def _run(log: Log, rules: "Rules", span: "Span", json_file: Path | None) -> None:
    from .read import LogReplay, live_settings, replay_log  # noqa: PLC0415  # as above
    from .show import show  # noqa: PLC0415

    found = LogReplay(span)
    async with log:
        tell("reading the log")
        live = await live_settings(log)
        await replay_log(log, rules, found)
    show(found, rules.settings, live, json_file)

"""`volcast fit-prior`: learn a prior, from which the forecaster of a new symbol starts, on candles of other symbols or years."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.atomic_file import check_targets
from volcast.candle_files.contract import FileOptions
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.candle_options import candle_options
from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.cli.outputs import STANDARD_OUTPUT, check_ending, output
from volcast.cli.params import TimeParam
from volcast.cli.wiring.backtest import backtest_signals, create_backtest, files_argument, replays_by_symbol, symbols_option
from volcast.core.types import MINUTE_MS
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from producer.csv_replay import CsvReplay
    from volcast.core.forecast.prior import Prior

_MIN_CANDLES = 7 * 1_440
"""A week, so that all of its hours were seen. A good prior takes months."""


@click.command("fit-prior")
@files_argument
@candle_options
@click.option("--out", metavar="PRIOR.json", required=True, type=click.Path(path_type=Path), help="File to write the prior to.")
@symbols_option
@click.option("--from", "from_ms", type=TimeParam(), metavar="TIME", help="Learn from this time, UTC.")
@click.option("--to", "to_ms", type=TimeParam(), metavar="TIME", help="Learn up to this time, exclusive, UTC.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="NUMBER",
    help="Learn on this share of each symbol's time, from its beginning (0.4: the first 40 %).",
)
@settings_options("horizons", "interval_level", "model", "price_decimals", "price_decimals_by_symbol")
def command(
    *,
    files: tuple[Path, ...],
    out: Path,
    symbols: tuple[str, ...],
    from_ms: int | None,
    to_ms: int | None,
    share: float | None,
    options: FileOptions,
    settings: Settings,
) -> None:
    """Learn what symbols have in common (coefficients, time-of-day patterns, calibration) and write it as a prior.

    The model is fitted to each symbol alone, without a prior; the result is the mean over the symbols. With `--prior PRIOR.json`,
    other commands start new symbols from it, for the horizons, the model and the interval level that it was learned with. Never
    score forecasts on candles that their prior was learned on.
    """
    from volcast.backtest.mean_prior import mean_prior  # noqa: PLC0415  # River takes a second to import
    from volcast.core.forecast.prior import encode_prior  # noqa: PLC0415

    if share is not None and (from_ms, to_ms) != (None, None):
        raise UserError("--share cannot be combined with --from or --to")
    check_targets((out,), files)
    check_ending("--out", out, ".json")
    to_stdout = out == STANDARD_OUTPUT
    learned: list[Prior] = []
    with output(out) as file:
        for symbol, sources in replays_by_symbol(files, symbols, options).items():
            before_ms = _end_of_share(sources, share) if share is not None else to_ms
            learned.append(_learned(settings, symbol, sources, from_ms or 0, before_ms))
            click.echo(f"learned on {learned[-1].source}", err=to_stdout)
        prior = mean_prior(learned, "; ".join(each.source for each in learned))
        file.write(encode_prior(prior).decode())
    click.echo(f"{out}: prior of {settings.model} for horizons of {', '.join(map(str, prior.learned))} minutes", err=to_stdout)


def _learned(settings: Settings, symbol: str, sources: "list[CsvReplay]", from_ms: int, before_ms: int | None) -> "Prior":
    """Learn the prior of one symbol, without a prior of its own, so that the result does not depend on another prior."""
    without_prior = settings.model_copy(update={"prior": "none"})
    engine, replay = create_backtest(without_prior, symbol, horizons=settings.horizons)
    first_ms = 0
    with backtest_signals(replay, sources, from_ms=from_ms, to_ms=before_ms) as signals:
        for signal in signals:
            first_ms = first_ms or signal.open_time_ms
    if replay.accepted < _MIN_CANDLES:
        needed = f"at least a week ({_MIN_CANDLES}) is needed, months are better"
        raise UserError(f"{symbol}: {replay.accepted} candles are too few to learn a prior from; {needed}")
    last_ms = engine.last_open_time_ms
    return engine.forecaster.learned(
        f"{symbol} {format_open_time(first_ms)} to {format_open_time(last_ms)}, {replay.accepted} candles"
    )


def _end_of_share(sources: "list[CsvReplay]", share: float) -> int:
    """Return the time at which the share ends, in milliseconds since 1970; missing minutes count, so gaps do not move it."""
    first_ms = min(source.summary.first_open_time_ms for source in sources)
    last_ms = max(source.summary.last_open_time_ms for source in sources)
    minutes = (last_ms - first_ms) // MINUTE_MS + 1
    return first_ms + int(minutes * share) * MINUTE_MS

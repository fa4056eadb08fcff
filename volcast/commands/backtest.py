"""`volcast backtest`: what production would have forecast after each candle of a file, to be judged by what then came."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.atomic_file import check_targets, writing
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.options import settings_options
from volcast.cli.wiring_backtest import engine_of, files_argument, of_one_symbol, replay_file, symbol_option
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from volcast.core.engine import Engine
    from volcast.core.types import Signal

FORECAST_COLUMNS = ("timestamp", "forecast", "median", "lower", "upper")


@click.command("backtest")
@files_argument
@click.option("--forecasts", metavar="OUT.csv", required=True, type=click.Path(path_type=Path), help="A row for each candle.")
@click.option(
    "--features", metavar="OUT.csv", type=click.Path(path_type=Path), help="What the model looked at, a row for each candle."
)
@symbol_option
@settings_options("horizons", "interval_level", "model", "prior", "price_decimals", "price_decimals_by_symbol")
def command(*, files: tuple[Path, ...], forecasts: Path, features: Path | None, symbol: str | None, settings: Settings) -> None:
    """Forecast after each candle of one symbol as production would have done at the time, and write the forecasts as CSV.

    \b
    timestamp              the candle's opening, UTC
    forecast               root of the variance expected over the first horizon
    median, lower, upper   of the realized volatility: its median, and its interval

    Several files are taken one after another, the oldest first. Each candle that is taken in has a row, from the first one on;
    what is not taken in is counted on standard error. A file whose name ends in .gz is gzipped.
    """  # noqa: D301  # \b is click's mark for lines that stay as they are
    check_targets((forecasts, features), files)
    name, sources = of_one_symbol(files, symbol)
    engine, replay = engine_of(settings, name, horizons=settings.horizons[:1])
    with ExitStack() as stack:
        write = stack.enter_context(writing(forecasts)).write
        write_features = stack.enter_context(writing(features)).write if features else None
        write(",".join(FORECAST_COLUMNS) + "\n")
        with replay_file(replay, sources) as signals:
            for signal in signals:
                write(forecast_row(signal))
                if write_features:
                    write_features("".join(feature_rows(engine, signal)))
    click.echo(f"{forecasts}: {replay.taken} forecasts of {name}")


def forecast_row(signal: "Signal") -> str:
    """Numbers with as many digits as tell them apart."""
    numbers = (signal.volatility, signal.volatility_median, signal.volatility_lower, signal.volatility_upper)
    return f"{format_open_time(signal.open_time_ms)},{','.join(map(repr, numbers))}\n"


def feature_rows(engine: "Engine", signal: "Signal") -> Iterator[str]:
    """Of the candle that was just taken in; before the first one the names."""
    from volcast.backtest.run import features_of  # noqa: PLC0415  # as in `backtesting`

    features = features_of(engine)
    if engine.candles == 1:
        yield f"{FORECAST_COLUMNS[0]},{','.join(features)}\n"
    yield f"{format_open_time(signal.open_time_ms)},{','.join(map(repr, features.values()))}\n"

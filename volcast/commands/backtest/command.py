"""`volcast backtest`: write the forecast that production would have made after each candle of CSV files."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.atomic_file import check_targets
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.options import settings_options
from volcast.cli.outputs import STANDARD_OUTPUT, check_ending, output
from volcast.cli.wiring.backtest import backtest_signals, create_backtest, files_argument, replays_of_one_symbol, symbol_option
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from volcast.core.engine import Engine
    from volcast.core.types import HorizonForecast, Signal

FORECAST_COLUMNS = ("forecast", "median", "lower", "upper")


@click.command("backtest")
@files_argument
@click.option(
    "--forecasts",
    metavar="OUT.csv",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV file of forecasts, a row for each candle; - is standard output.",
)
@click.option(
    "--features",
    metavar="OUT.csv",
    type=click.Path(path_type=Path),
    help="CSV file of the model's features, a row for each candle.",
)
@symbol_option
@settings_options("horizons", "interval_level", "model", "prior", "price_decimals", "price_decimals_by_symbol")
def command(*, files: tuple[Path, ...], forecasts: Path, features: Path | None, symbol: str | None, settings: Settings) -> None:
    """Write the forecast that production would have made after each candle of one symbol. The columns of the CSV file:

    \b
    timestamp              open time of the candle, UTC
    forecast               root of the expected variance over the first horizon
    median, lower, upper   median and interval of the realized volatility

    With --horizons 60,240 the columns forecast_240, median_240, lower_240 and upper_240 follow, for each horizon after the first.
    Several files are read one after another, the oldest first. Each accepted candle has a row, from the first one on; skipped
    rows are counted on standard error. A file whose name ends in .gz is gzipped.
    """  # noqa: D301  # \b keeps the line breaks of a paragraph in click's help
    check_targets((forecasts, features), files)
    check_ending("--forecasts", forecasts, ".csv")
    check_ending("--features", features, ".csv")
    name, sources = replays_of_one_symbol(files, symbol)
    engine, replay = create_backtest(settings, name, horizons=settings.horizons)
    with ExitStack() as stack:
        write = stack.enter_context(output(forecasts)).write
        write_features = stack.enter_context(output(features)).write if features else None
        write(forecast_header(settings.horizons))
        with backtest_signals(replay, sources) as signals:
            for signal in signals:
                write(forecast_row(signal))
                if write_features:
                    write_features("".join(feature_rows(engine, signal)))
    click.echo(f"{forecasts}: {replay.accepted} forecasts of {name}", err=STANDARD_OUTPUT in {forecasts, features})


def forecast_header(horizons: Sequence[int]) -> str:
    r"""Return the first line: four columns for the first horizon, and four with the horizon in their names for each other one.

    >>> forecast_header((60, 240))
    'timestamp,forecast,median,lower,upper,forecast_240,median_240,lower_240,upper_240\n'
    """
    further = (f"{column}_{horizon}" for horizon in horizons[1:] for column in FORECAST_COLUMNS)
    return ",".join(("timestamp", *FORECAST_COLUMNS, *further)) + "\n"


def forecast_row(signal: "Signal") -> str:
    """Return the row of a signal; the numbers have all the digits that are needed to read them back exactly."""
    numbers = [*_numbers(signal), *(number for each in signal.other_horizons for number in _numbers(each))]
    return f"{format_open_time(signal.open_time_ms)},{','.join(map(repr, numbers))}\n"


def _numbers(forecast: "Signal | HorizonForecast") -> tuple[float, float, float, float]:
    return forecast.volatility, forecast.volatility_median, forecast.volatility_lower, forecast.volatility_upper


def feature_rows(engine: "Engine", signal: "Signal") -> Iterator[str]:
    """Yield the row of features of the last accepted candle, preceded by the header if it is the first one."""
    from volcast.backtest.run import features_of  # noqa: PLC0415  # River takes a second to import

    features = features_of(engine)
    if engine.candles == 1:
        yield f"timestamp,{','.join(features)}\n"
    yield f"{format_open_time(signal.open_time_ms)},{','.join(map(repr, features.values()))}\n"

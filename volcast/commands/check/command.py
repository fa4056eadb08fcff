"""`volcast check lookahead` and `volcast check warmup`: the options of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from volcast.atomic_file import check_targets
from volcast.candle_files.contract import FileOptions
from volcast.cli.candle_options import candle_options
from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.cli.outputs import check_ending
from volcast.cli.params import ModelsParam
from volcast.cli.wiring.backtest import files_argument, symbol_option
from volcast.settings.schema import Settings

DEFAULT_CANDLES = 20_000
_TOLERANCE = 1e-6


@click.group("check")
def command() -> None:
    """Check forecasts on your own candles: do they know the future, and when do they no longer depend on where they began?"""


def _shared(default_candles: int | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the arguments and options of both commands."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            settings_options(
                *("window", "horizons", "interval_level", "quantile_levels", "model", "shadows", "prior", "drift_thresholds"),
                *("price_decimals", "price_decimals_by_symbol"),
            ),
            symbol_option,
            candle_options,
            click.option(
                "--json", "json_file", metavar="OUT.json", type=click.Path(path_type=Path), help="Write what was found as JSON."
            ),
            click.option(
                "--candles",
                type=click.IntRange(2),
                default=default_candles,
                metavar="N",
                help=f"Only the first N rows.  [default: {default_candles or 'all'}]",
            ),
            click.option(
                "--models",
                type=ModelsParam(),
                help="Models to check, as in backtest.  [default: those of the settings `model` and `shadows`]",
            ),
            files_argument,
        ):
            function = option(function)
        return function

    return decorate


@command.command("lookahead", short_help="Check that no forecast depends on later candles.")
@click.option("--cuts", type=click.IntRange(1, 100), default=5, show_default=True, metavar="N", help="Number of points.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N", help="Seed of the scrambling.")
@_shared(DEFAULT_CANDLES)
def lookahead(
    *,
    files: tuple[Path, ...],
    models: tuple[str, ...] | None,
    candles: int,
    json_file: Path | None,
    symbol: str | None,
    options: FileOptions,
    settings: Settings,
    cuts: int,
    seed: int,
) -> int:
    """Check that no forecast depends on later candles.

    All forecasts are made a second time, and again with the candles after some points cut off, and with these candles scrambled:
    up to each point they must stay what they were. Models of your own are watched while they run: a model that reads the files of
    the candles is found, too. The exit code is 1 if anything is found.
    """
    from .candles import candles_to_check  # noqa: PLC0415  # River takes a second to import
    from .lookahead import run_lookahead  # noqa: PLC0415

    _check_output(json_file, files)
    chosen = candles_to_check(files, symbol, models, settings, limit=candles, options=options)
    return run_lookahead(chosen, files, cuts, seed, json_file)


@command.command("warmup", short_help="Check how long forecasts depend on where the candles begin.")
@click.option("--starts", type=click.IntRange(1, 20), default=2, show_default=True, metavar="N", help="Number of later starts.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=_TOLERANCE,
    show_default=True,
    metavar="NUMBER",
    help="Largest relative difference of forecasts that agree.",
)
@_shared(None)
def warmup(
    *,
    files: tuple[Path, ...],
    models: tuple[str, ...] | None,
    candles: int | None,
    json_file: Path | None,
    symbol: str | None,
    options: FileOptions,
    settings: Settings,
    starts: int,
    tolerance: float,
) -> int:
    """Find out after how many candles forecasts no longer depend on where the candles began.

    Engines that start at different rows, the latest in the middle, are compared with one that starts at the first. Signal and
    rolling mean must become equal, forecasts must come to agree to the tolerance and stay so to the end. The exit code is 1 if
    they do not within these candles: models that learn for months do not within a week.
    """
    from .candles import candles_to_check  # noqa: PLC0415  # as above
    from .warmup import run_warmup  # noqa: PLC0415

    _check_output(json_file, files)
    return run_warmup(
        candles_to_check(files, symbol, models, settings, limit=candles, options=options), starts, tolerance, json_file
    )


def _check_output(json_file: Path | None, files: tuple[Path, ...]) -> None:
    check_targets((json_file,), files)
    check_ending("--json", json_file, ".json")
    if json_file and any(str(path) == "-" for path in files):
        raise UserError("- (standard input) cannot be checked, because the candles are read several times")

"""`volcast drift calibrate`: thresholds of the drift detectors for a wanted rate of false alarms."""

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
from volcast.cli.wiring.backtest import backtest_signals, create_backtest, replays_by_symbol, symbols_option
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from volcast.backtest.drift_calibration import AlarmCounter, CalibratedDetector
    from volcast.backtest.run import BacktestReplay

SEED = 14
_START_MS = 1_704_067_200_000
_COLUMNS = ("detector", "tier", "× shipped threshold", "alarms", "a symbol and month (95 %)", "alarms with shipped threshold")


@click.command("calibrate", short_help="Set thresholds for a wanted rate of false alarms.")
@click.argument("files", nargs=-1, metavar="[CANDLES]...", type=click.Path(path_type=Path))
@candle_options
@symbols_option
@click.option(
    "--alarms-per-month",
    type=click.FloatRange(0, 100, min_open=True),
    default=1.0,
    show_default=True,
    metavar="NUMBER",
    help="Wanted rate: at most so many false alarms of each detector, per symbol and month of 30 days.",
)
@click.option("--out", metavar="THRESHOLDS.json", required=True, type=click.Path(path_type=Path), help="File to write them to.")
@click.option(
    "--simulated",
    type=click.IntRange(1, 1_000),
    metavar="N",
    help="Measure on N simulated symbols in place of files; every alarm there is false.",
)
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=90, show_default=True, metavar="N", help="Days of each simulated symbol."
)
@settings_options("horizons", "interval_level", "model", "prior", "price_decimals", "price_decimals_by_symbol")
def calibrate_command(
    *,
    files: tuple[Path, ...],
    symbols: tuple[str, ...],
    alarms_per_month: float,
    out: Path,
    simulated: int | None,
    days: int,
    options: FileOptions,
    settings: Settings,
) -> None:
    """Set the thresholds of the drift detectors so that each has at most the wanted number of false alarms.

    All alarms count as false, also those on real candles, where nobody knows. The upper end of the interval of the rate (exact
    Poisson, 95 %) is at most the wanted rate: of each detector alone, so all of them together may alarm more often. Candles that
    are too few to show that are refused. The thresholds are chosen on the candles given: on other months the rate may be higher.
    The setting `drift_thresholds` uses the file. Minutes that are frozen, missing or suspect keep their thresholds.
    """
    from rich.console import Console  # noqa: PLC0415  # not needed by --help

    from volcast.backtest import drift_calibration  # noqa: PLC0415  # River takes a second to import
    from volcast.core.drift.thresholds import encode_thresholds  # noqa: PLC0415

    if bool(files) is (simulated is not None):
        raise UserError("give candle files, or --simulated N, and not both")
    check_targets((out,), files)
    check_ending("--out", out, ".json")
    with output(out) as file:
        if simulated is None:
            counters, source = _on_files(settings, files, symbols, options)
        else:
            counters, source = _on_simulator(settings, simulated, days)
        try:
            found = drift_calibration.calibrate(counters, alarms_per_month, independent=simulated is not None)
        except drift_calibration.CalibrationError as error:
            raise UserError(str(error)) from None
        months = sum(counter.minutes for counter in counters) / drift_calibration.MONTH_MINUTES
        made = (
            f"volcast drift calibrate --alarms-per-month {alarms_per_month:g} on {source}; {months:.1f} symbol-months "
            f"count; model {settings.model}, prior {settings.prior}, horizon {settings.horizons[0]}, "
            f"interval {settings.interval_level}. "
            "false_alarms_per_month: the upper end of the exact Poisson interval of 95 %, counting every alarm as false; "
            "thresholds and rates are of the same candles."
        )
        file.write(encode_thresholds(drift_calibration.calibrated_thresholds(found, made)).decode())
    _show(found, f"{source}: {months:.1f} symbol-months that count", Console(stderr=out == STANDARD_OUTPUT))


def _counting(settings: Settings, symbol: str) -> "tuple[AlarmCounter, BacktestReplay]":
    """Return a counter of alarms, and the replay that feeds it. Other horizons than the watched one are left out."""
    from volcast.backtest.drift_calibration import AlarmCounter  # noqa: PLC0415  # as above

    chosen = settings.model_copy(update={"drift_thresholds": "shipped"})
    engine, replay = create_backtest(chosen, symbol, horizons=settings.horizons[:1])
    engine.drift = counter = AlarmCounter()
    return counter, replay


def _on_files(
    settings: Settings, files: tuple[Path, ...], symbols: tuple[str, ...], options: FileOptions
) -> "tuple[list[AlarmCounter], str]":
    counters: list[AlarmCounter] = []
    sources = []
    for symbol, replays in replays_by_symbol(files, symbols, options).items():
        counter, replay = _counting(settings, symbol)
        first_ms = last_ms = 0
        with backtest_signals(replay, replays) as signals:
            for signal in signals:
                first_ms, last_ms = first_ms or signal.open_time_ms, signal.open_time_ms
        counters.append(counter)
        sources.append(f"{symbol} {format_open_time(first_ms)} to {format_open_time(last_ms)}")
    return counters, "; ".join(sources)


def _on_simulator(settings: Settings, count: int, days: int) -> "tuple[list[AlarmCounter], str]":
    from volcast.cli.progress import progress  # noqa: PLC0415  # as above
    from volcast.core.codec import CandleText  # noqa: PLC0415
    from volcast.simulation.market import simulate_candles  # noqa: PLC0415

    counters: list[AlarmCounter] = []
    with progress("simulated symbols", count, lambda: len(counters)):
        for symbol in (f"COIN{number}USDT" for number in range(count)):
            counter, replay = _counting(settings, symbol)
            candles = simulate_candles(symbol, minutes=days * 1_440, seed=SEED, start_ms=_START_MS)
            rows = (
                CandleText(symbol, *candle[:7], source="simulated", closed_by="file", line=line)
                for line, candle in enumerate(candles, start=2)
            )
            for _ in replay.signals(rows):
                pass
            counters.append(counter)
    return counters, f"{count} simulated symbols of {days} days (seed {SEED})"


def _show(found: "list[CalibratedDetector]", title: str, console: "Console") -> None:
    from volcast.cli.tables import print_rows  # noqa: PLC0415  # as above

    click.echo(title, err=console.stderr)
    rows = [
        (
            each.name,
            each.tier.value,
            "kept" if each.factor is None else f"{each.factor:g}",
            str(each.alarms),
            f"{each.low:.2f}–{each.high:.2f}",
            str(each.shipped_alarms),
        )
        for each in found
    ]
    print_rows(_COLUMNS, rows, console)

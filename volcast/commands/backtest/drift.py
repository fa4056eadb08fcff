"""`volcast drift report`: which drift alarms past candles would have raised, when, and on what evidence."""

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
from volcast.settings.schema import Settings

from .calibrate import calibrate_command

if TYPE_CHECKING:
    from rich.console import Console

    from volcast.backtest.drift import AlarmPeriod, DriftReport

_SETTINGS = ("horizons", "interval_level", "model", "prior", "price_decimals", "price_decimals_by_symbol")
_TIERS = ("page", "ticket", "info")
_COLUMNS = ("from", "until", "tier", "detector", "before", "after", "statistic", "threshold", "false alarms a month")


@click.group("drift")
def command() -> None:
    """Drift alarms: whether forecasts have lost their skill or calibration, and whether the data broke."""


command.add_command(calibrate_command)


@command.command("report", short_help="List the alarms that past candles would have raised.")
@files_argument
@candle_options
@symbols_option
@click.option("--from", "from_ms", type=TimeParam(), metavar="TIME", help="Read candles from this time on, UTC.")
@click.option("--to", "to_ms", type=TimeParam(), metavar="TIME", help="Read candles up to this time, exclusive, UTC.")
@click.option(
    "--tier", type=click.Choice(_TIERS), default="info", show_default=True, help="The least tier to list; --json has all."
)
@click.option("--json", "json_file", metavar="OUT.json", type=click.Path(path_type=Path), help="Write all alarms as JSON.")
@settings_options(
    "horizons", "interval_level", "model", "prior", "drift_thresholds", "price_decimals", "price_decimals_by_symbol"
)
def report(
    *,
    files: tuple[Path, ...],
    symbols: tuple[str, ...],
    from_ms: int | None,
    to_ms: int | None,
    tier: str,
    json_file: Path | None,
    options: FileOptions,
    settings: Settings,
) -> None:
    """List the drift alarms that past candles would have raised, and until when.

    The candles run through the production engine and all detectors. What a detector watches, before and after, is said below the
    table; the numbers are those at the beginning of the alarm. The last column is measured: the upper end of an interval of 95 %,
    on simulated and real markets. Of the settings' horizons the first is watched.
    """
    import msgspec  # noqa: PLC0415  # not needed by --help
    from rich.console import Console  # noqa: PLC0415  # as above

    from volcast.backtest.drift import report_drift  # noqa: PLC0415  # River takes a second to import

    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise UserError("--from must be earlier than --to")
    check_targets((json_file,), files)
    check_ending("--json", json_file, ".json")
    found: list[DriftReport] = []
    for symbol, sources in replays_by_symbol(files, symbols, options).items():
        engine, replay = create_backtest(settings, symbol, horizons=settings.horizons)
        with backtest_signals(replay, sources, from_ms=from_ms or 0, to_ms=to_ms) as signals:
            each = report_drift(engine.drift, signals)
        if each is not None:  # otherwise backtest_signals has refused the input
            found.append(each)
    if json_file is not None:
        with output(json_file) as file:
            file.write(msgspec.json.format(msgspec.json.encode({"symbols": found}), indent=1).decode() + "\n")
    console = Console(stderr=json_file == STANDARD_OUTPUT)
    for each in found:
        _show(each, _TIERS[: _TIERS.index(tier) + 1], console)


def _show(found: "DriftReport", tiers: tuple[str, ...], console: "Console") -> None:
    from volcast.cli.tables import print_rows  # noqa: PLC0415  # as above

    listed = [each for each in found.alarms if each.alarm.tier.value in tiers]
    first, last = format_open_time(found.first_open_time_ms), format_open_time(found.last_open_time_ms)
    rates = ", ".join(f"{rate:.2g} {tier.value}" for tier, rate in found.per_month.items())
    err = console.stderr
    click.echo(f"{found.symbol}: {found.candles} candles from {first} to {last} UTC; alarms a month: {rates}", err=err)
    if not listed:
        click.echo("no alarm" if not found.alarms else f"no alarm of tier {' or '.join(tiers)}", err=err)
        return
    print_rows(_COLUMNS, map(_cells, listed), console)
    for alarm in {each.alarm.what: each.alarm for each in listed}.values():
        click.echo(f"{alarm.detector}: {alarm.what} Before and after: {alarm.quantity}.", err=err)


def _cells(period: "AlarmPeriod") -> tuple[str, ...]:
    alarm = period.alarm
    until = "still on" if period.to_ms is None else format_open_time(period.to_ms)
    rate = alarm.false_alarms_per_month
    numbers = (f"{each:.3g}" for each in (alarm.before, alarm.after, alarm.statistic, alarm.threshold))
    return (
        format_open_time(alarm.open_time_ms),
        until,
        alarm.tier.value,
        alarm.detector,
        *numbers,
        "not measured" if rate is None else f"at most {rate:.2g}",
    )

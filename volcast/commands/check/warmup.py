"""Runs the check of the warm-up and prints after how many candles forecasts agree."""

from pathlib import Path

import click
from msgspec import Struct
from rich.console import Console

from volcast.backtest.checks.recording import SIGNAL
from volcast.backtest.checks.warmup import WarmupFinding, WarmupResult, check_warmup
from volcast.cli.main import UserError
from volcast.cli.progress import progress
from volcast.cli.tables import counted, print_rows

from .candles import CandlesToCheck, to_stderr, write_json

_COARSE = (0.1, 0.01, 0.001)
"""Further tolerances that are shown: how far the forecasts have come."""


class _Report(Struct):
    """What --json writes."""

    symbol: str
    candles: int
    candles_in_files: int
    tolerance: float
    passed: bool
    result: WarmupResult


def run_warmup(candles: CandlesToCheck, starts: int, tolerance: float, json_file: Path | None) -> int:
    """Run the check and print what it finds; return the exit code."""
    points = sorted({candles.rows * (i + 1) // (2 * starts) for i in range(starts)} - {0})
    tolerances = sorted({tolerance, *(each for each in _COARSE if each > tolerance)}, reverse=True)
    total = candles.rows + sum(candles.rows - point for point in points)
    with progress(candles.symbol, total, candles.rows_done):
        found = check_warmup(candles.new_replay, candles.read, points, tolerances)
    if not found.findings:
        raise UserError(f"{candles.symbol}: the engines have no candle in common")
    late = [each.subject for each in found.findings if _needed(each, tolerance) is None]
    write_json(json_file, _Report(candles.symbol, candles.rows, candles.total, tolerance, not late, found))
    err = to_stderr(json_file)
    places = " and ".join(map(str, found.started_after))
    click.echo(f"{candles.title()}; the first start is at row 1, others after {places} rows.", err=err)
    click.echo("Candles after which the forecasts agree with those of the first start, by relative difference:", err=err)
    columns = ("what", *(f"{each:g}" for each in tolerances), "largest difference in the last hour")
    print_rows(columns, [_row(each, tolerances) for each in found.findings], Console(stderr=err))
    if late:
        within = f"within {counted(found.shortest, 'candle')}"
        click.echo(f"failed: {', '.join(late)} did not come to agree to {tolerance:g} {within}; give more candles", err=err)
    else:
        click.echo(f"passed: all agree to {tolerance:g} within {counted(found.shortest, 'candle')}", err=err)
    return int(bool(late))


def _needed(finding: WarmupFinding, tolerance: float) -> int | None:
    return finding.needed["0" if finding.subject == SIGNAL else f"{tolerance:g}"]


def _row(finding: WarmupFinding, tolerances: list[float]) -> tuple[str, ...]:
    cells = ["not yet" if (needed := _needed(finding, each)) is None else str(needed) for each in tolerances]
    number, largest = max(finding.at_end.items(), key=lambda item: item[1])
    return (finding.subject, *cells, "0, exactly" if largest == 0 else f"{largest:.1e}, {number}")

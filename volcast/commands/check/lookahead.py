"""Runs the check for lookahead, watches the models meanwhile, and prints what was found."""

from pathlib import Path

import click
from msgspec import Struct
from rich.console import Console

from volcast.backtest.checks.lookahead import AGAIN, Change, LookaheadFinding, check_lookahead, cut_points
from volcast.backtest.checks.recording import SIGNAL
from volcast.cli.own_models.watch import THE_FILE, watching
from volcast.cli.progress import progress
from volcast.cli.tables import counted, print_rows

from .candles import CandlesToCheck, time_of, to_stderr, write_json


class _Report(Struct):
    """What --json writes."""

    symbol: str
    candles: int
    candles_in_files: int
    cuts_after_ms: list[int]
    seed: int
    passed: bool
    findings: list[LookaheadFinding]
    peeks: list[str]
    """What models were seen to read."""


def run_lookahead(candles: CandlesToCheck, files: tuple[Path, ...], cuts: int, seed: int, json_file: Path | None) -> int:
    """Run the check and print what it finds; return the exit code."""
    rows = list(candles.read())
    points = cut_points(len(rows), cuts)
    total = 2 * (len(rows) + sum(points)) + len(points)  # a scrambled run ends with the first candle after the point
    read = {*files, *(source.path for source in candles.sources)}
    with watching(read) as peeks, progress(candles.symbol, total, candles.rows_done):
        found = check_lookahead(candles.new_replay, rows, points, seed)
    changed = [each for each in found if each.change]
    at = [rows[point - 1].open_time_ms for point in points]
    passed = not changed and not peeks
    write_json(
        json_file,
        _Report(candles.symbol, candles.rows, candles.total, at, seed, passed, found, list(map(str, peeks))),
    )
    err = to_stderr(json_file)
    several = f"{counted(len(at), 'point')} from {time_of(at[0])} to {time_of(at[-1])}"
    where = f"after {several if len(at) > 1 else time_of(at[0])}"
    click.echo(f"{candles.title()}; what comes {where} was cut off and scrambled, and all was run twice.", err=err)
    print_rows(
        ("what", "compared", "result"),
        [(each.subject, str(each.compared), _result(each)) for each in found],
        Console(stderr=err),
    )
    for peek in peeks:
        click.echo(str(peek), err=err)
    suspects = dict.fromkeys(
        [*(each.subject for each in changed), *(peek.file if peek.code == THE_FILE else peek.code for peek in peeks)]
    )
    click.echo(f"failed: {', '.join(suspects)}" if suspects else "passed: no forecast depends on later candles", err=err)
    return int(not passed)


def _result(finding: LookaheadFinding) -> str:
    if finding.change:
        return f"CHANGED {finding.change.how}{_detail(finding.change, finding.subject)}"
    return "unchanged" if finding.largest == 0 else f"unchanged, but for rounding ({finding.largest:.0e})"


def _detail(change: Change, subject: str) -> str:
    point = "" if change.how == AGAIN or change.after_ms is None else f", {time_of(change.after_ms)}"
    number = change.number if subject == SIGNAL else f"its {change.number}"
    values = f"was {_number(change.before)} and is {_number(change.after)}"
    return f"{point}: first at {time_of(change.open_time_ms)}, where {number} {values}"


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.9g}"

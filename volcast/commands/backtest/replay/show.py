"""Prints how a replay compares with the live signals, symbol by symbol, and writes it as JSON."""

from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.console import Console

from consumer.rules import PartitionSettings, differences
from volcast.backtest.checks.versions import ELSEWHERE, FirstDifference, VersionComparison, compare_versions
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.main import UserError
from volcast.cli.outputs import STANDARD_OUTPUT, output
from volcast.cli.tables import counted, print_rows

from .read import LogReplay, ReplayedSymbol, Span


class _Symbol(Struct):
    symbol: str
    candles: int
    history_candles: int
    first_candle_ms: int | None
    comparison: VersionComparison | None


class _Report(Struct):
    """What --json writes."""

    settings: PartitionSettings
    live_settings: PartitionSettings | None
    rejected: int
    symbols: list[_Symbol]


def show(found: LogReplay, settings: PartitionSettings, live: PartitionSettings | None, json_file: Path | None) -> None:
    """Print the comparison and write it as JSON, if a file was asked for. Raises UserError if there is nothing to compare."""
    if not any(len(each.replayed) for each in found.symbols.values()):
        raise UserError(f"the log has no candles {_of(found)}: check --symbol, --from and --to")
    compared = {symbol: compare_versions(symbol, each.live, each.replayed) for symbol, each in sorted(found.symbols.items())}
    if json_file is not None:
        symbols = [_symbol(symbol, found.symbols[symbol], comparison) for symbol, comparison in compared.items()]
        report = _Report(settings, live, found.rejected, symbols)
        with output(json_file) as file:
            file.write(msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n")
    err = json_file == STANDARD_OUTPUT
    click.echo(_settings_line(settings, live), err=err)
    for symbol, comparison in compared.items():
        _show_symbol(symbol, found.symbols[symbol], comparison, found.span, err=err)
    if found.unreadable_signals:
        click.echo(f"{counted(found.unreadable_signals, 'record')} of `signals` cannot be read by this version", err=True)
    if not any(compared.values()):
        raise UserError(f"no candle {_of(found)} has a live signal: there is nothing to compare with")


def _of(found: LogReplay) -> str:
    return f"of {', '.join(found.span.symbols)} in this time" if found.span.symbols else "in this time"


def _symbol(symbol: str, each: ReplayedSymbol, comparison: VersionComparison | None) -> _Symbol:
    return _Symbol(symbol, each.candles, each.history, each.first_ms, comparison)


def _settings_line(settings: PartitionSettings, live: PartitionSettings | None) -> str:
    if live is None:
        return "settings: those of the live consumer are not known, since it has left no state"
    changes = differences(live, settings)
    return f"settings: as the live consumer's, but {changes}" if changes else "settings: those of the live consumer"


def _show_symbol(symbol: str, each: ReplayedSymbol, found: VersionComparison | None, span: Span, *, err: bool) -> None:
    if not len(each.replayed):
        click.echo(f"{symbol}: {counted(len(each.live), 'live signal')}, but the log has no candles of this time", err=err)
        return
    history = f"{each.history or 'none'} of them before --from" if span.from_ms else "the first that the log has"
    click.echo(f"{symbol}: {counted(each.candles, 'candle')} from {_time(each.first_ms or 0)}, {history}", err=err)
    if found is None:
        click.echo(f"{symbol}: no candle has signals of both", err=err)
        return
    for sentence in _cautions(symbol, found, span):
        click.echo(sentence, err=err)
    print_rows(("what", symbol), _rows(found), Console(stderr=err))


def _cautions(symbol: str, found: VersionComparison, span: Span) -> list[str]:
    """Return what may explain differences beside the settings."""
    sentences = []
    if found.missing_candles > 0:
        deleted = "retention has deleted them from the log, or these settings reject them"
        why = "--history-days leaves them out" if span.history_from_ms else deleted
        more = f"{counted(found.missing_candles, 'candle')} more by {_time(found.from_ms)}"
        sentences.append(f"{symbol}: the live engine had accepted {more}: {why}; what it learned from them is missing here")
    if found.missing_candles < 0:
        more = counted(-found.missing_candles, "candle")
        fewer = f"{more} fewer by {_time(found.from_ms)}"
        sentences.append(f"{symbol}: the live engine had accepted {fewer}: it began later, or its settings rejected them")
    if found.repeated:
        sentences.append(f"{symbol}: {counted(found.repeated, 'live signal')} came twice; the last one counts")
    return sentences


def _rows(found: VersionComparison) -> list[tuple[str, str]]:
    rows = [
        ("compared", f"{found.compared}, {_time(found.from_ms)} to {_time(found.to_ms)}"),
        ("only live, only replayed", f"{found.only_live}, {found.only_replayed}"),
        ("identical records", _share(found.identical, found.compared)),
        ("different records", str(found.compared - found.identical)),
        ("equal but for shadows and the like", _share(found.equal_numbers, found.compared)),
        ("equal signals", _share(found.equal_signals, found.compared)),
        ("signals 1, live and replayed", f"{found.ones_live}, {found.ones_replayed}"),
    ]
    if found.volatility is None:
        horizons = f"{found.horizon_live} minutes live, {found.horizon_replayed} replayed"
        rows.append(("volatility", f"not comparable: the horizons are {horizons}"))
    else:
        ratio = found.volatility
        rows.append(("volatility, replayed / live", f"median {ratio.median_ratio:.4f}"))
        rows.append(("smallest and largest ratio", f"{ratio.smallest_ratio:.4f}, {ratio.largest_ratio:.4f}"))
        rows.append(("within 1 %", f"{100 * ratio.within_percent:.2f} %"))
        rows += _score_rows(found)
    rows.append(("first difference", _difference(found.first_difference)))
    return rows


def _score_rows(found: VersionComparison) -> list[tuple[str, str]]:
    scores = found.scores
    if scores is None:
        return [("QLIKE", "no outcome is known to both")]
    z = "–" if scores.diebold_mariano is None else f"{scores.diebold_mariano:+.1f}"
    return [
        ("QLIKE, live and replayed", f"{scores.qlike_live:.4f}, {scores.qlike_replayed:.4f} on {scores.outcomes} outcomes"),
        ("Diebold-Mariano (> 0: replay better)", z),
    ]


def _difference(first: FirstDifference | None) -> str:
    if first is None:
        return "none"
    if first.field == ELSEWHERE:
        return f"{_time(first.open_time_ms)}, in other fields, such as shadows"
    return f"{_time(first.open_time_ms)}, {first.field}: live {_number(first.live)}, replayed {_number(first.replayed)}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.9g}"


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.2f} %)"


def _time(open_time_ms: int) -> str:
    return f"{format_open_time(open_time_ms)} UTC"

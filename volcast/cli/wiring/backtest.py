"""What the commands on past candles share: the replays of candle files by symbol, and the engine that they run through."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from volcast.candle_files.contract import NO_OPTIONS, FileOptions
from volcast.cli.main import UserError
from volcast.cli.options import Command
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from producer.csv_replay import CsvReplay
    from volcast.backtest.run import BacktestReplay
    from volcast.core.codec import CandleText
    from volcast.core.engine import Engine
    from volcast.core.types import Signal


def files_argument(command: Command) -> Command:
    """Add the argument CANDLES..., as the parameter `files`."""
    path = click.Path(path_type=Path)
    return click.argument("files", metavar="CANDLES...", nargs=-1, required=True, type=path)(command)


def symbol_option(command: Command) -> Command:
    """Add the option --symbol, for a command whose files are of one symbol."""
    sentence = "Symbol of the candles.  [default: the market in the files' names]"
    return click.option("--symbol", metavar="SYMBOL", help=sentence)(command)


def symbols_option(command: Command) -> Command:
    """Add the option --symbol, as the parameter `symbols`, for a command whose files may be of several symbols."""
    sentence = "Symbol of all files, or given once for each file, in order.  [default: the market in its name]"
    return click.option("--symbol", "symbols", multiple=True, metavar="SYMBOL", help=sentence)(command)


def replays_by_symbol(
    files: tuple[Path, ...], symbols: tuple[str, ...], options: FileOptions = NO_OPTIONS
) -> "dict[str, list[CsvReplay]]":
    """Return the replays of the files by symbol, the oldest first. One symbol is that of all files.

    Raises UserError or CandleFileError as `open_replays` does.
    """
    from .pipeline import open_replays  # noqa: PLC0415  # not needed by --help

    if len(symbols) == 1:
        symbols *= len(files)
    found: dict[str, list[CsvReplay]] = {}
    for source in sorted(open_replays(files, symbols, options), key=lambda each: each.summary.first_open_time_ms):
        found.setdefault(source.symbol, []).append(source)
    return found


def replays_of_one_symbol(
    files: tuple[Path, ...], symbol: str | None, options: FileOptions = NO_OPTIONS
) -> "tuple[str, list[CsvReplay]]":
    """Return the symbol and the replays of the files, the oldest first.

    The symbol is `symbol`, or that of the files' names. Raises UserError if they are of several, CandleFileError if one is bad.
    """
    found = replays_by_symbol(files, (symbol,) * len(files) if symbol else (), options)
    if len(found) > 1:
        raise UserError(f"the files are of {' and '.join(found)}: give files of one symbol, or name the symbol with --symbol")
    return next(iter(found.items()))


def create_backtest(
    settings: Settings, symbol: str, *, horizons: Sequence[int], shadows: Sequence[str] = (), snapshot: bytes | None = None
) -> "tuple[Engine, BacktestReplay]":
    """Return an engine by the settings, with these horizons and shadows, and its replay.

    The engine is new, or that of a snapshot. Raises UserError for a bad prior, OwnModelError for a bad model, and SnapshotError
    for a snapshot that does not fit.
    """
    from volcast.backtest.run import BacktestReplay  # noqa: PLC0415  # River takes a second to import
    from volcast.core.decoder import Decoder  # noqa: PLC0415
    from volcast.core.engine import Engine  # noqa: PLC0415
    from volcast.core.snapshot import decode_snapshot  # noqa: PLC0415

    from .pipeline import engine_config, load_prior  # noqa: PLC0415

    prior = load_prior(settings)
    chosen = settings.model_copy(update={"horizons": tuple(horizons), "shadows": tuple(shadows)})
    decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
    config, decimals = engine_config(chosen, prior), decoder.price_decimals(symbol)
    if snapshot is None:
        engine = Engine(symbol, config, decimals, prior)
    else:
        engine = decode_snapshot(snapshot, symbol, config, decimals, prior).engine
    return engine, BacktestReplay(engine, decoder)


@contextmanager
def backtest_signals(
    replay: "BacktestReplay", sources: "Sequence[CsvReplay]", *, from_ms: int = 0, to_ms: int | None = None
) -> "Iterator[Iterator[Signal]]":
    """Yield the signals of all rows from `from_ms` (inclusive) to `to_ms` (exclusive), with a progress bar.

    At the end it prints to standard error how many rows were skipped, and why. Raises UserError if most rows were skipped.
    """
    from volcast.cli.progress import progress  # noqa: PLC0415  # as above

    symbol, total, read = replay.symbol, sum(source.summary.rows for source in sources), 0

    def chosen() -> "Iterator[CandleText]":
        nonlocal read
        for row in _rows(sources):
            read += 1
            if from_ms <= row.open_time_ms and (to_ms is None or row.open_time_ms < to_ms):
                yield row

    with progress(symbol, total, lambda: read):
        yield replay.signals(chosen())
    check_usable(symbol, replay.dump())


def check_usable(symbol: str, replay: Mapping[str, Any]) -> None:
    """Print to standard error how many rows were skipped, and why; `replay` is what `BacktestReplay.dump` returned.

    Raises UserError if most rows were skipped.
    """
    rows, accepted = replay["rows"], replay["accepted"]
    for why, count in sorted(replay["skipped"].items()):
        click.echo(f"{symbol}: skipped {count} of {rows} rows, {why}; the first is {replay['first_skipped'][why]}", err=True)
    if not accepted:
        raise UserError(f"{symbol}: no usable candle in the input")
    if 2 * accepted < rows:
        raise UserError(f"{symbol}: only {accepted} of {rows} rows are usable candles")


def _rows(sources: "Sequence[CsvReplay]") -> "Iterator[CandleText]":
    """Yield the rows file by file, in constant memory."""
    for source in sources:
        yield from source.unsent_candles()

"""What backtest, compare and fit-prior share: the replays of CSV files by symbol, and the engine that they run through."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

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


def replays_by_symbol(files: tuple[Path, ...], symbols: tuple[str, ...]) -> "dict[str, list[CsvReplay]]":
    """Return the replays of the files by symbol, the oldest first. Raises UserError or CandleFileError as `open_replays` does."""
    from .pipeline import open_replays  # noqa: PLC0415  # not needed by --help

    found: dict[str, list[CsvReplay]] = {}
    for source in sorted(open_replays(files, symbols), key=lambda each: each.summary.first_open_time_ms):
        found.setdefault(source.symbol, []).append(source)
    return found


def replays_of_one_symbol(files: tuple[Path, ...], symbol: str | None) -> "tuple[str, list[CsvReplay]]":
    """Return the symbol and the replays of the files, the oldest first.

    The symbol is `symbol`, or that of the files' names. Raises UserError if they are of several, CandleFileError if one is bad.
    """
    found = replays_by_symbol(files, (symbol,) * len(files) if symbol else ())
    if len(found) > 1:
        raise UserError(f"the files are of {' and '.join(found)}: give files of one symbol, or name the symbol with --symbol")
    return next(iter(found.items()))


def create_backtest(
    settings: Settings, symbol: str, *, horizons: Sequence[int], shadows: Sequence[str] = ()
) -> "tuple[Engine, BacktestReplay]":
    """Return a new engine by the settings, with these horizons and shadows, and its replay. Raises UserError for a bad prior."""
    from volcast.backtest.run import BacktestReplay  # noqa: PLC0415  # River takes a second to import
    from volcast.core.decoder import Decoder  # noqa: PLC0415
    from volcast.core.engine import Engine  # noqa: PLC0415

    from .pipeline import engine_config, load_prior  # noqa: PLC0415

    prior = load_prior(settings)
    chosen = settings.model_copy(update={"horizons": tuple(horizons), "shadows": tuple(shadows)})
    decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
    engine = Engine(symbol, engine_config(chosen, prior), decoder.price_decimals(symbol), prior)
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
    for why, count in sorted(replay.skipped.items()):
        skipped = f"skipped {count} of {replay.rows} rows, {why}"
        click.echo(f"{symbol}: {skipped}; the first is {replay.first_skipped[why]}", err=True)
    if not replay.accepted:
        raise UserError(f"{symbol}: no usable candle in the input")
    if 2 * replay.accepted < replay.rows:
        raise UserError(f"{symbol}: only {replay.accepted} of {replay.rows} rows are usable candles")


def _rows(sources: "Sequence[CsvReplay]") -> "Iterator[CandleText]":
    """Yield the rows file by file, in constant memory."""
    for source in sources:
        yield from source.candles()

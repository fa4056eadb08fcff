"""What the commands that look back have in common: files as streams of candles by symbol, and the engine that they go through."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.settings.schema import Settings

from .main import UserError
from .options import Command

if TYPE_CHECKING:
    from producer.replay import CsvReplay
    from volcast.backtest.run import BacktestReplay
    from volcast.core.codec import CandleText
    from volcast.core.engine import Engine
    from volcast.core.types import Signal


def files_argument(command: Command) -> Command:
    """CANDLES…, as the argument `files`."""
    path = click.Path(path_type=Path)
    return click.argument("files", metavar="CANDLES...", nargs=-1, required=True, type=path)(command)


def symbol_option(command: Command) -> Command:
    """--symbol, where the files are of one."""
    sentence = "Whose candles they are; by default the first word of the files' names."
    return click.option("--symbol", metavar="SYMBOL", help=sentence)(command)


def by_symbol(files: tuple[Path, ...], symbols: tuple[str, ...]) -> "dict[str, list[CsvReplay]]":
    """The files, looked through, by symbol, the oldest first. Raises UserError, CandleFileError."""
    from .wiring import replays_of  # noqa: PLC0415  # not needed by --help

    found: dict[str, list[CsvReplay]] = {}
    for source in sorted(replays_of(files, symbols), key=lambda each: each.summary.first_open_time_ms):
        found.setdefault(source.symbol, []).append(source)
    return found


def of_one_symbol(files: tuple[Path, ...], symbol: str | None) -> "tuple[str, list[CsvReplay]]":
    """The same where only one is wanted: `symbol`, or that of the files' names. Raises UserError, CandleFileError."""
    found = by_symbol(files, (symbol,) * len(files) if symbol else ())
    if len(found) > 1:
        raise UserError(f"the files are of {' and '.join(found)}: give those of one symbol, or name it with --symbol")
    return next(iter(found.items()))


def engine_of(
    settings: Settings, symbol: str, *, horizons: Sequence[int], shadows: Sequence[str] = ()
) -> "tuple[Engine, BacktestReplay]":
    """A new one by the settings, but for these. Raises UserError where its prior is of no use."""
    from volcast.backtest.run import BacktestReplay  # noqa: PLC0415  # River takes a second to import
    from volcast.core.decoder import Decoder  # noqa: PLC0415
    from volcast.core.engine import Engine  # noqa: PLC0415

    from .wiring import engine_config, prior_of  # noqa: PLC0415

    prior = prior_of(settings)
    chosen = settings.model_copy(update={"horizons": tuple(horizons), "shadows": tuple(shadows)})
    decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
    engine = Engine(symbol, engine_config(chosen, prior), decoder.price_decimals(symbol), prior)
    return engine, BacktestReplay(engine, decoder)


@contextmanager
def replay_file(
    replay: "BacktestReplay", sources: "Sequence[CsvReplay]", *, from_ms: int = 0, to_ms: int | None = None
) -> "Iterator[Iterator[Signal]]":
    """The signals of all files' rows, those from `from_ms` on and before `to_ms`; with a bar, and afterwards what was not taken.

    Raises UserError where no row could be taken.
    """
    from .progress import progress  # noqa: PLC0415  # as above

    symbol, total, read = replay.symbol, sum(source.summary.rows for source in sources), 0

    def chosen() -> "Iterator[CandleText]":
        nonlocal read
        for row in _rows(sources):
            read += 1
            if from_ms <= row.open_time_ms and (to_ms is None or row.open_time_ms < to_ms):
                yield row

    with progress(symbol, total, lambda: read):
        yield replay.signals(chosen())
    for why, count in sorted(replay.not_taken.items()):
        click.echo(
            f"{symbol}: {count} of {replay.rows} rows not taken, {why}; the first is {replay.first_refusals[why]}", err=True
        )
    if not replay.taken:
        raise UserError(f"{symbol}: no candle could be taken in, so there is nothing to forecast from")


def _rows(sources: "Sequence[CsvReplay]") -> "Iterator[CandleText]":
    """File by file, in constant memory."""
    from producer.replay import Resume  # noqa: PLC0415  # as above

    for source in sources:
        yield from source.candles(Resume())

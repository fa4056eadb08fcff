"""What both checks share: the candles of one symbol, engines that have seen nothing, and the output as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from volcast.backtest.run import BacktestReplay
from volcast.candle_files.contract import NO_OPTIONS, FileOptions
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.main import UserError
from volcast.cli.outputs import STANDARD_OUTPUT, output
from volcast.cli.wiring.backtest import create_backtest, replays_of_one_symbol
from volcast.core.codec import CandleText
from volcast.core.engine import Engine
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from producer.csv_replay import CsvReplay


@dataclass(slots=True)
class CandlesToCheck:
    """The first rows of one symbol's files, and the settings of the engines that they run through."""

    symbol: str
    sources: "list[CsvReplay]"
    settings: Settings
    limit: int | None
    """The number of rows that are read; None for all."""
    replays: list[BacktestReplay] = field(default_factory=list)
    """Those of all engines so far."""

    @property
    def rows(self) -> int:
        """The number of rows that are read."""
        total = self.total
        return total if self.limit is None else min(self.limit, total)

    @property
    def total(self) -> int:
        """The number of rows in the files."""
        return sum(source.rows_read for source in self.sources)

    def read(self) -> Iterator[CandleText]:
        """Yield the rows, from the first one on."""
        return islice(chain.from_iterable(source.candles() for source in self.sources), self.limit)

    def new_replay(self) -> tuple[Engine, BacktestReplay]:
        """Return an engine that has seen nothing, and its replay."""
        engine, replay = create_backtest(
            self.settings, self.symbol, horizons=self.settings.horizons, shadows=self.settings.shadows
        )
        self.replays.append(replay)
        return engine, replay

    def rows_done(self) -> int:
        """Return how many rows have run through engines so far."""
        return sum(replay.rows for replay in self.replays)

    def title(self) -> str:
        """Return which candles are checked."""
        return f"{self.symbol}: {'all' if self.rows == self.total else f'the first {self.rows} of'} {self.total} candles"


def candles_to_check(
    files: tuple[Path, ...],
    symbol: str | None,
    models: tuple[str, ...] | None,
    settings: Settings,
    *,
    limit: int | None,
    options: FileOptions = NO_OPTIONS,
) -> CandlesToCheck:
    """Return the candles of the files. Raises UserError if there are too few, CandleFileError if a file is bad."""
    if models:
        settings = settings.model_copy(update={"model": models[0], "shadows": models[1:]})
    name, sources = replays_of_one_symbol(files, symbol, options)
    found = CandlesToCheck(name, sources, settings, limit)
    if found.rows < 2:  # noqa: PLR2004  # one candle has neither a past nor a future
        raise UserError(f"{name}: {found.rows} candle is too little to check")
    return found


def write_json(path: Path | None, content: Struct) -> None:
    """Write the content as JSON, if a file was asked for."""
    if path is not None:
        with output(path) as file:
            file.write(msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n")


def to_stderr(path: Path | None) -> bool:
    """Return whether text for people goes to standard error, because JSON goes to standard output."""
    return path == STANDARD_OUTPUT


def time_of(open_time_ms: int) -> str:
    """Return a candle's time as text."""
    return f"{format_open_time(open_time_ms)} UTC"

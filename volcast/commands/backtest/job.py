"""A job: one pass over the candles of one symbol with some of the models, in chunks that are kept.

A process of its own may run it, so it holds plain values only. What the pass brings about does not depend on where it was
interrupted: the engine goes on from its snapshot, to the last bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from producer.csv_replay import CsvReplay
from volcast.backtest.ledger import Ledger
from volcast.backtest.run import features_of
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.main import UserError
from volcast.cli.own_models.load import own_model
from volcast.cli.wiring.backtest import create_backtest
from volcast.core.codec import CandleText, encode_signal
from volcast.core.snapshot import encode_snapshot
from volcast.core.types import Signal
from volcast.settings.schema import Settings

from .chunks import Chunk, ChunkFolder, Kept, PackedLines, Progress

CHUNK_ROWS = 10_000
"""About a second of work, which is all that an interrupted run loses."""
_LOOK_ROWS = 200
"""After so many rows it is looked whether to stop."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one pass computes. `settings.model` is the first of its models, `settings.shadows` are the others."""

    symbol: str
    sources: tuple[CsvReplay, ...]
    """The files, the oldest first."""
    settings: Settings
    names: tuple[str, ...]
    """The models by their names in signals and reports, the first one first."""
    folder: Path
    """Where its chunks are."""
    from_ms: int = 0
    """Candles before this time are learned from alone."""
    to_ms: int | None = None
    """Rows from this time on are left out."""
    signals: bool = False
    """Whether records of `signals` are wanted."""
    features: bool = False
    quantiles_every: int | None = None
    """Quantiles are kept after the last candle before each full so many minutes; None: those that are scored."""

    @property
    def title(self) -> str:
        """Symbol and models, for the display of progress."""
        return f"{self.symbol} {', '.join(self.names)}"

    @property
    def rows(self) -> int:
        """The number of rows that are read from its files."""
        return sum(source.rows_read for source in self.sources)


def run_pass(job: Job, told: Callable[[int], None], is_stopped: Callable[[], bool]) -> None:
    """Run a job to its end, or until `is_stopped` returns true; `told` is called with the number of rows read so far.

    It goes on after the chunks that an earlier run has left, if they are sound.
    """
    folder = ChunkFolder(job.folder)
    run = _Run(job, folder.kept())
    while not run.done and not is_stopped():
        number = run.number
        folder.write(number, run.chunk(told, is_stopped))


class _Run:
    """The pass of a job from where an earlier one has left it."""

    def __init__(self, job: Job, kept: Kept) -> None:
        snapshot = kept.last.engine if kept.last else None
        self._job = job
        self._engine, self._replay = create_backtest(
            job.settings, job.symbol, horizons=job.settings.horizons, shadows=job.settings.shadows, snapshot=snapshot
        )
        config = self._engine.config
        if (config.model, *config.shadows) != job.names:
            raise UserError(f"the model {config.model} was changed while the backtest started; start it again")
        self._storable = all(own is None or own.storable for own in map(own_model, job.names))
        self._signals, self._features = PackedLines(), PackedLines()
        self._feature_names: list[str] = []
        self._ledger = self._new_ledger()
        self._learned = self._switches = self._read = 0
        self._first_ms: int | None = None
        self._last: Signal | None = None
        self.number, self.done = kept.number, False
        if kept.last is not None:
            self._go_on(kept.last.progress)
        self._rows = islice(_rows(job), self._read, None)

    def _go_on(self, progress: Progress) -> None:
        self._read, self._learned, self._switches = progress.read, progress.learned, progress.switches
        self._first_ms, self._last, self.done = progress.first_ms, progress.last, progress.done
        self._replay.load(progress.replay)

    def _new_ledger(self) -> Ledger:
        """Return a ledger for a chunk: a row brings one signal, and before it two may have waited."""
        config = self._engine.config
        return Ledger(CHUNK_ROWS + 2, config.model, config.shadows, config.horizons, self._job.quantiles_every)

    def chunk(self, told: Callable[[int], None], is_stopped: Callable[[], bool]) -> Chunk:
        """Return the next chunk, a short one at the end and where the run was stopped."""
        self._ledger = self._new_ledger()
        self._signals, self._features = PackedLines(), PackedLines()
        end = self._read + CHUNK_ROWS
        while self._read < end and not self.done:
            rows = list(islice(self._rows, _LOOK_ROWS))
            for row in rows:
                self._take(row)
            self._read += len(rows)
            self.done = len(rows) < _LOOK_ROWS
            told(self._read)
            if is_stopped():
                break
        if self.done:
            self._replay.finish()
        self.number += 1
        return self._closed()

    def _take(self, row: CandleText) -> None:
        job, engine = self._job, self._engine
        if job.to_ms is not None and row.open_time_ms >= job.to_ms:
            return
        for signal in self._replay.push(row):
            if self._last is None:
                self._first_ms = signal.open_time_ms
            elif self._last.signal != signal.signal:
                self._switches += 1
            self._last = signal
            if signal.open_time_ms < job.from_ms:
                self._learned += 1
                continue
            self._ledger.add(signal, engine.forecaster.last_predictions, engine.prices.last)
            if job.signals:
                self._signals.add(encode_signal(signal) + b"\n")
            if job.features:
                features = features_of(engine)
                self._feature_names = list(features)
                line = f"{format_open_time(signal.open_time_ms)},{','.join(map(repr, features.values()))}\n"
                self._features.add(line.encode())

    def _closed(self) -> Chunk:
        open_time_ms, prices, predictions = self._ledger.columns()
        quantiles = self._ledger.quantiles()
        progress = Progress(
            read=self._read,
            learned=self._learned,
            switches=self._switches,
            first_ms=self._first_ms,
            last=self._last,
            replay=self._replay.dump(),
            done=self.done,
        )
        return Chunk(
            progress=progress,
            engine=encode_snapshot(self._engine, self._read) if self._storable else None,
            open_time_ms=open_time_ms.tobytes(),
            prices=prices.tobytes(),
            predictions=[rows.tobytes() for rows in predictions],
            levels=list(quantiles.levels),
            quantile_times=quantiles.open_time_ms.tobytes(),
            quantiles=quantiles.values.tobytes(),
            signals=self._signals.packed() if self._job.signals else b"",
            feature_names=self._feature_names,
            features=self._features.packed() if self._job.features else b"",
        )


def _rows(job: Job) -> Iterator[CandleText]:
    """Yield the rows file by file, in constant memory."""
    for source in job.sources:
        yield from source.unsent_candles()

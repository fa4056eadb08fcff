"""The results of all jobs of one symbol, joined: arrays on the disk for the scores, and the facts of the run.

The arrays are mapped files, not memory: a year of minutes with three models takes 80 MB.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from volcast.backtest.evaluation.distribution.forecasts import FAMILIES, HorizonQuantiles
from volcast.backtest.facts import InputFile, RunFacts
from volcast.backtest.ledger import PREDICTION_COLUMNS, PRICE_COLUMNS, ledger_keys, track, truth
from volcast.backtest.tracks import Track, Truth
from volcast.core.arrays import Floats
from volcast.core.snapshot import VERSIONS
from volcast.core.types import EngineConfig, Signal

from .chunks import ChunkFolder, Progress, unpacked
from .job import Job
from .partials import sha256_of_file


@dataclass(frozen=True, kw_only=True)
class Series:
    """The forecasts of one symbol after each candle of the chosen time."""

    symbol: str
    open_time_ms: NDArray[np.int64]
    """(n,) of the candle after whose close the forecasts were made."""
    prices: Floats
    """(n, 3): high, low and close, as the engine trusts them."""
    predictions: dict[tuple[str, int], Floats]
    """By model and horizon in minutes: (n, 6). The champion's come first."""
    quantiles: HorizonQuantiles
    """The champion's, after some of the candles."""
    facts: RunFacts
    progress: Progress
    first: Job
    """The job of the champion, which has the signals and the features."""

    @property
    def horizon_minutes(self) -> int:
        """The first horizon, which is scored."""
        return self.horizons[0]

    @property
    def horizons(self) -> list[int]:
        """The horizons of the champion."""
        (champion, _), *_ = self.predictions
        return [horizon for name, horizon in self.predictions if name == champion]

    def truth(self) -> Truth:
        """Return what happened after each candle."""
        return truth(self.open_time_ms, self.prices, self.horizon_minutes)

    def tracks(self, models: Sequence[str]) -> list[Track]:
        """Return the forecasts of some models for the first horizon."""
        return [track(name, self.predictions[name, self.horizon_minutes]) for name in models]

    def signals(self) -> Iterator[bytes]:
        """Yield records of `signals` chunk by chunk: lines of JSON."""
        for chunk in ChunkFolder(self.first.folder).chunks():
            yield unpacked(chunk.signals)

    def features(self) -> Iterator[tuple[list[str], bytes]]:
        """Yield the names of the features, and lines of CSV, chunk by chunk."""
        for chunk in ChunkFolder(self.first.folder).chunks():
            if chunk.feature_names:
                yield chunk.feature_names, unpacked(chunk.features)


def join_jobs(jobs: Sequence[Job], config: EngineConfig, price_decimals: int, folder: Path) -> Series:
    """Return the results of the finished jobs of one symbol; `config` names all models, and the arrays are put into `folder`."""
    first = jobs[0]
    progress = _last(first)
    replay = progress.replay
    candles = replay["accepted"] - progress.learned
    open_time_ms = _mapped(folder / "open_time_ms", np.int64, (candles,))
    prices = _mapped(folder / "prices", np.float64, (candles, len(PRICE_COLUMNS)))
    predictions: dict[tuple[str, int], Floats] = {}
    for number, job in enumerate(jobs):
        keys = ledger_keys(job.names[0], job.names[1:], job.settings.horizons)
        arrays = [
            _mapped(folder / f"predictions-{number}-{i}", np.float64, (candles, len(PREDICTION_COLUMNS)))
            for i in range(len(keys))
        ]
        at = 0
        for chunk in ChunkFolder(job.folder).chunks():
            times = np.frombuffer(chunk.open_time_ms, np.int64)
            where = slice(at, at + len(times))
            if job is first:
                open_time_ms[where] = times
                prices[where] = np.frombuffer(chunk.prices).reshape(len(times), len(PRICE_COLUMNS))
            elif not np.array_equal(open_time_ms[where], times):
                raise ValueError(f"{job.symbol}: the passes accepted different candles; please report this bug")
            for array, raw in zip(arrays, chunk.predictions, strict=True):
                array[where] = np.frombuffer(raw).reshape(len(times), len(PREDICTION_COLUMNS))
            at += len(times)
        predictions |= dict(zip(keys, arrays, strict=True))
    facts = _facts(first, progress, config, price_decimals)
    return Series(
        symbol=first.symbol,
        open_time_ms=open_time_ms,
        prices=prices,
        predictions=predictions,
        quantiles=_quantiles(first, folder / "quantiles"),
        facts=facts,
        progress=progress,
        first=first,
    )


def _last(job: Job) -> Progress:
    last = ChunkFolder(job.folder).kept().last
    if last is None or not last.progress.done:
        raise ValueError(f"{job.title}: the pass is not finished")
    return last.progress


def _quantiles(job: Job, path: Path) -> HorizonQuantiles:
    """Return the quantiles of a job, put into a file and mapped from there."""
    levels: tuple[float, ...] = ()
    times: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    with path.open("wb") as file:
        for chunk in ChunkFolder(job.folder).chunks():
            levels = tuple(chunk.levels) or levels
            times.append(np.frombuffer(chunk.quantile_times, np.int64))
            file.write(chunk.quantiles)
    open_time_ms = np.concatenate(times)
    shape = (open_time_ms.size, len(job.settings.horizons), len(FAMILIES), len(levels))
    values = np.memmap(path, np.float64, "r", shape=shape) if open_time_ms.size else np.zeros(shape)
    return HorizonQuantiles(levels, open_time_ms, values)


def _mapped(path: Path, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a new array in a file; an empty one cannot be mapped."""
    return np.memmap(path, kind, "w+", shape=shape) if shape[0] else np.zeros(shape, kind)


def _facts(job: Job, progress: Progress, config: EngineConfig, price_decimals: int) -> RunFacts:
    last: Signal | None = progress.last
    return RunFacts(
        symbol=job.symbol,
        files=tuple(InputFile(each.name, sha256_of_file(each.path), each.rows_read) for each in job.sources),
        rows=progress.replay["rows"],
        accepted=progress.replay["accepted"],
        skipped=dict(sorted(progress.replay["skipped"].items())),
        first_open_time_ms=progress.first_ms,
        last_open_time_ms=last.open_time_ms if last else None,
        gaps=last.gaps if last else 0,
        missing_minutes=last.missing_minutes if last else 0,
        suspect_candles=last.suspect_candles if last else 0,
        signal_ones=last.signal_ones if last else 0,
        signal_rate=last.signal_rate if last else None,
        signal_switches=progress.switches,
        settings={**msgspec.to_builtins(config), "price_decimals": price_decimals},
        versions={
            "volcast": version("volcast"),
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: VERSIONS[name] for name in ("numpy", "scipy", "river")},
        },
    )

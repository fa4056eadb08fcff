"""What a backtest has to compute: for each symbol one job or several, each with some of the models."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from producer.csv_replay import CsvReplay
from volcast.cli.wiring.backtest import create_backtest
from volcast.core.types import EngineConfig
from volcast.settings.schema import Settings

from .job import Job
from .partials import key_of, sha256_of_file
from .split import split_models

MIN_ROWS = 50_000
"""With fewer rows no other process is started, and nothing is kept for another run: both take longer than the work."""


class Wanted(NamedTuple):
    """What the user has asked for."""

    settings: Settings
    """`model` is the champion; `shadows` are in its signals."""
    models: tuple[str, ...]
    """To score; the champion is among them anyway."""
    from_ms: int
    to_ms: int | None
    signals: bool
    features: bool
    processes: int
    quantiles_every: int | None = None
    """Minutes from one row of quantiles to the next; None: those that are scored."""


class Plan(NamedTuple):
    """The jobs of all symbols."""

    jobs: dict[str, list[Job]]
    """By symbol; the champion is in the first one."""
    config: EngineConfig
    """The champion's engine, with the other models of the comparison as its shadows."""
    key: str
    """A name of the results: equal only if they are equal."""
    rows: int
    processes: int

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models to score, the champion's first."""
        return (self.config.model, *self.config.shadows)

    @property
    def all_jobs(self) -> list[Job]:
        """The jobs of all symbols."""
        return [job for jobs in self.jobs.values() for job in jobs]

    def within(self, folder: Path) -> "Plan":
        """Return the plan with a folder for each job."""
        numbers = iter(range(len(self.all_jobs)))
        placed = {
            symbol: [replace(job, folder=folder / f"job-{next(numbers)}") for job in jobs] for symbol, jobs in self.jobs.items()
        }
        for jobs in placed.values():
            for job in jobs:
                job.folder.mkdir(exist_ok=True)
        return self._replace(jobs=placed)


def create_plan(by_symbol: Mapping[str, Sequence[CsvReplay]], wanted: Wanted) -> Plan:
    """Return the plan. Raises UserError or OwnModelError for models or a prior that cannot be used."""
    settings = wanted.settings
    others = [model for model in wanted.models if model != settings.model]
    with_champion = list(settings.shadows) if wanted.signals else []
    only_in_signals = [model for model in with_champion if model not in others]
    engine, _ = create_backtest(settings, "ANY", horizons=settings.horizons, shadows=[*others, *only_in_signals])
    names = dict(zip((settings.model, *others, *only_in_signals), (engine.config.model, *engine.config.shadows), strict=True))
    config = msgspec.structs.replace(engine.config, shadows=tuple(names[model] for model in others))
    rows = sum(source.rows_read for sources in by_symbol.values() for source in sources)
    processes = wanted.processes if rows >= MIN_ROWS else 1
    rest = [model for model in others if model not in with_champion]
    share = max(1, processes // len(by_symbol))
    if not wanted.signals:
        groups = split_models([settings.model], rest, share)
    else:  # the pipeline's signals have no other shadows than those of the settings
        groups = [(settings.model, *with_champion)]
        groups += split_models(rest[:1], rest[1:], max(1, share - 1)) if rest else []
    jobs = {
        symbol: [_job(symbol, sources, wanted, group, names, is_first=number == 0) for number, group in enumerate(groups)]
        for symbol, sources in by_symbol.items()
    }
    hashes = [sha256_of_file(source.path) for sources in by_symbol.values() for source in sources]
    decimals = (settings.price_decimals, sorted(settings.price_decimals_by_symbol.items()))
    what = [
        (job.symbol, job.sources, job.names, job.from_ms, job.to_ms, job.signals, job.features, job.quantiles_every)
        for each in jobs.values()
        for job in each
    ]
    return Plan(jobs, config, key_of(names.values(), hashes, engine.config, decimals, what), rows, processes)


def _job(
    symbol: str, sources: Sequence[CsvReplay], wanted: Wanted, group: Sequence[str], names: Mapping[str, str], *, is_first: bool
) -> Job:
    """Return the job of some models. Only that of the champion, the first one, has further horizons, signals and features, and
    quantiles: of the others the intervals alone are read.
    """
    chosen: dict[str, object] = {"model": group[0], "shadows": tuple(group[1:])}
    if not is_first:
        chosen |= {"horizons": wanted.settings.horizons[:1], "quantile_levels": ()}
    return Job(
        symbol=symbol,
        sources=tuple(sources),
        settings=wanted.settings.model_copy(update=chosen),
        names=tuple(names[model] for model in group),
        folder=Path(),
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
        signals=wanted.signals and is_first,
        features=wanted.features and is_first,
        quantiles_every=wanted.quantiles_every if is_first else None,
    )

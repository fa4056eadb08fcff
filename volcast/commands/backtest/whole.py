"""A whole backtest: jobs in processes, where it goes on and where it has stopped, scores, and all outputs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from producer.csv_replay import CsvReplay
from volcast.backtest.comparison import Comparison, compare
from volcast.backtest.evaluation.sizing import SizingRules
from volcast.backtest.report.text import markdown, terminal
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.main import UserError
from volcast.cli.outputs import output
from volcast.cli.tables import counted
from volcast.cli.wiring.backtest import check_usable
from volcast.core.decoder import Decoder

from .chunks import ChunkFolder
from .files import write_features, write_forecasts, write_outcomes, write_quantiles, write_signals
from .job import Job
from .partials import partial_folder
from .plan import MIN_ROWS, Plan, Wanted, create_plan
from .pool import Interrupted, run_jobs
from .series import Series, join_jobs

if TYPE_CHECKING:
    from .command import Outputs


def run_backtest(
    by_symbol: Mapping[str, Sequence[CsvReplay]], wanted: Wanted, outputs: "Outputs", share: float, rules: SizingRules
) -> None:
    """Run everything and write all outputs. Raises UserError for input that cannot be used."""
    plan = create_plan(by_symbol, wanted)
    keep = plan.rows >= MIN_ROWS
    with partial_folder(plan.key, keep=keep) as folder:
        plan = plan.within(folder)
        _tell_start(plan)
        try:
            run_jobs(plan.all_jobs, plan.processes)
        except Interrupted:
            if keep:
                _tell_stop(plan)
            raise KeyboardInterrupt from None
        found = [_joined(plan, jobs, wanted, folder / f"joined-{i}") for i, jobs in enumerate(plan.jobs.values())]
        scored = _scored(plan, found, level=wanted.settings.interval_level, share=share, rules=rules)
        _write(found, scored, wanted, outputs)
        if outputs.outcomes is not None:
            rows = write_outcomes(outputs.outcomes, found, plan.models, share)
            click.echo(f"{outputs.outcomes}: scored outcomes, {rows} rows", err=outputs.to_stdout)


def _tell_start(plan: Plan) -> None:
    """Say where the run goes on after an earlier one, and what of that one is damaged."""
    for job in plan.all_jobs:
        kept = ChunkFolder(job.folder).kept()
        if kept.damaged:
            click.echo(f"{job.title}: a partial result is damaged ({kept.damaged}); it is computed again", err=True)
        if kept.last is not None:
            read = kept.last.progress.read
            click.echo(f"{job.title}: going on after {read} of {job.rows} rows, which an earlier run has done", err=True)


def _tell_stop(plan: Plan) -> None:
    """Say how far the run is, and how to go on."""
    for job in plan.all_jobs:
        last = ChunkFolder(job.folder).kept().last
        read = last.progress.read if last else 0
        click.echo(f"{job.title}: stopped after {read} of {job.rows} rows", err=True)
    click.echo("what is done is kept for 30 days: the same command goes on from there", err=True)


def _joined(plan: Plan, jobs: Sequence[Job], wanted: Wanted, folder: Path) -> Series:
    """Return the results of a symbol. Raises UserError if it has no usable candles."""
    settings, symbol = wanted.settings, jobs[0].symbol
    folder.mkdir(exist_ok=True)
    decimals = Decoder(settings.price_decimals, settings.price_decimals_by_symbol).price_decimals(symbol)
    series = join_jobs(jobs, plan.config, decimals, folder)
    check_usable(symbol, series.progress.replay)
    if not len(series.open_time_ms):
        raise UserError(f"{symbol}: no candle at or after --from {format_open_time(wanted.from_ms)}")
    return series


def _scored(plan: Plan, found: Sequence[Series], *, level: float, share: float, rules: SizingRules) -> list[Comparison]:
    return [
        compare(
            series.truth(),
            series.tracks(plan.models),
            plan.models[0],
            symbol=series.symbol,
            level=level,
            from_share=share,
            quantiles=series.quantiles.first(),
            facts=series.facts,
            sizing=rules,
        )
        for series in found
    ]


def _write(found: Sequence[Series], comparisons: Sequence[Comparison], wanted: Wanted, outputs: "Outputs") -> None:
    """Write the files, and print what was done; nothing is written if scores were asked for and there are none."""
    for each in comparisons:
        if not each.outcomes and outputs.needs_scores:
            raise UserError(each.problem or f"{each.symbol}: no forecast could be scored")
    for series in found:
        if outputs.quantiles and not series.quantiles.levels:
            raise UserError(f"{series.symbol}: no candle ends a full hour, so --quantiles has no row; try --quantiles-every 1")
    done = [*_write_candles(found, outputs), *_write_scores(comparisons, outputs)]
    to_stderr = outputs.to_stdout
    for series, each in zip(found, comparisons, strict=True):
        if wanted.from_ms:
            begin = format_open_time(wanted.from_ms)
            click.echo(
                f"{series.symbol}: {counted(series.progress.learned, 'candle')} before {begin} were learned from", err=True
            )
        click.echo(terminal(each) if each.outcomes else f"{each.problem}\n", nl=False, err=to_stderr)
    for sentence in done:
        click.echo(sentence, err=to_stderr)


def _write_candles(found: Sequence[Series], outputs: "Outputs") -> list[str]:
    """Write what has a row for each candle, or for some of them, and return a sentence for each file."""
    files: tuple[tuple[Path | None, Callable[[Path, Sequence[Series]], None], str], ...] = (
        (outputs.forecasts, write_forecasts, "forecasts"),
        (outputs.quantiles, write_quantiles, "quantiles"),
        (outputs.signals, write_signals, "signals"),
        (outputs.features, write_features, "features"),
    )
    done = []
    for path, write, what in files:
        if path is not None:
            write(path, found)
            times = [series.quantiles.open_time_ms if write is write_quantiles else series.open_time_ms for series in found]
            rows = " and ".join(f"{len(each)} of {series.symbol}" for series, each in zip(found, times, strict=True))
            done.append(f"{path}: {what}, {rows}")
    return done


def _write_scores(comparisons: Sequence[Comparison], outputs: "Outputs") -> list[str]:
    """Write the scores in each format, and return a sentence for each file."""
    formats: tuple[tuple[Path | None, Callable[[Sequence[Comparison]], str], str], ...] = (
        (outputs.json, _json, "scores"),
        (outputs.markdown, _markdown, "tables"),
        (outputs.report, _page, "report"),
    )
    done = []
    for path, make, what in formats:
        if path is not None:
            text = make(comparisons)
            with output(path) as file:
                file.write(text)
            done.append(f"{path}: {what} of {' and '.join(each.symbol for each in comparisons)}")
    return done


def _json(comparisons: Sequence[Comparison]) -> str:
    return msgspec.json.format(msgspec.json.encode({"comparisons": comparisons}), indent=1).decode() + "\n"


def _markdown(comparisons: Sequence[Comparison]) -> str:
    return "\n".join(map(markdown, comparisons))


def _page(comparisons: Sequence[Comparison]) -> str:
    from volcast.backtest.report.page import page  # noqa: PLC0415  # Matplotlib is slow to import

    return page(comparisons)

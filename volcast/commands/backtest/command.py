"""`volcast backtest`: the forecasts that production would have made after each candle of files, and their scores."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from volcast.atomic_file import check_targets
from volcast.candle_files.contract import FileOptions
from volcast.cli.candle_options import candle_options
from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.cli.outputs import STANDARD_OUTPUT, check_ending, check_writable
from volcast.cli.params import ModelsParam, TimeParam
from volcast.cli.wiring.backtest import files_argument, replays_by_symbol, symbols_option
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from volcast.backtest.evaluation.sizing import SizingRules

_MODELS = "har_diurnal,ewma"
_SHARE = 0.4
_PARQUET = ".parquet"
_ENDINGS = {
    "forecasts": (".csv", _PARQUET),
    "quantiles": (".csv", _PARQUET),
    "signals": (".jsonl", ".ndjson", _PARQUET),
    "outcomes": (".csv", _PARQUET),
    "features": (".csv",),
    "json": (".json",),
    "markdown": (".md", ".markdown", ".txt"),
    "report": (".html", ".htm"),
}


class Outputs(NamedTuple):
    """The files that were asked for; `-` is standard output."""

    forecasts: Path | None
    quantiles: Path | None
    signals: Path | None
    features: Path | None
    outcomes: Path | None
    json: Path | None
    markdown: Path | None
    report: Path | None

    @property
    def to_stdout(self) -> bool:
        """Whether one of them is standard output, so that everything else goes to standard error."""
        return STANDARD_OUTPUT in self

    @property
    def needs_scores(self) -> bool:
        """Whether one of them is nothing without scores."""
        return any((self.outcomes, self.json, self.markdown, self.report))


def _file(name: str, metavar: str, sentence: str) -> Callable[..., Any]:
    return click.option(f"--{name}", f"{name}_file", metavar=metavar, type=click.Path(path_type=Path), help=sentence)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command("backtest")
@files_argument
@candle_options
@click.option(
    "--models",
    type=ModelsParam(),
    default=_MODELS,
    show_default=True,
    help="Models to compare with the champion, which is the setting `model`.",
)
@click.option("--from", "from_ms", type=TimeParam(), metavar="TIME", help="Forecasts and scores from this time on, UTC.")
@click.option("--to", "to_ms", type=TimeParam(), metavar="TIME", help="Candles before this time only, UTC.")
@click.option(
    "--score-from-share",
    "share",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="NUMBER",
    help=f"Share of the candles, from the beginning, whose forecasts are not scored.  [default: {_SHARE}; with --from 0]",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), metavar="N", help="Processes at the same time.  [default: the processor's cores]"
)
@_file("forecasts", "OUT.csv", "Write the forecasts after each candle: CSV, or .parquet.")
@_file("quantiles", "OUT.csv", "Write quantiles of return, highest and lowest price, and volatility: CSV, or .parquet.")
@click.option(
    "--quantiles-every",
    type=click.IntRange(min=1),
    metavar="MINUTES",
    help="Minutes between rows of --quantiles; 1 has one for each candle.  [default: 60, or the first horizon if that is longer]",
)
@_file("signals", "OUT.jsonl", "Write the signals of the pipeline: lines of JSON, or .parquet.")
@_file("features", "OUT.csv", "Write the champion's features after each candle as CSV.")
@_file("outcomes", "OUT.csv", "Write each scored outcome with each model's forecast of it: CSV, or .parquet.")
@_file("json", "OUT.json", "Write all scores as JSON.")
@_file("markdown", "OUT.md", "Write all tables as Markdown.")
@_file("report", "OUT.html", "Write tables and plots as one HTML page.")
@click.option("--target-volatility", type=float, metavar="NUMBER", help="Annualized, of the report's positions.  [default: 0.4]")
@click.option("--max-size", type=float, metavar="NUMBER", help="Largest size of the report's positions.  [default: 2]")
@click.option(
    "--cost-bp", type=float, metavar="NUMBER", help="Costs of the report's trades, in 1e-4 of their value.  [default: 5]"
)
@click.option(
    "--no-trade",
    type=float,
    metavar="NUMBER",
    help="Share by which a position may be off the size aimed at without a trade.  [default: 0.2]",
)
@symbols_option
@settings_options(
    "window",
    "warmup",
    "rate_window",
    "horizons",
    "interval_level",
    "quantile_levels",
    "model",
    "prior",
    "drift_thresholds",
    "price_decimals",
    "price_decimals_by_symbol",
)
def command(
    *,
    files: tuple[Path, ...],
    models: tuple[str, ...],
    from_ms: int | None,
    to_ms: int | None,
    share: float | None,
    workers: int | None,
    quantiles_every: int | None,
    symbols: tuple[str, ...],
    options: FileOptions,
    settings: Settings,
    target_volatility: float | None,
    max_size: float | None,
    cost_bp: float | None,
    no_trade: float | None,
    **outputs: Path | None,
) -> None:
    """Make the forecast that production would have made after each candle, and score it against other models.

    A table of scores is printed: QLIKE, R², coverage and width of the intervals, and the Diebold-Mariano test against the
    champion. All models learn online, and are scored on the same outcomes, which do not overlap and are not near gaps. Forecasts
    are scored after --score-from-share of the candles; with --from, from that time on: the models learn from the candles before
    it, and no output has them.

    CANDLES may be an archive, too: file:///PATH, s3://BUCKET/PREFIX, or its folder; --symbol chooses symbols of it.

    Ctrl-C keeps what is done, and the same command goes on from there. docs/backtest.md describes all outputs.
    """
    wanted = Outputs(*(outputs[f"{name}_file"] for name in Outputs._fields))
    check_targets([path for path in wanted if path != STANDARD_OUTPUT], files)
    if [*wanted].count(STANDARD_OUTPUT) > 1:
        raise UserError("- (standard output) can be given for one output only")
    for name, path in wanted._asdict().items():
        check_ending(f"--{name}", path, *_ENDINGS[name])
        check_writable(path)
    if wanted.report:
        _check_plots()
    if from_ms is not None and share is not None:
        raise UserError("--score-from-share cannot be combined with --from: with it all forecasts from that time on are scored")
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise UserError("--to must be later than --from")
    _check_distance(quantiles_every, settings.horizons[0], wanted.quantiles)
    rules = _sizing(target_volatility=target_volatility, max_size=max_size, cost_bp=cost_bp, no_trade=no_trade)
    from .plan import Wanted  # noqa: PLC0415  # River takes a second to import
    from .whole import run_backtest  # noqa: PLC0415

    with _candle_files(files, symbols, to_ms) as (found, named):
        run_backtest(
            replays_by_symbol(found, named, options),
            Wanted(
                settings=settings,
                models=models,
                from_ms=from_ms or 0,
                to_ms=to_ms,
                signals=bool(wanted.signals),
                features=bool(wanted.features),
                processes=workers or _cores(),
                quantiles_every=quantiles_every,
            ),
            wanted,
            share if share is not None else 0.0 if from_ms is not None else _SHARE,
            rules,
        )


@contextmanager
def _candle_files(
    files: tuple[Path, ...], symbols: tuple[str, ...], to_ms: int | None
) -> Iterator[tuple[tuple[Path, ...], tuple[str, ...]]]:
    """Give the files and their symbols; of an archive, its candles as files of their own. Raises UserError."""
    from volcast.lifecycle.archive.store import archive_root  # noqa: PLC0415  # not needed by --help

    roots = [root for each in files if (root := archive_root(each))]
    if not roots:
        yield files, symbols
        return
    if len(files) > 1:
        raise UserError("an archive is read alone: name one archive, or files")
    from volcast.lifecycle.archive.export import export_candles  # noqa: PLC0415  # Polars is slow to import
    from volcast.lifecycle.archive.read import Archive  # noqa: PLC0415

    archive = Archive(roots[0])
    with TemporaryDirectory(prefix="volcast-archive-") as folder:
        exported = export_candles(archive, Path(folder), tuple(map(str.upper, symbols)), to_ms)
        yield tuple(each.path for each in exported), tuple(each.symbol for each in exported)


def _check_distance(minutes: int | None, horizon_minutes: int, file: Path | None) -> None:
    """Raise UserError if rows so many minutes apart leave out forecasts that are scored, or if nothing would have these rows."""
    if minutes is None:
        return
    scored = max(horizon_minutes, 60)
    if file is None:
        raise UserError("--quantiles-every says how many rows --quantiles has: give both, or neither")
    if scored % minutes:
        raise UserError(
            f"--quantiles-every {minutes}: {scored} minutes, the distance of scored forecasts, must be a multiple of it"
        )


def _sizing(**given: float | None) -> "SizingRules":
    from volcast.backtest.evaluation.sizing import SizingRules  # noqa: PLC0415  # not needed by --help

    try:
        return SizingRules(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise UserError(f"{error}") from None


def _check_plots() -> None:
    """Raise UserError if plots cannot be drawn: better now than after a pass of minutes."""
    from volcast.backtest.report.svg import PlotsUnavailable, canvas  # noqa: PLC0415  # Matplotlib is slow to import

    try:
        with canvas("check", 1.0):
            pass
    except PlotsUnavailable as error:
        raise UserError(f"--report: {error}; install it with `{sys.executable} -m pip install matplotlib`") from None

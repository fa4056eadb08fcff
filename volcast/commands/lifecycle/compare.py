"""`volcast compare`: champion and challengers on the same past candles, and which of them should lead."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from volcast.atomic_file import check_targets, writing_bytes
from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.cli.outputs import check_ending, check_writable
from volcast.cli.params import ModelsParam, TimeParam
from volcast.cli.wiring.backtest import symbols_option
from volcast.settings.schema import Settings

from .forwarded import backtest_arguments
from .rule_options import rule_options

if TYPE_CHECKING:
    import polars as pl

    from volcast.lifecycle.comparison.result import LifecycleComparison
    from volcast.lifecycle.comparison.verdict import VerdictRule

CHALLENGERS = ("har_diurnal", "ewma")
_WORSE = 1


@click.command("compare")
@click.argument("files", metavar="[CANDLES]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--outcomes",
    "given",
    metavar="[NAME=]FILE",
    multiple=True,
    help="Compare outcomes that `volcast backtest --outcomes` has written, instead of candles. NAME replaces the model's.",
)
@click.option("--champion", metavar="MODEL", help="The model that leads now.  [default: the setting `model`]")
@click.option("--models", type=ModelsParam(), help=f"Challengers.  [default: `shadows`; without any {','.join(CHALLENGERS)}]")
@click.option("--from", "from_ms", type=TimeParam(), metavar="TIME", help="Score from this time on, UTC; learn from all before.")
@click.option("--to", "to_ms", type=TimeParam(), metavar="TIME", help="Candles before this time only, UTC.")
@click.option("--processes", type=click.IntRange(1, 256), metavar="N", help="Backtests at the same time.  [default: cores]")
@click.option("--json", "json_file", metavar="OUT.json", type=click.Path(path_type=Path), help="Write comparison.json.")
@click.option("--markdown", "markdown_file", metavar="OUT.md", type=click.Path(path_type=Path), help="Write it as Markdown.")
@click.option("--report", "report_file", metavar="OUT.html", type=click.Path(path_type=Path), help="Write it as an HTML page.")
@click.option("--fail-if-worse", is_flag=True, help="Exit with 1 if a challenger is worse beyond chance, or cannot be judged.")
@rule_options
@symbols_option
@settings_options("model", "shadows", "horizons", "interval_level", "prior", "price_decimals", "price_decimals_by_symbol")
def command(
    *,
    files: tuple[Path, ...],
    given: tuple[str, ...],
    champion: str | None,
    models: tuple[str, ...] | None,
    from_ms: int | None,
    to_ms: int | None,
    processes: int | None,
    json_file: Path | None,
    markdown_file: Path | None,
    report_file: Path | None,
    fail_if_worse: bool,
    rule: "VerdictRule",
    symbols: tuple[str, ...],
    settings: Settings,
) -> None:
    """Backtest champion and challengers on the same candles, and say which should lead.

    A challenger should lead if its loss is smaller by a margin and by more than chance, larger for no symbol, and if its
    intervals hold what they promise, on enough data: docs/lifecycle/comparison.md has the rule. Too few data keep the champion.

    With --outcomes nothing is computed again: for a pull request, compare the outcomes of the same candles before and after a
    change, as in --outcomes production=before.parquet --outcomes changed=after.parquet --champion production --fail-if-worse.
    """
    targets = (json_file, markdown_file, report_file)
    for option, path, endings in zip(
        ("--json", "--markdown", "--report"), targets, ((".json",), (".md", ".markdown"), (".html", ".htm")), strict=True
    ):
        check_ending(option, path, *endings)
        check_writable(path)
    check_targets(targets, files)
    if bool(files) == bool(given):
        raise UserError("name candle files, or outcomes by --outcomes: one of the two")
    from volcast.lifecycle.comparison.compared import compared  # noqa: PLC0415  # slow to import
    from volcast.lifecycle.comparison.outcomes import OutcomesError  # noqa: PLC0415
    from volcast.lifecycle.comparison.versions import used_versions  # noqa: PLC0415

    leader = champion or settings.model
    try:
        if given:
            found = _read(given)
        else:
            others = models or settings.shadows or CHALLENGERS
            times = [*(["--from", _time(from_ms)] if from_ms is not None else []), *(["--to", _time(to_ms)] if to_ms else [])]
            arguments = (*backtest_arguments(settings), *times, *(word for each in symbols for word in ("--symbol", each)))
            leader, found = _run(files, arguments, [leader, *(each for each in others if each != leader)], processes)
        result = compared(
            found,
            leader,
            rule,
            level=settings.interval_level,
            horizon_minutes=None if given else settings.horizons[0],
            versions=used_versions(),
        )
    except OutcomesError as error:
        raise UserError(str(error)) from None
    _write(result, json_file, markdown_file, report_file)
    click.echo(told(result))
    if fail_if_worse and (bad := _refused(result)):
        raise click.exceptions.Exit(_fail(bad))


def told(result: "LifecycleComparison") -> str:
    """Return the verdict for a terminal: a sentence for each challenger, and the summary."""
    lines = []
    for each in result.models:
        if each.decision is not None:
            standing = "leads" if each.model == result.winner else each.decision.standing.value
            lines.append(f"{each.model}: {standing}. {each.decision.reason}")
    return "\n".join([*lines, result.summary])


def _time(time_ms: int) -> str:
    from volcast.candle_files.timestamps import format_open_time  # noqa: PLC0415  # not needed by --help

    return format_open_time(time_ms)


def _read(given: tuple[str, ...]) -> "dict[str, pl.DataFrame]":
    """Return the outcomes of each model; a file of one model may give it another name."""
    from volcast.lifecycle.comparison.outcomes import OutcomesError, read_outcomes  # noqa: PLC0415  # slow to import

    found: dict[str, pl.DataFrame] = {}
    for text in given:
        name, equals, path = text.rpartition("=")
        by_model: dict[str, Any] = read_outcomes(Path(path))
        if equals and len(by_model) != 1:
            raise OutcomesError(f"{path} has the outcomes of {', '.join(by_model)}; {name} can be the name of one model only")
        for model, frame in by_model.items():
            if (name or model) in found:
                raise OutcomesError(f"two files have outcomes of {name or model}; name one of them, as in other={path}")
            found[name or model] = frame
    return found


def _run(
    files: tuple[Path, ...], arguments: tuple[str, ...], models: list[str], processes: int | None
) -> "tuple[str, dict[str, pl.DataFrame]]":
    """Return the champion's name in the outcomes, and the outcomes of all models; the champion is the first of `models`."""
    from volcast.lifecycle.comparison.outcomes import read_outcomes  # noqa: PLC0415  # as above
    from volcast.lifecycle.comparison.run import BacktestFailedError, BacktestOrder, run_backtests  # noqa: PLC0415

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with TemporaryDirectory(prefix="volcast-compare-") as folder:
        try:
            paths = run_backtests(BacktestOrder(files, arguments), models, Path(folder), processes or cores)
        except BacktestFailedError as error:
            raise UserError(str(error)) from None
        parts = [read_outcomes(path) for path in paths]
    if not all(parts):
        raise UserError("no forecast could be scored; give more candles, or an earlier --from")
    return next(iter(parts[0])), {name: frame for part in parts for name, frame in part.items()}


def _write(result: "LifecycleComparison", json_file: Path | None, markdown_file: Path | None, report_file: Path | None) -> None:
    from volcast.lifecycle.comparison.markdown import comparison_markdown  # noqa: PLC0415  # as above
    from volcast.lifecycle.comparison.page import comparison_page  # noqa: PLC0415
    from volcast.lifecycle.comparison.result import encode_comparison  # noqa: PLC0415

    if report_file:
        _put(report_file, comparison_page(result).encode())
    if markdown_file:
        _put(markdown_file, comparison_markdown(result).encode())
    if json_file:
        _put(json_file, encode_comparison(result))


def _put(path: Path, content: bytes) -> None:
    with writing_bytes(path) as raw:
        raw.write(content)


def _refused(result: "LifecycleComparison") -> list[str]:
    from volcast.lifecycle.comparison.verdict import Standing  # noqa: PLC0415  # as above

    bad = (Standing.WORSE, Standing.UNKNOWN)
    return [each.model for each in result.models if each.decision is not None and each.decision.standing in bad]


def _fail(models: list[str]) -> int:
    click.echo(f"refused: {', '.join(models)}", err=True)
    return _WORSE

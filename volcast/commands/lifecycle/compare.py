"""`volcast compare`: champion and challengers on the same past candles, and which of them should lead."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from volcast.atomic_file import check_targets, writing_bytes
from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.cli.outputs import check_ending, check_writable
from volcast.cli.params import ModelsParam, StartParam, TimeParam
from volcast.cli.wiring.backtest import symbols_option
from volcast.settings.schema import Settings

from .archives import opened_archive
from .forwarded import backtest_arguments
from .rule_options import rule_options

if TYPE_CHECKING:
    import polars as pl

    from volcast.lifecycle.comparison.result import LifecycleComparison
    from volcast.lifecycle.comparison.verdict import VerdictRule

CHALLENGERS = ("har_diurnal", "ewma")
_WORSE = 1
_ENDINGS = {"--json": (".json",), "--markdown": (".md", ".markdown"), "--report": (".html", ".htm")}


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
@click.option(
    "--archive", "root", metavar="ROOT", help="Compare on the candles of an archive, file:///PATH or s3://BUCKET/PREFIX."
)
@click.option("--interval", "day", type=StartParam(), metavar="DAY", help="With --archive: the last day of the window, UTC.")
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=30, show_default=True, help="With --archive: days that are scored."
)
@click.option(
    "--warmup-days",
    type=click.IntRange(0, 3_650),
    default=30,
    show_default=True,
    help="With --archive: days before, only learned.",
)
@click.option("--history", is_flag=True, help="With --archive: list the challengers of all nights, and why they did not lead.")
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
    root: str | None,
    day: datetime | None,
    days: int,
    warmup_days: int,
    history: bool,
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
    _check_outputs(files, {"--json": json_file, "--markdown": markdown_file, "--report": report_file})
    if [bool(files), bool(given), bool(root)].count(True) != 1:
        raise UserError("name candle files, outcomes by --outcomes, or an archive by --archive: one of the three")
    if root is None and (day is not None or history):
        raise UserError("--interval and --history are of an archive: name it by --archive ROOT")
    if root is not None and history:
        _print_history(root)
        return
    if root is not None and day is None:
        raise UserError("--archive needs --interval DAY, the last day of the window, or --history")
    others = models or settings.shadows or CHALLENGERS
    leader = champion or settings.model
    chosen = [leader, *(each for each in others if each != leader)]
    times = [*(["--from", _time(from_ms)] if from_ms is not None else []), *(["--to", _time(to_ms)] if to_ms else [])]
    from volcast.lifecycle.comparison.compared import compared  # noqa: PLC0415  # slow to import
    from volcast.lifecycle.comparison.outcomes import OutcomesError  # noqa: PLC0415
    from volcast.lifecycle.comparison.versions import used_versions  # noqa: PLC0415

    facts: dict[str, Any] = {"horizon_minutes": None if given else settings.horizons[0]}
    try:
        if given:
            found = _read(given)
        elif root is not None and day is not None:
            about = (f"{day:%Y-%m-%d}", days, warmup_days)
            leader, found, facts["data_hash"] = _of_archive(root, about, backtest_arguments(settings), chosen, processes)
            facts["interval"] = about[0]
        else:
            arguments = (*backtest_arguments(settings), *times, *(word for each in symbols for word in ("--symbol", each)))
            leader, found = _run(files, arguments, chosen, processes)
        result = compared(found, leader, rule, level=settings.interval_level, versions=used_versions(), **facts)
    except OutcomesError as error:
        raise UserError(str(error)) from None
    _write(result, json_file, markdown_file, report_file)
    click.echo(told(result))
    if fail_if_worse and (bad := _refused(result)):
        click.echo(f"refused: {', '.join(bad)}", err=True)
        raise click.exceptions.Exit(_WORSE)


def _check_outputs(files: tuple[Path, ...], targets: dict[str, Path | None]) -> None:
    """Raise UserError or OutputFileError if an output cannot be written as it is named."""
    for option, path in targets.items():
        check_ending(option, path, *_ENDINGS[option])
        check_writable(path)
    check_targets(targets.values(), files)


def _of_archive(
    root: str, about: tuple[str, int, int], arguments: tuple[str, ...], models: list[str], processes: int | None
) -> "tuple[str, dict[str, pl.DataFrame], str]":
    """Return the champion's name in the outcomes, the outcomes of all models on a window of the archive, and its hash.

    `about` are the last day, the days that are scored, and the days before them.
    """
    with opened_archive(root) as archive:
        from volcast.lifecycle.comparison.window import EmptyWindowError, read_window, write_window  # noqa: PLC0415  # as above

        try:
            window = read_window(archive, *about)
        except EmptyWindowError as error:
            raise UserError(f"{error}") from None
    with TemporaryDirectory(prefix="volcast-compare-") as folder:
        files = write_window(window, Path(folder))
        words = [word for symbol, _ in files for word in ("--symbol", symbol)]
        whole = (*arguments, *words, "--from", _time(window.score_from_ms))
        leader, found = _run(tuple(path for _, path in files), whole, models, processes)
    return leader, found, window.data_hash


def _print_history(root: str) -> None:
    with opened_archive(root) as archive:
        from volcast.lifecycle.comparison.losers import read_challenges  # noqa: PLC0415  # as above

        rows = [
            (
                each.day,
                each.champion,
                each.model,
                each.standing,
                f"{each.qlike_ratio:.4f}" if each.qlike_ratio else "–",
                each.reason,
            )
            for each in read_challenges(archive.store)
        ]
    if not rows:
        click.echo(f"there is no comparison in {root}")
        return
    from rich.console import Console  # noqa: PLC0415  # not needed by --help

    from volcast.cli.tables import print_rows  # noqa: PLC0415

    print_rows(("day", "champion", "challenger", "standing", "QLIKE ratio", "reason"), rows, Console())


def told(result: "LifecycleComparison") -> str:
    """Return the verdict for a terminal: a sentence for each challenger, and the summary."""
    challengers = [each for each in result.models if each.decision is not None]
    lines = [f"{each.model}: {result.standing_of(each)}. {result.reason_of(each)}" for each in challengers]
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
    from volcast.lifecycle.comparison.run import BacktestFailedError, BacktestOrder, cores, run_backtests  # noqa: PLC0415

    at_once = processes or cores()
    with TemporaryDirectory(prefix="volcast-compare-") as folder:
        try:
            paths = run_backtests(BacktestOrder(files, arguments, max(1, at_once // len(models))), models, Path(folder), at_once)
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

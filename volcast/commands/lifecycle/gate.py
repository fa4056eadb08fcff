"""`volcast gate`: check a day of candles before anything is computed from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from volcast.atomic_file import check_targets, writing_bytes
from volcast.candle_files.contract import FileOptions
from volcast.cli.candle_options import candle_options
from volcast.cli.main import UserError
from volcast.cli.outputs import check_ending, check_writable
from volcast.cli.params import StartParam, SymbolsParam
from volcast.cli.wiring.backtest import symbols_option

from .archives import opened_archive
from .extra import extra_required

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from volcast.lifecycle.quality.gate import GateVerdict
    from volcast.lifecycle.quality.report import GateReport

_FAILED = 1
_ENDINGS = {"report": (".html", ".htm"), "markdown": (".md", ".markdown"), "json": (".json",), "profile": (".html", ".htm")}
_path = click.Path(path_type=Path)


class ThresholdParam(click.ParamType[tuple[str, float]]):
    """A threshold of the gate and its value."""

    name = "NAME=NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Return name and number."""
        if isinstance(value, tuple):
            return value
        from volcast.lifecycle.quality.gate import GateThresholds  # noqa: PLC0415  # not needed by --help

        name, equals, number = str(value).partition("=")
        name = name.replace("-", "_")
        if not equals or name not in GateThresholds.__struct_fields__:
            self.fail(f"{value!r} is no threshold: one of {', '.join(GateThresholds.__struct_fields__)} and a number", param, ctx)
        try:
            found = float(number)
        except ValueError:
            found = -1.0
        if not 0.0 <= found < float("inf"):
            self.fail(f"{number!r} is no threshold: a number of at least 0 is expected.", param, ctx)
        return name, found


@click.command("gate")
@click.argument("files", metavar="[CANDLES]...", nargs=-1, type=_path)
@click.option(
    "--archive", "root", metavar="ROOT", help="Check the archive at file:///PATH or s3://BUCKET/PREFIX instead of files."
)
@click.option(
    "--interval", "day", type=StartParam(), metavar="DAY", help="Day to check, UTC.  [default: the last one of the files]"
)
@click.option("--expect", type=SymbolsParam(is_on_log=True), help="Symbols that must be there.")
@click.option(
    "--threshold", "thresholds", type=ThresholdParam(), multiple=True, help="Another threshold, as in max_null_share=0.02."
)
@click.option("--report", "report_file", metavar="OUT.html", type=_path, help="Write the report as an HTML page.")
@click.option("--markdown", "markdown_file", metavar="OUT.md", type=_path, help="Write the report as Markdown.")
@click.option("--json", "json_file", metavar="OUT.json", type=_path, help="Write verdict and facts as JSON.")
@click.option(
    "--profile", "profile_file", metavar="OUT.html", type=_path, help="Write fg-data-profiling's report of the day, too."
)
@candle_options
@symbols_option
def command(
    *,
    files: tuple[Path, ...],
    root: str | None,
    day: Any,
    expect: tuple[str, ...] | None,
    thresholds: tuple[tuple[str, float], ...],
    report_file: Path | None,
    markdown_file: Path | None,
    json_file: Path | None,
    profile_file: Path | None,
    options: FileOptions,
    symbols: tuple[str, ...],
) -> None:
    """Check a day of candles: schema, missing values, ranges, gaps, duplicates, freshness, and distributions.

    Distributions are compared with those of the month before. The exit code is 1 if a check has failed; the reports are written
    before that. More than 1 % of missing values in a column fails by default.
    docs/lifecycle/comparison.md has all thresholds. Needs the extra `lifecycle`.
    """
    _check_usage(files, root, day, {"report": report_file, "markdown": markdown_file, "json": json_file, "profile": profile_file})
    with extra_required("volcast gate"):
        from volcast.lifecycle.quality.facts import count_facts, interval_ms, utc_day  # noqa: PLC0415  # slow to import
        from volcast.lifecycle.quality.gate import judge_data, thresholds_of  # noqa: PLC0415
        from volcast.lifecycle.quality.report import GateReport, gate_json, gate_markdown, gate_page  # noqa: PLC0415

    refused = None
    if root:
        frame, refused = _of_archive(root, f"{day:%Y-%m-%d}", symbols)
    else:
        frame = _of_files(files, symbols, options)
    interval = f"{day:%Y-%m-%d}" if day is not None else utc_day(int(str(frame["open_time_ms"].max() or 0)))
    facts = count_facts(frame, interval, refused)
    verdict = judge_data(facts, thresholds_of(dict(thresholds)), expect or ())
    report = GateReport(verdict, facts)
    for path, make in ((report_file, gate_page), (markdown_file, gate_markdown), (json_file, gate_json)):
        _put(path, make, report)
    if profile_file is not None:
        begin, end = interval_ms(interval)
        _profile(
            frame.filter(frame["open_time_ms"].is_between(begin, end, closed="left")), profile_file, f"Candles of {interval}"
        )
    _tell(verdict)


def _check_usage(files: tuple[Path, ...], root: str | None, day: Any, targets: dict[str, Path | None]) -> None:
    """Raise UserError or OutputFileError for wrong usage."""
    for name, path in targets.items():
        check_ending(f"--{name}", path, *_ENDINGS[name])
        check_writable(path)
    check_targets(targets.values(), files)
    if bool(files) == bool(root):
        raise UserError("name candle files, or an archive by --archive: one of the two")
    if root and day is None:
        raise UserError("--archive needs --interval DAY: the day to check")


def _tell(verdict: "GateVerdict") -> None:
    """Print the verdict. Raises Exit if a check has failed."""
    for check in verdict.checks:
        if not check.passed:
            click.echo(f"failed: {check.sentence}", err=True)
    click.echo(verdict.summary)
    if not verdict.passed:
        raise click.exceptions.Exit(_FAILED)


def _of_files(files: tuple[Path, ...], symbols: tuple[str, ...], options: FileOptions) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415  # slow to import

    from producer.file_names import symbol_of  # noqa: PLC0415  # not needed by --help
    from volcast.lifecycle.quality.frames import file_frame  # noqa: PLC0415

    if len(symbols) not in {0, 1, len(files)}:
        raise UserError(f"{len(symbols)} symbols are given for {len(files)} files: give one, or one for each file")
    named = symbols * len(files) if len(symbols) == 1 else symbols or tuple(map(symbol_of, files))
    return pl.concat([file_frame(path, symbol, options) for path, symbol in zip(files, named, strict=True)])


def _of_archive(root: str, day: str, symbols: tuple[str, ...]) -> "tuple[pl.DataFrame, dict[str, int]]":
    from volcast.lifecycle.quality.frames import archive_frame  # noqa: PLC0415  # as above

    with opened_archive(root) as archive:
        return archive_frame(archive, day, symbols or None)


def _profile(rows: "pl.DataFrame", path: Path, title: str) -> None:
    from volcast.lifecycle.quality.profile import ProfileError, write_profile  # noqa: PLC0415  # as above

    try:
        write_profile(rows, path, title, lambda sentence: click.echo(sentence, err=True))
    except ProfileError as error:
        raise UserError(str(error)) from None


def _put(path: Path | None, make: "Callable[[GateReport], str | bytes]", report: "GateReport") -> None:
    if path is not None:
        content = make(report)
        with writing_bytes(path) as raw:
            raw.write(content.encode() if isinstance(content, str) else content)

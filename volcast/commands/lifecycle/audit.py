"""`volcast audit`: verify an archive: its chain, files and seals, and the outcomes, which are computed again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.cli.main import UserError
from volcast.cli.outputs import STANDARD_OUTPUT, check_ending, check_writable, output
from volcast.cli.params import StartParam
from volcast.cli.tables import counted, printable

from .extra import extra_required

if TYPE_CHECKING:
    from volcast.lifecycle.track_record.findings import AuditReport

_FOUND = 1
_SHOWN_PROBLEMS = 20


@click.command("audit")
@click.option("--archive", "root", required=True, metavar="ROOT", help="The archive: file:///path or s3://bucket/prefix.")
@click.option("--from", "first", type=StartParam(), help="First day of files, seals and scores.  [default: all]")
@click.option("--to", "last", type=StartParam(), help="Last day, which is included.  [default: all]")
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="HASH",
    help="A hash that an earlier audit or night gave and that was kept elsewhere. Can be given several times.",
)
@click.option("--json", "json_file", metavar="OUT.json", type=click.Path(path_type=Path), help="Write all findings as JSON.")
def command(*, root: str, first: datetime | None, last: datetime | None, heads: tuple[str, ...], json_file: Path | None) -> int:
    """Verify that nothing in the archive ROOT was changed since it was written, and compute the scores again.

    The last line gives the hash of the last commit. Keep it where the owner of the archive can't change it: with --head, a later
    audit proves that everything up to that commit is still the same. Exit code 1: something is wrong; the lines say what, with
    commit, file and row. Exit code 3: the archive can't be read.
    """
    if first and last and last < first:
        raise UserError("--to must not be earlier than --from")
    anchors = tuple(_checked(head) for head in heads)
    check_ending("--json", json_file, ".json")
    check_writable(json_file)
    with extra_required("volcast audit"):
        from volcast.lifecycle.archive.store import open_store  # noqa: PLC0415  # not needed by --help
        from volcast.lifecycle.track_record.audit import audit_archive  # noqa: PLC0415

        report = audit_archive(open_store(root), _day(first), _day(last), anchors)
    if json_file != STANDARD_OUTPUT:
        _show(report)
    if json_file is not None:
        _write(report, json_file)
    return 0 if report.passed else _FOUND


def _day(day: datetime | None) -> str | None:
    return f"{day.astimezone(UTC):%Y-%m-%d}" if day else None


def _checked(head: str) -> str:
    text = head.strip().lower()
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):  # noqa: PLR2004  # SHA-256 in hexadecimal digits
        raise UserError(
            f"--head {head!r:.80} is no hash: 64 hexadecimal digits are expected, as the last line of an audit has them"
        )
    return text


def _show(report: "AuditReport") -> None:
    for problem in report.problems[:_SHOWN_PROBLEMS]:
        click.echo(printable(f"wrong: {problem}"))
    rest = len(report.problems) + report.more_problems - _SHOWN_PROBLEMS
    if rest > 0:
        click.echo(f"and {counted(rest, 'more problem')}; --json writes up to 1000 of them")
    click.echo(f"chain: {counted(report.commits, 'commit')}, {counted(report.checkpoints, 'checkpoint')}")
    click.echo(f"files: {counted(report.files, 'file')} as committed, {counted(report.rows, 'row')} as their records say")
    expired = f", {report.seals_expired} of records that retention has deleted" if report.seals_expired else ""
    click.echo(f"seals: {report.seals} right{expired}")
    forecasts, scores = report.forecasts, report.scores
    gone = f", {forecasts.unverifiable} sealed with records that are gone" if forecasts.unverifiable else ""
    early = f", {forecasts.early} before their candle was over" if forecasts.early else ""
    counts = f"{forecasts.in_time} sealed in time, {forecasts.late} late, {forecasts.unsealed} not sealed"
    click.echo(f"forecasts: {counts}{early}{gone}")
    unknown = {
        "without the forecast or a close in the archive": scores.incomplete,
        "with a suspect price": scores.suspect,
        "after a rebuild": scores.rebuilt,
    }
    not_computed = "".join(f", {count} {why}" for why, count in unknown.items() if count)
    click.echo(f"outcomes: {scores.confirmed} computed again and confirmed{not_computed}")
    if report.candles_missing:
        click.echo(f"candles: missing in the archive of {counted(report.candles_missing, 'signal')}")
    if report.lost_ranges:
        click.echo(f"lost: {counted(report.lost_ranges, 'range')} of offsets that the log had deleted before, as commits say")
    for anchor, number in report.anchors.items():
        click.echo(f"kept hash {anchor}: is that of commit {number}; nothing up to it was changed")
    if report.root.startswith("file:"):
        click.echo("times: of files in a folder, by the clock of their machine; whoever owns it can set them")
    verdict = "passed" if report.passed else f"FAILED, {counted(len(report.problems) + report.more_problems, 'problem')}"
    click.echo(f"{verdict}: commit {report.head_number} has the hash {report.head}")


def _write(report: "AuditReport", path: Path) -> None:
    import msgspec  # noqa: PLC0415  # not needed by --help

    text = msgspec.json.format(msgspec.json.encode({"passed": report.passed, **msgspec.structs.asdict(report)}), indent=2)
    with output(path) as file:
        file.write(text.decode() + "\n")

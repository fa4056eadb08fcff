"""`volcast league`: what each model's live forecasts were worth by day, who led, and what was promoted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.cli.main import SKIPPED, UserError
from volcast.cli.outputs import STANDARD_OUTPUT, check_ending, check_writable, output
from volcast.cli.params import StartParam
from volcast.cli.tables import counted

from .extra import extra_required

if TYPE_CHECKING:
    from volcast.lifecycle.track_record.league import League


@click.command("league")
@click.option("--archive", "root", required=True, metavar="ROOT", help="The archive: file:///path or s3://bucket/prefix.")
@click.option("--from", "first", type=StartParam(), help="First day.  [default: all]")
@click.option("--to", "last", type=StartParam(), help="Last day, which is included.  [default: all]")
@click.option("--json", "json_file", metavar="OUT.json", type=click.Path(path_type=Path), help="Write the league as JSON.")
@click.option("--report", "report_file", metavar="OUT.html", type=click.Path(path_type=Path), help="Write it as an HTML page.")
def command(*, root: str, first: datetime | None, last: datetime | None, json_file: Path | None, report_file: Path | None) -> int:
    """Compare the live forecasts of all models in the archive ROOT, day by day, with those of whoever led.

    Exit code 99: there are no outcomes in these days.
    """
    if first and last and last < first:
        raise UserError("--to must not be earlier than --from")
    check_ending("--json", json_file, ".json")
    check_ending("--report", report_file, ".html")
    for path in (json_file, report_file):
        check_writable(path)
    with extra_required("volcast league"):
        from volcast.lifecycle.archive.read import Archive  # noqa: PLC0415  # not needed by --help
        from volcast.lifecycle.track_record.league import league, league_json  # noqa: PLC0415

        found = league(Archive(root), _day(first), _day(last))
    if json_file is not None:
        with output(json_file) as file:
            file.write(league_json(found).decode())
    if report_file is not None:
        from volcast.lifecycle.track_record.league_page import league_page  # noqa: PLC0415  # not needed by --help

        with output(report_file) as file:
            file.write(league_page(found))
    if json_file is None and report_file is None:
        _show(found)
    elif STANDARD_OUTPUT not in {json_file, report_file}:
        _tell(found, [each for each in (json_file, report_file) if each])
    return 0 if found.horizon_minutes is not None else SKIPPED


def _day(day: datetime | None) -> str | None:
    return f"{day.astimezone(UTC):%Y-%m-%d}" if day else None


def _tell(found: "League", written: list[Path]) -> None:
    files = " and ".join(map(str, written))
    if found.horizon_minutes is None:
        click.echo(f"the archive has no outcomes in these days; {files} says so")
        return
    click.echo(f"{counted(len(found.models), 'model')} from {found.from_day} to {found.to_day}: {files}")


def _show(found: "League") -> None:
    from rich.console import Console  # noqa: PLC0415  # not needed by --help

    from volcast.cli.tables import print_rows  # noqa: PLC0415
    from volcast.lifecycle.track_record.league_page import (  # noqa: PLC0415
        changes_table,
        days_table,
        promotions_table,
        totals_table,
    )

    if found.horizon_minutes is None:
        click.echo("the archive has no outcomes in these days")
        return
    console = Console()
    for table in (totals_table(found), days_table(found), promotions_table(found), changes_table(found)):
        if table.rows:
            click.echo(f"\n{table.title}" if console.is_terminal else f"# {table.title}")
            print_rows(table.headers, table.rows, console)

"""`volcast settings`: print the settings in effect and the source of each, as a table, as plain columns or as JSON."""

import json

import click
from rich.console import Console
from rich.table import Table

from volcast.cli.options import loaded_options
from volcast.cli.tables import create_table, print_table
from volcast.settings.describe import describe_settings, text
from volcast.settings.effective import effective_settings
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded

_COLUMNS = ("name", "value", "from", "allowed", "sentence")


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object for each setting.")
@loaded_options(*Settings.model_fields)
def command(loaded: Loaded, *, as_json: bool) -> None:
    """Print the settings in effect and where each one comes from: flag, environment, .env, a YAML file or default.

    Every setting but a secret is accepted as a flag, so the output shows what a command line would do. It is a table on a
    terminal, and tab-separated lines elsewhere. A secret that is set is shown as ********.
    """
    if as_json:
        click.echo(json.dumps(effective_settings(loaded), indent=2))
        return
    console = Console()
    if console.is_terminal:
        print_table(_table(loaded), console)
    else:
        click.echo("\n".join("\t".join(row) for row in [_COLUMNS, *_rows(loaded)]))


def _rows(loaded: Loaded) -> list[tuple[str, ...]]:
    return [
        (one.name, text(getattr(loaded.settings, one.name)), loaded.origins[one.name], one.allowed, one.sentence)
        for one in describe_settings()
    ]


def _table(loaded: Loaded) -> Table:
    """Return a table in which settings that differ from their default are bold."""
    rows = _rows(loaded)
    table = create_table(_COLUMNS, rows)
    for row, cells in zip(table.rows, rows, strict=True):
        row.style = "" if cells[2] == "default" else "bold"
    return table

"""`volcast settings`: print the settings in effect and the source of each, as a table, as plain columns or as JSON."""

import json
from pathlib import Path

import click
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from volcast.cli.options import loaded_options
from volcast.settings.describe import describe_settings, text
from volcast.settings.schema import MASK, Settings
from volcast.settings.sources import Loaded
from volcast.urls import without_passwords

_COLUMNS = ("name", "value", "from", "allowed", "sentence")


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object for each setting.")
@loaded_options(*Settings.model_fields)
def command(loaded: Loaded, *, as_json: bool) -> None:
    """Print the settings in effect and where each one comes from: flag, environment, .env, a YAML file or default.

    Every setting is accepted as a flag, so the output shows what a command line would do. It is a table on a terminal, and
    tab-separated lines elsewhere. A secret that is set is shown as ********.
    """
    if as_json:
        click.echo(json.dumps(_objects(loaded), indent=2))
        return
    console = Console()
    if console.is_terminal:
        console.print(_table(loaded))
    else:
        click.echo("\n".join("\t".join(row) for row in [_COLUMNS, *_rows(loaded)]))


def _rows(loaded: Loaded) -> list[tuple[str, ...]]:
    return [
        (one.name, text(getattr(loaded.settings, one.name)), loaded.origins[one.name], one.allowed, one.sentence)
        for one in describe_settings()
    ]


def _objects(loaded: Loaded) -> list[dict[str, object]]:
    return [
        {
            "name": one.name,
            "value": _plain(getattr(loaded.settings, one.name)),
            "from": loaded.origins[one.name],
            "default": _plain(one.default),
            "allowed": one.allowed,
            "sentence": one.sentence,
        }
        for one in describe_settings()
    ]


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK
    return without_passwords(str(value)) if isinstance(value, str | Path) else value


def _table(loaded: Loaded) -> Table:
    """Return a table whose cells wrap on a narrow terminal; settings that differ from their default are bold."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for row in _rows(loaded):
        style = "" if row[2] == "default" else "bold"
        table.add_row(*(Text(cell, style=style) for cell in row))
    return table

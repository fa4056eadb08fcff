"""The options for candle files that cannot be recognized: what they accept, and what a wrong one says."""

import click
import pytest
from click.testing import CliRunner

from volcast.candle_files.contract import FileOptions
from volcast.cli.candle_options import candle_options


@click.command
@candle_options
def show(options: FileOptions) -> None:
    click.echo(repr(options))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(show, arguments)
    return result.exit_code, " ".join(result.output.split())


def test_without_them_everything_is_recognized_by_content() -> None:
    assert run() == (0, repr(FileOptions()))


def test_columns_zone_and_unit() -> None:
    found = run("--columns", "time=Open Time, Close = Schluss,volume=7", "--timezone", "Europe/Berlin", "--time-unit", "ms")
    expected = FileOptions((("time", "Open Time"), ("close", "Schluss"), ("volume", "7")), "Europe/Berlin", "ms")
    assert found == (0, repr(expected))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--columns", "Date"), "'Date' does not name a column: ROLE=NAME is expected, with a role out of time, open, high,"),
        (("--columns", "zeit=Date"), "'zeit=Date' does not name a column"),
        (("--columns", "time="), "'time=' does not name a column"),
        (("--columns", "time=a,time=b"), "time is given twice"),
        (("--columns", "time=a,close=a"), "gives one column two roles"),
        (("--time-unit", "minutes"), "'minutes' is not one of 's', 'ms', 'us', 'ns'"),
    ],
)
def test_a_wrong_option_is_refused(arguments: tuple[str, ...], sentence: str) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert sentence in output

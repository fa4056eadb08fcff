"""The command's frame: what it imports, how it helps, and with which line and code each kind of end is told."""

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from volcast.cli.main import EXIT_CODES, VERBS, UserError, Volcast, main
from volcast.log.contract import Busy
from volcast.settings.schema import SettingsError

ENDS: dict[str, BaseException] = {
    "user": UserError("the file x is empty; give another"),
    "settings": SettingsError("window: 0 is out of range\nport: x is no number"),
    "log": Busy("another consumer holds x.db"),
    "bug": ZeroDivisionError("division by zero"),
    "interrupt": KeyboardInterrupt(),
    "cut": EOFError("no more"),
    "silent": Busy(),
    "group": ExceptionGroup("tasks", [Busy("held"), ExceptionGroup("more", [Busy("held"), SettingsError("wrong")])]),
    "mixed": ExceptionGroup("tasks", [Busy("held"), ZeroDivisionError()]),
    "file": click.FileError("x", "no such file"),
}


@click.command()
@click.argument("end")
@click.option("--many", type=int)
def failing(end: str, many: int | None) -> None:
    if many:
        click.get_current_context().exit(many)
    if end != "none":
        raise ENDS[end]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Volcast:
    """A program of one verb, `fail`, found by name as the real ones are."""
    monkeypatch.setitem(sys.modules, "verb_of_this_test", sys.modules[__name__])
    return Volcast("volcast", verbs={"fail": ("verb_of_this_test:failing", "Fail as told.")})


def call(program: click.Command, *args: str) -> Result:
    return CliRunner().invoke(program, args)


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("none", 0, ""),
        ("user", 2, "volcast: the file x is empty; give another\n"),
        ("settings", 2, "volcast: window: 0 is out of range\nvolcast: port: x is no number\n"),
        ("log", 3, "volcast: another consumer holds x.db\n"),
        ("silent", 3, "volcast: Busy\n"),
        ("group", 3, "volcast: held\nvolcast: wrong\n"),
        ("interrupt", 130, "\nvolcast: interrupted\n"),
        ("file", 2, "volcast: Could not open file 'x': no such file\n"),
    ],
)
def test_an_expected_end_is_a_line_and_a_code(program: Volcast, end: str, code: int, said: str) -> None:
    result = call(program, "fail", end)
    assert (result.exit_code, result.stderr, result.stdout) == (code, said, "")


@pytest.mark.parametrize("end", ["bug", "cut", "mixed"])
def test_a_bug_is_raised_as_it_is(program: Volcast, end: str) -> None:
    result = call(program, "fail", end)
    assert result.exit_code == 1
    assert result.exception is ENDS[end]


def test_a_command_may_exit_with_a_code_of_its_own(program: Volcast) -> None:
    assert call(program, "fail", "none", "--many", "7").exit_code == 7
    assert program.main(["fail", "none", "--many", "7"], standalone_mode=False) == 7


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["fale"], "volcast: There is no command 'fale'; did you mean 'fail'? Try `volcast --help`.\n"),
        (["xyz"], "volcast: There is no command 'xyz'; there are fail. Try `volcast --help`.\n"),
        (["--halp"], "volcast: No such option '--halp'. Did you mean '--help'? Try `volcast --help`.\n"),
        (["fail"], "volcast: Missing argument 'END'. Try `volcast fail --help`.\n"),
        (
            ["fail", "none", "--many", "x"],
            "volcast: Invalid value for '--many': 'x' is not a valid integer. Try `volcast fail --help`.\n",
        ),
    ],
)
def test_wrong_use_is_one_line(program: Volcast, args: list[str], said: str) -> None:
    result = call(program, *args)
    assert (result.exit_code, result.stderr) == (2, said)


def test_help_lists_the_verbs_along_the_path() -> None:
    result = call(main, "--help")
    assert result.exit_code == 0
    assert "candles -> produce -> [log] -> consume -> [log] -> serve" in result.stdout
    places = [result.stdout.index(f"\n  {name} ") for name in VERBS]
    assert places == sorted(places)
    assert all(sentence in result.stdout for _, sentence in VERBS.values())
    assert result.stdout.isascii()  # it must print in any locale


def test_without_a_verb_it_helps() -> None:
    result = call(main)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: volcast")


def test_version() -> None:
    assert call(main, "--version").stdout == f"volcast {importlib.metadata.version('volcast')}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_where_the_table_says(verb: str) -> None:
    command = main.get_command(click.Context(main), verb)
    assert isinstance(command, click.Command)
    assert command.help


@pytest.mark.parametrize("name", EXIT_CODES)
def test_each_error_with_a_code_exists(name: str) -> None:
    module, _, error = name.partition(":")
    assert issubclass(getattr(importlib.import_module(module), error), Exception)


def python(*args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=folder, capture_output=True, text=True, check=False)


def test_help_loads_click_and_nothing_else(tmp_path: Path) -> None:
    source = """import sys
before = set(sys.modules)
from volcast.cli.main import main
main(["--help"], standalone_mode=False)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print("LOADED", *sorted(loaded - sys.stdlib_module_names))
"""
    result = python("-c", source, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "LOADED click volcast"


def test_the_process_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    result = python("-m", "volcast.cli.main", "settings", "--window", "0", folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr == "volcast: window: 0 (flag --window) is out of range: a whole number from 1 to 10080\n"

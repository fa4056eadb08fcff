"""The `volcast` command: what it imports, its help, and the message and exit code of each kind of error."""

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

ERRORS: dict[str, BaseException] = {
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


ERRORS["import"] = ImportError("initialization failed")  # as Python makes it of a stop signal while a compiled module is loading
ERRORS["import"].__cause__ = KeyboardInterrupt()
ERRORS["no module"] = ImportError("no such module")


@click.command()
@click.argument("end")
@click.option("--many", type=int)
def failing(end: str, many: int | None) -> None:
    if many:
        click.get_current_context().exit(many)
    if end != "none":
        raise ERRORS[end]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Volcast:
    """A program with one command, `fail`, which is imported by name as the real ones are."""
    monkeypatch.setitem(sys.modules, "verb_of_this_test", sys.modules[__name__])
    return Volcast("volcast", verbs={"fail": ("verb_of_this_test:failing", "Fail with the named error.")})


def call(program: click.Command, *args: str) -> Result:
    return CliRunner().invoke(program, args)


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        ("none", 0, ""),
        ("user", 2, "volcast: the file x is empty; give another\n"),
        ("settings", 2, "volcast: window: 0 is out of range\nvolcast: port: x is no number\n"),
        ("log", 3, "volcast: another consumer holds x.db\n"),
        ("silent", 3, "volcast: Busy\n"),
        ("group", 3, "volcast: held\nvolcast: wrong\n"),
        ("interrupt", 130, "\nvolcast: interrupted\n"),
        ("import", 130, "volcast: interrupted\n"),
        ("file", 2, "volcast: Could not open file 'x': no such file\n"),
    ],
)
def test_an_expected_error_is_a_message_and_an_exit_code(program: Volcast, end: str, code: int, message: str) -> None:
    result = call(program, "fail", end)
    assert (result.exit_code, result.stderr, result.stdout) == (code, message, "")


@pytest.mark.parametrize("end", ["bug", "cut", "mixed", "no module"])
def test_a_bug_is_raised_unchanged(program: Volcast, end: str) -> None:
    result = call(program, "fail", end)
    assert result.exit_code == 1
    assert result.exception is ERRORS[end]


def test_a_command_may_exit_with_a_code_of_its_own(program: Volcast) -> None:
    assert call(program, "fail", "none", "--many", "7").exit_code == 7
    assert program.main(["fail", "none", "--many", "7"], standalone_mode=False) == 7


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fale"], "volcast: No such command 'fale'. Did you mean 'fail'? Try `volcast --help`.\n"),
        (["xyz"], "volcast: No such command 'xyz'. Commands: fail. Try `volcast --help`.\n"),
        (["--halp"], "volcast: No such option '--halp'. Did you mean '--help'? Try `volcast --help`.\n"),
        (["fail"], "volcast: Missing argument 'END'. Try `volcast fail --help`.\n"),
        (
            ["fail", "none", "--many", "x"],
            "volcast: Invalid value for '--many': 'x' is not a valid integer. Try `volcast fail --help`.\n",
        ),
    ],
)
def test_wrong_usage_is_one_line(program: Volcast, args: list[str], message: str) -> None:
    result = call(program, *args)
    assert (result.exit_code, result.stderr) == (2, message)


def test_help_lists_the_commands_in_order() -> None:
    result = call(main, "--help")
    assert result.exit_code == 0
    assert "candles -> produce -> [log] -> consume -> [log] -> serve" in result.stdout
    places = [result.stdout.index(f"\n  {name} ") for name in VERBS]
    assert places == sorted(places)
    assert all(sentence in result.stdout for _, sentence in VERBS.values())
    assert result.stdout.isascii()  # it must print in any locale


def test_help_is_printed_without_a_command() -> None:
    result = call(main)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: volcast")


def test_version() -> None:
    assert call(main, "--version").stdout == f"volcast {importlib.metadata.version('volcast')}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_each_command_is_where_the_table_says(verb: str) -> None:
    command = main.get_command(click.Context(main), verb)
    assert isinstance(command, click.Command)
    assert command.help


@pytest.mark.parametrize("name", EXIT_CODES)
def test_each_error_with_a_code_exists(name: str) -> None:
    module, _, error = name.partition(":")
    assert issubclass(getattr(importlib.import_module(module), error), Exception)


def python(*args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=folder, capture_output=True, text=True, check=False)


def test_help_imports_nothing_but_click(tmp_path: Path) -> None:
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


def test_an_error_of_the_process_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    result = python("-m", "volcast.cli.main", "settings", "--window", "0", folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr == "volcast: window: 0 (flag --window) is out of range: a whole number from 1 to 10080\n"

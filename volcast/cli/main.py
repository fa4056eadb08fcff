"""The `volcast` command: a table of its subcommands, each imported when it is called, and one rule for exit codes.

Of libraries this module imports only click, so that `volcast --help` is fast whatever a subcommand imports (River alone takes
seconds).
"""

import difflib
import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .streams import OutputClosedError, OutputError, discard_output, prepare_streams

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""The matrices have some 80 rows, for which threads only cost time. Must be set before NumPy is imported."""

VERBS: Mapping[str, tuple[str, str]] = {
    "run": ("volcast.commands.run.command:command", "Run the whole pipeline in one process."),
    "produce": ("volcast.commands.produce:command", "Send candles from files or from a venue to the log."),
    "consume": ("volcast.commands.consume:command", "Read candles from the log and write signals to it."),
    "serve": ("volcast.commands.signals.serve:command", "Serve the latest signals over HTTP, with metrics."),
    "ask": ("volcast.commands.signals.ask:command", "Answer how likely a price or a loss is."),
    "mcp": ("volcast.commands.signals.mcp:command", "Let an assistant ask a running API: an MCP server."),
    "download": ("volcast.commands.candles.download:command", "Download past candles of a venue to a CSV file."),
    "archive": ("volcast.commands.lifecycle.archive:command", "Copy the log into Parquet files, on a disk or on S3."),
    "ingest": ("volcast.commands.lifecycle.ingest:command", "Put past hours of a venue or CoinCap into the archive."),
    "generate": ("volcast.commands.candles.generate:command", "Generate simulated candles as CSV files."),
    "backtest": ("volcast.commands.backtest.command:command", "Forecast past candles with several models, and score them."),
    "check": ("volcast.commands.check.command:command", "Check forecasts for lookahead, and how long they warm up."),
    "drift": ("volcast.commands.backtest.drift:command", "List the drift alarms that past candles would have raised."),
    "signal": ("volcast.commands.candles.signal:command", "Count the signals of a file: the batch job."),
    "replay": ("volcast.commands.backtest.replay.command:command", "Replay a log with other settings, beside the live signals."),
    "fit-prior": ("volcast.commands.backtest.fit_prior:command", "Learn the prior from which new symbols start."),
    "rejects": ("volcast.commands.rejects.command:command", "List rejected candles, or replay them."),
    "state": ("volcast.commands.state.command:command", "Show, export or import the state of the engines."),
    "logs": ("volcast.commands.logs.command:command", "List or delete the logs in the data folder."),
    "prove": ("volcast.commands.prove:command", "Test exactly-once processing under kills and faults."),
    "doctor": ("volcast.commands.doctor.command:command", "Check this machine and the log, or a venue."),
    "health": ("volcast.commands.doctor.health:command", "Ask a running process whether it is healthy."),
    "notify": ("volcast.commands.run.notify.command:command", "Try the notifications of `volcast run --live`."),
    "simulate-exchange": ("volcast.commands.candles.simulate_exchange:command", "Run a simulated exchange on this machine."),
    "gate": ("volcast.commands.lifecycle.gate:command", "Check a day of candles before anything is computed from it."),
    "compare": ("volcast.commands.lifecycle.compare:command", "Compare champion and challengers: which model should lead?"),
    "league": ("volcast.commands.lifecycle.league:command", "Compare the live forecasts of all models, day by day."),
    "audit": ("volcast.commands.lifecycle.audit:command", "Verify that nothing in the archive was changed."),
    "models": ("volcast.commands.lifecycle.models.command:command", "Show which model leads; promote another, or go back."),
    "nightly": (
        "volcast.commands.lifecycle.nightly:command",
        "Check, backtest, compare, register, promote: a whole night.",
    ),
    "settings": ("volcast.commands.settings:command", "Print the settings in effect and where they come from."),
}
"""Name of each command: where it is defined, and what it does; along the path of a candle."""

EXIT_CODES: Mapping[str, int] = {
    "volcast.atomic_file:OutputFileError": 2,
    "volcast.candle_files.contract:CandleFileError": 2,
    "producer.rest.throttle:UnknownPair": 2,
    "producer.rest.origin:SimulatedVenue": 2,
    "volcast.cli.own_models.guarded:OwnModelError": 2,
    "volcast.cli.streams:OutputError": 2,
    "volcast.settings.schema:SettingsError": 2,
    "volcast.lifecycle.archive.commits:ChainError": 3,
    "volcast.lifecycle.archive.store:StoreError": 3,
    "volcast.log.contract:LogError": 3,
    "volcast.cli.streams:OutputClosedError": 141,
}
"""Exit codes of the errors whose text is a message for the user, subclasses included. Named here, not imported."""

CORE = Path(__file__).parent.parent / "core"
INTERRUPTED = 130
SKIPPED = 99
"""For schedulers: what was to be done had been done before. Airflow counts such a task as skipped."""


class UserError(click.ClickException):
    """Wrong usage or input. The message is one sentence that says what to do; the exit code is 2."""

    exit_code = 2


class Volcast(click.Group):
    """A command group that imports its subcommands on demand, and turns each expected error into a message and an exit code."""

    def __init__(self, *args: Any, verbs: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the signature is click's
        if cmd_name not in self.verbs:
            return None
        module, _, name = self.verbs[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.verbs and not name.startswith("-"):
            nearest = difflib.get_close_matches(name, self.verbs, n=1)
            advice = f"Did you mean {nearest[0]!r}?" if nearest else f"Commands: {', '.join(self.verbs)}."
            raise click.UsageError(f"No such command {name!r}. {advice}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the signature is click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in self.verbs.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - the signature is click's
        **extra: Any,
    ) -> Any:
        """Run the command and exit with its code; an error that is not in EXIT_CODES is a bug and is raised."""
        if args is None:  # this is the process's own command, not one that a test calls
            prepare_streams()
        try:
            result = super().main(args, prog_name or self.name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except click.ClickException as error:
            code = _print_messages(_usage_message(error), UserError.exit_code)
        except click.Abort as abort:
            if isinstance(abort.__cause__, EOFError):  # click takes it for Ctrl-D at a prompt; without a prompt it is a bug
                raise abort.__cause__ from None
            code = _print_messages(["interrupted"], INTERRUPTED)
        except Exception as error:
            is_stopped = _is_interrupted_import(error)
            code = _print_messages(["interrupted"], INTERRUPTED) if is_stopped else _report(list(_flattened(error)))
            if not code:
                raise
        else:
            code = result if isinstance(result, int) else 0
        if not standalone_mode:
            return code
        sys.exit(code)


def _is_interrupted_import(error: Exception) -> bool:
    """Return whether a stop signal came while a compiled module was loading, which makes an ImportError of it."""
    return isinstance(error, ImportError) and isinstance(error.__cause__ or error.__context__, KeyboardInterrupt)


def _flattened(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group of any depth, or the error itself: concurrent tasks fail as a group."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _flattened(part)
    else:
        yield error


def _report(errors: list[BaseException]) -> int:
    """Print the messages of expected errors and return their exit code; print nothing and return 0 if one of them is a bug."""
    if not all(map(_exit_code, errors)):
        return 0
    if any(isinstance(each, OutputError | OutputClosedError) for each in errors):
        discard_output()
    messages = [str(each) or type(each).__name__ for each in errors if not isinstance(each, OutputClosedError)]
    return _print_messages(dict.fromkeys(messages), max(map(_exit_code, errors)))


def _exit_code(error: BaseException) -> int:
    """Return the exit code of an expected error, 0 for a bug."""
    if isinstance(error, click.ClickException):
        return UserError.exit_code
    return max(EXIT_CODES.get(f"{kind.__module__}:{kind.__qualname__}", 0) for kind in type(error).__mro__)


def _usage_message(error: click.ClickException) -> Iterable[str]:
    message = error.format_message()
    if not isinstance(error, click.UsageError):
        return [message]
    hint = f" Try `{error.ctx.command_path} --help`." if error.ctx else ""
    return [" ".join(message.split()) + hint]


def _print_messages(messages: Iterable[str], code: int) -> int:
    for message in messages:
        for line in message.splitlines():
            click.echo(f"volcast: {line}", err=True)
    return code


HELP = """Streaming volatility forecasts: one candle in, one signal out.

\b
candles -> produce -> [log] -> consume -> [log] -> serve
           `------------- run: all in one -------------'

Run `volcast COMMAND --help` for the options of a command.
"""
EXIT_CODE_HELP = (
    "Exit codes: 0 success; 1 a bug, a failed `check`, `prove`, `doctor`, `health`, `signal`, `notify`, `audit`, `gate`, "
    "`nightly`, `compare --fail-if-worse` or `ingest`, or an `ask` that has no forecast of now; 2 wrong usage or input; 3 the "
    "log or the archive cannot be used; 99 nothing to do; 130 interrupted; 141 the reader of the output has gone away."
)


def is_compiled(core: Path = CORE) -> bool:
    """Return whether compiled modules lie beside the source of the core; `setup.py` says which."""
    return next(core.glob("*.so"), None) is not None


def stale_module(core: Path = CORE) -> str | None:
    """Return a message if, in a checkout, a compiled module of the core is older than its source, or has none any more.

    Python prefers a compiled module to the source of the same name, so it would compute what the source no longer says. The
    files of an installed wheel do not change, and are not looked at.
    """
    if not (core.parent.parent / "setup.py").exists():
        return None
    for module in core.rglob("*.so"):
        source = module.with_name(module.name.split(".", 1)[0] + ".py")
        if "__mypyc" in source.name:  # what all compiled modules share
            continue
        if not source.exists() or source.stat().st_mtime > module.stat().st_mtime:
            path = source.relative_to(core.parent.parent)
            return f"the compiled core is older than {path}: `make compile` compiles it again, `make pure` goes without"
    return None


@click.group("volcast", cls=Volcast, verbs=VERBS, help=HELP, epilog=EXIT_CODE_HELP)
@click.version_option(package_name="volcast", message="%(prog)s %(version)s")
def main() -> None:
    """The `volcast` command. `volcast --help` prints HELP."""
    if stale := stale_module():
        raise click.ClickException(stale)


if __name__ == "__main__":
    main()

"""The `volcast` command: a table of verbs, each loaded when it is called, and one rule for how a command ends.

Whatever a command imports (River alone takes seconds) is none of `volcast --help`'s business: this file imports click only.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Matrices of some 80 rows: threads would only cost. It must stand before NumPy is imported."""

VERBS: Mapping[str, tuple[str, str]] = {
    "run": ("volcast.commands.run.command:command", "The whole path in one process: candles, forecast, show."),
    "produce": ("volcast.commands.produce:command", "Candles onto the log, of files or of a venue."),
    "consume": ("volcast.commands.consume:command", "Candles from the log to signals on the log."),
    "serve": ("volcast.commands.serve:command", "Signals from the log to the API and the gauges."),
    "download": ("volcast.commands.download:command", "A venue's candles of the past into a CSV file."),
    "generate": ("volcast.commands.generate:command", "Simulated candles into CSV files."),
    "backtest": ("volcast.commands.backtest:command", "What would have been forecast after each candle."),
    "compare": ("volcast.commands.compare:command", "Models beside each other: who forecasts best."),
    "fit-prior": ("volcast.commands.fit_prior:command", "What a new symbol's forecaster starts from."),
    "rejects": ("volcast.commands.rejects.command:command", "What was not taken, and why; list it, or send it again."),
    "state": ("volcast.commands.state.command:command", "The engines' state on the log: show, export, import."),
    "prove": ("volcast.commands.prove:command", "Kill it anywhere: whether each signal is there once."),
    "doctor": ("volcast.commands.doctor:command", "Whether a venue can be followed from here."),
    "simulate-exchange": (
        "volcast.commands.simulate_exchange:command",
        "A scripted exchange on this machine, to watch live mode.",
    ),
    "settings": ("volcast.commands.settings:command", "The settings in effect, and where each came from."),
}
"""Name: where its command is, and what it does; in the order of a candle's path."""

EXIT_CODES: Mapping[str, int] = {
    "volcast.atomic_file:OutputFileError": 2,
    "volcast.candle_files.reader:CandleFileError": 2,
    "producer.rest.throttle:UnknownPair": 2,
    "volcast.settings.schema:SettingsError": 2,
    "volcast.log.contract:LogError": 3,
}
"""The errors whose text is a sentence for the user. Named, not imported; what derives from one counts as it."""

INTERRUPTED = 130


class UserError(click.ClickException):
    """Wrong use or wrong input: its message is one sentence that says what to do. Ends a command with code 2."""

    exit_code = 2


class Volcast(click.Group):
    """A group that knows its verbs by name, and turns every expected end into one line and a code."""

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
            advice = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(self.verbs)}."
            raise click.UsageError(f"There is no command {name!r}; {advice}", ctx)
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
        """Run, then exit with 0, 2 (wrong use or input), 3 (the log is not usable) or 130 (interrupted); a bug is raised."""
        try:
            result = super().main(args, prog_name or self.name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except click.ClickException as error:
            code = _say(_usage(error), UserError.exit_code)
        except click.Abort as abort:
            if isinstance(abort.__cause__, EOFError):  # click takes it for a Ctrl-D; where nothing is asked, it is a bug
                raise abort.__cause__ from None
            code = _say(["interrupted"], INTERRUPTED)
        except Exception as error:
            ends = [(str(leaf) or type(leaf).__name__, _exit_code(leaf)) for leaf in _leaves(error)]
            if not all(code for _, code in ends):
                raise
            code = _say(dict.fromkeys(sentence for sentence, _ in ends), max(code for _, code in ends))
        else:
            code = result if isinstance(result, int) else 0
        if not standalone_mode:
            return code
        sys.exit(code)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Tasks that ran side by side fail as a group: what counts is what each of them said."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


def _exit_code(error: BaseException) -> int:
    """0 for a bug."""
    if isinstance(error, click.ClickException):
        return UserError.exit_code
    return max(EXIT_CODES.get(f"{kind.__module__}:{kind.__qualname__}", 0) for kind in type(error).__mro__)


def _usage(error: click.ClickException) -> Iterable[str]:
    sentence = error.format_message()
    if not isinstance(error, click.UsageError):
        return [sentence]
    help_of = f" Try `{error.ctx.command_path} --help`." if error.ctx else ""
    return [" ".join(sentence.split()) + help_of]


def _say(sentences: Iterable[str], code: int) -> int:
    for sentence in sentences:
        for line in sentence.splitlines():
            click.echo(f"volcast: {line}", err=True)
    return code


HELP = """Streaming volatility forecasts: one candle in, one signal out.

\b
candles -> produce -> [log] -> consume -> [log] -> serve
           `-------------- run: all in one ------------'

Try `volcast COMMAND --help`.
"""
ENDS = (
    "Exit codes: 0 done, 2 wrong use or input, 3 the log is not usable, 130 interrupted, "
    "1 a bug (or, of prove: NOT EXACT; of doctor: FAILED)."
)


@click.group("volcast", cls=Volcast, verbs=VERBS, help=HELP, epilog=ENDS)
@click.version_option(package_name="volcast", message="%(prog)s %(version)s")
def main() -> None:
    """The command; `volcast --help` prints HELP."""


if __name__ == "__main__":
    main()

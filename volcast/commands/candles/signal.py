"""`volcast signal`: the batch job, from a file of candles to the share of signals that are 1, with a result in every case.

`run.py` in the root of the repository is the same command. Nothing but the standard library and click is imported before the job
begins, so that `--help` is fast, and so that a job whose libraries are missing has a result, too.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter, time
from traceback import extract_tb
from typing import Any

import click

from volcast.atomic_file import OutputFileError
from volcast.batch.result import (
    BatchError,
    JobFiles,
    check_log,
    check_output,
    failure_json,
    option_of,
    remove_result,
    write_result,
)
from volcast.batch.run_log import RunLog
from volcast.candle_files.contract import CandleFileError, FileOptions
from volcast.cli.candle_options import candle_options
from volcast.cli.main import INTERRUPTED
from volcast.cli.streams import OutputClosedError, OutputError, discard_output

FAILED = 1
_PATH = click.Path(path_type=Path)


class _JobCommand(click.Command):
    """A command whose wrong usage is a failure of the job, with a result as any other failure."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        given = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            hint = f" Try `{error.ctx.command_path} --help`." if error.ctx else ""
            raise click.exceptions.Exit(_wrong_usage(given, " ".join(error.format_message().split()) + hint)) from None


@click.command("signal", cls=_JobCommand)
@click.option(
    "--input", "data", type=_PATH, required=True, metavar="FILE", help="The candles, or - for stdin; only closes matter."
)
@click.option("--config", type=_PATH, required=True, metavar="FILE", help="The configuration, a YAML file.")
@click.option("--output", type=_PATH, required=True, metavar="FILE", help="The result; an earlier one is replaced.")
@click.option("--log-file", "log", type=_PATH, metavar="FILE", help="A log to append to, beside standard error.")
@candle_options
def command(*, data: Path, config: Path, output: Path, log: Path | None, options: FileOptions) -> int:
    """Count how often the close lies above its rolling mean: a job with a configuration, a result and a log.

    The configuration has the keys seed, window and version, and perhaps warmup (zero or exclude). The result is one line of JSON,
    in the output file and on standard output; if the job fails, it says why.

    Exit codes: 0 success; 1 failure of any kind, wrong usage included; 130 interrupted.
    """
    files = JobFiles(data, config, output, log)
    run_log = RunLog(sys.stderr, time)
    version, code = None, FAILED
    writable: Path | None = None
    try:
        check_output(output, (data, config))
        remove_result(output)
        writable = output
        check_log(log, (output, data, config))
        line = _run(files, options, run_log)
        click.echo(line)
    except OutputClosedError:
        raise
    except KeyboardInterrupt:
        problem, code = "The job was interrupted before its end.", INTERRUPTED
    except BatchError as error:
        problem, version = str(error), error.version
    except (OutputFileError, OutputError) as error:
        problem = f"{error}."
    except ModuleNotFoundError as error:
        problem = f"The library {error.name} is missing; say `make setup`, and use .venv/bin/python."
    except Exception as error:  # noqa: BLE001  # a bug: the result says where it is, instead of a traceback
        place = extract_tb(error.__traceback__)[-1]
        problem = f"This is a bug, please report it: {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    else:
        run_log.close()
        return 0
    _report(run_log, writable, problem, version or _version(config))
    return code


def _run(files: JobFiles, options: FileOptions, run_log: RunLog) -> str:
    """Do the job, write its result, and return it."""
    from volcast.batch.job import run_job  # noqa: PLC0415  # NumPy is not needed by --help
    from volcast.cli.wiring.standard_input import stored  # noqa: PLC0415  # as above

    try:
        [data] = stored([files.data])
    except CandleFileError as error:
        raise BatchError(str(error)) from None
    metrics = run_job(files._replace(data=data), options, run_log, perf_counter)
    line = metrics.to_json()
    write_result(files.output, line)
    run_log.info(f"end: success, latency {metrics.latency_ms} ms, result in {files.output}")
    return line


def _wrong_usage(given: Sequence[str], problem: str) -> int:
    """Report wrong usage in the files that the command line names nevertheless. Return the exit code."""
    data, config, output, log = (option_of(given, name) for name in ("--input", "--config", "--output", "--log-file"))
    run_log = RunLog(sys.stderr, time)
    writable: Path | None = None
    try:
        if output is not None:
            check_output(output, (data, config))
            remove_result(output)
            writable = output
        if log is not None:
            check_log(log, (output, data, config))
            run_log.open(log)
    except (OutputFileError, BatchError) as error:
        run_log.error(str(error))
    _report(run_log, writable, problem, _version(config))
    return FAILED


def _version(config: Path | None) -> str | None:
    """Return the configuration's version, if it can be known."""
    try:
        from volcast.batch.config import known_version  # noqa: PLC0415  # it needs a library, which may be missing
    except ModuleNotFoundError:
        return None
    return known_version(config)


def _report(run_log: RunLog, output: Path | None, problem: str, version: str | None) -> None:
    """Leave the result of a failed job everywhere it can be left. `output` is None if no file may be written."""
    run_log.error(problem)
    line = failure_json(version, problem)
    if output is not None:
        try:
            write_result(output, line)
        except OutputFileError as error:
            run_log.error(f"{error}; the result of this run is on standard output alone.")
    run_log.error("end: failure")
    run_log.close()
    try:
        click.echo(line)
    except (OutputError, OutputClosedError):
        with suppress(OSError):
            discard_output()

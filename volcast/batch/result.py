"""What the batch job leaves behind: one JSON object, in success and in failure, in a file and on standard output.

It imports the standard library alone, so that a job whose libraries are missing can still say so in its result. The result of an
earlier run is removed before the work begins: a file that is there when the job has ended, however it ended, is this run's.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from volcast.atomic_file import OutputFileError, check_targets, writing

METRIC = "signal_rate"
_DIGITS = 10_000
"""`value` is rounded to 4 digits."""


class BatchError(Exception):
    """The job cannot be done: one sentence for the user.

    Args:
        sentence: What is wrong, where, and what to do.
        version: The configuration's `version`, if it is known.
    """

    def __init__(self, sentence: str, version: str | None = None) -> None:
        super().__init__(sentence)
        self.version = version


class JobFiles(NamedTuple):
    """The files of a job, as the command line names them."""

    data: Path
    config: Path
    output: Path
    log: Path | None = None


class JobMetrics(NamedTuple):
    """What a successful job has found."""

    version: str
    seed: int
    rows: int
    ones: int
    counted: int
    """The rows of which `ones` is a share: all, or those that have a rolling mean."""
    latency_ms: int
    data_sha256: str

    @property
    def value(self) -> float:
        """The share of ones, rounded to 4 digits by the exact quotient, a tie to the even digit.

        >>> JobMetrics("v1", 42, 32, 1, 32, 0, "").value
        0.0312
        """
        digits, rest = divmod(self.ones * _DIGITS, self.counted)
        above_half = 2 * rest > self.counted or (2 * rest == self.counted and digits % 2)
        return (digits + bool(above_half)) / _DIGITS

    def to_json(self) -> str:
        """Return the result of a job that succeeded, as one line."""
        return _one_line(
            {
                "version": self.version,
                "rows_processed": self.rows,
                "metric": METRIC,
                "value": self.value,
                "latency_ms": self.latency_ms,
                "seed": self.seed,
                "status": "success",
                "ones": self.ones,
                "value_exact": f"{self.ones}/{self.counted}",
                "data_sha256": self.data_sha256,
            }
        )


def failure_json(version: str | None, sentence: str) -> str:
    """Return the result of a job that failed, as one line. An unknown version is null.

    >>> failure_json(None, "data.csv does not exist.")
    '{"version":null,"status":"error","error_message":"data.csv does not exist."}'
    """
    return _one_line({"version": version, "status": "error", "error_message": sentence})


def check_output(output: Path, inputs: Iterable[Path | None]) -> None:
    """Raise OutputFileError if the result would replace an input, or cannot be a file there."""
    if str(output) == "-":
        raise OutputFileError("--output -: the result is printed anyway; give the name of a file")
    # A folder is no input of this job: that it was given is an error of its own, with a result.
    check_targets([output], [path for path in inputs if path is not None and not path.is_dir()])
    if not output.parent.is_dir():
        raise OutputFileError(f"{output} can't be written: there is no folder {output.parent}; create it first")


def check_log(log: Path | None, others: Iterable[Path | None]) -> None:
    """Raise OutputFileError if the log would be written into another file of the job."""
    if log is not None and log.resolve() in {path.resolve() for path in others if path is not None}:
        raise OutputFileError(f"{log} is named twice: choose another name for the log")


def remove_result(output: Path) -> None:
    """Remove the result of an earlier run, if there is one. Raises OutputFileError if that is not possible."""
    try:
        output.unlink(missing_ok=True)
    except OSError as error:
        problem = f"{output} can't be replaced: {error.strerror or error}; what it holds is of an earlier run"
        raise OutputFileError(problem) from None


def write_result(output: Path, line: str) -> None:
    """Write the file, complete or not at all. Raises OutputFileError; then no result is left, unless it cannot be removed."""
    try:
        with writing(output, gzipped=False) as file:
            file.write(f"{line}\n")
    except OutputFileError:
        with suppress(OSError):
            output.unlink(missing_ok=True)
        raise


def failure_without_libraries(arguments: Sequence[str], sentence: str) -> str:
    """Write the result of a job that cannot even begin where its command line asks for it, and return its line."""
    line = failure_json(None, sentence)
    output, *inputs = (option_of(arguments, name) for name in ("--output", "--input", "--config"))
    if output is not None:
        with suppress(OutputFileError):
            check_output(output, inputs)
            remove_result(output)
            write_result(output, line)
    return line


def option_of(arguments: Iterable[str], name: str) -> Path | None:
    """Return the value of an option on a command line that may be wrong otherwise; None if it has none.

    >>> option_of(["--config", "a.yaml", "--output=b.json"], "--output")
    PosixPath('b.json')
    """
    value = None
    words = iter(arguments)
    for word in words:
        if word == name:
            value = next(words, None)
        elif word.startswith(f"{name}="):
            value = word.partition("=")[2]
    return Path(value) if value else None


def _one_line(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"))

"""`volcast signal` and run.py: the result of success and of each failure, in the file, on standard output and in the log."""

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.volcast.batch.closes_files import candle_lines, write_candles, write_text
from volcast.cli.main import main
from volcast.proof.processes.processes import START_TIMEOUT_S, VOLCAST

ROOT = Path(__file__).parents[4]
CONFIG = 'seed: 42\nwindow: 2\nversion: "v1"\n'
CLOSES = ["1", "2", "3", "2", "5"]
KEYS = ["version", "rows_processed", "metric", "value", "latency_ms", "seed", "status", "ones", "value_exact", "data_sha256"]


class Job:
    """The files of a job in a folder, with the result of an earlier run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = write_candles(folder / "data.csv", CLOSES)
        self.config = folder / "config.yaml"
        self.config.write_text(CONFIG, encoding="utf-8")
        self.output = folder / "metrics.json"
        self.output.write_text('{"status":"success","note":"of an earlier run"}\n', encoding="utf-8")
        self.log = folder / "run.log"

    def arguments(self, **changed: object) -> list[str]:
        given: dict[str, object] = {"input": self.data, "config": self.config, "output": self.output, "log-file": self.log}
        given |= {name.replace("_", "-"): value for name, value in changed.items()}
        return [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]

    def run(self, **changed: object) -> tuple[int, dict[str, Any], str]:
        """Run the command; return the exit code, the result and what standard error said."""
        result = CliRunner().invoke(main, ["signal", *self.arguments(**changed)])
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, json.loads(result.stdout), result.stderr

    def failure(self, **changed: object) -> str:
        """Run the command, which fails; return its sentence, which stands everywhere it should."""
        code, printed, errors = self.run(**changed)
        assert code == 1
        assert list(printed) == ["version", "status", "error_message"]
        assert (printed["version"], printed["status"]) == ("v1", "error")
        sentence: str = printed["error_message"]
        assert sentence in errors
        assert json.loads(self.output.read_text(encoding="utf-8")) == printed
        assert not [each for each in self.folder.iterdir() if each.suffix == ".part"]
        return sentence.replace(str(self.folder), "FOLDER")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_success(job: Job) -> None:
    code, printed, errors = job.run()
    assert code == 0
    assert list(printed) == KEYS
    assert job.output.read_text(encoding="utf-8") == json.dumps(printed, separators=(",", ":")) + "\n"
    del printed["latency_ms"], printed["data_sha256"]
    assert printed == {
        "version": "v1",
        "rows_processed": 5,
        "metric": "signal_rate",
        "value": 0.6,
        "seed": 42,
        "status": "success",
        "ones": 3,
        "value_exact": "3/5",
    }
    assert job.log.read_text(encoding="utf-8") == errors
    messages = [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info ", "", line) for line in errors.splitlines()]
    begins = [
        "start: ",
        "configuration: ",
        "data: ",
        "rows loaded: 5",
        "rolling mean of 2 ",
        "signal: 3 ",
        "metrics: ",
        "end: success, ",
    ]
    assert [message[: len(begin)] for message, begin in zip(messages, begins, strict=True)] == begins


def test_the_same_run_twice_gives_the_same_result_but_for_its_latency(job: Job) -> None:
    results = [job.run()[1] for _ in range(2)]
    for result in results:
        del result["latency_ms"]
    assert results[0] == results[1]
    assert job.log.read_text(encoding="utf-8").count("start: ") == 2


def test_the_warm_up_can_be_excluded(job: Job) -> None:
    job.config.write_text(CONFIG + "warmup: exclude\nnote: 1\n", encoding="utf-8")
    _, printed, errors = job.run()
    assert (printed["rows_processed"], printed["value"], printed["value_exact"]) == (5, 0.75, "3/4")
    assert "warning" in errors
    assert "the unknown key 'note' is ignored" in errors


def test_columns_can_be_named(job: Job) -> None:
    write_text(job.data, ["a,b", *(f"x,{close}" for close in CLOSES)])
    assert job.run(columns="close=b")[1]["ones"] == 3


DATA_ERRORS = {
    "an empty file": (b"", "is empty"),
    "no rows": (b"timestamp,close\n", "FOLDER/data.csv has no rows; a row with a close for each candle is expected."),
    "no column": (b"timestamp,open\n2024-01-01 00:00:00,1\n", "Missing required column: 'close'"),
    "no number": (b"open,close\n1,1\n1,x\n", "FOLDER/data.csv, line 3, column close: 'x' is not a number; "),
    "NaN": (b"open,close\n1,nan\n1,2\n", "FOLDER/data.csv, line 2, column close: 'nan' is not a number (NaN); "),
    "infinity": (b"open,close\n1,1\n1,-inf\n", "FOLDER/data.csv, line 3, column close: '-inf' is infinite; "),
    "an empty cell": (b"open,close\n1,1\n1,\n", "FOLDER/data.csv, line 3, column close: the cell is empty; "),
    "a window that is too large": (
        b"open,close\n1,1\n",
        "The window of 2 closes is larger than FOLDER/data.csv, which has 1 row.",
    ),
    "no text": (b"open,close\n1,\xff\n", "is not UTF-8 text"),
    "a damaged gzip file": (b"\x1f\x8b\x08\x00", "the gzip file is damaged"),
}


@pytest.mark.parametrize("name", DATA_ERRORS)
def test_each_mistake_of_the_data_is_a_result(job: Job, name: str) -> None:
    content, sentence = DATA_ERRORS[name]
    job.data.write_bytes(content)
    assert sentence in job.failure()


def test_data_that_are_not_there_are_a_result(job: Job) -> None:
    assert job.failure(input=job.folder / "nothing.csv") == "FOLDER/nothing.csv does not exist."
    assert job.failure(input=job.folder).startswith("FOLDER is a folder; ")


def test_a_wrong_configuration_is_a_result(job: Job) -> None:
    job.config.write_text(CONFIG.replace("2", "0"), encoding="utf-8")
    assert job.failure() == "FOLDER/config.yaml: 'window' is 0; a whole number of at least 1 is expected."
    job.config.write_text('version: "v1"\nwindow: 2', encoding="utf-8")
    assert job.failure() == "Missing required key in FOLDER/config.yaml: 'seed'."


@pytest.mark.parametrize("content", [None, "[", "- 1", "version: 1"])
def test_a_version_that_cannot_be_known_is_null(job: Job, content: str | None) -> None:
    job.config.unlink()
    if content is not None:
        job.config.write_text(content, encoding="utf-8")
    code, printed, _ = job.run()
    assert (code, printed["version"], printed["status"]) == (1, None, "error")


def test_a_log_that_cannot_be_written_is_a_result(job: Job) -> None:
    assert job.failure(log_file=job.folder) == "The log FOLDER can't be written: Is a directory."
    assert job.failure(log_file=job.output).startswith("FOLDER/metrics.json is named twice: ")
    if Path("/dev/full").exists():
        assert job.failure(log_file="/dev/full") == "The log /dev/full can't be written: No space left on device."


def test_wrong_usage_is_a_result(job: Job) -> None:
    assert job.failure(input=None) == "Missing option '--input'. Try `volcast signal --help`."
    assert "Missing option '--input'" in job.log.read_text(encoding="utf-8")
    assert job.failure(bogus="1").startswith("No such option '--bogus'.")
    assert "'time' does not name a column" in job.failure(columns="time")
    code, printed, _ = job.run(output=None)
    assert (code, printed["error_message"]) == (1, "Missing option '--output'. Try `volcast signal --help`.")


def test_an_input_is_never_replaced(job: Job) -> None:
    before = job.data.read_bytes()
    code, printed, _ = job.run(output=job.data)
    assert (code, printed["status"]) == (1, "error")
    assert job.data.read_bytes() == before
    assert job.run(output=job.config, input=None)[0] == 1
    assert job.config.read_text(encoding="utf-8") == CONFIG


@pytest.mark.parametrize("output", [".", "nothing/metrics.json", "-"])
def test_an_output_that_cannot_be_written_is_told_on_standard_output(job: Job, output: str) -> None:
    code, printed, errors = job.run(output=output if output == "-" else job.folder / output)
    assert (code, printed["version"], printed["status"]) == (1, "v1", "error")
    assert printed["error_message"] in errors


def start(job: Job, *command: object, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*map(str, command), *job.arguments(**more.pop("changed", {}))], cwd=job.folder, encoding="utf-8", **more
    )


def limited() -> None:
    """Let no file grow beyond 150 bytes, in a child: less than the result of a success, and more than that of a failure."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, 150))


def test_a_full_disk_leaves_no_result_that_is_not_this_runs(job: Job) -> None:
    process = start(
        job, VOLCAST, "signal", changed={"log_file": None}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limited
    )
    printed, errors = process.communicate(timeout=START_TIMEOUT_S)
    sentence = f"{job.output} can't be written: {os.strerror(errno.EFBIG)}."
    assert process.returncode == 1
    assert json.loads(printed)["error_message"] == sentence
    assert sentence in errors
    assert "Traceback" not in errors
    assert not job.output.exists() or json.loads(job.output.read_text(encoding="utf-8")) == json.loads(printed)
    assert not list(job.folder.glob(".*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="THERE IS NO /dev/full ON THIS SYSTEM")
def test_a_result_that_cannot_be_printed_is_a_failure(job: Job) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = start(job, VOLCAST, "signal", stdout=full, stderr=subprocess.PIPE)
        errors = process.communicate(timeout=START_TIMEOUT_S)[1]
    assert process.returncode == 1
    assert "cannot write to standard output: No space left on device" in errors
    assert "Traceback" not in errors
    assert json.loads(job.output.read_text(encoding="utf-8"))["status"] == "error"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_job_leaves_a_failure(job: Job, sent: signal.Signals) -> None:
    rows = "\n".join([*candle_lines("1"), *["2024-01-01 00:00:00,1,2,0.5,+1,10,1"] * 1_000_000])  # read row by row: seconds
    job.data.write_text(rows, encoding="utf-8")
    process = start(job, VOLCAST, "signal", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends and (not job.log.exists() or "configuration: " not in job.log.read_text(encoding="utf-8")):
        time.sleep(0.01)
    process.send_signal(sent)
    printed, errors = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == 130
    assert json.loads(printed) == {
        "version": "v1",
        "status": "error",
        "error_message": "The job was interrupted before its end.",
    }
    assert json.loads(job.output.read_text(encoding="utf-8")) == json.loads(printed)
    assert "Traceback" not in errors


def test_run_py_is_the_same_command(job: Job) -> None:
    process = start(job, sys.executable, ROOT / "run.py", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed, errors = process.communicate(timeout=START_TIMEOUT_S)
    assert (process.returncode, errors) == (0, job.log.read_text(encoding="utf-8"))
    assert list(json.loads(printed)) == KEYS
    assert job.output.read_text(encoding="utf-8") == printed


def test_the_data_may_come_from_standard_input(job: Job) -> None:
    with job.data.open("rb") as data:
        command, given = (sys.executable, ROOT / "run.py"), {"input": "-"}
        process = start(job, *command, changed=given, stdin=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        printed, _ = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == 0
    assert json.loads(printed)["rows_processed"] == len(CLOSES)


def test_run_py_without_the_libraries_says_so(job: Job) -> None:
    process = start(job, sys.executable, "-S", "-E", ROOT / "run.py", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed, errors = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == 1
    sentence = "The library click is missing: say `make setup`, then `.venv/bin/python run.py ...`"
    assert errors == f"{sentence}\n"
    assert json.loads(printed) == {"version": None, "status": "error", "error_message": sentence}
    assert job.output.read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("library", ["polars", "rich", "river", "scipy"])
def test_a_job_on_a_text_file_waits_for_no_slow_library(job: Job, library: str) -> None:
    """A small job takes as long as its imports."""
    command: list[str | Path] = [sys.executable, "-X", "importtime", ROOT / "run.py", *job.arguments()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f" {library}\n" not in done.stderr
    assert " numpy\n" in done.stderr

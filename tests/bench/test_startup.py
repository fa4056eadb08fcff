"""The bench of start-up runs for a moment: each command that it names works, and each figure is there."""

import os
import sys
import time
from pathlib import Path

import pytest

from bench.startup import cost_of, cpu_s_of, idle_share, least_of, service, write_day
from producer.csv_replay import CsvReplay


def test_the_cost_of_a_process_is_its_processor_time() -> None:
    work, sleep = "sum(range(10_000_000))", "import time; time.sleep(0.5)"
    worked, slept = cost_of([sys.executable, "-c", work]), cost_of([sys.executable, "-c", sleep])
    assert worked.cpu_s > slept.cpu_s
    assert slept.seconds > 0.5


def test_the_least_of_some_rounds_counts(tmp_path: Path) -> None:
    rounds = tmp_path / "rounds"
    program = f"import time; f = open({str(rounds)!r}, 'a'); f.write('x'); time.sleep(0.3 if f.tell() == 1 else 0.0)"
    assert least_of([sys.executable, "-c", program], 2).seconds > 0
    assert rounds.read_text() == "xx"


def test_a_command_that_fails_is_an_error_with_its_last_words() -> None:
    with pytest.raises(ValueError, match=r"exit code 3: no such thing"):
        cost_of([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"])


def test_processor_time_of_a_running_process_rises_with_its_work() -> None:
    before_s = cpu_s_of(os.getpid())
    began_s = time.process_time()
    while time.process_time() - began_s < 0.1:
        sum(range(10_000))
    assert cpu_s_of(os.getpid()) > before_s
    assert 0.0 <= idle_share(os.getpid(), 0.1) < 1.0


def test_a_service_that_does_not_start_is_an_error() -> None:
    with (
        pytest.raises(ValueError, match="volcast serve --port none: it does not answer"),
        service(["serve", "--port", "none"], "http://127.0.0.1:1/"),
    ):
        pass


def test_a_day_of_candles_is_one_that_a_replay_takes(tmp_path: Path) -> None:
    write_day(path := tmp_path / "BTCUSDT-1m.csv")
    assert CsvReplay(path).summary.rows == 1_440

"""The load test: what counts as a fault, and a short run of it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.environment import InstallError, python_with
from bench.load import LOCUST, Load, main

ROW = {
    "Name": "Aggregated",
    "Request Count": "1000",
    "Failure Count": "0",
    "Requests/s": "99.5",
    **dict.fromkeys(("50%", "90%", "95%", "99%", "100%"), "7"),
}


def load(**changed: str) -> Load:
    return Load(10, 10.0, 100.0, 5, 10.0, [{**ROW, **changed}], processed=1_000, caught_up_s=0.2)


def fall_behind(some: Load) -> None:
    some.processed, some.caught_up_s = 500, 4.0


def stop(some: Load) -> None:
    some.caught_up_s = float("inf")


def fail(some: Load) -> None:
    some.rows[-1]["Failure Count"] = "11"


def stay_away(some: Load) -> None:
    some.rows[-1]["Request Count"] = "0"


def test_a_good_run_has_no_faults_and_a_report() -> None:
    assert load().faults() == []
    assert "| all | 1000 | 0 | 99.5 | 7 | 7 | 7 | 7 | 7 |" in load().report()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (fall_behind, "processed 50 candles a second of 100"),
        (stop, "still behind 30 s after the last candle"),
        (fail, "1.1% of the requests failed, at most 1% may"),
        (stay_away, "no request was sent"),
    ],
)
def test_what_is_not_as_it_must_be_is_a_fault(spoil: Callable[[Load], None], sentence: str) -> None:
    found = load()
    spoil(found)
    assert len(found.faults()) == 1
    assert sentence in found.faults()[0]


@pytest.mark.parametrize(
    "words", [["--users", "100000"], ["--seconds", "0"], ["--rate", "0"], ["--candles", "-1"], ["--symbols", "0"]]
)
def test_it_has_bounds(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_short_run_asks_all_and_its_report_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        python_with(LOCUST)
    except InstallError as error:
        pytest.skip(f"SKIPPED, the load test was not run: {error}")
    file = tmp_path / "folder/report.md"
    words = ["--users", "4", "--rate", "20", "--seconds", "4", "--symbols", "2", "--candles", "100"]
    code, output = main([*words, "--output", str(file)]), capsys.readouterr()
    missed = [line for line in output.out.splitlines() if line.startswith("LIMIT MISSED")]
    assert code == bool(missed), output.err
    assert [line for line in missed if "candle" not in line] == []  # a busy machine may be late, but nothing fails
    report = file.read_text()
    assert int(re.findall(r"^\| all \| (\d+) \| 0 \|", report, re.MULTILINE)[0]) > 0
    assert "Errors: 0.00%." in report
    assert all(f"| {name} |" in report for name in ("API", "consumer", "producer"))

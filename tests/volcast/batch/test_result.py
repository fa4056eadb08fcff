"""The result: its keys in their order, its rounding, and what is left behind where it cannot be written."""

import json
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.atomic_file import OutputFileError
from volcast.batch.result import (
    JobMetrics,
    check_log,
    check_output,
    failure_json,
    failure_without_libraries,
    option_of,
    remove_result,
    write_result,
)

METRICS = JobMetrics("v1", 42, 44_640, 22_720, 44_640, 83, "ab")


def test_success_has_its_keys_in_this_order() -> None:
    assert METRICS.to_json() == (
        '{"version":"v1","rows_processed":44640,"metric":"signal_rate","value":0.509,"latency_ms":83,"seed":42,'
        '"status":"success","ones":22720,"value_exact":"22720/44640","data_sha256":"ab"}'
    )


def test_failure_has_its_keys_in_this_order() -> None:
    expected = '{"version":"v1","status":"error","error_message":"Missing required column: \'close\'"}'
    assert failure_json("v1", "Missing required column: 'close'") == expected
    assert json.loads(failure_json(None, "x"))["version"] is None


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_the_value_is_the_exact_quotient_with_four_digits(ones: int, more: int) -> None:
    counted = ones + more
    with localcontext(prec=50):
        expected = (Decimal(ones) / Decimal(counted)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    assert METRICS._replace(ones=ones, counted=counted).value == float(expected)


def test_a_name_that_is_no_text_can_be_told() -> None:
    assert json.loads(failure_json(None, "x\udce9.csv does not exist."))["error_message"].startswith("x")


def test_a_result_is_one_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json.gz"  # whatever its name ends in
    write_result(path, "{}")
    assert path.read_bytes() == b"{}\n"
    remove_result(path)
    remove_result(path)
    assert list(tmp_path.iterdir()) == []


def test_an_input_is_never_replaced(tmp_path: Path) -> None:
    data, config = tmp_path / "data.csv", tmp_path / "config.yaml"
    for output, message in (
        (data, "is an input"),
        (tmp_path / "x" / ".." / "data.csv", "is an input"),
        (tmp_path, "is not a regular file"),
        (tmp_path / "x" / "m.json", "there is no folder"),
        (Path("-"), "is printed anyway"),
    ):
        with pytest.raises(OutputFileError, match=message):
            check_output(output, (data, config))
    check_output(tmp_path / "m.json", (data, None))
    check_output(tmp_path / "m.json", (tmp_path, config))


def test_the_log_is_a_file_of_its_own(tmp_path: Path) -> None:
    check_log(None, (tmp_path,))
    check_log(tmp_path / "run.log", (tmp_path / "m.json", None))
    with pytest.raises(OutputFileError, match="named twice"):
        check_log(tmp_path / "x" / ".." / "m.json", (tmp_path / "m.json",))


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--output", "a"], "a"),
        (["--output=a"], "a"),
        (["--output", "a", "--output=b"], "b"),
        (["--output"], None),
        (["x"], None),
    ],
)
def test_an_option_is_found_on_a_wrong_command_line(words: list[str], value: str | None) -> None:
    assert option_of(words, "--output") == (Path(value) if value else None)


def test_a_job_without_its_libraries_replaces_the_result_of_an_earlier_run(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text("of an earlier run", encoding="utf-8")
    line = failure_without_libraries(["--output", str(path)], "no")
    assert path.read_text(encoding="utf-8") == f"{line}\n"
    failure_without_libraries(["--output", str(path), "--input", str(path)], "again")
    assert path.read_text(encoding="utf-8") == f"{line}\n"

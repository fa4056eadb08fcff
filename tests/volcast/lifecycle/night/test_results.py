"""Results of steps: created once, found by their inputs, and what they say of earlier days."""

from pathlib import Path

from volcast.lifecycle.archive.store import open_store
from volcast.lifecycle.night.plan import NightPlan, inputs_hash
from volcast.lifecycle.night.results import NightResults, StepResult


def results(folder: Path, day: str = "2024-01-08") -> NightResults:
    return NightResults(open_store(folder.as_uri()), day)


def test_a_result_is_found_by_its_inputs_and_never_changed(tmp_path: Path) -> None:
    first = StepResult("gate", inputs_hash("a"), passed=True, summary="good", details={"x": [1]})
    assert results(tmp_path).find("gate", first.inputs) is None
    assert results(tmp_path).keep(first) == first
    other = StepResult("gate", first.inputs, passed=False, summary="bad")
    assert results(tmp_path).keep(other) == first, "another run was first"
    assert results(tmp_path).find("gate", first.inputs) == first
    assert results(tmp_path).find("gate", inputs_hash("b")) is None
    assert results(tmp_path, "2024-01-09").find("gate", first.inputs) is None


def test_outcomes_that_are_there_stay(tmp_path: Path) -> None:
    name = results(tmp_path).keep_outcomes(inputs_hash("a"), b"first")
    assert results(tmp_path).keep_outcomes(inputs_hash("a"), b"second") == name
    assert results(tmp_path).read(name) == b"first"


def test_another_report_of_the_day_gets_a_name_of_its_own(tmp_path: Path) -> None:
    found = results(tmp_path)
    a, b = inputs_hash("a"), inputs_hash("b")
    assert found.publish("gate", ".md", a, b"one") == "reports/2024-01-08/gate.md"
    assert found.publish("gate", ".md", a, b"one") == "reports/2024-01-08/gate.md"
    assert found.publish("gate", ".md", b, b"two") == f"reports/2024-01-08/gate-{b[:12]}.md"


def test_days_whose_gate_failed_are_known_until_it_passes(tmp_path: Path) -> None:
    def gate(day: str, inputs: str, *, passed: bool) -> None:
        results(tmp_path, day).keep(StepResult("gate", inputs_hash(inputs), passed=passed, summary=""))

    for day in ("2024-01-01", "2024-01-03", "2024-01-05", "2024-01-09"):
        gate(day, "a", passed=False)
    gate("2024-01-02", "a", passed=True)
    gate("2024-01-05", "b", passed=True)
    assert results(tmp_path).failed_days("2024-01-01") == ["2024-01-01", "2024-01-03"]
    assert results(tmp_path).failed_days("2024-01-02") == ["2024-01-03"]


def test_the_hash_is_of_all_that_a_plan_says() -> None:
    plan = NightPlan(day="2024-01-08", champion=None, configured="har", challengers=("ewma",))
    assert inputs_hash(plan) == inputs_hash(plan)
    assert len({inputs_hash(plan), inputs_hash(plan, 1), inputs_hash("plan"), inputs_hash()}) == 4

"""`volcast prove` without a broker, and on the simulated log; tests/stories/test_prove.py runs it on processes."""

from pathlib import Path

import pytest

from tests.command import volcast


def test_without_a_broker_it_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    result = volcast(tmp_path, "prove", "--bus", "kafka")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "volcast: a Kafka broker is needed, but none can be started here: install Java 17 and Maven, or start Docker, "
        "or set KAFKA_BOOTSTRAP=host:port to a Kafka broker (4.0 or newer)\n"
    )
    assert not list(tmp_path.iterdir())


def test_the_simulated_log_in_virtual_time(tmp_path: Path) -> None:
    result = volcast(tmp_path, "prove", "--bus", "simulated", "--seed", "5", "--seeds", "20")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "seeds      5 to 24"
    assert lines[-1] == "EXACT"
    assert "crash" in result.stdout


@pytest.mark.parametrize("wrong", [("--kills", "0"), ("--bus", "paper"), ("--workers", "17"), ("--seed", "-1")])
def test_wrong_usage_is_one_line(wrong: tuple[str, str], tmp_path: Path) -> None:
    result = volcast(tmp_path, "prove", *wrong)
    assert result.returncode == 2
    assert result.stderr.startswith(f"volcast: Invalid value for '{wrong[0]}'")
    assert result.stderr.count("\n") == 1

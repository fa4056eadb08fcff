"""The batch job, the library, the backtest and the pipeline count the same signals; on real minutes, the known ones."""

from pathlib import Path

import pytest

from bench.signal_counts import WAYS, Count, Question, Warmup, counts, exact, main
from tests.forms import long_form
from tests.real_minutes import real_minutes
from volcast.cli.wiring.pipeline import sample_files

MONTH, QUOTED = "btcusdt-1m-2024-01.csv.gz", "btcusd-1m-10000-quoted.csv"
FAST = ("exact", "signal")
"""Ways that make no forecasts."""


def all_agree(found: dict[str, Count]) -> Count:
    [count, *others] = set(found.values())
    assert not others, found
    return count


@pytest.mark.slow
def test_all_ways_agree_on_the_bundled_sample() -> None:
    found = counts(Question(sample_files()[0], 20, "exclude"))
    assert len(found) == 5
    assert all_agree(found) == Count(18_720, 9_689, 0.5181)


@pytest.mark.slow
def test_all_ways_agree_on_a_real_month(request: pytest.FixtureRequest) -> None:
    """The ways that make forecasts take long here: in the short form they count the sample alone."""
    ways = long_form(FAST, tuple(WAYS))
    found = counts(Question(real_minutes(MONTH, request), 5, "zero"), ways)
    assert len(found) == len(ways)
    assert all_agree(found) == Count(44_640, 22_720, 0.5090)


@pytest.mark.parametrize(
    ("name", "window", "warmup", "expected"),
    [
        (MONTH, 5, "exclude", Count(44_640, 22_720, 0.5090)),
        (MONTH, 20, "zero", Count(44_640, 22_515, 0.5044)),
        (MONTH, 20, "exclude", Count(44_640, 22_515, 0.5046)),
        (QUOTED, 5, "zero", Count(10_000, 4_989, 0.4989)),
        (QUOTED, 5, "exclude", Count(10_000, 4_989, 0.4991)),
    ],
)
def test_other_windows_of_real_minutes(
    name: str, window: int, warmup: Warmup, expected: Count, request: pytest.FixtureRequest
) -> None:
    assert all_agree(counts(Question(real_minutes(name, request), window, warmup), FAST)) == expected


@pytest.mark.slow
def test_two_and_a_half_years(request: pytest.FixtureRequest) -> None:
    """The ways that make forecasts take minutes here: `make bench-signal-counts` runs them."""
    path = real_minutes("btcusdt-1m-2022-2024.csv.gz", request)
    assert all_agree(counts(Question(path, 5, "zero"), ["signal"])) == Count(1_306_000, 654_990, 0.5015)


def test_the_command_prints_a_line_for_each_way(capsys: pytest.CaptureFixture[str]) -> None:
    path = sample_files()[1]
    assert main([str(path), "--ways", *FAST]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:3] for line in lines] == [[path.name, way, "18720"] for way in FAST]
    assert lines[0][3:] == lines[1][3:]


def test_a_difference_is_a_failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def one_more(question: Question, folder: Path) -> Count:
        count = exact(question, folder)
        return count._replace(ones=count.ones + 1)

    monkeypatch.setitem(WAYS, "signal", one_more)
    assert main([str(sample_files()[0]), "--ways", *FAST]) == 1
    assert "THEY DIFFER" in capsys.readouterr().out

from itertools import islice

import numpy as np
import pytest

from tests.market import candle_text
from tests.volcast.backtest.checks.cheating import new_replay, rows_of
from volcast.backtest.checks.recording import SIGNAL, Recording, relative_difference
from volcast.backtest.checks.warmup import WarmupFinding, check_warmup

ROWS = rows_of(600)
TOLERANCES = (0.5, 0.05, 0.0)


def findings(starts: tuple[int, ...] = (150, 301), rows: int = 600, **config: object) -> dict[str, WarmupFinding]:
    result = check_warmup(new_replay(horizons=(15,), **config), lambda: islice(iter(ROWS), rows), starts, TOLERANCES)
    assert result.shortest == rows - starts[-1]
    return {each.subject: each for each in result.findings}


@pytest.mark.parametrize("window", [1, 5, 20])
def test_the_rolling_mean_is_exact_once_it_is_full(window: int) -> None:
    found = findings(window=window, model="last")[SIGNAL]
    assert (found.needed, found.at_end) == ({"0": window}, {"signal": 0.0, "rolling mean": 0.0})


def test_a_signal_with_a_window_longer_than_the_candles_does_not_agree() -> None:
    assert findings(window=300, model="last")[SIGNAL].needed == {"0": None}


@pytest.mark.parametrize("model", ["two_stage", "last", "ewma"])
def test_it_finds_what_two_recordings_show(model: str) -> None:
    """The same numbers from whole recordings, with arrays in place of engines side by side."""
    found = findings(model=model)[model]
    create = new_replay(horizons=(15,), model=model)
    first = Recording(create, ROWS).numbers[model]
    for tolerance in TOLERANCES:
        needed = []
        for start in (150, 301):
            later = Recording(create, ROWS[start:]).numbers[model]
            off = relative_difference(first[start:], later).max(axis=1) > tolerance
            needed.append(None if off[-1] else int(off.nonzero()[0].max(initial=-1)) + 2)
        assert found.needed[f"{tolerance:g}"] == (None if None in needed else max(filter(None, needed)))
    assert found.needed["0"] is None
    last_hours = [Recording(create, ROWS[start:]).numbers[model][-60:] for start in (150, 301)]
    largest = np.max([relative_difference(first[-60:], each).max(axis=0) for each in last_hours], axis=0)
    assert list(found.at_end.values()) == largest.tolist()
    assert found.at_end["variance"] > 0


def test_engines_that_start_at_the_same_row_agree_at_once() -> None:
    found = findings((0,), model="two_stage")["two_stage"]
    assert (set(found.needed.values()), set(found.at_end.values())) == ({1}, {0.0})


def test_rows_that_one_engine_skips_are_not_compared() -> None:
    rows = [*ROWS[:100], candle_text(50, "42000"), *ROWS[120:]]
    result = check_warmup(new_replay(model="last", horizons=(15,)), lambda: iter(rows), [60], [0.0])
    assert result.findings[0].needed == {"0": 5}
    assert result.shortest == 520


def test_nothing_in_common_gives_no_findings() -> None:
    result = check_warmup(new_replay(), lambda: iter(ROWS[:2]), [2], [0.1])
    assert (result.findings, result.shortest) == ([], 0)

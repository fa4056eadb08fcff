from math import inf, nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.market import at
from tests.volcast.backtest.checks.cheating import new_replay, rows_of
from volcast.backtest.checks.recording import SIGNAL, Recording, number_names, relative_difference

NUMBERS = st.floats(allow_infinity=False, width=32)


def test_a_recording_has_the_numbers_of_all_subjects() -> None:
    recording = Recording(new_replay(window=3, horizons=(60, 15), model="ewma", shadows=("last",)), rows_of(20))
    assert recording.open_time_ms.tolist() == [at(minute) for minute in range(20)]
    assert {subject: array.shape for subject, array in recording.numbers.items()} == {
        SIGNAL: (20, 2),
        "ewma": (20, 6),
        "ewma, 15 minutes": (20, 6),
        "last": (20, 6),
    }
    signal, mean = recording.numbers[SIGNAL].T
    assert np.isnan(mean).tolist() == [True, True, *[False] * 18]
    assert set(signal.tolist()) <= {0.0, 1.0}
    assert len(number_names(SIGNAL)) == 2
    assert number_names("ewma")[0] == "variance"


def test_a_recording_ends_in_time() -> None:
    recording = Recording(new_replay(), rows_of(20), until_ms=at(7))
    assert recording.open_time_ms.tolist() == [at(minute) for minute in range(8)]


@given(one=st.lists(NUMBERS, min_size=4, max_size=4), other=st.lists(NUMBERS, min_size=4, max_size=4))
def test_a_difference_is_relative_symmetric_and_zero_only_where_both_are_alike(one: list[float], other: list[float]) -> None:
    a, b = np.array(one), np.array(other)
    found = relative_difference(a, b)
    assert found.tolist() == relative_difference(b, a).tolist()
    assert (found >= 0).all()
    assert (found <= 2).all()
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    assert ((found == 0) == alike).all()


def test_known_differences() -> None:
    found = relative_difference(np.array([1.0, 1.0, nan, 0.0, -1.0, inf]), np.array([1.01, nan, nan, 0.0, 1.0, inf]))
    np.testing.assert_allclose(found, [0.01 / 1.01, 1.0, 0.0, 0.0, 2.0, 0.0])

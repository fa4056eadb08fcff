"""What tests/conftest.py does to each test."""

import gc
import signal
import time

import pytest


@pytest.mark.timeout(100)
def test_the_alarm_of_a_timeout_comes_again_for_who_has_kept_the_first_to_himself() -> None:
    rest_s, interval_s = signal.getitimer(signal.ITIMER_REAL)
    assert 0.0 < rest_s <= 100.0
    assert interval_s == 10.0
    signal.setitimer(signal.ITIMER_REAL, 0.01, 1.0)
    for _ in range(2):
        with pytest.raises(pytest.fail.Exception, match="Timeout"):
            time.sleep(60.0)
    signal.setitimer(signal.ITIMER_REAL, rest_s, interval_s)


def test_what_was_collected_is_not_looked_at_for_garbage() -> None:
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0

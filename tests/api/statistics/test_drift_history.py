"""Events are made of successive signals, each once, and their number is bounded."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from api.statistics.drift_history import EVENTS_OF_A_SYMBOL, EVENTS_OF_ALL, DriftEvent
from api.view import View
from tests.api.signals import alarm, signals
from tests.market import at
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.types import Signal


def signal(minute: int, *alarms: DriftAlarm, symbol: str = "BTCUSDT") -> Signal:
    return msgspec.structs.replace(signals(1)[0], symbol=symbol, open_time_ms=at(minute), drift_alarms=alarms)


def view_of(*made: Signal, caught_up: bool = True) -> View:
    view = View(180)
    view.caught_up = caught_up
    for each in made:
        view.put(each, 1.0)
    return view


def told(*events: DriftEvent) -> list[tuple[int, str, bool]]:
    return [(each.open_time_ms, each.alarm.detector, each.is_over) for each in events]


def test_an_alarm_begins_and_ends() -> None:
    frozen, biased = alarm("price_frozen", at(1)), alarm("forecast_biased", at(2), Tier.TICKET)
    view = view_of(signal(0), signal(1, frozen), signal(2, frozen, biased), signal(3, biased))
    assert told(*view.drift.events("BTCUSDT")) == [
        (at(3), "price_frozen", True),
        (at(2), "forecast_biased", False),
        (at(1), "price_frozen", False),
    ]
    assert view.drift.events() == view.drift.events("BTCUSDT")
    assert view.drift.events("ETHUSDT") == ()
    assert view.drift.first_ms("BTCUSDT") == at(0)
    assert view.drift.begun_counts == {("price_frozen", Tier.PAGE): 1, ("forecast_biased", Tier.TICKET): 1}


def test_an_alarm_of_the_same_detector_that_begins_again_is_another_one() -> None:
    view = view_of(signal(0), signal(1, alarm("price_frozen", at(1))), signal(2), signal(3, alarm("price_frozen", at(3))))
    assert [each.is_over for each in view.drift.events("BTCUSDT")] == [False, True, False]
    assert view.drift.begun_counts["price_frozen", Tier.PAGE] == 2


@given(st.lists(st.integers(0, 5)))
def test_reading_signals_again_changes_nothing(again: list[int]) -> None:
    made = [signal(minute, *([alarm("price_frozen", at(2))] if minute in {2, 3} else [])) for minute in range(6)]
    once, twice = view_of(*made), view_of(*made, *(made[i] for i in again))
    assert twice.drift.events() == once.drift.events()
    assert twice.drift.begun_counts == once.drift.begun_counts == {("price_frozen", Tier.PAGE): 1}


def test_what_was_on_the_log_before_is_an_event_and_is_not_counted() -> None:
    """Each start of the API would count it again."""
    view = view_of(signal(0), signal(1, alarm("price_frozen", at(1))), caught_up=False)
    assert len(view.drift.events()) == 1
    assert view.drift.begun_counts == {}


def test_an_alarm_that_was_on_before_the_first_signal_has_the_time_at_which_it_began() -> None:
    view = view_of(signal(9, alarm("price_frozen", at(5))))
    assert told(*view.drift.events("BTCUSDT")) == [(at(5), "price_frozen", False)]
    assert view.drift.first_ms("BTCUSDT") == at(9)
    assert view.drift.begun_counts == {}


def test_the_number_of_events_is_bounded() -> None:
    view = View(180)
    for minute in range(1_000):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            alarms = [alarm("price_frozen", at(minute))] if minute % 2 else []
            view.put(signal(minute, *alarms, symbol=symbol), 1.0)
    assert len(view.drift.events("BTCUSDT")) == EVENTS_OF_A_SYMBOL
    assert len(view.drift.events()) == EVENTS_OF_ALL
    assert told(view.drift.events()[0]) == [(at(999), "price_frozen", False)]

"""The monitor of a symbol: silence without a fault, one event at each end of an alarm, and a state that can be cut anywhere."""

from math import log
from typing import NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from tests.volcast.core.drift.streams import FIRST_MINUTE, outcome_scaled, scaled, sound
from volcast.core.drift.alarms import DriftAlarm, Tier, begun
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import Observation
from volcast.core.drift.thresholds import Thresholds, shipped_thresholds

DAY = 1_440
BREAK_MINUTE = FIRST_MINUTE + 5 * DAY + 7


class Event(NamedTuple):
    minute: int
    raised: bool
    alarm: DriftAlarm


def events_of(stream: list[Observation], monitor: DriftMonitor | None = None) -> list[Event]:
    """Return what begins and ends, and when."""
    monitor, events = monitor or DriftMonitor(), []
    for seen in stream:
        before = monitor.alarms
        monitor.push(seen)
        events += [Event(seen.minute, raised=True, alarm=alarm) for alarm in begun(before, monitor.alarms)]
        events += [Event(seen.minute, raised=False, alarm=alarm) for alarm in begun(monitor.alarms, before)]
    return events


def test_a_sound_forecast_of_a_sound_feed_is_silent() -> None:
    assert events_of(list(sound(20 * DAY))) == []


@pytest.mark.parametrize("factor", [2.25, 0.44])
def test_a_wrong_scale_is_paged_within_six_hours_and_resolved_after_recovery(factor: float) -> None:
    end = BREAK_MINUTE + DAY
    stream = [
        scaled(seen, log(factor), BREAK_MINUTE) if seen.minute < end else _recovering(seen, log(factor), end)
        for seen in sound(8 * DAY)
    ]
    events = [event for event in events_of(stream) if event.alarm.detector == "forecast_shifted"]
    assert [event.raised for event in events] == [True, False]
    begin, over = (event.minute for event in events)
    alarm = events[0].alarm
    assert alarm == events[1].alarm
    assert alarm.open_time_ms == begin * 60_000
    assert begin - BREAK_MINUTE < 360
    assert end < over < end + 1_440
    assert alarm.tier is Tier.PAGE
    assert alarm.statistic > alarm.threshold
    assert (alarm.after - alarm.before) * log(factor) > 0


def _recovering(seen: Observation, log_factor: float, end: int) -> Observation:
    """Outcomes of the first hour are those of broken forecasts."""
    outcome = seen.outcome
    if outcome is not None and seen.minute - 60 < end:
        outcome = outcome_scaled(outcome, log_factor)
    return replace(seen, outcome=outcome)


@pytest.mark.parametrize(("minutes_before", "is_found"), [(1, False), (2, True)])
def test_a_step_as_a_suspect_price_turns_out_right_is_not_the_forecasts_fault(minutes_before: int, is_found: bool) -> None:  # noqa: FBT001  # both
    """A jump of the price is suspect for two minutes. If it stays, the forecast takes it in with the next one."""
    stream = [
        replace(scaled(seen, log(0.44), BREAK_MINUTE), suspect=seen.minute == BREAK_MINUTE - minutes_before)
        for seen in sound(7 * DAY)
    ]
    assert ("forecast_shifted" in {event.alarm.detector for event in events_of(stream)}) is is_found


@pytest.mark.parametrize("factor", [2.25, 0.44])
def test_a_wrong_scale_from_the_first_minute_on_makes_a_ticket(factor: float) -> None:
    """There is no step to see, only outcomes."""
    stream = [scaled(seen, log(factor), 0) for seen in sound(6 * DAY)]
    assert "forecast_biased" in {event.alarm.detector for event in events_of(stream)}


def test_a_state_can_be_cut_anywhere() -> None:
    stream = [scaled(seen, log(2.25), BREAK_MINUTE) for seen in sound(9 * DAY)]
    whole = events_of(stream)
    assert whole
    for cut in (1, 700, 5 * DAY + 6, 5 * DAY + 60, 5 * DAY + 400, 8 * DAY + 31):
        monitor, restored = DriftMonitor(), DriftMonitor()
        before = events_of(stream[:cut], monitor)
        state = monitor.dump()
        restored.load(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
        assert restored.dump() == state
        assert restored.alarms == monitor.alarms
        assert before + events_of(stream[cut:], restored) == whole


def test_the_state_is_small_and_does_not_grow() -> None:
    monitor, sizes = DriftMonitor(), []
    for day in range(0, 12, 4):
        events_of(list(sound(4 * DAY, seed=day)), monitor)
        sizes.append(len(msgspec.msgpack.encode(monitor.dump())))
    assert max(sizes) < 6_000
    assert sizes[2] <= sizes[1] + 100


def test_a_state_of_another_shape_is_refused() -> None:
    state = DriftMonitor().dump()
    for name, wrong in (
        ("grid", [1.0]),
        ("skill_lost", {}),
        ("inputs_moved", {"visits": [1]}),
        ("volume_collapsed", {"usual": []}),
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            DriftMonitor().load(state | {name: wrong})


def test_every_detector_has_a_threshold_and_none_is_left_over() -> None:
    names = [detector.name for detector in DriftMonitor().detectors]
    assert sorted(names) == sorted(shipped_thresholds().detectors)
    assert len(set(names)) == len(names)
    with pytest.raises(KeyError):
        DriftMonitor(thresholds=Thresholds("for a test", {}))


def test_another_models_forecasts_are_no_shift_and_the_mistakes_of_the_one_before_are_forgotten() -> None:
    """The old model's forecast is wrong for half a day, until another model takes its place."""
    end = BREAK_MINUTE + DAY // 2
    monitor, on = DriftMonitor(), list[set[str]]()
    for seen in sound(7 * DAY):
        if seen.minute == end:
            monitor.forget_forecast()
            assert monitor.alarms == ()
        monitor.push(scaled(seen, log(2.25), 0) if BREAK_MINUTE <= seen.minute < end else seen)
        on.append({alarm.detector for alarm in monitor.alarms})
    assert on[end - FIRST_MINUTE - 1] == {"forecast_shifted", "forecast_biased", "forecast_miscalibrated"}
    assert not set().union(*on[end - FIRST_MINUTE :])


def test_what_is_known_of_data_and_inputs_outlasts_the_model() -> None:
    monitor = DriftMonitor()
    for seen in sound(3 * DAY):
        monitor.push(seen)
    before, fresh = monitor.dump(), DriftMonitor().dump()
    monitor.forget_forecast()
    after = monitor.dump()
    forgotten = {"forecast_still", "forecast_shifted", "skill_lost", "forecast_biased", "forecast_miscalibrated", "grid"}
    assert {name for name, state in after.items() if state != before[name]} == forgotten
    for name in forgotten - {"forecast_shifted"}:
        assert after[name] == fresh[name]
    assert after["forecast_shifted"]["blocks"] == []
    assert after["forecast_shifted"]["numbers"][2] == before["forecast_shifted"]["numbers"][2] > 0  # the usual volume

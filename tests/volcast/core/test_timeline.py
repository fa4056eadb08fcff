"""The minutes of a symbol against a plain list of them, and what becomes of wrong dates."""

from collections.abc import Iterable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.market import DECIMALS, SYMBOL, at, candle
from volcast.core.codec import encode_signal
from volcast.core.engine import Engine
from volcast.core.snapshot import decode_snapshot, encode_snapshot, moved
from volcast.core.timeline import MAX_CONFIRMED_STEP_MS, MAX_REMEMBERED_GAPS, MAX_STEP_MS, Arrival, Skip, Timeline
from volcast.core.types import MINUTE_MS, EngineConfig, Signal

steps = st.lists(st.one_of(st.just(1), st.integers(1, 5), st.integers(1, 4_000)), max_size=80)


@given(first=st.integers(0, 10**8), steps=steps)
def test_gaps_and_shares_are_those_of_a_plain_list(first: int, steps: list[int]) -> None:
    timeline, minutes = Timeline(), list[int]()
    for step in (0, *steps):
        minute = minutes[-1] + step if minutes else first
        assert timeline.skip(minute * MINUTE_MS) is None
        assert timeline.add(minute * MINUTE_MS) == max(step - 1, 0)
        minutes.append(minute)
        span = min(minute - first + 1, 1_440)
        present = sum(minute - one < 1_440 for one in minutes)
        assert timeline.missing_share == (span - present) / span
    assert timeline.gaps == sum(step > 1 for step in steps)
    assert timeline.missing_minutes == minutes[-1] - first + 1 - len(minutes)
    if timeline.gaps <= MAX_REMEMBERED_GAPS:
        for minute in range(first - 2, min(minutes[-1], first + 300) + 1):
            assert timeline.skip(minute * MINUTE_MS) is (Skip.DUPLICATE if minute in minutes else Skip.LATE)


@given(first=st.integers(0, 10**8), steps=steps)
def test_a_restored_timeline_equals_the_stored_one(first: int, steps: list[int]) -> None:
    timeline, again, minute = Timeline(), Timeline(), first
    assert again.dump() == timeline.dump()
    timeline.add(minute * MINUTE_MS)
    for step in steps:
        minute += step
        timeline.add(minute * MINUTE_MS)
    again.load(timeline.dump())
    assert (again.dump(), again.missing_share) == (timeline.dump(), timeline.missing_share)


CONFIG = EngineConfig(model="ewma", prior="none")
MONTH = MAX_CONFIRMED_STEP_MS // MINUTE_MS
STEP = MAX_STEP_MS // MINUTE_MS
YEARS = 100 * 365 * 1_440


def admitted(minutes: Iterable[int], *, restart: bool = False) -> tuple[list[int], list[int], list[int], list[int]]:
    """Return which minutes were accepted, refused, skipped, and which still wait; with a restored engine before each if asked."""
    engine = Engine(SYMBOL, CONFIG, DECIMALS)
    accepted, refused, skipped = list[int](), list[int](), list[int]()
    for offset, minute in enumerate(minutes):
        if restart:
            engine = decode_snapshot(encode_snapshot(engine, offset), SYMBOL, CONFIG, DECIMALS).engine
        admission = engine.admit(Arrival(candle(minute, "100.25"), offset, b"%d" % minute))
        for each in admission.accepted:
            signal = engine.step(each.candle)
            assert isinstance(signal, Signal)
            assert signal.open_time_ms == each.candle.open_time_ms
            assert each.value == b"%d" % minute_of(each)
            accepted.append(minute_of(each))
        refused += [minute_of(each) for each in admission.refused]
        skipped += [minute] if admission.skip else []
    return accepted, refused, skipped, [minute_of(each) for each in engine.dates.waiting]


def minute_of(arrival: Arrival) -> int:
    return (arrival.candle.open_time_ms - at(0)) // MINUTE_MS


wrong_dates = st.one_of(
    st.integers(-7 * YEARS // 50, -1), st.integers(0, 400), st.integers(400, 100_000), st.integers(100_000, YEARS)
)


@given(place=st.integers(0, 199), wrong=wrong_dates, restart=st.booleans())
def test_one_wrong_date_loses_no_other_candle(place: int, wrong: int, *, restart: bool) -> None:
    """Wherever it is, and whatever the date is; one that is wrong by up to 15 minutes makes up to 15 late."""
    assume(wrong != place)
    minutes = list(range(200))
    minutes[place] = wrong
    sound = [minute for at_, minute in enumerate(minutes) if at_ != place]
    accepted, refused, skipped, waiting = admitted(minutes, restart=restart and place < 5)
    assert sorted(accepted + refused + skipped + waiting) == sorted(minutes)
    if 0 < wrong - place <= STEP or place == 199:
        assert len(set(sound) - set(accepted)) <= STEP
    elif wrong in sound:
        assert sorted(set(accepted) | set(waiting)) == sound
    elif place == 0 and -MONTH <= wrong < 0:
        assert accepted == [wrong, *sound]  # no evidence against it: a gap follows
    else:
        assert accepted == sound
        assert wrong in refused + skipped


def test_two_hundred_candles_with_one_wrong_date() -> None:
    sound = list(range(200))
    for place, wrong in ((0, YEARS), (0, 30 * 1_440), (1, YEARS), (1, 600), (100, 30 * 1_440), (100, 100 + 60), (198, YEARS)):
        minutes = [*sound[:place], wrong, *sound[place:]]
        assert admitted(minutes) == (sound, [wrong], [], []), (place, wrong)
    assert admitted([*sound, YEARS]) == (sound, [], [], [YEARS])


def test_wrong_dates_in_turn_are_refused_one_by_one() -> None:
    minutes = [0, 1, YEARS, YEARS // 2, YEARS // 2 + 2 * MONTH, 2, 3]
    assert admitted(minutes) == ([0, 1, 2, 3], [YEARS, YEARS // 2, YEARS // 2 + 2 * MONTH], [], [])


def test_an_outage_of_up_to_fifteen_minutes_is_taken_in_at_once_and_a_longer_one_at_the_second_candle() -> None:
    assert admitted([0, 1, 1 + STEP]) == ([0, 1, 1 + STEP], [], [], [])
    assert admitted([0, 1, 2 + STEP]) == ([0, 1], [], [], [2 + STEP])
    for again in (2 + STEP, 1_000, MONTH, 12 * MONTH):
        assert admitted([0, 1, again, again + 1, again + 2]) == ([0, 1, again, again + 1, again + 2], [], [], [])


def test_the_first_candle_waits_for_the_second() -> None:
    assert admitted([0]) == ([], [], [], [0])
    assert admitted([0, 1]) == ([0, 1], [], [], [])


@pytest.mark.parametrize("every", [16, 60, 1_440, MONTH])
def test_of_candles_that_lie_far_apart_each_is_confirmed_by_the_next(every: int) -> None:
    minutes = list(range(0, 20 * every, every))
    assert admitted(minutes) == (minutes[:-1], [], [], minutes[-1:])


def test_a_second_candle_of_a_minute_that_waits_is_a_duplicate_and_confirms_nothing() -> None:
    assert admitted([0, 0, 1]) == ([0, 1], [], [0], [])
    assert admitted([0, 1, 99, 99, 99, 2]) == ([0, 1, 2], [99], [99, 99], [])


def test_a_late_candle_says_nothing_about_one_that_waits() -> None:
    assert admitted([5, 6, 99, 3, 6, 100]) == ([5, 6, 99, 100], [], [3, 6], [])


@settings(max_examples=50)
@given(st.lists(st.one_of(st.integers(0, 40), st.integers(0, 3_000), st.integers(0, 10**6)), max_size=40))
def test_no_candle_is_lost_and_a_restart_changes_nothing(minutes: list[int]) -> None:
    whole = admitted(minutes)
    assert admitted(minutes, restart=True) == whole
    accepted, refused, skipped, waiting = whole
    assert sorted(accepted + refused + skipped + waiting) == sorted(minutes)
    assert accepted == sorted(set(accepted))
    assert len(waiting) <= (1 if accepted else 2)


def test_a_snapshot_that_moves_to_another_log_forgets_the_old_offset() -> None:
    engine = Engine(SYMBOL, CONFIG, 12)
    engine.admit(Arrival(candle(0, "999999999999999", decimals=12), 7, b"?"))
    again = decode_snapshot(moved(encode_snapshot(engine, 8), 3), SYMBOL, CONFIG, 12).engine
    assert again.dates.waiting == (engine.dates.waiting[0]._replace(offset=None),)


def test_signals_are_those_of_the_accepted_candles_alone() -> None:
    engine, plain = Engine(SYMBOL, CONFIG, DECIMALS), Engine(SYMBOL, CONFIG, DECIMALS)
    signals = [
        engine.step(each.candle)
        for minute in (0, YEARS, 1, 2, YEARS, 3, 500, 501)
        for each in engine.admit(Arrival(candle(minute, 100 + minute % 7), 0, b"")).accepted
    ]
    expected = [plain.step(candle(minute, 100 + minute % 7)) for minute in (0, 1, 2, 3, 500, 501)]
    assert [encode_signal(one) for one in signals if isinstance(one, Signal)] == [
        encode_signal(one) for one in expected if isinstance(one, Signal)
    ]

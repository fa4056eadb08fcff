"""What is told, and when: on the edge, once, not again within the cool-down, and its end once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from volcast.commands.run.notify.alarms import Alarms, Told
from volcast.commands.run.notify.events import Condition, Event, NoticeTier

COOLDOWN_S = 100.0


def condition(holds: bool, key: str = "k", *, recovers: bool = True) -> Condition:  # noqa: FBT001
    return Condition(key, NoticeTier.PAGE, "it happens", holds, recovers=recovers)


def told(alarms: Alarms, states: str, step_s: float = 10.0, from_s: float = 0.0) -> str:
    """Return what is told at each step: F for a beginning, r for an end, . for nothing. `?` is a state that is not known."""
    answer = ""
    for number, state in enumerate(states):
        conditions = [] if state == "?" else [condition(state == "1")]
        events: list[Event] = alarms.step(conditions, from_s + number * step_s)
        answer += {(): ".", (False,): "F", (True,): "r"}[tuple(event.is_over for event in events)]
    return answer


def test_only_edges_are_told() -> None:
    assert told(Alarms(COOLDOWN_S), "0011?1000") == "..F...r.."


def test_a_second_beginning_waits_for_the_end_of_the_cooldown() -> None:
    alarms = Alarms(COOLDOWN_S)
    assert told(alarms, "1010100000") == "Fr........"
    assert alarms.suppressed == 2
    assert told(Alarms(COOLDOWN_S), "101111111111") == "Fr........F."


def test_what_has_no_end_is_told_without_one() -> None:
    alarms = Alarms(0.0)
    steps = [alarms.step([condition(holds, recovers=False)], 10.0 * n) for n, holds in enumerate((True, False, True, False))]
    assert [len(events) for events in steps] == [1, 0, 1, 0]


def test_a_clock_that_is_set_back_makes_no_endless_cooldown() -> None:
    alarms = Alarms(COOLDOWN_S)
    assert told(alarms, "10", from_s=1_000_000.0) == "Fr"
    assert told(alarms, "1", from_s=5.0) == "F"


@given(st.text(alphabet="01?", max_size=60), st.integers(0, 60), st.floats(0.0, 200.0))
def test_a_restart_changes_nothing_that_is_told(states: str, cut: int, cooldown_s: float) -> None:
    first = Alarms(cooldown_s)
    before = told(first, states[:cut])
    kept = json.decode(json.encode(first.told), type=dict[str, Told])
    after = told(Alarms(cooldown_s, kept), states[cut:], from_s=10.0 * len(states[:cut]))
    assert before + after == told(Alarms(cooldown_s), states)


@given(st.text(alphabet="01?", max_size=80))
def test_beginnings_and_ends_alternate_and_beginnings_keep_their_distance(states: str) -> None:
    answer = told(Alarms(COOLDOWN_S), states)
    said = answer.replace(".", "")
    assert said == ("Fr" * len(said))[: len(said)]
    beginnings = [10.0 * number for number, each in enumerate(answer) if each == "F"]
    assert all(later - earlier >= COOLDOWN_S for earlier, later in pairwise(beginnings))


def test_what_was_told_long_ago_is_forgotten() -> None:
    alarms = Alarms(COOLDOWN_S, {"old": Told(told_s=1.0), "new": Told(told_s=9e6)})
    alarms.forget(9e6)
    assert list(alarms.told) == ["new"]

"""Rows of `signals`, and what is made of them: outcomes, and the beginnings and ends of drift alarms."""

from datetime import UTC, datetime

import polars as pl
from msgspec.structs import replace

from tests.market import at
from tests.volcast.lifecycle.archive.archiving import ALARM, signal
from volcast.core.codec import encode_restoring, encode_signal
from volcast.core.drift.alarms import DriftAlarm
from volcast.core.forecast.results import HorizonForecast
from volcast.core.types import Restoring, Signal
from volcast.lifecycle.archive.tables.drift_events import DRIFT_EVENT_SCHEMA, SymbolAlarms, drift_event_frame
from volcast.lifecycle.archive.tables.outcomes import OUTCOME_SCHEMA, outcome_frame
from volcast.lifecycle.archive.tables.signals import SIGNAL_FIELDS, SIGNAL_SCHEMA, decode_signals, signal_frame
from volcast.log.contract import Record


def records(*signals: Signal) -> list[Record]:
    return [Record(0, number, each.symbol.encode(), encode_signal(each)) for number, each in enumerate(signals)]


def test_each_field_with_one_value_is_a_column() -> None:
    made = signal(5)
    (row,) = signal_frame(decode_signals(records(made))).to_dicts()
    assert {name: row[name] for name in SIGNAL_FIELDS} == {name: getattr(made, name) for name in SIGNAL_FIELDS}
    assert {"volatility", "signal", "model", "warm", "rolling_mean", "outcomes"} <= set(SIGNAL_FIELDS)
    left = {"symbol", "open_time_ms", "quantiles", "drift_alarms", "outcome", "other_horizons", "shadows"}
    assert set(Signal.__struct_fields__) == set(SIGNAL_FIELDS) | left, "what else there is lies in `record`"
    assert (row["symbol"], row["kind"], row["record"]) == ("BTCUSDT", "signal", encode_signal(made))


def test_other_records_are_rows_without_values() -> None:
    other = [Record(0, 1, b"A", encode_restoring(Restoring("BTCUSDT", done=True))), Record(0, 2, b"B", b"\xff")]
    frame = signal_frame(decode_signals(other))
    assert frame["kind"].to_list() == ["restoring", "unreadable"]
    assert frame["symbol"].to_list() == ["BTCUSDT", None]
    assert frame["record"].to_list() == [each.value for each in other]
    assert outcome_frame(decode_signals(other)).is_empty()


def test_each_forecast_that_came_due_is_a_row() -> None:
    made = signal(60)
    assert made.outcome
    further = replace(made.outcome, open_time_ms=at(-180), volatility=0.5)
    none = HorizonForecast(240, 0.1, 0.1, 0.1, 0.1, 0.1, 1.0, 2.0, made.quantiles, 3, None)
    due = replace(none, horizon_minutes=180, outcome=further)
    rows = outcome_frame(decode_signals(records(replace(made, other_horizons=(none, due))))).to_dicts()
    assert [(each["model"], each["role"], each["horizon_minutes"]) for each in rows] == [
        ("two_stage", "leader", 60),
        ("two_stage", "leader", 180),
        ("har", "challenger", 60),
    ]
    own, long, shadow = rows
    assert (own["made_open_time"], own["open_time"]) == (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 1, tzinfo=UTC))
    assert (own["qlike"], own["covered"], own["price_covered"], own["volatility_ewma"]) == (0.2, True, False, 0.012)
    assert (long["volatility"], long["made_open_time"]) == (0.5, datetime(2023, 12, 31, 21, tzinfo=UTC))
    assert (shadow["qlike"], shadow["covered"], shadow["volatility"]) == (0.25, False, None)
    assert shadow["realized_volatility"] == own["realized_volatility"]


def test_without_an_outcome_there_is_no_row() -> None:
    young = signal(3, outcome=None, shadows=tuple(replace(each, qlike=None, covered=None) for each in signal(3).shadows))
    assert outcome_frame(decode_signals(records(young))).is_empty()


def events(*alarms: tuple[DriftAlarm, ...], before: SymbolAlarms | None = None) -> tuple[list[tuple[str, str]], SymbolAlarms]:
    made = [signal(minute, drift_alarms=on) for minute, on in enumerate(alarms)]
    frame, changed = drift_event_frame(decode_signals(records(*made)), before or {})
    return [(each["event"], each["detector"]) for each in frame.to_dicts()], changed


ONE, OTHER = replace(ALARM, open_time_ms=at(1)), replace(ALARM, detector="gaps", open_time_ms=at(1))


def test_an_alarm_begins_and_ends_once() -> None:
    found, changed = events((), (ONE, OTHER), (ONE,), (ONE,), ())
    assert found == [("begun", "skill"), ("begun", "gaps"), ("ended", "gaps"), ("ended", "skill")]
    assert changed == {"BTCUSDT": ()}


def test_what_was_on_before_the_first_signal_has_begun_elsewhere() -> None:
    """Its end is an event all the same; and what begins with that signal is one."""
    assert events((replace(ONE, open_time_ms=at(-500)),), ())[0] == [("ended", "skill")]
    assert events((replace(ONE, open_time_ms=at(0)),))[0] == [("begun", "skill")]


def test_the_alarms_go_on_from_the_commit_before() -> None:
    whole = events((), (ONE,), (ONE,), ())[0]
    first, carried = events((), (ONE,))
    assert carried == {"BTCUSDT": (ONE,)}
    second, again = events((ONE,), (), before=carried)
    assert first + second == whole
    assert again == {"BTCUSDT": ()}
    assert events((ONE,), before=carried) == ([], {})


def test_the_frames_have_their_schemas_without_rows_too() -> None:
    for frame, schema in [
        (signal_frame([]), SIGNAL_SCHEMA),
        (outcome_frame([]), OUTCOME_SCHEMA),
        (drift_event_frame([], {})[0], DRIFT_EVENT_SCHEMA),
    ]:
        assert dict(frame.schema) == {**schema, "day": pl.Date()}

"""The verifier finds any record that is missing, doubled, swapped or altered, and reports its index."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.market import START_MS, at, candle_text, prices
from volcast.core.codec import (
    PROMOTION_KEY,
    Reason,
    decode_reject,
    encode_candle,
    encode_promotion,
    encode_reject,
    encode_restoring,
)
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import EngineConfig, Restoring
from volcast.log.contract import KeyValue, Record
from volcast.proof.processes.input import garbage
from volcast.proof.verifier import api_difference, by_partition, expected_output, first_difference, model_of, row_difference

SYMBOLS = ("AUSDT", "BUSDT")
CONFIG = EngineConfig(window=3, rate_window=10)


def candles() -> list[Record]:
    """Candles of two symbols in turn; some are late, doubled or invalid; the offsets have gaps."""
    random = Random(1)  # the same candles each time
    pairs: list[KeyValue] = []
    for minute, close in enumerate(prices(60)):
        for symbol in SYMBOLS:
            odd = random.choice(("", "", "", "late", "twice", "bad"))
            text = candle_text(max(minute - 2, 0) if odd == "late" else minute, "-1" if odd == "bad" else close, symbol=symbol)
            pairs += [KeyValue(symbol.encode(), encode_candle(text))] * (2 if odd == "twice" else 1)
    pairs[40:40] = islice(garbage(1, list(SYMBOLS)), 10)
    return [Record(0, 3 * number, *pair) for number, pair in enumerate(pairs)]


CANDLES = candles()
EXPECTED = expected_output(CONFIG, 8, 10, CANDLES)
SIGNALS = [Record(0, number, *pair) for number, pair in enumerate(EXPECTED.signals)]
REJECTS = [
    Record(0, number, reject.key, encode_reject(replace(reject, detail=f"some sentence {number}")))
    for number, reject in enumerate(EXPECTED.rejects)
]
Change = Callable[[list[Record], int], None]


def difference(signals: Sequence[Record], rejects: Sequence[Record], position: int = EXPECTED.position) -> str | None:
    return first_difference(signals, rejects, position, EXPECTED)


def drop(records: list[Record], index: int) -> None:
    del records[index]


def double(records: list[Record], index: int) -> None:
    records.insert(index, records[index])


def swap(records: list[Record], index: int) -> None:
    other = index + 1 if index + 1 < len(records) else index - 1
    records[index], records[other] = records[other], records[index]


def alter(records: list[Record], index: int) -> None:
    """Change one digit."""
    value = records[index].value
    where = max(value.rindex(digit) for digit in (b"1", b"2", b"3") if digit in value)
    digit = b"4" if value[where : where + 1] != b"4" else b"5"
    records[index] = replace(records[index], value=value[:where] + digit + value[where + 1 :])


def move(records: list[Record], index: int) -> None:
    """Change the key."""
    records[index] = replace(records[index], key=b"OTHER")


def test_correct_records_have_no_difference() -> None:
    assert len(SIGNALS) > 60
    assert len({reject.reason for reject in EXPECTED.rejects}) > 3
    assert EXPECTED.position == CANDLES[-1].offset + 1
    assert difference(SIGNALS, REJECTS) is None


@given(index=st.integers(0, len(SIGNALS) - 1), change=st.sampled_from([drop, double, swap, alter, move]))
def test_any_changed_signal_is_found(index: int, change: Change) -> None:
    signals = list(SIGNALS)
    change(signals, index)
    sentence = difference(signals, REJECTS)
    assert sentence is not None
    assert f"{len(signals)} signals, {len(SIGNALS)} expected" in sentence


@given(index=st.integers(0, len(REJECTS) - 1), change=st.sampled_from([drop, double, swap, move]))
def test_any_changed_reject_is_found(index: int, change: Change) -> None:
    rejects = list(REJECTS)
    change(rejects, index)
    sentence = difference(SIGNALS, rejects)
    assert sentence is not None
    assert "rejects" in sentence


@pytest.mark.parametrize("change", [{"reason": Reason.TIME}, {"offset": 1}, {"partition": 1}, {"value": b"x"}, {"key": b"x"}])
def test_a_reject_with_another_field_is_found(change: dict[str, object]) -> None:
    other = encode_reject(replace(decode_reject(REJECTS[2].value), **change))
    sentence = difference(SIGNALS, [*REJECTS[:2], replace(REJECTS[2], value=other), *REJECTS[3:]])
    assert sentence is not None
    assert "the first that differs is number 2" in sentence


def test_the_sentence_names_place_and_records() -> None:
    sentence = difference([*SIGNALS[:7], *SIGNALS[8:]], REJECTS)
    assert sentence is not None
    assert sentence.startswith(f"{len(SIGNALS) - 1} signals, {len(SIGNALS)} expected; the first that differs is number 7: ")
    assert all(SIGNALS[number].value.decode()[:200] in sentence for number in (7, 8))


def test_another_position_is_found() -> None:
    assert difference(SIGNALS, REJECTS, EXPECTED.position - 1) == (
        f"the position: {EXPECTED.position - 1}, expected {EXPECTED.position}"
    )


def test_notices_of_a_rebuild_are_ignored() -> None:
    notices = [Record(0, 0, b"AUSDT", encode_restoring(Restoring("AUSDT", done))) for done in (False, True)]
    assert difference([*SIGNALS[:5], *notices, *SIGNALS[5:]], REJECTS) is None


def test_a_stray_reject_is_found() -> None:
    assert difference(SIGNALS, [*REJECTS, REJECTS[-1]]) is not None


def test_records_by_partition_keep_their_order() -> None:
    records = [Record(number % 2, number, b"", b"") for number in range(6)]
    assert by_partition(records, 3) == {0: records[::2], 1: records[1::2], 2: []}


def test_each_row_must_be_there_once_and_in_order() -> None:
    rows = [b"1", b"2", b"3"]
    assert row_difference("a.csv", rows, rows) is None
    for found, number in (([b"1", b"3"], 1), ([b"1", b"2", b"2", b"3"], 2), ([b"2", b"1", b"3"], 0), ([b"1", b"2"], 2)):
        sentence = f"a.csv has 3 rows, the log {len(found)} of them; the first that differs is number {number}"
        assert row_difference("a.csv", rows, found) == sentence


def api_response(symbol: str) -> dict[str, object]:
    """The API's response about the symbol's last signal."""
    fields: dict[str, Any] = json.loads([record.value for record in SIGNALS if record.key == symbol.encode()][-1])
    del fields["kind"], fields["v"]
    for part in (fields, *fields["drift_alarms"]):
        part["timestamp"] = f"2024-01-01T00:{(part.pop('open_time_ms') - START_MS) // 60_000:02}:00Z"
    return fields | {"age_seconds": 0.5, "status": "ok"}


def test_the_api_must_show_the_last_signal_of_each_symbol() -> None:
    latest = {symbol: api_response(symbol) for symbol in SYMBOLS}
    assert latest["AUSDT"]["timestamp"] == "2024-01-01T00:59:00Z"
    assert api_difference(latest, SIGNALS) is None
    assert api_difference({"AUSDT": latest["AUSDT"]}, SIGNALS) == "symbols of /latest: ['AUSDT'], expected ['AUSDT', 'BUSDT']"
    for field in ("candles", "volatility", "timestamp"):
        sentence = api_difference(latest | {"BUSDT": latest["BUSDT"] | {field: 0}}, SIGNALS)
        assert sentence is not None
        assert sentence.startswith("/latest of BUSDT: ")


def test_the_outcome_in_a_response_has_its_time_as_text() -> None:
    outcome = {"open_time_ms": at(0), "qlike": 0.5}
    signal = {"kind": "signal", "v": 1, "symbol": "A", "open_time_ms": at(60), "outcome": outcome}
    latest = {
        "A": {"symbol": "A", "timestamp": "2024-01-01T01:00:00Z", "outcome": {"qlike": 0.5, "timestamp": "2024-01-01T00:00:00Z"}}
    }
    assert api_difference(latest, [Record(0, 0, b"A", json.dumps(signal).encode())]) is None


def test_the_drift_alarms_in_a_response_have_their_times_as_text() -> None:
    alarm = {"detector": "candles_missing", "open_time_ms": at(0)}
    signal = {"kind": "signal", "v": 1, "symbol": "A", "open_time_ms": at(60), "outcome": None, "drift_alarms": [alarm]}
    shown = {"detector": "candles_missing", "timestamp": "2024-01-01T00:00:00Z"}
    latest = {"A": {"symbol": "A", "timestamp": "2024-01-01T01:00:00Z", "outcome": None, "drift_alarms": [shown]}}
    assert api_difference(latest, [Record(0, 0, b"A", json.dumps(signal).encode())]) is None


PROMOTING = replace(CONFIG, model="har", shadows=("ewma",))


def promoted_before(index: int, from_minute: int = 20) -> list[Record]:
    """The candles with a promotion before the one at this index; the offsets are those without it."""
    marker = KeyValue(PROMOTION_KEY, encode_promotion(Promotion("000001", "ewma", at(from_minute))))
    return [*CANDLES[:index], Record(0, 3 * index - 1, *marker), *CANDLES[index:]]


def test_the_leader_changes_at_the_named_candle() -> None:
    made = expected_output(PROMOTING, 8, 10, promoted_before(4)).signals
    times = [json.loads(value)["open_time_ms"] for _, value in made]
    assert [model_of(value) for _, value in made] == ["ewma" if each >= at(20) else "har" for each in times]


@pytest.mark.parametrize("other", [{"index": 4, "from_minute": 25}, {"index": 90}])
def test_a_switch_at_another_candle_is_found(other: dict[str, int]) -> None:
    expected, found = (expected_output(PROMOTING, 8, 10, each) for each in (promoted_before(4), promoted_before(**other)))
    signals = [Record(0, number, *pair) for number, pair in enumerate(found.signals)]
    assert "the first that differs" in str(first_difference(signals, REJECTS, expected.position, expected))


def test_a_promotion_of_an_unknown_model_is_a_reject() -> None:
    expected = expected_output(replace(PROMOTING, shadows=("last",)), 8, 10, promoted_before(4))
    assert expected.reasons == EXPECTED.reasons + Counter(unknown_model=1)
    assert {model_of(value) for _, value in expected.signals} == {"har"}


def test_the_model_of_what_is_no_signal_is_not_known() -> None:
    assert model_of(b"{") == model_of(encode_restoring(Restoring("AUSDT", done=True))) == "?"

"""The verifier can fail: whatever is missing, doubled, swapped or altered is found, and told with its place."""

import json
from collections.abc import Callable, Sequence
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.market import START_MS, at, candle_text, prices
from volcast.core.codec import Reason, decode_reject, encode_candle, encode_reject, encode_restoring
from volcast.core.types import EngineConfig, Restoring
from volcast.log.contract import KeyValue, Record
from volcast.proof.processes.input import garbage
from volcast.proof.verifier import by_partition, first_difference, missing_rows, other_answer, undisturbed

SYMBOLS = ("AUSDT", "BUSDT")
CONFIG = EngineConfig(window=3, rate_window=10)


def candles() -> list[Record]:
    """Of two symbols in turn; some are late or doubled, and some are none; the offsets have holes."""
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
EXPECTED = undisturbed(CONFIG, 8, 10, CANDLES)
SIGNALS = [Record(0, number, *pair) for number, pair in enumerate(EXPECTED.signals)]
REJECTS = [
    Record(0, number, reject.key, encode_reject(replace(reject, detail=f"some sentence {number}")))
    for number, reject in enumerate(EXPECTED.rejects)
]
Spoil = Callable[[list[Record], int], None]


def difference(signals: Sequence[Record], rejects: Sequence[Record], position: int = EXPECTED.position) -> str | None:
    return first_difference(signals, rejects, position, EXPECTED)


def drop(records: list[Record], place: int) -> None:
    del records[place]


def double(records: list[Record], place: int) -> None:
    records.insert(place, records[place])


def swap(records: list[Record], place: int) -> None:
    other = place + 1 if place + 1 < len(records) else place - 1
    records[place], records[other] = records[other], records[place]


def alter(records: list[Record], place: int) -> None:
    """One digit."""
    value = records[place].value
    where = max(value.rindex(digit) for digit in (b"1", b"2", b"3") if digit in value)
    digit = b"4" if value[where : where + 1] != b"4" else b"5"
    records[place] = records[place]._replace(value=value[:where] + digit + value[where + 1 :])


def move(records: list[Record], place: int) -> None:
    """Under another key."""
    records[place] = records[place]._replace(key=b"OTHER")


def test_what_is_as_it_must_be_has_no_difference() -> None:
    assert len(SIGNALS) > 60
    assert len({reject.reason for reject in EXPECTED.rejects}) > 3
    assert EXPECTED.position == CANDLES[-1].offset + 1
    assert difference(SIGNALS, REJECTS) is None


@given(place=st.integers(0, len(SIGNALS) - 1), spoil=st.sampled_from([drop, double, swap, alter, move]))
def test_no_spoiled_signal_is_overlooked(place: int, spoil: Spoil) -> None:
    signals = list(SIGNALS)
    spoil(signals, place)
    told = difference(signals, REJECTS)
    assert told is not None
    assert f"{len(signals)} signals, {len(SIGNALS)} expected" in told


@given(place=st.integers(0, len(REJECTS) - 1), spoil=st.sampled_from([drop, double, swap, move]))
def test_no_spoiled_reject_is_overlooked(place: int, spoil: Spoil) -> None:
    rejects = list(REJECTS)
    spoil(rejects, place)
    told = difference(SIGNALS, rejects)
    assert told is not None
    assert "rejects" in told


@pytest.mark.parametrize("change", [{"reason": Reason.TIME}, {"offset": 1}, {"partition": 1}, {"value": b"x"}, {"key": b"x"}])
def test_a_reject_with_another_field_is_found(change: dict[str, object]) -> None:
    other = encode_reject(replace(decode_reject(REJECTS[2].value), **change))
    told = difference(SIGNALS, [*REJECTS[:2], REJECTS[2]._replace(value=other), *REJECTS[3:]])
    assert told is not None
    assert "the first that differs is number 2" in told


def test_place_and_symbol_stand_in_the_sentence() -> None:
    told = difference([*SIGNALS[:7], *SIGNALS[8:]], REJECTS)
    assert told is not None
    assert told.startswith(f"{len(SIGNALS) - 1} signals, {len(SIGNALS)} expected; the first that differs is number 7: ")
    assert all(SIGNALS[number].value.decode()[:200] in told for number in (7, 8))


def test_another_position_is_found() -> None:
    assert difference(SIGNALS, REJECTS, EXPECTED.position - 1) == (
        f"the position: {EXPECTED.position - 1}, expected {EXPECTED.position}"
    )


def test_word_of_a_rebuild_is_passed_over() -> None:
    word = [Record(0, 0, b"AUSDT", encode_restoring(Restoring("AUSDT", done))) for done in (False, True)]
    assert difference([*SIGNALS[:5], *word, *SIGNALS[5:]], REJECTS) is None


def test_a_stray_reject_is_found() -> None:
    assert difference(SIGNALS, [*REJECTS, REJECTS[-1]]) is not None


def test_records_by_partition_keep_their_order() -> None:
    records = [Record(number % 2, number, b"", b"") for number in range(6)]
    assert by_partition(records, 3) == {0: records[::2], 1: records[1::2], 2: []}


def test_each_row_once_and_in_order() -> None:
    rows = [b"1", b"2", b"3"]
    assert missing_rows("a.csv", rows, rows) is None
    for found, number in (([b"1", b"3"], 1), ([b"1", b"2", b"2", b"3"], 2), ([b"2", b"1", b"3"], 0), ([b"1", b"2"], 2)):
        told = f"a.csv has 3 rows, the log {len(found)} of them; the first that differs is number {number}"
        assert missing_rows("a.csv", rows, found) == told


def answer(symbol: str) -> dict[str, object]:
    """As the API gives it, of the symbol's last signal."""
    fields: dict[str, object] = json.loads([record.value for record in SIGNALS if record.key == symbol.encode()][-1])
    del fields["kind"], fields["v"]
    minutes = (int(str(fields.pop("open_time_ms"))) - START_MS) // 60_000
    return fields | {"timestamp": f"2024-01-01T00:{minutes:02}:00Z", "age_seconds": 0.5, "status": "ok"}


def test_the_api_has_the_last_signal_of_each_symbol() -> None:
    latest = {symbol: answer(symbol) for symbol in SYMBOLS}
    assert latest["AUSDT"]["timestamp"] == "2024-01-01T00:59:00Z"
    assert other_answer(latest, SIGNALS) is None
    assert other_answer({"AUSDT": latest["AUSDT"]}, SIGNALS) == "symbols of /latest: ['AUSDT'], expected ['AUSDT', 'BUSDT']"
    for field in ("candles", "volatility", "timestamp"):
        told = other_answer(latest | {"BUSDT": latest["BUSDT"] | {field: 0}}, SIGNALS)
        assert told is not None
        assert told.startswith("/latest of BUSDT: ")


def test_the_outcome_in_an_answer_has_its_time_in_words() -> None:
    outcome = {"open_time_ms": at(0), "qlike": 0.5}
    signal = {"kind": "signal", "v": 1, "symbol": "A", "open_time_ms": at(60), "outcome": outcome}
    latest = {
        "A": {"symbol": "A", "timestamp": "2024-01-01T01:00:00Z", "outcome": {"qlike": 0.5, "timestamp": "2024-01-01T00:00:00Z"}}
    }
    assert other_answer(latest, [Record(0, 0, b"A", json.dumps(signal).encode())]) is None

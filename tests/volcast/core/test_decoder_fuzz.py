"""Fuzzing: broken records and snapshots give a valid value, a reject or the documented error, never anything else.

TEST_FUZZ_INPUTS is the number of inputs; `make fuzz` uses a million. A failure names the seed and the bytes.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from math import inf
from random import Random
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market import DECIMALS, SYMBOL, at, candle_text, record, walk
from tests.mutations import Fields, broken_bytes, broken_record, fields_of
from volcast.core import snapshot
from volcast.core.codec import (
    MAX_KEPT_BYTES,
    MAX_TIME_MS,
    MIN_TIME_MS,
    PROMOTION_KEY,
    UNDECODABLE,
    Origin,
    Reason,
    Reject,
    decode_reject,
    decode_signal,
    encode_gap,
    encode_promotion,
    encode_reject,
    encode_restoring,
    encode_revision,
    encode_signal,
    read_origin,
)
from volcast.core.decoder import Decoder, is_symbol
from volcast.core.engine import Engine
from volcast.core.forecast.promotion import MAX_PROMOTED_SYMBOLS, Promotion
from volcast.core.snapshot import SnapshotError
from volcast.core.timeline import Arrival
from volcast.core.types import MINUTE_MS, Candle, EngineConfig, Gap, Restoring, Revision, Signal

INPUTS = int(os.environ.get("TEST_FUZZ_INPUTS", "60000"))
INPUTS_PER_SEED = 500
KEY = SYMBOL.encode()
RECORDS = [record(0, "42000.5"), encode_gap(Gap(SYMBOL, at(3), at(7), "BINANCE", "outage"))]
RECORDS += [encode_revision(candle_text(0, "0.07")), record(10**6, "42", live=True, line=None)]
RECORDS += [encode_promotion(Promotion("000007", "har", at(5), symbols)) for symbols in ((), (SYMBOL,))]
CONFIG = EngineConfig()


def engine_after(steps: int, config: EngineConfig = CONFIG) -> tuple[Engine, list[Any]]:
    """Return an engine after a random walk, and its signals."""
    engine = Engine(SYMBOL, config, DECIMALS)
    return engine, [engine.step(one) for one in walk(steps)]


def fuzz(share: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with enough seeds for a share of all inputs, `INPUTS_PER_SEED` for each seed."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        examples = max(1, int(INPUTS * share / INPUTS_PER_SEED))
        decorated: Callable[..., None] = settings(max_examples=examples)(given(seed=st.integers(0, 2**63))(test))
        return decorated

    return decorate


@contextmanager
def noting(*inputs: object) -> Iterator[None]:
    """Note the inputs on any exception."""
    try:
        yield
    except Exception as error:
        error.add_note(f"input: {inputs!r}")
        raise


@fuzz(share=0.8)
def test_a_broken_record_is_a_candle_a_gap_a_revision_or_a_reject(seed: int) -> None:
    random = Random(seed)  # the same records each time
    decimals = random.randint(0, 12)
    decoder, records = Decoder(decimals, {"X": 0}), [fields_of(each) for each in RECORDS]
    for _ in range(INPUTS_PER_SEED):
        value = broken_record(random, records)
        key = random.choice((*[KEY] * 6, PROMOTION_KEY, PROMOTION_KEY, b"X", b"", b"\xff", b"BTCUSDT\n", random.randbytes(3)))
        with noting(decimals, key, value):
            check_decoded(decoder, key, value)


def check_decoded(decoder: Decoder, key: bytes, value: bytes) -> None:
    """Decode a record and check the value."""
    match decoder.decode(key, value):
        case Candle() as candle:
            check_candle(candle, key, decoder.price_decimals(candle.symbol), fields_read(value))
        case Revision(candle):
            check_candle(candle, key, decoder.price_decimals(candle.symbol), fields_read(value).get("candle", {}))
        case Gap() as gap:
            assert gap.symbol.encode() == key
            assert is_symbol(gap.symbol)
            assert MIN_TIME_MS <= gap.from_ms < gap.to_ms < MAX_TIME_MS
            assert gap.from_ms % MINUTE_MS == gap.to_ms % MINUTE_MS == 0
        case Promotion() as promotion:
            assert key == PROMOTION_KEY
            assert 0 < len(promotion.model) <= 255
            assert len(promotion.symbols) <= MAX_PROMOTED_SYMBOLS
            assert all(map(is_symbol, promotion.symbols))
            assert MIN_TIME_MS <= promotion.from_ms < MAX_TIME_MS
            assert promotion.from_ms % MINUTE_MS == 0
        case Reject() as reject:
            assert (reject.key, reject.value) == (key, value[:MAX_KEPT_BYTES])
            assert reject.reason in Reason
            assert reject.detail
            assert decode_reject(encode_reject(reject)) == reject
        case other:
            raise AssertionError(other)


def fields_read(value: bytes) -> dict[str, Any]:
    """Return the fields as another JSON parser reads them, with numbers as their text."""
    text = value.decode(errors="replace")
    with higher_recursion_limit():
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, strict=False)
    assert isinstance(found, dict)
    return found


@contextmanager
def higher_recursion_limit() -> Iterator[None]:
    """Raise the recursion limit: what the decoder has skipped may be nested almost to it."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(2 * limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def check_candle(candle: Candle, key: bytes, decimals: int, fields: dict[str, Any]) -> None:
    """Check that the candle is valid and has exactly the values of its record."""
    assert candle.symbol.encode() == key
    assert is_symbol(candle.symbol)
    assert MIN_TIME_MS <= candle.open_time_ms < MAX_TIME_MS
    assert candle.open_time_ms % MINUTE_MS == 0
    assert all(0 < price < inf for price in (candle.open, candle.high, candle.low, candle.close))
    assert candle.low <= candle.open <= candle.high
    assert candle.low <= candle.close <= candle.high
    assert all(0 <= volume < 1e24 for volume in (candle.volume, candle.quote_volume))
    assert candle.symbol == fields["symbol"]
    assert str(candle.open_time_ms) == str(int(Decimal(fields["open_time_ms"])))
    assert candle.close_units == Fraction(Decimal(fields["close"])) * 10**decimals
    assert candle.close_units > 0
    for name in ("open", "high", "low", "close", "volume", "quote_volume"):
        assert getattr(candle, name) == float(Decimal(fields[name])), name


SIGNALS = [encode_signal(signal) for signal in engine_after(70)[1][-3:]] + [encode_restoring(Restoring(SYMBOL, done=True))]
REJECTS = [encode_reject(Reject(Reason.TIME, "why", KEY, each, SYMBOL, "a.csv", 2, 0, 7)) for each in (b"", RECORDS[0])]


@pytest.mark.parametrize(
    ("decode", "kinds", "samples"),
    [
        (decode_signal, Signal | Restoring, SIGNALS),
        (decode_reject, Reject, REJECTS),
        (read_origin, Origin, RECORDS),
    ],
    ids=["signal", "reject", "origin"],
)
@fuzz(share=0.06)
def test_a_broken_record_of_another_kind_is_undecodable(
    decode: Callable[[bytes], object], kinds: type, samples: list[bytes], seed: int
) -> None:
    random = Random(seed)  # the same records each time
    records: list[Fields] = [fields_of(each) for each in samples]
    for _ in range(INPUTS_PER_SEED):
        value = broken_record(random, records)
        with noting(value):
            try:
                assert isinstance(decode(value), kinds)
            except UNDECODABLE:
                assert decode is not read_origin


def made_snapshot(model: str) -> bytes:
    """Return the snapshot of an engine in which a candle waits."""
    engine = engine_after(90, EngineConfig(model=model))[0]
    engine.admit(Arrival(walk([5_000])[0], 98, record(5_000, "42000.5")))
    return snapshot.encode_snapshot(engine, 99, {"late": 1})


SNAPSHOTS = {model: made_snapshot(model) for model in ("two_stage", "ewma")}
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**31, 2**63, -(2**63), 2**64 - 1, 0.0, -0.0, float("nan"), float("inf"), -1e308, 5e-324, "", "x"),
    *(b"", b"\0" * 7, b"\xff" * 8, b"\0" * 480, [], {}, [1], [[1, 2]], {"x": 1}, [None] * 99, "9" * 999, "1", [[[[]]]]),
)
ODD_PARTS = [msgspec.msgpack.encode(part) for part in ODD]


@pytest.mark.parametrize("model", SNAPSHOTS)
@fuzz(share=0.01)
def test_a_broken_snapshot_is_refused_or_an_engine(model: str, seed: int) -> None:
    """Most of the time the checksum is corrected, since otherwise nothing else would be read."""
    random = Random(seed)  # the same snapshots each time
    valid = SNAPSHOTS[model]
    for _ in range(INPUTS_PER_SEED):
        raw = broken_snapshot(random, valid)
        with noting(raw):
            for read in (restoring(model), snapshot.describe_snapshot, lambda raw: snapshot.moved(raw, 5)):
                try:
                    read(raw)
                except SnapshotError as error:
                    assert str(error)  # noqa: PT017  # any other exception must fail the test


def restoring(model: str) -> Callable[[bytes], object]:
    return lambda raw: snapshot.decode_snapshot(raw, SYMBOL, EngineConfig(model=model), DECIMALS)


def broken_snapshot(random: Random, valid: bytes) -> bytes:
    if random.random() < 0.1:
        return broken_bytes(random, valid, valid)
    if random.random() < 0.25:
        payload = broken_bytes(random, valid[8:], valid[8:])
    else:
        written = msgspec.msgpack.decode(valid[8:])
        for _ in range(random.choice((1, 1, 2))):
            break_part(random, written, ["state"] if random.random() < 0.7 else list(written))
        payload = msgspec.msgpack.encode(written)
    return valid[:4] + crc32(payload).to_bytes(4, "little") + payload


def break_part(random: Random, part: Any, places: list[Any]) -> None:
    """Replace, break or remove a value at one of these places or anywhere below it."""
    place = random.choice(places)
    inner = part.get(place) if isinstance(part, dict) else part[place]
    if isinstance(inner, dict | list) and inner and random.random() < 0.9:
        break_part(random, inner, list(inner) if isinstance(inner, dict) else list(range(len(inner))))
    elif isinstance(inner, bytes) and random.random() < 0.7:
        part[place] = broken_bytes(random, inner, inner)
    elif place in part and random.random() < 0.1:
        del part[place]
    else:
        part[place] = msgspec.msgpack.decode(random.choice(ODD_PARTS))

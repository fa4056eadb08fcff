"""The shard: what any records come to, and that neither batching, interleaving nor a restart changes a byte of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.shard import Rules, Shard
from tests.market import at, candle_text, prices, record
from volcast.core.codec import Reason, decode_reject, decode_signal, encode_gap, encode_revision, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.snapshot import SnapshotError
from volcast.core.types import Candle, EngineConfig, Gap, Signal, Skip
from volcast.log.contract import KeyValue, Record

RULES = Rules(EngineConfig(window=3, rate_window=4), Decoder(), max_symbols=3)
PRICES = list(prices(200))


def records(*items: KeyValue | bytes, first: int = 1) -> list[Record]:
    """Consecutive records of partition 0; plain bytes have the key BTCUSDT."""
    pairs = [item if isinstance(item, KeyValue) else KeyValue(b"BTCUSDT", item) for item in items]
    return [Record(0, first + i, *pair) for i, pair in enumerate(pairs)]


def of(symbol: str, minute: int, close: str | None = None) -> KeyValue:
    return KeyValue(symbol.encode(), record(minute, close or PRICES[minute], symbol=symbol))


def gap(symbol: str = "BTCUSDT") -> KeyValue:
    return KeyValue(symbol.encode(), encode_gap(Gap(symbol, at(1), at(3), "test", "the venue was down")))


def revision(symbol: str = "BTCUSDT") -> KeyValue:
    return KeyValue(symbol.encode(), encode_revision(candle_text(0, "1.5", symbol=symbol)))


def test_a_commit_holds_the_signals_the_snapshots_and_the_next_position() -> None:
    shard = Shard(RULES)
    commit = shard.process(records(of("BTCUSDT", 0), of("ETHUSDT", 0), of("BTCUSDT", 1), first=41)).commit
    assert commit.position == 44
    assert [signal.key for signal in commit.signals] == [b"BTCUSDT", b"ETHUSDT", b"BTCUSDT"]
    signals = [decode_signal(signal.value) for signal in commit.signals]
    assert [(s.symbol, s.open_time_ms, s.candles) for s in signals] == [
        ("BTCUSDT", at(0), 1),
        ("ETHUSDT", at(0), 1),
        ("BTCUSDT", at(1), 2),
    ]
    assert [snapshot.key for snapshot in commit.snapshots] == [b"BTCUSDT", b"ETHUSDT"]
    assert not commit.rejects


def test_the_position_steps_over_holes_in_the_offsets() -> None:
    batch = Shard(RULES).process([Record(0, 7, *of("BTCUSDT", 0)), Record(0, 12, *of("BTCUSDT", 1))])
    assert batch.commit.position == 13


def test_only_symbols_that_were_touched_have_a_new_snapshot() -> None:
    shard = Shard(RULES)
    shard.process(records(of("BTCUSDT", 0), of("ETHUSDT", 0)))
    assert [snapshot.key for snapshot in shard.process(records(of("ETHUSDT", 1))).commit.snapshots] == [b"ETHUSDT"]


def test_each_kind_is_counted_apart_and_only_candles_bring_signals() -> None:
    shard = Shard(RULES)
    batch = shard.process(
        records(
            of("BTCUSDT", 0),
            of("BTCUSDT", 5),
            of("BTCUSDT", 5, "1.00"),  # another price: the first word counts
            of("BTCUSDT", 2),
            of("BTCUSDT", 0),
            gap(),
            revision(),
            record(6, "NaN"),
            of("BTCUSDT", 6),
        )
    )
    assert [decode_signal(signal.value).open_time_ms for signal in batch.commit.signals] == [at(0), at(5), at(6)]
    assert shard.counts == {"BTCUSDT": {"duplicate": 2, "late": 1, "gap": 1, "revision": 1}}
    assert shard.rejected == {"not_a_number": 1}
    assert batch.skips == [
        ("BTCUSDT", at(5), Skip.DUPLICATE),
        ("BTCUSDT", at(2), Skip.LATE),
        ("BTCUSDT", at(0), Skip.DUPLICATE),
    ]
    assert shard.engines["BTCUSDT"].gaps == 1
    assert shard.handled == 9


def test_a_bad_row_is_rejected_with_its_place_and_the_next_one_is_taken() -> None:
    bad = record(1, "-3.5")
    batch = Shard(RULES).process(records(of("BTCUSDT", 0), bad, of("BTCUSDT", 2), first=10))
    (reject,) = batch.commit.rejects
    told = decode_reject(reject.value)
    assert reject.key == b"BTCUSDT"
    assert (told.reason, told.symbol, told.source, told.line) == (Reason.NOT_POSITIVE, "BTCUSDT", "test.csv", 3)
    assert (told.partition, told.offset, told.key, told.value) == (0, 11, b"BTCUSDT", bad)
    assert "-3.5" in told.detail
    assert batch.rejects == [told]
    assert len(batch.commit.signals) == 2


def test_of_a_huge_record_the_reject_keeps_what_a_log_can_take() -> None:
    batch = Shard(RULES).process(records(b"\0" * 950_000))
    assert len(batch.commit.rejects[0].value) < 900_000
    assert decode_reject(batch.commit.rejects[0].value).value == b"\0" * 600_000


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"kind":"candle","v":1,"symbol":"\xff"}', b'{"a":' + b"[" * 60_000, b"\0" * 70_000],
    ids=lambda value: f"{value[:30]!r}",
)
def test_garbage_is_a_reject_and_never_the_end(value: bytes) -> None:
    batch = Shard(RULES).process(records(value, of("BTCUSDT", 0)))
    assert decode_reject(batch.commit.rejects[0].value).value == value
    assert len(batch.commit.signals) == 1


def test_a_record_under_the_key_of_another_symbol_is_rejected() -> None:
    shard = Shard(RULES)
    batch = shard.process(records(KeyValue(b"ETHUSDT", record(0, "1.00", symbol="BTCUSDT"))))
    assert [reject.reason for reject in batch.rejects] == [Reason.KEY]
    assert not shard.engines


def test_one_symbol_too_many_is_refused_and_the_others_go_on() -> None:
    shard = Shard(RULES)
    batch = shard.process(records(*(of(symbol, minute) for minute in (0, 1) for symbol in ("A", "B", "C", "D"))))
    assert [reject.reason for reject in batch.rejects] == [Reason.TOO_MANY_SYMBOLS] * 2
    assert [reject.detail for reject in batch.rejects] == ["D is one symbol too many: max_symbols is 3 in a partition"] * 2
    assert sorted(shard.engines) == ["A", "B", "C"]
    assert len(batch.commit.signals) == 6


def test_a_gap_or_a_revision_may_be_the_first_word_of_a_symbol() -> None:
    shard = Shard(RULES)
    commit = shard.process(records(gap("BTCUSDT"), revision("ETHUSDT"))).commit
    assert not commit.signals
    restored = Shard(RULES, dict(commit.snapshots))
    assert restored.counts == {"BTCUSDT": {"gap": 1}, "ETHUSDT": {"revision": 1}}
    assert len(restored.process(records(of("BTCUSDT", 0))).commit.signals) == 1


def test_what_is_restored_goes_on_with_the_same_bytes_and_counts() -> None:
    items = [of(symbol, minute) for minute in (*range(90), 5, 89, *range(95, 160)) for symbol in ("BTCUSDT", "ETHUSDT")]
    items[100:100] = [gap(), revision(), KeyValue(b"BTCUSDT", b"?")]
    whole, state = Shard(RULES), dict[bytes, bytes]()
    for batch in (items[:150], items[150:170]):
        state.update(whole.process(records(*batch)).commit.snapshots)
    restored = Shard(RULES, state)
    assert (restored.counts, restored.rejected, restored.handled) == (whole.counts, whole.rejected, whole.handled)
    assert restored.process(records(*items[170:])).commit == whole.process(records(*items[170:])).commit


def test_a_shard_says_the_same_as_a_plain_loop() -> None:
    engine, expected = Engine("BTCUSDT", RULES.config, 8), []
    for minute in range(130):
        candle = RULES.decoder.decode(*of("BTCUSDT", minute))
        assert isinstance(candle, Candle)
        signal = engine.step(candle)
        assert isinstance(signal, Signal)
        expected.append(encode_signal(signal))
    commit = Shard(RULES).process(records(*(of("BTCUSDT", minute) for minute in range(130)))).commit
    assert [signal.value for signal in commit.signals] == expected


@pytest.mark.parametrize("key", [b"BTCUSDT", b"@rejected"])
@pytest.mark.parametrize("damage", [b"", b"\xff", b"VCS1"])
def test_a_snapshot_that_cannot_be_read_is_refused(key: bytes, damage: bytes) -> None:
    with pytest.raises(SnapshotError):
        Shard(RULES, {key: damage})


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (Rules(EngineConfig(window=4, rate_window=4), Decoder(), 3), "window 3, and 4 is asked for"),
        (Rules(RULES.config, Decoder(by_symbol={"BTCUSDT": 2}), 3), "price_decimals 8, and 2 is asked for"),
    ],
)
def test_state_of_other_settings_is_refused(rules: Rules, sentence: str) -> None:
    commit = Shard(RULES).process(records(of("BTCUSDT", 0))).commit
    with pytest.raises(SnapshotError, match=sentence):
        Shard(rules, dict(commit.snapshots))


def test_fewer_symbols_than_are_there_keep_those_that_are() -> None:
    state = dict(Shard(RULES).process(records(of("A", 0), of("B", 0))).commit.snapshots)
    shard = Shard(Rules(RULES.config, RULES.decoder, max_symbols=1), state)
    batch = shard.process(records(of("A", 1), of("B", 1), of("C", 1)))
    assert len(batch.commit.signals) == 2
    assert [reject.reason for reject in batch.rejects] == [Reason.TOO_MANY_SYMBOLS]


SYMBOLS = ("BTCUSDT", "ETHUSDT")
candles = st.builds(of, st.sampled_from(SYMBOLS), st.integers(0, 130), st.sampled_from(["99.5", "100", "100.5", "NaN", "0"]))
others = st.one_of(
    st.sampled_from(SYMBOLS).map(gap),
    st.sampled_from(SYMBOLS).map(revision),
    st.binary(max_size=9).map(lambda value: KeyValue(b"BTCUSDT", value)),
)


@st.composite
def streams(draw: st.DrawFn) -> list[KeyValue]:
    """Mostly candles one after the other, so that forecasts fall due; among them whatever can come."""
    rising = [of(symbol, minute) for minute in range(draw(st.integers(0, 70))) for symbol in SYMBOLS]
    for item in draw(st.lists(candles | others, max_size=25)):
        rising.insert(draw(st.integers(0, len(rising))), item)
    return rising


def run_in_batches(
    items: Sequence[KeyValue], sizes: Iterable[int], *, restore: bool
) -> tuple[list[KeyValue], dict[bytes, bytes]]:
    """-> signals and the state that is left; `restore`: a new shard from the state for each batch."""
    shard, signals, rejects, state = Shard(RULES), list[KeyValue](), list[KeyValue](), dict[bytes, bytes]()
    waiting, position = records(*items), 1
    for size in sizes:
        batch, waiting = waiting[:size], waiting[size:]
        if not batch:
            break
        commit = shard.process(batch).commit
        position += len(batch)
        assert commit.position == position
        signals += commit.signals
        rejects += commit.rejects
        state.update(commit.snapshots)
        assert shard.handled == position - 1
        if restore:
            shard = Shard(RULES, state)
    return [*signals, *rejects], state


@settings(max_examples=40, deadline=None)
@given(streams(), st.lists(st.integers(1, 40), max_size=8), st.booleans())
def test_batches_and_restarts_change_nothing(items: list[KeyValue], sizes: list[int], restore: bool) -> None:  # noqa: FBT001  # hypothesis gives it
    whole = run_in_batches(items, [1_000], restore=False)
    assert run_in_batches(items, [*sizes, 1_000], restore=restore) == whole


@settings(max_examples=40, deadline=None)
@given(streams(), st.data())
def test_symbols_may_be_interleaved_in_any_way(items: list[KeyValue], data: st.DataObject) -> None:
    by_symbol = {symbol: [item for item in items if item.key == symbol.encode()] for symbol in SYMBOLS}
    turns = data.draw(st.permutations([symbol for symbol, own in by_symbol.items() for _ in own]))
    queues = {symbol: iter(own) for symbol, own in by_symbol.items()}
    answers = []
    for order in (items, [next(queues[symbol]) for symbol in turns]):
        signals, state = run_in_batches(order, [1_000], restore=False)
        values = defaultdict(list)
        for signal in signals:
            if b'"reason"' not in signal.value:  # a reject tells its offset
                values[signal.key].append(signal.value)
        answers.append((values, {key: value for key, value in state.items() if key != b"@rejected"}))
    assert answers[0] == answers[1]


def test_signals_are_json_that_any_tool_reads() -> None:
    (signal,) = Shard(RULES).process(records(of("BTCUSDT", 0))).commit.signals
    told = msgspec.json.decode(signal.value)
    assert (told["v"], told["symbol"], told["open_time_ms"]) == (1, "BTCUSDT", at(0))

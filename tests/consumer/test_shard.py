"""The shard: what it makes of any records, and that neither batching, interleaving nor a restart changes a byte of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.batch import Batch
from consumer.rules import Rules
from consumer.shard import Shard
from consumer.stats import records_processed, rejects_by_reason
from tests.market import at, candle_text, prices, record
from volcast.core.codec import MAX_KEPT_BYTES, Reason, decode_reject, decode_signal, encode_gap, encode_revision, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.timeline import Skip
from volcast.core.types import Candle, EngineConfig, Gap, Signal
from volcast.log.contract import Commit, KeyValue, Record, Restored

RULES = Rules(EngineConfig(window=3, rate_window=4), Decoder(), max_symbols=3, snapshot_records=1)
PRICES = list(prices(200))


def records(*items: KeyValue | bytes, first: int = 1) -> list[Record]:
    """Consecutive records of partition 0; plain bytes have the key BTCUSDT."""
    pairs = [item if isinstance(item, KeyValue) else KeyValue(b"BTCUSDT", item) for item in items]
    return [Record(0, first + i, *pair) for i, pair in enumerate(pairs)]


def candle_of(symbol: str, minute: int, close: str | None = None) -> KeyValue:
    return KeyValue(symbol.encode(), record(minute, close or PRICES[minute], symbol=symbol))


def commit_of(batch: Batch) -> Commit:
    assert batch.commit is not None
    return batch.commit


def restored_from(*commits: Commit) -> Restored:
    """Return the state that a log holds after these commits."""
    state = {key: value for commit in commits for key, value in commit.snapshots}
    last = commits[-1]
    replay_from = last.position if last.replay_from is None else last.replay_from
    return Restored(last.position, {key: value for key, value in state.items() if value}, replay_from)


def decoded_signal(pair: KeyValue) -> Signal:
    signal = decode_signal(pair.value)
    assert isinstance(signal, Signal)
    return signal


def gap_of(symbol: str = "BTCUSDT") -> KeyValue:
    return KeyValue(symbol.encode(), encode_gap(Gap(symbol, at(1), at(3), "test", "the venue was down")))


def revision_of(symbol: str = "BTCUSDT") -> KeyValue:
    return KeyValue(symbol.encode(), encode_revision(candle_text(0, "1.5", symbol=symbol)))


def test_a_commit_holds_the_signals_the_snapshots_and_the_next_position() -> None:
    shard = Shard(RULES)
    commit = commit_of(
        shard.process(records(*(candle_of(symbol, minute) for minute in (0, 1) for symbol in ("BTCUSDT", "ETHUSDT")), first=41))
    )
    assert commit.position == 45
    assert [signal.key for signal in commit.signals] == [b"BTCUSDT", b"BTCUSDT", b"ETHUSDT", b"ETHUSDT"]
    signals = [decoded_signal(signal) for signal in commit.signals]
    assert [(s.symbol, s.open_time_ms, s.candles) for s in signals] == [
        ("BTCUSDT", at(0), 1),
        ("BTCUSDT", at(1), 2),
        ("ETHUSDT", at(0), 1),
        ("ETHUSDT", at(1), 2),
    ]
    assert [each.key for each in commit.snapshots] == [b"@config", b"BTCUSDT", b"ETHUSDT", b"@manifest", b"@checkpoint"]
    assert not commit.rejects


def test_offsets_may_have_gaps() -> None:
    batch = Shard(RULES).process([Record(0, 7, *candle_of("BTCUSDT", 0)), Record(0, 12, *candle_of("BTCUSDT", 1))])
    assert commit_of(batch).position == 13


def test_only_changed_symbols_get_a_new_snapshot() -> None:
    shard = Shard(RULES)
    shard.process(records(candle_of("BTCUSDT", 0), candle_of("ETHUSDT", 0)))
    assert commit_of(shard.process(records(candle_of("ETHUSDT", 1)))).snapshots[0].key == b"ETHUSDT"


def test_each_kind_of_record_is_counted_and_only_candles_give_signals() -> None:
    shard = Shard(RULES)
    batch = shard.process(
        records(
            candle_of("BTCUSDT", 0),
            candle_of("BTCUSDT", 5),
            candle_of("BTCUSDT", 5, "1.00"),  # another price: the first candle of a minute counts
            candle_of("BTCUSDT", 2),
            candle_of("BTCUSDT", 0),
            gap_of(),
            revision_of(),
            record(6, "NaN"),
            candle_of("BTCUSDT", 6),
        )
    )
    assert [decoded_signal(signal).open_time_ms for signal in commit_of(batch).signals] == [at(0), at(5), at(6)]
    assert shard.counts == {"BTCUSDT": {"duplicate": 2, "late": 1, "gap": 1, "revision": 1}}
    assert rejects_by_reason([shard]) == {"not_a_number": 1}
    assert batch.skips == [
        ("BTCUSDT", at(5), Skip.DUPLICATE, 3),
        ("BTCUSDT", at(2), Skip.LATE, 4),
        ("BTCUSDT", at(0), Skip.DUPLICATE, 5),
    ]
    assert shard.engines["BTCUSDT"].timeline.gaps == 1
    assert records_processed([shard]) == 9


def test_a_bad_row_is_rejected_with_its_location_and_the_next_one_is_accepted() -> None:
    bad = record(1, "-3.5")
    batch = Shard(RULES).process(records(candle_of("BTCUSDT", 0), bad, candle_of("BTCUSDT", 2), first=10))
    (reject,) = commit_of(batch).rejects
    decoded = decode_reject(reject.value)
    assert reject.key == b"BTCUSDT"
    assert (decoded.reason, decoded.symbol, decoded.source, decoded.line) == (Reason.NOT_POSITIVE, "BTCUSDT", "test.csv", 3)
    assert (decoded.partition, decoded.offset, decoded.key, decoded.value) == (0, 11, b"BTCUSDT", bad)
    assert "-3.5" in decoded.detail
    assert batch.rejects == [decoded]
    assert len(commit_of(batch).signals) == 2


def test_the_reject_of_a_huge_record_is_small_enough_for_a_log() -> None:
    batch = Shard(RULES).process(records(b"\0" * 950_000))
    assert len(commit_of(batch).rejects[0].value) < 100_000
    assert decode_reject(commit_of(batch).rejects[0].value).value == b"\0" * MAX_KEPT_BYTES


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"kind":"candle","v":1,"symbol":"\xff"}', b'{"a":' + b"[" * 60_000, b"\0" * 70_000],
    ids=lambda value: f"{value[:30]!r}",
)
def test_garbage_is_rejected_and_does_not_stop_the_shard(value: bytes) -> None:
    batch = Shard(RULES).process(records(value, candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1)))
    assert decode_reject(commit_of(batch).rejects[0].value).value == value[:MAX_KEPT_BYTES]
    assert len(commit_of(batch).signals) == 2


def test_a_record_under_the_key_of_another_symbol_is_rejected() -> None:
    shard = Shard(RULES)
    batch = shard.process(records(KeyValue(b"ETHUSDT", record(0, "1.00", symbol="BTCUSDT"))))
    assert [reject.reason for reject in batch.rejects] == [Reason.KEY]
    assert not shard.engines


def test_one_symbol_too_many_is_rejected_and_the_others_continue() -> None:
    shard = Shard(RULES)
    batch = shard.process(records(*(candle_of(symbol, minute) for minute in (0, 1) for symbol in ("A", "B", "C", "D"))))
    assert [reject.reason for reject in batch.rejects] == [Reason.TOO_MANY_SYMBOLS] * 2
    assert [reject.detail for reject in batch.rejects] == ["D is one symbol too many: max_symbols is 3 in a partition"] * 2
    assert sorted(shard.engines) == ["A", "B", "C"]
    assert len(commit_of(batch).signals) == 6


def test_the_first_record_of_a_symbol_may_be_a_gap_or_a_revision() -> None:
    shard = Shard(RULES)
    commit = commit_of(shard.process(records(gap_of("BTCUSDT"), revision_of("ETHUSDT"))))
    assert not commit.signals
    restored = Shard(RULES, restored_from(commit))
    assert restored.counts == {"BTCUSDT": {"gap": 1}, "ETHUSDT": {"revision": 1}}
    assert len(commit_of(restored.process(records(candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1), first=3))).signals) == 2


def test_a_restored_shard_continues_with_the_same_bytes_and_counts() -> None:
    items = [candle_of(symbol, minute) for minute in (*range(90), 5, 89, *range(95, 160)) for symbol in ("BTCUSDT", "ETHUSDT")]
    items[100:100] = [gap_of(), revision_of(), KeyValue(b"BTCUSDT", b"?")]
    uninterrupted = Shard(RULES)
    commits = [
        commit_of(uninterrupted.process(records(*items[:150]))),
        commit_of(uninterrupted.process(records(*items[150:170], first=151))),
    ]
    restored = Shard(RULES, restored_from(*commits))
    assert not restored.restoring
    assert state_of(restored) == state_of(uninterrupted)
    rest = records(*items[170:], first=171)
    assert restored.process(rest).commit == uninterrupted.process(rest).commit


def test_a_shard_gives_the_signals_of_a_plain_loop() -> None:
    engine, expected = Engine("BTCUSDT", RULES.config, 8), []
    for minute in range(130):
        candle = RULES.decoder.decode(*candle_of("BTCUSDT", minute))
        assert isinstance(candle, Candle)
        signal = engine.step(candle)
        assert isinstance(signal, Signal)
        expected.append(encode_signal(signal))
    commit = commit_of(Shard(RULES).process(records(*(candle_of("BTCUSDT", minute) for minute in range(130)))))
    assert [signal.value for signal in commit.signals] == expected


def test_a_lower_max_symbols_keeps_the_symbols_that_exist() -> None:
    state = restored_from(commit_of(Shard(RULES).process(records(candle_of("A", 0), candle_of("B", 0)))))
    shard = Shard(replace(RULES, max_symbols=1), state)
    batch = shard.process(records(candle_of("A", 1), candle_of("B", 1), candle_of("C", 1), first=3))
    assert len(commit_of(batch).signals) == 4
    assert [reject.reason for reject in batch.rejects] == [Reason.TOO_MANY_SYMBOLS]


SYMBOLS = ("BTCUSDT", "ETHUSDT")
candles = st.builds(
    candle_of,
    st.sampled_from(SYMBOLS),
    st.integers(0, 130) | st.sampled_from([200, 5_000, 10**6]),
    st.sampled_from(["99.5", "100", "100.5", "NaN", "0"]),
)
others = st.one_of(
    st.sampled_from(SYMBOLS).map(gap_of),
    st.sampled_from(SYMBOLS).map(revision_of),
    st.binary(max_size=9).map(lambda value: KeyValue(b"BTCUSDT", value)),
)


@st.composite
def streams(draw: st.DrawFn) -> list[KeyValue]:
    """Mostly consecutive candles, so that forecasts come due, with other records among them."""
    rising = [candle_of(symbol, minute) for minute in range(draw(st.integers(0, 70))) for symbol in SYMBOLS]
    for item in draw(st.lists(candles | others, max_size=25)):
        rising.insert(draw(st.integers(0, len(rising))), item)
    return rising


def run_in_batches(
    items: Sequence[KeyValue], sizes: Iterable[int], *, restore: bool, snapshot_records: int = 1
) -> tuple[list[KeyValue], Shard]:
    """Return the signals and rejects, and the shard. With `restore`, each batch gets a new shard, which replays what it lacks."""
    rules = replace(RULES, snapshot_records=snapshot_records)
    shard, outputs, commits, log, position = Shard(rules), list[KeyValue](), list[Commit](), records(*items), 1
    for size in sizes:
        batch = log[shard.next_offset - 1 if commits else 0 :][: size + max(position - shard.next_offset, 0)]
        if not batch or batch[-1].offset < position:
            break
        commit = commit_of(shard.process(batch))
        position = batch[-1].offset + 1
        commits.append(commit)
        assert commit.position == position
        assert commit.replay_from is not None
        assert position - snapshot_records < commit.replay_from <= position
        outputs += [*commit.signals, *commit.rejects]
        assert records_processed([shard]) == position - 1
        if restore:
            shard = Shard(rules, restored_from(*commits))
    return outputs, shard


@settings(max_examples=60)
@given(streams(), st.lists(st.integers(1, 40), max_size=8), st.booleans(), st.integers(1, 60))
def test_batches_restarts_and_rare_snapshots_change_nothing(
    items: list[KeyValue],
    sizes: list[int],
    restore: bool,  # noqa: FBT001  # hypothesis gives it
    snapshot_records: int,
) -> None:
    uninterrupted, shard = run_in_batches(items, [1_000], restore=False)
    outputs, interrupted = run_in_batches(items, [*sizes, 1_000], restore=restore, snapshot_records=snapshot_records)
    assert sorted(outputs) == sorted(uninterrupted)
    if not interrupted.restoring:
        assert state_of(interrupted) == state_of(shard)


def waiting_in(engine: Engine) -> list[bytes]:
    """Return the candles that wait, without their offsets, which depend on the order of the symbols."""
    return [each.value for each in engine.dates.waiting]


def state_of(shard: Shard) -> dict[str, object]:
    engines = {symbol: {**engine.dump(), "waiting": waiting_in(engine)} for symbol, engine in shard.engines.items()}
    return {"engines": engines, "counts": shard.counts, "rejected": rejects_by_reason([shard])}


@settings(max_examples=40)
@given(streams(), st.data())
def test_symbols_may_be_interleaved_in_any_way(items: list[KeyValue], data: st.DataObject) -> None:
    by_symbol = {symbol: [item for item in items if item.key == symbol.encode()] for symbol in SYMBOLS}
    order_of_symbols = data.draw(st.permutations([symbol for symbol, own in by_symbol.items() for _ in own]))
    queues = {symbol: iter(own) for symbol, own in by_symbol.items()}
    outputs = []
    for order in (items, [next(queues[symbol]) for symbol in order_of_symbols]):
        signals, shard = run_in_batches(order, [1_000], restore=False)
        values = defaultdict(list)
        for signal in (each for each in signals if b'"reason"' not in each.value):  # a reject contains its offset
            values[signal.key].append(signal.value)
        outputs.append((values, state_of(shard)))
    assert outputs[0] == outputs[1]

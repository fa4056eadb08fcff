"""The shard: what any records come to, and that neither batching, interleaving nor a restart changes a byte of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.rules import Rules
from consumer.shard import Batch, Shard
from consumer.stats import records_processed, rejects_by_reason
from tests.market import at, candle_text, prices, record
from volcast.core.codec import Reason, decode_reject, decode_signal, encode_gap, encode_revision, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Gap, Signal, Skip
from volcast.log.contract import Commit, KeyValue, Record, Restored

RULES = Rules(EngineConfig(window=3, rate_window=4), Decoder(), max_symbols=3, snapshot_records=1)
PRICES = list(prices(200))


def records(*items: KeyValue | bytes, first: int = 1) -> list[Record]:
    """Consecutive records of partition 0; plain bytes have the key BTCUSDT."""
    pairs = [item if isinstance(item, KeyValue) else KeyValue(b"BTCUSDT", item) for item in items]
    return [Record(0, first + i, *pair) for i, pair in enumerate(pairs)]


def of(symbol: str, minute: int, close: str | None = None) -> KeyValue:
    return KeyValue(symbol.encode(), record(minute, close or PRICES[minute], symbol=symbol))


def written(batch: Batch) -> Commit:
    assert batch.commit is not None
    return batch.commit


def left_by(*commits: Commit) -> Restored:
    """What a log holds after these commits."""
    state = {key: value for commit in commits for key, value in commit.snapshots}
    last = commits[-1]
    replay_from = last.position if last.replay_from is None else last.replay_from
    return Restored(last.position, {key: value for key, value in state.items() if value}, replay_from)


def signal_of(pair: KeyValue) -> Signal:
    signal = decode_signal(pair.value)
    assert isinstance(signal, Signal)
    return signal


def gap(symbol: str = "BTCUSDT") -> KeyValue:
    return KeyValue(symbol.encode(), encode_gap(Gap(symbol, at(1), at(3), "test", "the venue was down")))


def revision(symbol: str = "BTCUSDT") -> KeyValue:
    return KeyValue(symbol.encode(), encode_revision(candle_text(0, "1.5", symbol=symbol)))


def test_a_commit_holds_the_signals_the_snapshots_and_the_next_position() -> None:
    shard = Shard(RULES)
    commit = written(shard.process(records(of("BTCUSDT", 0), of("ETHUSDT", 0), of("BTCUSDT", 1), first=41)))
    assert commit.position == 44
    assert [signal.key for signal in commit.signals] == [b"BTCUSDT", b"ETHUSDT", b"BTCUSDT"]
    signals = [signal_of(signal) for signal in commit.signals]
    assert [(s.symbol, s.open_time_ms, s.candles) for s in signals] == [
        ("BTCUSDT", at(0), 1),
        ("ETHUSDT", at(0), 1),
        ("BTCUSDT", at(1), 2),
    ]
    assert [snapshot.key for snapshot in commit.snapshots] == [b"@config", b"BTCUSDT", b"ETHUSDT"]
    assert not commit.rejects


def test_the_position_steps_over_holes_in_the_offsets() -> None:
    batch = Shard(RULES).process([Record(0, 7, *of("BTCUSDT", 0)), Record(0, 12, *of("BTCUSDT", 1))])
    assert written(batch).position == 13


def test_only_symbols_that_were_touched_have_a_new_snapshot() -> None:
    shard = Shard(RULES)
    shard.process(records(of("BTCUSDT", 0), of("ETHUSDT", 0)))
    assert [snapshot.key for snapshot in written(shard.process(records(of("ETHUSDT", 1)))).snapshots] == [b"ETHUSDT"]


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
    assert [signal_of(signal).open_time_ms for signal in written(batch).signals] == [at(0), at(5), at(6)]
    assert shard.counts == {"BTCUSDT": {"duplicate": 2, "late": 1, "gap": 1, "revision": 1}}
    assert rejects_by_reason([shard]) == {"not_a_number": 1}
    assert batch.skips == [
        ("BTCUSDT", at(5), Skip.DUPLICATE),
        ("BTCUSDT", at(2), Skip.LATE),
        ("BTCUSDT", at(0), Skip.DUPLICATE),
    ]
    assert shard.engines["BTCUSDT"].gaps == 1
    assert records_processed([shard]) == 9


def test_a_bad_row_is_rejected_with_its_place_and_the_next_one_is_taken() -> None:
    bad = record(1, "-3.5")
    batch = Shard(RULES).process(records(of("BTCUSDT", 0), bad, of("BTCUSDT", 2), first=10))
    (reject,) = written(batch).rejects
    told = decode_reject(reject.value)
    assert reject.key == b"BTCUSDT"
    assert (told.reason, told.symbol, told.source, told.line) == (Reason.NOT_POSITIVE, "BTCUSDT", "test.csv", 3)
    assert (told.partition, told.offset, told.key, told.value) == (0, 11, b"BTCUSDT", bad)
    assert "-3.5" in told.detail
    assert batch.rejects == [told]
    assert len(written(batch).signals) == 2


def test_of_a_huge_record_the_reject_keeps_what_a_log_can_take() -> None:
    batch = Shard(RULES).process(records(b"\0" * 950_000))
    assert len(written(batch).rejects[0].value) < 900_000
    assert decode_reject(written(batch).rejects[0].value).value == b"\0" * 600_000


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"kind":"candle","v":1,"symbol":"\xff"}', b'{"a":' + b"[" * 60_000, b"\0" * 70_000],
    ids=lambda value: f"{value[:30]!r}",
)
def test_garbage_is_a_reject_and_never_the_end(value: bytes) -> None:
    batch = Shard(RULES).process(records(value, of("BTCUSDT", 0)))
    assert decode_reject(written(batch).rejects[0].value).value == value
    assert len(written(batch).signals) == 1


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
    assert len(written(batch).signals) == 6


def test_a_gap_or_a_revision_may_be_the_first_word_of_a_symbol() -> None:
    shard = Shard(RULES)
    commit = written(shard.process(records(gap("BTCUSDT"), revision("ETHUSDT"))))
    assert not commit.signals
    restored = Shard(RULES, left_by(commit))
    assert restored.counts == {"BTCUSDT": {"gap": 1}, "ETHUSDT": {"revision": 1}}
    assert len(written(restored.process(records(of("BTCUSDT", 0), first=3))).signals) == 1


def test_what_is_restored_goes_on_with_the_same_bytes_and_counts() -> None:
    items = [of(symbol, minute) for minute in (*range(90), 5, 89, *range(95, 160)) for symbol in ("BTCUSDT", "ETHUSDT")]
    items[100:100] = [gap(), revision(), KeyValue(b"BTCUSDT", b"?")]
    whole = Shard(RULES)
    commits = [written(whole.process(records(*items[:150]))), written(whole.process(records(*items[150:170], first=151)))]
    restored = Shard(RULES, left_by(*commits))
    assert not restored.restoring
    assert state_of(restored) == state_of(whole)
    rest = records(*items[170:], first=171)
    assert restored.process(rest).commit == whole.process(rest).commit


def test_a_shard_says_the_same_as_a_plain_loop() -> None:
    engine, expected = Engine("BTCUSDT", RULES.config, 8), []
    for minute in range(130):
        candle = RULES.decoder.decode(*of("BTCUSDT", minute))
        assert isinstance(candle, Candle)
        signal = engine.step(candle)
        assert isinstance(signal, Signal)
        expected.append(encode_signal(signal))
    commit = written(Shard(RULES).process(records(*(of("BTCUSDT", minute) for minute in range(130)))))
    assert [signal.value for signal in commit.signals] == expected


def test_fewer_symbols_than_are_there_keep_those_that_are() -> None:
    state = left_by(written(Shard(RULES).process(records(of("A", 0), of("B", 0)))))
    shard = Shard(replace(RULES, max_symbols=1), state)
    batch = shard.process(records(of("A", 1), of("B", 1), of("C", 1), first=3))
    assert len(written(batch).signals) == 2
    assert [reject.reason for reject in batch.rejects] == [Reason.TOO_MANY_SYMBOLS]


def test_a_candle_too_far_ahead_is_rejected_with_its_bytes() -> None:
    shard, far = Shard(RULES), of("BTCUSDT", 100_000, "1.00")
    batch = shard.process(records(of("BTCUSDT", 0), far, of("BTCUSDT", 1)))
    assert [(reject.reason, reject.offset, reject.value) for reject in batch.rejects] == [(Reason.TOO_FAR_AHEAD, 2, far.value)]
    assert "69.4 days after the symbol's last" in batch.rejects[0].detail
    assert len(written(batch).signals) == 2
    assert (rejects_by_reason([shard]), records_processed([shard])) == ({"too_far_ahead": 1}, 3)


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
    items: Sequence[KeyValue], sizes: Iterable[int], *, restore: bool, snapshot_records: int = 1
) -> tuple[list[KeyValue], Shard]:
    """-> signals and rejects, and the shard; `restore`: a new shard from the state for each batch, which reads what it lacks."""
    rules = replace(RULES, snapshot_records=snapshot_records)
    shard, answers, commits, log, position = Shard(rules), list[KeyValue](), list[Commit](), records(*items), 1
    for size in sizes:
        batch = log[shard.next_offset - 1 if commits else 0 :][: size + max(position - shard.next_offset, 0)]
        if not batch or batch[-1].offset < position:
            break
        commit = written(shard.process(batch))
        position = batch[-1].offset + 1
        commits.append(commit)
        assert commit.position == position
        assert commit.replay_from is not None
        assert position - snapshot_records < commit.replay_from <= position
        answers += [*commit.signals, *commit.rejects]
        assert records_processed([shard]) == position - 1
        if restore:
            shard = Shard(rules, left_by(*commits))
    return answers, shard


@settings(max_examples=60, deadline=None)
@given(streams(), st.lists(st.integers(1, 40), max_size=8), st.booleans(), st.integers(1, 60))
def test_batches_restarts_and_rare_snapshots_change_nothing(
    items: list[KeyValue],
    sizes: list[int],
    restore: bool,  # noqa: FBT001  # hypothesis gives it
    snapshot_records: int,
) -> None:
    whole, shard = run_in_batches(items, [1_000], restore=False)
    answers, again = run_in_batches(items, [*sizes, 1_000], restore=restore, snapshot_records=snapshot_records)
    assert sorted(answers) == sorted(whole)
    if not again.restoring:
        assert state_of(again) == state_of(shard)


def state_of(shard: Shard) -> dict[str, object]:
    engines = {symbol: engine.dump() for symbol, engine in shard.engines.items()}
    return {"engines": engines, "counts": shard.counts, "rejected": rejects_by_reason([shard])}


@settings(max_examples=40, deadline=None)
@given(streams(), st.data())
def test_symbols_may_be_interleaved_in_any_way(items: list[KeyValue], data: st.DataObject) -> None:
    by_symbol = {symbol: [item for item in items if item.key == symbol.encode()] for symbol in SYMBOLS}
    turns = data.draw(st.permutations([symbol for symbol, own in by_symbol.items() for _ in own]))
    queues = {symbol: iter(own) for symbol, own in by_symbol.items()}
    answers = []
    for order in (items, [next(queues[symbol]) for symbol in turns]):
        signals, shard = run_in_batches(order, [1_000], restore=False)
        values = defaultdict(list)
        for signal in signals:
            if b'"reason"' not in signal.value:  # a reject tells its offset
                values[signal.key].append(signal.value)
        answers.append((values, state_of(shard)))
    assert answers[0] == answers[1]


def test_signals_are_json_that_any_tool_reads() -> None:
    (signal,) = written(Shard(RULES).process(records(of("BTCUSDT", 0)))).signals
    told = msgspec.json.decode(signal.value)
    assert (told["v"], told["symbol"], told["open_time_ms"]) == (1, "BTCUSDT", at(0))

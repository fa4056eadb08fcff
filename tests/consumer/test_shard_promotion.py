"""Promotions in a shard: whatever the cuts, restarts and damages, its signals are those that a plain loop computes."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replace_struct

from consumer.batch import Batch
from consumer.partition_state import MAX_PROMOTIONS, PROMOTIONS_KEY
from consumer.rules import Rules
from consumer.shard import Shard
from consumer.stats import rejects_by_reason
from tests.consumer.test_shard import PRICES, RULES, candle_of, commit_of, decoded_signal, records, restored_from, state_of
from tests.market import at
from volcast.core.codec import PROMOTION_KEY, decode_reject, encode_promotion
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import EngineConfig, Signal
from volcast.log.contract import Commit, KeyValue, Record
from volcast.proof.verifier import expected_output, first_difference

CONFIG = EngineConfig(window=3, rate_window=4, horizons=(5,), model="har", shadows=("ewma", "last"))
PROMOTING = replace(RULES, config=CONFIG, snapshot_records=7)
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def promotion_of(model: str, minute: int, *symbols: str, number: int = 1) -> KeyValue:
    return KeyValue(PROMOTION_KEY, encode_promotion(Promotion(f"{number:06}", model, at(minute), symbols)))


def models_of(batch: Batch, symbol: str = "BTCUSDT") -> list[str]:
    return [signal.model for signal in map(decoded_signal, batch.signals) if signal.symbol == symbol]


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """Candles of some symbols, each of which begins somewhere, with promotions in between: known and unknown, late and early."""
    minutes, items = dict.fromkeys(SYMBOLS, 0), list[KeyValue]()
    for number in range(draw(st.integers(10, 60))):
        if draw(st.integers(0, 5)):
            symbol = draw(st.sampled_from(SYMBOLS))
            items.append(candle_of(symbol, minutes[symbol], PRICES[number]))
            minutes[symbol] += draw(st.sampled_from((1, 1, 1, 3, 30)))
        else:
            model = draw(st.sampled_from(("har", "ewma", "last", "last", "unknown")))
            named = draw(st.integers(0, 60))
            items.append(promotion_of(model, named, *draw(st.sets(st.sampled_from(SYMBOLS), max_size=1)), number=number))
    return records(*items, first=draw(st.integers(0, 3)))


def committed(rules: Rules, log: list[Record], data: st.DataObject) -> tuple[Shard, Commit]:
    """Process the log in batches of any size, with restarts in between and damages to the state; return all output."""
    shard, commits = Shard(rules), list[Commit]()
    while shard.next_offset <= log[-1].offset:
        size = data.draw(st.integers(1, 20), label="batch")
        batch = shard.process([record for record in log if record.offset >= shard.next_offset][:size])
        commits += [batch.commit] if batch.commit else []
        if data.draw(st.booleans(), label="restart") and commits:
            restored = restored_from(*commits)
            stored = sorted(key for key in restored.snapshots if not key.startswith(b"@c"))
            for key in data.draw(st.sets(st.sampled_from(stored), max_size=1), label="damage") if stored else ():
                restored.snapshots[key] = b"damaged"
            shard = Shard(rules, restored)
            commits += [announced] if (announced := shard.announcement()) else []
    signals = [each for commit in commits for each in commit.signals]
    return shard, Commit(commits[-1].position, signals, [each for commit in commits for each in commit.rejects])


@given(logs(), st.data())
@settings(max_examples=40, deadline=None)
def test_any_cut_with_any_restart_gives_the_bytes_of_a_plain_loop(log: list[Record], data: st.DataObject) -> None:
    shard, output = committed(PROMOTING, log, data)
    expected = expected_output(CONFIG, 8, PROMOTING.max_symbols, log)
    signals, rejects = ([Record(0, i, *each) for i, each in enumerate(some)] for some in (output.signals, output.rejects))
    assert first_difference(signals, rejects, output.position, expected) is None
    assert rejects_by_reason([shard]) == expected.reasons
    whole = Shard(PROMOTING)
    whole.process(log)
    assert state_of(shard) == state_of(whole)


def test_a_marker_concerns_all_symbols_or_those_that_it_names_and_those_that_begin_later() -> None:
    shard = Shard(PROMOTING)
    promotions = promotion_of("ewma", 3), promotion_of("last", 4, "SOLUSDT")
    shard.process(records(candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1), *promotions))
    items = [candle_of(symbol, minute) for symbol in SYMBOLS for minute in range(2, 6)]
    batch = shard.process(records(*items, first=5))
    assert models_of(batch, "BTCUSDT") == models_of(batch, "ETHUSDT") == ["har", "ewma", "ewma", "ewma"]
    assert models_of(batch, "SOLUSDT") == ["har", "ewma", "last", "last"]


def test_an_unknown_model_and_a_damaged_marker_are_rejected_and_change_nothing() -> None:
    shard = Shard(PROMOTING)
    damaged = KeyValue(PROMOTION_KEY, promotion_of("last", 0).value[:-9])
    batch = shard.process(
        records(candle_of("BTCUSDT", 0), promotion_of("river_blr", 0), damaged, candle_of("BTCUSDT", 1), candle_of("BTCUSDT", 2))
    )
    assert models_of(batch) == ["har", "har", "har"]
    unknown, unreadable = (decode_reject(each.value) for each in commit_of(batch).rejects)
    assert (unknown.reason, unreadable.reason) == ("unknown_model", "unreadable")
    assert unknown.detail == (
        "promotion 000001 is of 'river_blr'; the models of this consumer are har, ewma, last: nothing changes"
    )
    assert (unknown.key, unknown.offset, unknown.symbol) == (PROMOTION_KEY, 2, None)
    assert batch.promotions == []


def test_a_marker_stands_in_each_partition_whatever_the_partition_of_its_key_is() -> None:
    shard = Shard(PROMOTING, partition_of=lambda key: 5 if key == PROMOTION_KEY else 0)
    batch = shard.process(records(promotion_of("ewma", 0), candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1)))
    assert models_of(batch) == ["ewma", "ewma"]
    assert [each.model for each in batch.promotions] == ["ewma"]


def test_a_marker_takes_no_place_among_the_symbols() -> None:
    rules = replace(PROMOTING, max_symbols=1, allowed_symbols=("BTCUSDT",))
    shard = Shard(rules)
    batch = shard.process(records(promotion_of("ewma", 0), candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1)))
    assert (models_of(batch), list(shard.engines), shard.state.rejected) == (["ewma", "ewma"], ["BTCUSDT"], Counter())


def test_the_leader_outlasts_the_markers_that_retention_has_deleted() -> None:
    """For the symbols that were there and for those that begin later."""
    rules = replace(PROMOTING, snapshot_records=1)
    shard, commits = Shard(rules), list[Commit]()
    log = records(candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1), promotion_of("ewma", 1), candle_of("BTCUSDT", 2))
    commits.append(commit_of(shard.process(log)))
    restored = replace(restored_from(*commits), earliest=5)
    again = Shard(rules, restored)
    assert not again.is_cut
    items = [candle_of(symbol, minute) for symbol in ("BTCUSDT", "ETHUSDT") for minute in (3, 4)]
    batch = again.process(records(*items, first=5))
    assert [models_of(batch, symbol) for symbol in ("BTCUSDT", "ETHUSDT")] == [["ewma", "ewma"]] * 2


def test_a_change_of_settings_keeps_what_was_promoted_and_forgets_a_model_that_is_gone() -> None:
    log = records(
        candle_of("BTCUSDT", 0),
        candle_of("BTCUSDT", 1),
        promotion_of("ewma", 2),
        promotion_of("last", 4),
        candle_of("BTCUSDT", 2),
    )
    commits = [commit_of(Shard(PROMOTING).process(log))]
    for shadows, model in ((("ewma", "last"), "last"), (("ewma",), "ewma"), ((), "har")):
        rules = replace(PROMOTING, config=EngineConfig(window=4, rate_window=4, horizons=(5,), model="har", shadows=shadows))
        shard = Shard(rules, restored_from(*commits))
        batch = shard.process(log)
        assert not batch.signals
        later = shard.process(records(*(candle_of(symbol, 5) for symbol in SYMBOLS), candle_of("ETHUSDT", 6), first=6))
        assert [models_of(later, symbol) for symbol in SYMBOLS] == [[model], [model, model], []]
        assert not later.rejects


def test_a_model_that_was_gone_for_a_while_leads_no_symbol_until_it_is_promoted_again() -> None:
    shadows = ("ewma", "last"), ("ewma",), ("ewma", "last")
    rules_then = [replace(PROMOTING, config=replace_struct(CONFIG, shadows=each)) for each in shadows]
    news = (
        records(candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1), promotion_of("last", 0), candle_of("BTCUSDT", 2)),
        records(candle_of("BTCUSDT", 3), candle_of("ETHUSDT", 3), candle_of("ETHUSDT", 4), first=5),
        records(candle_of("BTCUSDT", 4), candle_of("SOLUSDT", 3), candle_of("SOLUSDT", 4), first=8),
    )
    log, commits, made = list[Record](), list[Commit](), list[set[str]]()
    for rules, some in zip(rules_then, news, strict=True):
        shard = Shard(rules, restored_from(*commits) if commits else None)
        log += some
        batch = shard.process([record for record in log if record.offset >= shard.next_offset])
        commits += [commit_of(batch), *filter(None, [shard.last_snapshots()])]
        made.append({signal.model for signal in map(decoded_signal, batch.signals)})
    assert made == [{"har", "last"}, {"har"}, {"har"}]


def test_what_was_unknown_when_it_was_answered_stays_rejected() -> None:
    small = replace(PROMOTING, config=EngineConfig(window=3, rate_window=4, horizons=(5,), model="har"))
    log = records(candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1), promotion_of("ewma", 0), candle_of("BTCUSDT", 2))
    shard = Shard(PROMOTING, restored_from(commit_of(Shard(small).process(log))))
    shard.process(log)
    later = shard.process(records(candle_of("BTCUSDT", 3), first=5))
    assert (models_of(later), shard.state.rejected) == (["har"], Counter(unknown_model=1))


@pytest.mark.parametrize("damage", [None, b"", b"damaged"])
def test_damaged_promotions_are_read_again_from_the_log(damage: bytes | None) -> None:
    rules = replace(PROMOTING, snapshot_records=1)
    log = records(candle_of("BTCUSDT", 0), promotion_of("ewma", 1), candle_of("BTCUSDT", 1))
    restored = restored_from(commit_of(Shard(rules).process(log)))
    if damage is None:
        del restored.snapshots[PROMOTIONS_KEY]
    else:
        restored.snapshots[PROMOTIONS_KEY] = damage
    shard = Shard(rules, restored)
    assert shard.replay_from == 0
    shard.process(log)
    later = shard.process(records(candle_of("ETHUSDT", 1), candle_of("ETHUSDT", 2), first=4))
    assert models_of(later, "ETHUSDT") == ["ewma", "ewma"]


def test_the_kept_promotions_are_bounded() -> None:
    log = records(candle_of("BTCUSDT", 0), *(promotion_of("ewma", minute) for minute in range(MAX_PROMOTIONS + 20)))
    rules = replace(PROMOTING, snapshot_records=1)
    commit = commit_of(Shard(rules).process(log))
    [value] = [value for key, value in commit.snapshots if key == PROMOTIONS_KEY]
    assert len(value) < 50 * MAX_PROMOTIONS
    shard = Shard(rules, restored_from(commit))
    assert isinstance(shard.engines["BTCUSDT"].forecaster.leader, str)
    batch = shard.process(records(candle_of("ETHUSDT", 130), candle_of("ETHUSDT", 131), first=log[-1].offset + 1))
    assert all(isinstance(each, Signal) for each in map(decoded_signal, batch.signals))
    assert models_of(batch, "ETHUSDT") == ["ewma", "ewma"]


def test_a_symbol_that_was_not_touched_is_not_written_again() -> None:
    rules = replace(PROMOTING, snapshot_records=1)
    shard = Shard(rules)
    shard.process(records(*(candle_of(symbol, minute) for symbol in SYMBOLS[:2] for minute in (0, 1))))
    commit = commit_of(shard.process(records(promotion_of("ewma", 3, "ETHUSDT"), first=5)))
    assert [key for key, _ in commit.snapshots if not key.startswith(b"@")] == [b"ETHUSDT"]

"""When a partition is refused because retention has deleted candles that its state needs, and what is told of promotions."""

import logging
from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_struct

from consumer.reports import check_history, report_batch, report_restoring
from consumer.rules import Rules
from consumer.shard import Shard
from tests.consumer.test_shard import RULES, candle_of, commit_of, records, restored_from
from tests.consumer.test_shard_promotion import CONFIG, PROMOTING, promotion_of
from tests.consumer.test_shard_restore import OTHER, RARE, after, damaged
from tests.market import at
from volcast.log.contract import Mismatch, Restored

ADVICE = "or start once with --rebuild-from-earliest, which begins with the earliest candle that is left"


def without(restored: Restored, *keys: bytes) -> Restored:
    return replace(restored, snapshots={key: value for key, value in restored.snapshots.items() if key not in keys})


def refusal(rules: Rules, restored: Restored) -> str:
    shard = Shard(rules, restored)
    allowed = replace(rules, rebuild_from_earliest=True)
    assert check_history(shard, allowed, "log.db") is shard
    with pytest.raises(Mismatch) as caught:
        check_history(shard, rules, "log.db")
    return str(caught.value)


@pytest.mark.parametrize("earliest", [2, 100, 121], ids=["one", "most", "all"])
def test_a_rebuild_without_the_first_candles_is_refused(earliest: int) -> None:
    _, state = after(RULES, 60, 60)
    cut = replace(state, earliest=earliest)
    where = f"but retention has deleted the candles below {earliest}: "
    changed = refusal(OTHER, cut)
    assert changed.startswith("log.db: the state must be computed again, as the settings have changed (window was 3 and is 4), ")
    assert changed.endswith(f"{where}set them back, restore a backup, {ADVICE}")
    unusable = refusal(RULES, damaged(cut, b"BTCUSDT"))
    assert "as the snapshot of BTCUSDT can't be used (its checksum does not match: it is damaged), " in unusable
    assert unusable.endswith(f"{where}restore a backup, {ADVICE}")
    lost = (b"@manifest",), (b"@checkpoint",), (b"@checkpoint", b"@manifest", b"@config"), tuple(state.snapshots)[:-1]
    for keys in lost:
        assert f"{where}restore a backup, {ADVICE}" in refusal(RULES, without(cut, *keys)), keys


@pytest.mark.parametrize("earliest", [62, 91], ids=["one", "all"])
def test_snapshots_that_lack_deleted_candles_are_refused(earliest: int) -> None:
    _, state = after(RARE, 60, 30)
    assert (state.replay_from, state.position) == (61, 91)
    assert "as its snapshots lack the last candles, but retention" in refusal(RARE, replace(state, earliest=earliest))


def test_what_needs_no_deleted_candle_is_not_refused() -> None:
    _, state = after(RARE, 60, 30)
    for restored in (
        Restored(),
        Restored(position=500, replay_from=500, earliest=500),  # a new log on a topic that is older
        state,
        replace(state, earliest=61),
    ):
        check_history(Shard(RARE, restored), RARE, "log.db")


def test_a_promotion_is_told_and_that_it_counts_no_longer_once_its_model_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = records(candle_of("BTCUSDT", 0), promotion_of("last", 3), promotion_of("ewma", 5, "BTCUSDT"))
    batch = Shard(replace(PROMOTING, snapshot_records=1)).process(log)
    report_batch(0, batch)
    assert [record.message for record in caplog.records] == [
        "promoted: last leads from the named candle on",
        "promoted: ewma leads from the named candle on",
    ]
    assert [(record.__dict__["symbols"], record.__dict__["from_ms"]) for record in caplog.records] == [
        ("all", at(3)),
        (("BTCUSDT",), at(5)),
    ]
    caplog.clear()
    restored = restored_from(commit_of(batch))
    for shadows, told in ((("last", "ewma"), 0), (("ewma",), 1)):
        rules = replace(PROMOTING, config=replace_struct(CONFIG, window=9, shadows=shadows))
        report_restoring(0, Shard(rules, restored))
        text = "promotions of last count no longer, as it is none of the models here: see `volcast models list`"
        assert [record.message for record in caplog.records].count(text) == told

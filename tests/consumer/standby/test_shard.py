"""A shard that follows: in any batches it arrives at the owner's state, it notices any difference, and goes on as the owner."""

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.checkpoint import CHECKPOINT_KEY
from consumer.partition_state import PROMOTIONS_KEY
from consumer.rules import Rules
from consumer.shard import Shard
from consumer.standby.following import FollowedPartition
from consumer.standby.shard import CannotFollow, FollowingShard, StateDiffers
from tests.consumer.test_shard_fuzz import stream
from tests.market import at
from volcast.core.codec import PROMOTION_KEY, encode_promotion
from volcast.core.decoder import Decoder
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import EngineConfig
from volcast.log.contract import Commit, KeyValue, Record, Restored
from volcast.log.standby import Followed, FollowedCommit
from volcast.proof.verifier import model_of

CONFIG = EngineConfig(window=3, rate_window=4, model="ewma", shadows=("last",))
RULES = Rules(CONFIG, Decoder(2), max_symbols=2, snapshot_records=25)


def with_promotions(log: list[Record], every: int) -> list[Record]:
    """Add promotions and rollbacks, and move all to even offsets so that there is room for them."""
    found = list[Record]()
    for number, each in enumerate(log):
        if number % every == every - 1:
            model = "last" if number // every % 2 else "ewma"
            promotion = Promotion(f"{number:06}", model, at(number + 3), ("BTCUSDT",) if number % 3 == 0 else ())
            found.append(Record(0, 2 * each.offset - 1, PROMOTION_KEY, encode_promotion(promotion)))
        found.append(Record(0, 2 * each.offset, each.key, each.value))
    return found


LOG = with_promotions(stream(Random(7)), every=11)


class Owned(NamedTuple):
    """What the owner of a partition has committed."""

    commits: list[Commit]
    states: list[Restored]
    """What a restore finds after each commit."""


def owned(log: list[Record], random: Random) -> Owned:
    """Process a log in random batches, as its owner does."""
    shard, state, result = Shard(RULES), dict[bytes, bytes](), Owned([], [])
    while log:
        size = random.randint(1, 30)
        commit = shard.process(log[:size]).commit
        assert commit is not None
        log, state = log[size:], {**state, **dict(commit.snapshots)}
        result.commits.append(commit)
        result.states.append(Restored(commit.position, dict(state), commit.replay_from or 0))
    return result


def followed_commit(commit: Commit) -> FollowedCommit:
    return FollowedCommit(commit.position, commit.snapshots)


def following(restored: Restored) -> FollowedPartition:
    """Follow a partition from a commit on, with all candles that it needs to be in step with that commit."""
    followed = FollowedPartition(FollowingShard(RULES, copied(restored)))
    candles = [record for record in LOG if restored.replay_from <= record.offset < restored.position]
    followed.add(Followed(candles, []))
    return followed


def run(followed: FollowedPartition, max_records: int = 10) -> None:
    while followed.step(max_records):
        pass


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_a_standby_that_follows_in_any_batches_is_in_step_at_each_commit_and_goes_on_with_the_same_bytes(seed: int) -> None:
    random = Random(seed)
    whole = owned(LOG, random)
    first, last = sorted(random.sample(range(len(whole.commits) - 1), 2))
    followed, candles = following(whole.states[first]), [r for r in LOG if r.offset >= whole.states[first].position]
    for commit in map(followed_commit, whole.commits[first + 1 : last + 1]):
        answered = [record for record in candles if record.offset < commit.position]
        candles = candles[len(answered) :]
        while answered:
            size = random.randint(1, 12)
            followed.add(Followed(answered[:size], []))
            answered = answered[size:]
            if random.random() < 0.5:
                run(followed, random.randint(1, 9))
        followed.add(Followed([], [commit]))
        if random.random() < 0.7:
            run(followed, random.randint(1, 9))
    shard = followed.promoted(Followed([], []))
    assert followed.comparisons == last - first
    alone = Shard(RULES, copied(whole.states[last]))
    replayed = [record for record in LOG if alone.replay_from <= record.offset < alone.position]
    assert not replayed or alone.process(replayed).commit is None
    assert shard.process(candles).commit == alone.process(candles).commit


def test_promotions_are_compared_with_the_owners() -> None:
    assert {model_of(each.value) for commit in WHOLE.commits for each in commit.signals} == {"ewma", "last"}
    number, value = next(
        (number, dict(commit.snapshots)[PROMOTIONS_KEY])
        for number, commit in enumerate(WHOLE.commits)
        if number and PROMOTIONS_KEY in dict(commit.snapshots)
    )
    before, commit = WHOLE.states[number - 1], WHOLE.commits[number]
    candles = [record for record in LOG if before.position <= record.offset < commit.position]
    for stored, differs in ((value, False), (value[:-1], True)):
        values = [KeyValue(key, stored if key == PROMOTIONS_KEY else each) for key, each in commit.snapshots]
        followed = following(before)
        run(followed)
        followed.add(Followed(candles, [FollowedCommit(commit.position, values)]))
        if differs:
            with pytest.raises(StateDiffers, match=r"^the promotions at "):
                run(followed)
        else:
            run(followed)


def copied(restored: Restored) -> Restored:
    return Restored(restored.position, dict(restored.snapshots), restored.replay_from)


WHOLE = owned(LOG, Random(1))
FIRST = 8


def next_commit(values: list[KeyValue] | None = None, position: int | None = None) -> FollowedCommit:
    """The commit after `FIRST`, with some of its values or its position replaced."""
    commit = WHOLE.commits[FIRST + 1]
    changed = {**dict(commit.snapshots), **dict(values or [])}
    return FollowedCommit(commit.position if position is None else position, [KeyValue(*each) for each in changed.items()])


def compare(commit: FollowedCommit, candles: list[Record] | None = None) -> FollowedPartition:
    """Follow from `FIRST` on up to a commit."""
    followed, restored = following(WHOLE.states[FIRST]), WHOLE.states[FIRST]
    if candles is None:
        candles = [record for record in LOG if restored.position <= record.offset < WHOLE.commits[FIRST + 1].position]
    followed.add(Followed(candles, [commit]))
    run(followed)
    return followed


def test_the_next_commit_of_the_owner_is_what_the_standby_expects() -> None:
    assert compare(next_commit()).comparisons == 1


def changed_candles() -> list[Record]:
    """The candles of the next commit, of which one is another one."""
    restored = WHOLE.states[FIRST]
    candles = [record for record in LOG if restored.position <= record.offset < WHOLE.commits[FIRST + 1].position]
    return [replace(candles[0], value=b"{}"), *candles[1:]]


def test_another_record_is_noticed() -> None:
    with pytest.raises(StateDiffers, match="the digest of the records"):
        compare(next_commit(), changed_candles())


def test_another_output_is_noticed() -> None:
    """As of an owner whose engine has another bit somewhere."""
    followed = following(WHOLE.states[FIRST])
    run(followed)
    for engine in followed.shard.engines.values():
        engine.candles += 1
    restored = WHOLE.states[FIRST]
    candles = [record for record in LOG if restored.position <= record.offset < WHOLE.commits[-1].position]
    followed.add(Followed(candles, [FollowedCommit(each.position, each.snapshots) for each in WHOLE.commits[FIRST + 1 :]]))
    with pytest.raises(StateDiffers):
        run(followed)


def with_snapshots() -> int:
    """The number of a commit with snapshots of engines."""
    return next(n for n in range(3, len(WHOLE.commits)) if any(b"USDT" in key for key, _ in WHOLE.commits[n].snapshots))


def test_a_snapshot_of_which_one_byte_differs_is_noticed() -> None:
    number = with_snapshots()
    commit, restored = WHOLE.commits[number], WHOLE.states[number - 1]
    followed = following(restored)
    values = [KeyValue(key, value[:-1] + b"?" if b"USDT" in key else value) for key, value in commit.snapshots]
    followed.add(
        Followed([r for r in LOG if restored.position <= r.offset < commit.position], [FollowedCommit(commit.position, values)])
    )
    with pytest.raises(StateDiffers, match="the snapshot of"):
        run(followed)


def test_a_value_that_was_not_followed_is_noticed_by_the_manifest() -> None:
    """Otherwise the next owner would write a manifest without it, and it would be lost at the next restore."""
    number = with_snapshots()
    commit, restored = WHOLE.commits[number], WHOLE.states[number - 1]
    followed = following(restored)
    values = [pair for pair in commit.snapshots if b"USDT" not in pair.key]
    followed.add(
        Followed([r for r in LOG if restored.position <= r.offset < commit.position], [FollowedCommit(commit.position, values)])
    )
    with pytest.raises(StateDiffers, match="other keys"):
        run(followed)


def test_a_checkpoint_that_cannot_be_read_says_nothing() -> None:
    assert compare(next_commit([KeyValue(CHECKPOINT_KEY, b"damaged")])).comparisons == 1


def test_a_position_that_goes_back_is_noticed() -> None:
    with pytest.raises(StateDiffers, match="follows no record"):
        compare(next_commit(position=WHOLE.states[FIRST].position - 1), [])


def test_a_partition_is_not_taken_over_while_candles_are_missing() -> None:
    followed = compare(next_commit(), [])
    with pytest.raises(CannotFollow, match="missing"):
        followed.promoted(Followed([], []))


def test_a_new_partition_and_one_with_other_settings_are_not_followed() -> None:
    with pytest.raises(CannotFollow, match="new"):
        FollowingShard(RULES, Restored())
    others = Rules(EngineConfig(window=4, rate_window=4), Decoder(2), max_symbols=2, snapshot_records=25)
    with pytest.raises(CannotFollow, match="window was 3 and is 4"):
        FollowingShard(others, copied(WHOLE.states[FIRST]))


@pytest.mark.parametrize("key", [b"@config", b"@restoring"])
def test_an_owner_that_rebuilds_or_changes_settings_is_followed_no_longer(key: bytes) -> None:
    with pytest.raises(CannotFollow, match="rebuilds"):
        compare(next_commit([KeyValue(key, b"x")]))

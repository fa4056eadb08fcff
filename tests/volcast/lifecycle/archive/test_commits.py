"""The chain of commits: what follows is taken in, and anything else is refused by a sentence."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.lifecycle.archive.commits import (
    ArchiveCommit,
    ArchiveState,
    ChainError,
    DataFile,
    Identity,
    LostRange,
    Place,
    chained,
    decode_commit,
    decode_identity,
    decode_state,
    encode_commit,
    encode_identity,
    encode_state,
    new_chain,
    seal_records,
    seals_of,
    sha256_of,
    starts,
)
from volcast.log.contract import Record

IDENTITY = encode_identity(Identity("kafka", "", 3, 1_762_300_800_000))
ALARM = DriftAlarm("skill", Tier.PAGE, 1_762_300_800_000, "it is worse", "ratio", 1.0, 1.5, 3.0, 2.0, None)


def data_file(number: int, part: int = 0) -> DataFile:
    return DataFile(
        f"data/candles/symbol=A/day=2025-11-05/{number:012}-{part:08}.parquet", "candles", "A", "2025-11-05", 3, 9, "f"
    )


def next_commit(state: ArchiveState, **changes: object) -> bytes:
    commit = ArchiveCommit(
        state.number + 1,
        "records",
        state.sha256,
        "nonce",
        5,
        places={"candles": {0: Place(10 * (state.number + 1), 10 * state.number + 8, 77)}},
        added=(data_file(state.number + 1),),
    )
    return encode_commit(msgspec.structs.replace(commit, **changes))


def history(count: int) -> list[bytes]:
    state, raws = new_chain(IDENTITY), []
    for _ in range(count):
        raws.append(raw := next_commit(state, alarms={"A": (ALARM,)}))
        state.follow(raw)
    return raws


def test_a_chain_adds_up() -> None:
    state = chained(new_chain(IDENTITY), history(3))
    assert (state.number, list(state.files), state.alarms) == (3, [data_file(n).name for n in (1, 2, 3)], {"A": (ALARM,)})
    assert state.place("candles", 0) == Place(30, 28, 77)
    assert state.place("signals", 0) is None
    assert starts(state, "candles") == {0: 28}
    assert decode_state(encode_state(state)) == state


def test_a_file_that_was_removed_is_gone() -> None:
    state = chained(new_chain(IDENTITY), history(2))
    removed = tuple(state.files)
    state.follow(next_commit(state, kind="compacted", places={}, removed=removed, added=(data_file(3),)))
    assert list(state.files) == [data_file(3).name]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"number": 5}, "commit 3 says that it is commit 5"),
        ({"previous": "0" * 64}, "commit 3 does not follow commit 2"),
        ({"removed": ("data/other",)}, "commit 3 removes data/other, which is not there"),
        ({"added": (data_file(2),)}, "commit 3 adds .*, which is there"),
        ({"places": {"candles": {0: Place(5)}}}, "commit 3 goes back on candles, partition 0, to 5"),
        ({"format": 99}, "commit 3 has format 99"),
    ],
)
def test_what_does_not_follow_is_refused_and_changes_nothing(changes: dict[str, object], sentence: str) -> None:
    state = chained(new_chain(IDENTITY), history(2))
    before = encode_state(state)
    with pytest.raises(ChainError, match=sentence):
        state.follow(next_commit(state, **changes))
    assert encode_state(state) == before


def test_the_first_commit_follows_the_identity() -> None:
    other = new_chain(encode_identity(Identity("kafka", "other.", 3, 1_762_300_800_000)))
    with pytest.raises(ChainError, match=r"commit 1 does not follow archive\.json"):
        other.follow(history(1)[0])


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"\xff", b'{"number":1}', b"[" * 10_000])
def test_other_bytes_are_no_commit(raw: bytes) -> None:
    for decode in (decode_commit, decode_identity, decode_state):
        with pytest.raises(ChainError):
            decode(raw)


@given(st.integers(0, 4), st.data())
def test_any_changed_byte_is_found(which: int, data: st.DataObject) -> None:
    """In a commit of the chain; a change of the last one needs the hash of the head, which others keep."""
    raws = history(5)
    head = chained(new_chain(IDENTITY), raws).sha256
    at = data.draw(st.integers(0, len(raws[which]) - 1))
    flipped = raws[which][at] ^ data.draw(st.integers(1, 255))
    raws[which] = raws[which][:at] + bytes([flipped]) + raws[which][at + 1 :]
    try:
        assert chained(new_chain(IDENTITY), raws).sha256 != head
    except ChainError:
        return
    assert which == 4


@given(st.permutations(range(5)), st.integers(0, 5))
def test_any_other_order_is_refused(order: list[int], count: int) -> None:
    raws = history(5)
    chosen = order[:count]
    if chosen == list(range(count)):
        assert chained(new_chain(IDENTITY), [raws[n] for n in chosen]).number == count
    else:
        with pytest.raises(ChainError):
            chained(new_chain(IDENTITY), [raws[n] for n in chosen])


def test_a_commit_keeps_what_was_lost() -> None:
    state = new_chain(IDENTITY)
    commit = state.follow(next_commit(state, lost=(LostRange("candles", 0, 3, 7),)))
    assert decode_commit(encode_commit(commit)).lost == (LostRange("candles", 0, 3, 7),)


def test_a_seal_is_of_each_partition() -> None:
    records = [Record(1, 7, b"A", b"x"), Record(0, 3, b"B", b"y"), Record(1, 9, b"A", b"z")]
    zero, one = seals_of(records)
    assert (zero.partition, zero.first, zero.last, zero.signals) == (0, 3, 3, 1)
    assert (one.partition, one.first, one.last, one.signals) == (1, 7, 9, 2)
    whole = b"\0\0\0\0\0\0\0\7" + b"\0\0\0\1A" + b"\0\0\0\1x" + b"\0\0\0\0\0\0\0\x09" + b"\0\0\0\1A" + b"\0\0\0\1z"
    assert one.sha256 == sha256_of(whole)


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=3), st.binary(max_size=3)), max_size=4))
def test_a_seal_tells_records_apart(records: list[tuple[int, bytes, bytes]]) -> None:
    """Where a key ends and a value begins counts, too."""
    moved = [(offset, key + value[:1], value[1:]) for offset, key, value in records]
    assert (seal_records(records) == seal_records(moved)) == (records == moved)

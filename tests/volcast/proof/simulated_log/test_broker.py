"""The guarantees of the simulated broker, and what happens without each of them."""

import pytest

from volcast.log.contract import Commit, Fenced, KeyValue, Restored, Topic
from volcast.proof.simulated_log.broker import Guarantee, Positions, SimulatedBroker, Transaction, writes_of

SIGNAL, SNAPSHOT = (Topic.SIGNALS, KeyValue(b"A", b"signal")), (Topic.STATE, KeyValue(b"A", b"state"))


def visible(broker: SimulatedBroker) -> list[bytes]:
    return [record.value for record in broker.records(Topic.SIGNALS, 0)]


def test_a_transaction_becomes_visible_all_at_once_at_its_commit() -> None:
    broker = SimulatedBroker(1)
    transaction = Transaction(broker, 0, broker.fence(0))
    for write in (SIGNAL, SNAPSHOT, Positions(7, 5)):
        transaction.write(write)
    assert (visible(broker), broker.partitions[0].restored()) == ([], Restored())
    transaction.commit()
    assert (visible(broker), broker.partitions[0].restored()) == ([b"signal"], Restored(7, {b"A": b"state"}, 5))


def test_without_transactions_each_write_is_visible_at_once() -> None:
    broker = SimulatedBroker(1, frozenset({Guarantee.TRANSACTION}))
    Transaction(broker, 0, broker.fence(0)).write(SIGNAL)
    assert visible(broker) == [b"signal"]


def test_a_later_owner_fences_the_former_at_writes_and_at_the_commit() -> None:
    broker = SimulatedBroker(1)
    transaction = Transaction(broker, 0, broker.fence(0))
    transaction.write(SIGNAL)
    broker.fence(0)
    with pytest.raises(Fenced, match="epoch 2 follows 1"):
        transaction.write(SIGNAL)
    with pytest.raises(Fenced):
        transaction.commit()
    assert visible(broker) == []


def test_without_fencing_a_former_owner_can_still_write() -> None:
    broker = SimulatedBroker(1, frozenset({Guarantee.FENCING}))
    transaction = Transaction(broker, 0, broker.fence(0))
    broker.fence(0)
    transaction.write(SIGNAL)
    transaction.commit()
    assert visible(broker) == [b"signal"]


def test_an_empty_value_deletes_its_key() -> None:
    broker = SimulatedBroker(1)
    broker.apply(0, [SNAPSHOT])
    broker.apply(0, [(Topic.STATE, KeyValue(b"A", b""))])
    assert broker.partitions[0].state == {}


def test_offsets_have_gaps() -> None:
    broker = SimulatedBroker(1)
    for _ in range(2):
        broker.append([KeyValue(b"A", b"1"), KeyValue(b"A", b"2")])
    assert [record.offset for record in broker.records(Topic.CANDLES, 0)] == [0, 1, 3, 4]
    assert broker.partitions[0].end() == 5
    assert [record.offset for record in broker.partitions[0].read(2, 1)] == [3]


def test_a_commit_is_a_write_for_each_record_and_one_for_the_position() -> None:
    record = [KeyValue(b"A", b"1")]
    topics = [write if isinstance(write, Positions) else write[0] for write in writes_of(Commit(3, record, record, record))]
    assert topics == [Topic.SIGNALS, Topic.REJECTED, Topic.STATE, Positions(3, 3)]
    assert list(writes_of(Commit(3, replay_from=1))) == [Positions(3, 1)]


def test_every_visible_write_is_in_the_trace() -> None:
    broker = SimulatedBroker(2)
    broker.apply(1, [SIGNAL, Positions(1, 1)])
    assert broker.trace == [(1, SIGNAL), (1, Positions(1, 1))]

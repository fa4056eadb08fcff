"""The job written by hand on librdkafka, by confluent-kafka: what another client would allow, without volcast's checks.

Each batch is one transaction with the results and the state, which says where to go on. As in `by_hand`, candles are neither
checked nor put in order, and a record that can't be read ends the program.
"""

import pickle
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.peers.job import Model, Options, read_options
from bench.peers.programs.by_hand_step import step

MAX_RECORDS = 10_000
_POLL_EVERY = 1_000
_STATE = b"state"


def run(options: Options) -> None:
    """Process candles until the process is ended."""
    producer = Producer(
        {
            "bootstrap.servers": options.bootstrap,
            "transactional.id": options.group,
            "linger.ms": 1,
            "batch.num.messages": MAX_RECORDS,
            "queue.buffering.max.messages": 10 * MAX_RECORDS,
        }
    )
    producer.init_transactions()
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            "group.id": options.group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 8_000_000,
        }
    )
    consumer.assign(
        [TopicPartition(options.candles, 0, 0)]
    )  # each run has topics of its own; a restart would read the state first
    state_topic = options.candles.removesuffix("candles") + "state"
    closes: list[float] = []
    model = Model() if options.has_model else None
    while True:
        messages = [each for each in consumer.consume(MAX_RECORDS, 0.02) if each.error() is None]
        if not messages:
            continue
        answers = step(((each.key(), each.value()) for each in messages), closes, model)
        state = pickle.dumps((messages[-1].offset() + 1, closes, model if options.stores_model else None))
        producer.begin_transaction()
        send(producer, options.signals, answers)
        send(producer, state_topic, [(_STATE, state)])
        producer.commit_transaction()


def send(producer: Any, topic: str, pairs: Sequence[tuple[bytes, bytes]]) -> None:
    """Hand records over to the client's own thread."""
    for at, (key, value) in enumerate(pairs):
        producer.produce(topic, value, key, 0)
        if at % _POLL_EVERY == 0:
            producer.poll(0)


if __name__ == "__main__":
    run(read_options())

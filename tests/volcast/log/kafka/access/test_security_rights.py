"""The rights (ACLs) that docs/reference/settings.md lists, at a broker over TLS with SCRAM: with exactly these each role does its
work, and without any one of them it says which is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.log_access import anything, opened, polled, records_of
from tests.volcast.log.kafka.rights import Operation, Resource, Right, grant, revoke
from tests.volcast.log.kafka.secured_broker import CLIENT, PASSWORD, CertificateFiles, add_scram_user, by_certificate, scram
from volcast.log.contract import Commit, KeyValue, Log, Mismatch, Topic, Unavailable
from volcast.log.kafka.access.security import KafkaSecurity
from volcast.log.kafka.log import KafkaLog
from volcast.proof.processes.broker import Broker, broker

AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",  # the broker itself, on the listener without sign-in
    "broker.session.timeout.ms": "9000",
}
SESSION_MS = 1_000
"""So long does the next test wait for a transaction that a refused commit left open."""
TABLE = (Path(__file__).parents[5] / "docs/reference/settings.md").read_text()
SPELLINGS = {
    Operation.READ: "Read",
    Operation.WRITE: "Write",
    Operation.CREATE: "Create",
    Operation.DESCRIBE: "Describe",
    Operation.DESCRIBE_CONFIGS: "DescribeConfigs",
}


def on(operation: Operation, *topics: Topic) -> list[Right]:
    return [Right(Resource.TOPIC, topic.value, operation) for topic in topics]


SEES_ALL = on(Operation.DESCRIBE_CONFIGS, *Topic)
RIGHTS = {
    "producer": [
        *SEES_ALL,
        *on(Operation.DESCRIBE, Topic.SIGNALS, Topic.REJECTED, Topic.STATE, Topic.MODELS),
        *on(Operation.READ, Topic.CANDLES),
        *on(Operation.WRITE, Topic.CANDLES),
        Right(Resource.TRANSACTIONAL_ID, "volcast-append-", Operation.WRITE, prefixed=True),
    ],
    "consumer": [
        *SEES_ALL,
        *on(Operation.READ, Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED, Topic.STATE),
        *on(Operation.DESCRIBE, Topic.MODELS),
        *on(Operation.WRITE, Topic.SIGNALS, Topic.REJECTED, Topic.STATE),
        Right(Resource.GROUP, "volcast", Operation.READ),
        Right(Resource.TRANSACTIONAL_ID, "volcast-consume-", Operation.WRITE, prefixed=True),
    ],
    "api": [
        *SEES_ALL,
        *on(Operation.DESCRIBE, Topic.CANDLES, Topic.REJECTED, Topic.STATE),
        *on(Operation.READ, Topic.SIGNALS, Topic.MODELS),
    ],
    "operator": [
        *SEES_ALL,
        *on(Operation.DESCRIBE, Topic.REJECTED),
        *on(Operation.READ, Topic.CANDLES, Topic.SIGNALS, Topic.STATE, Topic.MODELS),
        *on(Operation.WRITE, Topic.CANDLES, Topic.MODELS),
        Right(Resource.TRANSACTIONAL_ID, "volcast-append-models", Operation.WRITE),
    ],
    "archiver": [
        *SEES_ALL,
        *on(Operation.DESCRIBE, Topic.STATE, Topic.MODELS),
        *on(Operation.READ, Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED),
    ],
}
IF_STATE_IS_LOST = on(Operation.READ, Topic.SIGNALS, Topic.REJECTED)
"""A consumer without a position reads these, to tell a state that was lost from a beginning; if it has one, it does not."""
ALWAYS_NEEDED = [
    (role, right)
    for role, rights in RIGHTS.items()
    for right in rights
    if (role, right) not in {("consumer", each) for each in IF_STATE_IS_LOST}
]


async def produce(log: Log) -> None:
    async with log.appender("rights") as appender:
        await appender.last(b"A", anything)
        await appender.append([KeyValue(b"A", b"1")])


async def consume(log: Log) -> None:
    async with asyncio.timeout(60), log.consumer() as consumer:
        while not await consumer.assignment():
            await consumer.poll(1, 0.1)
        position = (await opened(consumer)).position
        await polled(consumer, 1)
        output = [KeyValue(b"A", b"1")]
        await consumer.commit(0, Commit(position, signals=output, rejects=output, snapshots=output))


async def serve(log: Log) -> None:
    assert await records_of(log, Topic.SIGNALS)
    assert await records_of(log, Topic.MODELS)


async def promote(log: Log) -> None:
    assert (await log.peek())[0].snapshots
    assert await records_of(log, Topic.SIGNALS)
    async with log.appender("models") as appender:
        await records_of(log, Topic.MODELS)
        await appender.promote(KeyValue(b"000001", b"who, when and why"), KeyValue(b"A", b"2"))
    assert await records_of(log, Topic.CANDLES)


async def archive(log: Log) -> None:
    for topic in (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED):
        assert await records_of(log, topic)


WORK: dict[str, Callable[[Log], Awaitable[None]]] = {
    "producer": produce,
    "consumer": consume,
    "api": serve,
    "operator": promote,
    "archiver": archive,
}


@pytest.fixture(scope="module")
def guarded_broker(files: CertificateFiles) -> Iterator[Broker]:
    """A broker whose users have the rights of their role, and whose topics exist and have a record each."""
    with broker(extra_properties=scram("SCRAM-SHA-512") | dict(files.broker_properties) | AUTHORIZER) as made:
        for role, rights in RIGHTS.items():
            add_scram_user(made.bootstrap, role)
            grant(made.bootstrap, f"User:{role}", *rights)

        async def fill_topics() -> None:
            async with KafkaLog(made.bootstrap, partitions=1) as log:
                await produce(log)
                await consume(log)
                await promote(log)

        asyncio.run(fill_topics())
        yield made


async def work(made: Broker, role: str, over_tls: KafkaSecurity, prefix: str = "") -> None:
    """Do the work of a role, again if the broker is busy for a moment: whoever uses a log does that."""
    security = replace(over_tls, username=role, password=PASSWORD)
    async with asyncio.timeout(120):
        while True:
            try:
                async with KafkaLog(
                    made.bootstrap_for_users, prefix=prefix, partitions=1, session_timeout_ms=SESSION_MS, security=security
                ) as log:
                    return await WORK[role](log)
            except Unavailable:
                continue


@pytest.mark.parametrize("role", RIGHTS)
async def test_with_these_rights_each_role_works(guarded_broker: Broker, over_tls: KafkaSecurity, role: str) -> None:
    await work(guarded_broker, role, over_tls)


@pytest.mark.parametrize(
    ("role", "missing"), ALWAYS_NEEDED, ids=[f"{role}-{right.name}-{right.operation.name}" for role, right in ALWAYS_NEEDED]
)
async def test_without_one_right_a_role_says_which(
    guarded_broker: Broker, over_tls: KafkaSecurity, role: str, missing: Right
) -> None:
    revoke(guarded_broker.bootstrap, f"User:{role}", missing)
    try:
        with pytest.raises(Mismatch) as caught:
            await work(guarded_broker, role, over_tls)
    finally:
        grant(guarded_broker.bootstrap, f"User:{role}", missing)
    sentence = str(caught.value)
    assert missing.name in sentence
    assert "the rights that docs/reference/settings.md lists" in sentence
    if missing in [*SEES_ALL, *on(Operation.DESCRIBE, *Topic)]:
        assert SPELLINGS[missing.operation] in sentence


@pytest.mark.parametrize("missing", IF_STATE_IS_LOST, ids=lambda right: right.name)
async def test_a_lost_state_is_not_taken_for_a_beginning_where_outputs_may_not_be_read(
    guarded_broker: Broker, over_tls: KafkaSecurity, missing: Right
) -> None:
    """Topics of their own, with signals or rejects and without a state."""
    prefix = f"lost-{missing.name}."
    async with KafkaLog(guarded_broker.bootstrap, prefix=prefix, partitions=1) as log:
        await produce(log)
        producer = log._client.producer("test")  # a write that the contract does not offer
        async with producer, producer.transaction():
            await producer.send_and_wait(prefix + missing.name, b"1", key=b"A")
    named = [right._replace(name=prefix + right.name) for right in RIGHTS["consumer"] if right != missing]
    grant(guarded_broker.bootstrap, "User:consumer", *named)
    grant(
        guarded_broker.bootstrap, "User:consumer", *[missing._replace(name=prefix + missing.name, operation=Operation.DESCRIBE)]
    )
    with pytest.raises(Mismatch, match=f"reading {prefix}{missing.name}: .*TopicAuthorizationFailed"):
        await work(guarded_broker, "consumer", over_tls, prefix)


@pytest.mark.parametrize("missing", [None, Topic.STATE])
async def test_topics_are_created_by_who_may(guarded_broker: Broker, over_tls: KafkaSecurity, missing: Topic | None) -> None:
    prefix = f"new-{missing}."
    rights = [right._replace(name=prefix + right.name) for right in (*RIGHTS["producer"], *on(Operation.CREATE, *Topic))]
    unwanted = [Right(Resource.TOPIC, f"{prefix}{missing}", Operation.CREATE)]
    grant(guarded_broker.bootstrap, "User:producer", *[right for right in rights if right not in unwanted])
    if missing is None:
        await work(guarded_broker, "producer", over_tls, prefix)
        return
    with pytest.raises(Mismatch, match=rf"refuses to create topic {prefix}{missing}: .*create it by hand"):
        await work(guarded_broker, "producer", over_tls, prefix)


async def test_the_consumers_rights_are_those_of_whoever_looks_after_it(guarded_broker: Broker, over_tls: KafkaSecurity) -> None:
    """What `volcast rejects` and `volcast state show` read."""
    security = replace(over_tls, username="consumer", password=PASSWORD)
    async with KafkaLog(guarded_broker.bootstrap_for_users, partitions=1, security=security, must_exist=True) as log:
        assert await records_of(log, Topic.REJECTED)
        assert (await log.peek())[0].snapshots


async def test_a_certificate_alone_is_a_user_with_rights(files: CertificateFiles, over_tls: KafkaSecurity) -> None:
    """Mutual TLS without a password."""
    alone = replace(over_tls, username=None, password=None)
    with broker(extra_properties=by_certificate(files) | AUTHORIZER) as made:
        async with KafkaLog(made.bootstrap, partitions=1) as log:
            await produce(log)
            await consume(log)
            await promote(log)
        with pytest.raises(Mismatch, match=r"on [a-z.]+; give the user the rights"):
            await read_signals(made, alone)
        grant(made.bootstrap, f"User:{CLIENT}", *RIGHTS["api"])
        await read_signals(made, alone)
        with pytest.raises(Mismatch, match="check kafka_client_cert_file"):
            await read_signals(made, replace(alone, client_cert_file=None, client_key_file=None))


async def read_signals(made: Broker, security: KafkaSecurity) -> None:
    async with KafkaLog(made.bootstrap_for_users, partitions=1, security=security) as log:
        await serve(log)


def rows(rights: Sequence[Right]) -> Iterator[str]:
    """The rights of one role as cells of the table: for each resource its operations."""
    by_resource: dict[str, list[str]] = {}
    for right in rights:
        kind = {Resource.TOPIC: "topic", Resource.GROUP: "group", Resource.TRANSACTIONAL_ID: "transactional ids"}[right.resource]
        by_resource.setdefault(f"{kind} `{right.name}{'…' * right.prefixed}`", []).append(SPELLINGS[right.operation])
    return (f"{resource} | {', '.join(sorted(operations))} |" for resource, operations in by_resource.items())


@pytest.mark.parametrize("role", RIGHTS)
def test_the_table_in_the_documents_has_these_rights(role: str) -> None:
    found = [line.removeprefix(f"| {role} | ") for line in TABLE.splitlines() if line.startswith(f"| {role} | ")]
    assert found == list(rows(RIGHTS[role]))

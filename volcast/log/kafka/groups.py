"""Makes sure that one consumer group at a time consumes a log.

Members of two groups get the same partitions. Each opens them, which fences the other, without end: the broker does not know that
the groups exclude each other.
"""

import asyncio
from contextlib import suppress

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from volcast.log.contract import Mismatch

from .client import KafkaClient
from .errors import translated_errors

_POLL_S = 0.2
_CONSUMER_PROTOCOL = "consumer"
_MARGIN_S = 2.0


def client_id(client: KafkaClient) -> str:
    """Return the name by which members of all groups that consume this log are recognized."""
    return f"{client.prefix}volcast-consume"


async def wait_for_other_groups(client: KafkaClient, group: str) -> None:
    """Return once no other group consumes this log: members of a group that has just ended count until their session is over.

    Raises Mismatch if another group has members for longer than that; Unavailable.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + client.session_timeout_ms / 1_000 + _MARGIN_S
    while others := await _other_groups(client, group):
        if loop.time() > deadline_s:
            raise _conflict(client, group, others)
        await asyncio.sleep(_POLL_S)


async def check_fenced_by_group(client: KafkaClient, group: str) -> None:
    """Raise Mismatch if this member was fenced by another group that continues.

    If two groups start at once, neither sees the other in time. The one whose name comes first in the alphabet continues.
    """
    others = [name for name in await _other_groups(client, group) if name < group]
    if others:
        raise _conflict(client, group, others)


def _conflict(client: KafkaClient, group: str, others: list[str]) -> Mismatch:
    log = f"the topics {client.prefix}…" if client.prefix else "these topics"
    return Mismatch(
        f"the consumer group {group} can't consume {log}, as the group {others[0]} does: two groups would fence each other; "
        "stop one of them, or give this one another topic_prefix"
    )


async def _other_groups(client: KafkaClient, group: str) -> list[str]:
    """Return the names of the other groups with members that consume this log, as far as the user may see groups."""
    admin = AIOKafkaAdminClient(**client.connection())
    own = client.prefix + group
    found = []
    try:
        with translated_errors("looking for other consumer groups"):
            async with asyncio.timeout(client.timeout_s):
                await admin.start()
                listed = await admin.list_consumer_groups()
                names = [
                    name
                    for name, kind, *_ in listed
                    if name != own and name.startswith(client.prefix) and kind == _CONSUMER_PROTOCOL
                ]
                for name in names:  # one by one: aiokafka can't decode the answer about several
                    for response in await admin.describe_consumer_groups([name]):
                        for _, _, _, _, _, members, *_ in response.groups:
                            if any(member[1] == client_id(client) for member in members):
                                found.append(name[len(client.prefix) :])
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
    return sorted(found)

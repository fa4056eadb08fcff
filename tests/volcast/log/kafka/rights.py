"""Rights (ACLs) on a Kafka broker: give them to a user and take them back. aiokafka's admin client can do neither: the requests
are written here by hand, over the listener whose users may do everything.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from tests.volcast.log.kafka.secured_broker import exchange

_CREATE_ACLS, _DELETE_ACLS = 30, 31
_VERSION = 1
_ALLOW = 3
_ANY_HOST = "*"


class Resource(IntEnum):
    """What a right is about, by Kafka's numbers."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5


class Operation(IntEnum):
    """What a right allows, by Kafka's numbers. Read and Write include Describe."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


class Right(NamedTuple):
    """One row of the table in docs/reference/settings.md: an operation on what has this name, or begins with it."""

    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False

    def encoded(self, principal: str) -> bytes:
        pattern = 4 if self.prefixed else 3
        names = _text(self.name) + struct.pack(">b", pattern) + _text(principal) + _text(_ANY_HOST)
        return struct.pack(">b", self.resource) + names + struct.pack(">bb", self.operation, _ALLOW)


def grant(bootstrap: str, principal: str, *rights: Right) -> None:
    """Give rights to `User:name`, from any host."""
    _request(bootstrap, _CREATE_ACLS, principal, rights)


def revoke(bootstrap: str, principal: str, *rights: Right) -> None:
    """Take them back."""
    _request(bootstrap, _DELETE_ACLS, principal, rights)


def _request(bootstrap: str, kind: int, principal: str, rights: tuple[Right, ...]) -> None:
    body = struct.pack(">i", len(rights)) + b"".join(right.encoded(principal) for right in rights)
    response = exchange(bootstrap, struct.pack(">hhih", kind, _VERSION, 1, -1) + body)
    # Correlation id, throttle time and the count of results stand before the first result's error code.
    count, error = struct.unpack_from(">ih", response, 8)
    assert (count, error) == (len(rights), 0), response


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()

"""Values with a checksum, so that damage is recognized: a CRC-32 of the payload, 4 bytes, little-endian, then the payload.

It is a file of its own because the state of a partition, its checkpoint and an exported state are all sealed this way.
"""

from zlib import crc32

import msgspec


def seal(payload: bytes) -> bytes:
    """Return the payload behind its CRC-32.

    >>> unseal(seal(b"counts"))
    b'counts'
    """
    return crc32(payload).to_bytes(4, "little") + payload


def unseal(sealed: bytes) -> bytes:
    """Return the payload of sealed bytes. Raises msgspec.DecodeError if they are damaged."""
    payload = sealed[4:]
    if sealed[:4] != crc32(payload).to_bytes(4, "little"):
        raise msgspec.DecodeError("its checksum does not match: it is damaged")
    return payload

"""Decompresses a batch of records within a bound, with any of Kafka's codecs.

A batch of 1 MiB may decompress to a thousand times as much; aiokafka's own functions have no bound.
"""

import struct
import zlib
from collections.abc import Iterator

import cramjam
from aiokafka.codec import _detect_xerial_stream

MAX_DECOMPRESSED_BYTES = 16 * 1024 * 1024
"""Of one batch. A broker takes at most 1 MiB of compressed records by default; candles compress to a tenth or a twentieth."""
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_MAX_MEMBERS = 100
"""Of gzip; Kafka's clients write one."""
_scratch = bytearray()
"""Where lz4 and zstd decompress to: they stop at its end. It takes no memory before it is needed."""


class UndecodableError(Exception):
    """A batch whose bytes are as they were written can't be decoded; the message says why."""


def decompressed(codec: int, data: bytes) -> bytes:
    """Return the records of a batch. Raises UndecodableError; at most MAX_DECOMPRESSED_BYTES are ever held."""
    try:
        return _decompress(codec, data)
    except (cramjam.DecompressionError, zlib.error, struct.error, ValueError) as error:
        raise UndecodableError(f"its records can't be decompressed: {error}") from error


def _decompress(codec: int, data: bytes) -> bytes:
    """Return at most MAX_DECOMPRESSED_BYTES. Raises UndecodableError if there are more, and the errors of the libraries."""
    if codec == _GZIP:
        return _gunzip(data)
    if codec == _SNAPPY:
        return b"".join(_snappy_blocks(data))
    if codec not in (_LZ4, _ZSTD):
        raise UndecodableError(f"its codec has the unknown number {codec}")
    if not _scratch:
        _scratch.extend(bytes(MAX_DECOMPRESSED_BYTES + 1))
    module = cramjam.lz4 if codec == _LZ4 else cramjam.zstd
    try:
        size = module.decompress_into(data, _scratch)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            raise _too_many() from error
        raise
    _check(size)
    return bytes(memoryview(_scratch)[:size])


def _gunzip(data: bytes) -> bytes:
    parts, size = list[bytes](), 0
    while data:
        if len(parts) == _MAX_MEMBERS:
            raise UndecodableError(f"its records are {_MAX_MEMBERS} compressed files and more, one after another")
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        parts.append(member.decompress(data, MAX_DECOMPRESSED_BYTES + 1 - size))
        size += len(parts[-1])
        _check(size)
        if not member.eof:
            raise UndecodableError("its records can't be decompressed: they end in the middle")
        data = member.unused_data
    return b"".join(parts)


def _snappy_blocks(data: bytes) -> Iterator[bytes]:
    """Yield the blocks of Kafka's Java clients, or the one block of others."""
    if not _detect_xerial_stream(data):
        _check(cramjam.snappy.decompress_raw_len(data))
        yield bytes(cramjam.snappy.decompress_raw(data))
        return
    position, size = 16, 0
    while position < len(data):
        (length,) = struct.unpack_from(">i", data, position)
        block = data[position + 4 : position + 4 + length]
        if length <= 0 or len(block) < length:
            raise UndecodableError("its records can't be decompressed: a block has a wrong length")
        size += cramjam.snappy.decompress_raw_len(block)
        _check(size)
        yield bytes(cramjam.snappy.decompress_raw(block))
        position += 4 + length


def _check(size: int) -> None:
    if size > MAX_DECOMPRESSED_BYTES:
        raise _too_many()


def _too_many() -> UndecodableError:
    return UndecodableError(f"it decompresses to more than {MAX_DECOMPRESSED_BYTES} bytes")

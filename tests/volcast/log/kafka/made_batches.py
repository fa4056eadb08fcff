"""Batches as a broker stores them, made by aiokafka's own builder."""

import struct
from collections.abc import Iterable

from aiokafka.record.default_records import DefaultRecordBatchBuilder

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_TIME_MS = 1_700_000_000_000


def made_batch(base_offset: int, values: Iterable[bytes], codec: str = "none") -> bytes:
    """Return a batch of records with the key b"A"."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=CODECS[codec],
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 30,
    )
    for index, value in enumerate(values):
        assert builder.append(index, _TIME_MS, b"A", value, []) is not None
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, base_offset)  # not covered by the checksum: a broker sets it, too
    return bytes(raw)

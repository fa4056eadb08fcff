"""A flipped bit is found out, wherever it is."""

import msgspec
import pytest

from consumer.partition_state import seal, unseal

SEALED = seal(b"counts")


@pytest.mark.parametrize("bit", range(8 * len(SEALED)))
def test_each_flipped_bit_is_found_out(bit: int) -> None:
    damaged = bytearray(SEALED)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(msgspec.DecodeError, match="damaged"):
        unseal(bytes(damaged))


def test_too_few_bytes_are_damaged() -> None:
    with pytest.raises(msgspec.DecodeError):
        unseal(b"abc")

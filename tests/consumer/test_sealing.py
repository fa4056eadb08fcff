"""Sealed values: what is sealed is read again, and any damage is recognized."""

import msgspec
import pytest

from consumer.sealing import seal, unseal

SEALED = seal(b"counts")


@pytest.mark.parametrize("bit", range(8 * len(SEALED)))
def test_each_flipped_bit_is_recognized(bit: int) -> None:
    damaged = bytearray(SEALED)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(msgspec.DecodeError, match="damaged"):
        unseal(bytes(damaged))


def test_too_few_bytes_are_damaged() -> None:
    with pytest.raises(msgspec.DecodeError):
        unseal(b"abc")

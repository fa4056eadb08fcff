"""Decimal numbers of at most 16 characters, all rows of a block at once: text to integers without a float in between.

Eight characters are one unsigned 64-bit integer, which a view of the text gives at any position. So a column is read by one
indexed access for each eight characters, and a dozen integer operations turn the eight digits into their value (Lemire and
Muła, "Parsing series of integers with SIMD", explain the multiplications).
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]

WORD = 8
MAX_CHARACTERS = 2 * WORD
_POWERS = np.array([10**k for k in range(19)], np.int64)
_LIMIT = 2**63


def _repeated(byte: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([byte]) * WORD, "little"))


_ZEROS, _POINTS = _repeated(ord("0")), _repeated(ord("0") ^ ord("."))
_LOW_BITS, _HIGH_BIT, _ABOVE_NINE = _repeated(0x7F), _repeated(0x80), _repeated(0x76)
_KEEP_LAST = np.array([2**64 - 2 ** (8 * (WORD - length)) for length in range(WORD + 1)], np.uint64)
"""By the number of characters: a mask of the last ones of a word. The last character is the most significant byte."""
_BYTE, _SEVEN, _ONE = np.uint64(8), np.uint64(7), np.uint64(1)
_WHOLE_BYTE = np.uint64(0xFF)


class ScaledNumbers(NamedTuple):
    """Numbers as integers: each is units / 10^decimals."""

    units: Integers
    decimals: int


class _WordDigits(NamedTuple):
    value: Integers
    has_point: NDArray[np.bool_]
    decimals: Integers
    """Digits behind the point; 0 without one."""


def words_of(text: bytearray | bytes) -> Words:
    """Return the eight characters from each position on, as a view of the text: item i holds bytes i to i + 7."""
    return np.ndarray((len(text) - WORD + 1,), "<u8", text, 0, (1,))


def read_decimals(words: Words, start: Integers, stop: Integers) -> ScaledNumbers | None:
    """Return the numbers in the cells from `start` to `stop`, positions in the text of `words`.

    None if a cell is no number of at most 16 digits and one point, without a sign, or if the integers would not fit into 64 bits:
    it may be a number in another form. The text must have 16 more bytes before the first cell.
    """
    length = stop - start
    if length.size == 0 or length.min() < 1 or length.max() > MAX_CHARACTERS:
        return None
    last = _word_digits(words, stop, np.minimum(length, WORD))
    if last is None:
        return None
    units, points, decimals = last
    if length.max() > WORD:
        first = _word_digits(words, stop - WORD, np.maximum(length - WORD, 0))
        if first is None or (first.has_point & points).any():
            return None
        units = first.value * np.where(points, _POWERS[WORD - 1], _POWERS[WORD]) + units
        decimals = np.where(first.has_point, first.decimals + WORD, decimals)
        points = points | first.has_point
    if (length - points).min() < 1:  # a point alone
        return None
    most = int(decimals.max())
    scaled = scale_up(units, most - decimals)
    return None if scaled is None else ScaledNumbers(scaled, most)


def scale_up(units: Integers, more_decimals: Integers | int) -> Integers | None:
    """Return units × 10^more_decimals; None if a product may not fit into 64 bits."""
    most = int(np.max(more_decimals)) if units.size else 0
    if not most:
        return units
    if most >= _POWERS.size or int(units.max()) * 10**most >= _LIMIT:
        return None
    scaled: Integers = units * _POWERS[more_decimals]
    return scaled


def _word_digits(words: Words, stop: Integers, length: Integers) -> _WordDigits | None:
    """Read the last `length` characters, 0 to 8, before `stop`. None if they are other than digits and one point."""
    word = (words[stop - WORD] ^ _ZEROS) & _KEEP_LAST[length]  # a digit is its value now, and a character that is not there a 0
    other = word ^ _POINTS
    point = ~(((other & _LOW_BITS) + _LOW_BITS) | other | _LOW_BITS) >> _SEVEN  # 1 in the byte of each point
    if (point & (point - _ONE)).any():  # two points
        return None
    before = point - _ONE  # all bits of the characters before the point
    has_point = point != 0
    closed_up = (word & ~(before | point * _WHOLE_BYTE)) | (word & before) << _BYTE  # the digits before the point move up to it
    word = np.where(has_point, closed_up, word)
    if (((word + _ABOVE_NINE) | word) & _HIGH_BIT).any():
        return None
    decimals = np.where(has_point, WORD - 1 - (np.bitwise_count(before) >> 3).astype(np.int64), 0)
    word = (word * np.uint64(10 * 2**8 + 1)) >> _BYTE
    word = ((word & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(100 * 2**16 + 1)) >> np.uint64(16)
    word = ((word & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(10_000 * 2**32 + 1)) >> np.uint64(32)
    return _WordDigits(word.view(np.int64), has_point, decimals)

"""Whether the rows of a block stand in the order of time, judged by the text of their times: all rows at once.

Times of one form and one length, such as `2024-01-01 00:05:00` or `1704067500000`, are in the order of their characters. It says
only yes or "not known": whether a file runs backward, or is in no order, is found by reading its times.
"""

import re

import numpy as np
from numpy.typing import NDArray

from .decimal_cells import WORD, Integers, Words

_MAX_CHARACTERS = 32
_SORTABLE = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?|\d+(\.\d+)?")
"""Forms whose order is that of their characters."""


class TimeOrder:
    """Follows the times of a file, block by block.

    Args:
        first: The text of the first time, which decides on the form of all.
    """

    def __init__(self, first: bytes) -> None:
        self.is_sortable = len(first) <= _MAX_CHARACTERS and _SORTABLE.fullmatch(first) is not None
        self._length = len(first)
        self._last: list[NDArray[np.uint64]] = []

    def continues(self, words: Words, start: Integers, stop: Integers) -> bool:
        """Return whether each time in the cells is surely later than the one before it, the last of the block before included."""
        if not self.is_sortable or not (stop - start == self._length).all():
            return False
        keys = self._keys(words, start, stop)
        joined = [np.concatenate((last, key)) for last, key in zip(self._last, keys, strict=True)] if self._last else keys
        self._last = [key[-1:] for key in keys]
        later = np.zeros(joined[0].size - 1, np.bool_)
        for key in reversed(joined):
            before, after = key[:-1], key[1:]
            later = (after > before) | (later & (after == before))
        return bool(later.all())

    def _keys(self, words: Words, start: Integers, stop: Integers) -> list[NDArray[np.uint64]]:
        """Return the characters, eight by eight, as integers whose order is that of the text. The last two may overlap."""
        if self._length < WORD:
            missing = np.uint64(8 * (WORD - self._length))
            return [words[start].byteswap() >> missing]
        keys = [words[start + at].byteswap() for at in range(0, self._length - WORD + 1, WORD)]
        if self._length % WORD:
            keys.append(words[stop - WORD].byteswap())
        return keys

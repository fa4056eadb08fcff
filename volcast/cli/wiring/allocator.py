"""One heap for all threads of a process that runs engines. It stands alone: nothing else here calls the C library.

glibc gives threads heaps of their own, and memory that is freed in one of them is not reused by another. A consumer reads its
snapshots in other threads than the one that makes engines of them, so that a restart needed 13 % more memory than the run before.
"""

import ctypes
import os
import platform

_M_ARENA_MAX = -8
"""A name in glibc's malloc.h."""


def use_one_heap() -> bool:
    """Let threads that start from now on use the first heap. Returns False if that is not possible or MALLOC_ARENA_MAX is set."""
    if platform.libc_ver()[0] != "glibc" or "MALLOC_ARENA_MAX" in os.environ:
        return False
    return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))

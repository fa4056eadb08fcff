"""The memory of a process that runs engines: one heap for all threads, and garbage that is looked for rarely.

glibc gives threads heaps of their own, and memory that is freed in one of them is not reused by another. A consumer reads its
snapshots in other threads than the one that makes engines of them, so that a restart needed 13 % more memory than the run before.

What a batch is made of lives until its commit and is freed without a search, as it refers to nothing in a circle. Python would
search all of it after each 700 new objects, which took a tenth of the time beside the engines.
"""

import ctypes
import gc
import os
import platform

GARBAGE_THRESHOLDS = (50_000, 20, 50)
"""New objects before a search among them, and how many searches come before one among the older ones."""
_M_ARENA_MAX = -8
"""A name in glibc's malloc.h."""


def use_one_heap() -> bool:
    """Let threads that start from now on use the first heap. Returns False if that is not possible or MALLOC_ARENA_MAX is set."""
    if platform.libc_ver()[0] != "glibc" or "MALLOC_ARENA_MAX" in os.environ:
        return False
    return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))


def collect_garbage_rarely() -> None:
    """Let Python search for objects that refer to each other in a circle less often than by default."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)

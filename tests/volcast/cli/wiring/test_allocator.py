"""Threads share one heap, which is looked at in a process of its own as it can't be taken back; garbage is found, if late."""

import gc
import os
import platform
import subprocess
import sys
import weakref

import pytest

from volcast.cli.wiring.allocator import GARBAGE_THRESHOLDS, collect_garbage_rarely

PROGRAM = """
import ctypes, os, sys, threading
from volcast.cli.wiring.allocator import use_one_heap
print(use_one_heap() if "one" in sys.argv else None, flush=True)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
begin = threading.Barrier(4)
def allocate():
    begin.wait()
    libc.malloc(10_000)
    begin.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


def heaps(*arguments: str, **environment: str) -> tuple[str, int]:
    """What the function returned, and the number of heaps that glibc reports afterwards."""
    own = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=own | environment, capture_output=True, text=True, timeout=60, check=True
    )
    returned, _, report = done.stdout.partition("\n")
    return returned, report.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc: it has no such heaps")
def test_threads_share_one_heap() -> None:
    assert heaps("one") == ("True", 1)
    assert heaps()[1] > 1
    assert heaps("one", MALLOC_ARENA_MAX="3")[0] == "False"


def test_garbage_in_circles_is_still_found() -> None:
    before = gc.get_threshold()
    try:
        collect_garbage_rarely()
        assert gc.get_threshold() == GARBAGE_THRESHOLDS
        watched = weakref.WeakSet[Circle]()
        for _ in range(2 * GARBAGE_THRESHOLDS[0]):
            watched.add(Circle())
        assert len(watched) <= GARBAGE_THRESHOLDS[0] + 1
    finally:
        gc.set_threshold(*before)


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self

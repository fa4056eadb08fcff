"""The bar: on a terminal only, and with the numbers that it was told."""

import os
import subprocess
import sys

SHOW = """
from volcast.cli.progress import progress
with progress("candles", 1_500, lambda: 1_500):
    pass
"""


def test_a_terminal_sees_how_far_it_is() -> None:
    leader, follower = os.openpty()
    subprocess.run(
        [sys.executable, "-c", SHOW], stderr=follower, check=True, env=os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65_536):
            shown += part
    except OSError:  # a terminal ends so, where the other end is closed
        pass
    finally:
        os.close(leader)
    assert b"candles" in shown
    assert b"1500/1500" in shown


def test_a_pipe_sees_nothing() -> None:
    result = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, check=True)
    assert (result.stdout, result.stderr) == (b"", b"")

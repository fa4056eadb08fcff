"""What begins, and how far it is, are shown on a terminal only."""

import os
import subprocess
import sys

SHOW = """
from volcast.cli.progress import progress, tell
tell("what begins")
with progress("candles", 1_500, lambda: 1_500):
    pass
"""


def test_a_terminal_shows_the_progress() -> None:
    leader, follower = os.openpty()
    subprocess.run(
        [sys.executable, "-c", SHOW], stderr=follower, check=True, env=os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65_536):
            shown += part
    except OSError:  # how reading from a terminal ends once the other end is closed
        pass
    finally:
        os.close(leader)
    assert shown.startswith(b"what begins")
    assert b"candles" in shown
    assert b"1500/1500" in shown


def test_a_pipe_gets_no_output() -> None:
    result = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, check=True)
    assert (result.stdout, result.stderr) == (b"", b"")

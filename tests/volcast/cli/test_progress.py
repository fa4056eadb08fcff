"""What begins, and how far it is, are shown on a terminal only."""

import os
import subprocess
import sys

SHOW = """
from volcast.cli.progress import progress
from volcast.cli.streams import tell
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


def test_a_pipe_gets_lines_if_they_are_asked_for() -> None:
    show = (
        "from time import sleep\nfrom volcast.cli.progress import ProgressTask, progress_of\n"
        "tasks = [ProgressTask('a', 300, lambda: 300), ProgressTask('b', 100, lambda: 0)]\n"
        "with progress_of(tasks, line_s=0.05): sleep(0.5)\n"
    )
    result = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, text=True)
    assert result.stdout == ""
    assert result.stderr.splitlines()[0].startswith("75% done, ")


def test_a_pipe_gets_no_output() -> None:
    result = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, check=True)
    assert (result.stdout, result.stderr) == (b"", b"")

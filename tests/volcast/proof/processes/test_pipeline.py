"""Which ends of a process are good ones."""

import signal
from pathlib import Path

import pytest

from volcast.proof.processes.pipeline import _good_ends
from volcast.proof.processes.processes import process_group


@pytest.mark.parametrize(("verb", "by_the_signal"), [("produce", True), ("consume", False), ("serve", False)])
def test_only_a_replay_that_was_just_done_may_end_by_the_signal_once_it_could_listen(
    tmp_path: Path,
    verb: str,
    by_the_signal: bool,  # noqa: FBT001  # pytest gives it
) -> None:
    with process_group(tmp_path) as parts:
        process = parts.start(verb, "--help")
        assert (-signal.SIGTERM in _good_ends(process, was_listening=True)) == by_the_signal
        assert -signal.SIGTERM in _good_ends(process, was_listening=False)
        assert {0} <= set(_good_ends(process, was_listening=True))
        assert 1 not in _good_ends(process, was_listening=False)

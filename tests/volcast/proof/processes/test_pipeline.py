"""Which exit codes are accepted of a process that was terminated."""

import signal
from pathlib import Path

import pytest

from tests.command import process_group
from volcast.proof.processes.pipeline import _accepted_exit_codes


@pytest.mark.parametrize(("verb", "signal_accepted"), [("produce", True), ("consume", False), ("serve", False)])
def test_of_started_processes_only_a_replay_may_end_by_the_signal(
    tmp_path: Path,
    verb: str,
    signal_accepted: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    with process_group(tmp_path) as group:
        process = group.start(verb, "--help")
        assert (-signal.SIGTERM in _accepted_exit_codes(process, was_started=True)) == signal_accepted
        assert -signal.SIGTERM in _accepted_exit_codes(process, was_started=False)
        assert {0} <= set(_accepted_exit_codes(process, was_started=True))
        assert 1 not in _accepted_exit_codes(process, was_started=False)

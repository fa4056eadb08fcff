"""What is read off a worker's log while it is being written."""

import json
from pathlib import Path

from volcast.proof.processes.worker_log import FENCED, RESTORED, UNANSWERED, WorkerLog


def line(message: str, **fields: object) -> str:
    return json.dumps({"level": "info", "message": message, **fields}) + "\n"


def test_words_for_what_was_said_each_once(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    file.write_text(line("restored", partition=1) + line("dropped: fenced: another owner", partition=1))
    sayings = WorkerLog(file)
    assert sayings.news() == [RESTORED, FENCED]
    assert sayings.news() == []
    with file.open("a") as log:
        log.write(line("not opened: two at once", partition=2) + line("dropped: commit failed: no answer", partition=1))
    assert sayings.news() == [FENCED, UNANSWERED]


def test_it_holds_what_it_restored_and_did_not_drop(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    said = ""
    for message, partition, holds in (
        ("restored", 0, True),
        ("restored", 3, True),
        ("dropped: given to another", 0, True),
        ("dropped: given to another", 3, False),
        ("restored", 2, True),
        ("consumer: the broker is gone; trying again in 0.1 s", None, False),
    ):
        said += line(message, partition=partition)
        file.write_text(said)
        sayings = WorkerLog(file)
        sayings.news()
        assert sayings.holds is holds, message


def test_half_a_line_is_waited_for_and_other_text_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    whole = line("restored", partition=0)
    file.write_text("Traceback\n[]\n5\n{}\n" + whole[:20])
    sayings = WorkerLog(file)
    assert sayings.news() == []
    file.write_text("Traceback\n[]\n5\n{}\n" + whole)
    assert sayings.news() == [RESTORED]

"""In which order the tests run: those that wait overlap with those that calculate, and none that is long begins last.

pytest-xdist cuts the list of tests into as many parts as there are processes. Each begins at the head of its part; who is done
takes the second half of what the longest part has left. So the tests that wait are at the heads of half of the parts, or one
more than half: those processes need half a processor each and leave the rest to the others.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

Test = TypeVar("Test")

WAITING = (
    "stories",
    "monitoring",
    "examples",
    "deploy",
    "page",
    "volcast/proof/processes",
    "volcast/commands",
    "volcast/log/kafka",
)
"""Tests here wait, for a minute to close or for processes to start, while a processor is free."""
LONGEST = (
    "deploy/test_batch_image.py",
    "volcast/lifecycle/night/test_run.py",
    "monitoring/test_grafana_queries.py",
    "stories/test_prove.py",
    "stories/test_live.py",
    "stories/test_same_bytes.py",
    "stories/test_notify.py",
    "monitoring/test_end_to_end.py",
    "lifecycle/test_document.py",
    "volcast/lifecycle/archive/test_run_killed.py",
    "volcast/log/kafka/access/test_watch.py",
    "bench/test_model_gate.py",
    "bench/test_load.py",
    "volcast/log/kafka/test_groups.py",
    "test_docs.py",
)
"""The files with the longest tests among them, the longest first: half a minute and more."""


def in_order(tests: Iterable[Test], path_of: Callable[[Test], Path], root: Path, processes: int) -> list[Test]:
    """Return the tests in the order for so many processes. Otherwise their order stays, and each file's tests stay together."""
    places, longest = {root / place for place in WAITING}, [root / file for file in LONGEST]
    waiting: dict[Path, list[Test]] = {path: [] for path in longest}
    calculating: list[Test] = []
    for test in tests:
        path = path_of(test)
        if path in waiting or places.intersection(path.parents):
            waiting.setdefault(path, []).append(test)
        else:
            calculating.append(test)
    heads = _dealt([file for file in waiting.values() if file], (processes + 1) // 2)
    total = len(calculating) + sum(map(len, heads))
    ordered: list[Test] = []
    for number in range(processes):
        size = (total - len(ordered)) // (processes - number)
        part = heads[number][:size] if number < len(heads) else []
        rest = size - len(part)
        if number < len(heads):
            calculating = heads[number][size:] + calculating
        ordered += part + calculating[:rest]
        calculating = calculating[rest:]
    return ordered


def _dealt(files: Sequence[list[Test]], hands: int) -> list[list[Test]]:
    """Deal the files' tests like cards."""
    return [[test for file in files[hand::hands] for test in file] for hand in range(hands)]

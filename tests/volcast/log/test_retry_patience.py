"""Within `patience` failures come to an end: work that is tried again, and a reader that waits in silence. In virtual time."""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random

import pytest

from volcast.log.contract import Record, Unavailable
from volcast.log.retry import Silence, patience, to_end, while_unavailable
from volcast.proof.virtual_time import run

RANDOM = Random(1)  # no secret: jitter


class Work:
    """Work that fails always, and gets on at some of its attempts."""

    def __init__(self, gets_on: frozenset[int] = frozenset()) -> None:
        self.attempts, self.reached, self._gets_on = 0, 0, gets_on

    async def __call__(self) -> None:
        self.attempts += 1
        self.reached += self.attempts in self._gets_on
        await asyncio.sleep(1.0)
        raise Unavailable("no answer")


def gives_up_after(work: Work, seconds: float) -> float:
    async def timed() -> float:
        with pytest.raises(Unavailable, match=rf"^test: no answer; given up after {seconds:g} s: try again later$"):
            await while_unavailable("test", work, RANDOM, lambda: work.reached)
        return asyncio.get_running_loop().time()

    with patience(seconds):
        return run(timed())


@pytest.mark.parametrize("seconds", [0.0, 10.0, 60.0])
def test_it_gives_up_once_the_failure_has_lasted_so_long(seconds: float) -> None:
    assert seconds + 0.99 <= gives_up_after(Work(), seconds) <= seconds + 2.01


def test_whoever_gets_on_has_the_whole_patience_again() -> None:
    work = Work(frozenset({4, 6, 8}))
    assert gives_up_after(work, 20.0) > 30.0


def test_outside_of_the_block_it_waits_as_long_as_it_takes() -> None:
    work = Work()
    with patience(1.0):
        pass

    async def an_hour() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(while_unavailable("test", work, RANDOM), 3_600.0)

    run(an_hour())
    assert work.attempts > 500


class ReaderOf:
    """A reader that returns these batches, waits if one is empty, and after the last one waits for ever."""

    def __init__(self, batches: Sequence[int], *, ends: bool) -> None:
        self._left, self._ends = list(batches), ends

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        count = self._left.pop(0) if self._left else 0
        await asyncio.sleep(0.0 if count else timeout_s)
        return [Record(0, each, b"", b"") for each in range(min(count, max_records))]

    @property
    def caught_up(self) -> bool:
        return self._ends and not self._left

    @property
    def positions(self) -> Mapping[int, int]:
        return {0: 0}

    async def begins(self) -> Mapping[int, int]:
        return {0: 0}

    async def ends(self) -> Mapping[int, int]:
        return {0: 0}


async def _count(reader: ReaderOf) -> int:
    return sum([len(batch) async for batch in to_end(reader, 100, 0.5)])


def test_a_reader_is_read_to_its_end() -> None:
    with patience(60.0):
        assert run(_count(ReaderOf([3, *[0] * 100, 4, *[0] * 100], ends=True))) == 7


def test_a_reader_that_goes_silent_before_its_end_is_given_up() -> None:
    with patience(60.0), pytest.raises(Unavailable, match="the log: nothing has come for 60 s, though there are more records"):
        run(_count(ReaderOf([3, 4], ends=False)))


def test_a_service_waits_for_a_silent_log() -> None:
    async def an_hour() -> None:
        silence = Silence("the log")
        for _ in range(3_600):
            await asyncio.sleep(1.0)
            silence.note(is_heard=False)

    run(an_hour())

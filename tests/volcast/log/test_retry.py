"""while_unavailable: which failures are retried, and after which pauses; in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random

import pytest

from volcast.log.contract import Busy, Fenced, Mismatch, Unavailable
from volcast.log.retry import FIRST_PAUSE_S, MAX_PAUSE_S, while_unavailable
from volcast.proof.virtual_time import run

RANDOM = Random(1)  # no secret: jitter


def failing(
    times: int, error: type[Exception] = Unavailable, lasting_s: float = 0.0
) -> tuple[Callable[[], Awaitable[str]], list[float]]:
    """Return work that fails this many times before it succeeds, and a list of the times at which its attempts began."""
    began: list[float] = []

    async def work() -> str:
        began.append(asyncio.get_running_loop().time())
        if len(began) > times:
            return "done"
        await asyncio.sleep(lasting_s)
        raise error("no answer")

    return work, began


def pauses(began: list[float], lasting_s: float = 0.0) -> list[float]:
    return [after - before - lasting_s for before, after in pairwise(began)]


def test_work_that_succeeds_is_done_once() -> None:
    work, began = failing(0)
    assert run(while_unavailable("test", work, RANDOM)) == "done"
    assert began == [0.0]


def test_it_retries_with_longer_and_longer_pauses_until_the_log_is_available() -> None:
    work, began = failing(12)
    assert run(while_unavailable("test", work, RANDOM)) == "done"
    for i, pause_s in enumerate(pauses(began)):
        longest_s = min(FIRST_PAUSE_S * 2**i, MAX_PAUSE_S)
        assert longest_s / 2 * 0.999 <= pause_s <= longest_s * 1.001


def test_after_a_good_run_the_pauses_are_short_again() -> None:
    work, began = failing(8, lasting_s=31.0)
    run(while_unavailable("test", work, RANDOM))
    assert max(pauses(began, 31.0)) <= 2 * FIRST_PAUSE_S


@pytest.mark.parametrize("error", [Fenced, Mismatch, Busy, ZeroDivisionError])
def test_other_errors_are_raised_at_once(error: type[Exception]) -> None:
    work, began = failing(3, error)
    with pytest.raises(error):
        run(while_unavailable("test", work, RANDOM))
    assert len(began) == 1


def test_each_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    work, _ = failing(2)
    run(while_unavailable("the consumer", work, RANDOM))
    assert [entry.levelname for entry in caplog.records] == ["WARNING"] * 2
    assert caplog.records[0].getMessage().startswith("the consumer: no answer; trying again in 0.")


def test_it_can_be_cancelled_while_it_waits() -> None:
    work, began = failing(1_000_000)

    async def cancel_after_a_minute() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(while_unavailable("test", work, RANDOM), 60.0)
        assert asyncio.get_running_loop().time() == pytest.approx(60.0)

    run(cancel_after_a_minute())
    assert 10 < len(began) < 40

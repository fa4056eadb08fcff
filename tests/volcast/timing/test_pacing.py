"""Pauses after failures and turns between attempts; in virtual time."""

import asyncio
from random import Random

import pytest

from volcast.proof.virtual_time import run_with_sockets
from volcast.timing.pacing import BASE_S, CAP_S, EQUAL_JITTER, FULL_JITTER, Backoff, Pacer


def test_pauses_grow_up_to_a_cap_until_a_reset() -> None:
    backoffs = [Backoff(Random(seed)) for seed in range(500)]
    longest = [max(backoff.pause_s() for backoff in backoffs) for _ in range(12)]
    assert all(0.9 * bound < each <= bound for each, bound in zip(longest, [BASE_S * 2**n for n in range(7)], strict=False))
    assert 0.9 * CAP_S < longest[-1] <= CAP_S
    for backoff in backoffs:
        backoff.reset()
    pauses = [backoff.pause_s() for backoff in backoffs]
    assert min(pauses) < 0.1 * BASE_S
    assert max(pauses) <= BASE_S


@pytest.mark.parametrize(("jitter", "lowest_share"), [(FULL_JITTER, 0.0), (EQUAL_JITTER, 0.5)])
def test_the_pauses_of_a_seed_never_change(jitter: float, lowest_share: float) -> None:
    """The proofs compare runs by seed: each pause is one `uniform` draw between a share of the bound and the bound."""
    backoff, random = Backoff(Random(7), base_s=0.1, cap_s=5.0, jitter=jitter), Random(7)
    for failure in range(20):
        bound_s = min(0.1 * 2**failure, 5.0)
        assert backoff.pause_s() == random.uniform(lowest_share * bound_s, bound_s)


def test_doubling_draws_no_random_number() -> None:
    backoff, random = Backoff(Random(7)), Random(7)
    backoff.double()
    assert backoff.pause_s() == random.uniform(0.0, 2 * BASE_S)


def test_thousands_of_failures_in_a_row_stay_at_the_cap() -> None:
    backoff = Backoff(Random(1))
    assert max(backoff.pause_s() for _ in range(5_000)) <= CAP_S


def test_turns_are_apart_and_first_come_first_served() -> None:
    async def main() -> list[tuple[int, float]]:
        pacer, turns = Pacer(0.25), []

        async def take_turn(number: int) -> None:
            await pacer.turn()
            turns.append((number, asyncio.get_running_loop().time()))

        await asyncio.gather(*(take_turn(number) for number in range(4)))
        await asyncio.sleep(10)
        await take_turn(4)
        return turns

    assert run_with_sockets(main()) == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 10.75)]

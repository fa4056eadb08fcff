import asyncio
from random import Random

from volcast.pacing import BASE_S, CAP_S, Backoff, Pacer
from volcast.proof.virtual_time import run_with_sockets


def test_pauses_grow_have_jitter_and_a_cap_until_there_was_good_data() -> None:
    backoffs = [Backoff(Random(seed)) for seed in range(500)]
    longest = [max(backoff.pause_s() for backoff in backoffs) for _ in range(12)]
    assert all(0.9 * bound < each <= bound for each, bound in zip(longest, [BASE_S * 2**n for n in range(7)], strict=False))
    assert 0.9 * CAP_S < longest[-1] <= CAP_S
    for backoff in backoffs:
        backoff.reset()
    pauses = [backoff.pause_s() for backoff in backoffs]
    assert min(pauses) < 0.1 * BASE_S
    assert max(pauses) <= BASE_S


def test_turns_are_apart_and_first_come_first_served() -> None:
    async def main() -> list[tuple[int, float]]:
        pacer, turns = Pacer(0.25), []

        async def one(number: int) -> None:
            await pacer.turn()
            turns.append((number, asyncio.get_running_loop().time()))

        await asyncio.gather(*(one(number) for number in range(4)))
        await asyncio.sleep(10)
        await one(4)
        return turns

    assert run_with_sockets(main()) == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 10.75)]

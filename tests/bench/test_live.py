"""The bench of the live producer runs for a moment: every frame is received and candles follow. No figure is judged."""

import re
from itertools import pairwise

import pytest

from bench.live import STREAMED, main, pairs_of
from bench.live_frames import cost
from bench.live_producer import Delays, watch
from producer.feeds import VENUES


@pytest.mark.parametrize("venue", STREAMED)
async def test_every_frame_of_a_venue_is_received(venue: str) -> None:
    run = await watch(venue, pairs_of(venue, 5), per_s=200.0, seconds=0.5, windows=5)
    assert run.received == run.sent > 0
    assert run.others["garbage"] == run.others.get("strange", 0) == run.others.get("refused", 0) == 0
    assert len(run.readings) == 6
    for earlier, later in pairwise(run.readings):
        assert earlier.at_s < later.at_s
        assert earlier.cpu_s <= later.cpu_s
        assert earlier.received <= later.received
    assert run.median_ms <= run.p99_ms <= run.most_ms
    assert run.readings[0].resident_mb > 1


def test_it_prints_a_row_for_each_venue(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seconds", "0.5", "--pairs", "3", "--per-s", "100", "--venues", "kraken", "--round-frames", "30"])
    output = capsys.readouterr().out
    assert all(re.search(rf"^{venue} +\d+\.\d +\d+\.\d +\d+\.\d$", output, re.MULTILINE) for venue in VENUES)
    row = re.search(r"^kraken +(\d+) +(\d+) +\d+ +\d+\.\d% ", output, re.MULTILINE)
    assert row
    assert row[1] == row[2]


@pytest.mark.parametrize("venue", VENUES)
async def test_without_a_socket_candles_follow_too(venue: str) -> None:
    found = await cost(VENUES[venue], pairs_of(venue, 4), per_s=2.0, rounds=4, round_frames=120)
    assert found.written in range(8, 17)  # four minutes of four pairs, of which the first or the last is incomplete
    assert found.strange == 0
    assert min(found.parse_us, found.handle_us) > 0


def test_quantiles_of_delays_are_exact_to_a_millisecond() -> None:
    delays = Delays()
    for delay_ms in (*range(99), 5_000.7):
        delays.add(delay_ms)
    assert (delays.quantile_ms(0.5), delays.quantile_ms(0.99), delays.quantile_ms(1.0)) == (50, 99, 5_001)
    delays.clear()
    delays.add(-1.0)
    delays.add(1e9)
    assert (delays.quantile_ms(0.5), delays.quantile_ms(1.0)) == (1, 60_001)

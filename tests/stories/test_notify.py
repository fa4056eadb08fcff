"""Notifications of a live run on the simulated exchange, to a webhook: once for each thing, whatever is killed meanwhile."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.command import process_group
from tests.notify import Webhook, webhook
from tests.stories.test_live import exchange
from tests.stories.waiting import until
from volcast.proof.processes.processes import Process, ProcessGroup

SYMBOL = "BTCUSDT.BINANCESIM"
ALERT = f"[volcast alert] {SYMBOL}: price_range > 0.001%"
ENDED = "volcast run has ended"
NOT_AGAIN = "so it is not sent again"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


def run_live(parts: ProcessGroup, hook: Webhook, urls: tuple[str, str]) -> Process:
    """Start a live run with an alert that applies from the first candle on."""
    return parts.start(
        *("run", "--live", "binance", "BTCUSDT", "--socket-url", urls[0], "--rest-url", urls[1], "--backfill-minutes", "30"),
        *("--db", "run.db", "--port", "0", "--log-level", "debug"),
        *("--notify", hook.url, "--alert", "BTCUSDT price_range > 0.001%", "--alert-before-warm"),
    )


def has_signal(run: Process) -> bool:
    return f"UTC  {SYMBOL}  " in run.read_output()


async def test_an_alert_comes_once_and_the_end_by_an_error_is_told_and_its_recovery(tmp_path: Path, hook: Webhook) -> None:
    with process_group(tmp_path) as parts:
        async with exchange(parts) as (venue, *urls):
            run = run_live(parts, hook, (urls[0], urls[1]))
            await until(lambda: hook.titles, "an alert", venue, run)
            assert hook.titles == [ALERT]
            assert hook.received[0]["message"].startswith(f"{SYMBOL}: price_range is ")
            rival = parts.start(
                *("produce", "live", "binance", "BTCUSDT", "--socket-url", urls[0], "--rest-url", urls[1]),
                *("--bus", f"sqlite:///{tmp_path / 'run.db'}"),
            )
            await until(lambda: run.exit_code is not None, "the end of the run", venue, rival)
            assert run.exit_code == 3
            assert hook.titles == [ALERT, f"[volcast page] {ENDED}"]
            assert "another process has started to append" in hook.received[1]["message"]
            rival.end()
            second = run_live(parts, hook, (urls[0], urls[1]))
            await until(lambda: has_signal(second) and len(hook.titles) > 2, "the recovery", venue, second)
            assert hook.titles == [ALERT, f"[volcast page] {ENDED}", f"[volcast over] {ENDED}"]
            assert second.end() == 0
            for process in (run, second):
                assert "hook-token-1" not in process.read_output()


async def test_nothing_comes_twice_when_the_run_is_killed(tmp_path: Path, hook: Webhook) -> None:
    """The first kill comes while the message is being sent; later ones come whenever they come."""
    random = Random(14)
    hook.delay_s = 1.0
    with process_group(tmp_path) as parts:
        async with exchange(parts) as (venue, *urls):
            run = run_live(parts, hook, (urls[0], urls[1]))
            await until(hook.arrived.is_set, "the message", venue, run)
            run.kill()
            hook.delay_s = 0.0
            outputs = []
            for _ in range(3):
                run = run_live(parts, hook, (urls[0], urls[1]))
                await until(lambda run=run: has_signal(run), "a signal", venue, run)  # type: ignore[misc]
                await asyncio.sleep(random.uniform(0.0, 1.5))
                assert hook.titles == [ALERT]
                run.kill()
                outputs.append(run.read_output())
            assert [NOT_AGAIN in output for output in outputs] == [True, False, False]

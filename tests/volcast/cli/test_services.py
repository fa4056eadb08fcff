"""How a process of many services ends: told to, done, or failed; in each case all of it."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from volcast.cli.services import STOP_SIGNALS, run_services

STUBBORN = """
import asyncio
from volcast.cli.services import run_services

async def stubborn():
    print("began", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("refused", flush=True)

asyncio.run(run_services(stubborn()))
"""


class Service:
    """Runs until it is cancelled, and notes how it ended."""

    def __init__(self) -> None:
        self.ended = "never began"

    async def run(self) -> None:
        self.ended = "running"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # what it must do before it ends
            self.ended = "cancelled"
            raise


async def nothing() -> None:
    """A service that is done at once."""


async def fail(error: Exception) -> None:
    raise error


async def fail_when_cancelled() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise ValueError("while ending")


async def test_it_ends_when_a_service_ends() -> None:
    service = Service()
    await run_services(service.run(), nothing())
    assert service.ended == "cancelled"


async def test_it_ends_when_the_task_is_done() -> None:
    service = Service()
    await run_services(service.run(), until=nothing())
    assert service.ended == "cancelled"


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_it_ends_when_it_is_told_to(number: signal.Signals) -> None:
    service = Service()

    async def tell() -> None:
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    await run_services(service.run(), until=tell())
    assert service.ended == "cancelled"
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == [signal.SIG_DFL, signal.default_int_handler]


async def test_the_error_of_a_service_ends_all_and_is_raised() -> None:
    service, other = Service(), Service()
    with pytest.raises(KeyError, match="x"):
        await run_services(service.run(), fail(KeyError("x")), until=other.run())
    assert (service.ended, other.ended) == ("cancelled", "cancelled")


async def test_the_error_of_the_task_is_raised() -> None:
    service = Service()
    with pytest.raises(KeyError, match="x"):
        await run_services(service.run(), until=fail(KeyError("x")))
    assert service.ended == "cancelled"


async def test_an_error_on_the_way_out_is_not_lost() -> None:
    with pytest.raises(ValueError, match="while ending"):
        await run_services(fail_when_cancelled(), nothing())


async def test_of_several_errors_none_is_lost() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await run_services(fail_when_cancelled(), fail(KeyError("x")))
    assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]


async def test_cancelled_it_cancels_its_services() -> None:
    service = Service()
    running = asyncio.create_task(run_services(service.run()))
    while service.ended == "never began":  # one turn of the loop
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert service.ended == "cancelled"


def test_a_second_signal_ends_it_the_hard_way() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "began\n"
        process.terminate()
        assert process.stdout.readline() == "refused\n"
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM

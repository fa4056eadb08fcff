"""A process that runs several services ends on a signal, when its task is done, or when a service fails; none keeps running."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from volcast.cli.services import STOP_SIGNALS, first_to_end, run_services

IGNORES_CANCELLATION = """
import asyncio
from volcast.cli.services import run_services

async def ignore_cancellation():
    print("started", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("ignored", flush=True)

asyncio.run(run_services(ignore_cancellation()))
"""


class Service:
    """Runs until it is cancelled, and records how it ended."""

    def __init__(self) -> None:
        self.ended = "not started"

    async def run(self) -> None:
        self.ended = "running"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # cleaning up takes a while
            self.ended = "cancelled"
            raise


async def return_at_once() -> None:
    """A service that ends immediately."""


async def fail(error: Exception) -> None:
    raise error


async def fail_when_cancelled() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise ValueError("during the cancellation")


async def test_all_services_end_when_one_ends() -> None:
    service = Service()
    await run_services(service.run(), return_at_once())
    assert service.ended == "cancelled"


async def test_all_services_end_when_the_task_is_done() -> None:
    service = Service()
    await run_services(service.run(), until=return_at_once())
    assert service.ended == "cancelled"


async def test_without_signals_the_first_to_end_ends_the_others_too() -> None:
    service = Service()
    await first_to_end(service.run(), return_at_once())
    assert service.ended == "cancelled"


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_all_services_end_on_a_stop_signal(number: signal.Signals) -> None:
    service = Service()

    async def send_signal() -> None:
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    await run_services(service.run(), until=send_signal())
    assert service.ended == "cancelled"
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == [signal.SIG_DFL, signal.default_int_handler]


async def test_the_error_of_a_service_ends_the_others_and_is_raised() -> None:
    service, other = Service(), Service()
    with pytest.raises(KeyError, match="x"):
        await run_services(service.run(), fail(KeyError("x")), until=other.run())
    assert (service.ended, other.ended) == ("cancelled", "cancelled")


async def test_the_error_of_the_task_is_raised() -> None:
    service = Service()
    with pytest.raises(KeyError, match="x"):
        await run_services(service.run(), until=fail(KeyError("x")))
    assert service.ended == "cancelled"


async def test_an_error_during_the_cancellation_is_raised() -> None:
    with pytest.raises(ValueError, match="during the cancellation"):
        await run_services(fail_when_cancelled(), return_at_once())


async def test_several_errors_are_raised_as_a_group() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await run_services(fail_when_cancelled(), fail(KeyError("x")))
    assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]


async def test_a_cancellation_cancels_the_services() -> None:
    service = Service()
    running = asyncio.create_task(run_services(service.run()))
    while service.ended == "not started":  # one turn of the loop
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert service.ended == "cancelled"


def test_a_second_signal_ends_the_process_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", IGNORES_CANCELLATION], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        process.terminate()
        assert process.stdout.readline() == "ignored\n"
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM


async def test_a_second_ctrl_c_within_a_task_leaves_no_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def report(error: BaseException) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "Task exception was never retrieved", "exception": error})

    await run_services(report(KeyboardInterrupt()))
    assert caplog.records == []
    await run_services(report(ValueError("a defect")))
    assert [each.message.splitlines()[0] for each in caplog.records] == ["Task exception was never retrieved"]

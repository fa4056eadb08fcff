"""A process that has imported what the commands import, and forks itself for each command that a test starts.

Python and half a second's worth of imports are most of what a short command costs. A forked one is a process like any other: it
has its own id, folder, environment, files and signals, and it is a child of the test's process, which waits for it, kills it and
gets its exit code. It ends without freeing what was imported, which takes longer than most commands. In the long form each
command is started anew, as a user does.

This file is also the program of that process: it reads requests from the socket that it was given, and answers with process ids.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import ModuleType

from tests.forms import IS_LONG
from volcast.cli.main import VERBS
from volcast.cli.main import main as volcast
from volcast.proof.processes.processes import COMMAND, VOLCAST, Running, process_group

ROOT = Path(__file__).parents[1]
MODULES = (
    *("consumer.worker", "api.app", "uvicorn", "httpx", "aiokafka", "rich.console", "rich.progress"),
    *("scipy.special", "scipy.stats", "pandera", "sqlalchemy", "matplotlib.figure", "matplotlib.backends.backend_svg"),
)
"""What is imported in advance, beside each command. Nothing of it starts a thread, as Polars would: a lock that a thread holds
during a fork is held for ever. (The allocator of Arrow has one and lets go of its locks at a fork.)"""
PROOF = "prove"
"""The command that starts the others: its process has such a forking process as well."""
SET_CHILD_SUBREAPER = 36
"""An option of prctl(2): processes whose parents have ended become children of the caller."""


class Forked:
    """A command that the forking process has started, with the methods of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._exit_code: int | None = None
        self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return the exit code: None while it runs, the negative number of the signal where a signal has ended it."""
        if self._exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._exit_code = os.waitstatus_to_exitcode(status)
                os.close(self._descriptor)
        return self._exit_code

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.poll() is None:
            select.select([self._descriptor], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, number: int, /) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)


_of_a_proof: list[socket.socket] = []
"""In the process of a proof, the socket of its own forking process."""


@cache
def _forking_process() -> socket.socket:
    """Start the process that forks, once for each process of tests, and return the socket of its requests."""
    if _of_a_proof:
        return _of_a_proof[0]
    requests, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.forking", str(theirs.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)
    theirs.close()

    def end() -> None:
        requests.close()
        process.wait()

    atexit.register(end)
    return requests


def start(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: int, errors: int) -> Running:
    """Start `volcast ARGUMENTS` in a folder; its standard output and error are the open files of these descriptors."""
    with Path(os.devnull).open("rb") as nothing:
        return start_with_files(arguments, folder, environment, (nothing.fileno(), output, errors))


def start_with_files(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], descriptors: tuple[int, int, int]
) -> Running:
    """Start `volcast ARGUMENTS`; the descriptors are of its standard input, output and error."""
    if IS_LONG:
        given, output, errors = descriptors
        command = [*COMMAND, *arguments]
        return subprocess.Popen(command, cwd=folder, env=environment, stdin=given, stdout=output, stderr=errors, process_group=0)
    request = json.dumps([list(arguments), str(folder.absolute()), dict(environment)]).encode()
    requests = _forking_process()
    with _adopting():
        socket.send_fds(requests, [len(request).to_bytes(4)], descriptors)
        requests.sendall(request)
        return Forked(int.from_bytes(_exactly(requests, 4)))


@contextmanager
def _adopting() -> Iterator[None]:
    """Become the parent of processes whose parents end during the `with` block."""
    control = ctypes.CDLL(None).prctl
    control(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        control(SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise EOFError("the forking process has ended")
        received += part
    return received


def _serve(requests: socket.socket) -> list[str]:
    """Fork for each request, until the tests end. Returns only in a forked process: the arguments of its command."""
    while True:
        header, descriptors, _, _ = socket.recv_fds(requests, 4, 3)
        if not header:
            os._exit(0)
        arguments: list[str]
        arguments, folder, environment = json.loads(_exactly(requests, int.from_bytes(header)))
        child, parent = os.pipe()
        between = os.fork()  # its child becomes one of the tests' process, as soon as it ends itself
        if not between:
            pid = os.fork()
            if pid:
                os.setpgid(pid, pid)  # before anyone hears of it
                os.write(parent, pid.to_bytes(4))
                os._exit(0)
            os.setpgid(0, 0)
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            for descriptor in (*descriptors, child, parent, requests.fileno()):
                os.close(descriptor)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            return arguments
        os.waitpid(between, 0)
        requests.sendall(os.read(child, 4))
        for descriptor in (*descriptors, child, parent):
            os.close(descriptor)


def main() -> None:
    """Import, then serve requests; in each forked process, run its command."""
    for module in (*MODULES, *(where.partition(":")[0] for where, _ in VERBS.values())):
        importlib.import_module(module)
    if threading.active_count() > 1 or "polars" in sys.modules:
        raise RuntimeError("something that is imported in advance has started a thread")
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    arguments = _serve(requests)
    requests.detach()
    if arguments[:1] == [PROOF]:
        arguments = _with_a_forking_process(arguments)
    sys.modules["__main__"] = ModuleType("__main__")  # processes of multiprocessing would look for this file
    sys.argv = [VOLCAST, *arguments]
    sys.path[0] = str(Path(VOLCAST).parent)
    try:
        volcast()
    except SystemExit as ended:
        _end(ended)
        raise


def _with_a_forking_process(arguments: list[str]) -> list[str]:
    """Fork a process that forks for this one, which then starts commands by it. Return the arguments of the process's command."""
    mine, theirs = socket.socketpair()
    if not os.fork():
        mine.close()
        os.setsid()
        arguments = _serve(theirs)
        theirs.detach()
        return arguments
    theirs.close()
    _of_a_proof.append(mine)
    proof = importlib.import_module("volcast.proof.processes.run")
    vars(proof)["process_group"] = partial(process_group, start=start)
    return arguments


def _end(ended: SystemExit) -> None:
    """End this process as Python does, but without freeing all that was imported. Returns if Python has an error to tell."""
    code = ended.code or 0
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does first
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    if isinstance(code, int):
        os._exit(code & 0xFF)


if __name__ == "__main__":
    main()

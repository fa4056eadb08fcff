"""`volcast` commands as separate processes, as a user runs them, and groups of them that are always ended together."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

VOLCAST = str(Path(sys.executable).with_name("volcast"))
COMMAND = (VOLCAST,) if Path(VOLCAST).exists() else (sys.executable, "-P", "-m", "volcast.cli.main")
"""The program: the script beside the interpreter, or the module where the script is installed elsewhere."""
START_TIMEOUT_S = 90.0


class EndedByItself(Exception):
    """A process ended although nothing ended it; the message has its exit code and the end of its output."""

    def __init__(self, process: "Process") -> None:
        super().__init__(f"{process.arguments[0]} ended by itself with {process.exit_code}:\n{process.read_output()[-2_000:]}")


class Running(Protocol):
    """What a Process needs of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def kill(self) -> None: ...


Start = Callable[[Sequence[str], Path, Mapping[str, str], int, int], Running]
"""Starts `volcast ARGUMENTS` in a folder, with an environment; the last two are descriptors for standard output and error."""


def start_program(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: int, errors: int) -> Running:
    """Start the program. Ctrl-C at the terminal reaches only this process, which then ends that one."""
    command = [*COMMAND, *arguments]
    return subprocess.Popen(command, stdout=output, stderr=errors, cwd=folder, env=environment, process_group=0)


class Process:
    """A running `volcast ARGUMENTS`. Its standard output and error go to the file `output`."""

    def __init__(self, output: Path, *arguments: str, start: Start = start_program) -> None:
        self.arguments, self.output = arguments, output
        self._file = output.open("ab")
        self._terminated = False
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
        self._process = start(arguments, output.parent, environment, self._file.fileno(), self._file.fileno())

    @property
    def exit_code(self) -> int | None:
        """None while it runs; the negative number of the signal where a signal ended it."""
        return self._process.poll()

    @property
    def process_id(self) -> int:
        """The operating system's id of the process."""
        return self._process.pid

    def read_output(self) -> str:
        """Return everything that it has written so far, to standard output and error."""
        return self.output.read_text(errors="replace")

    def kill(self) -> None:
        """Kill it without a chance to clean up. Raises EndedByItself if it has already ended."""
        if self.exit_code is not None:
            raise EndedByItself(self)
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stop it with SIGSTOP: it stays alive and does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it continue after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to end in good order, with SIGTERM. Only the first call has an effect: a second signal would end it at once."""
        if self.exit_code is None and not self._terminated:
            self._terminated = True
            self._process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Let it end in good order, and return its exit code. Raises subprocess.TimeoutExpired if it does not end."""
        self.terminate()
        return self._process.wait(START_TIMEOUT_S)

    def close(self) -> None:
        """Kill it if it still runs, and close its output file."""
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()
        self._file.close()


class ProcessGroup:
    """Processes that work together. The output of each goes to a file of its own in `folder`."""

    def __init__(self, folder: Path, start: Start = start_program) -> None:
        self.folder = folder
        self._start = start
        self.processes: list[Process] = []
        """All processes that were ever started, in that order."""

    def start(self, *arguments: str) -> Process:
        """Start `volcast ARGUMENTS`."""
        process = Process(self.folder / f"{len(self.processes)}-{arguments[0]}.log", *arguments, start=self._start)
        self.processes.append(process)
        return process

    def restart(self, process: Process) -> Process:
        """Kill a process, and start it again with the same arguments."""
        process.kill()
        return self.start(*process.arguments)

    def close(self) -> None:
        """Kill all processes that still run."""
        for process in self.processes:
            process.close()


@contextmanager
def process_group(folder: Path, start: Start = start_program) -> Iterator[ProcessGroup]:
    """Give a ProcessGroup; its processes are killed when the `with` ends. `start` is how each is started."""
    group = ProcessGroup(folder, start)
    try:
        yield group
    finally:
        group.close()

"""The pipeline as a user runs it: processes of their own, which are gone when it ends, whatever happens."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VOLCAST = str(Path(sys.executable).with_name("volcast"))
COMMAND = (VOLCAST,) if Path(VOLCAST).exists() else (sys.executable, "-P", "-m", "volcast.cli.main")
"""The program itself; the script may lie elsewhere."""
START_TIMEOUT_S = 90.0


class EndedByItself(Exception):
    """A process is gone that nobody ended; its last words stand in the message."""

    def __init__(self, process: "Process") -> None:
        super().__init__(f"{process.arguments[0]} ended by itself with {process.exit_code}:\n{process.said()[-2_000:]}")


class Process:
    """One `volcast …`; what it says is kept in the file `output`."""

    def __init__(self, output: Path, *arguments: str) -> None:
        self.arguments, self.output = arguments, output
        self._file = output.open("ab")
        self._told = False
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=self._file,
            stderr=subprocess.STDOUT,
            cwd=output.parent,
            env=environment,
            process_group=0,  # a Ctrl-C at the terminal is for whoever started this one, who then ends it
        )

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative where a signal ended it."""
        return self._process.poll()

    @property
    def process_id(self) -> int:
        """The system's."""
        return self._process.pid

    def said(self) -> str:
        """All that it wrote so far, to either stream."""
        return self.output.read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut would: no chance to tidy up."""
        if self.exit_code is not None:
            raise EndedByItself(self)
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It is alive, and does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on as if nothing had happened."""
        self._process.send_signal(signal.SIGCONT)

    def tell(self) -> None:
        """To end, in good order; once: a second time would end it the hard way."""
        if self.exit_code is None and not self._told:
            self._told = True
            self._process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """In good order; -> its exit code. Raises subprocess.TimeoutExpired where it does not end."""
        self.tell()
        return self._process.wait(START_TIMEOUT_S)

    def close(self) -> None:
        """Nothing of it is left."""
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()
        self._file.close()


class ProcessGroup:
    """Processes that work together, each with its output in a file of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[Process] = []
        """All that were ever started, in that order."""

    def start(self, *arguments: str) -> Process:
        """Begin `volcast ARGUMENTS`."""
        process = Process(self.folder / f"{len(self.processes)}-{arguments[0]}.log", *arguments)
        self.processes.append(process)
        return process

    def again(self, process: Process) -> Process:
        """Kill it, and start it anew with the same arguments."""
        process.kill()
        return self.start(*process.arguments)

    def close(self) -> None:
        """None is left."""
        for process in self.processes:
            process.close()


@contextmanager
def process_group(folder: Path) -> Iterator[ProcessGroup]:
    """For as long as the `with` lasts."""
    made = ProcessGroup(folder)
    try:
        yield made
    finally:
        made.close()

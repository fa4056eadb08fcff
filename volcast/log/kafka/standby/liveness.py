r"""How a process shows others that it is alive: a TCP connection on which it sends a byte now and then, until it ends.

    owner    ── "volcast 5f3a…\n" ── . ── . ── . ──┤ killed: the system closes the connection
    standby  ─────────────────────────────────────┴─► connects again ─► refused: the owner is gone

The session of a consumer group ends after seconds, and brokers allow no shorter one than six by default. If a process ends, its
system closes the connection at once. If a machine fails, or the process sleeps, the bytes stop. If the owner could never be
reached, it is not known to be gone: then the group's session decides, as without a standby.

The owner sends from a thread: its event loop may be busy with a large batch. A wrong alarm is harmless, as the broker's fence
protects the output.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Self

BEAT_S = 0.2
MISS_S, MAX_MISSES = 0.25, 4
"""So many times in succession nothing may come for so long. They are counted as the watcher itself may be held up."""
CONNECT_S = 1.0
RETRY_S = 0.5
_GREETING = "volcast {}\n"
_MAX_WATCHERS = 256


class LivenessServer:
    """Shows watchers on one address that this process, named `identity`, is alive."""

    def __init__(self, identity: str, host: str) -> None:
        self._greeting = _GREETING.format(identity).encode()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, 0), family=family)
        self._listening.settimeout(0.0)
        self._woken, self._waker = socket.socketpair()
        self.address = f"{host}|{self._listening.getsockname()[1]}"
        """Host and port, divided by a bar, as an IPv6 host has colons."""
        self._thread = Thread(target=self._run, name="liveness", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections: watchers take this process for ended. Has no effect the second time."""
        if self._thread.is_alive():
            self._waker.close()
            self._thread.join()

    def _run(self) -> None:
        watchers: list[socket.socket] = []
        with self._listening, self._woken:
            while True:
                ready, _, _ = select.select([self._listening, self._woken], [], [], BEAT_S)
                if self._woken in ready:
                    break
                if self._listening in ready:
                    with suppress(OSError):
                        watcher, _ = self._listening.accept()
                        watcher.settimeout(0.0)
                        watchers.append(watcher)
                        watcher.send(self._greeting)
                watchers = [each for each in watchers[-_MAX_WATCHERS:] if _sent(each, b".")]
        for each in watchers:
            each.close()


def _sent(watcher: socket.socket, data: bytes) -> bool:
    """Return whether a watcher still takes data; if not, it is closed."""
    try:
        watcher.send(data)
    except OSError:
        watcher.close()
        return False
    return True


class LivenessWatch:
    """Watches the process named `identity` at an address. `on_change` is called each time that `gone` changes."""

    def __init__(self, identity: str, address: str, on_change: Callable[[], None]) -> None:
        self.gone = False
        """Whether the process has ended, or no longer answers."""
        self._greeting, self._address, self._on_change = _GREETING.format(identity).encode(), address, on_change
        self._was_seen = False
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop watching."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        host, _, port = self._address.rpartition("|")
        while True:
            try:
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:  # nothing listens there any more
                self._note(gone=True)
            except OSError:  # it can't be reached, a timeout included
                self._note(gone=self._was_seen)
            else:
                try:
                    await self._listen(reader)
                finally:
                    writer.close()
                if not self.gone:
                    continue  # the connection broke: what a new one meets says whether the process has ended
            await asyncio.sleep(RETRY_S)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Return when the connection has ended."""
        misses, greeting = 0, b""
        while True:
            try:
                async with asyncio.timeout(MISS_S):
                    data = await reader.read(4096)
            except TimeoutError:
                misses += 1
                if misses >= MAX_MISSES:
                    self._note(gone=True)
                continue
            except OSError:
                return
            if not data:
                return
            misses, greeting = 0, greeting + data if len(greeting) < len(self._greeting) else greeting
            if len(greeting) >= len(self._greeting):
                is_it = greeting.startswith(self._greeting)
                self._was_seen |= is_it
                self._note(gone=not is_it)  # another program may have got the port
                if not is_it:
                    return

    def _note(self, *, gone: bool) -> None:
        if gone != self.gone:
            self.gone = gone
            self._on_change()


async def own_host(bootstrap: str) -> str:
    """Return the address of this machine on the way to the brokers; nothing is sent. Raises OSError."""
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])

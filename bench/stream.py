"""How soon 1 000 clients of /stream have a row, and what the history needs: `python -m bench.stream [CLIENTS]`.

The server is a process of its own on one core, with the API as `volcast serve` has it; the clients are sockets in this one. A row
carries the moment at which it was put, in its volume, so that its age at the last client is measured. Fails above 100 ms for one
row to every client, and for one row of each of 500 symbols at once to the clients that want it. The figures depend on the machine
and on its other work; the server's processor time depends on the machine alone.
"""

import asyncio
import os
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from random import Random
from signal import SIGTERM
from statistics import median
from subprocess import PIPE  # it starts this module once more
from time import monotonic
from typing import Self, cast

import msgspec

from api.app import create_app
from api.stream.history import ROWS_OF_A_SYMBOL, ROWS_OF_ALL, RowHistory
from api.view import View
from bench.scrape import signal_with_all_numbers
from volcast.cli.http import bind, serve
from volcast.cli.services import run_services
from volcast.core.types import MINUTE_MS, Signal

CLIENTS = 1_000
SYMBOLS = 500
ROUNDS = 20
GOAL_S = 0.1
_MARK = b'"volume":'


def symbol_name(number: int) -> str:
    return f"S{number:04}"


def without_alarms(signal: Signal) -> Signal:
    return msgspec.structs.replace(signal, drift_alarms=())


def put(view: View, signal: Signal, minute: int, symbols: int) -> None:
    """Put one row of each symbol, all with this moment as their volume."""
    now_s = monotonic()
    for number in range(symbols):
        fields = {"symbol": symbol_name(number), "open_time_ms": minute * MINUTE_MS, "volume": now_s}
        view.put(msgspec.structs.replace(signal, **fields), now_s)


async def run_server() -> None:
    """Serve on a free port, which is printed; put rows of N symbols for each line N of the standard input."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    view, signal = View(180), without_alarms(signal_with_all_numbers())
    view.caught_up = True
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with bind("127.0.0.1", 0, "--port") as listening:
        put(view, signal, 0, SYMBOLS)
        print(listening.getsockname()[1], flush=True)

        async def put_on_demand() -> None:
            minute = 0
            while line := await reader.readline():
                minute += 1
                put(view, signal, minute, int(line))

        await run_services(serve(create_app(view), listening), put_on_demand())


class Client(asyncio.Protocol):
    """A client that notes how old the rows are when it has them."""

    def __init__(self, query: str) -> None:
        self._query = query
        self.rows = 0
        self.age_s = 0.0
        """Of the row that came last."""
        self._open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(f"GET /stream?{self._query} HTTP/1.1\r\nHost: volcast\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self.rows += data.count(_MARK)
        if (begin := data.rfind(_MARK)) >= 0 and (end := data.find(b",", begin)) >= 0:
            self.age_s = monotonic() - float(data[begin + len(_MARK) : end])

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._open = False

    @property
    def is_open(self) -> bool:
        return self._open


def processor_s(pid: int) -> float:
    """Return the processor time that a process has had, which other processes on the machine do not change."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def connect(port: int, queries: Sequence[str]) -> list[Client]:
    """Connect one client for each query, and wait until each has the snapshot."""
    loop, clients = asyncio.get_running_loop(), []
    for query in queries:
        _, client = await loop.create_connection(lambda query=query: Client(query), "127.0.0.1", port)  # type: ignore[misc]
        clients.append(client)
    while not all(client.rows for client in clients):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    return clients


class Server:
    """The process of the server."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port

    def put(self, symbols: int) -> None:
        """Let it put one row of each of so many symbols."""
        cast("asyncio.StreamWriter", self.process.stdin).write(f"{symbols}\n".encode())

    @classmethod
    async def start(cls) -> Self:
        command = (sys.executable, "-m", "bench.stream", "--server")
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        return cls(process, int(await cast("asyncio.StreamReader", process.stdout).readline()))


async def measure(server: Server, name: str, queries: Sequence[str], symbols: int, rows: int) -> bool:
    """Print how long an update of so many symbols takes to the last client, which gets `rows` of them; return if it is soon."""
    clients = await connect(server.port, queries)
    times_s, busy_s = [], processor_s(server.process.pid)
    for _ in range(ROUNDS):
        for client in clients:
            client.rows = 0
        server.put(symbols)
        while any(client.rows < rows for client in clients):
            await asyncio.sleep(0.01)
            if not all(client.is_open for client in clients):
                raise RuntimeError(f"{name}: a client was dropped")
        times_s.append(max(client.age_s for client in clients))
        await asyncio.sleep(0.05)
    busy_s = (processor_s(server.process.pid) - busy_s) / ROUNDS
    for client in clients:
        client.transport.abort()
    await asyncio.sleep(0.5)
    print(
        f"{name}: {len(clients) * rows} rows delivered, to the last client in median {median(times_s) * 1e3:.0f} ms, "
        f"longest {max(times_s) * 1e3:.0f} ms; processor time of the server {busy_s * 1e3:.0f} ms"
    )
    return median(times_s) <= GOAL_S


def measure_memory() -> None:
    """Print what a symbol's rows need, and all of them; numbers differ from row to row, alarms stay on for hours."""
    signal, random = signal_with_all_numbers(), Random(1)
    tracemalloc.start()
    history = RowHistory()
    for minute in range(ROWS_OF_A_SYMBOL):
        alarms = signal.drift_alarms[: minute // 240 % 3]
        history.put(msgspec.structs.replace(signal, open_time_ms=minute * MINUTE_MS, close=random.random(), drift_alarms=alarms))
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    row = size / ROWS_OF_A_SYMBOL
    print(
        f"history: {row:.0f} bytes a row, {size / 1e3:.0f} kB a symbol of {ROWS_OF_A_SYMBOL} rows, "
        f"{row * ROWS_OF_ALL / 1e6:.0f} MB for {ROWS_OF_ALL} rows of many symbols"
    )


async def run(clients: int) -> bool:
    server = await Server.start()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - {min(cores)} or cores)
    try:
        one = [f"symbols={symbol_name(0)}"] * clients
        each = [f"symbols={symbol_name(number % SYMBOLS)}" for number in range(clients)]
        few = [""] * (clients // 10)
        results = [
            await measure(server, f"{clients} clients of one symbol", one, 1, 1),
            await measure(server, f"{clients} clients, each of one of {SYMBOLS} symbols", each, SYMBOLS, 1),
        ]
        await measure(server, f"{len(few)} clients of all {SYMBOLS} symbols (no goal)", few, SYMBOLS, SYMBOLS)
        await connect(server.port, one)
        began_s = monotonic()
        server.process.send_signal(SIGTERM)
        await server.process.wait()
        print(f"with {clients} clients the server ended {monotonic() - began_s:.2f} s after SIGTERM")
    finally:
        if server.process.returncode is None:
            server.process.kill()
    return all(results)


if __name__ == "__main__":
    if "--server" in sys.argv:
        asyncio.run(run_server())
    else:
        measure_memory()
        sys.exit(not asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else CLIENTS)))

"""How many requests a second /latest/{symbol} answers, beside a bare ASGI app on the same server: `python -m bench.http`.

The server is a process of its own on one core: the project's HTTP server, with the API on one port and on another an app that
sends a body of the same size and nothing else. The clients are sockets in this process that stay open; each sends its next
request when it has the answer. Short rounds alternate, so that other work of the machine disturbs both alike. Fails if the median
of the ratios is below the goal.
"""

import asyncio
import os
import sys
from pathlib import Path
from signal import SIGTERM
from statistics import median
from subprocess import PIPE
from typing import cast

from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.view import View
from bench.scrape import signal_with_all_numbers
from volcast.cli.http import bind, serve
from volcast.cli.services import first_to_end

CLIENTS = 16
ROUNDS, ROUND_S = 15, 0.4
GOAL = 0.6
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Bare:
    """An ASGI app that sends the same bytes to everybody."""

    def __init__(self, size: int) -> None:
        self._body = b" " * size
        self._headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


async def run_server(size: int) -> None:
    """Serve the API and the bare app, whose body has this size; print their ports."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    view, signal = View(1e12), signal_with_all_numbers()
    view.put(signal, 0.0)
    view.caught_up = True
    with bind("127.0.0.1", 0, "--port") as of_api, bind("127.0.0.1", 0, "--port") as of_bare:
        print(of_api.getsockname()[1], of_bare.getsockname()[1], flush=True)
        await first_to_end(serve(create_app(view), of_api), serve(Bare(size), of_bare))


class Client(asyncio.Protocol):
    """One connection, which sends its next request when it has the answer."""

    def __init__(self, request: bytes) -> None:
        self._request, self._received, self._missing = request, b"", 0
        self.answers, self.size, self.is_on = 0, 0, False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self) -> None:
        self.is_on = True
        if self._transport:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            self._received += data
            end = self._received.find(_HEAD_END)
            if end < 0:
                return
            if not self._received.startswith(b"HTTP/1.1 200 "):
                sys.exit(f"unexpected answer: {self._received[:200]!r}")
            at = self._received.index(_LENGTH) + len(_LENGTH)
            self.size = int(self._received[at : self._received.index(b"\r", at)])
            self._missing, data, self._received = self.size, self._received[end + len(_HEAD_END) :], b""
        self._missing -= len(data)
        if not self._missing:
            self.answers += 1
            if self.is_on:
                self.start()


async def connect(port: int, path: str, clients: int) -> list[Client]:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Client(request), "127.0.0.1", port) for _ in range(clients)]
    return [client for _, client in made]


def cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def one_round(clients: list[Client], pid: int) -> tuple[float, float]:
    """Return the answers a second, and the server's processor time for one answer in seconds."""
    loop = asyncio.get_running_loop()
    before, began_s, began_cpu_s = sum(each.answers for each in clients), loop.time(), cpu_s(pid)
    for each in clients:
        each.start()
    await asyncio.sleep(ROUND_S)
    count, took_s, took_cpu_s = sum(each.answers for each in clients) - before, loop.time() - began_s, cpu_s(pid) - began_cpu_s
    for each in clients:
        each.is_on = False
    await asyncio.sleep(0.05)
    return count / took_s, took_cpu_s / max(count, 1)


async def measure() -> float:
    """Print what was measured; return the median ratio of answers a second."""
    size = await answer_size()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.http", "serve", str(size), stdout=PIPE)
    try:
        ports = [int(port) for port in (await cast("asyncio.StreamReader", process.stdout).readline()).split()]
        both = [await connect(port, "/latest/S0000", CLIENTS) for port in ports]
        for clients in both:
            await one_round(clients, process.pid)
        rounds = [[await one_round(clients, process.pid) for clients in both] for _ in range(ROUNDS)]
    finally:
        process.send_signal(SIGTERM)
        await process.wait()
    for name, at in (("/latest/{symbol}", 0), ("a bare ASGI app", 1)):
        found = [each[at] for each in rounds]
        a_second, cpu = median(each[0] for each in found), median(each[1] for each in found)
        print(f"{name:17} {a_second:7.0f} answers a second of {size} bytes, {cpu * 1e6:5.0f} µs of processor time each")
    ratio, by_cpu = (median(one[at] / other[at] for one, other in rounds) for at in (0, 1))
    print(f"ratio of answers a second: {ratio:.2f}; of processor time: {1 / by_cpu:.2f}; the goal is {GOAL}")
    return ratio


async def answer_size() -> int:
    """Return the size of an answer of /latest/{symbol}."""
    from httpx import ASGITransport, AsyncClient  # noqa: PLC0415  # not for what is measured

    view = View(1e12)
    view.put(signal_with_all_numbers(), 0.0)
    view.caught_up = True
    async with AsyncClient(transport=ASGITransport(create_app(view)), base_url="http://bench") as client:
        return len((await client.get("/latest/S0000")).content)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(run_server(int(sys.argv[2])))
    elif asyncio.run(measure()) < GOAL:
        sys.exit("too slow")

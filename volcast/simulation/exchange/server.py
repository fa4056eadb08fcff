"""A scripted exchange: a real websocket and REST server on this machine that speaks a venue's dialect and plays faults by script.

    async with Exchange("kraken", [("BTC", "USD")], seed=1, start_ms=…) as exchange:
        …  # connect to exchange.socket_url, ask exchange.rest_url

Its market is made of trades (`market.py`), delivered to each connection in order of time (`connection.py`), and answered
for over HTTP (`rest.py`); the venue's words stand in `dialects`. It knows afterwards what it said of each minute.

Its clock is the wall's plus a skew, and market times are its own clock's; `ExchangeFault.at_s`, `refusals` and
`CandleVersion.since_ms` are the wall's. It takes no time from anywhere else, and waits by the event loop's clock: on a loop whose
time is virtual, a day takes seconds.
"""

import asyncio
import contextlib
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import parse_qsl

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from volcast.simulation.exchange.dialects.contract import DialectSession

from .active_faults import ActiveFaults
from .candle_sums import CandleVersion
from .connection import LATENCY_US, ClientSession
from .dialects import DIALECTS
from .fault_player import FaultPlayer
from .faults import ExchangeFault, FaultKind
from .market import ExchangeMarket
from .rest import RestServer
from .tls import Certificates
from .websocket import ExchangeSocket

EXCHANGE_HOST = "127.0.0.1"
_OWN_ADDRESS = {"0.0.0.0": EXCHANGE_HOST, "::": "::1"}  # noqa: S104  looked up, not bound to
"""Of one who listens on all."""
PONG_WITHIN_S = 60.0
_MAX_MESSAGE_BYTES = 2**16


class Exchange:
    """One venue with some pairs. An async context manager; what went wrong inside of it is raised at its end."""

    def __init__(
        self,
        venue: str,
        pairs: Sequence[tuple[str, str]],
        *,
        seed: int,
        start_ms: int,
        wall: Callable[[], float] = time.time,  # noqa: TID251  the caller may give another
        script: Sequence[ExchangeFault] = (),
        skew_ms: int = 0,
        trades_per_minute: float = 12.0,
        push_every_s: float = 2.0,
        heartbeat_every_s: float = 1.0,
        max_age_s: float | None = None,
        tls: bool = False,
        host: str = EXCHANGE_HOST,
        port: int = 0,
        on_fault: Callable[[ExchangeFault], None] | None = None,
    ) -> None:
        """`venue`: a key of DIALECTS; `pairs`: (base, quote) in capitals; `start_ms`: its market's first minute, by its own
        clock; `skew_ms`: its clock minus the wall's; `max_age_s`: of a connection, in place of the venue's; `host`: where to
        listen (certificates are those of this machine all the same); `on_fault` hears of each fault that somebody feels, once.
        Raises KeyError for an unknown venue, ValueError for a start within a minute.
        """
        self.dialect = DIALECTS[venue](pairs)
        self.strikes = ActiveFaults(wall, on_fault)
        self._wall, self._skew_ms, self._host, self._port = wall, skew_ms, host, port
        self._random = Random(f"{venue} {seed} delivery")  # noqa: S311  chance of a simulation
        self._push_every_s, self._heartbeat_every_s = push_every_s, heartbeat_every_s
        self._max_age_s = self.dialect.max_age_s if max_age_s is None else max_age_s
        self.markets = {
            base + quote: ExchangeMarket(
                base + quote,
                seed=seed,
                start_ms=start_ms,
                trades_per_minute=trades_per_minute,
                flat=self.dialect.tells_empty_minutes,
                dense=not self.dialect.trade_ids_jump,
                skew_ms=skew_ms,
            )
            for base, quote in pairs
        }
        self._certificates = Certificates(lambda: self.strikes.feel(FaultKind.WRONG_CERTIFICATE) is not None) if tls else None
        self._lines: set[ClientSession] = set()
        self._play = FaultPlayer(script, self.strikes, self._lines, self.markets, wall=wall, now_us=self.now_us)
        self._rest = RestServer(self.dialect, self.markets, self.strikes, self._random, self.now_us)
        self._connections = 0
        self._errors: list[Exception] = []

        class OwnSocket(ExchangeSocket):
            everyone: ClassVar[set[ExchangeSocket]] = set()

        self._wire = OwnSocket
        self._server: Server
        self._player: asyncio.Task[None]

    @property
    def socket_url(self) -> str:
        """Of the streams, as this machine reaches them, without the venue's own path."""
        return f"{'wss' if self._certificates else 'ws'}://{self._place}"

    @property
    def rest_url(self) -> str:
        """As this machine reaches it, without the venue's own path."""
        return f"{'https' if self._certificates else 'http'}://{self._place}"

    @property
    def _place(self) -> str:
        host = _OWN_ADDRESS.get(self._host, self._host)
        return f"{f'[{host}]' if ':' in host else host}:{self._port}/{self.dialect.name}"

    @property
    def client_tls(self) -> ssl.SSLContext | None:
        """Trusts it."""
        return self._certificates.client if self._certificates else None

    @property
    def ca_pem(self) -> bytes:
        """The certificate that makes it trusted; empty without TLS."""
        return self._certificates.ca_pem if self._certificates else b""

    @property
    def happened(self) -> Counter[str]:
        """Faults that somebody felt, by kind."""
        return self.strikes.happened

    @property
    def refusals(self) -> Sequence[tuple[float, float]]:
        """(from, to) of wall time in which REST refuses by script."""
        return self._play.refusals

    def history(self, pair: str) -> Mapping[int, Sequence[CandleVersion]]:
        """By open time: what was its word on each closed minute, first as it closed, then as revised.

        `pair` as in frames, or `BTCUSDT`.
        """
        return self.markets[self.dialect.symbols.get(pair, pair)].history(self.now_us())

    def now_us(self) -> int:
        """Its clock: microseconds since 1970-01-01 UTC."""
        return round(self._wall() * 1e6) + self._skew_ms * 1_000

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle,
            self._host,
            self._port,
            process_request=self._answer,
            process_response=self._date,
            compression=None,
            open_timeout=None,
            close_timeout=10.0,
            ping_interval=self.dialect.ping_every_s,
            ping_timeout=PONG_WITHIN_S,
            max_size=_MAX_MESSAGE_BYTES,
            create_connection=self._wire,
            ssl=self._certificates.server if self._certificates else None,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._player = asyncio.create_task(self._play.run())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._player.cancel()
        await asyncio.wait([self._player])
        for wire in list(self._wire.everyone):
            wire.cut()
        self._server.close()
        await self._server.wait_closed()
        if not self._player.cancelled() and isinstance(failed := self._player.exception(), Exception):
            self._errors.append(failed)
        if self._errors and error is None:
            raise ExceptionGroup("the simulated exchange failed", self._errors)

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """None: go on with the handshake."""
        target, _, query = request.path.partition("?")
        prefix = f"/{self.dialect.name}"
        path = target.removeprefix(prefix)
        known = target == prefix or target.startswith(f"{prefix}/")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._shake_hands(connection, path) if known else self._rest.response(404, b"{}")
        latency_s = self._random.uniform(*LATENCY_US) / 1e6
        await _pause(connection, latency_s / 2)
        try:
            answer = self._rest.answer(path if known else "", query)
        except Exception as error:
            self._errors.append(error)
            raise
        await _pause(connection, latency_s / 2)
        return answer

    async def _shake_hands(self, connection: ServerConnection, path: str) -> Response | None:
        if slow := self.strikes.feel(FaultKind.SLOW_HANDSHAKE):
            await _pause(connection, slow.delay_s)
        if self._play.handshakes_refused():
            return self._rest.response(503, b'{"error":"service unavailable"}')
        if page := self._rest.page():
            return page
        paths = self.dialect.socket_paths
        known = path in paths or any(path.startswith(each) for each in paths if len(each) > 1 and each.endswith("/"))
        return None if known else self._rest.response(404, b'{"error":"not found"}')

    def _date(self, connection: ServerConnection, request: Request, response: Response) -> None:  # noqa: ARG002  the library's signature
        """The handshake's is the exchange's, too."""
        with contextlib.suppress(KeyError):
            del response.headers["Date"]
        response.headers["Date"] = self._rest.date()

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ExchangeSocket)  # noqa: S101  for mypy: `create_connection` makes no others
        assert connection.request is not None  # noqa: S101  for mypy: its handshake is over
        target, _, query = connection.request.path.partition("?")
        self._connections += 1
        talk = DialectSession(
            target.removeprefix(f"/{self.dialect.name}"),
            dict(parse_qsl(query)),
            self._connections,
            self.now_us,
            lambda: self.strikes.feel(FaultKind.MICROSECONDS) is not None,
        )
        line = ClientSession(
            connection,
            talk,
            dialect=self.dialect,
            markets=self.markets,
            strikes=self.strikes,
            random=Random(self._random.random()),  # noqa: S311  chance of a simulation
            push_every_s=self._push_every_s,
            heartbeat_every_s=self._heartbeat_every_s,
            max_age_s=self._max_age_s,
        )
        self._lines.add(line)
        try:
            await line.run()
        except Exception as error:  # noqa: BLE001  told at the end: the library would only log it
            self._errors.append(error)
        finally:
            self._lines.discard(line)


async def _pause(connection: ServerConnection, delay_s: float) -> None:
    """Shorter if the client goes away."""
    await asyncio.wait([connection.connection_lost_waiter], timeout=delay_s)

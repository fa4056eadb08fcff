"""A scripted exchange: a real websocket and REST server on this machine that speaks a venue's protocol and injects faults.

    async with Exchange("kraken", [("BTC", "USD")], seed=1, start_ms=…) as exchange:
        …  # connect to exchange.socket_url, send requests to exchange.rest_url

Its market consists of trades (`market.py`), which are delivered to each connection in order of time (`connection.py`) and served
over HTTP (`rest.py`); the message formats are in `dialects`. Afterwards `history` returns what it published for each minute.

Its clock is the wall clock plus a skew, and market times are those of its own clock; `ExchangeFault.at_s`, `refusals` and
`CandleVersion.since_ms` are wall time. It uses no other clock, and waits by the event loop's: on a loop with virtual time, a
day takes seconds.
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
from .rest import ORIGIN_HEADER, RestServer
from .tls import Certificates
from .websocket import ExchangeSocket

EXCHANGE_HOST = "127.0.0.1"
_OWN_ADDRESS = {"0.0.0.0": EXCHANGE_HOST, "::": "::1"}  # noqa: S104  looked up, not bound to
"""The address for clients of this machine, if the server listens on all addresses."""
PONG_WITHIN_S = 60.0
_MAX_MESSAGE_BYTES = 2**16


class Exchange:
    """One venue with some pairs. An async context manager, which raises internal errors as an ExceptionGroup when it ends."""

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
        """`venue`: a key of DIALECTS; `pairs`: (base, quote) in capitals; `start_ms`: the market's first minute, by its own
        clock; `skew_ms`: that clock minus the wall clock; `max_age_s`: the maximum age of a connection, instead of the venue's;
        `host`: where to listen (certificates are always those of this machine); `on_fault`: is called once for each fault that
        affects a client. Raises KeyError for an unknown venue, ValueError if `start_ms` is not a whole minute.
        """
        self.dialect = DIALECTS[venue](pairs)
        self.active_faults = ActiveFaults(wall, on_fault)
        self._wall, self._skew_ms, self._host, self._port = wall, skew_ms, host, port
        self._random = Random(f"{venue} {seed} delivery")  # noqa: S311  not a secret: a simulation
        self._push_every_s, self._heartbeat_every_s = push_every_s, heartbeat_every_s
        self._max_age_s = self.dialect.max_age_s if max_age_s is None else max_age_s
        self.markets = {
            base + quote: ExchangeMarket(
                base + quote,
                seed=seed,
                start_ms=start_ms,
                trades_per_minute=trades_per_minute,
                flat=self.dialect.sends_empty_minutes,
                dense=not self.dialect.trade_ids_have_gaps,
                skew_ms=skew_ms,
            )
            for base, quote in pairs
        }
        self._certificates = (
            Certificates(lambda: self.active_faults.use(FaultKind.WRONG_CERTIFICATE) is not None) if tls else None
        )
        self._sessions: set[ClientSession] = set()
        self._fault_player = FaultPlayer(script, self.active_faults, self._sessions, self.markets, wall=wall, now_us=self.now_us)
        self._rest = RestServer(self.dialect, self.markets, self.active_faults, self._random, self.now_us)
        self._connections = 0
        self._errors: list[Exception] = []

        class OwnSocket(ExchangeSocket):
            open_sockets: ClassVar[set[ExchangeSocket]] = set()

        self._socket_class = OwnSocket
        self._server: Server
        self._player_task: asyncio.Task[None]

    @property
    def socket_url(self) -> str:
        """The address of the streams for clients of this machine, without the venue's own path."""
        return f"{'wss' if self._certificates else 'ws'}://{self._address}"

    @property
    def rest_url(self) -> str:
        """The address of REST for clients of this machine, without the venue's own path."""
        return f"{'https' if self._certificates else 'http'}://{self._address}"

    @property
    def _address(self) -> str:
        host = _OWN_ADDRESS.get(self._host, self._host)
        return f"{f'[{host}]' if ':' in host else host}:{self._port}/{self.dialect.name}"

    @property
    def client_tls(self) -> ssl.SSLContext | None:
        """A TLS context that trusts the exchange; None without TLS."""
        return self._certificates.client if self._certificates else None

    @property
    def ca_pem(self) -> bytes:
        """The certificate of its authority, in PEM; empty without TLS."""
        return self._certificates.ca_pem if self._certificates else b""

    @property
    def happened(self) -> Counter[str]:
        """How many faults of each kind have affected a client."""
        return self.active_faults.happened

    @property
    def refusals(self) -> Sequence[tuple[float, float]]:
        """Periods (from, to) of wall time in which REST refuses requests by the script."""
        return self._fault_player.refusals

    def history(self, pair: str) -> Mapping[int, Sequence[CandleVersion]]:
        """Return all published versions of each closed minute, by open time: as it closed, then as revised.

        `pair` is written as in frames, or as `BTCUSDT`.
        """
        return self.markets[self.dialect.symbols.get(pair, pair)].history(self.now_us())

    def now_us(self) -> int:
        """Return the time of its clock, in microseconds since 1970-01-01 UTC."""
        return round(self._wall() * 1e6) + self._skew_ms * 1_000

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle,
            self._host,
            self._port,
            process_request=self._process_request,
            process_response=self._set_date,
            compression=None,
            open_timeout=None,
            close_timeout=10.0,
            ping_interval=self.dialect.ping_every_s,
            ping_timeout=PONG_WITHIN_S,
            max_size=_MAX_MESSAGE_BYTES,
            create_connection=self._socket_class,
            ssl=self._certificates.server if self._certificates else None,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._player_task = asyncio.create_task(self._fault_player.run())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._player_task.cancel()
        await asyncio.wait([self._player_task])
        for socket in list(self._socket_class.open_sockets):
            socket.cut()
        self._server.close()
        await self._server.wait_closed()
        if not self._player_task.cancelled() and isinstance(failed := self._player_task.exception(), Exception):
            self._errors.append(failed)
        if self._errors and error is None:
            raise ExceptionGroup("the simulated exchange failed", self._errors)

    async def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the response to a request; None continues with the websocket handshake."""
        target, _, query = request.path.partition("?")
        prefix = f"/{self.dialect.name}"
        path = target.removeprefix(prefix)
        known = target == prefix or target.startswith(f"{prefix}/")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._handshake(connection, path) if known else self._rest.response(404, b"{}")
        latency_s = self._random.uniform(*LATENCY_US) / 1e6
        await _pause(connection, latency_s / 2)
        try:
            response = self._rest.respond(path if known else "", query)
        except Exception as error:
            self._errors.append(error)
            raise
        await _pause(connection, latency_s / 2)
        return response

    async def _handshake(self, connection: ServerConnection, path: str) -> Response | None:
        if slow := self.active_faults.use(FaultKind.SLOW_HANDSHAKE):
            await _pause(connection, slow.delay_s)
        if self._fault_player.handshakes_refused():
            return self._rest.response(503, b'{"error":"service unavailable"}')
        if page := self._rest.page():
            return page
        paths = self.dialect.socket_paths
        known = path in paths or any(path.startswith(each) for each in paths if len(each) > 1 and each.endswith("/"))
        return None if known else self._rest.response(404, b'{"error":"not found"}')

    def _set_date(self, connection: ServerConnection, request: Request, response: Response) -> None:  # noqa: ARG002  the library's signature
        """Set the date of the handshake's response to the exchange's clock."""
        with contextlib.suppress(KeyError):
            del response.headers["Date"]
        response.headers["Date"] = self._rest.date()
        response.headers.setdefault(ORIGIN_HEADER, "volcast")

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ExchangeSocket)  # noqa: S101  for mypy: `create_connection` makes no others
        assert connection.request is not None  # noqa: S101  for mypy: its handshake is over
        target, _, query = connection.request.path.partition("?")
        self._connections += 1
        dialect_session = DialectSession(
            target.removeprefix(f"/{self.dialect.name}"),
            dict(parse_qsl(query)),
            self._connections,
            self.now_us,
            lambda: self.active_faults.use(FaultKind.MICROSECONDS) is not None,
        )
        session = ClientSession(
            connection,
            dialect_session,
            dialect=self.dialect,
            markets=self.markets,
            active_faults=self.active_faults,
            random=Random(self._random.random()),  # noqa: S311  not a secret: a simulation
            push_every_s=self._push_every_s,
            heartbeat_every_s=self._heartbeat_every_s,
            max_age_s=self._max_age_s,
        )
        self._sessions.add(session)
        try:
            await session.run()
        except Exception as error:  # noqa: BLE001  raised at the end: the library would only log it
            self._errors.append(error)
        finally:
            self._sessions.discard(session)


async def _pause(connection: ServerConnection, delay_s: float) -> None:
    """Wait, but not longer than the client stays connected."""
    await asyncio.wait([connection.connection_lost_waiter], timeout=delay_s)

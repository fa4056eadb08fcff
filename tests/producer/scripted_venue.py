"""A scripted venue: a real HTTP server on this machine that answers by a function or from a market, and its feed."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from email.utils import formatdate
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from producer.feeds import parsing
from producer.feeds.contract import FrameError, Limits, Message, Pair, Request, VenueCandle, VenueError, VenuePage

MINUTE_MS = 60_000
START_MS = 1_704_067_200_000
"""2024-01-01."""


class Reply(NamedTuple):
    """What the server sends. With `status` 0 it hangs up, with -1 it never answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class ReceivedRequest(NamedTuple):
    at_s: float
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = {}
    """By their names in small letters."""


class Server:
    """Answers each GET with the reply that `answer` returns, and keeps all requests."""

    def __init__(self, answer: Callable[[ReceivedRequest], Reply]) -> None:
        self.answer = answer
        self.requests: list[ReceivedRequest] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:  # else one that has not sent all its bytes is closed after its loop
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        url = urlsplit(head.split(b" ")[1].decode())
        named = (line.partition(":") for line in head.decode().split("\r\n")[1:])
        headers = {name.lower(): value.strip() for name, _, value in named}
        request = ReceivedRequest(asyncio.get_running_loop().time(), url.path, dict(parse_qsl(url.query)), headers)
        self.requests.append(request)
        status, body, more = self.answer(request)
        if status < 0:
            await reader.read()
        elif status:
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in more.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        writer.close()


class Market:
    """The answers of a venue without a fault, from rows by minute and a clock. They include the candle that is still open."""

    def __init__(self, now_s: Callable[[], float], rows: Mapping[int, Sequence[str]], *, date: bool = True) -> None:
        self.now_s = now_s
        self.rows = rows
        self.date = date

    def __call__(self, request: ReceivedRequest) -> Reply:
        now_s = self.now_s()
        headers = {"Date": formatdate(now_s, usegmt=True)} if self.date else {}
        if request.path == "/time":
            return Reply(body=json.dumps({"ms": int(now_s * 1_000)}).encode(), headers=headers)
        if request.path != "/candles":
            return Reply(404, b"{}", headers)
        if request.params["pair"] != "BTCUSDT":
            return Reply(400, b'{"error": "unknown"}', headers)
        first, last = int(request.params["from"]), int(request.params["to"])
        rows = [[at, *cells] for at, cells in self.rows.items() if first - 3 * MINUTE_MS <= at <= last and at <= now_s * 1_000]
        return Reply(body=json.dumps(rows[::-1]).encode(), headers=headers)


def flat_row(price: object = 100, volume: object = 1) -> tuple[str, ...]:
    return (str(price),) * 4 + (str(volume),)


def minute_rows(count: int, *, without: Sequence[int] = ()) -> dict[int, tuple[str, ...]]:
    """Rows of the market's first minutes, each with a price of its own."""
    return {START_MS + i * MINUTE_MS: flat_row(f"{100 + i}.50") for i in range(count) if i not in without}


Row = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]
_ROW = msgspec.json.Decoder(Row)


def _candle_of(row: Row) -> VenueCandle:
    at, *numbers = row
    return parsing.candle("", at * 1_000, (*map(str, numbers), None))  # type: ignore[arg-type]  # five numbers


class PlainFeed:
    """A `Feed` with HTTP requests only."""

    name = "plain"
    socket_url = "wss://plain.invalid"
    rest_url = "https://plain.invalid"
    sends_candles = True
    dense_trade_ids = False
    ping: str | None = None

    def __init__(
        self, *, rows: int = 10, empty: bool = False, history_minutes: int | None = None, per_s: float = 10.0, clock: bool = True
    ) -> None:
        self.sends_empty_minutes = empty
        self._rows = rows
        self._clock = clock
        self.limits = Limits(
            verified_on="2024-01-01",
            pairs_per_connection=1,
            topics_per_message=1,
            messages_per_s=1.0,
            connect_every_s=1.0,
            max_age_s=None,
            ping_every_s=None,
            requests_per_s=per_s,
            history_minutes=history_minutes,
            settle_s=3.0,
        )

    def spelling(self, pair: Pair) -> str:
        return pair.base + pair.quote

    def socket_path(self, pairs: Sequence[str]) -> str:
        raise NotImplementedError

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        raise NotImplementedError

    def parse(self, frame: str | bytes) -> Message:
        raise NotImplementedError

    def page_rows(self, from_ms: int, now_ms: int) -> int:  # noqa: ARG002  # the names are the interface's
        return self._rows

    def page_request(self, pair: str, from_ms: int, to_ms: int, now_ms: int) -> Request:  # noqa: ARG002  # as above
        assert from_ms < to_ms <= from_ms + self._rows * MINUTE_MS
        return Request("/candles", {"pair": pair, "from": str(from_ms), "to": str(to_ms)})

    def page(self, body: bytes) -> VenuePage:
        try:
            rows = msgspec.json.decode(body, type=list[msgspec.Raw] | dict[str, str])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FrameError("no rows") from error
        if isinstance(rows, dict):
            reason = rows.get("error", "nothing")
            ban_s = 600.0 if reason == "banned" else 0.0
            raise VenueError(reason, too_many=reason in {"too many", "banned"}, unknown_pair=reason == "unknown", ban_s=ban_s)
        return parsing.page_of(rows, _ROW, _candle_of, parsing.TimeKey(0))

    def time_request(self) -> Request | None:
        return Request("/time", {}) if self._clock else None

    def time_ms(self, body: bytes) -> int:
        try:
            return msgspec.json.decode(body, type=dict[str, int])["ms"]
        except (msgspec.MsgspecError, KeyError, UnicodeDecodeError) as error:
            raise FrameError("no time") from error

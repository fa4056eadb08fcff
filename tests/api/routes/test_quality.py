"""The quality of a symbol's candles over HTTP."""

import httpx
import msgspec

from api.app import create_app
from api.view import View
from tests.api.signals import now_at, signals
from volcast.core.types import MINUTE_MS, Signal

SIGNALS = signals(10)
NOW = now_at(SIGNALS[-1], 2.5, 1_000.0)
COUNTED = {"duplicate": 3, "late": 2, "gap": 1, "revision": 4}


async def get(*taken: Signal, counts: dict[str, int] | None = None) -> httpx.Response:
    view = View(180)
    for signal in taken:
        view.put(signal, 999.0)
    view.caught_up = True
    app = create_app(view, now=lambda: NOW, consumer_counts=lambda symbol: counts if symbol == "BTCUSDT" else None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return await client.get("/quality/btcusdt")


async def test_what_the_signals_tell() -> None:
    last = msgspec.structs.replace(SIGNALS[-1], open_time_ms=SIGNALS[-1].open_time_ms + 3 * MINUTE_MS, gaps=1, missing_minutes=3)
    answer = (await get(*SIGNALS[:-1], last)).json()
    assert (answer["symbol"], answer["candles"], answer["seen_candles"]) == ("BTCUSDT", 10, 10)
    assert (answer["gaps"], answer["missing_minutes"]) == (1, 3)
    begin, end = "2024-01-01T00:09:00Z", "2024-01-01T00:12:00Z"
    assert answer["recent_gaps"] == [{"begin": begin, "end": end, "missing_minutes": 3}]
    assert answer["counted_since"] == answer["seen_since"] == "2024-01-01T00:00:00Z"


async def test_what_nobody_here_can_know_is_null() -> None:
    answer = (await get(*SIGNALS)).json()
    assert {answer[name] for name in ("duplicates", "late", "unconfirmed_dates", "revisions", "synthetic_candles")} == {None}


async def test_what_a_consumer_in_this_process_has_counted() -> None:
    answer = (await get(*SIGNALS, counts=COUNTED)).json()
    assert (answer["duplicates"], answer["late"], answer["unconfirmed_dates"], answer["revisions"]) == (3, 2, 0, 4)


async def test_if_the_first_signals_are_not_kept_nobody_knows_when_the_counts_began() -> None:
    answer = (await get(*SIGNALS[5:])).json()
    assert (answer["counted_since"], answer["seen_since"]) == (None, "2024-01-01T00:05:00Z")
    assert (answer["candles"], answer["seen_candles"]) == (10, 5)


async def test_an_unknown_symbol() -> None:
    assert (await get()).status_code == 404

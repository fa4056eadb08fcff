"""Faults of frames: they are lost, late, doubled, reordered, or mixed with garbage."""

from collections import Counter
from typing import Any

import pytest

from tests.volcast.simulation.client import (
    HEARTBEATS,
    SUBSCRIBE,
    connected,
    exchange,
    fault,
    frames,
    open_ms,
    receive,
    receive_subscribed,
    value_of,
    virtual,
)
from volcast.simulation.exchange.corruption import FOREIGN
from volcast.simulation.exchange.faults import FaultKind


async def binance(kind: FaultKind, for_s: float, **parameters: Any) -> list[tuple[float, Any]]:
    """Return the frames of four minutes; the fault begins after ten seconds."""
    async with exchange("binance", fault(kind, 10.0, for_s, **parameters)) as server:
        path, message = SUBSCRIBE["binance"]
        async with connected(server, path, [message]) as socket:
            received = [(time_s, value_of(frame)) for time_s, frame in await frames(socket, 240.0)]
        assert server.happened == {kind.value: 1}
        return received


def closed(received: list[tuple[float, Any]], pair: str = "BTCUSD") -> list[tuple[float, int]]:
    """Return when closed candles came, and of which minutes."""
    frames_of = [(time_s, frame["data"]["k"]) for time_s, frame in received if isinstance(frame, dict) and "stream" in frame]
    return [(time_s, k["t"]) for time_s, k in frames_of if k["x"] and k["s"] == pair]


@virtual
async def test_frames_are_sent_twice() -> None:
    received = await binance(FaultKind.DUPLICATE, 120.0)
    counts = Counter(repr(frame) for _, frame in received)
    assert set(counts.values()) == {1, 2}


@virtual
async def test_neighbouring_frames_are_swapped_and_none_is_lost_or_late() -> None:
    received = await binance(FaultKind.REORDER, 200.0)
    events = [(time_s, frame["data"]["E"]) for time_s, frame in received if "data" in frame]
    times = [event_ms for _, event_ms in events]
    assert times != sorted(times)
    assert max(time_s * 1_000 - (event_ms - open_ms(0)) for time_s, event_ms in events) < 1_500
    assert [minute for _, minute in closed(received)] == [open_ms(0), open_ms(1), open_ms(2)]
    pushes = Counter(frame["data"]["s"] for _, frame in received if "data" in frame and not frame["data"]["k"]["x"])
    assert min(pushes.values()) >= 117


@pytest.mark.parametrize("delay_s", [1.2, 30.0])
@virtual
async def test_a_closed_candle_comes_late(delay_s: float) -> None:
    received = await binance(FaultKind.LATE, 60.0, delay_s=delay_s)
    times = {minute: time_s for time_s, minute in closed(received)}
    assert 60.0 + delay_s <= times[open_ms(0)] < 60.1 + delay_s
    assert times[open_ms(1)] < 120.3


@pytest.mark.parametrize(("venue", "from_last"), [("coinbase", 0), ("kraken", 1)])
@pytest.mark.parametrize("delay_s", [1.2, 30.0])
@virtual
async def test_a_trade_comes_late_and_the_client_can_notice(venue: str, from_last: int, delay_s: float) -> None:
    path, message = SUBSCRIBE[venue]
    async with exchange(venue, fault(FaultKind.LATE, 10.0, 60.0, delay_s=delay_s)) as server:
        async with connected(server, path, [message]) as socket:
            received = [(time_s, value_of(frame)) for time_s, frame in await frames(socket, 110.0)]
        assert server.happened == {"late": 1}
        trades = server.markets["BTCUSD"].minute(open_ms(0)).published
        missed = trades[-1 - (from_last if delay_s > 2.0 else 0)].id
    found = [time_s for time_s, frame in received if missed in ids_of(frame, "BTC")]
    assert [60.0 + delay_s <= time_s < 60.1 + delay_s for time_s in found] == [True]
    if venue == "coinbase":
        numbers = [frame["sequence_num"] for _, frame in received]
        assert numbers != sorted(numbers)
        assert sorted(numbers) == list(range(len(numbers)))


def ids_of(frame: Any, base: str) -> list[int]:
    """Return the ids of the trades in a frame of Coinbase or Kraken; none of a snapshot."""
    if "events" in frame:
        event = frame["events"][0]
        trades = event.get("trades", ()) if event.get("type") == "update" else ()
        return [int(trade["trade_id"]) for trade in trades if trade["product_id"].startswith(base)]
    if frame.get("channel") != "trade":
        return []
    return [trade["trade_id"] for trade in frame["data"] if trade["symbol"].startswith(base)]


@virtual
async def test_lost_frames_use_up_their_sequence_numbers() -> None:
    async with exchange("coinbase", fault(FaultKind.SEQUENCE_HOLE, 10.0, 60.0)) as server:
        received = await receive(server, SUBSCRIBE["coinbase"][0], SUBSCRIBE["coinbase"][1], HEARTBEATS, for_s=120.0)
        numbers = [frame["sequence_num"] for frame in received]
        assert numbers == sorted(set(numbers))
        assert len(numbers) < numbers[-1] + 1
        counters = [frame["events"][0]["heartbeat_counter"] for frame in received if frame["channel"] == "heartbeats"]
        assert counters == list(range(1, len(counters) + 1))


@virtual
async def test_the_last_trade_of_a_minute_is_never_lost() -> None:
    async with exchange("kraken", fault(FaultKind.SEQUENCE_HOLE, 10.0, 50.0)) as server:
        received = await receive_subscribed(server, 61.0)
        ids = [trade_id for frame in received for trade_id in ids_of(frame, "BTC")]
        assert ids == sorted(ids)
        assert len(ids) < ids[-1] - ids[0] + 1
        assert ids[-1] >= server.markets["BTCUSD"].minute(open_ms(0)).published[-1].id


@virtual
async def test_garbage_comes_between_frames_and_none_is_lost() -> None:
    received = await binance(FaultKind.GARBAGE, 200.0)
    assert [minute for _, minute in closed(received)] == [open_ms(0), open_ms(1), open_ms(2)]
    garbage = [frame for _, frame in received if not (isinstance(frame, dict) and ("stream" in frame or "result" in frame))]
    assert {bytes, str} <= {type(frame) for frame in garbage}
    assert any(repr(frame) in {repr(value_of(foreign)) for foreign in FOREIGN.values()} for _, frame in received)


@virtual
async def test_microseconds_in_frames() -> None:
    received = await binance(FaultKind.MICROSECONDS, 60.0)
    micro = [frame["data"]["k"] for time_s, frame in received if 12.0 < time_s < 69.0]
    assert {(k["t"], k["T"]) for k in micro if not k["x"]} == {
        (open_ms(minute) * 1_000, open_ms(minute + 1) * 1_000 - 1) for minute in (0, 1)
    }
    assert all(frame["data"]["k"]["t"] < 10**13 for time_s, frame in received if time_s > 71.0)

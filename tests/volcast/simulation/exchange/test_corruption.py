"""Faults of the frames of a connection: lost, late, twice, in the wrong order, garbage between them."""

from collections import Counter
from typing import Any

import pytest

from tests.volcast.simulation.visit import (
    HEARTBEATS,
    SUBSCRIBE,
    connected,
    exchange,
    fault,
    frames,
    open_ms,
    value_of,
    virtual,
    visit,
    watch,
)
from volcast.simulation.exchange.corruption import FOREIGN
from volcast.simulation.exchange.faults import FaultKind


async def binance(kind: FaultKind, for_s: float, **parameters: Any) -> list[tuple[float, Any]]:
    """What comes in four minutes, of which the fault has from the tenth second on."""
    async with exchange("binance", fault(kind, 10.0, for_s, **parameters)) as place:
        path, says = SUBSCRIBE["binance"]
        async with connected(place, path, [says]) as socket:
            heard = [(time_s, value_of(frame)) for time_s, frame in await frames(socket, 240.0)]
        assert place.happened == {kind.value: 1}
        return heard


def closed(heard: list[tuple[float, Any]], pair: str = "BTCUSD") -> list[tuple[float, int]]:
    """When and of which minute."""
    frames_of = [(time_s, frame["data"]["k"]) for time_s, frame in heard if isinstance(frame, dict) and "stream" in frame]
    return [(time_s, k["t"]) for time_s, k in frames_of if k["x"] and k["s"] == pair]


@virtual
async def test_frames_are_sent_twice() -> None:
    heard = await binance(FaultKind.DUPLICATE, 120.0)
    counts = Counter(repr(frame) for _, frame in heard)
    assert set(counts.values()) == {1, 2}


@virtual
async def test_neighbours_are_swapped_and_nothing_is_lost_or_later_than_one_and_a_half_seconds() -> None:
    heard = await binance(FaultKind.REORDER, 200.0)
    events = [(time_s, frame["data"]["E"]) for time_s, frame in heard if "data" in frame]
    times = [event_ms for _, event_ms in events]
    assert times != sorted(times)
    assert max(time_s * 1_000 - (event_ms - open_ms(0)) for time_s, event_ms in events) < 1_500
    assert [minute for _, minute in closed(heard)] == [open_ms(0), open_ms(1), open_ms(2)]
    pushes = Counter(frame["data"]["s"] for _, frame in heard if "data" in frame and not frame["data"]["k"]["x"])
    assert min(pushes.values()) >= 117


@pytest.mark.parametrize("delay_s", [1.2, 30.0])
@virtual
async def test_a_closed_candle_comes_late(delay_s: float) -> None:
    heard = await binance(FaultKind.LATE, 60.0, delay_s=delay_s)
    times = {minute: time_s for time_s, minute in closed(heard)}
    assert 60.0 + delay_s <= times[open_ms(0)] < 60.1 + delay_s
    assert times[open_ms(1)] < 120.3


@pytest.mark.parametrize(("venue", "from_last"), [("coinbase", 0), ("kraken", 1)])
@pytest.mark.parametrize("delay_s", [1.2, 30.0])
@virtual
async def test_a_trade_comes_late_and_somebody_can_see_it(venue: str, from_last: int, delay_s: float) -> None:
    path, says = SUBSCRIBE[venue]
    async with exchange(venue, fault(FaultKind.LATE, 10.0, 60.0, delay_s=delay_s)) as place:
        async with connected(place, path, [says]) as socket:
            heard = [(time_s, value_of(frame)) for time_s, frame in await frames(socket, 110.0)]
        assert place.happened == {"late": 1}
        told = place.markets["BTCUSD"].minute(open_ms(0)).told
        missed = told[-1 - (from_last if delay_s > 2.0 else 0)].id
    found = [time_s for time_s, frame in heard if missed in ids_of(frame, "BTC")]
    assert [60.0 + delay_s <= time_s < 60.1 + delay_s for time_s in found] == [True]
    if venue == "coinbase":
        numbers = [frame["sequence_num"] for _, frame in heard]
        assert numbers != sorted(numbers)
        assert sorted(numbers) == list(range(len(numbers)))


def ids_of(frame: Any, base: str) -> list[int]:
    """Of the trades in a frame of Coinbase or Kraken, snapshots apart."""
    if "events" in frame:
        event = frame["events"][0]
        trades = event.get("trades", ()) if event.get("type") == "update" else ()
        return [int(trade["trade_id"]) for trade in trades if trade["product_id"].startswith(base)]
    if frame.get("channel") != "trade":
        return []
    return [trade["trade_id"] for trade in frame["data"] if trade["symbol"].startswith(base)]


@virtual
async def test_a_hole_uses_up_its_numbers() -> None:
    async with exchange("coinbase", fault(FaultKind.SEQUENCE_HOLE, 10.0, 60.0)) as place:
        heard = await visit(place, SUBSCRIBE["coinbase"][0], SUBSCRIBE["coinbase"][1], HEARTBEATS, for_s=120.0)
        numbers = [frame["sequence_num"] for frame in heard]
        assert numbers == sorted(set(numbers))
        assert len(numbers) < numbers[-1] + 1
        counters = [frame["events"][0]["heartbeat_counter"] for frame in heard if frame["channel"] == "heartbeats"]
        assert counters == list(range(1, len(counters) + 1))


@virtual
async def test_a_hole_of_trades_is_seen_by_a_later_trade_of_its_minute() -> None:
    async with exchange("kraken", fault(FaultKind.SEQUENCE_HOLE, 10.0, 50.0)) as place:
        heard = await watch(place, 61.0)
        ids = [trade_id for frame in heard for trade_id in ids_of(frame, "BTC")]
        assert ids == sorted(ids)
        assert len(ids) < ids[-1] - ids[0] + 1
        assert ids[-1] >= place.markets["BTCUSD"].minute(open_ms(0)).told[-1].id


@virtual
async def test_garbage_between_frames_that_are_all_there() -> None:
    heard = await binance(FaultKind.GARBAGE, 200.0)
    assert [minute for _, minute in closed(heard)] == [open_ms(0), open_ms(1), open_ms(2)]
    garbage = [frame for _, frame in heard if not (isinstance(frame, dict) and ("stream" in frame or "result" in frame))]
    assert {bytes, str} <= {type(frame) for frame in garbage}
    assert any(repr(frame) in {repr(value_of(foreign)) for foreign in FOREIGN.values()} for _, frame in heard)


@virtual
async def test_microseconds_in_frames() -> None:
    heard = await binance(FaultKind.MICROSECONDS, 60.0)
    micro = [frame["data"]["k"] for time_s, frame in heard if 12.0 < time_s < 69.0]
    assert {(k["t"], k["T"]) for k in micro if not k["x"]} == {
        (open_ms(minute) * 1_000, open_ms(minute + 1) * 1_000 - 1) for minute in (0, 1)
    }
    assert all(frame["data"]["k"]["t"] < 10**13 for time_s, frame in heard if time_s > 71.0)

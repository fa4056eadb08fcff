"""What faults do to the frames of one connection: frames are lost, late, doubled, reordered, or mixed with garbage."""

from collections.abc import Callable, Mapping
from random import Random

from .active_faults import ActiveFaults
from .faults import FaultKind

REORDER_WITHIN_US = 1_400_000
"""How long a frame is held back for another one to overtake it."""
_SHARE = 0.5
"""The share of frames that a fault affects while it is in effect."""
_GARBAGE_SHARE = 0.3
_HUGE_BYTES = 1_300_000

FOREIGN: Mapping[str, str] = {
    "binance": '{"e":"kline","E":1700000060100,"s":"LTCEUR","k":{"t":1700000040000,"T":1700000099999,"s":"LTCEUR","i":"1m","f":1,'
    '"L":3,"o":"61.1","c":"61.2","h":"61.3","l":"61.0","v":"8.5","n":3,"x":true,"q":"519.9","V":"1","Q":"61","B":"0"}}',
    "coinbase": '{"channel":"market_trades","client_id":"","timestamp":"2023-11-14T22:13:20.5Z","sequence_num":3,"events":[{'
    '"type":"update","trades":[{"trade_id":"7","product_id":"LTC-EUR","price":"61.1","size":"0.5","side":"BUY",'
    '"time":"2023-11-14T22:13:20Z"}]}]}',
    "kraken": '{"channel":"trade","type":"update","data":[{"symbol":"LTC/EUR","side":"buy","price":61.1,"qty":0.5,'
    '"ord_type":"limit","trade_id":7,"timestamp":"2023-11-14T22:13:20.000000Z"}]}',
    "bybit": '{"topic":"kline.1.LTCEUR","type":"snapshot","ts":1700000060100,"data":[{"start":1700000040000,"end":1700000099999,'
    '"interval":"1","open":"61.1","close":"61.2","high":"61.3","low":"61.0","volume":"8.5","turnover":"519","confirm":true,'
    '"timestamp":1700000060100}]}',
    "okx": '{"arg":{"channel":"candle1m","instId":"LTC-EUR"},"data":[["1700000040000","61.1","61.3","61.0","61.2","8.5","519",'
    '"519","1"]]}',
    "bitstamp": '{"event":"trade","channel":"live_trades_ltceur","data":{"id":7,"timestamp":"1700000000","microtimestamp":'
    '"1700000000500000","amount":0.5,"amount_str":"0.50000000","price":61.1,"price_str":"61.10","type":0}}',
}
"""Frames of other venues, about a pair to which no client has subscribed."""
_INVALID_FRAMES = ("", "{", "[]", "null", "7", '"text"', "<html>", "\x00\x01", '{"a":' * 40, "[" * 200_000, '{"e":"kline","k":7}')


class Corruption:
    """Stands between the streams that produce frames and the socket that sends them."""

    def __init__(
        self,
        venue: str,
        active_faults: ActiveFaults,
        random: Random,
        write: Callable[[str | bytes], object],
        call_later: Callable[[int, Callable[[], None]], None],
    ) -> None:
        """`write(frame)` sends a frame; `call_later(delay_us, action)` calls an action after a delay."""
        self._active_faults, self._random, self._write, self._call_later = active_faults, random, write, call_later
        self._foreign = [frame for name, frame in FOREIGN.items() if name != venue]
        self._held: str | None = None

    def send(self, frame: str, *, droppable: bool = True) -> None:
        """Send a frame with data. A frame that is not `droppable` is never lost, as no client could notice the loss."""
        if self._active_faults.none_active():
            self._write_in_order(frame)
            return
        if droppable and self._affects(FaultKind.SEQUENCE_HOLE):
            return
        if self._held is None and self._affects(FaultKind.REORDER, record=False):
            self._held = frame
            self._call_later(REORDER_WITHIN_US, lambda: self._release(frame))
            return
        self._write_in_order(frame)
        if self._affects(FaultKind.DUPLICATE):
            self._write(frame)
        if self._affects(FaultKind.GARBAGE, _GARBAGE_SHARE):
            self._write(self._garbage(frame))

    def send_oversized(self, *, two: bool) -> None:
        """Send one or two frames that are far too long."""
        for _ in range(1 + two):
            self._write(f'{{"text":"{"x" * _HUGE_BYTES}"}}')

    def _write_in_order(self, frame: str) -> None:
        """Write a frame, and right after it the one that was held back."""
        self._write(frame)
        if self._held is not None:
            held, self._held = self._held, None
            self._write(held)
            self._active_faults.use(FaultKind.REORDER)

    def _release(self, frame: str) -> None:
        """Write a frame that was held back, if no other has overtaken it."""
        if self._held is frame:
            self._held = None
            self._write(frame)

    def _affects(self, kind: FaultKind, share: float = _SHARE, *, record: bool = True) -> bool:
        if self._active_faults.active(kind) is None or self._random.random() >= share:
            return False
        if record:
            self._active_faults.use(kind)
        return True

    def _garbage(self, frame: str) -> str | bytes:
        match self._random.randrange(5):
            case 0:
                return self._random.randbytes(self._random.randrange(1, 200))
            case 1:
                return self._random.choice(self._foreign)
            case 2:
                return frame[: self._random.randrange(1, len(frame))]
            case 3:
                return frame.encode()[::-1]
            case _:
                return self._random.choice(_INVALID_FRAMES)

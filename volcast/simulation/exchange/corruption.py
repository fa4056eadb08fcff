"""What faults do to the frames of one connection: lost, late, twice, in the wrong order, garbage between them."""

from collections.abc import Callable, Mapping
from random import Random

from .active_faults import ActiveFaults
from .faults import FaultKind

REORDER_WITHIN_US = 1_400_000
"""A frame waits so long for one that may overtake it."""
_SHARE = 0.5
"""Of the frames that a fault meets while it is at work."""
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
"""What another venue might say, of a pair that nobody asked for."""
_RUBBISH = ("", "{", "[]", "null", "7", '"text"', "<html>", "\x00\x01", '{"a":' * 40, "[" * 200_000, '{"e":"kline","k":7}')


class Corruption:
    """Between those who make frames and the wire."""

    def __init__(
        self,
        venue: str,
        strikes: ActiveFaults,
        random: Random,
        say: Callable[[str | bytes], object],
        later: Callable[[int, Callable[[], None]], None],
    ) -> None:
        """`later(delay_us, what)` does something after a while."""
        self._strikes, self._random, self._say, self._later = strikes, random, say, later
        self._foreign = [frame for name, frame in FOREIGN.items() if name != venue]
        self._held: str | None = None

    def send(self, frame: str, *, droppable: bool = True) -> None:
        """A frame with data. Not `droppable`: nobody could notice that it is missing."""
        if self._strikes.calm():
            self._pass(frame)
            return
        if droppable and self._meets(FaultKind.SEQUENCE_HOLE):
            return
        if self._held is None and self._meets(FaultKind.REORDER, feel=False):
            self._held = frame
            self._later(REORDER_WITHIN_US, lambda: self._let_go(frame))
            return
        self._pass(frame)
        if self._meets(FaultKind.DUPLICATE):
            self._say(frame)
        if self._meets(FaultKind.GARBAGE, _GARBAGE_SHARE):
            self._say(self._garbage(frame))

    def huge(self, *, two: bool) -> None:
        """Far too long."""
        for _ in range(1 + two):
            self._say(f'{{"text":"{"x" * _HUGE_BYTES}"}}')

    def _pass(self, frame: str) -> None:
        """A frame that waits comes right behind this one."""
        self._say(frame)
        if self._held is not None:
            held, self._held = self._held, None
            self._say(held)
            self._strikes.feel(FaultKind.REORDER)

    def _let_go(self, frame: str) -> None:
        """Nothing overtook it."""
        if self._held is frame:
            self._held = None
            self._say(frame)

    def _meets(self, kind: FaultKind, share: float = _SHARE, *, feel: bool = True) -> bool:
        if self._strikes.active(kind) is None or self._random.random() >= share:
            return False
        if feel:
            self._strikes.feel(kind)
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
                return self._random.choice(_RUBBISH)

"""Simulated exchanges beside real venues: symbols and a source of their own, and a log that has only one of the two kinds.

The candles of `volcast simulate-exchange` are invented. In the state of a real symbol they would be a wrong story for weeks.
"""

from typing import NamedTuple

from volcast.core.decoder import is_symbol
from volcast.log.contract import Appender, Log, Mismatch

from .feeds import VENUES

_SUFFIX = "SIM"


class VenueNames(NamedTuple):
    """The names under which a venue's candles stand on a log."""

    venue: str
    """The venue's own name: `binance`."""
    simulated: bool

    @property
    def source(self) -> str:
        """The source of the records: `binance`, or `binance-simulated`."""
        return f"{self.venue}-simulated" if self.simulated else self.venue

    def symbol(self, real_symbol: str) -> str:
        """Return the symbol for that of the real market: the same, or `BTCUSDT.BINANCESIM`. Raise ValueError if it is too long.

        >>> VenueNames("kraken", simulated=True).symbol("BTCUSD.KRAKEN")
        'BTCUSD.KRAKENSIM'
        """
        symbol = real_symbol + _SUFFIX if self.simulated else real_symbol
        if not is_symbol(symbol):
            raise ValueError(f"{symbol!r:.60} is not a valid symbol; letters and digits are expected, 40 at most.")
        return symbol


class Rivals(NamedTuple):
    """The symbols that must not be on the log of a live producer: the simulated ones for a real venue, and the reverse."""

    simulated: bool
    """Whether the producer's own symbols are simulated."""
    reads_state: bool
    """Whether the symbols of all engines are looked at, too. That is cheap on SQLite alone."""

    async def check(self, symbol: str, log: Log, appender: Appender) -> None:
        """Raise Mismatch if the log has a rival of this symbol, or any rival among its engines."""
        other = symbol.removesuffix(_SUFFIX) if self.simulated else symbol + _SUFFIX
        found = [other] if await appender.last(other.encode(), lambda _: True) else []
        if self.reads_state and not found:
            state = await log.peek(keys_only=True)
            keys = [key.decode(errors="replace") for restored in state.values() for key in restored.snapshots]
            found = sorted(key for key in keys if _is_live(key, simulated=not self.simulated))
        if found:
            theirs, ours = ("the real market", "simulated ones") if self.simulated else ("a simulated exchange", "real ones")
            raise Mismatch(
                f"the log has candles of {theirs} ({found[0]}), and {ours} must not be mixed with them: choose another log, or "
                "set mix_simulated=true."
            )


def _is_live(symbol: str, *, simulated: bool) -> bool:
    """Return whether it is a symbol of a venue, real or simulated as asked."""
    venue = symbol.partition(".")[2]
    return venue.removesuffix(_SUFFIX).lower() in VENUES and venue.endswith(_SUFFIX) == simulated

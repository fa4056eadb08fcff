import asyncio
from dataclasses import dataclass, field

from .sequencer import Series
from .watchdog import Silence


@dataclass(slots=True)
class Stream:
    """One symbol of the venue."""

    symbol: str
    """On the log."""
    pair: str
    """As the venue spells it."""
    series: Series
    rhythm: Silence = field(default_factory=Silence)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Something may be wanted that was not."""
    unanswered: bool = False
    """The venue did not answer when it was asked last."""

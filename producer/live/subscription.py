import asyncio
from dataclasses import dataclass, field

from .sequencer import CandleSequencer
from .watchdog import SilenceDetector


@dataclass(slots=True)
class Subscription:
    """One symbol of the venue."""

    symbol: str
    """On the log."""
    pair: str
    """As the venue spells it."""
    series: CandleSequencer
    rhythm: SilenceDetector = field(default_factory=SilenceDetector)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Something may be wanted that was not."""
    unanswered: bool = False
    """The venue did not answer when it was asked last."""

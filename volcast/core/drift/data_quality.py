"""The detectors of broken data: frozen prices, repeated candles, missing minutes, suspect prices, a collapsed volume.

Thinly traded markets have flat minutes of their own, so a run of them is judged by how usual they are for the symbol.
"""

from math import log
from typing import Any, ClassVar, Final

from volcast.core.market.clock import DAY_MINUTES, HOUR_MINUTES

from .alarms import Evidence, Tier
from .detector import dump_evidence, load_evidence
from .observation import Observation
from .thresholds import DetectorThreshold

_WEEK_MINUTES: Final = 7 * DAY_MINUTES
_HOURS: Final = 24
_FIRST_SHARE: Final = 0.01


class _Run:
    """A run of minutes of a kind, judged by the kind's usual share: on if the run has at least so many, and is that unlikely.

    Minutes of a kind come in runs, so the logarithm of the probability counts by half. It needs no minute of another kind, except
    the first one after a run.
    """

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self.length = 0
        """Minutes of the run that goes on."""
        self._least = settings.threshold
        self._log_unlikely = settings.numbers["log10_unlikely"] * log(10.0)
        self._share = _FIRST_SHARE
        self._minute = 0

    def _add(self, minute: int, *, hit: bool) -> None:
        """Add a minute. The share is not learned while the alarm is on."""
        if not hit:
            self._minute = self._minute if self.evidence is None else minute
            self.length, self.evidence = 0, None
            return
        self.length += 1
        if self.evidence is not None:
            return
        others = min(max(minute - self._minute - 1, 0), _WEEK_MINUTES) if self._minute else 0
        share = self._share * (1.0 - 1.0 / _WEEK_MINUTES) ** others
        self._share = share + (1.0 - share) / _WEEK_MINUTES
        self._minute = minute
        if self.length > self._least:
            limit = max(self._least, 2 * self._log_unlikely / -log(min(max(self._share, _FIRST_SHARE), 0.999)))
            if self.length > limit:
                self.evidence = Evidence(float(self.length), limit, self._share, 1.0)

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"share": self._share, "run": [self.length, self._minute], "evidence": dump_evidence(self.evidence)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._share, self.evidence = float(state["share"]), load_evidence(state["evidence"])
        self.length, self._minute = map(int, state["run"])


class PriceFrozen(_Run):
    """Minute after minute, all four prices are the last close."""

    name: ClassVar[str] = "price_frozen"
    tier: ClassVar[Tier] = Tier.PAGE
    what = "The price is frozen: open, high, low and close are the last close, minute after minute."
    quantity = "share of flat minutes, usually and now"

    def push(self, seen: Observation) -> None:
        """Add a minute; minutes that are not flat may be left out while `length` is 0."""
        self._add(seen.minute, hit=seen.flat)


class CandleRepeated(_Run):
    """Minute after minute, the candle has the prices and the volume of the one before, and the volume is not 0."""

    name: ClassVar[str] = "candle_repeated"
    tier: ClassVar[Tier] = Tier.PAGE
    what = "The same candle comes again and again, its volume included."
    quantity = "share of minutes that repeat the candle before, usually and now"

    def push(self, seen: Observation) -> None:
        """Add a minute; minutes that repeat nothing may be left out while `length` is 0."""
        self._add(seen.minute, hit=seen.repeated)


class CandlesMissing:
    """Too many minutes of the last day have no candle. It ends below a quarter of the threshold."""

    name: ClassVar[str] = "candles_missing"
    tier: ClassVar[Tier] = Tier.TICKET
    what = "Too many minutes of the last day have no candle."
    quantity = "share of the last day's minutes without a candle"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._threshold = settings.threshold
        self.share = 0.0

    def push(self, seen: Observation) -> None:
        """Add a minute; it may be left out if its share is still `share`."""
        before, self.share = self.share, seen.missing_share
        if self.evidence is None and self.share > self._threshold:
            self.evidence = Evidence(self.share, self._threshold, before, self.share)
        elif self.share < self._threshold / 4:
            self.evidence = None

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"share": self.share, "evidence": dump_evidence(self.evidence)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.share, self.evidence = float(state["share"]), load_evidence(state["evidence"])


class SuspectPrices:
    """More candles of the last day than usual have a price far outside the market's scale. It ends below a quarter of that."""

    name: ClassVar[str] = "prices_suspect"
    tier: ClassVar[Tier] = Tier.TICKET
    what = "Many candles have a price far outside the market's scale, such as a feed's bad ticks."
    quantity = "candles with a suspect price a day, before and now"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._threshold = settings.threshold
        self._count, self._minute = 0.0, 0

    def push(self, seen: Observation) -> None:
        """Add a minute; sound ones may be left out while the alarm is off."""
        before = self._count * (1.0 - 1.0 / DAY_MINUTES) ** min(seen.minute - self._minute, _WEEK_MINUTES)
        self._count, self._minute = before + seen.suspect, seen.minute
        if self.evidence is None and self._count > self._threshold:
            self.evidence = Evidence(self._count, self._threshold, before, self._count)
        elif self._count < self._threshold / 4:
            self.evidence = None

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"count": [self._count, self._minute], "evidence": dump_evidence(self.evidence)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        count, minute = state["count"]
        self._count, self._minute, self.evidence = float(count), int(minute), load_evidence(state["evidence"])


class VolumeCollapsed:
    """For some hours in a row, the volume is a small part of what it usually is at that hour of the day (UTC).

    The statistic is log(usual / volume) of the hour. The usual volume is a mean of some days; it is not learned from hours of a
    collapse, until that has lasted for three days and is the usual volume now.
    """

    name: ClassVar[str] = "volume_collapsed"
    tier: ClassVar[Tier] = Tier.TICKET
    what = "The volume has collapsed: it is a small part of what is usual at this hour."
    quantity = "volume of an hour in the quote currency, usually and now"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._threshold, self._hours = settings.threshold, int(settings.numbers["hours"])
        self._give_up = int(settings.numbers["give_up_hours"])
        self._usual = [0.0] * _HOURS
        self._visits = [0] * _HOURS
        self._low_hours = 0

    def push(self, seen: Observation) -> None:
        """Add a minute; the last of each hour counts. Hours with missing minutes do not."""
        if seen.hour_end is not None and seen.hour_end.volume is not None:
            self._judge(seen.minute // HOUR_MINUTES % _HOURS, seen.hour_end.volume)

    def _judge(self, hour: int, volume: float) -> None:
        usual, visits = self._usual[hour], self._visits[hour]
        known = visits >= 3 and usual > 0.0  # noqa: PLR2004  days
        fall = log(usual / max(volume, usual * 1e-9)) if known else 0.0
        self._low_hours = min(self._low_hours + 1, self._give_up) if fall > self._threshold else 0
        if self._low_hours >= self._hours and self.evidence is None:
            self.evidence = Evidence(fall, self._threshold, usual, volume)
        elif not self._low_hours:
            self.evidence = None
        if not self._low_hours or self._low_hours >= self._give_up:
            self._visits[hour] = min(visits + 1, 14)
            self._usual[hour] += (volume - usual) / self._visits[hour]

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {
            "usual": list(self._usual),
            "visits": list(self._visits),
            "low_hours": self._low_hours,
            "evidence": dump_evidence(self.evidence),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        if len(state["usual"]) != _HOURS or len(state["visits"]) != _HOURS:
            raise ValueError(f"volumes of {_HOURS} hours are needed")
        self._usual, self._visits = [float(each) for each in state["usual"]], [int(each) for each in state["visits"]]
        self._low_hours = int(state["low_hours"])
        self.evidence = load_evidence(state["evidence"])

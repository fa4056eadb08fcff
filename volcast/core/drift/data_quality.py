"""The detectors of broken data: frozen prices, repeated candles, missing minutes, suspect prices, a collapsed volume.

Thinly traded markets have flat minutes of their own, so a run of them is judged by how usual they are for the symbol.
"""

from math import log
from typing import Any

from .events import Evidence, Tier, dump_evidence, load_evidence
from .observation import Observation
from .thresholds import DetectorThreshold

_WEEK_MINUTES = 7 * 1_440
_HOURS = 24
_FIRST_SHARE = 0.01


class _Run:
    """A run of minutes of a kind, judged by the kind's usual share: on if the run has at least so many, and is that unlikely.

    Minutes of a kind come in runs, so the logarithm of the probability counts by half.
    """

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._least = settings.threshold
        self._log_unlikely = settings.numbers["log10_unlikely"] * log(10.0)
        self._share = _FIRST_SHARE
        self._length = 0

    def add(self, *, hit: bool) -> None:
        """Add a minute. The share is not learned while the alarm is on."""
        if not hit:
            self._length, self.evidence = 0, None
        else:
            self._length += 1
        if self.evidence is None:
            self._share += (hit - self._share) / _WEEK_MINUTES
        limit = max(self._least, 2 * self._log_unlikely / -log(min(max(self._share, _FIRST_SHARE), 0.999)))
        if self.evidence is None and self._length > limit:
            self.evidence = Evidence(float(self._length), limit, self._share, 1.0)

    def dump(self) -> list[Any]:
        return [self._share, self._length, dump_evidence(self.evidence)]

    def load(self, state: list[Any]) -> None:
        share, length, evidence = state
        self._share, self._length, self.evidence = float(share), int(length), load_evidence(evidence)


class PriceFrozen:
    """Minute after minute, all four prices are the last close."""

    name, tier = "price_frozen", Tier.PAGE
    what = "The price is frozen: open, high, low and close are the last close, minute after minute."
    quantity = "share of flat minutes, usually and now"

    def __init__(self, settings: DetectorThreshold) -> None:
        self._run = _Run(settings)
        self._close = 0.0

    @property
    def evidence(self) -> Evidence | None:
        """Why the alarm is on; None while it is off."""
        return self._run.evidence

    def push(self, seen: Observation) -> None:
        """Add a minute."""
        open_, high, low, close = seen.prices
        self._run.add(hit=high == low == close == open_ == self._close)
        self._close = close

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"run": self._run.dump(), "close": self._close}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._run.load(state["run"])
        self._close = float(state["close"])


class CandleRepeated:
    """Minute after minute, the candle has the prices and the volume of the one before, and the volume is not 0."""

    name, tier = "candle_repeated", Tier.PAGE
    what = "The same candle comes again and again, its volume included."
    quantity = "share of minutes that repeat the candle before, usually and now"

    def __init__(self, settings: DetectorThreshold) -> None:
        self._run = _Run(settings)
        self._last: tuple[float, ...] = ()

    @property
    def evidence(self) -> Evidence | None:
        """Why the alarm is on; None while it is off."""
        return self._run.evidence

    def push(self, seen: Observation) -> None:
        """Add a minute."""
        candle = (*seen.prices, seen.volume)
        self._run.add(hit=seen.volume > 0.0 and candle == self._last)
        self._last = candle

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"run": self._run.dump(), "last": list(self._last)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._run.load(state["run"])
        self._last = tuple(map(float, state["last"]))


class CandlesMissing:
    """Too many minutes of the last day have no candle. It ends below a quarter of the threshold."""

    name, tier = "candles_missing", Tier.TICKET
    what = "Too many minutes of the last day have no candle."
    quantity = "share of the last day's minutes without a candle"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._threshold = settings.threshold
        self._share = 0.0

    def push(self, seen: Observation) -> None:
        """Add a minute."""
        before, self._share = self._share, seen.missing_share
        if self.evidence is None and self._share > self._threshold:
            self.evidence = Evidence(self._share, self._threshold, before, self._share)
        elif self._share < self._threshold / 4:
            self.evidence = None

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"share": self._share, "evidence": dump_evidence(self.evidence)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._share, self.evidence = float(state["share"]), load_evidence(state["evidence"])


class SuspectPrices:
    """More candles of the last day than usual have a price far outside the market's scale. It ends below a quarter of that."""

    name, tier = "prices_suspect", Tier.TICKET
    what = "Many candles have a price far outside the market's scale, such as a feed's bad ticks."
    quantity = "candles with a suspect price a day, before and now"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._threshold = settings.threshold
        self._count = 0.0

    def push(self, seen: Observation) -> None:
        """Add a minute."""
        before = self._count
        self._count = before * (1.0 - 1.0 / 1_440) + seen.suspect
        if self.evidence is None and self._count > self._threshold:
            self.evidence = Evidence(self._count, self._threshold, before, self._count)
        elif self._count < self._threshold / 4:
            self.evidence = None

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"count": self._count, "evidence": dump_evidence(self.evidence)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._count, self.evidence = float(state["count"]), load_evidence(state["evidence"])


class VolumeCollapsed:
    """For some hours in a row, the volume is a small part of what it usually is at that hour of the day (UTC).

    The statistic is log(usual / volume) of the hour. The usual volume is a mean of some days; it is not learned from hours of a
    collapse, until that has lasted for three days and is the usual volume now.
    """

    name, tier = "volume_collapsed", Tier.TICKET
    what = "The volume has collapsed: it is a small part of what is usual at this hour."
    quantity = "volume of an hour in the quote currency, usually and now"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._threshold, self._hours = settings.threshold, int(settings.numbers["hours"])
        self._give_up = int(settings.numbers["give_up_hours"])
        self._usual = [0.0] * _HOURS
        self._visits = [0] * _HOURS
        self._volume, self._minutes, self._low_hours = 0.0, 0, 0

    def push(self, seen: Observation) -> None:
        """Add a minute. Hours with missing minutes do not count."""
        self._volume += seen.volume
        self._minutes += 1
        if seen.minute % 60 != 59:  # noqa: PLR2004  the last of an hour
            return
        volume, complete = self._volume, self._minutes == 60  # noqa: PLR2004  minutes of an hour
        self._volume, self._minutes = 0.0, 0
        if complete:
            self._judge(seen.minute // 60 % _HOURS, volume)

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
            "hour": [self._volume, float(self._minutes), float(self._low_hours)],
            "evidence": dump_evidence(self.evidence),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        if len(state["usual"]) != _HOURS or len(state["visits"]) != _HOURS:
            raise ValueError(f"volumes of {_HOURS} hours are needed")
        self._usual, self._visits = [float(each) for each in state["usual"]], [int(each) for each in state["visits"]]
        volume, minutes, low_hours = state["hour"]
        self._volume, self._minutes, self._low_hours = float(volume), int(minutes), int(low_hours)
        self.evidence = load_evidence(state["evidence"])

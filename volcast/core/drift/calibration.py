"""The detector of distributions that are too narrow or too wide, by where outcomes lie in them (PIT).

If a forecast's distribution is right, the probability that it gave to values up to the outcome is uniform, and its normal score
is standard normal. Where outcomes lie on one side of the median, `forecast_biased` sees it; here it is about how far they lie.
"""

from math import log, sqrt
from typing import Any, ClassVar, Final

from .alarms import Evidence, Tier
from .cusum import Cusum
from .detector import dump_evidence, load_evidence
from .outcomes import ScoredOutcome
from .thresholds import DetectorThreshold

_DAY_HOURS, _FORTNIGHT_HOURS = 24, 336
_WATCHED: Final = 2
"""Quantities: log realized volatility, and the log return."""
_SENTENCES = (
    "Realized volatility lies further from the median than the forecast says: its interval is too narrow.",
    "Realized volatility lies nearer to the median than the forecast says: its interval is too wide.",
    "Returns are larger than the forecast says: its price bounds are too narrow.",
    "Returns are smaller than the forecast says: its price bounds are too wide.",
)
"""By sum: two for each watched quantity."""


class ForecastMiscalibrated:
    """Outcomes are spread more widely, or less, than the distributions that were forecast for them.

    Four sums, two for the realized volatility and two for the log return, add log likelihood ratios of normal scores z, which are
    limited to ±`largest_z`: that their standard deviation is `spread`, or 1 / `spread`, against that it is 1.

        x = z²/2 · (1 - 1/s²) - log s

    References: A. P. Dawid, The Prequential Approach, Journal of the Royal Statistical Society A 147 (1984). J. Berkowitz,
    Testing Density Forecasts, Journal of Business & Economic Statistics 19 (2001).
    """

    name: ClassVar[str] = "forecast_miscalibrated"
    tier: ClassVar[Tier] = Tier.TICKET
    quantity = "spread of the outcomes' normal scores, 1 if the forecast is right"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        spread, memory_hours = settings.numbers["spread"], settings.numbers["memory_hours"]
        self._most = settings.numbers["largest_z"] ** 2
        self._ratios = [((1.0 - s**-2) / 2, log(s)) for s in (spread, 1.0 / spread)]
        self._sums = [Cusum(settings.threshold, memory_hours) for _ in _SENTENCES]
        self._found = 0
        """The sum whose alarm is on, or was on last."""
        self._outcomes = 0
        self._means = [[1.0, 1.0] for _ in range(_WATCHED)]
        """Of z²: with a memory of 14 days, and of a day."""

    @property
    def what(self) -> str:
        """What was found while the alarm is on, in a sentence."""
        return _SENTENCES[self._found]

    def forget(self) -> None:
        """Start anew, as another model makes the forecasts from now on."""
        self.evidence, self._outcomes = None, 0
        for means in self._means:
            means[:] = 1.0, 1.0
        for each in self._sums:
            each.reset()

    def push(self, scored: ScoredOutcome) -> None:
        """Add an outcome."""
        self._outcomes += 1
        day, fortnight = (max(1 / self._outcomes, 1 / hours) for hours in (_DAY_HOURS, _FORTNIGHT_HOURS))
        sums = iter(self._sums)
        for means, z in zip(self._means, (scored.volatility_score, scored.return_score), strict=True):
            squared = min(z * z, self._most)
            means[1] += day * (squared - means[1])
            means[0] += fortnight * (means[1] - means[0])
            for factor, log_spread in self._ratios:
                next(sums).push(squared * factor - log_spread)
        self._judge()

    def _judge(self) -> None:
        """Begin the alarm with the largest sum that is on; it lasts until that one is off."""
        if self.evidence:
            self.evidence = self.evidence if self._sums[self._found].on else None
            return
        at = max(range(len(self._sums)), key=lambda i: self._sums[i].value if self._sums[i].on else 0.0)
        if self._sums[at].on:
            self._found = at
            before, after = map(sqrt, self._means[at // len(self._ratios)])
            self.evidence = Evidence(self._sums[at].value, self._sums[at].threshold, before, after)

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {
            "outcomes": self._outcomes,
            "means": [list(each) for each in self._means],
            "sums": [cusum.dump() for cusum in self._sums],
            "found": self._found,
            "evidence": dump_evidence(self.evidence),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._outcomes, self._found = int(state["outcomes"]), int(state["found"])
        if not 0 <= self._found < len(_SENTENCES):
            raise ValueError(f"there is no sum {self._found}")
        for means, (before, after) in zip(self._means, state["means"], strict=True):
            means[:] = float(before), float(after)
        for cusum, each in zip(self._sums, state["sums"], strict=True):
            cusum.load(each)
        self.evidence = load_evidence(state["evidence"])

"""The slow detectors: skill beside the baseline, bias, and coverage of intervals, on outcomes that do not overlap.

One outcome counts per hour, or per horizon if that is longer. Its forecast is kept when it is made, so that the outcome can be
placed in the forecast's own distribution: z is 0 at the median, and ±1.645 at the bounds of an interval of 90 %.
"""

from collections.abc import Callable
from math import exp, log
from typing import Any, NamedTuple

from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from .alarms import Evidence, Tier
from .cusum import Cusum
from .detector import dump_evidence, load_evidence
from .observation import Observation
from .thresholds import DetectorThreshold, Thresholds

SCORE_DETECTORS = ("skill_lost", "forecast_biased", "coverage_lost")
_HOUR_MINUTES = 60
_DAY_HOURS, _FORTNIGHT_HOURS = 24, 336


class ScoredOutcome(NamedTuple):
    """An outcome beside its forecast."""

    loss_gap: float
    """QLIKE of the forecast less that of the baseline; negative if the forecast is better."""
    z: float
    """The standardised residual."""
    covered: bool


class OutcomeGrid:
    """Selects outcomes that do not overlap, and scores them. The state is the one forecast that is waiting.

    `interval_level` is the probability of the forecast's interval.
    """

    def __init__(self, interval_level: float) -> None:
        self._made_minute = -1
        self.next_minute = 0
        """Earlier minutes may be left out."""
        self._bound_z = float(ndtri(0.5 + interval_level / 2))
        self._interval = (0.0, 0.0, 0.0)

    def push(self, seen: Observation) -> ScoredOutcome | None:
        """Return the outcome that counts with this minute; None if there is none."""
        scored = None
        if seen.minute - self._made_minute == seen.horizon_minutes and seen.outcome is not None:
            scored = _score(seen.outcome, *self._interval, self._bound_z)
        step = max(seen.horizon_minutes, _HOUR_MINUTES)
        if seen.minute % step == step - 1 and seen.warm:
            self._made_minute = seen.minute
            self._interval = (seen.volatility_median, seen.volatility_lower, seen.volatility_upper)
        due_minute, step_end = self._made_minute + seen.horizon_minutes, seen.minute - seen.minute % step + step - 1
        if step_end <= seen.minute:
            step_end += step
        self.next_minute = min(due_minute, step_end) if due_minute > seen.minute else step_end
        return scored

    def dump(self) -> list[float]:
        """Return the state as plain numbers."""
        return [float(self._made_minute), float(self.next_minute), *self._interval]

    def load(self, state: list[Any]) -> None:
        """Restore what `dump` returned. Raises TypeError or ValueError if it does not fit."""
        minute, next_minute, median, lower, upper = state
        self._made_minute, self.next_minute = int(minute), int(next_minute)
        self._interval = (float(median), float(lower), float(upper))


def _score(
    outcome: tuple[float, float, float], median: float, lower: float, upper: float, bound_z: float
) -> ScoredOutcome | None:
    if not lower < median < upper:
        return None
    realized, forecast, baseline = map(log, outcome)
    deviation = realized / 2 - log(median)
    bound = log(upper / median) if deviation > 0.0 else log(median / lower)
    z = deviation / bound * bound_z
    losses = (exp(min(realized - each, 50.0)) - (realized - each) - 1 for each in (forecast, baseline))
    return ScoredOutcome(next(losses) - next(losses), z, abs(deviation) <= bound)


class ScoreDetector:
    """Cumulative sums of a quantity of scored outcomes; the alarm is on while one of them is.

    Args:
        name: The detector's name.
        tier: Its tier.
        what: What it has found when it is on, in a sentence.
        quantity: What its evidence shows before (mean with a memory of 14 days) and after (of a day).
        watched: That quantity of an outcome.
        increments: What the sums add for an outcome, one number each; how many there are does not change.
        settings: The threshold of all sums, and `memory_hours`.
    """

    def __init__(
        self,
        *,
        name: str,
        tier: Tier,
        what: str,
        quantity: str,
        watched: Callable[[ScoredOutcome], float],
        increments: Callable[[ScoredOutcome], tuple[float, ...]],
        settings: DetectorThreshold,
    ) -> None:
        self.name, self.tier, self.what, self.quantity = name, tier, what, quantity
        self.evidence: Evidence | None = None
        self._watched, self._increments = watched, increments
        count = len(increments(ScoredOutcome(0.0, 0.0, covered=True)))
        self._sums = [Cusum(settings.threshold, settings.numbers["memory_hours"]) for _ in range(count)]
        self._outcomes = 0
        self._before = self._after = 0.0

    def push(self, scored: ScoredOutcome) -> None:
        """Add an outcome."""
        self._outcomes += 1
        self._after += max(1 / self._outcomes, 1 / _DAY_HOURS) * (self._watched(scored) - self._after)
        self._before += max(1 / self._outcomes, 1 / _FORTNIGHT_HOURS) * (self._after - self._before)
        on = [cusum.push(x) for cusum, x in zip(self._sums, self._increments(scored), strict=True)]
        if not any(on):
            self.evidence = None
        elif self.evidence is None:
            statistic = max(cusum.value for cusum in self._sums)
            self.evidence = Evidence(statistic, self._sums[0].threshold, self._before, self._after)

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {
            "outcomes": self._outcomes,
            "means": [self._before, self._after],
            "sums": [cusum.dump() for cusum in self._sums],
            "evidence": dump_evidence(self.evidence),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._outcomes = int(state["outcomes"])
        self._before, self._after = map(float, state["means"])
        for cusum, each in zip(self._sums, state["sums"], strict=True):
            cusum.load(each)
        self.evidence = load_evidence(state["evidence"])


def score_detectors(thresholds: Thresholds, interval_level: float) -> list[ScoreDetector]:
    """Return the detectors of lost skill, of bias and of lost coverage, for intervals of this probability."""
    skill, bias, coverage = (thresholds.detectors[name] for name in SCORE_DETECTORS)
    allowance, factor = bias.numbers["allowance"], coverage.numbers["miss_factor"]
    miss = min(factor * (1.0 - interval_level), 0.5 + 0.5 * (1.0 - interval_level))
    if_missed, if_covered = log(miss / (1.0 - interval_level)), log((1.0 - miss) / interval_level)
    lowest, highest, most = skill.numbers["lowest"], skill.numbers["highest"], bias.numbers["largest_z"]
    return [
        ScoreDetector(
            name=SCORE_DETECTORS[0],
            tier=Tier.PAGE,
            what="The forecast's loss is above that of the plain EWMA: its skill is lost.",
            quantity="QLIKE of the forecast less QLIKE of the EWMA, mean",
            watched=lambda scored: scored.loss_gap,
            increments=lambda scored: (min(max(scored.loss_gap, lowest), highest),),
            settings=skill,
        ),
        ScoreDetector(
            name=SCORE_DETECTORS[1],
            tier=Tier.TICKET,
            what="Outcomes lie above, or below, the median forecast for too long: the forecast is biased.",
            quantity="standardised residual, mean",
            watched=lambda scored: scored.z,
            increments=lambda scored: (min(scored.z, most) - allowance, min(-scored.z, most) - allowance),
            settings=bias,
        ),
        ScoreDetector(
            name=SCORE_DETECTORS[2],
            tier=Tier.TICKET,
            what="Too many outcomes lie outside the forecast's interval.",
            quantity="share of outcomes within the interval",
            watched=lambda scored: float(scored.covered),
            increments=lambda scored: (if_covered if scored.covered else if_missed,),
            settings=coverage,
        ),
    ]

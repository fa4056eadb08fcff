"""The slow detectors of lost skill and of bias, on outcomes that do not overlap."""

from collections.abc import Callable
from typing import Any

from .alarms import Evidence, Tier
from .cusum import Cusum
from .detector import dump_evidence, load_evidence
from .outcomes import ScoredOutcome
from .thresholds import DetectorThreshold, Thresholds

SCORE_DETECTORS = ("skill_lost", "forecast_biased")
_DAY_HOURS, _FORTNIGHT_HOURS = 24, 336


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
        count = len(increments(ScoredOutcome(0.0, 0.0, 0.0)))
        self._sums = [Cusum(settings.threshold, settings.numbers["memory_hours"]) for _ in range(count)]
        self._outcomes = 0
        self._before = self._after = 0.0

    def forget(self) -> None:
        """Start anew, as another model makes the forecasts from now on."""
        self.evidence, self._outcomes, self._before, self._after = None, 0, 0.0, 0.0
        for each in self._sums:
            each.reset()

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


def score_detectors(thresholds: Thresholds) -> list[ScoreDetector]:
    """Return the detectors of lost skill and of bias."""
    skill, bias = (thresholds.detectors[name] for name in SCORE_DETECTORS)
    allowance = bias.numbers["allowance"]
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
            quantity="normal score of the realized volatility, mean",
            watched=lambda scored: scored.volatility_score,
            increments=lambda scored: (
                min(scored.volatility_score, most) - allowance,
                min(-scored.volatility_score, most) - allowance,
            ),
            settings=bias,
        ),
    ]

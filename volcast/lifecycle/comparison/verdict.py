"""The rule by which a challenger takes the lead, or a changed model is refused: one pure function of the evidence.

A challenger is better if it has enough outcomes, its loss is smaller by a margin and beyond chance, it is worse for no symbol
beyond chance, and its intervals hold what they promise. Whatever is not known keeps the champion.
"""

from collections.abc import Sequence
from enum import StrEnum
from math import isfinite

from msgspec import Struct

from volcast.lifecycle.wording import with_noun

_ROUNDING = 12
"""Decimals of a comparison with a threshold: 0.93 − 0.9 must not be more than 0.03."""


class VerdictRule(Struct, frozen=True, kw_only=True):
    """The thresholds. Shares are from 0 to 1."""

    min_outcomes: int = 500
    """Times at which outcomes were scored; those of several symbols at one time count once, as markets move together."""
    min_days: int = 14
    """Days (UTC) with outcomes."""
    margin: float = 0.005
    """The share by which the challenger's QLIKE must be below the champion's."""
    alpha: float = 0.05
    """The probability of a wrong verdict of a night, divided among all challengers (Bonferroni)."""
    coverage_tolerance: float = 0.03
    """How far the coverage of the volatility's interval may be from its nominal level."""
    min_symbol_outcomes: int = 100
    """A symbol with fewer outcomes cannot veto."""

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold that is out of range."""
        for name in ("margin", "alpha", "coverage_tolerance"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 0 and below 1")
        for name in ("min_outcomes", "min_days", "min_symbol_outcomes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")


class SymbolEvidence(Struct, frozen=True):
    """One symbol: how the challenger's losses compare with the champion's."""

    symbol: str
    outcomes: int
    qlike: float
    qlike_ratio: float | None
    """Divided by the champion's; below 1 the challenger is better."""
    dm: float | None
    """Diebold-Mariano statistic, of Student's t; **above 0 the champion is better**, as in a backtest."""
    p_worse: float | None
    """One-sided: the probability of such a statistic or a larger one if both were equally good."""


class ChallengerEvidence(Struct, frozen=True, kw_only=True):
    """What is known of one challenger beside the champion, on the same outcomes."""

    model: str
    champion: str
    outcomes: int
    """Times at which outcomes were scored."""
    days: int
    is_same: bool
    """Whether all losses are the champion's own, as of the same model under another name."""
    qlike: float | None
    """Mean over the times of the mean over the symbols."""
    qlike_ratio: float | None
    """Divided by the champion's."""
    dm: float | None
    """As a symbol's, of the mean over the symbols: **above 0 the champion is better**."""
    p_better: float | None
    """One-sided, against a challenger that is no better: small if it is better beyond chance."""
    p_worse: float | None
    """One-sided, against a challenger that is no worse: small if it is worse beyond chance."""
    level: float
    """The nominal level of the intervals."""
    coverage: float | None
    """Of the challenger's intervals of volatility; None if it gives none for some outcome."""
    symbols: tuple[SymbolEvidence, ...] = ()
    failures: tuple[str, ...] = ()
    """Sentences: what is wrong with the data of the window. Any of them keeps the champion."""


class Standing(StrEnum):
    """Where a challenger stands beside the champion."""

    BETTER = "better"
    NOT_BETTER = "not better"
    """Neither better nor worse beyond doubt, or better with a defect."""
    WORSE = "worse"
    """Worse beyond chance."""
    UNKNOWN = "unknown"
    """The data do not suffice, or cannot be trusted."""


class Check(Struct, frozen=True):
    """One condition of the rule."""

    name: str
    passed: bool
    sentence: str


class Decision(Struct, frozen=True):
    """The verdict on one challenger."""

    model: str
    standing: Standing
    reason: str
    """One sentence: why it does not lead, or why it should."""
    checks: tuple[Check, ...]


def judge(evidence: ChallengerEvidence, rule: VerdictRule, challengers: int = 1) -> Decision:
    """Return the verdict on a challenger that is one of so many. Raises ValueError if there are none."""
    if challengers < 1:
        raise ValueError(f"challengers={challengers} must be at least 1")
    alpha = rule.alpha / challengers
    data = _data_checks(evidence, rule)
    quality = [_margin(evidence, rule), _chance(evidence, alpha), _symbols(evidence, rule), _coverage(evidence, rule)]
    checks = (*data, *quality)
    if failed := [check for check in data if not check.passed]:
        return Decision(evidence.model, Standing.UNKNOWN, " ".join(check.sentence for check in failed), checks)
    if evidence.p_worse is not None and isfinite(evidence.p_worse) and evidence.p_worse < alpha:
        reason = f"{evidence.model} is worse than {evidence.champion} beyond chance: {_figures(evidence)}."
        return Decision(evidence.model, Standing.WORSE, reason, checks)
    if failed := [check for check in quality if not check.passed]:
        return Decision(evidence.model, Standing.NOT_BETTER, " ".join(check.sentence for check in failed), checks)
    reason = f"{evidence.model} is better than {evidence.champion} beyond chance: {_figures(evidence)}."
    return Decision(evidence.model, Standing.BETTER, reason, checks)


def winner(decisions: Sequence[Decision], evidence: Sequence[ChallengerEvidence]) -> str | None:
    """Return the challenger that should lead: of those that are better, the one with the smallest loss; None if none is."""
    ratios = {each.model: each.qlike_ratio for each in evidence}
    better = [each.model for each in decisions if each.standing is Standing.BETTER]
    return min(better, key=lambda model: (ratios[model] or 0.0, model), default=None)


def _data_checks(evidence: ChallengerEvidence, rule: VerdictRule) -> list[Check]:
    checks = [
        _at_least("outcomes", evidence.outcomes, rule.min_outcomes, "scored times"),
        _at_least("days", evidence.days, rule.min_days, "days with outcomes"),
    ]
    failures = "; ".join(sentence.rstrip(".") for sentence in evidence.failures)
    sentence = (
        f"The data of the window failed the quality gate: {failures}." if failures else "Nothing is known against the data."
    )
    return [*checks, Check("data", not failures, sentence)]


def _at_least(name: str, found: int, needed: int, what: str) -> Check:
    few = "" if found >= needed else " This is too few for a verdict."
    return Check(name, found >= needed, f"There are {found} {what}, {needed} are needed.{few}")


def _margin(evidence: ChallengerEvidence, rule: VerdictRule) -> Check:
    ratio, limit = evidence.qlike_ratio, round(1.0 - rule.margin, _ROUNDING)
    if ratio is None or not isfinite(ratio):
        return Check("margin", passed=False, sentence="The ratio of the losses is not defined.")
    passed = round(ratio, _ROUNDING) <= limit
    sentence = f"QLIKE is {ratio:.4f} times the champion's; at most {limit:g} is asked for."
    return Check("margin", passed, sentence)


def _chance(evidence: ChallengerEvidence, alpha: float) -> Check:
    if evidence.is_same:
        return Check("chance", passed=False, sentence="All losses are those of the champion.")
    p = evidence.p_better
    if p is None or not isfinite(p):
        return Check("chance", passed=False, sentence="The Diebold-Mariano statistic is not defined.")
    sentence = f"The one-sided p-value of the Diebold-Mariano test is {p:.4f}; less than {alpha:.4f} is asked for."
    return Check("chance", p < alpha, sentence)


def _symbols(evidence: ChallengerEvidence, rule: VerdictRule) -> Check:
    """Return whether the challenger is worse for no symbol; the probability of a wrong veto is divided among the symbols, too."""
    judged = [each for each in evidence.symbols if each.outcomes >= rule.min_symbol_outcomes]
    if not judged:
        needed = with_noun(rule.min_symbol_outcomes, "outcome")
        return Check("symbols", passed=False, sentence=f"No symbol has {needed}, which it takes to be looked at alone.")
    alpha = rule.alpha / len(judged)
    worse = [each for each in judged if each.p_worse is not None and each.p_worse < alpha]
    if not worse:
        return Check(
            "symbols", passed=True, sentence=f"It is worse beyond chance for none of {with_noun(len(judged), 'symbol')}."
        )
    named = ", ".join(f"{each.symbol} (DM {each.dm:+.1f})" for each in worse)
    return Check("symbols", passed=False, sentence=f"It is worse beyond chance for {named}.")


def _coverage(evidence: ChallengerEvidence, rule: VerdictRule) -> Check:
    found, level = evidence.coverage, evidence.level
    if found is None or not isfinite(found):
        return Check("coverage", passed=False, sentence="It gives no interval of volatility for some outcomes.")
    passed = round(abs(found - level), _ROUNDING) <= round(rule.coverage_tolerance, _ROUNDING)
    sentence = f"Its intervals cover {found:.1%} of the outcomes; {level:.0%} ± {rule.coverage_tolerance:.1%} is asked for."
    return Check("coverage", passed, sentence)


def _figures(evidence: ChallengerEvidence) -> str:
    ratio = "–" if evidence.qlike_ratio is None else f"{evidence.qlike_ratio:.4f}"
    dm = "–" if evidence.dm is None else f"{evidence.dm:+.2f}"
    times, days = with_noun(evidence.outcomes, "scored time"), with_noun(evidence.days, "day")
    return f"QLIKE ratio {ratio}, Diebold-Mariano {dm}, {times} on {days}"

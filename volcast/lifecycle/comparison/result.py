"""comparison.json: the result of a comparison, complete enough to decide on a promotion by it, and to check it again.

The same outcomes and rule give the same bytes: it has no time of its own.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from .scores import SymbolScores
from .verdict import ChallengerEvidence, Decision, Standing, VerdictRule

COMPARISON_FORMAT: Literal[1] = 1


class BadComparisonError(ValueError):
    """A file is no comparison: one sentence for the user."""


class ComparedModel(Struct, frozen=True):
    """One model: its scores, and for a challenger what speaks for and against it."""

    model: str
    scores: tuple[SymbolScores, ...]
    """By symbol, in alphabetical order."""
    evidence: ChallengerEvidence | None
    """None of the champion."""
    decision: Decision | None
    daily_qlike: tuple[float | None, ...] = ()
    """By day of `days`: the mean loss."""


class LifecycleComparison(Struct, frozen=True, kw_only=True):
    """What was compared, and the verdict. Times are milliseconds since 1970-01-01 UTC."""

    format: Literal[1] = COMPARISON_FORMAT
    interval: str | None
    """The data interval's day, as in 2026-11-05; None for files."""
    from_ms: int
    """When the first scored forecast was made."""
    to_ms: int
    """When the last one was made."""
    horizon_minutes: int | None
    symbols: tuple[str, ...]
    data_hash: str
    """SHA-256 of the candles, or of the outcomes if the candles are not known."""
    champion: str
    rule: VerdictRule
    winner: str | None
    """The challenger that should lead; None: the champion goes on."""
    summary: str
    """The verdict in one sentence."""
    models: tuple[ComparedModel, ...]
    """The champion first, the others by rising loss."""
    days: tuple[str, ...]
    """The days with outcomes, UTC."""
    left_out_days: tuple[str, ...] = ()
    """Days of the window whose data have failed the gate: nothing of them is scored."""
    versions: dict[str, str]
    """By name: volcast, git where it is known, and the libraries that the forecasts depend on."""

    @property
    def losers(self) -> list[ComparedModel]:
        """The challengers that do not lead, each with its reason in `decision`."""
        return [each for each in self.models if each.decision is not None and each.model != self.winner]

    def standing_of(self, model: ComparedModel) -> str:
        """Return where a model stands, in a word or two: `champion`, `leads` for the winner, or as its decision says."""
        if model.decision is None:
            return "champion"
        return "leads" if model.model == self.winner else model.decision.standing.value

    def reason_of(self, model: ComparedModel) -> str:
        """Return in a sentence why a challenger leads, or why it does not; empty for the champion."""
        if model.decision is None:
            return ""
        if model.decision.standing is Standing.BETTER and model.model != self.winner:
            return f"{model.decision.reason} But the loss of {self.winner} is smaller still."
        return model.decision.reason

    def model(self, name: str) -> ComparedModel:
        """Return a model by its name. Raises KeyError if it was not compared."""
        for each in self.models:
            if each.model == name:
                return each
        raise KeyError(name)


def encode_comparison(comparison: LifecycleComparison) -> bytes:
    """Return the content of comparison.json."""
    return msgspec.json.format(msgspec.json.encode(comparison, order="deterministic"), indent=1) + b"\n"


def decode_comparison(content: bytes) -> LifecycleComparison:
    """Return the comparison. Raises BadComparisonError if it is none, or of another format."""
    try:
        return msgspec.json.decode(content, type=LifecycleComparison)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadComparisonError(f"this is no comparison of `volcast compare`: {error}") from None

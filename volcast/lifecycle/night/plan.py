"""What a night is about: the data interval, models, window and thresholds. All steps read it, and none changes it."""

from hashlib import sha256

import msgspec
from msgspec import Struct

from volcast.lifecycle.comparison.verdict import VerdictRule
from volcast.lifecycle.quality.gate import GateThresholds


class NightPlan(Struct, frozen=True, kw_only=True):
    """What a night is about. The same plan and the same candles give the same results."""

    day: str
    """The data interval, as in 2026-11-05, UTC."""
    champion: str | None
    """The model that leads; None: the one that made the day's last signals, or `configured`."""
    configured: str
    """The setting `model`."""
    challengers: tuple[str, ...]
    days: int = 30
    """Days whose forecasts are scored."""
    warmup_days: int = 30
    """Days before them, from which models only learn."""
    rule: VerdictRule = VerdictRule()
    thresholds: GateThresholds = GateThresholds()
    expected: tuple[str, ...] = ()
    """Symbols without whose candles the gate fails."""
    horizon_minutes: int = 60
    level: float = 0.9
    prior: str = "bundled"
    backtest_arguments: tuple[str, ...] = ()
    """Settings of the backtests, as arguments of `volcast backtest`."""


def inputs_hash(*parts: object) -> str:
    """Return the SHA-256 of values that msgspec can encode: of what a step's result depends on."""
    return sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()

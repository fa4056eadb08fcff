"""Positions whose size follows the forecast, against positions of constant size on the same candles: an illustration.

It is no strategy: the position is always long, and nothing here says where the price goes. Once a horizon the size becomes

    size = min(max_size, target / forecast)     both volatilities over the horizon

as a multiple of the equity, unless it is nearly that already, and costs are paid for what is traded. Until the next trade the
number of coins stays the same, so that the size drifts with the price. Interest, funding, slippage and taxes are left out.
Forecasts are those that were made at the rebalancing's close, which is also the price of the trade.

References: A. Moreira & T. Muir, Volatility-Managed Portfolios, J. Finance 72 (2017); C. Harvey et al., The Impact of Volatility
Targeting, J. Portfolio Management 45 (2018).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.backtest.periods import Times
from volcast.backtest.scores import BASIS_POINTS, finite_or_none, mean
from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS, YEAR_MINUTES

from .trailing import Windows

MIN_PERIODS = 48
"""Fewer give no volatility worth the name."""
_CURVE_POINTS = 500
_HELD, _BEFORE = "fixed 1", "fixed past"


class SizingRules(Struct, frozen=True, kw_only=True):
    """How large positions are, and what it costs to change them. Raises ValueError if a number is out of its range."""

    target_volatility: float = 0.4
    """The annualized volatility of the result that the size aims at; above 0."""
    max_size: float = 2.0
    """The largest size, as a multiple of the equity; above 0. Above 1 the position is partly borrowed."""
    cost_bp: float = 5.0
    """What it costs to trade a value equal to the equity, in 1e-4 of it; at least 0."""
    no_trade: float = 0.2
    """Nothing is traded while the size is within this share of the one aimed at; at least 0. With 0 every rebalancing trades."""

    def __post_init__(self) -> None:
        if not (0.0 < self.target_volatility < float("inf")):
            raise ValueError(f"target_volatility={self.target_volatility} must be above 0: 0.4 is 40 % a year")
        if not (0.0 < self.max_size < float("inf")):
            raise ValueError(f"max_size={self.max_size} must be above 0: 2 is twice the equity")
        if not (0.0 <= self.cost_bp < float("inf")):
            raise ValueError(f"cost_bp={self.cost_bp} must be at least 0")
        if not (0.0 <= self.no_trade < float("inf")):
            raise ValueError(f"no_trade={self.no_trade} must be at least 0: 0.2 is 20 % of the size")


class Outcomes(NamedTuple):
    """What becomes of a position from one rebalancing to the next; each (m - 1,)."""

    growth: Floats
    """The factor by which the equity grows."""
    traded: Floats
    """What is traded at the beginning, as a multiple of the equity; the first is the whole size."""
    held: Floats
    """The size after that."""


class SizedPosition(Struct, frozen=True, kw_only=True):
    """What became of one way to size the position. Shares are of the equity; a year has 525 600 minutes."""

    name: str
    mean_size: float | None
    trades: float | None
    """Share of rebalancings at which something was traded."""
    share_at_max: float | None
    """Share of rebalancings at which `max_size` limited the size aimed at; None for a constant size."""
    turnover: float | None
    """Value traded a year, as a multiple of the equity."""
    cost: float | None
    """Costs a year, as a share of the equity."""
    volatility: float | None
    """Annualized, of the returns from rebalancing to rebalancing."""
    volatility_lowest: float | None
    volatility_highest: float | None
    """Annualized, of the calmest and the wildest two weeks, judged at each midnight."""
    total_return: float | None
    annual_return: float | None
    """Compounded; None for less than a year, which says nothing of a year."""
    max_drawdown: float | None
    """The largest loss from the highest equity before."""
    equity: list[float]
    """At the times of `SizedPositions.times_ms`; it begins with 1."""
    trailing_volatility: list[float | None]
    """Annualized, over the two weeks before each day of `SizedPositions.days`."""


class SizedPositions(Struct, frozen=True):
    """All ways to size the position, over the same rebalancings."""

    rebalancings: int
    days: list[str]
    times_ms: list[int]
    models: list[SizedPosition]
    """Sized by each model's forecasts."""
    constants: list[SizedPosition]
    """Of constant size."""


def rebalancings(open_time_ms: Times, horizon_minutes: int) -> NDArray[np.int64]:
    """Return the indices of candles after which the size changes: the last ones before each full horizon, from 1970 on."""
    return np.flatnonzero(open_time_ms // MINUTE_MS % horizon_minutes == horizon_minutes - 1)


def positions(
    open_time_ms: Times, close: Floats, variances: Mapping[str, Floats], *, horizon_minutes: int, first: int, rules: SizingRules
) -> SizedPositions:
    """Return what became of a position by each model's variances, and of two of constant size.

    One constant size is 1; the other is the target divided by the volatility before the first scored candle, limited alike, and
    is left out if there are too few returns before.

    Args:
        open_time_ms: (n,) of the candles after whose close forecasts were made, rising.
        close: (n,) their closes.
        variances: By model (n,), the expected variance over the horizon. Where it is not usable, the size aimed at stays.
        horizon_minutes: The horizon.
        first: The index from which on candles are scored; what lies before serves only to find the constant size.
        rules: Target, limit and costs.
    """
    at = rebalancings(open_time_ms, horizon_minutes)
    before, at = at[at < first], at[at >= first]
    made_ms = open_time_ms[at] + MINUTE_MS
    windows = Windows.of(made_ms[1:], horizon_minutes)
    stride = max(1, -(-at.size // _CURVE_POINTS))
    horizons_a_year = YEAR_MINUTES / horizon_minutes
    target = rules.target_volatility / np.sqrt(horizons_a_year)
    sizes = {name: _sizes(variance[at], target, rules.max_size) for name, variance in variances.items()}
    constants = {_HELD: np.ones(at.size)}
    past = np.diff(close[before]) / close[before[:-1]]
    if past.size >= MIN_PERIODS:
        volatility = _annualized(past, open_time_ms[before])
        if volatility > 0.0:
            constants[_BEFORE] = np.full(at.size, min(rules.max_size, rules.target_volatility / volatility))

    def judge(name: str, size: Floats, at_max: float) -> SizedPosition:
        found = outcome_of(size, close[at], rules)
        return _position(name, found, at_max=at_max, made_ms=made_ms, rules=rules, windows=windows, stride=stride)

    return SizedPositions(
        at.size,
        windows.days,
        made_ms[::stride].tolist(),
        [judge(name, size, mean(size[:-1] >= rules.max_size)) for name, size in sizes.items()],
        [judge(name, size, np.nan) for name, size in constants.items()],
    )


def outcome_of(size: Floats, close: Floats, rules: SizingRules) -> Outcomes:
    """Return what becomes of a position.

    `size` and `close` are (m,), the sizes aimed at and the prices at the rebalancings. Costs lower the equity when they are paid.
    After a loss of everything the equity stays 0.

    >>> found = outcome_of(np.array([1.0, 2.0, 0.0]), np.array([100.0, 110.0, 99.0]), SizingRules(cost_bp=0.0, no_trade=0.0))
    >>> [round(float(each), 3) for each in found.growth], [round(float(each), 3) for each in found.traded]
    ([1.1, 0.8], [1.0, 1.0])
    """
    moves = (np.diff(close) / close[:-1]).tolist()
    cost, band = rules.cost_bp / BASIS_POINTS, rules.no_trade
    growth, traded, held = np.zeros((3, len(moves)))
    have = 0.0
    for i, (aim, move) in enumerate(zip(size.tolist(), moves, strict=False)):
        trade = abs(aim - have)
        if trade > band * aim:
            traded[i], have = trade, aim
        held[i] = have
        gross = 1.0 + have * move
        growth[i] = max(gross * (1.0 - cost * traded[i]), 0.0)
        if growth[i] == 0.0:
            break
        have *= (1.0 + move) / gross
    return Outcomes(growth, traded, held)


def _sizes(variance: Floats, target: float, max_size: float) -> Floats:
    """Return the sizes; where the forecast is not usable that of the last usable one, 0 before the first."""
    sound = np.isfinite(variance) & (variance > 0.0)
    last = np.maximum.accumulate(np.where(sound, np.arange(variance.size), -1))
    size = np.minimum(target / np.sqrt(np.where(sound, variance, 1.0)), max_size)
    return np.where(last >= 0, size[last], 0.0)


def _position(
    name: str, found: Outcomes, *, at_max: float, made_ms: Times, rules: SizingRules, windows: Windows, stride: int
) -> SizedPosition:
    growth, traded, held = found
    years = float(made_ms[-1] - made_ms[0]) / MINUTE_MS / YEAR_MINUTES if made_ms.size > 1 else np.nan
    equity = np.concatenate(([1.0], np.cumprod(growth)))[: made_ms.size]
    total = float(equity[-1]) - 1.0 if growth.size else np.nan
    enough = growth.size >= MIN_PERIODS
    trailing = [_annualized(growth[start:end] - 1.0, made_ms[start : end + 1]) for start, end in windows.spans()]
    known = [each for each in trailing if np.isfinite(each)]
    numbers = {
        "mean_size": mean(held),
        "trades": mean(traded > 0.0),
        "share_at_max": at_max,
        "turnover": float(traded.sum()) / years if enough else np.nan,
        "cost": float(traded.sum()) / years * rules.cost_bp / BASIS_POINTS if enough else np.nan,
        "volatility": _annualized(growth - 1.0, made_ms) if enough else np.nan,
        "volatility_lowest": min(known, default=np.nan),
        "volatility_highest": max(known, default=np.nan),
        "total_return": total,
        "annual_return": (1.0 + total) ** (1.0 / years) - 1.0 if years >= 1.0 else np.nan,
        "max_drawdown": float((1.0 - equity / np.maximum.accumulate(equity)).max()) if growth.size else np.nan,
    }
    return SizedPosition(
        name=name,
        equity=[float(f"{each:.6g}") for each in equity[::stride]],
        trailing_volatility=[finite_or_none(each) for each in trailing],
        **{field: finite_or_none(value) for field, value in numbers.items()},
    )


def _annualized(returns: Floats, times_ms: Times) -> float:
    """Return the annualized volatility of returns (k,) between times (k + 1,), also where some periods are longer than others."""
    if returns.size < MIN_PERIODS:
        return np.nan
    years = float(times_ms[-1] - times_ms[0]) / MINUTE_MS / YEAR_MINUTES
    return float(np.sqrt(((returns - returns.mean()) ** 2).sum() / years))

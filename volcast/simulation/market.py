"""Candles of a known process: a seeded stochastic-volatility market whose true volatility is known, to judge forecasts by.

The log price moves without drift. Within minute i its diffusive variance is

    v_i = v · exp(slow_i + fast_i + rhythm(t_i)) / E[exp(slow + fast + rhythm)]

where v is the mean variance of a minute, `slow` and `fast` are stationary Gaussian AR(1) processes in log variance (with memories
of days and of an hour), and `rhythm` is a fixed daily profile in UTC with a dip at weekends. The price also jumps now and then: a
compound Poisson process with normal sizes. So E[r_i² | v_i] = v_i + λ·s², whose square root is `true_volatility`.

A minute consists of six steps; high and low are the extremes of a Brownian bridge on each step (Karatzas & Shreve, 1991,
2.8), so the range of a candle is as informative about v_i as in a market that trades continuously. Volume grows with v_i and with
the size of the move. Two factors: Alizadeh, Brandt & Diebold (2002); jumps: Merton (1976); volume: Clark (1973).

Symbols are independent unless a correlation is given (`draws.py`). Breaks can be planted, in the market and in its feed
(`breaks.py`). Left out on purpose: bid-ask bounce, a leverage effect, minutes without a trade, gaps.

A stream depends on (symbol, seed, start, breaks, correlation) alone, not on its length or on other symbols: a shorter run is the
beginning of a longer one. With another CPU or NumPy version a last digit may differ.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

import numpy as np
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import MINUTE_MS, YEAR_MINUTES

from .breaks import Break, MarketBreaks, check_breaks
from .broken_feed import broken_feed
from .candle import SimulatedCandle, as_candles
from .draws import Correlation, Draws, words_of_hash

_WEEK_MINUTES = 7 * DAY_MINUTES
_THURSDAY = 3
"""The weekday of 1970-01-01, where Monday is 0."""
_STEPS = 6
_CHUNK_MINUTES = DAY_MINUTES
_MAX_PRICE_DIGITS = 15

_Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketParameters:
    """The parameters of a market. Times are in minutes, hours in UTC, logs natural; log variances have no unit."""

    start_price: float
    """In the quote currency."""
    price_decimals: int
    """A tick is 10^-price_decimals; no price is below one tick."""
    volume_decimals: int
    minute_volume: float
    """The typical volume of a minute with mean variance, in the base currency."""
    annual_volatility: float
    """Of the diffusion, without jumps: √(v × minutes of a year)."""
    slow_minutes: float = 3.0 * DAY_MINUTES
    """The memory of the slow factor: its autocorrelation falls to 1/e after this time."""
    slow_std: float = 0.7
    """The stationary standard deviation, in log variance."""
    fast_minutes: float = 60.0
    fast_std: float = 0.6
    day_amplitude: float = 0.5
    """The amplitude of the first harmonic of the daily profile, in log variance; the second harmonic has a third of it."""
    peak_hour: float = 15.0
    weekend_log_variance: float = -0.6
    """Added on Saturdays and Sundays."""
    jumps_per_day: float = 0.5
    jump_std: float = 0.006
    """The standard deviation of a jump's log return."""
    volume_elasticity: float = 0.6
    """Volume is proportional to the variance to this power."""
    volume_noise_std: float = 0.6
    """The standard deviation of the noise in log volume, independent for each minute."""

    @property
    def log_variance(self) -> float:
        """The stationary variance of the log variance, apart from the daily rhythm."""
        return self.slow_std**2 + self.fast_std**2

    @property
    def jump_variance(self) -> float:
        """The variance that random jumps add to a minute."""
        return self.jumps_per_day / DAY_MINUTES * self.jump_std**2


def parameters_of(symbol: str) -> MarketParameters:
    """Return the parameters of a symbol: realistic levels for BTC and ETH; for others, levels derived from a hash of the name."""
    known = re.fullmatch(r"(BTC|ETH)(USD[CT]?|EUR)?", symbol)
    if known and known[1] == "BTC":
        return MarketParameters(
            start_price=42_000.0, price_decimals=2, volume_decimals=5, minute_volume=25.0, annual_volatility=0.50
        )
    if known:
        return MarketParameters(
            start_price=2_300.0, price_decimals=2, volume_decimals=4, minute_volume=250.0, annual_volatility=0.60
        )
    level, spread = (part / 2**32 for part in words_of_hash(symbol, 2))
    digits = 3.0 * level - 1.0
    start_price: float = 10.0**digits
    return MarketParameters(
        start_price=start_price,
        price_decimals=4 - int(np.floor(digits)),
        volume_decimals=1,
        minute_volume=100_000.0 / start_price,
        annual_volatility=0.6 + 0.3 * spread,
    )


def simulate_candles(
    symbol: str,
    *,
    minutes: int,
    seed: int,
    start_ms: int,
    parameters: MarketParameters | None = None,
    breaks: Sequence[Break] = (),
    correlation: Correlation | None = None,
) -> Iterator[SimulatedCandle]:
    """Generate the candles of `minutes` minutes from `start_ms` on, in constant memory; without breaks there is one each minute.

    `parameters` default to those of the symbol; of the breaks, those of other symbols are left out; with a `correlation` the
    symbol shares random numbers with all symbols of the same seed and start. Raises ValueError if `start_ms` is not a whole
    minute, `minutes` is negative or the correlation is not possible, BreakError if a break is not possible in this run, and,
    while it runs, OverflowError if a price gets more digits than a candle can have.
    """
    if start_ms % MINUTE_MS or minutes < 0:
        raise ValueError(f"start_ms={start_ms} must be a whole minute and minutes={minutes} not negative")
    own = [each for each in breaks if not each.symbols or symbol in each.symbols]
    check_breaks(own, sorted({symbol, *(other for each in own for other in each.symbols)}), start_ms, minutes)
    p = parameters or parameters_of(symbol)
    draws = Draws(symbol, seed, correlation, p.log_variance)
    market = islice(_candles(p, draws, start_ms, MarketBreaks(own)), minutes)
    return broken_feed(market, own) if own else market


def _candles(p: MarketParameters, draws: Draws, start_ms: int, breaks: MarketBreaks) -> Iterator[SimulatedCandle]:
    """Generate endless candles. A chunk always draws the same count of random numbers, so the length of a run has no effect."""
    slow, fast = draws.volatilities(2) * (p.slow_std, p.fast_std)
    log_price = float(np.log(p.start_price))
    ticks = _ticks(p, np.array([log_price]))[0]
    rhythm = _rhythm(p)
    while True:
        slow_path = _ar1(draws.volatilities(_CHUNK_MINUTES), slow, p.slow_minutes, p.slow_std)
        fast_path = _ar1(draws.volatilities(_CHUNK_MINUTES), fast, p.fast_minutes, p.fast_std)
        slow, fast = slow_path[-1], fast_path[-1]
        times_ms = start_ms + np.arange(_CHUNK_MINUTES) * MINUTE_MS
        clock = (times_ms // MINUTE_MS - breaks.rhythm_minutes(times_ms)) % _WEEK_MINUTES
        log_factor = slow_path + fast_path + rhythm[clock] - 0.5 * p.log_variance + breaks.log_variance(times_ms)
        variance = p.annual_volatility**2 / YEAR_MINUTES * np.exp(log_factor)
        close, high, low = _walk(draws, p, log_price, variance, breaks.log_jumps(times_ms))
        moves = np.diff(close, prepend=log_price) / np.sqrt(variance)
        closes = _ticks(p, close)
        opens = np.concatenate(([ticks], closes[:-1]))
        highs = np.maximum(_ticks(p, high), np.maximum(opens, closes))
        lows = np.minimum(_ticks(p, low), np.minimum(opens, closes))
        log_price, ticks = float(close[-1]), closes[-1]
        volume = _volume(draws, p, log_factor, moves) * breaks.volume_factor(times_ms)
        true_volatility = np.sqrt(variance + p.jump_variance)
        decimals = (p.price_decimals, p.volume_decimals)
        yield from as_candles(start_ms, decimals, (opens, highs, lows, closes), volume, true_volatility)
        start_ms += _CHUNK_MINUTES * MINUTE_MS


def _ar1(normal: Floats, last: float, memory_minutes: float, std: float) -> Floats:
    """Return a chunk of x_i = a·x_{i-1} + noise, with a = exp(-1/memory) and the stationary standard deviation `std`."""
    a = float(np.exp(-1.0 / memory_minutes))
    noise = normal * (std * np.sqrt(1.0 - a * a))
    return np.array(list(accumulate(noise.tolist(), lambda x, z: a * x + z, initial=float(last)))[1:])


def _rhythm(p: MarketParameters) -> Floats:
    """Return the log variance for each minute of the week from Thursday 00:00 UTC; the mean variance over a week is one."""
    minute = np.arange(_WEEK_MINUTES)
    angle = 2.0 * np.pi * (minute / 60.0 - p.peak_hour) / 24.0
    weekend = (minute // DAY_MINUTES + _THURSDAY) % 7 >= 5  # noqa: PLR2004  Saturday and Sunday
    shape = p.day_amplitude * (np.cos(angle) + np.cos(2.0 * angle) / 3.0) + p.weekend_log_variance * weekend
    return np.asarray(shape - np.log(np.exp(shape).mean()))


def _walk(
    draws: Draws, p: MarketParameters, log_price: float, variance: Floats, planted_jumps: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return log close, high and low of each minute. A jump happens at the beginning of a step, a planted one at the first.

    The highest point of a Brownian bridge that ends at x and has variance s² is (x + √(x² - 2·s²·ln U)) / 2, U uniform.
    """
    shape = (variance.size, _STEPS)
    step_variance = (variance / _STEPS)[:, np.newaxis]
    moves = draws.moves(shape) * np.sqrt(step_variance)
    rate = p.jumps_per_day / DAY_MINUTES / _STEPS
    jumps = draws.jumps(rate, shape) * p.jump_std
    jumps[:, 0] += planted_jumps
    ends = log_price + np.cumsum(moves + jumps).reshape(shape)
    begins = ends - moves
    up, down = -2.0 * step_variance * np.log(1.0 - draws.own_uniform((2, *shape)))
    high = (begins + 0.5 * (moves + np.sqrt(moves**2 + up))).max(axis=1)
    low = (begins + 0.5 * (moves - np.sqrt(moves**2 + down))).min(axis=1)
    return ends[:, -1], high, low


def _ticks(p: MarketParameters, log_price: Floats) -> _Integers:
    """Return prices in ticks. Raises OverflowError if one has more digits than a candle can have."""
    if float(log_price.max()) >= float(np.log(10.0)) * (_MAX_PRICE_DIGITS - p.price_decimals):
        raise OverflowError(f"a price has more than {_MAX_PRICE_DIGITS} digits; let breaks of the variance be smaller or shorter")
    return np.maximum(np.rint(np.exp(log_price) * 10.0**p.price_decimals), 1.0).astype(np.int64)


def _volume(draws: Draws, p: MarketParameters, log_factor: Floats, moves: Floats) -> Floats:
    """Return volumes in the base currency; `moves` are returns in standard deviations."""
    noise = p.volume_noise_std * draws.own_normal(log_factor.size) - 0.5 * p.volume_noise_std**2
    activity = 0.25 * np.minimum(np.abs(moves), 4.0)
    return np.asarray(p.minute_volume * np.exp(p.volume_elasticity * log_factor + activity + noise))

"""Two models on the same outcomes, by the signals that the log still has: losses, and whether they differ by more than chance.

An outcome counts if both models had forecast it. At a symbol's switch nothing is lost: its signals have the losses of the leader
and of the challengers before and after it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from volcast.core.codec import UNDECODABLE, decode_signal
from volcast.core.types import Signal
from volcast.log.contract import Log, Topic
from volcast.log.retry import to_end

_READ_RECORDS, _READ_S = 10_000, 0.2
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class PairedLosses:
    """The losses of two models of one symbol at the same forecasts, in the order of the signals."""

    made_ms: list[int] = field(default_factory=list)
    """When the forecasts were made, in milliseconds since 1970."""
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)

    def add(self, made_ms: int, first: float, second: float) -> None:
        """Add an outcome; one that was added already, as after a replay, counts once."""
        if not self.made_ms or made_ms > self.made_ms[-1]:
            self.made_ms.append(made_ms)
            self.first.append(first)
            self.second.append(second)


@dataclass(frozen=True, slots=True)
class ComparedLosses:
    """The result over all symbols."""

    symbols: dict[str, tuple[int, float, float]]
    """By symbol: outcomes, and the mean loss of each model."""
    outcomes: int
    """Times at which outcomes were scored; those of several symbols at one time count once."""
    days: int
    first: float | None
    """Mean loss of the first model, over the times; None without an outcome."""
    second: float | None
    dm: float | None
    """Diebold and Mariano's statistic of the first model's loss minus the second's; below 0 the first is better."""
    p_first_better: float | None
    """One-sided: small if the first model is better beyond chance."""


async def read_losses(log: Log, models: tuple[str, str], *, symbols: Collection[str], days: int) -> dict[str, PairedLosses]:
    """Return the paired losses by symbol, of the last so many days before each symbol's newest signal. Raises Unavailable."""
    found: dict[str, PairedLosses] = {}
    newest: dict[str, int] = {}
    async with log.reader(Topic.SIGNALS) as reader:
        async for batch in to_end(reader, _READ_RECORDS, _READ_S):
            for record in batch:
                try:
                    signal = decode_signal(record.value)
                except UNDECODABLE:
                    continue
                if not isinstance(signal, Signal) or (symbols and signal.symbol not in symbols):
                    continue
                newest[signal.symbol] = signal.open_time_ms
                _take(found.setdefault(signal.symbol, PairedLosses()), signal, models)
    recent = ((name, _since(losses, newest[name] - days * _DAY_MS)) for name, losses in sorted(found.items()))
    return {name: losses for name, losses in recent if losses.made_ms}


def compare_losses(losses: dict[str, PairedLosses]) -> ComparedLosses:
    """Return means and test. A time with outcomes of several symbols counts once, as markets move together."""
    import numpy as np  # noqa: PLC0415  # not needed by --help

    from volcast.backtest.scores import finite_or_none, mean  # noqa: PLC0415
    from volcast.lifecycle.comparison.evidence import loss_difference, mean_by_time  # noqa: PLC0415

    symbols = {
        name: (len(each.made_ms), mean(np.asarray(each.first)), mean(np.asarray(each.second))) for name, each in losses.items()
    }
    if not losses:
        return ComparedLosses({}, 0, 0, None, None, None, None)
    made = np.concatenate([np.asarray(each.made_ms, dtype=np.int64) for each in losses.values()])
    times, first = mean_by_time(made, np.concatenate([each.first for each in losses.values()]))
    _, second = mean_by_time(made, np.concatenate([each.second for each in losses.values()]))
    days = int(np.unique(times // _DAY_MS).size)
    difference = loss_difference(first, second, days)
    return ComparedLosses(
        symbols,
        int(times.size),
        days,
        mean(first),
        mean(second),
        finite_or_none(difference.statistic),
        finite_or_none(difference.p_below),
    )


def _take(losses: PairedLosses, signal: Signal, models: tuple[str, str]) -> None:
    if signal.outcome is None:
        return
    own = {each.model: each.qlike for each in signal.shadows} | {signal.model: signal.outcome.qlike}
    first, second = own.get(models[0]), own.get(models[1])
    if first is not None and second is not None:
        losses.add(signal.outcome.open_time_ms, first, second)


def _since(losses: PairedLosses, from_ms: int) -> PairedLosses:
    kept = [index for index, made_ms in enumerate(losses.made_ms) if made_ms >= from_ms]
    made, first, second = ([values[index] for index in kept] for values in (losses.made_ms, losses.first, losses.second))
    return PairedLosses(list(map(int, made)), first, second)

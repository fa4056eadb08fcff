"""How the models of one symbol are divided among processes.

Each process reads the candles and follows the market again, which costs about twice as much as a model. So models are divided
only if that is clearly faster.
"""

from collections.abc import Sequence

_SHARED = 55.0
"""Microseconds for each candle, whatever the models: reading, decoding, the features of the market, the signal."""
_COSTS = {"two_stage": 27.0, "river_blr": 200.0, "har_diurnal": 33.0, "har": 30.0, "ewma": 20.0, "last": 20.0}
_OWN = 60.0
"""A user's own model: more than most of ours, for it usually has no arrays."""
_GAIN = 0.9
"""Another process must save a tenth of the time."""

Groups = list[tuple[str, ...]]


def split_models(first: Sequence[str], others: Sequence[str], processes: int) -> Groups:
    """Return groups of models, one for each pass over the candles; `first` stay together, in the first group.

    There are at most as many groups as `processes`, and more than one only if that is faster by a tenth.

    >>> split_models(["two_stage"], ["har_diurnal", "ewma"], 2)
    [('two_stage', 'ewma'), ('har_diurnal',)]
    >>> split_models(["two_stage"], ["har_diurnal", "ewma"], 1)
    [('two_stage', 'har_diurnal', 'ewma')]
    """
    best = _divided(first, others, 1)
    for count in range(2, min(processes, 1 + len(others)) + 1):
        groups = _divided(first, others, count)
        if _slowest(groups) < _GAIN * _slowest(best):
            best = groups
    return best


def _divided(first: Sequence[str], others: Sequence[str], count: int) -> Groups:
    """Return `count` groups: each model, the slowest first, goes to the group that has least to do."""
    groups = [list(first), *([] for _ in range(count - 1))]
    for name in sorted(others, key=_cost, reverse=True):
        min(groups, key=lambda group: sum(map(_cost, group))).append(name)
    order = {name: at for at, name in enumerate(others)}
    return [(*first, *sorted(groups[0][len(first) :], key=order.__getitem__)), *map(tuple, filter(None, groups[1:]))]


def _cost(name: str) -> float:
    return _COSTS.get(name, _OWN)


def _slowest(groups: Groups) -> float:
    return _SHARED + max(sum(map(_cost, group)) for group in groups)

"""Two models on the same outcomes, by the signals of a log."""

from random import Random

import pytest
from msgspec.structs import replace

from tests.api.signals import signals
from tests.market import at
from tests.volcast.lifecycle.promotion.signalled import answer, signal
from volcast.core.forecast.results import Outcome
from volcast.core.types import Signal
from volcast.lifecycle.promotion.losses import compare_losses, read_losses
from volcast.log.contract import Log


def outcome(minute: int, qlike: float) -> Outcome:
    found = next(each.outcome for each in signals(80) if each.outcome)
    return replace(found, open_time_ms=at(minute), qlike=qlike)


def scored(symbol: str, minute: int, leader: str, qlike: float, **others: float | None) -> Signal:
    """Return a signal with the losses of the leader and of the others; None for one whose forecast did not come due."""
    plain = signal(symbol, minute, leader, **dict.fromkeys(others, 1))
    shadows = tuple(replace(each, qlike=others[each.model]) for each in plain.shadows)
    return replace(plain, outcome=outcome(minute - 60, qlike), shadows=shadows)


async def test_losses_of_both_are_paired_before_and_after_a_switch(log: Log) -> None:
    await answer(
        log,
        scored("BTCUSDT", 60, "two_stage", 0.5, har=0.25),
        scored("BTCUSDT", 61, "har", 0.125, two_stage=0.75),
        signal("BTCUSDT", 62, "har", two_stage=1),
        scored("BTCUSDT", 63, "har", 0.125, two_stage=None),
        scored("ETHUSDT", 60, "two_stage", 1.0, har=2.0, ewma=3.0),
    )
    losses = await read_losses(log, ("har", "two_stage"), symbols=(), days=30)
    assert losses["BTCUSDT"].made_ms == [at(0), at(1)]
    assert (losses["BTCUSDT"].first, losses["BTCUSDT"].second) == ([0.25, 0.125], [0.5, 0.75])
    assert (losses["ETHUSDT"].first, losses["ETHUSDT"].second) == ([2.0], [1.0])
    found = compare_losses(losses)
    assert found.symbols == {"BTCUSDT": (2, 0.1875, 0.625), "ETHUSDT": (1, 2.0, 1.0)}
    assert found.outcomes == 2  # two times, of which one has both symbols
    assert found.first == pytest.approx((1.125 + 0.125) / 2)
    assert found.dm is None  # too few


async def test_a_signal_that_was_written_twice_counts_once_and_old_ones_not_at_all(log: Log) -> None:
    one, two = scored("BTCUSDT", 60, "a", 1.0, b=2.0), scored("BTCUSDT", 60 + 1_440, "a", 3.0, b=4.0)
    await answer(log, one, two, one, two)
    losses = await read_losses(log, ("a", "b"), symbols=("BTCUSDT",), days=1)
    assert losses["BTCUSDT"].first == [3.0]
    assert await read_losses(log, ("a", "b"), symbols=("ETHUSDT",), days=1) == {}
    assert await read_losses(log, ("a", "c"), symbols=(), days=1) == {}


def test_nothing_to_compare_is_none_and_not_zero() -> None:
    found = compare_losses({})
    assert (found.outcomes, found.first, found.dm) == (0, None, None)


async def test_the_better_model_has_a_statistic_below_zero(log: Log) -> None:
    random = Random(4)
    pairs = [(minute, random.random()) for minute in range(60, 60 + 20 * 1_440, 60)]
    await answer(log, *[scored("BTCUSDT", minute, "a", loss, b=loss + 0.1 + 0.05 * random.random()) for minute, loss in pairs])
    found = compare_losses(await read_losses(log, ("a", "b"), symbols=(), days=90))
    assert found.dm is not None
    assert found.dm < -5.0
    assert found.p_first_better is not None
    assert found.p_first_better < 0.001
    turned = compare_losses(await read_losses(log, ("b", "a"), symbols=(), days=90))
    assert turned.dm == pytest.approx(-found.dm)

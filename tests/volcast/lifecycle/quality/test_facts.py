"""Each defect of a day's candles is counted, and the gate's verdict names it."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from volcast.lifecycle.quality.facts import count_facts, frame_hash, interval_ms
from volcast.lifecycle.quality.gate import GateFacts, GateThresholds, SymbolFacts, judge_data, thresholds_of
from volcast.lifecycle.quality.schemas import FRAME_SCHEMA

DAY = "2024-01-20"
BEGIN, END = interval_ms(DAY)
MINUTE = 60_000


def candles(symbol: str = "BTCUSDT", *, days: int = 10, seed: int = 1, scale: float = 1e-3) -> pl.DataFrame:
    """Return candles of some days, the last of which is the interval."""
    rng = np.random.default_rng(seed)
    count = days * 1_440
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, scale, count)))
    opened = np.concatenate([[100.0], close[:-1]])
    spread = np.abs(rng.normal(0.0, scale, count))
    return pl.DataFrame(
        {
            "symbol": [symbol] * count,
            "open_time_ms": END - MINUTE * np.arange(count, 0, -1),
            "open": opened,
            "high": np.maximum(opened, close) * (1.0 + spread),
            "low": np.minimum(opened, close) * (1.0 - spread),
            "close": close,
            "volume": rng.gamma(2.0, 5.0, count),
        }
    )


def changed(frame: pl.DataFrame, column: str, value: float | None, minutes: range) -> pl.DataFrame:
    """Return the frame with another value in some minutes of the interval."""
    at = pl.col("open_time_ms").is_in([BEGIN + MINUTE * minute for minute in minutes])
    return frame.with_columns(pl.when(at).then(pl.lit(value, pl.Float64)).otherwise(pl.col(column)).alias(column))


def without(frame: pl.DataFrame, minutes: range) -> pl.DataFrame:
    return frame.filter(~pl.col("open_time_ms").is_in([BEGIN + MINUTE * minute for minute in minutes]))


def failed(frame: pl.DataFrame, limits: GateThresholds | None = None, **given: object) -> list[str]:
    verdict = judge_data(count_facts(frame, DAY, **given), limits or GateThresholds())  # type: ignore[arg-type]
    assert verdict.passed == (not verdict.failures)
    return [f"{check.name}" for check in verdict.checks if not check.passed]


def one(facts: GateFacts) -> SymbolFacts:
    (found,) = facts.symbols
    return found


def test_a_good_day_passes() -> None:
    facts = count_facts(candles(), DAY)
    verdict = judge_data(facts, GateThresholds(), ["BTCUSDT"])
    assert verdict.passed
    assert verdict.summary == "The data of 1 symbol of 2024-01-20 passed all 23 checks."
    found = one(facts)
    assert (found.rows, found.missing_minutes, found.longest_gap_minutes, found.stale_minutes) == (1_440, 0, 0, 0.0)
    assert found.reference_minutes == 9 * 1_440
    assert all(check.sentence for check in verdict.checks)


@pytest.mark.parametrize(
    ("prices", "names"),
    [
        (
            candles().with_columns(pl.col("open", "high", "low", "close") * (1.0 + 99.0 * (pl.col("open_time_ms") >= BEGIN))),
            ["move", "level"],
        ),
        (changed(candles(), "high", 9e6, range(700, 701)), ["move"]),
        (changed(candles(), "close", 9e-6, range(700, 701)).with_columns(low=pl.min_horizontal("low", "close")), ["move"]),
        (changed(candles(), "high", 9e6, range(-700, -699)), []),
    ],
)
def test_prices_of_another_unit_and_a_bad_print_fail_with_any_number_of_days_before(
    prices: pl.DataFrame, names: list[str]
) -> None:
    assert failed(prices) == names
    assert failed(prices.filter(pl.col("open_time_ms") >= BEGIN - 1_440 * MINUTE)) == names


def test_the_first_day_of_a_symbol_has_no_level_and_the_verdict_says_what_was_not_judged() -> None:
    facts = count_facts(candles(days=1), DAY)
    assert one(facts).level_ratio is None
    summary = judge_data(facts, GateThresholds()).summary
    assert summary.endswith("passed all 17 checks. Too few candles before the day to judge the distributions of BTCUSDT.")


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_more_than_one_per_cent_of_missing_values_fails(column: str) -> None:
    """14 of 1440 are 0.97 %, 15 are 1.04 %."""
    assert failed(changed(candles(), column, None, range(14))) == []
    assert failed(changed(candles(), column, None, range(15))) == [f"nulls.{column}"]
    assert failed(changed(candles(), column, None, range(15)), thresholds_of({"max_null_share": 0.02})) == []


def test_a_number_that_is_not_one_counts_as_missing_only_as_null() -> None:
    """Frames have nulls, never NaN: pandera takes NaN for a large number, and here it is an impossible one."""
    assert failed(changed(candles(), "close", float("nan"), range(1))) == ["ranges"]


@pytest.mark.parametrize(
    ("column", "value"),
    [("close", -1.0), ("close", 0.0), ("high", 1.0), ("low", 1e6), ("volume", -1.0), ("open", float("inf"))],
)
def test_an_impossible_value_fails(column: str, value: float) -> None:
    frame = changed(candles(), column, value, range(700, 701))
    assert failed(frame) == ["ranges"]
    assert one(count_facts(frame, DAY)).out_of_range == 1


def test_what_was_wrong_in_the_month_before_is_no_fault_of_the_day() -> None:
    frame = candles().with_columns(pl.when(pl.col("open_time_ms") == BEGIN - MINUTE).then(-1.0).otherwise("close").alias("close"))
    assert failed(frame) == []


def test_gaps_fail_by_their_share_and_by_their_length() -> None:
    assert failed(without(candles(), range(300, 372))) == []
    spread = candles()
    for start in range(0, 1_400, 19):
        spread = without(spread, range(start, start + 1))
    assert failed(spread) == ["gaps"]
    assert failed(without(candles(), range(300, 421)), thresholds_of({"max_missing_share": 0.2})) == ["longest_gap"]
    assert one(count_facts(without(candles(), range(300, 421)), DAY)).longest_gap_minutes == 121


def test_a_gap_at_the_beginning_or_the_end_is_one() -> None:
    assert one(count_facts(without(candles(), range(130)), DAY)).longest_gap_minutes == 130
    assert failed(without(candles(), range(1_425, 1_440))) == []
    assert failed(without(candles(), range(1_424, 1_440))) == ["freshness"]


def test_repetitions_are_allowed_and_contradictions_are_not() -> None:
    day = candles().tail(14)
    assert failed(pl.concat([candles(), day])) == []
    assert failed(pl.concat([candles(), candles().tail(15)])) == ["duplicates"]
    other = candles().tail(1).with_columns(pl.col("volume") + 1.0)
    assert failed(pl.concat([candles(), other])) == ["conflicts"]


def test_refused_rows_count_as_missing() -> None:
    assert failed(candles(), refused={"BTCUSDT": 14}) == []
    assert failed(candles(), refused={"BTCUSDT": 15}) == ["nulls.refused"]
    assert "nulls.refused" in failed(candles().filter(pl.col("open_time_ms") < BEGIN), refused={"BTCUSDT": 3})


def test_a_symbol_without_candles_fails() -> None:
    verdict = judge_data(count_facts(candles(), DAY), GateThresholds(), ["BTCUSDT", "ETHUSDT"])
    assert verdict.failures == ["There are no candles of ETHUSDT."]
    nothing = judge_data(count_facts(pl.DataFrame(schema=FRAME_SCHEMA), DAY), GateThresholds())
    assert nothing.failures == ["There are candles of 0 symbols."]
    old = judge_data(count_facts(candles().filter(pl.col("open_time_ms") < BEGIN), DAY), GateThresholds())
    assert not old.passed
    assert "BTCUSDT: there is no candle." in old.failures


def test_another_unit_fails() -> None:
    """A volume in the other currency, or prices that stand still, have another scale than a market."""
    assert failed(
        candles().with_columns(
            pl.when(pl.col("open_time_ms") >= BEGIN).then(pl.col("volume") * 40_000).otherwise("volume").alias("volume")
        )
    ) == ["median.volume"]
    still = candles()
    for column in ("open", "high", "low", "close"):
        still = changed(still, column, 100.0, range(1_440))
    assert failed(still) == ["frozen", "longest_freeze", "median.range", "median.return"]


def frozen(minutes: range, days: int = 10) -> pl.DataFrame:
    """Return candles that stand still in these minutes of the day, with a volume as before."""
    still = candles(days=days)
    for column in ("open", "high", "low", "close"):
        still = changed(still, column, 100.0, minutes)
    return still.filter(pl.col("open_time_ms") >= BEGIN)


@pytest.mark.parametrize("days", [1, 3])
def test_a_frozen_day_fails_with_any_number_of_days_before(days: int) -> None:
    still = pl.concat([candles(days=days).filter(pl.col("open_time_ms") < BEGIN), frozen(range(1_440))])
    verdict = judge_data(count_facts(still, DAY), GateThresholds())
    assert verdict.failures == [
        "BTCUSDT: 99.93% of the minutes are frozen, without any move; at most 98.00% is allowed.",
        "BTCUSDT: the price stands still for 1439 minutes at most; up to 360 are allowed.",
    ]
    assert verdict.summary.endswith(" ".join([f"failed 2 of {len(verdict.checks)} checks:", *verdict.failures]))


def test_a_feed_that_freezes_within_the_day_fails_and_a_quiet_night_does_not() -> None:
    assert failed(frozen(range(900, 1_262))) == ["longest_freeze"]
    assert one(count_facts(frozen(range(900, 1_262)), DAY)).longest_frozen_minutes == 361
    assert failed(frozen(range(900, 1_261))) == []
    assert failed(frozen(range(900, 1_262)), thresholds_of({"max_frozen_minutes": 400})) == []


def test_a_coin_that_moves_in_few_minutes_passes_on_its_first_day_and_after_a_month() -> None:
    """In 100 minutes of a day, as small coins do; nothing is known of a median that is usually 0."""
    rng = np.random.default_rng(3)
    count = 10 * 1_440
    close = 100.0 * np.exp(np.cumsum(np.where(rng.random(count) < 100 / 1_440, rng.normal(0.0, 2e-3, count), 0.0)))
    before = np.concatenate([[100.0], close[:-1]])
    quiet = candles().with_columns(
        open=before, high=np.maximum(before, close), low=np.minimum(before, close), close=close, volume=np.abs(close - before)
    )
    assert failed(quiet) == []
    assert failed(quiet.filter(pl.col("open_time_ms") >= BEGIN)) == []


def test_a_summary_names_three_failures_and_counts_the_rest() -> None:
    many = candles().with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("open", "high", "low", "close", "volume"))
    verdict = judge_data(count_facts(many, DAY), GateThresholds())
    assert verdict.failures[2] in verdict.summary
    assert verdict.failures[3] not in verdict.summary
    assert verdict.summary.endswith(f" And {len(verdict.failures) - 3} more.")


def test_another_shape_fails() -> None:
    """The same median, but all values alike, as of a feed that fills in."""
    median = candles().filter(pl.col("open_time_ms") >= BEGIN)["volume"].median()
    assert isinstance(median, float)
    assert failed(changed(candles(), "volume", median, range(1_440))) == ["shape.volume"]


def test_a_loud_day_passes() -> None:
    """Three times the volatility is the market's business."""
    quiet, loud = candles(scale=1e-3), candles(scale=3e-3, seed=2)
    both = pl.concat([quiet.filter(pl.col("open_time_ms") < BEGIN), loud.filter(pl.col("open_time_ms") >= BEGIN)])
    assert failed(both) == []


def test_without_a_month_before_distributions_are_not_judged() -> None:
    verdict = judge_data(count_facts(candles(days=3), DAY), GateThresholds())
    assert verdict.passed
    (check,) = [check for check in verdict.checks if check.name == "distribution"]
    assert "distributions are not judged: there are 2880 candles of the month before, 10080 are needed" in check.sentence


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (candles(days=1).drop("volume"), "the column volume is missing"),
        (candles(days=1).cast({"close": pl.String}), "the column close is of type String, and Float64 is needed"),
    ],
)
def test_another_schema_fails(frame: pl.DataFrame, sentence: str) -> None:
    verdict = judge_data(count_facts(frame, DAY), GateThresholds())
    assert verdict.failures[0] == sentence


def test_the_hash_is_of_the_candles_whatever_their_order() -> None:
    both = pl.concat([candles(), candles("ETHUSDT", seed=2)])
    assert frame_hash(both) == frame_hash(both.sample(fraction=1.0, shuffle=True, seed=1))
    assert frame_hash(both) != frame_hash(changed(both, "close", 1.0, range(1)))


def test_thresholds_are_changed_by_name() -> None:
    assert thresholds_of({"max_gap_minutes": 5.0}) == GateThresholds(max_gap_minutes=5)
    with pytest.raises(ValueError, match="max_gap is no threshold"):
        thresholds_of({"max_gap": 5.0})


def test_an_interval_is_a_day() -> None:
    assert datetime.fromtimestamp(BEGIN / 1_000, UTC).isoformat() == "2024-01-20T00:00:00+00:00"
    assert END - BEGIN == 86_400_000
    with pytest.raises(ValueError, match="does not match format"):
        interval_ms("20.1.2024")

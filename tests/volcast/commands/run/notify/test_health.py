"""What is wrong with a pipeline: each condition when it should, and silence in the nearest harmless case."""

from volcast.commands.run.notify.health import REJECTS_WITHIN_S, PipelineHealth, Vitals, ended

FINE = Vitals({"BTCUSDT": 0.0}, rejected=0)


def found(health: PipelineHealth, vitals: Vitals, now_s: float) -> dict[str, bool]:
    return {each.key: each.holds for each in health.conditions(vitals, now_s)}


def test_a_sound_pipeline_has_no_problem() -> None:
    health = PipelineHealth("binance")
    for second in range(2_000):
        assert not any(found(health, FINE, float(second)).values())


def test_a_feed_is_down_after_a_minute_and_silences_what_follows() -> None:
    health = PipelineHealth("binance")
    down = FINE._replace(symbols={"BTCUSDT": 400.0}, connections=0)
    assert found(health, FINE, 0.0)["feed/binance/down"] is False
    assert "feed/binance/down" not in found(health, down, 59.0)
    assert found(health, down, 60.0)["feed/binance/down"] is True
    assert "stale/BTCUSDT" not in found(health, down, 60.0)
    assert found(health, FINE, 61.0)["feed/binance/down"] is False


def test_a_new_process_does_not_say_that_something_is_over_before_it_knows() -> None:
    starting = Vitals({"BTCUSDT": None}, connections=0, stuck_s=None, rejected=None)
    assert found(PipelineHealth("binance"), starting, 0.0) == {}
    assert "pipeline/rejects" not in found(PipelineHealth("binance"), FINE, 0.0)


def test_a_candle_that_is_too_old_is_told_with_its_age() -> None:
    (stale,) = [
        each for each in PipelineHealth("binance").conditions(FINE._replace(symbols={"BTCUSDT": 200.0}), 0.0) if each.holds
    ]
    assert (stale.key, stale.details) == ("stale/BTCUSDT", "BTCUSDT: the last candle closed 200 s ago.")


def test_rejects_are_told_until_ten_minutes_after_the_last_one() -> None:
    health = PipelineHealth("binance")
    times = {second: found(health, FINE._replace(rejected=7 + (second >= 590)), float(second)) for second in range(1_300)}
    assert "pipeline/rejects" not in times[589]
    assert all(times[second]["pipeline/rejects"] for second in range(590, 590 + int(REJECTS_WITHIN_S)))
    assert times[590 + int(REJECTS_WITHIN_S)]["pipeline/rejects"] is False


def test_a_restore_is_no_rise_of_rejects() -> None:
    health = PipelineHealth("binance")
    for second, rejected in enumerate((5, None, 9, 9)):
        assert not found(health, FINE._replace(rejected=rejected), float(second)).get("pipeline/rejects")
    assert not found(health, FINE._replace(rejected=3), 5.0).get("pipeline/rejects")


def test_candles_that_are_lost_are_told_once() -> None:
    health = PipelineHealth("binance")
    lost = FINE._replace(missing={"BTCUSDT": 3})
    assert [found(health, lost, float(second))["holes/BTCUSDT"] for second in range(3)] == [True, False, False]


def test_a_hold_and_a_standstill_and_an_end_are_told() -> None:
    health = PipelineHealth("binance")
    assert found(health, FINE._replace(held="it answers HTTP 418"), 0.0)["feed/binance/held"]
    assert found(health, FINE._replace(stuck_s=61.0), 0.0)["pipeline/stuck"]
    assert not found(health, FINE._replace(stuck_s=0.0), 0.0)["pipeline/stuck"]
    assert ended("no space left").details == "It ended with an error: no space left"

"""The report of drift alarms: on real engines, from planted breaks to the table's rows."""

from collections.abc import Iterator

import pytest

from volcast.backtest.drift import AlarmLog, DriftReport, report_drift
from volcast.backtest.run import BacktestReplay
from volcast.core.codec import CandleText
from volcast.core.decoder import Decoder
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig
from volcast.simulation.breaks import Break, BreakKind
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000
DAY = 1_440
AT_MS = START_MS + 3 * DAY * 60_000


def rows(*breaks: Break) -> Iterator[CandleText]:
    candles = simulate_candles("BTCUSDT", minutes=4 * DAY, seed=5, start_ms=START_MS, breaks=breaks)
    for line, candle in enumerate(candles, start=2):
        yield CandleText("BTCUSDT", *candle[:7], source="simulated", closed_by="file", line=line)


def reported(*breaks: Break) -> DriftReport:
    engine = Engine("BTCUSDT", EngineConfig(), 8)
    replay = BacktestReplay(engine, Decoder())
    found = report_drift(engine.drift, replay.signals(rows(*breaks)))
    assert found is not None
    return found


def test_a_market_without_a_break_has_no_alarm() -> None:
    found = reported()
    assert found.alarms == []
    assert set(found.per_month.values()) == {0.0}
    assert found.candles == 4 * DAY
    assert found.last_open_time_ms == START_MS + (4 * DAY - 1) * 60_000


@pytest.mark.parametrize(
    ("kind", "detector", "minutes"),
    [(BreakKind.FROZEN_PRICE, "price_frozen", 31), (BreakKind.REPEATED_CANDLE, "candle_repeated", 10)],
)
def test_broken_data_pages_until_it_is_right_again(kind: BreakKind, detector: str, minutes: int) -> None:
    found = reported(Break(kind=kind, at_ms=AT_MS, minutes=120))
    [period] = [each for each in found.alarms if each.alarm.detector == detector]
    assert period.alarm.tier is Tier.PAGE
    assert (period.alarm.open_time_ms - AT_MS) // 60_000 + 1 == minutes
    assert period.to_ms == AT_MS + 120 * 60_000
    assert [each.alarm.detector for each in found.alarms if each.alarm.tier is Tier.PAGE] == [detector]


def test_no_signal_no_report() -> None:
    assert report_drift(DriftMonitor(), []) is None


def test_alarms_are_joined_by_detector() -> None:
    def alarm(detector: str, minute: int) -> DriftAlarm:
        return DriftAlarm(detector, Tier.PAGE, minute * 60_000, "x", "y", 0.0, 1.0, 1.0, 0.5, None)

    a, b, again = alarm("a", 1), alarm("b", 2), alarm("a", 4)
    log = AlarmLog()
    for minute, alarms in enumerate([(), (a,), (a, b), (b,), (again, b), (again, b)]):
        log.push(minute * 60_000, alarms)
    assert [(each.alarm, each.to_ms) for each in log.periods] == [(a, 180_000), (b, None), (again, None)]

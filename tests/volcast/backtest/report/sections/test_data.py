"""The section on the inputs."""

import msgspec

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.facts import RunFacts
from volcast.backtest.report.sections.data import data_section, files, quality, settings, signals


def scored() -> Comparison:
    return comparison_of(10 * DAY)


def facts() -> RunFacts:
    found = scored().facts
    assert found is not None
    return found


def test_facts_are_told_in_full() -> None:
    rows = {row[0]: row[1] for row in quality(facts()).rows}
    assert rows["rows read"] == "14 402"
    assert rows["rows skipped: late"] == "2"
    assert rows["first candle, UTC"] == "2024-01-01 00:00"
    assert rows["last candle, UTC"] == "2024-01-10 23:59"
    assert rows["minutes missing in them"] == "7 (0.05 %)"
    assert rows["candles with a suspect price"] == "3"
    assert files(facts()).rows == [["test <1>.csv", "14 402", "ab" * 32]]
    assert ["horizons", "[60]"] in settings(facts()).rows
    assert ["candles between changes, mean", "3.0"] in signals(facts()).rows


def test_what_was_not_counted_is_not_shown_as_a_number() -> None:
    found = msgspec.structs.replace(
        facts(), signal_switches=None, signal_rate=None, first_open_time_ms=None, last_open_time_ms=None
    )
    assert [row[1] for row in signals(found).rows[1:]] == ["–", "–", "–"]
    assert [row[1] for row in quality(found).rows if "candle, UTC" in row[0]] == ["–", "–"]


def test_without_facts_there_is_no_section() -> None:
    assert not data_section(msgspec.structs.replace(scored(), facts=None)).parts

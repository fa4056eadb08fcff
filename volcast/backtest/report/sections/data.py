"""What the report was made from: files, rows, gaps, signals, settings, versions."""

from collections.abc import Sequence

from msgspec import json

from volcast.backtest.comparison import Comparison
from volcast.backtest.facts import RunFacts
from volcast.backtest.report.parts import NOTHING, Section, Table, count, minute_text, percent


def data_section(comparison: Comparison) -> Section:
    """Return the section; empty if the caller knew nothing of its inputs."""
    if comparison.facts is None:
        return Section("data", "Data, signals and settings", "", [])
    return Section(
        "data",
        "Data, signals and settings",
        "The same files, settings and versions give this report again, byte for byte. A file is the same if its SHA-256 is.",
        [make(comparison.facts) for make in (quality, signals, files, settings, versions)],
    )


def quality(facts: RunFacts) -> Table:
    """Return rows, gaps and suspect candles."""
    span = [NOTHING, NOTHING] if facts.first_open_time_ms is None else [minute_text(facts.first_open_time_ms)]
    if facts.first_open_time_ms is not None and facts.last_open_time_ms is not None:
        span = [minute_text(facts.first_open_time_ms), minute_text(facts.last_open_time_ms)]
    missing = facts.missing_minutes / (facts.missing_minutes + facts.accepted) if facts.accepted else None
    return Table(
        "Data quality",
        ("what", "value"),
        [
            ["rows read", count(facts.rows)],
            ["candles accepted", count(facts.accepted)],
            *([f"rows skipped: {reason.replace('_', ' ')}", count(rows)] for reason, rows in sorted(facts.skipped.items())),
            ["first candle, UTC", span[0]],
            ["last candle, UTC", span[-1]],
            ["gaps", count(facts.gaps)],
            ["minutes missing in them", f"{count(facts.missing_minutes)} ({percent(missing, 2)})"],
            ["candles with a suspect price", count(facts.suspect_candles)],
        ],
        "A suspect price lies far outside the market's own scale, such as a feed's bad tick; forecasts and outcomes use the "
        "close before it. Hours near gaps are not scored.",
    )


def signals(facts: RunFacts) -> Table:
    """Return how often the signal was 1, and how often it changed."""
    switches = facts.signal_switches
    return Table(
        "Signals",
        ("what", "value"),
        [
            ["candles with signal 1", count(facts.signal_ones)],
            ["signal rate", NOTHING if facts.signal_rate is None else f"{facts.signal_rate:.4f}"],
            ["changes of the signal", NOTHING if switches is None else count(switches)],
            ["candles between changes, mean", NOTHING if not switches else f"{facts.accepted / switches:.1f}"],
        ],
        "The signal is 1 where the close is above the mean of the last closes, compared exactly. It is no forecast.",
    )


def files(facts: RunFacts) -> Table:
    """Return the files with their rows and hashes."""
    rows = [[each.name, count(each.rows), each.sha256] for each in facts.files]
    return Table("Files", ("file", "rows", "SHA-256"), rows, "In the order in which they were read.", prose=True)


def settings(facts: RunFacts) -> Table:
    """Return the settings that the forecasts depend on."""
    rows = [[name, _text(value)] for name, value in facts.settings.items()]
    return Table("Settings", ("setting", "value"), rows, "Those that forecasts and signals depend on.", prose=True)


def versions(facts: RunFacts) -> Table:
    """Return the versions of the program and of the libraries that numbers depend on."""
    rows: Sequence[Sequence[str]] = [[name, version] for name, version in facts.versions.items()]
    return Table("Versions", ("program", "version"), rows, "Another CPU or library may change the last digits.", prose=True)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.encode(value).decode()

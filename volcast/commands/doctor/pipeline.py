"""The examination of `volcast doctor` without a venue: this machine, the clock, the log and Prometheus, in this order.

Each check that asks another process waits for some seconds at most, so that the whole takes a bounded time. What reads the log
needs the engines' libraries, so it is imported after the libraries have been looked at.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from producer.doctor.check import CheckResult, Report, failed, unknown
from volcast.settings.schema import MASK, Settings
from volcast.settings.values import SqliteBus, parse_bus

from .clock import check_date
from .machine import check_machine
from .prometheus import check_prometheus

_PROMETHEUS = "give its address with --prometheus, as in http://127.0.0.1:9090"


async def examine_pipeline(
    settings: Settings, prometheus: str | None, timeout_s: float, report: Report, wall: Callable[[], float] = time.time
) -> None:
    """Report the results of all checks. No secret of the settings is in them. `wall` returns seconds since 1970."""
    report = masking(report, settings.secrets())
    bus = parse_bus(settings.bus) if settings.bus else None
    path = Path(bus.path) if isinstance(bus, SqliteBus) else None
    for result in check_machine(settings, _folder(path)):
        report(result)
    if prometheus:
        report(check_date(prometheus, timeout_s, wall))
    elif bus is None or path:
        report(unknown("clock", "there is no other clock to compare this one with", _PROMETHEUS))
    try:
        await _check_log(settings, path, timeout_s, report, wall, compare_clock=not prometheus)
    except ImportError as error:
        report(failed("log", f"it can't be read without its libraries: {error}", "see above"))
    for result in check_prometheus(prometheus, timeout_s, settings.consumer_ports) if prometheus else ():
        report(result)
    if not prometheus:
        report(unknown("prometheus", "no Prometheus is given", _PROMETHEUS))


def masking(report: Report, secrets: Sequence[str]) -> Report:
    """Return a `report` that is told no secret."""
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, MASK)
        return text

    def report_masked(result: CheckResult) -> None:
        report(result._replace(found=masked(result.found), advice=masked(result.advice)))

    return report_masked


async def _check_log(
    settings: Settings, path: Path | None, timeout_s: float, report: Report, wall: Callable[[], float], *, compare_clock: bool
) -> None:
    bus = parse_bus(settings.bus) if settings.bus else None
    if bus is None:
        report(unknown("log", "no log is given", "use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS"))
    elif path:
        from volcast.cli.wiring.pipeline import configured_retention  # noqa: PLC0415  # see above

        from .sqlite_log import check_sqlite  # noqa: PLC0415

        for result in check_sqlite(path, timeout_s, configured_retention(settings), wall=wall):
            report(result)
    elif not isinstance(bus, SqliteBus):
        from .kafka_log import check_kafka  # noqa: PLC0415  # see above

        await check_kafka(bus.bootstrap, settings, report, timeout_s, wall, compare_clock=compare_clock)


def _folder(path: Path | None) -> Path:
    """Return the folder of the log's file; that of the user's data, where `volcast run` puts its logs, if the log is no file."""
    import platformdirs  # noqa: PLC0415  # not needed by --help

    return path.resolve().parent if path else platformdirs.user_data_path("volcast")

"""This machine's clock beside those of others: the Date of Prometheus' answers, and the times that a broker gives to records.

Candles carry their own time. A wrong clock makes ages, latencies and the staleness of signals wrong, and signals of now look old.
"""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx

from producer.doctor.check import CheckResult, failed, ok, unknown, warning

WARNING_S, FAILED_S = 2.0, 60.0
"""A clock that is wrong by more than this is a warning, and a failure: by a minute each status is wrong."""
_RESOLUTION_S = 0.5
"""A Date has whole seconds: what it says is on average half a second old."""
_ADVICE = "set this machine's clock by NTP, as in `timedatectl set-ntp true`, and that of the other machine"


def check_date(url: str, timeout_s: float, wall: Callable[[], float] = time.time) -> CheckResult:
    """Compare this clock with the header Date of a server's answer."""
    before_s = wall()
    try:
        answer = httpx.get(url, timeout=timeout_s)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return unknown("clock", f"{url} does not answer: {error}", "give the address of a server, or compare the clock by hand")
    after_s = wall()
    try:
        theirs_s = parsedate_to_datetime(answer.headers["date"]).timestamp() + _RESOLUTION_S
    except (KeyError, ValueError, TypeError):
        return unknown("clock", f"the answer of {url} has no Date", "compare the clock by hand")
    uncertain_s = (after_s - before_s) / 2 + _RESOLUTION_S
    return _judged(theirs_s - (before_s + after_s) / 2, uncertain_s, f"that of {url}")


def check_record_time(newest_ms: int | None, wall: Callable[[], float] = time.time) -> CheckResult:
    """Compare this clock with the time that the broker gave to its newest record: it can't lie in the future."""
    if newest_ms is None:
        return unknown("clock", "the log has no record with a time to compare with", "give --prometheus, whose answers have one")
    ahead_s = newest_ms / 1_000 - wall()
    if ahead_s > _RESOLUTION_S:
        return _judged(ahead_s, 0.0, "the broker's, at least")
    found = f"not behind the broker's: its newest record is {-ahead_s:.0f} s old; whether it is ahead can't be seen from a broker"
    return ok("clock", found)


def _judged(behind_s: float, uncertain_s: float, other: str) -> CheckResult:
    direction = "behind" if behind_s > 0 else "ahead of"
    found = f"this clock is {abs(behind_s):.1f} s {direction} {other}" + (f", ± {uncertain_s:.1f} s" if uncertain_s else "")
    if abs(behind_s) - uncertain_s > FAILED_S:
        return failed("clock", found, _ADVICE)
    if abs(behind_s) - uncertain_s > WARNING_S:
        return warning("clock", found, _ADVICE)
    return ok("clock", found)

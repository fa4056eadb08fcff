"""This machine's clock beside that of a server, and beside the times of records."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest

from tests.http_server import serving
from volcast.commands.doctor.clock import check_date, check_record_time

NOW_S = 1_800_000_000.0


@contextmanager
def server_at(time_s: float | None) -> Iterator[str]:
    """Run a server whose clock stands at this time; None for one that tells none."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            if time_s is not None:
                self.send_header("Date", formatdate(time_s, usegmt=True))
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("ahead_s", "status", "says"),
    [
        (0.0, "ok", ""),
        (1.0, "ok", "behind"),
        (10.0, "warning", "9.5 s behind"),
        (-10.0, "warning", "9.5 s ahead of"),
        (3_600.0, "FAILED", "behind"),
        (-3_600.0, "FAILED", "ahead of"),
    ],
)
def test_a_clock_that_is_off(ahead_s: float, status: str, says: str) -> None:
    """`ahead_s` is how far the server's clock is ahead of this one."""
    with server_at(NOW_S + ahead_s) as url:
        found = check_date(url, 5.0, lambda: NOW_S - 1e-9 if ahead_s < 0 else NOW_S)
    assert found.status.value == status, found
    if abs(ahead_s) == 10.0:
        assert f"this clock is {abs(ahead_s + 0.5):.1f} s" in found.found
    elif says:
        assert says in found.found
    assert bool(found.advice) == (status != "ok")


def test_without_a_date_or_an_answer_nothing_is_said_of_the_clock() -> None:
    with server_at(None) as url:
        assert check_date(url, 5.0).status.value == "unknown"
    assert check_date(url, 0.5).status.value == "unknown"
    assert check_date("nonsense", 0.5).status.value == "unknown"


@pytest.mark.parametrize(
    ("newest_s", "status"),
    [(None, "unknown"), (NOW_S - 5, "ok"), (NOW_S + 0.2, "ok"), (NOW_S + 20, "warning"), (NOW_S + 90, "FAILED")],
)
def test_a_record_of_the_future_shows_that_this_clock_is_behind(newest_s: float | None, status: str) -> None:
    found = check_record_time(None if newest_s is None else int(newest_s * 1_000), lambda: NOW_S)
    assert found.status.value == status

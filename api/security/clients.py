"""Limits the requests of each client in a minute, with bounded memory however many addresses come.

Two counters for each client make a sliding window (the `limits` library); a moving window would keep the time of each request.
Clients beyond the bound share one count, so those who came before are not disturbed by an attack from many addresses.
"""

import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

MAX_CLIENTS = 4_096
"""Clients of a minute that are counted one by one."""
_OTHERS = "others"
_MINUTE_S = 60


class ClientLimits:
    """Requests per minute of each client."""

    def __init__(self, requests_per_minute: int, now: Callable[[], float] = time.time) -> None:
        """`now` returns seconds since 1970; the library's own clock is that of the machine."""
        self._limit = RateLimitItemPerMinute(requests_per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._now, self._minute = now, 0
        self._current, self._previous = set[str](), set[str]()

    def wait_s(self, address: str) -> int:
        """Count a request from an IP address; return 0 if it may be answered, else the seconds after which one may be."""
        key = self._key(address)
        if self._limiter.hit(self._limit, key):
            return 0
        reset_s = self._limiter.get_window_stats(self._limit, key).reset_time - self._now()
        return max(1, min(math.ceil(reset_s), _MINUTE_S))

    @property
    def counted_clients(self) -> int:
        """Number of clients that are counted one by one."""
        return len(self._current | self._previous)

    def _key(self, address: str) -> str:
        minute = int(self._now() // _MINUTE_S)
        if minute != self._minute:
            self._previous = self._current if minute == self._minute + 1 else set()
            self._current, self._minute = set(), minute
        client = client_of(address)
        if client not in self._current:
            if len(self._current) >= MAX_CLIENTS:
                return client if client in self._previous else _OTHERS
            self._current.add(client)
        return client


def client_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the network of an IPv6 address, which one customer has all of.

    >>> client_of("2001:db8:1:2:3:4:5:6"), client_of("::ffff:192.0.2.1")
    ('2001:db8:1:2::/64', '192.0.2.1')
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"  # what a proxy wrote that is no address; one client, lest it invent many
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or f"{IPv6Address(int(ip) >> 64 << 64)}/64")

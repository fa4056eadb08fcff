"""Each client has its own count, and a million of them need no more memory than some thousand."""

import pytest

from api.security.clients import MAX_CLIENTS, ClientLimits, client_of


def test_a_client_that_has_sent_too_much_is_told_when_to_come_back() -> None:
    limits = ClientLimits(3)
    assert [limits.wait_s("192.0.2.1") for _ in range(3)] == [0, 0, 0]
    assert 1 <= limits.wait_s("192.0.2.1") <= 60
    assert limits.wait_s("192.0.2.2") == 0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),
        ("evil\n", "unknown"),
        ("192.0.2.1:80", "unknown"),
    ],
)
def test_what_counts_as_one_client(address: str, client: str) -> None:
    assert client_of(address) == client


def test_the_memory_for_addresses_is_bounded() -> None:
    """Whoever came before keeps a count of its own; those beyond the bound share one."""
    minute = 0.0
    limits = ClientLimits(50, lambda: minute)
    for generation in range(4):
        minute = 60.0 * generation
        assert limits.wait_s("192.0.2.1") == 0
        refused = sum(limits.wait_s(f"10.{generation}.{number // 256}.{number % 256}") > 0 for number in range(MAX_CLIENTS + 200))
        assert (refused >= 100, limits.counted_clients <= 2 * MAX_CLIENTS) == (True, True)
        assert limits.wait_s("192.0.2.1") == 0
    storage = limits._limiter.storage
    assert len(storage.storage) < 10 * MAX_CLIENTS  # type: ignore[attr-defined]  # the memory of the library

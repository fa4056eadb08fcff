"""What most venues have in common."""

import pytest

from producer.feeds.contract import FrameError
from producer.feeds.kraken import KRAKEN


def test_one_path_and_pages_of_one_size() -> None:
    assert KRAKEN.socket_path(["ETH/USD"]) == KRAKEN.socket_path([]) == "/v2"
    assert KRAKEN.page_rows(0, 0) == KRAKEN.page_rows(0, 10**12) == 720


def test_no_clock() -> None:
    assert KRAKEN.time_request() is None
    with pytest.raises(FrameError, match="kraken"):
        KRAKEN.time_ms(b'{"result":{"unixtime":1}}')

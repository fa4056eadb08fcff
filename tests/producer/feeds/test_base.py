"""BaseFeed: the defaults that most venues share."""

import pytest

from producer.feeds.contract import FrameError
from producer.feeds.kraken import KRAKEN


def test_the_path_and_the_size_of_pages_are_fixed() -> None:
    assert KRAKEN.socket_path(["ETH/USD"]) == KRAKEN.socket_path([]) == "/v2"
    assert KRAKEN.page_rows(0, 0) == KRAKEN.page_rows(0, 10**12) == 720


def test_there_is_no_request_for_the_time() -> None:
    assert KRAKEN.time_request() is None
    with pytest.raises(FrameError, match="kraken"):
        KRAKEN.time_ms(b'{"result":{"unixtime":1}}')

"""What a consumer has counted of the records of one symbol."""

from consumer.shard import Shard
from consumer.stats import counts_of_symbol
from tests.consumer.test_shard import RULES, candle_of, records


def test_counts_of_a_symbol_are_by_verdict() -> None:
    shard, again = Shard(RULES), candle_of("BTCUSDT", 1)
    shard.process(records(candle_of("BTCUSDT", 0), again, again, again, candle_of("BTCUSDT", 5), candle_of("BTCUSDT", 3)))
    assert counts_of_symbol({0: shard}, "BTCUSDT") == {"duplicate": 2, "late": 1}


def test_a_symbol_without_a_verdict_but_accepted_has_no_counts() -> None:
    shard = Shard(RULES)
    shard.process(records(candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1)))
    assert counts_of_symbol({0: shard}, "BTCUSDT") == {}


def test_of_a_symbol_that_is_not_here_nothing_is_known() -> None:
    assert counts_of_symbol({0: Shard(RULES)}, "BTCUSDT") is None
    assert counts_of_symbol({}, "BTCUSDT") is None

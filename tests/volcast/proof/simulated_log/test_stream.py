"""The simulated input has every kind of record that a consumer must handle."""

from collections import Counter
from random import Random

from volcast.proof.simulated_log.broker import SimulatedBroker
from volcast.proof.simulated_log.check import expected_log_output
from volcast.proof.simulated_log.stream import STREAMS, input_stream_of


def test_the_same_seed_is_the_same_stream() -> None:
    first = input_stream_of(5)
    input_stream_of.cache_clear()
    assert input_stream_of(5) == first
    assert input_stream_of(6) != first


def test_every_kind_of_record_is_there() -> None:
    counts, reasons, models = Counter[str](), Counter[str](), set()
    for seed in range(STREAMS):
        stream = input_stream_of(seed)
        models.add(stream.config.model)
        broker = SimulatedBroker(stream.partitions)
        for chunk in (chunk for chunks in stream.chunks for chunk in chunks):
            broker.append(chunk)
        for partition in broker.partitions:
            expected = expected_log_output(stream.config, stream.max_symbols, tuple(partition.candles))
            counts += sum(expected.counts.values(), Counter[str]())
            reasons += expected.reasons
    assert set(counts) == {"candle", "duplicate", "late", "gap", "revision", "unconfirmed_date"}
    assert set(reasons) == {
        "not_a_number",
        "not_positive",
        "too_many_decimals",
        "too_many_symbols",
        "unconfirmed_date",
        "unknown_version",
        "unreadable",
        "wrong_key",
    }
    assert models == {"ewma", "two_stage"}


def test_promotions_are_of_all_its_models_and_of_one_that_it_lacks_and_of_some_symbols_or_all() -> None:
    found = [each for seed in range(STREAMS) for each in input_stream_of(seed).promotions(Random(seed))]
    assert {each.model for each in found} == {"ewma", "last", "unknown"}
    assert {len(each.symbols) for each in found} == {0, 2}
    assert not input_stream_of(0).promotions(Random(1))

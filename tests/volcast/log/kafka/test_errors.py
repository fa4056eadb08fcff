"""Each error of aiokafka is in one table: it passes, it lasts, or it means a new owner."""

import inspect

import pytest
from aiokafka import errors

from volcast.log.contract import Fenced, LogError, Mismatch, Unavailable
from volcast.log.kafka.errors import FENCING_ERRORS, LASTING_ERRORS, PASSING_ERRORS, log_error_of, translated_errors

ALL: set[type[Exception]] = {each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)}
TABLES = {FENCING_ERRORS: Fenced, frozenset(LASTING_ERRORS): Mismatch, PASSING_ERRORS: Unavailable}


def test_each_error_of_aiokafka_is_in_exactly_one_table() -> None:
    """An error that a new version of aiokafka brings is not silently retried for ever."""
    assert set().union(*TABLES) - {NotImplementedError} == ALL
    assert sum(map(len, TABLES)) == len(ALL) + 1


@pytest.mark.parametrize("kind", sorted(ALL - {errors.BrokerResponseError}, key=str))
def test_an_error_becomes_what_its_table_says(kind: type[Exception]) -> None:
    """All but a base class, which has no number and can't be shown."""
    error = kind("text")
    found = log_error_of(error, "reading candles")
    expected = next(result for table, result in TABLES.items() if kind in table)
    assert type(found) is expected
    assert str(found).startswith("reading candles: ")
    if expected is Mismatch:
        assert str(found).endswith(LASTING_ERRORS[kind])


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (errors.UnsupportedCodecError("zstd"), Mismatch),
        (errors.ProducerFenced(), Fenced),
        (errors.KafkaConnectionError(), Unavailable),
        (ValueError("a defect"), Unavailable),
    ],
)
def test_the_cause_of_a_wrapped_error_counts(cause: Exception, expected: type[LogError]) -> None:
    with pytest.raises(expected), translated_errors("reading"):
        raise errors.KafkaError("Unexpected error in a background task") from cause


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError(), ConnectionResetError()])
def test_failures_of_the_network_pass(error: OSError) -> None:
    with pytest.raises(Unavailable), translated_errors("reading"):
        raise error


def test_a_broker_without_a_common_version_of_the_protocol_is_refused() -> None:
    with pytest.raises(Mismatch, match="check the broker's version"), translated_errors("reading"):
        raise NotImplementedError("Support for FetchRequest v20 has not yet been added")

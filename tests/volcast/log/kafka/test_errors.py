"""Each error of aiokafka is in one table: it passes, it lasts, or it means a new owner."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import SimpleNamespace

import aiokafka
import pytest
from aiokafka import errors

from volcast.log.contract import Fenced, LogError, Mismatch, Unavailable
from volcast.log.kafka.errors import FENCING_ERRORS, LASTING_ERRORS, PASSING_ERRORS, log_error_of, translated_errors


def errors_of(module: object) -> set[type[Exception]]:
    return {each for _, each in inspect.getmembers(module, inspect.isclass) if issubclass(each, Exception)}


ALL = errors_of(errors)
TABLES = {FENCING_ERRORS: Fenced, frozenset(LASTING_ERRORS): Mismatch, PASSING_ERRORS: Unavailable}


def unsorted(found: set[type[Exception]]) -> set[type[Exception]]:
    """The errors that are in no table, and what the tables have beside these errors."""
    return found ^ (set().union(*TABLES) - {NotImplementedError})


def test_each_error_of_aiokafka_is_in_exactly_one_table() -> None:
    """An error that a new version of aiokafka brings is not silently retried for ever."""
    assert unsorted(ALL) == set()
    assert sum(map(len, TABLES)) == len(ALL) + 1


def test_a_new_or_a_removed_error_is_noticed() -> None:
    new = type("NewError", (errors.BrokerResponseError,), {"errno": 999})
    assert unsorted(errors_of(SimpleNamespace(**vars(errors), NewError=new))) == {new}
    assert unsorted(ALL - {errors.KafkaTimeoutError}) == {errors.KafkaTimeoutError}


def test_all_errors_of_aiokafka_are_in_its_module_of_errors() -> None:
    for module in pkgutil.walk_packages(aiokafka.__path__, "aiokafka."):
        importlib.import_module(module.name)
    assert {each for each in descendants(Exception) if each.__module__.split(".")[0] == "aiokafka"} <= ALL


def descendants(kind: type[Exception]) -> Iterator[type[Exception]]:
    for each in kind.__subclasses__():
        yield each
        yield from descendants(each)


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


def test_a_missing_right_is_not_taken_for_a_new_owner() -> None:
    """The broker answers both if a transaction may write some of its partitions only. After a new owner, one would try again."""
    error = errors.InvalidTxnState()
    error.__cause__ = errors.TopicAuthorizationFailedError("signals")
    found = log_error_of(error, "committing")
    assert type(found) is Mismatch
    assert "signals; give the user the rights" in str(found)


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError(), ConnectionResetError()])
def test_failures_of_the_network_pass(error: OSError) -> None:
    with pytest.raises(Unavailable), translated_errors("reading"):
        raise error


def test_a_broker_without_a_common_version_of_the_protocol_is_refused() -> None:
    with pytest.raises(Mismatch, match="check the broker's version"), translated_errors("reading"):
        raise NotImplementedError("Support for FetchRequest v20 has not yet been added")

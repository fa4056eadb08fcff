"""The start of aiokafka's clients, around its defects."""

import pytest
from aiokafka import AIOKafkaProducer

from volcast.log.contract import Unavailable
from volcast.log.kafka.client import start
from volcast.log.kafka.errors import translated_errors


class LostProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """A producer that has lost its connections between its bootstrap and its next request, as on an overloaded machine."""

    def __init__(self) -> None:
        """Do nothing: it makes no connection."""

    async def start(self) -> None:
        raise AssertionError("Did we not perform bootstrap?")

    def __del__(self) -> None:
        """Do nothing: there is nothing to warn of."""


async def test_a_client_that_loses_its_connections_during_the_start_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="lost during the start: Did we not perform bootstrap"), translated_errors("opening"):
        await start(LostProducer(), 1.0)

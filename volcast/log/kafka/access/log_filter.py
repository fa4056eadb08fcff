"""Filters for aiokafka's log messages: drop warnings about normal events, limit how often the others are repeated."""

import logging

from aiokafka.errors import KafkaError

_NORMAL = (
    "NotEnoughReplicas",  # brokers answer this while they verify a partition's first write in a transaction
    "because it is rebalancing",
)
_PAUSE_S = 5.0
_LOGGERS = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)


class LogFilter(logging.Filter):
    """Drops warnings about normal events, and passes each other kind of warning at most once in `_PAUSE_S` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._passed_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        text = record.getMessage()
        if any(normal in text for normal in _NORMAL):
            return False
        kind = str(record.msg)
        if record.created - self._passed_s.get(kind, 0.0) < _PAUSE_S:
            return False
        self._passed_s[kind] = record.created
        return True


def is_not_abandoned_future(record: logging.LogRecord) -> bool:
    """Return False for asyncio's message about a failed future whose exception was not retrieved, if the error is Kafka's.

    If a producer ends in the middle of a transaction, aiokafka abandons a future for each batch. The error itself has already
    been raised to the caller of the write.
    """
    abandoned = record.getMessage().startswith("Future exception was never retrieved")
    return not (abandoned and record.exc_info and isinstance(record.exc_info[1], KafkaError))


def quieten() -> None:
    """Add the filters to each logger of aiokafka (the filter of a logger does not see records of its children)."""
    asyncio_logger = logging.getLogger("asyncio")
    if is_not_abandoned_future not in asyncio_logger.filters:
        asyncio_logger.addFilter(is_not_abandoned_future)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, LogFilter) for each in logger.filters):
            logger.addFilter(LogFilter())

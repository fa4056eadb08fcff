"""What aiokafka says too often: warnings of what is normal are left out, the rest comes once in a while."""

import logging

from aiokafka.errors import KafkaError

_NORMAL = (
    "NotEnoughReplicas",  # brokers verify a partition's first write in each transaction, and answer this until they have
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
    """Drops the normal; lets each further kind of message pass once in `_PAUSE_S`."""

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


def is_no_leftover(record: logging.LogRecord) -> bool:
    """False for what asyncio says of a future that failed and that nobody asked: where a producer ends amidst a transaction,
    aiokafka leaves one for each batch. What went wrong has been raised to whoever waited.
    """
    left = record.getMessage().startswith("Future exception was never retrieved")
    return not (left and record.exc_info and isinstance(record.exc_info[1], KafkaError))


def quieten() -> None:
    """Put the filters where aiokafka logs: a logger's filter does not see what its children say."""
    asyncios = logging.getLogger("asyncio")
    if is_no_leftover not in asyncios.filters:
        asyncios.addFilter(is_no_leftover)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, LogFilter) for each in logger.filters):
            logger.addFilter(LogFilter())

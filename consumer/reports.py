"""What the worker says in the log of its process."""

import logging

from .shard import Batch, Shard

_MAX_PER_BATCH = 5
_log = logging.getLogger("consumer.worker")


def report_restoring(partition: int, shard: Shard) -> None:
    """That, and why, records are processed anew; nothing where none are, or only those since the last snapshots."""
    where = {"partition": partition, "from": shard.replay_from, "to": shard.position}
    if shard.is_cut:
        _log.warning("the log no longer has the first candles that the state needs: symbols go on with what is left", extra=where)
    for symbol, why in list(shard.unusable.items())[:_MAX_PER_BATCH] if shard.restored_share == 0 else ():
        text = "the snapshot can't be used: %s; the symbol is rebuilt from the log, and signals that were written stay as they are"
        _log.warning(text, why, extra={"symbol": symbol, **where})
    if shard.restoring:
        share = f"{shard.restored_share:.0%}"
        _log.info("restoring: %s", share, extra={**where, "rebuilt_symbols": len(shard.unusable)})


def report_restored(partition: int, shard: Shard) -> None:
    """That a partition is whole, and where it goes on."""
    extra = {"partition": partition, "offset": shard.position, "symbols": len(shard.engines), "from": shard.replay_from}
    _log.info("restored", extra=extra)


def report_batch(partition: int, batch: Batch) -> None:
    """What was not taken: each kind's first few, and how many there were."""
    for reject in batch.rejects[:_MAX_PER_BATCH]:
        where = {"partition": partition, "offset": reject.offset, "source": reject.source, "line": reject.line}
        _log.warning("rejected: %s", reject.detail, extra={"symbol": reject.symbol, "reason": reject.reason, **where})
    for symbol, open_time_ms, skip in batch.skips[:_MAX_PER_BATCH]:
        _log.warning("%s candle skipped", skip, extra={"symbol": symbol, "open_time_ms": open_time_ms, "partition": partition})
    unsaid = len(batch.rejects[_MAX_PER_BATCH:]) + len(batch.skips[_MAX_PER_BATCH:])
    if unsaid:
        _log.warning("%d further candles of this batch were not taken", unsaid, extra={"partition": partition})

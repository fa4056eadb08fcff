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
    if shard.changed_settings and shard.restored_share == 0:
        text = "other settings than before (%s): the state is rebuilt from the log, signals that were written stay as they are"
        _log.warning(text, shard.changed_settings, extra=where)
    elif shard.restored_share == 0:
        for symbol, why in list(shard.unusable.items())[:_MAX_PER_BATCH]:
            _log.warning("the snapshot can't be used: %s; it is rebuilt from the log", why, extra={"symbol": symbol, **where})
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

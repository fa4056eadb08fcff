"""What the worker says about a partition: messages for the log of its process, and why a partition cannot be continued."""

import asyncio
import logging
from collections.abc import Mapping, MutableMapping

from volcast.log.contract import Consumer, Mismatch
from volcast.timing.stall import StallDetector

from .batch import Batch
from .rules import Rules
from .shard import Shard
from .stats import restored_share

_MAX_PER_BATCH = 5
_log = logging.getLogger("consumer.worker")


def check_history(shard: Shard, rules: Rules, where: str) -> Shard:
    """Return the shard. Raises Mismatch if the log lacks candles that its state needs, unless the rules say to do without."""
    if not shard.is_cut or rules.rebuild_from_earliest:
        return shard
    state, advice = shard.state, "restore a backup"
    if state.changed_settings:
        why, advice = f"the settings have changed ({state.changed_settings})", "set them back, restore a backup"
    elif state.unusable:
        symbol, reason = next(iter(state.unusable.items()))
        why = f"the snapshot of {symbol} can't be used ({reason})"
    else:
        why = "a part of it is missing or damaged" if state.must_rebuild else "its snapshots lack the last candles"
    raise Mismatch(
        f"{where}: the state must be computed again, as {why}, but retention has deleted the candles below {shard.replay_from}: "
        f"{advice}, or start once with --rebuild-from-earliest, which begins with the earliest candle that is left"
    )


def report_restoring(partition: int, shard: Shard) -> None:
    """Log that records are read again, how far that is, and the reason; nothing if no record has to be read again."""
    where = {"partition": partition, "from": shard.replay_from, "to": shard.position}
    share, state = restored_share(shard), shard.state
    if shard.is_cut:
        _log.warning(
            "the log no longer has the first candles that the state needs: symbols continue with the candles that are left",
            extra=where,
        )
    if state.changed_settings and share == 0:
        text = "the settings have changed (%s): the state is rebuilt from the log; signals already written are not changed"
        _log.warning(text, state.changed_settings, extra=where)
        if state.lost_leaders:
            text = "promotions of %s count no longer, as it is none of the models here: see `volcast models list`"
            _log.warning(text, " and ".join(state.lost_leaders), extra=where)
    elif share == 0:
        for symbol, why in list(state.unusable.items())[:_MAX_PER_BATCH]:
            _log.warning("the snapshot can't be used: %s; it is rebuilt from the log", why, extra={"symbol": symbol, **where})
        if state.must_rebuild and not state.unusable:
            _log.warning("a part of the state is missing or damaged: all symbols are rebuilt from the log", extra=where)
    if shard.restoring:
        _log.info("restoring: %s", f"{share:.0%}", extra={**where, "rebuilt_symbols": len(state.unusable)})


def report_restored(partition: int, shard: Shard) -> None:
    """Log that a partition is restored, and the offset from which it continues."""
    extra = {"partition": partition, "offset": shard.position, "symbols": len(shard.engines), "from": shard.replay_from}
    _log.info("restored", extra=extra)


def report_batch(partition: int, batch: Batch) -> None:
    """Log the promotions of a batch, the first few rejected and the first few skipped candles, and how many more there were."""
    for promotion in batch.promotions:
        which = {"promotion": promotion.id, "from_ms": promotion.from_ms, "symbols": promotion.symbols or "all"}
        _log.info("promoted: %s leads from the named candle on", promotion.model, extra={"partition": partition, **which})
    for reject in batch.rejects[:_MAX_PER_BATCH]:
        where = {"partition": partition, "offset": reject.offset, "source": reject.source, "line": reject.line}
        _log.warning("rejected: %s", reject.detail, extra={"symbol": reject.symbol, "reason": reject.reason, **where})
    for symbol, open_time_ms, why, offset in batch.skips[:_MAX_PER_BATCH]:
        where = {"partition": partition, "offset": offset}
        _log.warning("%s candle skipped", why, extra={"symbol": symbol, "open_time_ms": open_time_ms, **where})
    others = len(batch.rejects[_MAX_PER_BATCH:]) + len(batch.skips[_MAX_PER_BATCH:])
    if others:
        _log.warning("%d more candles of this batch were not accepted", others, extra={"partition": partition})


async def check_stalls(consumer: Consumer, shards: Mapping[int, Shard], stalls: MutableMapping[int, StallDetector]) -> None:
    """Measure for how long each partition has not moved although its log grew; log how far restores have come."""
    for partition, shard in shards.items():
        end = await consumer.end(partition)
        stalls.setdefault(partition, StallDetector()).look(shard.next_offset, asyncio.get_running_loop().time(), end=end)
        if shard.restoring:
            report_restoring(partition, shard)

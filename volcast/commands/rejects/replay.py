"""Appends rejects to the topic `candles` again, unchanged but for what says where a replay of a file has arrived.

The topic of rejects is read twice, once to report what would be sent and once to send exactly that. So memory holds only
one append, and a digest of each record.
"""

import re
from collections import Counter
from contextlib import aclosing
from hashlib import blake2b

import click

from volcast.core.codec import PROMOTION_KEY, Reject, is_cut
from volcast.log.contract import Appender, KeyValue, Log

from .read import RejectCounts, RejectFilter, by_reason, read_rejects

APPENDER = "rejects"
_APPEND_BYTES = 1_000_000
_CONTENT = re.compile(rb',"content":"[0-9a-f]*"(?=}$)')
"""The mark by which a replay of a file finds its place on the log: a record that is sent again is not that place."""
_NOTE = """\
candles older than the last one of their symbol will be skipped as late or duplicate
records that are still invalid will be rejected again"""


class RejectReplay:
    """One replay of the rejects of a selection, with at most `append_records` records per append."""

    def __init__(self, selection: RejectFilter, append_records: int) -> None:
        self.pending: set[bytes] = set()
        """Digests of the original records that have yet to be sent."""
        self.sent = 0
        self._selection, self._append_records = selection, append_records

    async def scan(self, log: Log) -> None:
        """Find the records to send, and print their counts. Raises Unavailable."""
        counts, reasons, kept = RejectCounts(), Counter[str](), Counter[str]()
        async with aclosing(read_rejects(log, self._selection, counts)) as rejects:
            async for reject in rejects:
                digest = _digest(reject)
                if why := _why_not(reject):
                    kept[why] += 1
                elif digest in self.pending:
                    kept["rejected more than once"] += 1
                else:
                    self.pending.add(digest)
                    reasons[reject.reason.value] += 1
        for line in counts.summary():
            click.echo(line)
        for why, count in sorted(kept.items(), key=lambda item: item[0], reverse=True):
            click.echo(f"not sent: {count} {why}")
        if reasons:
            click.echo(f"to send: {by_reason(reasons)}\n{_NOTE}")
        elif kept:
            click.echo("nothing to send")

    async def send(self, log: Log) -> None:
        """Append the records that `scan` found, each once, and print how many were sent. Raises Fenced or Unavailable."""
        total = len(self.pending)
        try:
            async with log.appender(APPENDER) as appender:
                await self._send(log, appender)
        finally:
            of = "" if self.sent == total else f" of {total}"
            click.echo(f"records sent: {self.sent}{of}")

    async def _send(self, log: Log, appender: Appender) -> None:
        batch, size = list[KeyValue](), 0
        async with aclosing(read_rejects(log, self._selection, RejectCounts())) as rejects:
            async for reject in rejects:
                if (digest := _digest(reject)) not in self.pending:  # already sent, or rejected since the scan
                    continue
                self.pending.remove(digest)
                batch.append(KeyValue(reject.key, _CONTENT.sub(b"", reject.value)))
                size += len(reject.key) + len(reject.value)
                if len(batch) >= self._append_records or size >= _APPEND_BYTES:
                    await self._append(appender, batch)
                    batch, size = [], 0
        if batch:
            await self._append(appender, batch)

    async def _append(self, appender: Appender, batch: list[KeyValue]) -> None:
        await appender.append(batch)
        self.sent += len(batch)


def _why_not(reject: Reject) -> str:
    """Return why a reject can't be sent again; empty if it can."""
    if reject.key == PROMOTION_KEY:  # it would be in one partition alone, and come after later promotions
        return "of promotions; `volcast models promote` decides anew"
    return "too large to be stored completely" if is_cut(reject) else ""


def _digest(reject: Reject) -> bytes:
    """Return a digest of the original record; the length of the key keeps key and value apart."""
    return blake2b(b"%d:%b%b" % (len(reject.key), reject.key, reject.value), digest_size=16).digest()

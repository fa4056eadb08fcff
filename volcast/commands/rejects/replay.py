"""Rejects onto `candles` again, as they were. Read twice: to say what would be sent, and to send just that.

So no more of it is in memory than one append, and a digest of each record.
"""

from collections import Counter
from contextlib import aclosing
from hashlib import blake2b

import click

from volcast.core.codec import Reject
from volcast.log.contract import Appender, KeyValue, Log

from .list import is_cut
from .read import RejectFilter, Seen, in_words, read_rejects

APPENDER = "rejects"
_APPEND_BYTES = 1_000_000
_EXPECT = """\
those older than the last candle taken of their symbol will be skipped as late, or as duplicates
those that are still no good will be rejected again"""


class RejectReplay:
    """One replay of the `selection`, at most `append_records` in an append."""

    def __init__(self, selection: RejectFilter, append_records: int) -> None:
        self.wanted: set[bytes] = set()
        """Digests of the originals that are still to be sent."""
        self.sent = 0
        self._selection, self._append_records = selection, append_records

    async def look(self, log: Log) -> None:
        """Find out what there is to send, and say so. Raises Unavailable."""
        seen, reasons, cut = Seen(), Counter[str](), 0
        async with aclosing(read_rejects(log, self._selection, seen)) as rejects:
            async for reject in rejects:
                digest = _digest(reject)
                if is_cut(reject):
                    cut += 1
                elif digest not in self.wanted:
                    self.wanted.add(digest)
                    reasons[reject.reason.value] += 1
        for sentence in seen.sentences():
            click.echo(sentence)
        if cut:
            click.echo(f"left out: {cut} too large to have been kept whole")
        if repeated := seen.reasons.total() - cut - reasons.total():
            click.echo(f"left out: {repeated} that stand there more than once")
        if reasons:
            click.echo(f"to send: {in_words(reasons)}\n{_EXPECT}")
        elif cut:
            click.echo("nothing can be sent")

    async def send(self, log: Log) -> None:
        """Append them, each once, those of a partition in their order; say how many. Raises Fenced or Unavailable."""
        all_of_them = len(self.wanted)
        try:
            async with log.appender(APPENDER) as appender:
                await self._send(log, appender)
        finally:
            of = "" if self.sent == all_of_them else f" of {all_of_them}"
            click.echo(f"records sent: {self.sent}{of}")

    async def _send(self, log: Log, appender: Appender) -> None:
        bunch, size = list[KeyValue](), 0
        async with aclosing(read_rejects(log, self._selection, Seen())) as rejects:
            async for reject in rejects:
                if (digest := _digest(reject)) not in self.wanted:  # sent already, or come since the user was asked
                    continue
                self.wanted.remove(digest)
                bunch.append(KeyValue(reject.key, reject.value))
                size += len(reject.key) + len(reject.value)
                if len(bunch) >= self._append_records or size >= _APPEND_BYTES:
                    await self._append(appender, bunch)
                    bunch, size = [], 0
        if bunch:
            await self._append(appender, bunch)

    async def _append(self, appender: Appender, bunch: list[KeyValue]) -> None:
        await appender.append(bunch)
        self.sent += len(bunch)


def _digest(reject: Reject) -> bytes:
    """Of the original; keys and values of all lengths stay apart."""
    return blake2b(b"%d:%b%b" % (len(reject.key), reject.key, reject.value), digest_size=16).digest()

"""The archiver's loop: read three topics, write files, write the commit that names them, and go on. Recovery is a start.

    state of the last commit ─► read from there ─► plan ─► files ─► commit ─┐
            ▲                        ▲───────── it is written ──────────────┤
            └────────── another archiver was faster, or no answer ──────────┘

The commit is one object that is created only if there is none of its number. So of several archivers one writes it, and whoever
is killed before has written nothing that counts. What was read is never committed after a failure: the archive says what it has.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random

from volcast.lifecycle.wording import with_noun
from volcast.log.contract import Log, Mismatch, Topic, Unavailable
from volcast.log.retry import Silence, while_unavailable

from .chain import Overtaken, append_commit, checkpoint, create_archive, load_state
from .commits import ArchiveState, Identity, LostRange, starts
from .plan import ARCHIVED_TOPICS, ArchiveBatch, CommitPlan, is_moved, plan_commit
from .store import ObjectStore, StoreError, StoreRefused, StoreUnavailable
from .topic_reader import TopicReader

_READ_RECORDS = 2_000
_MAX_BATCH_BYTES = 32 * 1024 * 1024
"""Of keys and values. A batch is cut there, however many records were asked for."""
_UPLOADS = 8
"""How many files are written at once."""
_FIRST_EVERY_S = 60.0
"""A bound until a signal has said how long the forecasts' horizon is."""
_REFUSED_PAUSE_S = 30.0
"""Between attempts while a person has to help, as by freeing space: each one reads a batch again."""
_log = logging.getLogger(__name__)


class LostRecords(StoreError):
    """The log has deleted records before they were archived."""


@dataclass(frozen=True, slots=True)
class ArchiverConfig:
    """When a batch ends, and what is done about records that are gone."""

    rows: int = 50_000
    """A batch ends once so many records were read; the last read may have brought some more."""
    every_s: float = 60.0
    """At most so long after the first record that it was read. It is cut to half of the shortest horizon of the signals, so that
    forecasts are sealed before their outcomes are known."""
    accept_loss: bool = False
    """Go on if records are gone, and write which ones into the commit."""
    once: bool = False
    """End when all has been archived that was on the log at the start."""


@dataclass(slots=True)
class ArchiverStats:
    """What the archiver has done since it started."""

    commits: int = 0
    records: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, ARCHIVED_TOPICS), 0))
    files: int = 0
    bytes: int = 0
    overtaken: int = 0
    """How often another archiver's commit was in the way."""
    failures: int = 0
    """How often log or store did not answer, or the store took nothing."""
    lost: int = 0
    """Offsets that the log had deleted before they were archived, which was accepted."""
    last_commit_ms: int | None = None
    archived_all_at_s: float | None = None
    """When all that had been read was in the archive for the last time, by the event loop's clock; at first the start."""
    is_caught_up: bool = False
    last_iteration_s: float | None = None
    """When the loop last went on, by the event loop's clock; None while it waits for the log or the store."""


class Archiver:
    """Archives a log into a store."""

    def __init__(
        self,
        log: Log,
        store: ObjectStore,
        identity: Callable[[int], Identity],
        config: ArchiverConfig,
        *,
        random: Random,
        wall_clock: Callable[[], float],
    ) -> None:
        """`identity` returns what a new archive says of the log, by its number of partitions. `wall_clock` returns seconds since
        1970; `random` draws nonces, so two archivers need different ones.
        """
        self.stats = ArchiverStats()
        self._log, self._store, self._identity, self._config = log, store, identity, config
        self._random, self._wall_clock = random, wall_clock
        self._is_opened = False
        self._now_s: Callable[[], float] = lambda: 0.0
        self.every_s = min(config.every_s, _FIRST_EVERY_S)
        """How long a record waits for its commit at most."""

    async def run(self) -> None:
        """Archive until cancelled, or until all is archived with `once`.

        Waits while the log or the store does not answer, and without `once` also while a store that was in use refuses us. With
        `once` run it within `patience`. Raises LogError, StoreError or ChainError if only a person can help.
        """
        self._now_s = asyncio.get_running_loop().time
        self.stats.archived_all_at_s = self._now_s()
        while True:
            try:
                await while_unavailable("archiver", self._attempt, self._random, lambda: self.stats.commits)
            except Overtaken as overtaken:
                self.stats.overtaken += 1
                _log.warning("%s: going on after it", overtaken)
                if not self._config.once:  # it is at work: there is nothing to do for a while
                    await asyncio.sleep(self._random.uniform(0.5, 1.5) * self.every_s)
                continue
            return

    @property
    def idle_s(self) -> float:
        """Seconds since the loop last went on; 0 while it waits for the log or the store: that is not to be stuck."""
        since_s = self.stats.last_iteration_s
        return 0.0 if since_s is None else self._now_s() - since_s

    @property
    def behind_s(self) -> float:
        """Seconds since all that had been read was in the archive. It grows as well while log or store do not answer."""
        since_s = self.stats.archived_all_at_s
        return 0.0 if since_s is None else self._now_s() - since_s

    async def _attempt(self) -> None:
        """Go on after the last commit. Raises Unavailable if the store or the log does not answer, Overtaken, and others."""
        self.stats.last_iteration_s, self.stats.is_caught_up = None, False
        try:
            async with AsyncExitStack() as stack:
                await self._archive(stack)
        except (Unavailable, StoreUnavailable) as error:
            self.stats.failures += 1
            raise Unavailable(str(error)) from error
        except StoreRefused as error:
            self.stats.failures += 1
            if self._config.once or not self._is_opened:
                raise
            _log.error("%s; trying again in %.0f s", error, _REFUSED_PAUSE_S)  # the sentence says it all
            self.stats.last_iteration_s = None
            await asyncio.sleep(_REFUSED_PAUSE_S)
            raise Unavailable(str(error)) from error

    async def _archive(self, stack: AsyncExitStack) -> None:
        state = await self._opened_state()
        readers = {
            topic: TopicReader(topic, await stack.enter_async_context(self._log.reader(topic, starts(state, topic))), state)
            for topic in ARCHIVED_TOPICS
        }
        now_s = self._now_s
        await self._check_losses(readers)
        for each in readers.values():
            await each.check_begins()
        rows, waiting_since_s, silence = 0, now_s(), Silence("the log")
        while True:
            self.stats.last_iteration_s = now_s()
            await asyncio.gather(*(each.read(min(_READ_RECORDS, self._config.rows - rows)) for each in readers.values()))
            before, rows = rows, sum(len(each.records) for each in readers.values())
            if not rows:
                self.stats.archived_all_at_s = now_s()
            elif not before:
                waiting_since_s = now_s()
            is_done = all(each.reader.caught_up for each in readers.values())
            silence.note(is_heard=is_done or rows > before)
            self.stats.is_caught_up = self.stats.is_caught_up or (is_done and not rows)
            is_full = rows >= self._config.rows or sum(each.size for each in readers.values()) >= _MAX_BATCH_BYTES
            is_due = now_s() - waiting_since_s >= self.every_s or (self._config.once and is_done)
            if is_full or is_due:
                if rows or is_moved(state, {topic: each.reader.positions for topic, each in readers.items()}):
                    await self._commit(state, readers)
                    rows = 0
                if self._config.once and is_done:
                    return
                waiting_since_s = now_s()

    async def _opened_state(self) -> ArchiveState:
        async with self._log.reader(ARCHIVED_TOPICS[0]) as reader:
            wanted = self._identity(len(reader.positions))
        found = await asyncio.to_thread(create_archive, self._store, wanted)
        if (found.log, found.topic_prefix, found.partitions) != (wanted.log, wanted.topic_prefix, wanted.partitions):
            raise Mismatch(
                f"{self._store.root} is the archive of another log: {_described(found)}, but this one is {_described(wanted)}; "
                "choose another root"
            )
        state = await asyncio.to_thread(load_state, self._store)
        self._is_opened = True
        _log.info("archiving to %s after commit %d", self._store.root, state.number)
        return state

    async def _commit(self, state: ArchiveState, readers: Mapping[Topic, TopicReader]) -> None:
        """Write what was read."""
        lost = await self._check_losses(readers)
        batch = ArchiveBatch(
            {topic: each.records for topic, each in readers.items()},
            {topic: each.reader.positions for topic, each in readers.items()},
            lost,
        )
        vouched = await asyncio.to_thread(checkpoint, self._store, state)
        nonce, written_ms = f"{self._random.getrandbits(64):016x}", int(self._wall_clock() * 1_000)
        plan = await asyncio.to_thread(plan_commit, state, batch, nonce, written_ms, vouched)
        await self._upload(plan)
        await asyncio.to_thread(append_commit, self._store, state, plan.commit)
        self._note(batch, plan)
        for each in readers.values():
            each.clear(state)
        if horizon := plan.shortest_horizon_minutes:
            self.every_s = min(self._config.every_s, 30.0 * horizon)

    async def _upload(self, plan: CommitPlan) -> None:
        limit = asyncio.Semaphore(_UPLOADS)

        async def write(name: str, data: bytes) -> None:
            async with limit:
                if not await asyncio.to_thread(self._store.create, name, data):
                    raise StoreError(
                        f"{self._store.root}: {name} is there with other contents: it was changed since it was written"
                    )

        tasks = [asyncio.create_task(write(each.file.name, each.data)) for each in plan.files]
        for failed in [each for each in await asyncio.gather(*tasks, return_exceptions=True) if each is not None]:
            raise failed

    def _note(self, batch: ArchiveBatch, plan: CommitPlan) -> None:
        stats = self.stats
        stats.commits += 1
        stats.files += len(plan.files)
        stats.lost += sum(each.end - each.first for each in batch.lost)
        stats.bytes += sum(len(each.data) for each in plan.files)
        stats.last_commit_ms, stats.archived_all_at_s = plan.commit.written_ms, self._now_s()
        for topic, records in batch.records.items():
            stats.records[topic.value] += len(records)
        count = sum(map(len, batch.records.values()))
        what, files = with_noun(count, "record"), with_noun(len(plan.files), "file")
        _log.info("commit %d: %s in %s", plan.commit.number, what, files)

    async def _check_losses(self, readers: Mapping[Topic, TopicReader]) -> list[LostRange]:
        """Return what the log has deleted before it was archived. Raises LostRecords unless that is accepted."""
        lost = [each for reader in readers.values() for each in await reader.lost()]
        if lost and not self._config.accept_loss:
            ranges = "; ".join(
                f"{each.topic}, partition {each.partition}, offsets {each.first} to {each.end - 1}" for each in lost
            )
            raise LostRecords(
                f"the log has deleted records that are not in {self._store.root}: {ranges}. Go on without them by --accept-loss, "
                "and keep records longer than the archiver may be away: see retention_hours"
            )
        return lost


def _described(identity: Identity) -> str:
    prefix = f" with the topic prefix {identity.topic_prefix}" if identity.topic_prefix else ""
    return f"a log on {identity.log} of {with_noun(identity.partitions, 'partition')}{prefix}"

"""Whether this version can use the state on a log, and whether the log still has the candles that a start would need. Pure."""

from collections import Counter
from collections.abc import Iterator

from consumer.checkpoint import verify_state
from producer.doctor.check import CheckResult, failed, ok, warning
from volcast.core.snapshot import SNAPSHOT_FORMAT, SnapshotError, describe_snapshot
from volcast.log.contract import LogError, Restored

_SHOWN = 3
RESTORE = "restore the log from a backup, or choose another one to start anew"


def check_state(partition: int, state: Restored, end: int) -> Iterator[CheckResult]:
    """Yield the results for the state of a partition whose next candle will get the offset `end`."""
    where = f"partition {partition}"
    try:
        verified = verify_state(state)
    except LogError as error:
        yield failed("state", f"{where}: {error}", RESTORE)
        return
    if not state.snapshots and not verified.position:
        yield ok("state", f"{where}: nothing was consumed yet; {end - state.earliest} records wait")
        return
    if verified.position < state.earliest:
        found = f"{where}: the next candle is {verified.position}, the oldest that is left is {state.earliest}"
        yield failed("retention", found, f"candles were deleted before they were answered: {RESTORE}")
        return
    is_damaged = bool(verified.problems) or (verified.manifest is None and bool(state.snapshots))
    unusable, formats = dict(verified.problems), Counter[str]()
    for key, raw in state.snapshots.items():
        if key.startswith(b"@") or key in unusable:
            continue
        try:
            found_format = describe_snapshot(raw)
            formats[f"format {found_format.format}, River {found_format.versions.get('river', 'unknown')}"] += 1
        except SnapshotError as error:
            unusable[key] = str(error)
    position = f"position {verified.position}, end {end}: {max(end - verified.position, 0)} behind"
    if not unusable and not is_damaged:
        kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(formats.items())) or "none"
        yield ok("state", f"{where}: {position}; snapshots: {kinds}; this version writes format {SNAPSHOT_FORMAT}")
        yield _replay(where, state.earliest, verified.replay_from, verified.position)
        return
    texts = [f"{key.decode(errors='replace')}: {why}" for key, why in list(unusable.items())[:_SHOWN]]
    found = (
        f"{where}: {position}; {len(unusable)} keys can't be used: {'; '.join(texts)}"
        if unusable
        else (f"{where}: {position}; it is not known which keys the state had")
    )
    if state.earliest > 1:
        lacks = f"a rebuild would lack the {state.earliest} candles that the log no longer has: {RESTORE}"
        yield failed("state", found, f"{lacks}; with --rebuild-from-earliest the next start does without them")
    else:
        yield warning(
            "state", found, "the next start rebuilds them from the first candle on, which takes a while; nothing is lost"
        )


def _replay(where: str, earliest: int, replay_from: int, position: int) -> CheckResult:
    if replay_from < earliest:
        found = f"{where}: a start would replay from {replay_from}, the oldest candle that is left is {earliest}"
        return failed("retention", found, f"{earliest - replay_from} candles that the snapshots lack are gone: {RESTORE}")
    deleted = (
        f"; those below {earliest} were deleted, so a change of settings needs --rebuild-from-earliest" if earliest > 1 else ""
    )
    return ok("retention", f"{where}: a start replays {position - replay_from} candles, and the log has them{deleted}")

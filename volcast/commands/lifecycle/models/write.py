"""Writes promotions one after the other, and waits until signals show them.

It stands alone because `promote` and `rollback` write in the same way: a rollback may need several promotions.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from volcast.lifecycle.promotion.promote import Promoted, PromotionRequest, RefusedPromotionError, promote
from volcast.lifecycle.promotion.waiting import Shown, wait_until_shown
from volcast.log.contract import Log


async def write_all(
    log: Log, requests: Iterable[PromotionRequest], tell: Callable[[Promoted], None], *, dry_run: bool
) -> tuple[list[Promoted], str | None]:
    """Write them in order, and tell of each; return those that were written, and why the next one was refused if it was."""
    done: list[Promoted] = []
    for request in requests:
        try:
            done.append(await promote(log, request, lambda: int(time.time() * 1_000), dry_run=dry_run))
        except RefusedPromotionError as error:
            return done, str(error)
        tell(done[-1])
    return done, None


async def wait_for_all(log: Log, done: Sequence[Promoted], timeout_s: float) -> list[Shown]:
    """Wait for each until signals show it, at most so long. A symbol is waited for by the last one that names it."""
    shown = []
    for index, each in enumerate(done):
        later = {symbol for other in done[index + 1 :] for symbol in other.record.symbols}
        shown.append(await wait_until_shown(log, each, timeout_s, time.monotonic, later=later))
    return shown
